//! Who writes what where, for people to read: status, reports, pricing objects, the connection.

mod connection;
mod pricing;
mod reports;
mod status;

use crate::api::{ConditionStatus, ConditionType, DesiredCondition, Reason};

pub(super) use connection::connection;
pub(super) use pricing::pricing;
pub(super) use reports::{Compare, reports};

fn ready_condition(status: ConditionStatus, reason: Reason, message: &str) -> DesiredCondition {
    DesiredCondition {
        type_: ConditionType::Ready,
        status,
        reason,
        message: message.to_owned(),
    }
}
