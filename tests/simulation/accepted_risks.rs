//! What an accepted risk excuses, and what it does not: a source that moved between the last sweep
//! before the switch and the switch itself, where the BSS does not compare.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tenant_reseller_operator::api::{ReportKind, Risk};
use tenant_reseller_operator::bss::port::{Mode, SourceId, Strength, WriteOperation};

use super::core::Core;
use super::guarantees::of_loss;
use super::scenario::Ending;
use support::simulated_bss::{CopyKey, CopyRow, CustomerRow, PurchaseRow};

/// The sources as a sweep may have seen them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    customers: BTreeMap<SourceId, CustomerRow>,
    purchases: BTreeMap<SourceId, PurchaseRow>,
    copies: BTreeMap<CopyKey, CopyRow>,
    orders: BTreeSet<String>,
}

/// The sources at the moments that count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moments {
    /// When the operator began to look at everything once more.
    pub(crate) sweep: Sources,
    /// The same, of the sweep on which a person is told to press the switch. A look that began since,
    /// and has not come to its end, does not excuse the operator from what it was told before.
    told: Option<Sources>,
    /// The same, when the reseller was looked at last.
    looked: Option<Sources>,
    /// The same, of the sweep on which the switch rests that took effect.
    switched_on: Option<Sources>,
    /// When the cluster went back.
    pub(crate) restored: Option<Duration>,
    /// When both sides were compared for the first time after the switch.
    verified: Option<Sources>,
}

/// What was lost under a risk that was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Losses {
    /// Named by the report of the verification.
    pub(crate) named: u64,
    /// Came only after the verification, so that the risk alone names it.
    pub(crate) unnamed: u64,
    /// Both, by the guarantee that they are about.
    pub(crate) of: BTreeMap<&'static str, (u64, u64)>,
}

impl Losses {
    /// One more.
    fn accepts(&mut self, rule: &str, named: bool) {
        let of = self.of.entry(of_loss(rule)).or_default();
        let (sum, of) = if named {
            (&mut self.named, &mut of.0)
        } else {
            (&mut self.unnamed, &mut of.1)
        };
        *sum += 1;
        *of += 1;
    }

    /// Those of another run besides.
    pub(crate) fn add(&mut self, other: &Self) {
        self.named += other.named;
        self.unnamed += other.unnamed;
        for (guarantee, (named, unnamed)) in &other.of {
            let of = self.of.entry(*guarantee).or_default();
            *of = (of.0 + named, of.1 + unnamed);
        }
    }
}

impl Core {
    fn sources(&self) -> Sources {
        Sources {
            customers: self.world.customers.clone(),
            purchases: self.world.purchases.clone(),
            copies: self.world.copies.clone(),
            orders: self.world.orders.keys().cloned().collect(),
        }
    }

    /// A look at the reseller may begin a sweep before the switch, or the comparison after it.
    pub(crate) fn looks_at_the_reseller(&mut self) {
        self.moments.looked = Some(self.sources());
    }

    /// With a look at the tenant after it, it does; alone it was a cheap look.
    pub(crate) fn looks_at_the_tenant(&mut self) {
        let Some(sources) = self.moments.looked.take() else {
            return;
        };
        if !self.world.on {
            let before = std::mem::replace(&mut self.moments.sweep, sources);
            let mut clusters = self.clusters.iter();
            let told = clusters.any(|cluster| {
                let mut claims = cluster.etcd.claims.values();
                claims.any(|claim| claim.spec.told.is_some())
            });
            let stands = self.moments.told.take();
            self.moments.told = told.then(|| stands.unwrap_or(before));
        } else if self.moments.verified.is_none() {
            self.moments.verified = Some(sources);
        }
    }

    /// The switch took effect, on this sweep.
    pub(crate) fn switched(&mut self, on: &Sources) {
        if self.world.on {
            self.moments.switched_on.get_or_insert_with(|| on.clone());
        }
    }

    /// Whether a risk was accepted, and the BSS is as weak as it says.
    pub(crate) fn accepts(&self, risk: Risk) -> bool {
        let promises = self.world.switches.promises;
        let by_hand = self.world.switches.modes[&WriteOperation::ActivateBackOrdering];
        let weak = match risk {
            Risk::UnguardedSwitch => {
                promises.compares == Strength::Weak
                    || promises.revision == Strength::Weak
                    || by_hand != Mode::Automatic
            }
            Risk::UnseenOrders => promises.orders == Strength::Weak,
            Risk::SingleOperator => promises.epochs == Strength::Weak,
        };
        weak && self.risks.contains(&risk)
    }

