//! What must be so at the very moment at which status says it first, and what a suspension forbids.
//!
//! Both are judged only where nothing else can explain it: a phase that was complete may be undone
//! by people, and a process that sees nothing does not know of a suspension.

use tenant_reseller_operator::api::{ConditionStatus, TenantResellerUpgrade};
use tenant_reseller_operator::bss::port::{Mark, SourceId};

use super::core::{Core, Pid};
use super::faults::Fault;
use super::port::Kind;

fn is_true(upgrade: &TenantResellerUpgrade, type_: &str) -> bool {
    let conditions = upgrade.status.iter().flat_map(|status| &status.conditions);
    conditions
        .into_iter()
        .any(|c| c.type_ == type_ && c.status == ConditionStatus::True)
}

impl Core {
    /// A phase that status calls complete for the first time, and that is not.
    pub(crate) fn too_early(
        &self,
        before: Option<&TenantResellerUpgrade>,
        after: &TenantResellerUpgrade,
    ) -> Option<String> {
        let undone_by_people = self.actions.keys().any(|action| *action != "Price");
        if undone_by_people || self.clusters.len() > 1 || self.world.on {
            return None;
        }
        let says = |type_| is_true(after, type_) && !before.is_some_and(|b| is_true(b, type_));
        let copies = self.world.copy_records();
        let is_copied = |id: &SourceId| copies.iter().any(|(_, copy)| copy.source == *id);
        let tenant = self.world.live_tenant_id();
        let priced = |id: &SourceId| {
            let place = tenant.clone().map(|tenant| (tenant, id.clone()));
            place.is_some_and(|place| self.world.pricing.contains_key(&place))
        };
        for (id, row) in self.world.eligible() {
            let owner = &row.customer;
            if says("CustomersCopied") && !is_copied(owner) {
                return Some(format!("CustomersCopied, and {owner} is not"));
            }
            let half = self.world.customers[owner].mark == Mark::Unmarked;
            if says("CustomersCopied") && half {
                return Some(format!("CustomersCopied, and {owner} is not marked"));
            }
            if says("PricingReady") && !priced(owner) {
                return Some(format!("PricingReady, and {owner} has no pricing options"));
            }
            if says("SubscriptionsCopied") && !is_copied(id) {
                return Some(format!("SubscriptionsCopied, and {id} is not"));
            }
        }
        None
    }

    /// A write of a process that does not lead: whether it may send is asked in the same moment.
    pub(crate) fn judge_lease(&mut self, pid: Pid, name: &str, kind: Kind) {
        if kind == Kind::BssWrite && !self.leads(pid) {
            self.broken(format!("{name} was sent by a process that does not lead"));
        }
    }

    /// A write that is sent although the upgrade is suspended. The switch is asked for on a live
    /// read, so that no watch excuses it.
    pub(crate) fn judge_suspension(&mut self, name: &str, kind: Kind) {
        let now = self.now();
        let known = |since| now > since + std::time::Duration::from_millis(200);
        if kind != Kind::BssWrite || name == "acquire" || self.clusters.len() > 1 {
            return;
        }
        let fired = |fault| self.faults.counts().contains_key(&fault);
        let stood_still = fired(Fault::BssQueue) || fired(Fault::Paused);
        let lags = fired(Fault::WatchLags) || fired(Fault::WatchCut) || fired(Fault::TwoLeaders);
        if self.suspended.is_some_and(known) && !stood_still && (name == "activate" || !lags) {
            self.broken(format!("{name} was sent while the upgrade is suspended"));
        }
    }
}
