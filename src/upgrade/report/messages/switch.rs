//! The switch: what holds it (`phases/before_the_switch.rs` decides that), who presses it (`telling.rs`), and what
//! differs after it (`verify.rs`).

use super::ready_state;
use super::remedies::{counted, names, remedies};
use crate::api::Reason;
use std::collections::BTreeSet;
use std::time::Duration;

use crate::bss::port::{AccountId, TenantId, Unseen};
use crate::upgrade::known::LeftToTheSwitch;
use crate::upgrade::report::ReadyState;
use crate::upgrade::strategy::{ActivationGuard, Orders, Strategy};
use crate::upgrade::sweep::findings::Findings;

/// A quiet time before the last sweep.
pub(in crate::upgrade) fn settling(what: &str) -> ReadyState {
    ready_state(
        Reason::Settling,
        format!(
            "A quiet time runs before the last sweep, until nothing of {what} can be under way."
        ),
        "Nothing: the operator goes on by itself. The times are limits.settleSeconds and \
         limits.orderSettleSeconds of the connection.",
    )
}

/// Orders that are not final.
pub(in crate::upgrade) fn open_orders(open: &[String], and_more: bool) -> ReadyState {
    let first: Vec<&str> = open.iter().take(5).map(String::as_str).collect();
    let more = if and_more || open.len() > first.len() {
        ", ..."
    } else {
        ""
    };
    ready_state(
        Reason::AwaitingOrders,
        "Orders of the reseller are not final.",
        format!(
            "The operator waits until these orders are completed or cancelled: {}{more}.",
            first.join(", ")
        ),
    )
}

/// A page without a row that says that there is another.
pub(in crate::upgrade) fn empty_page() -> ReadyState {
    ready_state(
        Reason::ContractViolated,
        "The listing of open orders gave an empty page that is not the last.",
        "Mend the listing: a page with a nextCursor holds at least one row.",
    )
}

/// A person has to see that no order is placed until the switch.
pub(in crate::upgrade) fn freeze(
    strategy: &Strategy,
    account: Option<&AccountId>,
    last_looks: Option<Duration>,
) -> ReadyState {
    let takes = last_looks.map_or_else(String::new, |time| {
        format!(
            " The last looks take {} at the connection's rate, and ordering rests meanwhile.",
            about(time)
        )
    });
    let account = account.map_or_else(String::new, |account| format!(" {account}"));
    let (why, risk) = match (strategy.activation_guard, strategy.orders) {
        (ActivationGuard::Frozen, Orders::Listed | Orders::Unseen) => {
            ("nothing is compared at the switch", "UnguardedSwitch")
        }
        (ActivationGuard::Frozen, Orders::QuietTime) => (
            "nothing is compared at the switch and no open orders are listed",
            "UnguardedSwitch and UnseenOrders",
        ),
        (ActivationGuard::Compared | ActivationGuard::Unguarded, _) => {
            ("no open orders are listed", "UnseenOrders")
        }
    };
    ready_state(
        Reason::AwaitingManualStep,
        format!("Ordering has to rest until the switch, because {why}."),
        format!(
            "Disable ordering for the account{account} in the distributor's BSS; the operator sees it \
             and goes on by itself.{takes} Or accept the risk {risk} in the connection's \
             spec.acceptedRisks."
        ),
    )
}

/// The step that a person is told to do.
#[derive(Clone, Copy, Debug)]
pub(in crate::upgrade) struct SwitchStep<'a> {
    /// How, in the words of the BSS.
    pub(in crate::upgrade) instruction: Option<&'a str>,
    /// The tenant.
    pub(in crate::upgrade) tenant: Option<&'a TenantId>,
    /// What the step copies too.
    pub(in crate::upgrade) copies: Option<&'a LeftToTheSwitch>,
    /// What the BSS does not show, so that the operator has not looked at it.
    pub(in crate::upgrade) unseen: Option<&'a BTreeSet<Unseen>>,
}

/// A person has to press the switch; every gate was passed at the last look.
pub(in crate::upgrade) fn press_the_switch(step: &SwitchStep<'_>) -> ReadyState {
    let SwitchStep {
        instruction,
        tenant,
        copies,
        unseen,
    } = *step;
    let how = instruction.unwrap_or("Activate back ordering in the distributor's BSS.");
    let effect = copies.map_or_else(String::new, |left| {
        format!(" It {} and activates back ordering.", copied_by_it(left))
    });
    let not_seen = unseen.map_or_else(String::new, not_seen);
    let tenant = tenant.filter(|tenant| !how.contains(tenant.as_str()));
    let tenant = tenant.map_or_else(String::new, |tenant| format!(" Tenant: {tenant}."));
    ready_state(
        Reason::AwaitingManualStep,
        match copies {
            None => format!(
                "Everything is copied and every gate is passed; a person has to activate back \
                 ordering.{not_seen}"
            ),
            Some(_) => format!(
                "Everything is checked and every gate is passed; a person has to do the step that \
                 copies the subscriptions and activates back ordering. The report ManualSteps lists \
                 the records.{not_seen}"
            ),
        },
        format!(
            "{how}{tenant}{effect} This cannot be undone. Press it only while this message stands: the \
             operator goes on looking, and takes it back if something moves."
        ),
    )
}

/// A time as people say it: rounded up, in no more than two units.
fn about(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60).max(1);
    let (hours, rest) = (minutes.div_euclid(60), minutes.rem_euclid(60));
    match (hours, rest) {
        (0, rest) => format!("about {rest} min"),
        (hours, 0) => format!("about {hours} h"),
        (hours, rest) => format!("about {hours} h {rest} min"),
    }
}

/// What a switch copies too.
fn copied_by_it(left: &LeftToTheSwitch) -> String {
    let counted = |count: i64, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    format!(
        "copies {} and {} of {}",
        counted(left.subscriptions, "subscription", "subscriptions"),
        counted(left.assets, "asset", "assets"),
        counted(left.owners, "customer", "customers")
    )
}

/// What the operator could not look at.
fn not_seen(unseen: &BTreeSet<Unseen>) -> String {
    if unseen.is_empty() {
        return String::new();
    }
    let facts: Vec<&str> = unseen.iter().map(|fact| fact.as_str()).collect();
    format!(
        " The BSS does not show, and the operator has not compared: {}.",
        facts.join(", ")
    )
}

/// What the comparison after the switch found, if anything.
pub(in crate::upgrade) fn of_differences(differences: &Findings) -> Option<ReadyState> {
    if differences.total() == 0 {
        return None;
    }
    Some(ready_state(
        Reason::VerificationFailed,
        format!(
            "Back ordering is on, and the two sides differ: {}. The report Verification lists every \
             item.",
            names(differences)
        ),
        format!(
            "{} The operator compares again by itself and changes nothing.",
            remedies(counted(differences))
        ),
    ))
}
