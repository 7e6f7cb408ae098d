//! The cluster port of one process, over the simulated cluster.

use std::sync::Arc;

use tenant_reseller_operator::api::{
    BssConnection, BssConnectionStatus, CustomerPricing, CustomerPricingStatus, ResellerClaim,
    TenantResellerUpgrade, TenantResellerUpgradeStatus, UpgradeReport,
};
use tenant_reseller_operator::cluster::port::{
    Cluster, ClusterError, ClusterResult, Event, Finalizer, SecretView,
};

use super::core::Core;
use super::etcd::{Etcd, key};
use super::port::{Kind, Port, Silence};

/// The cluster as one process reaches it.
pub(crate) struct SimulatedCluster {
    pub(crate) port: Port,
    pub(crate) cluster: usize,
    pub(crate) installation: String,
}

fn silent<T>(silence: Silence) -> ClusterResult<T> {
    let what = match silence {
        Silence::Refused(fault) => fault.name(),
        Silence::Unknown | Silence::Malformed => "no reply",
    };
    Err(ClusterError::Unavailable(what.to_owned()))
}

/// For a restore the API server is stopped: what was sent to it before takes no effect afterwards.
fn stopped(sent: u32, now: u32) -> ClusterResult<()> {
    if sent == now {
        Ok(())
    } else {
        Err(ClusterError::Unavailable(
            "stopped for a restore".to_owned(),
        ))
    }
}

impl SimulatedCluster {
    async fn read<T: Send + std::fmt::Debug + 'static>(
        &self,
        name: &'static str,
        read: impl Fn(&Etcd) -> T + Send + Sync + 'static,
    ) -> ClusterResult<T> {
        let cluster = self.cluster;
        let action = Arc::new(move |core: &mut Core| Ok(read(&core.clusters[cluster].etcd)));
        self.port.ask(Kind::ApiRead, name, action, silent).await
    }

    async fn write<T: Send + std::fmt::Debug + 'static>(
        &self,
        name: &'static str,
        write: impl Fn(&mut Etcd) -> ClusterResult<T> + Send + Sync + 'static,
    ) -> ClusterResult<T> {
        let (cluster, sent) = (self.cluster, self.restores());
        let action = Arc::new(move |core: &mut Core| {
            let there = &mut core.clusters[cluster];
            stopped(sent, there.restores)?;
            write(&mut there.etcd)
        });
        self.port.ask(Kind::ApiWrite, name, action, silent).await
    }

    fn restores(&self) -> u32 {
        self.port.shared.lock().clusters[self.cluster].restores
    }

    /// A write to an upgrade, which the watches show afterwards.
    async fn write_upgrade<T: Send + std::fmt::Debug + 'static>(
        &self,
        name: &'static str,
        upgrade: &TenantResellerUpgrade,
        write: impl Fn(&mut Etcd) -> ClusterResult<T> + Send + Sync + 'static,
    ) -> ClusterResult<T> {
        let (cluster, key) = (self.cluster, key(&upgrade.metadata));
        let sent = self.restores();
        let action = Arc::new(move |core: &mut Core| {
            stopped(sent, core.clusters[cluster].restores)?;
            core.another_client_writes(cluster, &key);
            let before = core.clusters[cluster].etcd.upgrades.get(&key).cloned();
            let result = write(&mut core.clusters[cluster].etcd);
            // A change of a shared object makes another one.
            let after = core.clusters[cluster].etcd.upgrades.get(&key);
            let same = match (before.as_ref(), after) {
                (Some(before), Some(after)) => Arc::ptr_eq(before, after) || before == after,
                (before, after) => before.is_none() && after.is_none(),
            };
            if !same {
                core.changed(cluster, &key);
                core.shown(cluster, &key, before.as_deref());
            }
            result
        });
        self.port.ask(Kind::ApiWrite, name, action, silent).await
    }
}

impl Cluster for SimulatedCluster {
    async fn upgrade(
        &self,
        namespace: &str,
        name: &str,
    ) -> ClusterResult<Option<TenantResellerUpgrade>> {
        let key = (namespace.to_owned(), name.to_owned());
        self.read("get upgrade", move |etcd| {
            etcd.upgrades.get(&key).map(|shared| (**shared).clone())
        })
        .await
    }

    fn latest(&self, namespace: &str, name: &str) -> Option<Arc<TenantResellerUpgrade>> {
        let core = self.port.shared.lock();
        let cache = &core.machines[self.port.pid].cache;
        let key = (namespace.to_owned(), name.to_owned());
        cache.get(&key).and_then(|(_, seen)| seen.clone())
    }

    fn connection(&self, namespace: &str, name: &str) -> Option<BssConnection> {
        // From a cache, as in the real one: no call.
        let core = self.port.shared.lock();
        let key = (namespace.to_owned(), name.to_owned());
        let connections = &core.clusters[self.cluster].etcd.connections;
        connections.get(&key).cloned()
    }

