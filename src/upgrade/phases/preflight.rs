//! The preflight: while the tenant is queued, or a person has to create it, what its price list would not
//! permit is found and told. It holds nothing back, and its failures are its own.

use crate::bss::error::BssError;
use crate::upgrade::annotations::Suspension;
use crate::upgrade::decide::Decide;
use crate::upgrade::effect::PreflightRequest;
use crate::upgrade::known::BlockersTold;
use crate::upgrade::observe::Observe;
use crate::upgrade::phases::waiting::{Counted, Counter};
use crate::upgrade::report::ReadyState;
use crate::upgrade::report::messages;
use crate::upgrade::sweep::findings::Findings;
use crate::upgrade::sweep::preflight::{Preflight, PreflightState, Sizes, Worth};

impl Decide<'_> {
    /// What the price list permits: looked at between two looks at the tenant that is on its way, as long
    /// as these succeed.
    pub(in crate::upgrade) fn preflight_request(&self) -> Option<PreflightRequest> {
        let look = self.known.tenant.preflight.looking()?;
        let waits = self.known.waiting.failures.is_none() && self.known.may_write();
        (waits && !look.rests()).then(|| look.wanted()).flatten()
    }
}

impl Observe<'_> {
    /// While the tenant is not there yet: goes on with the look at what its price list permits, and says
    /// beside the state what came of it so far.
    pub(super) fn with_preparation(&mut self, mut state: ReadyState) -> ReadyState {
        if self.known.findings.preflight.total() > 0 {
            state.message.push_str(
                " Some subscriptions or assets cannot be copied as they are; status.failures names \
                 them.",
            );
        }
        self.advance_preflight();
        if let Some(failure) = self.known.tenant.preflight.failure_message() {
            state.message.push(' ');
            state.message.push_str(&failure);
        }
        state
    }

    /// The look at what the price list permits begins once; one that rests after failures comes nearer to
    /// its next try.
    pub(super) fn advance_preflight(&mut self) {
        if let PreflightState::Looking(look) = &mut self.known.tenant.preflight {
            look.tenant_looked_at();
        }
        let sizes = self
            .known
            .bss
            .capabilities
            .as_ref()
            .map(|capabilities| Sizes {
                page: capabilities.page_size,
                batch: capabilities.largest_batch,
            });
        let (PreflightState::NotYet, Some(reseller), Some(sizes)) = (
            &self.known.tenant.preflight,
            self.known.bss.reseller.as_ref(),
            sizes,
        ) else {
            return;
        };
        let list = &self.upgrade.tenant.price_list;
        let look = Preflight::new(&reseller.account, list, sizes);
        self.known.tenant.preflight = PreflightState::Looking(Box::new(look));
    }

    pub(in crate::upgrade) fn with_preflight(&mut self, act: impl FnOnce(&mut Preflight)) {
        let before = std::mem::replace(&mut self.known.tenant.preflight, PreflightState::Over);
        let PreflightState::Looking(mut look) = before else {
            return;
        };
        act(&mut look);
        if look.is_finished() {
            self.known.findings.preflight = look.found();
            // What an earlier look told, and people have mended, goes.
            if self.known.findings.preflight.total() > 0
                || self.known.findings.told == BlockersTold::OfCustomers
            {
                self.tell_blockers(&Findings::default());
            }
        } else {
            self.known.tenant.preflight = PreflightState::Looking(look);
        }
    }

    /// The look before the tenant exists is a courtesy: what fails there is told, and holds nothing
    /// back.
    pub(super) fn preflight_failed(&mut self, error: &BssError) {
        // A price list that the BSS does not know, for example: the creation will say so.
        let pointless = matches!(
            error,
            BssError::NotFound { .. } | BssError::Invalid(_) | BssError::Conflict { .. }
        );
        if pointless {
            // An upgrade that rests has no creation ahead that would say so.
            self.known.tenant.preflight = if self.upgrade.suspended == Suspension::Suspended {
                let how = messages::sentence(&error.to_string());
                PreflightState::GivenUp { how }
            } else {
                PreflightState::Over
            };
            return;
        }
        if self.once(Counter::Preflight) == Counted::Before {
            return;
        }
        self.failed_while_at_rest();
        if let PreflightState::Looking(look) = &mut self.known.tenant.preflight {
            let how = messages::sentence(&error.to_string());
            if look.failed(how.clone()) == Worth::Nothing {
                self.known.tenant.preflight = PreflightState::GivenUp { how };
            }
        }
    }
}