    /// Whether a source, a customer or an order is not what it was when the last sweep before the
    /// switch began.
    pub(crate) fn moved_since_the_sweep(&self, id: &str) -> bool {
        let moments = &self.moments;
        let before = moments.switched_on.as_ref().or(moments.told.as_ref());
        self.moved(before.unwrap_or(&moments.sweep), id)
    }

    /// Whether the comparison after the switch could have named it.
    pub(crate) fn known_to_the_verification(&self, id: &str) -> bool {
        let verified = self.moments.verified.as_ref();
        verified.is_some_and(|then| !self.moved(then, id))
    }

    /// The ledgers, two billing cycles later. A loss is excused only under a risk that the connection
    /// accepts and that is about it, and only of a source that is not any more what the last sweep
    /// before the switch saw.
    pub(crate) fn judge_the_end(&mut self, ended: Option<Ending>) -> Losses {
        let mut losses = Losses::default();
        if ended == Some(Ending::Refused) {
            if !self.effects.is_empty() {
                let effects = format!("{:?}", self.effects);
                self.broken(format!("refused, and yet it wrote: {effects}"));
            }
            return losses;
        }
        let rows: BTreeSet<String> = self
            .clusters
            .iter()
            .flat_map(|cluster| cluster.etcd.reports.values())
            .filter(|report| report.spec.kind == ReportKind::Verification)
            .flat_map(|report| report.spec.rows.iter().map(|row| row.id.clone()))
            .collect();
        for violation in self.world.ledgers(2) {
            let (rule, rest) = violation.split_once(": ").unwrap_or((&violation, ""));
            let id = rest.split_whitespace().next().unwrap_or_default();
            let risk = match rule {
                "Lost" | "CustomerNotCharged" | "Unmarked" => {
                    self.accepts(Risk::UnguardedSwitch) || self.accepts(Risk::UnseenOrders)
                }
                "Differs"
                | "ChargedDifferently"
                | "Orphaned"
                | "ChargedAfterCancellation"
                | "AlienCharged"
                | "HalfMarked" => self.accepts(Risk::UnguardedSwitch),
                _ => false,
            };
            if !risk || !self.moved_since_the_sweep(id) {
                self.broken(violation);
            } else if rows.contains(id) {
                losses.accepts(rule, true);
            } else if self.accepts(Risk::UnseenOrders) || !self.known_to_the_verification(id) {
                losses.accepts(rule, false);
            } else {
                self.broken(format!("neither status nor a report names it: {violation}"));
            }
        }
        losses
    }

    fn moved(&self, then: &Sources, id: &str) -> bool {
        let source = SourceId::from(id);
        let of = |customers: &BTreeMap<SourceId, CustomerRow>, id: &SourceId| {
            customers.get(id).map(|row| row.fields.clone())
        };
        if let Some(now) = self.world.purchases.get(&source) {
            let owner = &now.customer;
            let same = then
                .purchases
                .get(&source)
                .is_some_and(|then| alike(then, now));
            // The reseller's staff amends or ends copies at any moment too.
            let copies = |all: &BTreeMap<CopyKey, CopyRow>| {
                let own = all.iter().filter(|((_, _, of, _), _)| *of == source);
                own.map(|(key, row)| (key.clone(), row.state.clone(), row.fields.clone()))
                    .collect::<Vec<_>>()
            };
            let same = same && copies(&then.copies) == copies(&self.world.copies);
            return !same || of(&then.customers, owner) != of(&self.world.customers, owner);
        }
        if self.world.customers.contains_key(&source) {
            let own = |purchases: &BTreeMap<SourceId, PurchaseRow>| {
                let own = purchases.iter().filter(|(_, row)| row.customer == source);
                own.map(|(id, row)| (id.clone(), row.state.clone()))
                    .collect::<Vec<_>>()
            };
            return of(&then.customers, &source) != of(&self.world.customers, &source)
                || own(&then.purchases) != own(&self.world.purchases);
        }
        !then.orders.contains(id)
    }
}

/// What a copy follows.
fn alike(one: &PurchaseRow, other: &PurchaseRow) -> bool {
    one.state == other.state && one.fields == other.fields && one.customer == other.customer
}
