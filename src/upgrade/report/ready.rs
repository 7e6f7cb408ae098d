//! The one text that an upgrade shows: why it is as it is, and what is to be done.

use crate::api::Reason;

/// What people read of an upgrade: the reason of `Ready`, its message, and who must do what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReadyState {
    /// Why the upgrade is as it is.
    pub reason: Reason,
    /// In a sentence without counters.
    pub message: String,
    /// Who must do what; empty while work goes on.
    pub next_action: String,
}
