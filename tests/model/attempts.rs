//! The names of attempts to acquire an epoch, brought to a form in which equal situations are equal:
//! only those that can still be told apart by anybody stay, under the smallest names.

use std::collections::{BTreeMap, BTreeSet};

use tenant_reseller_operator::api::ResellerClaimSpec;
use tenant_reseller_operator::bss::port::{AcquisitionId, EarlierEpoch};
use tenant_reseller_operator::upgrade::{ClaimEdit, Known};

use crate::keyed::Keyed;
use crate::operator::Told;
use crate::state::State;
use support::calls::Call;

/// Brings the names to their normal form.
pub(crate) fn name(state: &mut State) {
    let records = || state.record.iter().chain(&state.snapshot);
    let known = records().map(|record| epoch(record)).min().unwrap_or(0);
    let names = names(state, known);

    let issued = state.world.issued.iter();
    let stays = issued.clone().all(|one| one.epoch.0 > known);
    if !stays
        || issued
            .clone()
            .any(|one| names.get(id(one)).map(String::as_str) != Some(id(one)))
    {
        state.world.edit(|world| {
            world.issued.retain(|one| one.epoch.0 > known);
            for one in &mut world.issued {
                if let Some(name) = names.get(id(one)) {
                    one.acquisition = Some(AcquisitionId(name.clone()));
                }
            }
        });
    }
    for record in state.record.iter_mut().chain(&mut state.snapshot) {
        if differs(record, &names) {
            record.edit(|record| rename(record, &names));
        }
    }
    for late in &mut state.late {
        if let Call::Acquire(id, _) = &mut late.call
            && let Some(name) = names.get(&id.0)
        {
            *id = AcquisitionId(name.clone());
        }
    }
    for (nth, operator) in state.operators.iter_mut().enumerate() {
        if let Some(under_way) = &mut operator.under_way {
            under_way.rename(&names);
        }
        let own = Names {
            anew: names.clone(),
            known,
            nth,
        };
        operator.known.edit(|seen| own.apply(seen));
        if let Some(told) = &mut operator.told {
            told.push(Told::Names(own));
        }
    }
}

/// The attempt that an epoch was issued for: here each has a name.
fn id(issued: &EarlierEpoch) -> &str {
    issued.acquisition.as_ref().map_or("", |id| id.as_str())
}

/// Names that attempts have from now on, for one operator.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    anew: BTreeMap<String, String>,
    /// The epoch up to which nobody asks for names.
    known: u64,
    nth: usize,
}

impl Names {
    /// Gives them to what an operator knows.
    pub(crate) fn apply(&self, seen: &mut Known) {
        let other = |id: &mut AcquisitionId| {
            if let Some(name) = self.anew.get(&id.0) {
                *id = AcquisitionId(name.clone());
            }
        };
        match self.anew.get(&seen.fencing.acquisition.0) {
            Some(name) => seen.fencing.acquisition = AcquisitionId(name.clone()),
            None => seen.fencing.acquisition = AcquisitionId(format!("next-{}.0", self.nth)),
        }
        if let Some(claim) = &mut seen.fencing.claim {
            rename(claim, &self.anew);
        }
        if let Some(issued) = &mut seen.fencing.issued {
            issued.earlier.retain(|one| one.epoch.0 > self.known);
            for one in &mut issued.earlier {
                one.acquisition.as_mut().map(other);
            }
        }
        if let Some(ClaimEdit::EndAcquire(id)) = &mut seen.fencing.refused {
            other(id);
        }
    }
}

fn epoch(record: &ResellerClaimSpec) -> u64 {
    record
        .epoch
        .and_then(|epoch| u64::try_from(epoch).ok())
        .unwrap_or(0)
}

/// The names that somebody can still tell apart, in the order in which they stand in the state, each
/// with its normal form.
fn names(state: &State, known: u64) -> BTreeMap<String, String> {
    let mut all: Vec<String> = Vec::new();
    let on_record = |id: &str| {
        let mut records = state.record.iter().chain(&state.snapshot);
        records.any(|record| record.acquisitions.iter().any(|attempt| attempt.id == id))
    };
    for record in state.record.iter().chain(&state.snapshot) {
        all.extend(record.acquisitions.iter().map(|attempt| attempt.id.clone()));
    }
    let mut told: BTreeSet<String> = BTreeSet::new();
    let issued = state.world.issued.iter().filter(|one| one.epoch.0 > known);
    told.extend(issued.map(|one| id(one).to_owned()));
    for late in &state.late {
        if let Call::Acquire(id, _) = &late.call {
            told.insert(id.0.clone());
        }
    }
    for operator in &state.operators {
        if let Some(Call::Acquire(id, _)) =
            operator.under_way.as_ref().and_then(|under| under.due())
        {
            told.insert(id.0.clone());
        }
        let seen = &operator.known;
        if on_record(&seen.fencing.acquisition.0) || seen.fencing.issued.is_some() {
            told.insert(seen.fencing.acquisition.0.clone());
        }
        let earlier = seen
            .fencing
            .issued
            .iter()
            .flat_map(|issued| &issued.earlier);
        let earlier = earlier.filter(|one| one.epoch.0 > known);
        told.extend(earlier.map(|one| id(one).to_owned()));
        if let Some(ClaimEdit::EndAcquire(id)) = &seen.fencing.refused {
            told.insert(id.0.clone());
        }
    }
    all.retain(|id| told.contains(id));
    for id in told {
        if !all.contains(&id) {
            all.push(id);
        }
    }
    let mut names = BTreeMap::new();
    for id in all {
        let name = format!("a{}.0", names.len());
        names.entry(id).or_insert(name);
    }
    names
}

fn differs(record: &Keyed<ResellerClaimSpec>, names: &BTreeMap<String, String>) -> bool {
    let mut all = record.acquisitions.iter();
    all.any(|attempt| names.get(&attempt.id) != Some(&attempt.id))
}

/// Attempts that nobody can tell any more go; whether the latest one is open stays as it was.
fn rename(record: &mut ResellerClaimSpec, names: &BTreeMap<String, String>) {
    record
        .acquisitions
        .retain(|attempt| names.contains_key(&attempt.id));
    for attempt in &mut record.acquisitions {
        if let Some(name) = names.get(&attempt.id) {
            attempt.id.clone_from(name);
        }
    }
    record.acquisition_pending = record
        .acquisitions
        .last()
        .is_some_and(|last| last.epoch.is_none());
}
