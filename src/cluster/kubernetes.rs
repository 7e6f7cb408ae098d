//! The cluster port on a real API server.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{
    Api, DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions,
};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource, ResourceExt};
use secrecy::SecretSlice;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::client::{CALL_BOUND, Clients};
use super::error::bounded;
use super::events::Recorder;
use super::lease::Leadership;
use super::port::{Cluster, ClusterError, ClusterResult, Event, Finalizer, SecretView};
use super::stores::Stores;
use super::writes::{Precedence, Writes};
use crate::api::{
    BssConnection, BssConnectionStatus, ConditionList as _, ConditionType, CustomerPricing,
    CustomerPricingStatus, FINALIZER, ResellerClaim, TenantResellerUpgrade,
    TenantResellerUpgradeStatus, UpgradeReport,
};

/// The field manager of everything that the operator writes but status.
pub const WRITE_MANAGER: &str = "tenant-reseller-operator";
/// The field manager of status.
pub const STATUS_MANAGER: &str = "tenant-reseller-operator/status";
/// On a report: the uid of the upgrade that owns it. Reports are found by it.
pub const UPGRADE_UID_LABEL: &str = "tenantreseller.io/upgrade-uid";

/// Who the operator is in this cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The operator's own namespace: claims and the lease live there.
    pub namespace: String,
    /// The uid of that namespace.
    pub uid: String,
    /// The name of this pod or process, for events.
    pub instance: String,
}

impl Installation {
    /// Looks the operator's namespace up.
    ///
    /// Fails as the port's calls do; [`ClusterError::Gone`] if there is no such namespace.
    pub async fn look_up(
        clients: &Clients,
        namespace: &str,
        instance: &str,
    ) -> ClusterResult<Self> {
        let api: Api<Namespace> = Api::all(clients.calls.clone());
        let found = bounded(CALL_BOUND, api.get(namespace)).await?;
        Ok(Self {
            namespace: namespace.to_owned(),
            uid: found
                .uid()
                .ok_or_else(|| ClusterError::Unavailable("a namespace without a uid".into()))?,
            instance: instance.to_owned(),
        })
    }
}

/// The real cluster.
pub struct KubeCluster {
    client: Client,
    stores: Stores,
    leadership: Leadership,
    installation: Installation,
    writes: Writes,
    recorder: Recorder,
}

impl KubeCluster {
    /// Puts the port together.
    #[must_use]
    pub fn new(
        clients: &Clients,
        stores: Stores,
        leadership: Leadership,
        installation: Installation,
    ) -> Self {
        Self {
            client: clients.calls.clone(),
            stores,
            leadership,
            writes: Writes::default(),
            recorder: Recorder::new(clients.calls.clone(), installation.instance.clone()),
            installation,
        }
    }

    fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Waits until the events that were published are sent, at most so long.
    pub async fn events_sent(&self, bound: Duration) {
        self.recorder.sent(bound).await;
    }

    /// A write that can wait for others.
    fn in_turn<'a, T: Send + 'a>(
        &'a self,
        write: impl Future<Output = Result<T, kube::Error>> + Send + 'a,
    ) -> impl Future<Output = ClusterResult<T>> + Send + 'a {
        self.write(Precedence::InTurn, write)
    }

    /// Makes a write when its turn has come, if this process still leads then: not every write has a guard that
    /// tells it from the writes of another leader. Boxed, because many wait and a request is large.
    fn write<'a, T: Send + 'a>(
        &'a self,
        precedence: Precedence,
        write: impl Future<Output = Result<T, kube::Error>> + Send + 'a,
    ) -> impl Future<Output = ClusterResult<T>> + Send + 'a {
        let write = Box::pin(async move {
            if !self.leadership.leads() {
                let said = "this process lost the lease before its write".to_owned();
                return Err(ClusterError::Unavailable(said));
            }
            bounded(CALL_BOUND, write).await
        });
        self.writes.during(precedence, write)
    }

    fn claims(&self) -> Api<ResellerClaim> {
        self.api(&self.installation.namespace)
    }

    async fn apply_status_of<K, S>(
        &self,
        seen: &K,
        status: &S,
        precedence: Precedence,
    ) -> ClusterResult<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + Debug + DeserializeOwned + Send + Sync,
        S: Serialize + Sync,
    {
        let place = Place::of(seen)?;
        let status = serde_json::to_value(status)
            .map_err(|error| ClusterError::Invalid(error.to_string()))?;
        let patch = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": place.guard(),
            "status": status,
        });
        let api: Api<K> = self.api(&place.namespace);
        let how = PatchParams::apply(STATUS_MANAGER).force();
        let patch = Patch::Apply(&patch);
        let call = api.patch_status(&place.name, &how, &patch);
        let written = self.write(precedence, call).await?;
        Ok(pruned(written))
    }
}

