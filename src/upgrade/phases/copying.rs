//! What phases 2 and 3 share: who copies, what is on record before, what is waited for, and what people
//! are told where the copying is theirs.

use std::collections::BTreeSet;

use crate::api::ResellerClaimSpec;
use crate::bss::error::{BlockerTally, BssError};
use crate::bss::port::{Keys, Strength, WriteOperation};
use crate::upgrade::decide::{Decide, Decision};
use crate::upgrade::effect::{ClaimEdit, Effect, Read, SweepCall};
use crate::upgrade::observe::{MANY_ROUNDS, Observe};
use crate::upgrade::phases::{Part, Stage};
use crate::upgrade::report::messages;
use crate::upgrade::strategy::{Copying, Executor};
use crate::upgrade::sweep::findings::Findings;
use crate::upgrade::sweep::{CopyMethod, Sweep};

/// So many copies stand on record at a time, where the BSS would make a second one.
const MOST_COPIES_ON_RECORD: usize = 200;

impl Decide<'_> {
    /// The calls of a sweep. A BSS that would make a second copy is asked for no more than what stands on
    /// record.
    pub(super) fn copy(
        &self,
        claim: &ResellerClaimSpec,
        sweep: &Sweep,
        mut calls: Vec<SweepCall>,
    ) -> Decision {
        let strategy = self.known.bss.strategy.as_ref();
        let executor = strategy.map(|strategy| strategy.executor(sweep.listing().copied_by()));
        let records = strategy.is_none_or(|strategy| strategy.copying == Copying::LookUpFirst)
            && executor != Some(Executor::PersonByInstruction);
        if !records || !calls.iter().any(SweepCall::writes) {
            return self.act(Effect::Sweep(calls));
        }
        let on_record: BTreeSet<&str> = match &claim.intents.copies {
            None => BTreeSet::new(),
            Some(intent) => intent.source_ids.iter().map(String::as_str).collect(),
        };
        for call in &mut calls {
            if let SweepCall::Copy(_, items) = call {
                items.retain(|item| on_record.contains(item.source.as_str()));
            }
        }
        calls.retain(|call| !matches!(call, SweepCall::Copy(_, items) if items.is_empty()));
        if calls.iter().any(SweepCall::writes) || sweep.is_under_way() {
            return self.act(Effect::Sweep(calls));
        }
        // The record is written again only when what it names is settled.
        let sources = sweep.next_copies(MOST_COPIES_ON_RECORD);
        self.act(Effect::Claim(ClaimEdit::IntendCopies { sources }))
    }

    /// Where the BSS would make a second copy, a sweep begins only when what this process sent has
    /// taken effect or never will, and when reads show it.
    pub(super) fn settles_after_copies(&self, claim: &ResellerClaimSpec) -> Option<Decision> {
        let strategy = self.known.bss.strategy.as_ref()?;
        if strategy.copying != Copying::LookUpFirst {
            return None;
        }
        let sent = self.known.sweeps.sent;
        if let Some(left) = sent.and_then(|sent| self.settling_since(Some(sent))) {
            return Some(Self::settles(left, "the copies that were sent"));
        }
        (claim.intents.copies.is_some()).then(|| self.act(Effect::Claim(ClaimEdit::SettleCopies)))
    }

    /// A switch that an earlier process asked for may still take effect. Where copies are not refused
    /// after it, none is made before that time is over and the reseller was looked at again.
    pub(in crate::upgrade) fn settles_after_a_switch(
        &self,
        claim: &ResellerClaimSpec,
    ) -> Option<Decision> {
        let strategy = self.known.bss.strategy.as_ref()?;
        let copies = matches!(self.known.stage.part(), Part::Opening | Part::Copying);
        if strategy.off_guard != Strength::Weak || claim.intents.activate.is_none() || !copies {
            return None;
        }
        // Another leader may have asked for it while this process works.
        let followed = self.known.fencing.followed.unwrap_or_default();
        let begun = self.known.began?.max(followed);
        if let Some(left) = self.settling_since(Some(begun)) {
            return Some(Self::settles(left, "a switch that was asked for before"));
        }
        let settled = begun.saturating_add(self.upgrade.terms.settle);
        let fresh = self
            .known
            .bss
            .reseller_read
            .is_some_and(|read| read >= settled);
        (!fresh).then(|| self.act(Effect::Read(Read::Reseller)))
    }
}

impl Observe<'_> {
    /// Who copies, and what happens before.
    pub(super) fn copy_method(&self, operation: WriteOperation) -> CopyMethod {
        let strategy = self.known.bss.strategy.as_ref();
        let executor = strategy.map(|strategy| strategy.executor(operation));
        // What comes with the switch is never sent.
        if self.by_hand(operation) || executor == Some(Executor::Switch) {
            return CopyMethod::Person;
        }
        match self
            .known
            .bss
            .strategy
            .as_ref()
            .map(|strategy| strategy.copying)
        {
            // It is only asked how a person does it, and without keys nothing could be looked up.
            Some(Copying::LookUpFirst)
                if executor == Some(Executor::PersonByInstruction) && self.keeps_no_keys() =>
            {
                CopyMethod::Asked
            }
            Some(Copying::Guarded) if executor == Some(Executor::PersonByInstruction) => {
                CopyMethod::Asked
            }
            Some(Copying::Guarded) => CopyMethod::Bss,
            Some(Copying::LookUpFirst) | None => CopyMethod::BssAfterLookUp,
        }
    }

    fn keeps_no_keys(&self) -> bool {
        let capabilities = self.known.bss.capabilities.as_ref();
        capabilities.is_some_and(|capabilities| capabilities.promises.keys == Keys::None)
    }

    /// No step is left to people. They may have copied up to this moment, and once more than was needed.
    pub(super) fn no_hands_are_needed(&mut self) {
        if self.known.findings.manual.total() > 0 {
            self.known.sweeps.asked = Some(self.now.monotonic);
            self.known.findings.manual = Findings::default();
        }
    }

    /// A person has to copy: says what, and looks again meanwhile.
    pub(super) fn awaits_hands(
        &mut self,
        stage: Stage,
        operation: WriteOperation,
        by_hand: Findings,
    ) {
        let instruction = self.known.bss.instructions.get(&operation).cloned();
        let tenant = self
            .known
            .tenant
            .seen
            .clone()
            .flatten()
            .map(|tenant| tenant.id);
        let step =
            messages::copy_by_hand(operation, instruction.as_deref(), tenant.as_ref(), &by_hand);
        self.known.findings.manual = by_hand;
        self.known.sweeps.asked = Some(self.now.monotonic);
        self.known.enter(stage);
        self.watch(step);
    }

    /// A write is refused for what it rests on. The look at reseller and tenant that follows tells what
    /// is wrong; if it never does, the refusal itself is told.
    pub(super) fn write_refused(&mut self, tallies: &[BlockerTally]) {
        let begin = self.known.stage.restart();
        self.retreat(begin);
        self.call_failed(&BssError::Blocked(tallies.to_vec()));
        self.later_each_time();
        if self.known.waiting.stumbles > MANY_ROUNDS {
            self.stall(messages::of_refusal("A write", tallies));
        }
    }
}
