//! What people read and are asked to do, in words: one function a case. Pure; no text is read back.
//!
//! Messages carry no counters and no personal data, because they are conditions and events;
//! counts and names go into the next action, which only status shows.

mod copies;
mod errors;
mod remedies;
mod switch;
mod tenant;

use super::ReadyState;
use crate::api::Reason;
use crate::legible::legible;

pub(in crate::upgrade) use copies::{
    awaiting_pricing, confirm_pricing, copy_by_hand, of_blockers, of_refusal, price_by_hand,
};
pub(in crate::upgrade) use errors::{of_error, without_quotes};
pub(in crate::upgrade) use remedies::remedy;
pub(in crate::upgrade) use switch::{
    SwitchStep, empty_page, freeze, of_differences, open_orders, press_the_switch, settling,
};
pub(in crate::upgrade) use tenant::{
    SpecTenant, create_by_hand, creation_blocked, invalid_settings, settings_differ, tenant_refused,
};

pub(in crate::upgrade) fn ready_state(
    reason: Reason,
    message: impl Into<String>,
    next_action: impl Into<String>,
) -> ReadyState {
    ReadyState {
        reason,
        message: legible(&message.into()),
        next_action: legible(&next_action.into()),
    }
}

/// As a sentence: what people read begins with a capital and ends with a full stop.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let mut sentence: String = first.chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}