/// Of an upgrade that shows no `Ready` yet, nothing is told.
fn precedence(seen: &TenantResellerUpgrade) -> Precedence {
    let status = seen.status.as_ref();
    match status.and_then(|status| status.conditions.condition(ConditionType::Ready)) {
        Some(_) => Precedence::InTurn,
        None => Precedence::First,
    }
}

/// Where an object is and which one it is, as a writer must know it.
struct Place {
    namespace: String,
    name: String,
    uid: String,
    version: String,
}

impl Place {
    /// Only what came from the API server has all of it; a write without a guard is never sent.
    fn of<K: Resource>(seen: &K) -> ClusterResult<Self> {
        let lacks = |what: &str| ClusterError::Invalid(format!("an object without {what}"));
        let meta = seen.meta();
        Ok(Self {
            namespace: meta.namespace.clone().ok_or_else(|| lacks("namespace"))?,
            name: meta.name.clone().ok_or_else(|| lacks("name"))?,
            uid: meta.uid.clone().ok_or_else(|| lacks("uid"))?,
            version: meta
                .resource_version
                .clone()
                .ok_or_else(|| lacks("resourceVersion"))?,
        })
    }

    /// The resource version is what guards: no two states of any object ever share one. The uid
    /// goes along for readers of the request; on a status the API server ignores it.
    fn guard(&self) -> Value {
        json!({
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
            "resourceVersion": self.version,
        })
    }
}

/// The operator does not read managedFields, and they are most of an object's memory.
fn pruned<K: Resource>(mut object: K) -> K {
    object.meta_mut().managed_fields = None;
    object
}

fn none_if_gone<T>(answer: ClusterResult<T>) -> ClusterResult<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(ClusterError::Gone) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The metadata of a report page: owned by the upgrade, so that it goes with it, and labelled, so
/// that it is found. The name is the upgrade's with `suffix`; a long name is cut and told apart by
/// its uid.
#[must_use]
pub fn report_metadata(upgrade: &TenantResellerUpgrade, suffix: &str) -> ObjectMeta {
    let uid = upgrade.uid().unwrap_or_default();
    let name = upgrade.name_any();
    // Names are at most 253 bytes of ASCII.
    let name = if name.len().saturating_add(suffix.len()) < 250 {
        format!("{name}-{suffix}")
    } else {
        let head: String = name.chars().take(150).collect();
        format!("{}-{uid}-{suffix}", head.trim_end_matches(['.', '-']))
    };
    ObjectMeta {
        name: Some(name),
        namespace: upgrade.namespace(),
        labels: Some(BTreeMap::from([(
            UPGRADE_UID_LABEL.to_owned(),
            uid.clone(),
        )])),
        owner_references: Some(vec![OwnerReference {
            api_version: TenantResellerUpgrade::api_version(&()).into_owned(),
            kind: TenantResellerUpgrade::kind(&()).into_owned(),
            name: upgrade.name_any(),
            uid,
            controller: Some(true),
            block_owner_deletion: None,
        }]),
        ..ObjectMeta::default()
    }
}

fn view(secret: Secret) -> SecretView {
    let hidden = |(key, ByteString(bytes)): (String, ByteString)| (key, SecretSlice::from(bytes));
    SecretView {
        resource_version: secret.resource_version().unwrap_or_default(),
        annotations: secret.metadata.annotations.unwrap_or_default(),
        data: secret
            .data
            .unwrap_or_default()
            .into_iter()
            .map(hidden)
            .collect(),
    }
}

impl Cluster for KubeCluster {
    async fn upgrade(
        &self,
        namespace: &str,
        name: &str,
    ) -> ClusterResult<Option<TenantResellerUpgrade>> {
        let api: Api<TenantResellerUpgrade> = self.api(namespace);
        Ok(none_if_gone(bounded(CALL_BOUND, api.get(name)).await)?.map(pruned))
    }

    fn latest(&self, namespace: &str, name: &str) -> Option<Arc<TenantResellerUpgrade>> {
        self.stores.upgrade(namespace, name)
    }

    fn connection(&self, namespace: &str, name: &str) -> Option<BssConnection> {
        self.stores.connection(namespace, name)
    }

    async fn secret(&self, namespace: &str, name: &str) -> ClusterResult<Option<SecretView>> {
        let api: Api<Secret> = self.api(namespace);
        Ok(none_if_gone(bounded(CALL_BOUND, api.get(name)).await)?.map(view))
    }

