//! The state table: what `kubectl`, Flux and Argo CD make of every state that can be written.

use jiff::Timestamp;
use serde_json::{Value, json};
use tenant_reseller_operator::api::{
    self, Change, Condition, ConditionList as _, ConditionStatus, ConditionType, DesiredCondition,
    Reason, StateClass, TenantResellerUpgradeStatus,
};
use tenant_reseller_operator::upgrade::{Draft, Now, ReadyState, compose};

use support::kstatus::{
    Health, KStatus, argo_health, assert_conventions, by_the_table, flux_violations, kstatus,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

/// The status that the operator writes after another one, of a state.
pub(super) fn composed(
    before: &TenantResellerUpgradeStatus,
    reason: Reason,
    generation: i64,
    second: i64,
) -> TenantResellerUpgradeStatus {
    let state = ReadyState {
        reason,
        message: "Why.".to_owned(),
        next_action: "What.".to_owned(),
    };
    let draft = Draft {
        generation,
        known: None,
        claim: None,
        state: &state,
        next_attempt: None,
        handled: None,
        identity: None,
    };
    let now = Now {
        wall: at(second),
        monotonic: std::time::Duration::ZERO,
    };
    compose(before, draft, now)
}

pub(super) fn ready_reasons() -> impl Iterator<Item = (Reason, StateClass)> {
    Reason::ALL
        .into_iter()
        .filter_map(|reason| reason.class().map(|class| (reason, class)))
}

/// Writes a state and answers the largest change.
fn write(list: &mut Vec<Condition>, reason: Reason, generation: i64, second: i64) -> Change {
    let before = list.clone();
    api::summary(reason, "Why.").apply(list, generation, at(second));
    changed(&before, list)
}

fn changed(before: &[Condition], after: &[Condition]) -> Change {
    let was = |now: &Condition| before.iter().find(|c| c.type_ == now.type_);
    let changes = after.iter().map(|now| now.change_since(was(now)));
    changes.max().unwrap_or(Change::Unchanged)
}

fn set(
    wanted: DesiredCondition,
    list: &mut Vec<Condition>,
    generation: i64,
    second: i64,
) -> Change {
    let before = list.clone();
    wanted.set(list, generation, at(second));
    changed(&before, list)
}

fn status(list: &[Condition], type_: ConditionType) -> Option<(ConditionStatus, &str)> {
    list.condition(type_)
        .map(|condition| (condition.status, condition.reason.as_str()))
}

#[test]
fn every_state_after_every_other_is_read_as_the_table_says() {
    let mut seen = 0;
    for (before, _) in ready_reasons() {
        for (reason, class) in ready_reasons() {
            let first = composed(&TenantResellerUpgradeStatus::default(), before, 1, 0);
            let second = composed(&first, reason, 2, 1);
            let mut object = json!({ "metadata": { "generation": 2 }, "status": second });
            if class == StateClass::Deleting {
                object["metadata"]["deletionTimestamp"] = json!(at(1).to_string());
            }
            let want = by_the_table(class);
            assert_eq!(
                assert_conventions(&object),
                want,
                "{before:?}, then {reason:?}"
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 38 * 38, "a reason came or went: read the table again");
}

#[test]
fn the_table_by_its_rows() {
    use ConditionStatus::{False, True, Unknown};
    for (reason, class) in ready_reasons() {
        let mut list = Vec::new();
        let _change = write(&mut list, reason, 1, 0);
        let word = reason.as_str();
        let here = |status| Some((status, word));
        let active = Some((False, "Active"));
        let (ready, reconciling, stalled, succeeded, suspended) = match class {
            StateClass::Working => (here(Unknown), here(True), None, here(Unknown), active),
            StateClass::WaitsByItself => (here(False), here(True), None, here(Unknown), active),
            StateClass::WaitsForPeople => (here(False), None, None, here(Unknown), active),
            StateClass::Suspended if reason == Reason::Suspending => {
                (here(False), None, None, here(Unknown), here(False))
            }
            StateClass::Suspended => (here(False), None, None, here(Unknown), here(True)),
            StateClass::MustFix => (here(False), None, here(True), here(Unknown), active),
            StateClass::Done => (here(True), None, None, here(True), active),
            StateClass::DoneWithDifferences => (here(False), None, here(True), here(False), active),
            StateClass::Deleting => (here(False), None, None, None, None),
        };
        assert_eq!(status(&list, ConditionType::Ready), ready);
        assert_eq!(status(&list, ConditionType::Reconciling), reconciling);
        assert_eq!(status(&list, ConditionType::Stalled), stalled);
        assert_eq!(status(&list, ConditionType::Succeeded), succeeded);
        assert_eq!(status(&list, ConditionType::Suspended), suspended);
        let count = [ready, reconciling, stalled, succeeded, suspended]
            .iter()
            .flatten()
            .count();
        assert_eq!(list.len(), count, "and nothing else");
    }
}

/// A deletion says nothing anew of what was achieved, nor of a suspension. It was looked at all the
/// same: a spec that changed right before leaves no condition at the generation before.
#[test]
fn deletion_leaves_what_was_achieved() {
    for (reason, class) in ready_reasons() {
        let before = composed(&TenantResellerUpgradeStatus::default(), reason, 1, 0);
        let after = composed(&before, Reason::Deleting, 3, 1).conditions;
        assert_eq!(
            status(&after, ConditionType::Ready),
            Some((ConditionStatus::False, "Deleting"))
        );
        for type_ in [ConditionType::Succeeded, ConditionType::Suspended] {
            let is_there = class != StateClass::Deleting;
            assert_eq!(after.condition(type_).is_some(), is_there, "{reason:?}");
            assert_eq!(
                status(&after, type_),
                status(&before.conditions, type_),
                "{reason:?}"
            );
        }
        for condition in &after {
            assert_eq!(
                condition.observed_generation, 3,
                "{reason:?}: {condition:?}"
            );
        }
    }
}

#[test]
fn writing_the_same_again_changes_nothing_and_moves_no_time() {
    for (reason, _) in ready_reasons() {
        let mut list = Vec::new();
        assert_eq!(write(&mut list, reason, 1, 0), Change::Transitioned);
        let before = list.clone();
        assert_eq!(
            write(&mut list, reason, 1, 60),
            Change::Unchanged,
            "{reason:?}"
        );
        assert_eq!(list, before);
        assert_eq!(
            write(&mut list, reason, 2, 60),
            Change::Updated,
            "{reason:?}"
        );
        for (now, then) in list.iter().zip(&before) {
            assert_eq!(now.last_transition_time, then.last_transition_time);
        }
    }
}

#[test]
fn a_milestone_never_goes_back() {
    let milestone = |status, reason| DesiredCondition {
        type_: ConditionType::CustomersCopied,
        status,
        reason,
        message: String::new(),
    };
    let mut list = Vec::new();
    let pending = milestone(ConditionStatus::False, Reason::Pending);
    let reached = milestone(ConditionStatus::True, Reason::Completed);
    let first = set(pending.clone(), &mut list, 1, 0);
    assert_eq!(first, Change::Transitioned);
    assert_eq!(set(reached, &mut list, 1, 1), Change::Transitioned);
    let before = list.clone();
    let again = set(pending.clone(), &mut list, 1, 2);
    assert_eq!(again, Change::Unchanged);
    assert_eq!(list, before);
    assert_eq!(set(pending, &mut list, 2, 3), Change::Updated);
    assert_eq!(list[0].status, ConditionStatus::True);
    assert_eq!(list[0].observed_generation, 2);
    assert_eq!(list[0].last_transition_time, before[0].last_transition_time);
}

#[test]
fn a_message_is_cut_where_a_character_ends() {
    let mut list = Vec::new();
    api::summary(Reason::Progressing, &"ü".repeat(2000)).apply(&mut list, 1, at(0));
    for condition in &list {
        assert!(
            condition.message.len() <= 1024
                && condition
                    .message
                    .chars()
                    .all(|c| c == 'ü' || condition.reason == "Active")
        );
    }
}

#[test]
fn an_unseen_object_is_in_progress() {
    let unseen = json!({
        "metadata": { "generation": 1 },
        "status": { "observedGeneration": -1 },
    });
    assert_eq!(kstatus(&unseen), KStatus::InProgress);
    assert_eq!(argo_health(&unseen), Health::Progressing);
    // And why the default is needed at all.
    assert_eq!(
        kstatus(&json!({ "metadata": { "generation": 1 } })),
        KStatus::Current
    );
}

/// The judges are judged: each rule is seen to catch what it is for.
#[test]
fn the_checkers_catch_what_they_are_for() {
    let of = |conditions: &[(&str, &str, i64)], seen: i64| {
        let conditions: Vec<Value> = conditions
            .iter()
            .map(|(type_, status, generation)| {
                json!({ "type": type_, "status": status, "reason": "R",
                        "observedGeneration": generation })
            })
            .collect();
        json!({ "metadata": { "generation": 2 },
                "status": { "observedGeneration": seen, "conditions": conditions } })
    };
    let caught = |object: &Value, rule: &str| {
        assert!(
            flux_violations(object)
                .iter()
                .any(|found| found.starts_with(rule)),
            "{rule}: {object}"
        );
    };
    caught(
        &of(&[("Ready", "True", 2), ("Stalled", "True", 2)], 2),
        "0001",
    );
    caught(&of(&[], 2), "0002");
    caught(
        &of(&[("Ready", "True", 2), ("Reconciling", "True", 2)], 2),
        "0003",
    );
    caught(
        &of(&[("Ready", "Unknown", 2), ("Stalled", "True", 2)], 2),
        "0004",
    );
    let both = [
        ("Ready", "False", 2),
        ("Stalled", "False", 2),
        ("Reconciling", "False", 2),
    ];
    caught(&of(&both, 2), "0005");
    caught(&of(&[("Ready", "False", 3)], 2), "0006");
    caught(&of(&[("Ready", "False", 2)], 3), "0006");
    caught(&of(&[("Ready", "True", 1)], 1), "0007");
    caught(
        &of(&[("Ready", "True", 2), ("Succeeded", "True", 1)], 2),
        "0008, 0009",
    );
    caught(&of(&[("Ready", "Unknown", 2)], 2), "0011");
    assert!(flux_violations(&of(&[("Ready", "True", 2)], 2)).is_empty());
}
