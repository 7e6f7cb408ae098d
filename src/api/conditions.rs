//! Conditions: what is wanted carries no time, and a condition tells how it changed since it was
//! another one.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reason::Reason;

/// The types of condition that an upgrade carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// Spec valid, references resolved, connection probed, reseller claimed.
    Accepted,
    /// Phase 1 was complete once.
    TenantCreated,
    /// Phase 2 was complete once.
    CustomersCopied,
    /// The pricing gate was passed once.
    PricingReady,
    /// Phase 3 was complete once.
    SubscriptionsCopied,
    /// Phase 4 was complete once.
    BackOrderingActivated,
    /// Both sides were compared item by item after the switch, and agree.
    Verified,
    /// The present, for kstatus.
    Ready,
    /// Bounded work: Unknown while active, then True or False.
    Succeeded,
    /// Suspended by spec or annotation.
    Suspended,
    /// Only there while True.
    Reconciling,
    /// Only there while True.
    Stalled,
}

impl ConditionType {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Accepted,
        Self::TenantCreated,
        Self::CustomersCopied,
        Self::PricingReady,
        Self::SubscriptionsCopied,
        Self::BackOrderingActivated,
        Self::Verified,
        Self::Ready,
        Self::Succeeded,
        Self::Suspended,
        Self::Reconciling,
        Self::Stalled,
    ];

    /// The six milestones, in order.
    pub const MILESTONES: [Self; 6] = [
        Self::TenantCreated,
        Self::CustomersCopied,
        Self::PricingReady,
        Self::SubscriptionsCopied,
        Self::BackOrderingActivated,
        Self::Verified,
    ];

    /// Whether this is a milestone: True once and never back.
    #[must_use]
    pub fn is_milestone(self) -> bool {
        Self::MILESTONES.contains(&self)
    }

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::TenantCreated => "TenantCreated",
            Self::CustomersCopied => "CustomersCopied",
            Self::PricingReady => "PricingReady",
            Self::SubscriptionsCopied => "SubscriptionsCopied",
            Self::BackOrderingActivated => "BackOrderingActivated",
            Self::Verified => "Verified",
            Self::Ready => "Ready",
            Self::Succeeded => "Succeeded",
            Self::Suspended => "Suspended",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
        }
    }
}

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Not decided yet.
    Unknown,
}

/// A condition, as Kubernetes tools read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What the condition is about. Example: `TenantCreated`
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 64))]
    pub type_: String,
    /// Whether it holds. `Unknown` is not decided yet.
    pub status: ConditionStatus,
    /// Why, one word. Example: `AwaitingPricing`
    #[schemars(length(min = 1, max = 64))]
    pub reason: String,
    /// Why, in a sentence for people. It holds no counters, which would change all the time.
    /// Example: `Customers that own subscriptions to copy have no pricing options yet.`
    #[schemars(length(max = 1024))]
    pub message: String,
    /// When `status` changed last. Example: `2026-12-05T20:00:00Z`
    #[schemars(length(max = 40), extend("format" = "date-time"))]
    pub last_transition_time: String,
    /// The generation of the spec that this condition was computed from. Example: `1`
    pub observed_generation: i64,
}

/// A condition as it should be: no time, which only a change of status moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredCondition {
    /// Type.
    pub type_: ConditionType,
    /// Status.
    pub status: ConditionStatus,
    /// Reason.
    pub reason: Reason,
    /// Message.
    pub message: String,
}

/// How a condition changed, the smallest change first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Not at all.
    Unchanged,
    /// In its reason, message or generation.
    Updated,
    /// In its status; a condition that was not there before transitioned too.
    Transitioned,
}

impl Condition {
    /// Whether the condition is of a type.
    #[must_use]
    pub fn is(&self, type_: ConditionType) -> bool {
        self.type_ == type_.as_str()
    }

    /// How this condition changed since `before`.
    #[must_use]
    pub fn change_since(&self, before: Option<&Self>) -> Change {
        match before {
            Some(before) if before == self => Change::Unchanged,
            Some(before) if before.status == self.status => Change::Updated,
            Some(_) | None => Change::Transitioned,
        }
    }

    /// Sets this condition in a list, in place, keeping the order of the others. The time of the last
    /// transition stays unless the status changes; a message that is too long is cut.
    ///
    /// A milestone that is True stays as it is, whatever is wanted, except for its generation: the
    /// API server would refuse the whole status otherwise.
    pub fn set(mut self, list: &mut Vec<Self>) {
        self.message = cut(self.message, 1024);
        let Some(there) = list.iter_mut().find(|c| c.type_ == self.type_) else {
            list.push(self);
            return;
        };
        let milestone = ConditionType::MILESTONES
            .iter()
            .any(|type_| self.is(*type_));
        if milestone
            && there.status == ConditionStatus::True
            && self.status != ConditionStatus::True
        {
            there.observed_generation = self.observed_generation;
            return;
        }
        if there.status == self.status {
            self.last_transition_time
                .clone_from(&there.last_transition_time);
        }
        *there = self;
    }
}

/// Leaves out the conditions of other types: other writers may have some of their own beside ours,
/// and the operator would become their owner if it applied them.
pub fn only(list: &mut Vec<Condition>, ours: &[&str]) {
    list.retain(|condition| ours.contains(&condition.type_.as_str()));
}

impl DesiredCondition {
    /// Sets this condition in a list; see [`Condition::set`].
    pub fn set(self, list: &mut Vec<Condition>, generation: i64, now: Timestamp) {
        let condition = Condition {
            type_: self.type_.as_str().to_owned(),
            status: self.status,
            reason: self.reason.as_str().to_owned(),
            message: self.message,
            last_transition_time: now.to_string(),
            observed_generation: generation,
        };
        condition.set(list);
    }
}

/// Cuts a text to at most `bytes` bytes on a character boundary.
fn cut(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        let end = (0..=bytes)
            .rev()
            .find(|&i| text.is_char_boundary(i))
            .unwrap_or(0);
        text.truncate(end);
    }
    text
}
