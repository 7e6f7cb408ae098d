//! Guards: how often each held something back, and how often it let it pass. One that never held
//! anything back is unproved.

use std::collections::{BTreeMap, BTreeSet};

use tenant_reseller_operator::api::{Reason, StateClass};
use tenant_reseller_operator::bss::port::{Activation, Found, ItemOutcome};

use crate::operator::Written;
use support::calls::{Answer, Call, Reply};

/// What was seen of every guard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guards {
    /// Reasons of the operator's decisions.
    reasons: BTreeMap<Reason, u64>,
    decisions: u64,
    /// What the BSS held back, by guard.
    held: BTreeMap<String, u64>,
    /// Writes that passed, by call.
    passed: BTreeMap<&'static str, u64>,
}

impl Guards {
    pub(crate) fn decided(&mut self, reason: Reason) {
        *self.reasons.entry(reason).or_default() += 1;
        self.decisions += 1;
    }

    pub(crate) fn wrote(&mut self, written: Written) {
        match written {
            Written::Conflict => self.hold("record: written by another process".to_owned()),
            Written::Yes | Written::Unchanged => self.pass("record"),
        }
    }

    pub(crate) fn replied(&mut self, call: &Call, reply: &Reply) {
        let name = group(call);
        match reply {
            Err(error) => self.hold(format!("{name}: {}", error.class())),
            Ok(Answer::Copied(items)) => {
                for outcome in items.values() {
                    match outcome {
                        ItemOutcome::Created => self.pass(name),
                        ItemOutcome::Blocked(reasons) => {
                            for blocker in reasons {
                                self.hold(format!("{name}: {}", blocker.reason.as_str()));
                            }
                        }
                        ItemOutcome::Conflict(why) => {
                            self.hold(format!("{name}: Conflict, {why}"));
                        }
                        ItemOutcome::Unchanged
                        | ItemOutcome::Updated
                        | ItemOutcome::Failed { .. }
                        | ItemOutcome::Unknown => self.hold(format!("{name}: {}", outcome.word())),
                    }
                }
            }
            Ok(Answer::Found(found)) => {
                for what in found.values() {
                    match what {
                        Found::None => self.pass(name),
                        Found::One(_) => self.hold(format!("{name}: found")),
                        Found::Many(_) => self.hold(format!("{name}: found twice")),
                    }
                }
            }
            Ok(Answer::Activated(Activation::AlreadyActive)) => {
                self.hold(format!("{name}: already active"));
            }
            Ok(_) => {
                if call.writes() {
                    self.pass(name);
                }
            }
        }
    }

    fn hold(&mut self, guard: String) {
        *self.held.entry(guard).or_default() += 1;
    }

    fn pass(&mut self, what: &'static str) {
        *self.passed.entry(what).or_default() += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (reason, n) in &other.reasons {
            *self.reasons.entry(*reason).or_default() += n;
        }
        self.decisions += other.decisions;
        for (guard, n) in &other.held {
            *self.held.entry(guard.clone()).or_default() += n;
        }
        for (what, n) in &other.passed {
            *self.passed.entry(what).or_default() += n;
        }
    }

    /// Reasons of waits and stops that were decided.
    pub(crate) fn reasons(&self) -> BTreeSet<&'static str> {
        self.reasons
            .keys()
            .filter(|reason| holds_back(**reason))
            .map(|reason| reason.as_str())
            .collect()
    }

    /// What the BSS and the cluster held back.
    pub(crate) fn refusals(&self) -> BTreeSet<&str> {
        self.held.keys().map(String::as_str).collect()
    }

    /// Guard, how often it held back, how often it let pass.
    pub(crate) fn rows(&self) -> Vec<(String, u64, u64)> {
        let reasons = self
            .reasons
            .iter()
            .filter(|(reason, _)| holds_back(**reason))
            .map(|(reason, n)| {
                let name = format!("decide: {}", reason.as_str());
                (name, *n, self.decisions - n)
            });
        let held = self.held.iter().map(|(guard, n)| {
            let what = guard.split(':').next().unwrap_or_default();
            let passed = self.passed.get(what).copied().unwrap_or_default();
            (guard.clone(), *n, passed)
        });
        reasons.chain(held).collect()
    }
}

/// Whether a reason is one of holding back.
pub(crate) fn holds_back(reason: Reason) -> bool {
    matches!(
        reason.class(),
        Some(
            StateClass::WaitsByItself
                | StateClass::WaitsForPeople
                | StateClass::MustFix
                | StateClass::DoneWithDifferences
        )
    )
}

fn group(call: &Call) -> &'static str {
    match call {
        Call::Acquire(..) => "acquire",
        Call::CreateTenant(_) => "create tenant",
        Call::CopyCustomers(_) => "copy customers",
        Call::CopySubscriptions(_) => "copy subscriptions",
        Call::SetPricing(_) => "set pricing",
        Call::Activate(_) => "activate",
        Call::Find(_) => "look-up before or after a copy",
        _ => "read",
    }
}
