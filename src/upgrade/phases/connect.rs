//! Before phase 1: the BSS is the declared one, promises enough, and knows the reseller.

use crate::api::Reason;
use crate::bss::port::{BackOrdering, Reseller, ResellerKind};
use crate::upgrade::alike;
use crate::upgrade::observe::Observe;
use crate::upgrade::report::ReadyState;
use crate::upgrade::report::messages::ready_state;

impl Observe<'_> {
    pub(in crate::upgrade) fn identity(&mut self, told: Option<String>) {
        match told {
            Some(told) if told != self.upgrade.identity => self.stall(ready_state(
                Reason::IdentityMismatch,
                format!(
                    "The BSS calls itself \"{told}\", the connection says \"{}\".",
                    self.upgrade.identity
                ),
                "Correct the connection's URL. If it is the right BSS, delete the BssConnection and \
                 create it again under its name with the BSS's own identity: it cannot be changed.",
            )),
            Some(_) | None => {
                self.lift(&[Reason::IdentityMismatch]);
                self.known.bss.identity_agrees = true;
            }
        }
    }

    pub(in crate::upgrade) fn reseller(&mut self, reseller: Reseller) {
        self.settle_doubt(reseller.back_ordering);
        if let Some(mismatch) = self.is_another(&reseller) {
            self.stall(mismatch);
            return;
        }
        match (reseller.back_ordering, reseller.kind) {
            (BackOrdering::Unknown, _) => self.poll(ready_state(
                Reason::ProgressingWithRetry,
                "The BSS cannot tell at the moment whether back ordering is on.",
                "Nothing: the operator looks again by itself.",
            )),
            (BackOrdering::Off, ResellerKind::Standard | ResellerKind::Tenant) => {
                self.stall(ready_state(
                    Reason::ResellerNotBasic,
                    "Only a Basic reseller can be upgraded; this one is on another plan.",
                    "Return the reseller to Basic in the distributor's BSS, or delete this upgrade.",
                ));
            }
            (BackOrdering::On, _) | (BackOrdering::Off, ResellerKind::Basic) => {
                self.workable(reseller);
            }
        }
    }

    /// The account that the BSS shows must be the one that the spec means, and that work has begun on.
    fn is_another(&self, reseller: &Reseller) -> Option<ReadyState> {
        let pinned = self.upgrade.pinned_account.as_ref();
        if let Some(pinned) = pinned.filter(|pinned| **pinned != reseller.account) {
            return Some(ready_state(
                Reason::ResellerMismatch,
                format!(
                    "The BSS now calls this account {}; work has begun on {pinned}.",
                    reseller.account
                ),
                "Have the account's canonical id restored in the BSS: every key was made with it.",
            ));
        }
        let expected = self.upgrade.expected_name.as_ref();
        let expected = expected.filter(|expected| !alike::texts(expected, &reseller.name))?;
        let (expected, name) = alike::side_by_side(expected, &reseller.name);
        Some(ready_state(
            Reason::ResellerMismatch,
            format!(
                "Account {} is called {name} in the BSS, and spec.reseller.expectedName is \
                 {expected}.",
                reseller.account
            ),
            "If it is the right account, correct spec.reseller.expectedName. If not, delete this \
             upgrade and create one for the right account: an account id cannot be changed.",
        ))
    }

    /// A Basic reseller, or one whose back ordering is on already: work can go on.
    fn workable(&mut self, reseller: Reseller) {
        self.lift(&[
            Reason::ResellerNotFound,
            Reason::ResellerMismatch,
            Reason::ResellerNotBasic,
            Reason::ProgressingWithRetry,
        ]);
        let now = self.now.monotonic;
        let frozen = &mut self.known.activation.frozen;
        if reseller.ordering_enabled {
            *frozen = None;
        } else {
            frozen.get_or_insert(now);
        }
        self.known.bss.reseller = Some(reseller);
        self.known.bss.reseller_read = Some(now);
        self.settle_on();
        self.still_frozen();
        self.seen_while_at_rest();
    }
}
