//! The state table: what the summary conditions are while a reason stands.

use jiff::Timestamp;

use super::conditions::{Condition, ConditionStatus, ConditionType, DesiredCondition};
use super::reason::{Reason, StateClass};

/// The summary conditions of one state: what to set, and what must not stand beside it.
///
/// A type that is in neither list stays as it is (only `Deleting` leaves any).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Summary {
    /// The conditions to set.
    pub set: Vec<DesiredCondition>,
    /// The types to remove: `Reconciling` and `Stalled` are there only while True, never both.
    pub remove: Vec<ConditionType>,
}

impl Summary {
    /// Writes the summary into a list of conditions. Conditions that the summary does not name are
    /// not touched.
    pub fn apply(self, list: &mut Vec<Condition>, generation: i64, now: Timestamp) {
        list.retain(|condition| !self.remove.iter().any(|type_| condition.is(*type_)));
        for wanted in self.set {
            wanted.set(list, generation, now);
        }
    }
}

/// What `Ready`, `Reconciling`, `Stalled`, `Succeeded` and `Suspended` are while `reason` is the
/// reason of an upgrade's `Ready`.
///
/// A reason without a [class](Reason::class) is none of `Ready`, and to pass one is a mistake of
/// the caller (a debug build says so). The answer is then the only one that promises nothing:
/// work goes on.
pub fn summary(reason: Reason, message: &str) -> Summary {
    use ConditionStatus::{False, True, Unknown};
    use ConditionType::{Ready, Reconciling, Stalled, Succeeded};

    let class = reason.class();
    debug_assert!(class.is_some(), "{reason:?} is no reason of Ready");
    let class = class.unwrap_or(StateClass::Working);
    let condition = |type_, status| DesiredCondition {
        type_,
        status,
        reason,
        message: message.to_owned(),
    };
    let (ready, beside, succeeded) = match class {
        StateClass::Working => (Unknown, Some(Reconciling), Some(Unknown)),
        StateClass::WaitsByItself => (False, Some(Reconciling), Some(Unknown)),
        StateClass::WaitsForPeople | StateClass::Suspended => (False, None, Some(Unknown)),
        StateClass::MustFix => (False, Some(Stalled), Some(Unknown)),
        StateClass::Done => (True, None, Some(True)),
        StateClass::DoneWithDifferences => (False, Some(Stalled), Some(False)),
        StateClass::Deleting => (False, None, None),
    };

    let mut set = vec![condition(Ready, ready)];
    set.extend(beside.map(|type_| condition(type_, True)));
    set.extend(succeeded.map(|status| condition(Succeeded, status)));
    set.extend(suspended(class, reason, message));
    let remove = [Reconciling, Stalled]
        .into_iter()
        .filter(|type_| beside != Some(*type_))
        .collect();
    Summary { set, remove }
}

/// `Suspended` is True only once the upgrade rests: a client that waits for it may rely on it that
/// nothing is under way any more. Deletion leaves it as it was.
fn suspended(class: StateClass, reason: Reason, message: &str) -> Option<DesiredCondition> {
    let (status, reason, message) = match class {
        StateClass::Deleting => return None,
        StateClass::Suspended if reason == Reason::Suspending => {
            (ConditionStatus::False, reason, message)
        }
        StateClass::Suspended => (ConditionStatus::True, reason, message),
        StateClass::Working
        | StateClass::WaitsByItself
        | StateClass::WaitsForPeople
        | StateClass::MustFix
        | StateClass::Done
        | StateClass::DoneWithDifferences => {
            (ConditionStatus::False, Reason::Active, "Not suspended.")
        }
    };
    Some(DesiredCondition {
        type_: ConditionType::Suspended,
        status,
        reason,
        message: message.to_owned(),
    })
}

/// The conditions of a status, as they are read.
pub trait ConditionList {
    /// The condition of a type.
    fn condition(&self, type_: ConditionType) -> Option<&Condition>;

    /// Whether the condition of a type is there and True.
    fn holds(&self, type_: ConditionType) -> bool {
        self.condition(type_)
            .is_some_and(|condition| condition.status == ConditionStatus::True)
    }
}

impl ConditionList for [Condition] {
    fn condition(&self, type_: ConditionType) -> Option<&Condition> {
        self.iter().find(|condition| condition.is(type_))
    }
}
