//! Events about upgrades, `events.k8s.io/v1`.
//!
//! kube-rs' own recorder compares everything but the note and repeats the first note for ever, so
//! that later, different causes never show. Here a series is only what is equal in every word.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Client, Resource, ResourceExt};
use serde_json::json;
use tokio::time::Instant;

use super::error::bounded;
use super::kubernetes::WRITE_MANAGER;
use super::port::{ClusterError, ClusterResult, Event, EventKind};
use crate::api::TenantResellerUpgrade;

/// An event must never hold work up for long.
const BOUND: Duration = Duration::from_secs(5);
/// A repeat after so long is told anew. Shorter than the hour that API servers keep events.
const SERIES: Duration = Duration::from_mins(30);
/// Series that are remembered; the oldest are forgotten first.
const REMEMBERED: usize = 1024;
/// What the API server accepts as a note, and as the name of an instance.
const NOTE_BYTES: usize = 1024;
const INSTANCE_BYTES: usize = 128;

/// Equal in every word.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    uid: String,
    kind: &'static str,
    reason: &'static str,
    note: String,
}

#[derive(Clone, Debug)]
struct Series {
    event: String,
    count: i32,
    last: Instant,
}

/// Publishes events: best effort, bounded in time.
pub struct Recorder {
    client: Client,
    instance: String,
    series: Mutex<HashMap<Key, Series>>,
}

impl Recorder {
    /// A recorder that signs as `instance`, the name of the pod.
    #[must_use]
    pub fn new(client: Client, instance: String) -> Self {
        Self {
            client,
            instance: cut(instance, INSTANCE_BYTES),
            series: Mutex::default(),
        }
    }

    /// Publishes an event about an upgrade, or counts it if it repeats one word by word. A failure
    /// is logged and forgotten.
    pub async fn publish(&self, about: &TenantResellerUpgrade, event: Event) {
        let key = Key {
            uid: about.uid().unwrap_or_default(),
            kind: match event.kind {
                EventKind::Normal => "Normal",
                EventKind::Warning => "Warning",
            },
            reason: event.reason.as_str(),
            note: cut(event.note, NOTE_BYTES),
        };
        let namespace = about.namespace().unwrap_or_else(|| "default".to_owned());
        let api: Api<v1::Event> = Api::namespaced(self.client.clone(), &namespace);
        match self.send(&api, about, &key).await {
            Ok(series) => self.remember(key, series),
            Err(error) => tracing::warn!(reason = key.reason, %error, "event not published"),
        }
    }

    async fn send(
        &self,
        api: &Api<v1::Event>,
        about: &TenantResellerUpgrade,
        key: &Key,
    ) -> ClusterResult<Series> {
        // Taken out while the call runs: two equal events at a time then make two events, which is
        // harmless, and nothing is locked over a call.
        if let Some(mut series) = self.recall(key) {
            series.count = series.count.saturating_add(1);
            series.last = Instant::now();
            match self.repeat(api, &series).await {
                Ok(()) => return Ok(series),
                // It expired in the API server meanwhile.
                Err(ClusterError::Gone) => {}
                Err(error) => return Err(error),
            }
        }
        self.tell(api, about, key).await
    }

    async fn repeat(&self, api: &Api<v1::Event>, series: &Series) -> ClusterResult<()> {
        let patch = json!({
            "series": {
                "count": series.count,
                "lastObservedTime": MicroTime(Timestamp::now()),
            },
        });
        let how = PatchParams {
            field_manager: Some(WRITE_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        bounded(BOUND, api.patch(&series.event, &how, &Patch::Merge(&patch)))
            .await
            .map(drop)
    }

    async fn tell(
        &self,
        api: &Api<v1::Event>,
        about: &TenantResellerUpgrade,
        key: &Key,
    ) -> ClusterResult<Series> {
        let event = v1::Event {
            metadata: ObjectMeta {
                name: Some(self.name(about, key)),
                namespace: about.namespace(),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(Timestamp::now())),
            reporting_controller: Some(WRITE_MANAGER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            action: Some("Upgrade".to_owned()),
            reason: Some(key.reason.to_owned()),
            note: Some(key.note.clone()),
            type_: Some(key.kind.to_owned()),
            regarding: Some(regarding(about)),
            ..v1::Event::default()
        };
        let how = PostParams {
            field_manager: Some(WRITE_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let made = bounded(BOUND, api.create(&how, &event)).await?;
        Ok(Series {
            event: made.name_any(),
            count: 1,
            last: Instant::now(),
        })
    }

    /// The upgrade's name and something that no other event has.
    fn name(&self, about: &TenantResellerUpgrade, key: &Key) -> String {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let unique = series.hasher().hash_one((key, Timestamp::now()));
        let head: String = about.name_any().chars().take(200).collect();
        format!("{}.{unique:016x}", head.trim_end_matches(['.', '-']))
    }

    fn recall(&self, key: &Key) -> Option<Series> {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        series
            .remove(key)
            .filter(|series| series.last.elapsed() < SERIES)
    }

    fn remember(&self, key: Key, told: Series) {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if series.len() >= REMEMBERED {
            series.retain(|_, series| series.last.elapsed() < SERIES);
        }
        if series.len() >= REMEMBERED
            && let Some(oldest) = series
                .iter()
                .min_by_key(|(_, series)| series.last)
                .map(|(key, _)| key.clone())
        {
            series.remove(&oldest);
        }
        series.insert(key, told);
    }
}

fn regarding(about: &TenantResellerUpgrade) -> ObjectReference {
    ObjectReference {
        api_version: Some(TenantResellerUpgrade::api_version(&()).into_owned()),
        kind: Some(TenantResellerUpgrade::kind(&()).into_owned()),
        namespace: about.namespace(),
        name: about.metadata.name.clone(),
        uid: about.uid(),
        resource_version: about.resource_version(),
        ..ObjectReference::default()
    }
}

/// Cuts a text to at most `bytes` bytes on a character boundary.
fn cut(mut text: String, bytes: usize) -> String {
    let end = text.floor_char_boundary(bytes);
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_cut_between_characters() {
        assert_eq!(cut("short".into(), 1024), "short");
        let cut = cut("é".repeat(600), 1023);
        assert_eq!((cut.len(), cut.chars().count()), (1022, 511));
    }
}
