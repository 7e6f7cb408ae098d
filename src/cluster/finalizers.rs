//! The operator's finalizer, removed by an object's metadata alone: from an object that this version cannot
//! read, and from all objects when the operator ends.

use std::time::Duration;

use futures::StreamExt;
use kube::api::{Api, ObjectMeta, Patch, PatchParams};
use kube::{Client, Resource};
use serde_json::json;

use super::client::CALL_BOUND;
use super::error::bounded;
use super::kubernetes::WRITE_MANAGER;
use super::port::{ClusterError, ClusterResult};
use super::stores::Stores;
use crate::api::{FINALIZER, TenantResellerUpgrade};

/// Objects that are written at a time.
const AT_ONCE: usize = 8;
/// An object that changes meanwhile is read again so often.
const TRIES: usize = 3;

/// Removes the finalizer from upgrades.
#[derive(Clone)]
pub struct Finalizers {
    client: Client,
}

impl Finalizers {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Removes the finalizer from one upgrade, if it stands there.
    pub async fn remove(&self, seen: &ObjectMeta) -> ClusterResult<()> {
        let (Some(namespace), Some(name)) = (&seen.namespace, &seen.name) else {
            return Ok(());
        };
        let api: Api<TenantResellerUpgrade> = Api::namespaced(self.client.clone(), namespace);
        let mut present = seen.clone();
        for _ in 0..TRIES {
            match patch(&api, name, &present).await {
                Err(ClusterError::Conflict) => {}
                Err(ClusterError::Gone) => return Ok(()),
                answer => return answer,
            }
            match bounded(CALL_BOUND, api.get_metadata(name)).await {
                Ok(read) if read.metadata.uid == seen.uid => present = read.metadata,
                Ok(_) | Err(ClusterError::Gone) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Err(ClusterError::Conflict)
    }

    /// Removes the finalizer from every upgrade, readable or not. To be called when no reconcile runs any
    /// more, so that what is deleted after the operator has ended goes at once.
    pub async fn remove_all(&self, stores: &Stores, within: Duration) {
        let held = stores.with_finalizer();
        let removed = futures::stream::iter(&held)
            .map(|metadata| self.remove(metadata))
            .buffer_unordered(AT_ONCE)
            .for_each(|removed| async {
                if let Err(error) = removed {
                    tracing::warn!(%error, "the finalizer of an upgrade could not be removed");
                }
            });
        if tokio::time::timeout(within, removed).await.is_err() {
            tracing::warn!(
                "not every finalizer could be removed in time; `helm install` again, or \
                 docs/howto/remove.md says how to remove them by hand"
            );
        }
    }
}

async fn patch(
    api: &Api<TenantResellerUpgrade>,
    name: &str,
    seen: &ObjectMeta,
) -> ClusterResult<()> {
    let mut finalizers = seen.finalizers.clone().unwrap_or_default();
    let before = finalizers.len();
    finalizers.retain(|name| name != FINALIZER);
    if finalizers.len() == before {
        return Ok(());
    }
    let patch = json!({
        "apiVersion": TenantResellerUpgrade::api_version(&()),
        "kind": TenantResellerUpgrade::kind(&()),
        "metadata": {
            "uid": seen.uid,
            "resourceVersion": seen.resource_version,
            "finalizers": finalizers,
        },
    });
    let how = PatchParams {
        field_manager: Some(WRITE_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(&patch);
    let written = api.patch_metadata(name, &how, &patch);
    bounded(CALL_BOUND, written).await.map(drop)
}
