//! The cluster port of a process that is lied to.

use std::sync::Arc;

use tenant_reseller_operator::api::{
    BssConnection, BssConnectionStatus, CustomerPricing, CustomerPricingStatus, ResellerClaim,
    TenantResellerUpgrade, TenantResellerUpgradeStatus, UpgradeReport,
};
use tenant_reseller_operator::cluster::port::{
    Cluster, ClusterResult, Event, Finalizer, SecretView,
};

use super::Liar;

/// The cluster, with a liar before it.
pub struct LyingCluster<C> {
    pub honest: C,
    pub liar: Liar,
}

impl<C> LyingCluster<C> {
    /// A claim as the process reads it.
    fn read(&self, claim: ResellerClaim) -> ResellerClaim {
        ResellerClaim {
            spec: self.liar.record(claim.spec),
            ..claim
        }
    }

    /// A claim as the cluster keeps it.
    fn kept(&self, claim: &ResellerClaim) -> ResellerClaim {
        ResellerClaim {
            spec: self.liar.kept(claim.spec.clone()),
            ..claim.clone()
        }
    }

    /// What the process is told of a write: that everything it wrote is there.
    fn written(&self, told: &ResellerClaim, kept: ResellerClaim) -> ResellerClaim {
        let spec = told.spec.clone();
        self.read(ResellerClaim { spec, ..kept })
    }
}

impl<C: Cluster> Cluster for LyingCluster<C> {
    async fn upgrade(
        &self,
        namespace: &str,
        name: &str,
    ) -> ClusterResult<Option<TenantResellerUpgrade>> {
        let live = self.honest.upgrade(namespace, name).await?;
        let cached = self.honest.latest(namespace, name);
        Ok(self.liar.live(live, cached))
    }

    fn latest(&self, namespace: &str, name: &str) -> Option<Arc<TenantResellerUpgrade>> {
        let latest = self.honest.latest(namespace, name)?;
        Some(self.liar.watched(latest))
    }

    fn connection(&self, namespace: &str, name: &str) -> Option<BssConnection> {
        let connection = self.honest.connection(namespace, name)?;
        Some(self.liar.connection(connection))
    }

    async fn secret(&self, namespace: &str, name: &str) -> ClusterResult<Option<SecretView>> {
        self.honest.secret(namespace, name).await
    }

    fn unreadable_pricing(&self, namespace: &str) -> Vec<String> {
        self.honest.unreadable_pricing(namespace)
    }

    fn connection_is_readable(&self, namespace: &str, name: &str) -> bool {
        self.honest.connection_is_readable(namespace, name)
    }

    async fn pricing_of(
        &self,
        namespace: &str,
        upgrade: &str,
    ) -> ClusterResult<Vec<CustomerPricing>> {
        self.honest.pricing_of(namespace, upgrade).await
    }

    async fn claim(&self, name: &str) -> ClusterResult<Option<ResellerClaim>> {
        let claim = self.honest.claim(name).await?;
        Ok(claim.map(|claim| self.read(claim)))
    }

    async fn create_claim(&self, claim: &ResellerClaim) -> ClusterResult<ResellerClaim> {
        let kept = self.honest.create_claim(&self.kept(claim)).await?;
        Ok(self.written(claim, kept))
    }

    async fn replace_claim(&self, claim: &ResellerClaim) -> ClusterResult<ResellerClaim> {
        let kept = self.honest.replace_claim(&self.kept(claim)).await?;
        Ok(self.written(claim, kept))
    }

    async fn apply_status(
        &self,
        seen: &TenantResellerUpgrade,
        status: &TenantResellerUpgradeStatus,
    ) -> ClusterResult<TenantResellerUpgrade> {
        let written = self.honest.apply_status(seen, status).await?;
        Ok(self.liar.upgrade(written))
    }

    async fn apply_connection_status(
        &self,
        seen: &BssConnection,
        status: &BssConnectionStatus,
    ) -> ClusterResult<()> {
        self.honest.apply_connection_status(seen, status).await
    }

    async fn apply_pricing_status(
        &self,
        seen: &CustomerPricing,
        status: &CustomerPricingStatus,
    ) -> ClusterResult<()> {
        self.honest.apply_pricing_status(seen, status).await
    }

    async fn reports_of(
        &self,
        upgrade: &TenantResellerUpgrade,
    ) -> ClusterResult<Vec<UpgradeReport>> {
        self.honest.reports_of(upgrade).await
    }

    async fn apply_report(&self, report: &UpgradeReport) -> ClusterResult<()> {
        self.honest.apply_report(report).await
    }

    async fn delete_report(&self, report: &UpgradeReport) -> ClusterResult<()> {
        self.honest.delete_report(report).await
    }

    async fn set_finalizer(
        &self,
        seen: &TenantResellerUpgrade,
        wanted: Finalizer,
    ) -> ClusterResult<TenantResellerUpgrade> {
        let written = self.honest.set_finalizer(seen, wanted).await?;
        Ok(self.liar.upgrade(written))
    }

    async fn publish(&self, about: &TenantResellerUpgrade, event: Event) {
        self.honest.publish(about, event).await;
    }

    fn term(&self) -> u64 {
        self.honest.term()
    }

    fn leads(&self) -> bool {
        self.liar.leads(self.honest.leads())
    }

    fn installation(&self) -> &str {
        self.honest.installation()
    }
}
