//! What a run remembers of its writes, of the script that people followed, and of requests that
//! arrived after their senders were dead: so that a proof can show that what it names did happen.

use std::collections::BTreeMap;
use std::time::Duration;

use tenant_reseller_operator::api::{Phase, SUSPEND_ANNOTATION, UpgradeReportSpec};

use super::actions::name;
use super::core::{Core, TIMEOUT};
use super::port::Kind;
use support::simulated_bss::Action;

/// A call that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) number: u64,
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
}

/// A write that arrived after its sender was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Landed {
    /// The call that sent it.
    pub(crate) sent: u64,
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    /// So many calls were made by then.
    pub(crate) at: u64,
    /// It was refused.
    pub(crate) refused: bool,
    /// When all was over.
    pub(crate) after_the_end: bool,
}

/// An action of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Played {
    pub(crate) action: &'static str,
    /// Where the upgrade was, by its status.
    pub(crate) phase: Phase,
    /// While the switch was on its way, after the last sweep.
    pub(crate) at_switch: bool,
    /// Whether the BSS let them.
    pub(crate) done: bool,
}

impl Core {
    /// How far the upgrade is, as status shows it.
    pub(crate) fn stage(&self) -> Phase {
        let upgrades = self.clusters.iter().flat_map(|c| c.etcd.upgrades.values());
        let phases = upgrades.filter_map(|upgrade| upgrade.status.as_ref()?.phase);
        phases.max().unwrap_or(Phase::Pending)
    }

    /// A person does what the script says.
    pub(crate) fn play(&mut self, action: Action, at_switch: bool) {
        let name = name(&action);
        let phase = self.stage();
        let done = self.act(action);
        self.played.push(Played {
            action: name,
            phase,
            at_switch,
            done,
        });
    }

    /// The next action of those that fall right before the switch.
    pub(crate) fn acts_at_the_switch(&mut self) {
        if let Some(action) = self.at_switch.pop_front() {
            self.play(action, true);
        }
    }

    /// A person suspends the upgrade at the call that was chosen, all watches are cut, and the person
    /// resumes it after they are there again.
    pub(crate) fn suspends_unseen(&mut self) {
        let chosen = self.suspends_unseen.is_some_and(|call| call <= self.calls);
        let Some(key) = self.clusters[0].etcd.upgrades.keys().next().cloned() else {
            return;
        };
        if !chosen {
            return;
        }
        self.suspends_unseen = None;
        let unseen = Duration::from_mins(3);
        let until = self.now() + unseen;
        for pid in 0..self.machines.len() {
            self.machines[pid].watch_cut_until = until;
            self.agenda.after(unseen, move |core| core.list_anew(pid));
        }
        self.people.holds = true;
        self.set(0, &key, SUSPEND_ANNOTATION, Some("true"));
        self.agenda.after(unseen * 2, move |core| {
            core.people.holds = false;
            core.set(0, &key, SUSPEND_ANNOTATION, None);
        });
    }

    /// Holds a request back until so many calls were made, but not longer than a request lives.
    pub(crate) fn hold(
        &mut self,
        call: u64,
        kind: Kind,
        arrives: impl FnOnce(&mut Self) + Send + 'static,
    ) {
        let longest = self.longest_request(kind);
        self.held.push((call, Box::new(arrives)));
        self.agenda.after(longest, move |core| {
            if let Some(late) = core.held.iter_mut().find(|(until, _)| *until == call) {
                late.0 = 0;
            }
        });
    }

    /// How long a request may be on its way. An API server bounds its writes to about a minute.
    fn longest_request(&self, kind: Kind) -> Duration {
        match kind {
            Kind::ApiRead | Kind::ApiWrite => TIMEOUT * 2,
            Kind::BssRead | Kind::BssWrite => self.latest(),
        }
    }

    /// The reports of the first cluster, by name.
    pub(crate) fn reports(&self) -> BTreeMap<String, UpgradeReportSpec> {
        let all = self.clusters[0].etcd.reports.iter();
        all.map(|((_, name), report)| (name.clone(), report.spec.clone()))
            .collect()
    }

    /// A write has arrived: if its sender is dead, it is remembered.
    pub(crate) fn has_landed<R: std::fmt::Debug>(
        &mut self,
        name: &'static str,
        kind: Kind,
        result: &R,
    ) {
        if let Some(sent) = self.landing {
            let (at, after_the_end) = (self.calls, self.over);
            let refused = format!("{result:?}").starts_with("Err");
            self.landed.push(Landed {
                sent,
                kind,
                name,
                at,
                refused,
                after_the_end,
            });
        }
    }
}
