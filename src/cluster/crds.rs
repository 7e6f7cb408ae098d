//! Waiting for the custom resources: an operator that was installed before its CRDs waits for
//! them and says so; to restart would not install them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use tokio_util::sync::CancellationToken;

use super::client::CALL_BOUND;
use super::error::bounded;
use super::port::{ClusterError, ClusterResult};
use crate::api::{GROUP, VERSION};

/// The kinds that the operator works with, as paths name them.
const KINDS: [&str; 5] = [
    "bssconnections",
    "customerpricings",
    "resellerclaims",
    "tenantresellerupgrades",
    "upgradereports",
];

const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What is awaited of the custom resources, in words, for `/readyz`.
#[derive(Clone, Debug)]
pub struct KindsAwaited {
    words: Arc<Mutex<Option<String>>>,
}

impl Default for KindsAwaited {
    fn default() -> Self {
        Self {
            words: Arc::new(Mutex::new(Some("the API server's list of kinds".into()))),
        }
    }
}

impl KindsAwaited {
    /// What is awaited; `None` once all kinds are served.
    #[must_use]
    pub fn awaited(&self) -> Option<String> {
        self.words
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Sets what is awaited; true if that is news.
    fn set(&self, words: Option<String>) -> bool {
        let mut there = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let news = *there != words;
        *there = words;
        news
    }
}

/// Waits until the API server serves every kind of the group, or until `stop`. Every authenticated
/// client may ask for that, so it needs no RBAC of its own.
pub async fn wait(client: &Client, awaited: &KindsAwaited, stop: &CancellationToken) {
    loop {
        let words = match missing(client).await {
            Ok(missing) if missing.is_empty() => None,
            Ok(missing) => Some(format!(
                "CRDs not installed: {}",
                missing
                    .iter()
                    .map(|kind| format!("{kind}.{GROUP}"))
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
            Err(error) => Some(format!("the API server's list of kinds: {error}")),
        };
        if awaited.set(words.clone()) {
            if let Some(words) = &words {
                tracing::warn!("waiting: {words}");
            } else {
                tracing::info!("all kinds are served");
            }
        }
        if words.is_none() {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// The kinds that are not served.
async fn missing(client: &Client) -> ClusterResult<BTreeSet<&'static str>> {
    let group = format!("{GROUP}/{VERSION}");
    let served = match bounded(CALL_BOUND, client.list_api_group_resources(&group)).await {
        Ok(list) => list.resources.into_iter().map(|kind| kind.name).collect(),
        // Not even the group is there: with the first CRD it will be.
        Err(ClusterError::Gone) => BTreeSet::new(),
        Err(ClusterError::Unavailable(said)) if said.contains("does not serve") => BTreeSet::new(),
        Err(error) => return Err(error),
    };
    Ok(KINDS
        .into_iter()
        .filter(|kind| !served.contains(*kind))
        .collect())
}
