//! What a person is told of the switch, and what stands on record of it. The telling rests on the last sweep,
//! and is taken back as soon as something shows that this sweep is not true any more.

use crate::api::{Reason, ResellerClaimSpec};
use crate::bss::port::{BackOrdering, Revision, WriteOperation};
use crate::upgrade::decide::Decide;
use crate::upgrade::known::{CleanFinalSweep, Telling};
use crate::upgrade::observe::Observe;
use crate::upgrade::phases::Stage;
use crate::upgrade::report::messages;
use crate::upgrade::report::messages::SwitchStep;

impl Decide<'_> {
    pub(in crate::upgrade) fn is_told(&self) -> bool {
        let claim = self.known.fencing.claim.as_ref();
        claim.is_some_and(|claim| claim.told.is_some() && claim.activation_time.is_none())
    }

    pub(in crate::upgrade) fn told_and_moved(&self) -> bool {
        self.is_told() && self.known.activation.telling == Telling::Moved
    }
}

/// Whether the record, as it was known before, told a person something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WasTold {
    Yes,
    NotKnown,
}

impl Observe<'_> {
    /// Every gate is passed and it is on record that a person is told so; the person presses the
    /// switch. Everything is looked at again meanwhile.
    fn awaits_the_switch(&mut self) {
        let instruction = self
            .known
            .bss
            .instructions
            .get(&WriteOperation::ActivateBackOrdering)
            .cloned();
        let tenant = self
            .known
            .tenant
            .seen
            .clone()
            .flatten()
            .map(|tenant| tenant.id);
        let capabilities = self.known.bss.capabilities.as_ref();
        let unseen = capabilities.map(|capabilities| &capabilities.unseen);
        let clean = self.known.activation.clean.as_ref();
        let step = messages::press_the_switch(&SwitchStep {
            instruction: instruction.as_deref(),
            tenant: tenant.as_ref(),
            copies: clean.and_then(CleanFinalSweep::with_the_switch),
            unseen,
        });
        self.known.enter(Stage::CheckCustomers);
        self.watch(step);
        self.known.activation.telling = Telling::Yes;
        self.known.activation.told_revision = self
            .known
            .activation
            .clean
            .as_ref()
            .and_then(CleanFinalSweep::revision);
    }

    /// The reseller was looked at: what a person was told stands only if the person has pressed the switch.
    pub(super) fn settle_doubt(&mut self, back_ordering: BackOrdering) {
        if self.known.activation.telling == Telling::Doubted {
            self.known.activation.telling = match back_ordering {
                BackOrdering::On => Telling::Yes,
                BackOrdering::Off | BackOrdering::Unknown => Telling::Moved,
            };
        }
    }

    /// A page of another revision is the first sign that something moved since the final sweep on which
    /// a person is told to press the switch. The person is not told any more from now on, and not from
    /// the end of the look that the page belongs to, which may be far. The press itself moves the
    /// revision: the record of what was told stands until a look at the reseller says that it was not.
    pub(in crate::upgrade) fn compares_with_what_is_told(&mut self, seen: Option<Revision>) {
        let told = self.known.activation.told_revision;
        if self.known.activation.telling != Telling::Yes || told.is_none() {
            return;
        }
        if seen != told {
            self.known.activation.telling = Telling::Doubted;
            self.lift(&[Reason::AwaitingManualStep]);
            self.looks_are_old();
        }
    }

    /// What a person is told follows the record.
    pub(super) fn told(&mut self, was_told: WasTold, spec: Option<&ResellerClaimSpec>) {
        let told = spec.and_then(|spec| spec.told.as_ref());
        let Some(told) = told else {
            if was_told == WasTold::Yes || self.known.activation.telling != Telling::No {
                self.lift(&[Reason::AwaitingManualStep]);
                if self.copies_with_the_switch() {
                    // The records that the act would copy are listed with the telling, and go with it.
                    self.no_hands_are_needed();
                }
            }
            self.known.activation.telling = Telling::No;
            return;
        };
        let clean = self.known.activation.clean.as_ref();
        let swept = clean.is_some_and(|clean| {
            clean.digest() == told.inventory_digest
                && clean.pricing() == told.pricing_digest.as_deref()
        });
        if self.known.stage == Stage::Activate
            && swept
            && self.by_hand(WriteOperation::ActivateBackOrdering)
        {
            self.awaits_the_switch();
        }
    }
}