    fn unreadable_pricing(&self, namespace: &str) -> Vec<String> {
        self.stores.unreadable_pricing(namespace)
    }

    fn connection_is_readable(&self, namespace: &str, name: &str) -> bool {
        self.stores.connection_is_readable(namespace, name)
    }

    async fn pricing_of(
        &self,
        namespace: &str,
        upgrade: &str,
    ) -> ClusterResult<Vec<CustomerPricing>> {
        Ok(self.stores.pricing_of(namespace, upgrade))
    }

    async fn claim(&self, name: &str) -> ClusterResult<Option<ResellerClaim>> {
        Ok(none_if_gone(bounded(CALL_BOUND, self.claims().get(name)).await)?.map(pruned))
    }

    async fn create_claim(&self, claim: &ResellerClaim) -> ClusterResult<ResellerClaim> {
        let mut claim = claim.clone();
        claim.metadata.namespace = Some(self.installation.namespace.clone());
        claim.metadata.resource_version = None;
        let (claims, how) = (self.claims(), by_us());
        let made = self.in_turn(claims.create(&how, &claim)).await?;
        Ok(pruned(made))
    }

    async fn replace_claim(&self, claim: &ResellerClaim) -> ClusterResult<ResellerClaim> {
        // Without a resource version the API server would overwrite whatever is there.
        let place = Place::of(claim)?;
        let (claims, how) = (self.claims(), by_us());
        let written = claims.replace(&place.name, &how, claim);
        let written = self.in_turn(written).await?;
        Ok(pruned(written))
    }

    async fn apply_status(
        &self,
        seen: &TenantResellerUpgrade,
        status: &TenantResellerUpgradeStatus,
    ) -> ClusterResult<TenantResellerUpgrade> {
        self.apply_status_of(seen, status, precedence(seen)).await
    }

    async fn apply_connection_status(
        &self,
        seen: &BssConnection,
        status: &BssConnectionStatus,
    ) -> ClusterResult<()> {
        let written = self.apply_status_of(seen, status, Precedence::InTurn);
        written.await.map(drop)
    }

    async fn apply_pricing_status(
        &self,
        seen: &CustomerPricing,
        status: &CustomerPricingStatus,
    ) -> ClusterResult<()> {
        let written = self.apply_status_of(seen, status, Precedence::InTurn);
        written.await.map(drop)
    }

    async fn reports_of(
        &self,
        upgrade: &TenantResellerUpgrade,
    ) -> ClusterResult<Vec<UpgradeReport>> {
        let place = Place::of(upgrade)?;
        let api: Api<UpgradeReport> = self.api(&place.namespace);
        let theirs = ListParams::default().labels(&format!("{UPGRADE_UID_LABEL}={}", place.uid));
        let found = bounded(CALL_BOUND, api.list(&theirs)).await?;
        Ok(found.items.into_iter().map(pruned).collect())
    }

    async fn apply_report(&self, report: &UpgradeReport) -> ClusterResult<()> {
        let (Some(namespace), Some(name)) = (report.namespace(), &report.metadata.name) else {
            return Err(ClusterError::Invalid("a report without a place".into()));
        };
        if !report.labels().contains_key(UPGRADE_UID_LABEL) {
            return Err(ClusterError::Invalid(
                "a report without its upgrade's label would never be found again".into(),
            ));
        }
        let applied = json!({
            "apiVersion": UpgradeReport::api_version(&()),
            "kind": UpgradeReport::kind(&()),
            "metadata": {
                "namespace": namespace,
                "name": name,
                "labels": report.metadata.labels,
                "ownerReferences": report.metadata.owner_references,
            },
            "spec": report.spec,
        });
        let api: Api<UpgradeReport> = self.api(&namespace);
        let how = PatchParams::apply(WRITE_MANAGER).force();
        let applied = Patch::Apply(&applied);
        let written = self.in_turn(api.patch(name, &how, &applied));
        written.await.map(drop)
    }

    async fn delete_report(&self, report: &UpgradeReport) -> ClusterResult<()> {
        let (Some(namespace), Some(name)) = (report.namespace(), &report.metadata.name) else {
            return Err(ClusterError::Invalid("a report without a place".into()));
        };
        let api: Api<UpgradeReport> = self.api(&namespace);
        // Another page may have taken the name meanwhile.
        let how = DeleteParams::default().preconditions(Preconditions {
            uid: report.uid(),
            resource_version: None,
        });
        none_if_gone(self.in_turn(api.delete(name, &how)).await).map(drop)
    }

