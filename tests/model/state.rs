//! A state of everything: the BSS, the record, the processes of the operator, requests on their way,
//! and how much may still happen.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use tenant_reseller_operator::api::ResellerClaimSpec;
use tenant_reseller_operator::bss::port::{Epoch, TenantId};

use crate::keyed::{Keyed, key_of};
use crate::operator::Operator;
use crate::people::Act;
use support::calls::Call;
use support::simulated_bss::World;

/// A request whose sender does not wait for it any more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Late {
    pub(crate) call: Call,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) tenant: Option<TenantId>,
    /// How long it lives at most; without end where no quiet time rests on that.
    pub(crate) left: Option<Duration>,
}

/// How often each thing may still happen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Crashes of a process.
    pub(crate) crashes: u8,
    /// Lost replies, the request taking effect at once or at any later moment.
    pub(crate) lost: u8,
    /// New leaders while the old one does not know it yet.
    pub(crate) leaders: u8,
    /// Restores of the cluster's state.
    pub(crate) restores: u8,
    /// What people do, by kind, and how often all in all.
    pub(crate) acts: Vec<(Act, u8)>,
    pub(crate) acts_in_all: u8,
}

/// A state.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) world: Keyed<World>,
    pub(crate) record: Option<Keyed<ResellerClaimSpec>>,
    /// The leader is the last one; one before it does not know yet that it lost the lease.
    pub(crate) operators: Vec<Operator>,
    pub(crate) late: Vec<Late>,
    /// The record as a snapshot of the cluster's state holds it.
    pub(crate) snapshot: Option<Keyed<ResellerClaimSpec>>,
    /// The cluster went back to before an epoch that the BSS has issued since, and nobody has said that
    /// the record may go on from there.
    pub(crate) unconfirmed: bool,
    /// The cluster went back: what was on record may be gone from it.
    pub(crate) went_back: bool,
    pub(crate) budget: Budget,
    /// Intents recorded so far: the wall clock, as far as request keys are made of it.
    pub(crate) intents: i64,
    /// An order that the switch did not see became a subscription after it: at an accepted risk,
    /// and perhaps after both sides were compared, so that no status can name it.
    pub(crate) overtaken: bool,
}

impl State {
    pub(crate) fn key(&self) -> u128 {
        key_of(self)
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, to: &mut H) {
        self.world.hash(to);
        self.record.hash(to);
        for operator in &self.operators {
            operator.hash(to);
        }
        self.late.hash(to);
        self.snapshot.hash(to);
        self.unconfirmed.hash(to);
        self.went_back.hash(to);
        self.budget.hash(to);
        self.intents.hash(to);
        self.overtaken.hash(to);
    }
}