    async fn secret(&self, namespace: &str, name: &str) -> ClusterResult<Option<SecretView>> {
        let key = (namespace.to_owned(), name.to_owned());
        self.read("get secret", move |etcd| etcd.secret(&key)).await
    }

    fn unreadable_pricing(&self, _namespace: &str) -> Vec<String> {
        Vec::new()
    }

    fn connection_is_readable(&self, _namespace: &str, _name: &str) -> bool {
        true
    }

    async fn pricing_of(
        &self,
        namespace: &str,
        upgrade: &str,
    ) -> ClusterResult<Vec<CustomerPricing>> {
        let core = self.port.shared.lock();
        let all = core.clusters[self.cluster].etcd.pricing.iter();
        let own = all.filter(|((place, _), pricing)| {
            place == namespace && pricing.spec.upgrade_ref.name == upgrade
        });
        Ok(own.map(|(_, pricing)| pricing.clone()).collect())
    }

    async fn claim(&self, name: &str) -> ClusterResult<Option<ResellerClaim>> {
        let name = name.to_owned();
        self.read("get claim", move |etcd| etcd.claims.get(&name).cloned())
            .await
    }

    async fn create_claim(&self, claim: &ResellerClaim) -> ClusterResult<ResellerClaim> {
        let claim = claim.clone();
        self.write("create claim", move |etcd| etcd.create_claim(&claim))
            .await
    }

    async fn replace_claim(&self, claim: &ResellerClaim) -> ClusterResult<ResellerClaim> {
        let claim = claim.clone();
        self.write("replace claim", move |etcd| etcd.replace_claim(&claim))
            .await
    }

    async fn apply_status(
        &self,
        seen: &TenantResellerUpgrade,
        status: &TenantResellerUpgradeStatus,
    ) -> ClusterResult<TenantResellerUpgrade> {
        let (meta, status) = (seen.metadata.clone(), status.clone());
        self.write_upgrade("apply status", seen, move |etcd| {
            etcd.apply_status(&meta, &status)
        })
        .await
    }

    async fn apply_connection_status(
        &self,
        seen: &BssConnection,
        status: &BssConnectionStatus,
    ) -> ClusterResult<()> {
        let (meta, status) = (seen.metadata.clone(), status.clone());
        self.write("apply connection status", move |etcd| {
            etcd.connection_status(&meta, &status)
        })
        .await
    }

    async fn apply_pricing_status(
        &self,
        seen: &CustomerPricing,
        status: &CustomerPricingStatus,
    ) -> ClusterResult<()> {
        let (meta, status) = (seen.metadata.clone(), status.clone());
        self.write("apply pricing status", move |etcd| {
            etcd.pricing_status(&meta, &status)
        })
        .await
    }

    async fn reports_of(
        &self,
        upgrade: &TenantResellerUpgrade,
    ) -> ClusterResult<Vec<UpgradeReport>> {
        let uid = upgrade.metadata.uid.clone();
        self.read("list reports", move |etcd| {
            let own = etcd.reports.values().filter(|report| {
                let owners = report.metadata.owner_references.iter().flatten();
                owners
                    .into_iter()
                    .any(|owner| Some(&owner.uid) == uid.as_ref())
            });
            own.cloned().collect()
        })
        .await
    }

    async fn apply_report(&self, report: &UpgradeReport) -> ClusterResult<()> {
        let report = report.clone();
        self.write("apply report", move |etcd| {
            etcd.reports.insert(key(&report.metadata), report.clone());
            Ok(())
        })
        .await
    }

    async fn delete_report(&self, report: &UpgradeReport) -> ClusterResult<()> {
        let key = key(&report.metadata);
        self.write("delete report", move |etcd| {
            etcd.reports.remove(&key);
            Ok(())
        })
        .await
    }

    async fn set_finalizer(
        &self,
        seen: &TenantResellerUpgrade,
        wanted: Finalizer,
    ) -> ClusterResult<TenantResellerUpgrade> {
        let meta = seen.metadata.clone();
        self.write_upgrade("set finalizer", seen, move |etcd| {
            etcd.set_finalizer(&meta, wanted)
        })
        .await
    }

    async fn publish(&self, about: &TenantResellerUpgrade, event: Event) {
        let mut core = self.port.shared.lock();
        let name = about.metadata.name.clone().unwrap_or_default();
        core.say(|| {
            format!(
                "{name} {:?} {}: {}",
                event.kind,
                event.reason.as_str(),
                event.note
            )
        });
    }

    fn leads(&self) -> bool {
        self.port.shared.lock().leads(self.port.pid)
    }

    fn term(&self) -> u64 {
        self.port.shared.lock().machines[self.port.pid].term
    }

    fn installation(&self) -> &str {
        &self.installation
    }
}