    async fn set_finalizer(
        &self,
        seen: &TenantResellerUpgrade,
        wanted: Finalizer,
    ) -> ClusterResult<TenantResellerUpgrade> {
        let mut finalizers: Vec<&str> = seen.finalizers().iter().map(String::as_str).collect();
        let stands = finalizers.contains(&FINALIZER);
        match (wanted, stands) {
            (Finalizer::Present, true) | (Finalizer::Absent, false) => return Ok(seen.clone()),
            (Finalizer::Present, false) => finalizers.push(FINALIZER),
            (Finalizer::Absent, true) => finalizers.retain(|name| *name != FINALIZER),
        }
        let place = Place::of(seen)?;
        // The whole list is written, which the resource version makes safe; a conflict is then a
        // 409, where a failed test of a JSON patch would be a 422 like a refused object.
        let patch = json!({
            "metadata": {
                "uid": place.uid,
                "resourceVersion": place.version,
                "finalizers": finalizers,
            },
        });
        let api: Api<TenantResellerUpgrade> = self.api(&place.namespace);
        let how = PatchParams {
            field_manager: Some(WRITE_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(&patch);
        let written = self.in_turn(api.patch(&place.name, &how, &patch)).await?;
        Ok(pruned(written))
    }

    async fn publish(&self, about: &TenantResellerUpgrade, event: Event) {
        self.recorder.publish(about, event);
    }

    fn leads(&self) -> bool {
        self.leadership.leads()
    }

    fn term(&self) -> u64 {
        self.leadership.term()
    }

    fn installation(&self) -> &str {
        &self.installation.uid
    }
}

fn by_us() -> PostParams {
    PostParams {
        field_manager: Some(WRITE_MANAGER.to_owned()),
        ..PostParams::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_every_key_and_prints_none() {
        let secret: Secret = serde_json::from_value(json!({
            "metadata": { "name": "s", "resourceVersion": "7", "annotations": { "a": "b" } },
            // "hunter2", and two bytes that are no UTF-8.
            "data": { "token": "aHVudGVyMg==", "binary": "/v8=" },
        }))
        .expect("a secret");
        let seen = view(secret);
        assert_eq!(seen.data.keys().collect::<Vec<_>>(), ["binary", "token"]);
        assert_eq!(seen.resource_version, "7");
        assert_eq!(seen.annotations["a"], "b");
        assert!(!format!("{seen:?}").contains("hunter2"));
    }

    #[test]
    fn a_write_without_a_guard_is_never_sent() {
        let unseen = ResellerClaim::new(
            "x",
            serde_json::from_value(json!({
                "bssIdentity": "acme",
                "resellerAccountId": "1",
                "holder": { "namespace": "n", "name": "c", "uid": "u" },
            }))
            .expect("a claim"),
        );
        assert!(matches!(Place::of(&unseen), Err(ClusterError::Invalid(_))));
    }

    fn upgrade() -> TenantResellerUpgrade {
        serde_json::from_value(json!({
            "apiVersion": "tenantreseller.io/v1alpha1",
            "kind": "TenantResellerUpgrade",
            "metadata": { "name": "contoso", "namespace": "n", "uid": "u-1" },
            "spec": {
                "connectionRef": { "name": "d" },
                "reseller": { "accountId": "1" },
                "tenant": {
                    "priceList": "p", "edition": "e", "language": "en", "timeZone": "UTC",
                    "dateFormat": "d", "invoicing": "Combined",
                },
            },
        }))
        .expect("an upgrade")
    }

    #[test]
    fn a_status_goes_first_until_one_tells_whether_the_upgrade_is_ready() {
        let mut upgrade = upgrade();
        assert_eq!(precedence(&upgrade), Precedence::First);
        for (condition, wanted) in [
            ("PricingReady", Precedence::First),
            ("Ready", Precedence::InTurn),
        ] {
            let status = json!({ "conditions": [{
                "type": condition, "status": "False", "reason": "Progressing", "message": "m",
                "lastTransitionTime": "2026-12-05T20:00:00Z", "observedGeneration": 1,
            }] });
            upgrade.status = Some(serde_json::from_value(status).expect("a status"));
            assert_eq!(precedence(&upgrade), wanted, "{condition}");
        }
    }

    #[test]
    fn a_report_name_fits() {
        let mut upgrade = upgrade();
        let named = report_metadata(&upgrade, "blockers-1");
        assert_eq!(named.name.as_deref(), Some("contoso-blockers-1"));
        assert_eq!(named.labels.expect("labels")[UPGRADE_UID_LABEL], "u-1");
        upgrade.metadata.name = Some("a".repeat(253));
        let named = report_metadata(&upgrade, "blockers-1")
            .name
            .expect("a name");
        assert!(named.len() <= 253 && named.ends_with("-u-1-blockers-1"));
    }
}
