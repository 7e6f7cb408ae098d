//! The switch: what has to rest before it, who presses it, and what differs after it.

use super::ready_state;
use super::remedies::{counted, names, remedies};
use crate::api::Reason;
use crate::bss::port::{AccountId, TenantId};
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
pub(in crate::upgrade) fn freeze(strategy: &Strategy, account: Option<&AccountId>) -> ReadyState {
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
             and goes on by itself. Or accept the risk {risk} in the connection's \
             spec.acceptedRisks."
        ),
    )
}

/// A person has to press the switch; every gate was passed at the last look.
pub(in crate::upgrade) fn press_the_switch(
    instruction: Option<&str>,
    tenant: Option<&TenantId>,
) -> ReadyState {
    let how = instruction.unwrap_or("Activate back ordering in the distributor's BSS.");
    let tenant = tenant.filter(|tenant| !how.contains(tenant.as_str()));
    let tenant = tenant.map_or_else(String::new, |tenant| format!(" Tenant: {tenant}."));
    ready_state(
        Reason::AwaitingManualStep,
        "Everything is copied and every gate is passed; a person has to activate back ordering.",
        format!(
            "{how}{tenant} This cannot be undone. Press it only while this message stands: the \
             operator goes on looking, and takes it back if something moves."
        ),
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
