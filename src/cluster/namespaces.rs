//! The namespaces that are watched by name: whether each exists, for `/readyz`.
//!
//! A list in a namespace that does not exist is empty, not an error, so a misspelt name would look
//! like a quiet place. Each namespace is therefore read by its name, again and again: it may be made
//! later, and it may go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, ObjectReference};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio_util::sync::CancellationToken;

use super::client::CALL_BOUND;
use super::error::bounded;
use super::port::{ClusterError, ClusterResult};

const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What is awaited of the watched namespaces, in words. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct NamespacesAwaited {
    words: Arc<Mutex<BTreeMap<String, String>>>,
}

impl NamespacesAwaited {
    /// What is awaited; empty if every namespace exists.
    #[must_use]
    pub fn awaited(&self) -> Vec<String> {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        words.values().cloned().collect()
    }

    fn set(&self, namespace: &str, words: Option<String>) {
        let mut all = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(namespace) == words.as_ref() {
            return;
        }
        if let Some(words) = words {
            tracing::warn!("waiting: {words}");
            all.insert(namespace.to_owned(), words);
        } else {
            tracing::info!(namespace, "the watched namespace is there");
            all.remove(namespace);
        }
    }
}

/// Looks at each namespace until `stop`.
pub async fn look(
    client: Client,
    namespaces: BTreeSet<String>,
    awaited: NamespacesAwaited,
    stop: CancellationToken,
) {
    let api: Api<Namespace> = Api::all(client.clone());
    let mut seen = BTreeSet::new();
    loop {
        for namespace in &namespaces {
            let mut found = bounded(CALL_BOUND, api.get_metadata(namespace))
                .await
                .map(drop);
            if matches!(found, Err(ClusterError::Forbidden(_))) {
                // Rights over the whole cluster do not hold the one to read a namespace.
                found = try_event(&client, namespace).await;
            }
            if found.is_ok() {
                seen.insert(namespace.clone());
            }
            match words(namespace, &found, seen.contains(namespace)) {
                Words::Said(words) => awaited.set(namespace, Some(words)),
                Words::Nothing => awaited.set(namespace, None),
                Words::AsBefore => {}
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// Asks whether an event could be written in the namespace, which the operator may do where upgrades
/// are. Nothing is stored (a dry run); the API server says if the namespace is not there.
async fn try_event(client: &Client, namespace: &str) -> ClusterResult<()> {
    let name = "tenant-reseller-operator";
    let event = Event {
        metadata: ObjectMeta {
            generate_name: Some(format!("{name}-")),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        action: Some("Look".to_owned()),
        event_time: Some(MicroTime(Timestamp::now())),
        reason: Some("Look".to_owned()),
        regarding: Some(ObjectReference {
            kind: Some("Namespace".to_owned()),
            name: Some(namespace.to_owned()),
            namespace: Some(namespace.to_owned()),
            ..ObjectReference::default()
        }),
        reporting_controller: Some(name.to_owned()),
        reporting_instance: Some(name.to_owned()),
        type_: Some("Normal".to_owned()),
        ..Event::default()
    };
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    bounded(CALL_BOUND, api.create(&dry, &event))
        .await
        .map(drop)
}

#[derive(Debug, PartialEq, Eq)]
enum Words {
    Said(String),
    Nothing,
    /// The API server could not be asked; the watches tell that.
    AsBefore,
}

fn words(namespace: &str, found: &ClusterResult<()>, was_seen: bool) -> Words {
    match found {
        Err(ClusterError::Gone) => Words::Said(format!(
            "namespace {namespace} does not exist: make it, or take it out of watchNamespaces"
        )),
        // Rights that people gave in their own way may lack this one. The watches tell whether those
        // that matter are there, unless the namespace has just gone with its rights.
        Err(ClusterError::Forbidden(said)) if was_seen => Words::Said(format!(
            "namespace {namespace} may not be read any more: was it deleted, or the operator's \
             RoleBinding in it? ({said})"
        )),
        Ok(()) | Err(ClusterError::Forbidden(_)) => Words::Nothing,
        Err(
            ClusterError::Unavailable(_)
            | ClusterError::Busy { .. }
            | ClusterError::Exists
            | ClusterError::Conflict
            | ClusterError::Invalid(_),
        ) => Words::AsBefore,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_that_is_not_there_is_named() {
        let said = |found: ClusterResult<()>, was_seen| match words("b", &found, was_seen) {
            Words::Said(words) => words,
            other @ (Words::Nothing | Words::AsBefore) => format!("{other:?}"),
        };
        let forbidden = || Err(ClusterError::Forbidden("no".into()));
        assert!(said(Err(ClusterError::Gone), false).contains("namespace b does not exist"));
        assert!(said(forbidden(), true).contains("namespace b may not be read any more"));
        assert_eq!(said(forbidden(), false), "Nothing");
        assert_eq!(said(Ok(()), true), "Nothing");
        let away = Err(ClusterError::Unavailable("away".into()));
        assert_eq!(said(away, true), "AsBefore");
    }
}
