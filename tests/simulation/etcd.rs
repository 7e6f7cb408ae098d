//! What a cluster stores, with the rules of its API server that the operator rests on: resource
//! versions, uids, generations, finalizers.
//!
//! It knows no faults and no time: those are the port's.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::api::ObjectMeta;
use tenant_reseller_operator::api::{
    ALLOWED_HOSTS_ANNOTATION, BssConnection, BssConnectionStatus, CustomerPricing,
    CustomerPricingSpec, CustomerPricingStatus, DeclaredPricing, FINALIZER, ResellerClaim,
    TenantResellerUpgrade, TenantResellerUpgradeStatus, UpgradeRef, UpgradeReport,
};
use tenant_reseller_operator::cluster::port::{ClusterError, ClusterResult, Finalizer, SecretView};

/// Namespace and name.
pub(crate) type Key = (String, String);

/// One cluster's objects. A clone is a snapshot.
#[derive(Clone, Default)]
pub(crate) struct Etcd {
    /// Shared with every process that saw one, until it changes.
    pub(crate) upgrades: BTreeMap<Key, Arc<TenantResellerUpgrade>>,
    pub(crate) connections: BTreeMap<Key, BssConnection>,
    pub(crate) secrets: BTreeMap<Key, String>,
    pub(crate) pricing: BTreeMap<Key, CustomerPricing>,
    pub(crate) claims: BTreeMap<String, ResellerClaim>,
    pub(crate) reports: BTreeMap<Key, UpgradeReport>,
    pub(crate) revision: u64,
    pub(crate) uids: u64,
    /// So that objects of two clusters, and those made again after a restore, differ in their uids.
    pub(crate) lives: String,
}

pub(crate) fn key(meta: &ObjectMeta) -> Key {
    (
        meta.namespace.clone().unwrap_or_default(),
        meta.name.clone().unwrap_or_default(),
    )
}

fn version(meta: &ObjectMeta) -> Option<&str> {
    meta.resource_version.as_deref()
}

impl Etcd {
    fn bump(&mut self) -> String {
        self.revision += 1;
        self.revision.to_string()
    }

    fn created(&mut self, meta: &mut ObjectMeta) {
        self.uids += 1;
        meta.uid = Some(format!("{}-{}", self.lives, self.uids));
        meta.generation = Some(1);
        meta.resource_version = Some(self.bump());
    }

    /// A person applies an upgrade: made if it is not there, else its spec is brought to this.
    pub(crate) fn apply(&mut self, mut upgrade: TenantResellerUpgrade) {
        let key = key(&upgrade.metadata);
        if let Some(mut shared) = self.upgrades.remove(&key) {
            if shared.spec != upgrade.spec {
                let there = Arc::make_mut(&mut shared);
                there.spec = upgrade.spec;
                there.metadata.generation = there.metadata.generation.map(|n| n + 1);
                there.metadata.resource_version = Some(self.bump());
            }
            self.upgrades.insert(key, shared);
        } else {
            self.created(&mut upgrade.metadata);
            self.upgrades.insert(key, Arc::new(upgrade));
        }
    }

    /// A person sets an annotation, or takes it away.
    pub(crate) fn annotate(&mut self, key: &Key, name: &str, value: Option<&str>) {
        let version = self.bump();
        if let Some(upgrade) = self.upgrades.get_mut(key).map(Arc::make_mut) {
            let annotations = upgrade.metadata.annotations.get_or_insert_default();
            match value {
                Some(value) => annotations.insert(name.to_owned(), value.to_owned()),
                None => annotations.remove(name),
            };
            upgrade.metadata.resource_version = Some(version);
        }
    }

