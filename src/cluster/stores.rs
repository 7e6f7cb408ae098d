//! The caches that the watches fill, and what is looked up in them. They ask the API server nothing.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use kube::api::ObjectMeta;
use kube::core::NamespaceResourceScope;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Resource, ResourceExt};

use super::census::{Census, Counts};
use super::guarded::Guarded;
use crate::api::{
    BssConnection, ConditionList as _, ConditionType, CustomerPricing, FINALIZER,
    TenantResellerUpgrade,
};

/// The caches that the watches fill.
#[derive(Clone)]
pub struct Stores {
    pub(super) upgrades: Store<Guarded<TenantResellerUpgrade>>,
    pub(super) connections: Store<Guarded<BssConnection>>,
    pub(super) pricing: Store<Guarded<CustomerPricing>>,
    pub(super) filled: Arc<Filled>,
}

/// Tells that a cache was filled.
pub(super) type Fill = tokio::sync::watch::Sender<bool>;

/// Whether each cache was filled, by the namespace that is watched; `None` is the whole cluster.
///
/// Not kube-rs' `wait_until_ready`: of several tasks that wait for one store it wakes only the one
/// that looked last (5.0.0), and here every reconcile waits.
pub(super) type Filled = BTreeMap<Option<String>, Vec<tokio::sync::watch::Receiver<bool>>>;

impl Stores {
    /// Waits until every cache was filled once with what is in this namespace. A reconcile before that
    /// would take what it has not seen for missing. False if the watches ended before, or if the
    /// namespace is not watched.
    pub async fn filled(&self, namespace: &str) -> bool {
        let place = Some(namespace.to_owned());
        let Some(filled) = self.filled.get(&place).or_else(|| self.filled.get(&None)) else {
            return false;
        };
        for filled in filled {
            // Nothing to wait for, nothing to hold: thousands ask this at once when a process begins to lead.
            if *filled.borrow() {
                continue;
            }
            if filled.clone().wait_for(|filled| *filled).await.is_err() {
                return false;
            }
        }
        true
    }

    /// An upgrade as the watch saw it last; `None` also if this version cannot read it. Of one that is finished
    /// it has only what is counted.
    #[must_use]
    pub fn upgrade(&self, namespace: &str, name: &str) -> Option<Arc<TenantResellerUpgrade>> {
        readable(&self.upgrades, namespace, name)
    }

    /// A connection as the watch saw it last.
    #[must_use]
    pub fn connection(&self, namespace: &str, name: &str) -> Option<BssConnection> {
        readable(&self.connections, namespace, name).map(Arc::unwrap_or_clone)
    }

    /// The pricing objects that refer to an upgrade, by name.
    #[must_use]
    pub fn pricing_of(&self, namespace: &str, upgrade: &str) -> Vec<CustomerPricing> {
        let mut found: Vec<CustomerPricing> = self
            .pricing
            .state_filter(|guarded| {
                guarded.0.as_ref().is_ok_and(|pricing| {
                    pricing.metadata.namespace.as_deref() == Some(namespace)
                        && pricing.spec.upgrade_ref.name == upgrade
                })
            })
            .iter()
            .filter_map(|guarded| guarded.0.as_deref().ok().cloned())
            .collect();
        found.sort_by_key(ResourceExt::name_any);
        found
    }

    /// The pricing objects of a namespace that this version cannot read, by name.
    #[must_use]
    pub fn unreadable_pricing(&self, namespace: &str) -> Vec<String> {
        let unreadable = self.pricing.state_filter(|guarded| {
            guarded.0.is_err() && guarded.meta().namespace.as_deref() == Some(namespace)
        });
        let names = unreadable.iter().map(|object| object.name_any());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// Whether this version can read a connection. One that does not exist can be read.
    #[must_use]
    pub fn connection_is_readable(&self, namespace: &str, name: &str) -> bool {
        let found = self
            .connections
            .get(&ObjectRef::new(name).within(namespace));
        found.is_none_or(|found| found.0.is_ok())
    }

    /// Counts the upgrades, for gauges.
    #[must_use]
    pub fn count(&self, census: &mut Census, now: Timestamp) -> Counts {
        let there = self.upgrades.state();
        let there = there.iter().map(|guarded| {
            let uid = guarded.meta().uid.as_deref().unwrap_or_default();
            (uid, guarded.0.as_deref().ok())
        });
        census.take(there, now)
    }

    /// Whether this very upgrade is there, not another of its name.
    pub(super) fn is_there(&self, upgrade: &TenantResellerUpgrade) -> bool {
        self.upgrades
            .get(
                &ObjectRef::new(&upgrade.name_any())
                    .within(&upgrade.namespace().unwrap_or_default()),
            )
            .is_some_and(|there| there.meta().uid == upgrade.metadata.uid)
    }

    /// The metadata of all upgrades, readable or not, on which the operator's finalizer stands.
    pub(super) fn with_finalizer(&self) -> Vec<ObjectMeta> {
        let there = self.upgrades.state();
        let held = there.iter().map(|upgrade| upgrade.meta());
        let held = held.filter(|meta| {
            let finalizers = meta.finalizers.iter().flatten();
            finalizers.into_iter().any(|name| name == FINALIZER)
        });
        held.cloned().collect()
    }

    /// The uids of all upgrades that are there.
    pub(super) fn uids(&self) -> HashSet<String> {
        let there = self.upgrades.state();
        there
            .iter()
            .filter_map(|there| there.meta().uid.clone())
            .collect()
    }

    /// The upgrades of a namespace.
    pub(super) fn upgrades_in(
        &self,
        namespace: &str,
    ) -> Vec<ObjectRef<Guarded<TenantResellerUpgrade>>> {
        let there = |upgrade: &Guarded<TenantResellerUpgrade>| {
            upgrade.meta().namespace.as_deref() == Some(namespace)
        };
        let there = self.upgrades.state_filter(there);
        let there = there.iter();
        there
            .map(|upgrade| ObjectRef::from_obj(upgrade.as_ref()))
            .collect()
    }

    /// The upgrades that refer to a connection and are not finished: a finished one stays so, whatever becomes of
    /// its connection.
    pub(super) fn upgrades_using(
        &self,
        connection: &Guarded<BssConnection>,
    ) -> Vec<ObjectRef<Guarded<TenantResellerUpgrade>>> {
        let (namespace, name) = (connection.namespace(), connection.name_any());
        self.upgrades
            .state_filter(|guarded| {
                guarded.namespace() == namespace
                    && guarded.0.as_ref().is_ok_and(|upgrade| {
                        let tenants = upgrade.spec.tenant_connection_ref.as_ref();
                        let uses = upgrade.spec.connection_ref.name == name
                            || tenants.is_some_and(|tenants| tenants.name == name);
                        uses && !is_finished(upgrade)
                    })
            })
            .iter()
            .map(|upgrade| ObjectRef::from_obj(upgrade.as_ref()))
            .collect()
    }
}

fn is_finished(upgrade: &TenantResellerUpgrade) -> bool {
    let status = upgrade.status.as_ref();
    status.is_some_and(|status| status.conditions.holds(ConditionType::Succeeded))
}

fn readable<K>(store: &Store<Guarded<K>>, namespace: &str, name: &str) -> Option<Arc<K>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + 'static,
{
    let found = store.get(&ObjectRef::new(name).within(namespace))?;
    found.0.as_ref().ok().cloned()
}