    /// A person deletes an upgrade.
    pub(crate) fn delete(&mut self, key: &Key) {
        let version = self.bump();
        let Some(upgrade) = self.upgrades.get_mut(key) else {
            return;
        };
        if upgrade
            .metadata
            .finalizers
            .iter()
            .flatten()
            .next()
            .is_none()
        {
            self.end(key);
        } else if upgrade.metadata.deletion_timestamp.is_none() {
            let upgrade = Arc::make_mut(upgrade);
            let at = jiff::Timestamp::UNIX_EPOCH;
            upgrade.metadata.deletion_timestamp =
                Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at));
            upgrade.metadata.resource_version = Some(version);
        }
    }

    fn end(&mut self, key: &Key) {
        if let Some(gone) = self.upgrades.remove(key) {
            // The garbage collector's part.
            self.reports.retain(|_, report| {
                let owners = report.metadata.owner_references.iter().flatten();
                !owners
                    .into_iter()
                    .any(|owner| Some(&owner.uid) == gone.metadata.uid.as_ref())
            });
        }
    }

    pub(crate) fn put_connection(&mut self, mut connection: BssConnection) {
        self.created(&mut connection.metadata);
        let key = key(&connection.metadata);
        self.connections.insert(key, connection);
    }

    /// A person declares the pricing options of customers, if there are any to declare.
    pub(crate) fn declare(
        &mut self,
        upgrade: &TenantResellerUpgrade,
        customers: &[DeclaredPricing],
    ) {
        if customers.is_empty() {
            return;
        }
        let name = upgrade.metadata.name.clone().unwrap_or_default();
        let spec = CustomerPricingSpec {
            upgrade_ref: UpgradeRef { name: name.clone() },
            customers: customers.to_vec(),
        };
        let mut pricing = CustomerPricing::new(&name, spec);
        pricing
            .metadata
            .namespace
            .clone_from(&upgrade.metadata.namespace);
        self.created(&mut pricing.metadata);
        self.pricing.insert(key(&pricing.metadata), pricing);
    }

    pub(crate) fn secret(&self, key: &Key) -> Option<SecretView> {
        let token = self.secrets.get(key)?;
        Some(SecretView {
            annotations: BTreeMap::from([(
                ALLOWED_HOSTS_ANNOTATION.to_owned(),
                "bss.example".to_owned(),
            )]),
            data: BTreeMap::from([("token".to_owned(), token.clone().into_bytes().into())]),
            resource_version: "1".to_owned(),
        })
    }

    fn own(&mut self, seen: &ObjectMeta) -> ClusterResult<&mut Arc<TenantResellerUpgrade>> {
        let there = self.upgrades.get_mut(&key(seen));
        let there = there.ok_or(ClusterError::Gone)?;
        if there.metadata.uid != seen.uid || version(&there.metadata) != version(seen) {
            return Err(ClusterError::Conflict);
        }
        Ok(there)
    }

    pub(crate) fn apply_status(
        &mut self,
        seen: &ObjectMeta,
        status: &TenantResellerUpgradeStatus,
    ) -> ClusterResult<TenantResellerUpgrade> {
        let there = self.own(seen)?;
        if there.status.as_ref() == Some(status) {
            return Ok(TenantResellerUpgrade::clone(there));
        }
        let version = self.bump();
        let there = Arc::make_mut(self.own(seen)?);
        there.status = Some(status.clone());
        there.metadata.resource_version = Some(version);
        Ok(there.clone())
    }

    pub(crate) fn set_finalizer(
        &mut self,
        seen: &ObjectMeta,
        wanted: Finalizer,
    ) -> ClusterResult<TenantResellerUpgrade> {
        self.own(seen)?;
        let version = self.bump();
        let there = Arc::make_mut(self.own(seen)?);
        there.metadata.resource_version = Some(version);
        there.metadata.finalizers = match wanted {
            Finalizer::Present => Some(vec![FINALIZER.to_owned()]),
            Finalizer::Absent => None,
        };
        let after = there.clone();
        if wanted == Finalizer::Absent && after.metadata.deletion_timestamp.is_some() {
            self.end(&key(seen));
        }
        Ok(after)
    }

    pub(crate) fn create_claim(&mut self, claim: &ResellerClaim) -> ClusterResult<ResellerClaim> {
        let name = key(&claim.metadata).1;
        if self.claims.contains_key(&name) {
            return Err(ClusterError::Exists);
        }
        let mut claim = claim.clone();
        self.created(&mut claim.metadata);
        self.claims.insert(name, claim.clone());
        Ok(claim)
    }

    pub(crate) fn replace_claim(&mut self, claim: &ResellerClaim) -> ClusterResult<ResellerClaim> {
        let name = key(&claim.metadata).1;
        let there = self.claims.get(&name).ok_or(ClusterError::Gone)?;
        if version(&there.metadata) != version(&claim.metadata)
            || there.metadata.uid != claim.metadata.uid
        {
            return Err(ClusterError::Conflict);
        }
        let mut claim = claim.clone();
        claim.metadata.resource_version = Some(self.bump());
        self.claims.insert(name, claim.clone());
        Ok(claim)
    }

    pub(crate) fn connection_status(
        &mut self,
        seen: &ObjectMeta,
        status: &BssConnectionStatus,
    ) -> ClusterResult<()> {
        let after = self.bump();
        let there = self.connections.get_mut(&key(seen));
        let there = there.ok_or(ClusterError::Gone)?;
        guarded(&there.metadata, seen)?;
        there.status = Some(status.clone());
        there.metadata.resource_version = Some(after);
        Ok(())
    }

    pub(crate) fn pricing_status(
        &mut self,
        seen: &ObjectMeta,
        status: &CustomerPricingStatus,
    ) -> ClusterResult<()> {
        let after = self.bump();
        let there = self.pricing.get_mut(&key(seen));
        let there = there.ok_or(ClusterError::Gone)?;
        guarded(&there.metadata, seen)?;
        there.status = Some(status.clone());
        there.metadata.resource_version = Some(after);
        Ok(())
    }
}

/// Every status is written on the version that was seen.
fn guarded(there: &ObjectMeta, seen: &ObjectMeta) -> ClusterResult<()> {
    let same = there.uid == seen.uid && version(there) == version(seen);
    if same {
        Ok(())
    } else {
        Err(ClusterError::Conflict)
    }
}
