//! What other tools make of an object's status, for tests: `kubectl` and Flux by kstatus, Flux by
//! its condition checker, Argo CD by the health script of this project's documentation.
//!
//! Each works on the object as JSON, as those tools do, so that it may be run over objects of any
//! kind, out of memory or from an API server.

use serde_json::Value;
use tenant_reseller_operator::api::{Reason, StateClass};

/// What kstatus says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KStatus {
    /// Being deleted.
    Terminating,
    /// Not there yet.
    InProgress,
    /// Will not get there by itself.
    Failed,
    /// There.
    Current,
}

/// What Argo CD says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Done.
    Healthy,
    /// Rests, or waits for people.
    Suspended,
    /// Goes on.
    Progressing,
    /// Needs a person.
    Degraded,
}

fn conditions(object: &Value) -> &[Value] {
    object
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    conditions(object).iter().find(|c| text(c, "type") == type_)
}

fn is(object: &Value, type_: &str, status: &str) -> bool {
    condition(object, type_).is_some_and(|c| text(c, "status") == status)
}

fn generation(object: &Value) -> i64 {
    object
        .pointer("/metadata/generation")
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

fn known(object: &Value) -> Option<i64> {
    object
        .pointer("/status/observedGeneration")
        .and_then(Value::as_i64)
}

fn is_deleting(object: &Value) -> bool {
    object
        .pointer("/metadata/deletionTimestamp")
        .is_some_and(|time| !time.is_null())
}

/// kstatus for a custom resource (cli-utils, `pkg/kstatus/status`): the first hit wins.
pub fn kstatus(object: &Value) -> KStatus {
    if is_deleting(object) {
        return KStatus::Terminating;
    }
    if known(object).is_some_and(|seen| seen != generation(object)) {
        return KStatus::InProgress;
    }
    for condition in conditions(object) {
        match (text(condition, "type"), text(condition, "status")) {
            ("Reconciling", "True") => return KStatus::InProgress,
            ("Stalled", "True") => return KStatus::Failed,
            _ => {}
        }
    }
    match condition(object, "Ready").map(|ready| text(ready, "status")) {
        Some("True") | None => KStatus::Current,
        Some(_) => KStatus::InProgress,
    }
}

/// The rules of Flux's condition checker (`runtime/conditions/check`) that an object breaks, by
/// number. Two are read for a run that takes weeks: Reconciling needs Ready to be anything but
/// True (0003), so that Ready may stay Unknown while work goes on, and Ready Unknown then needs
/// Reconciling (0011).
pub fn flux_violations(object: &Value) -> Vec<&'static str> {
    // A deletion counts as a generation of its own, and who was done is not written to again.
    let leaves = object.pointer("/metadata/deletionTimestamp").is_some();
    let ready = is(object, "Ready", "True");
    let reconciling = is(object, "Reconciling", "True");
    let stalled = is(object, "Stalled", "True");
    let current = generation(object);
    let seen = known(object);
    let rules = [
        (
            "0001: Reconciling or Stalled beside Ready",
            ready && (reconciling || stalled),
        ),
        ("0002: no Ready", condition(object, "Ready").is_none()),
        ("0003: Reconciling while Ready", reconciling && ready),
        (
            "0004: Stalled and Ready not False",
            stalled && !is(object, "Ready", "False"),
        ),
        (
            "0005: Reconciling and Stalled",
            condition(object, "Reconciling").is_some() && condition(object, "Stalled").is_some(),
        ),
        (
            "0006: a generation that is not there yet",
            seen.is_some_and(|seen| seen > current)
                || conditions(object)
                    .iter()
                    .filter_map(|c| c.get("observedGeneration")?.as_i64())
                    .any(|seen| seen > current),
        ),
        (
            "0007: Ready by an old generation",
            ready && !leaves && seen.is_some_and(|seen| seen < current),
        ),
        (
            "0008, 0009: Ready, and a condition of another generation",
            ready
                && !leaves
                && conditions(object).iter().any(|c| {
                    let of = c.get("observedGeneration").and_then(Value::as_i64);
                    of != Some(current) || of != seen
                }),
        ),
        (
            "0011: Ready Unknown and not Reconciling",
            is(object, "Ready", "Unknown") && !reconciling,
        ),
    ];
    rules
        .into_iter()
        .filter_map(|(rule, broken)| broken.then_some(rule))
        .collect()
}

/// Argo CD's health of an upgrade by the script in `examples/gitops/argocd/health.yaml`: a test runs the
/// script itself over every combination of what it reads, and compares. Deletion is Progressing before any
/// script runs.
pub fn argo_health(object: &Value) -> Health {
    if is_deleting(object) || known(object) != Some(generation(object)) {
        return Health::Progressing;
    }
    let Some(ready) = condition(object, "Ready") else {
        return Health::Progressing;
    };
    if is(object, "Stalled", "True") {
        return Health::Degraded;
    }
    match text(ready, "status") {
        "True" => Health::Healthy,
        "False" if !is(object, "Reconciling", "True") => Health::Suspended,
        _ => Health::Progressing,
    }
}

/// What the state table says that tools make of a state.
pub fn by_the_table(class: StateClass) -> (KStatus, Health) {
    match class {
        StateClass::Working | StateClass::WaitsByItself => {
            (KStatus::InProgress, Health::Progressing)
        }
        StateClass::WaitsForPeople | StateClass::Suspended => {
            (KStatus::InProgress, Health::Suspended)
        }
        StateClass::MustFix | StateClass::DoneWithDifferences => {
            (KStatus::Failed, Health::Degraded)
        }
        StateClass::Done => (KStatus::Current, Health::Healthy),
        StateClass::Deleting => (KStatus::Terminating, Health::Progressing),
    }
}

/// The same for the status of an upgrade, and that tools read it as the state table says by the
/// reason of its `Ready`.
pub fn assert_state(object: &Value) {
    let says = assert_conventions(object);
    let reason = condition(object, "Ready").map_or("", |ready| text(ready, "reason"));
    let class = Reason::ALL
        .into_iter()
        .find(|known| known.as_str() == reason)
        .and_then(Reason::class)
        .unwrap_or_else(|| panic!("{reason:?} is no state: {object:#}"));
    let wanted = if is_deleting(object) {
        by_the_table(StateClass::Deleting)
    } else if known(object) != Some(generation(object)) {
        // A newer spec that was not looked at yet.
        (KStatus::InProgress, Health::Progressing)
    } else {
        by_the_table(class)
    };
    assert_eq!(says, wanted, "{reason}: {object:#}");
}

/// Of two statuses of one object, one after the other: the generation never goes back, and the
/// time of a condition moves when its status does, and only then.
pub fn assert_follows(before: &Value, after: &Value) {
    assert!(
        known(after) >= known(before),
        "observedGeneration went back: {before:#}\n{after:#}"
    );
    for condition in conditions(after) {
        let type_ = text(condition, "type");
        let Some(old) = self::condition(before, type_) else {
            continue;
        };
        let (then, now) = (
            text(old, "lastTransitionTime"),
            text(condition, "lastTransitionTime"),
        );
        let same = text(old, "status") == text(condition, "status");
        assert!(
            if same { then == now } else { then <= now },
            "{type_} moved its time: {old}\n{condition}"
        );
    }
}

/// Everything that must hold of a status that the operator wrote, whatever the state: asserts it
/// and answers what the tools say.
pub fn assert_conventions(object: &Value) -> (KStatus, Health) {
    assert_eq!(flux_violations(object), Vec::<&str>::new(), "{object:#}");
    let mut types: Vec<&str> = conditions(object).iter().map(|c| text(c, "type")).collect();
    types.sort_unstable();
    let count = types.len();
    types.dedup();
    assert_eq!(types.len(), count, "a type twice: {object:#}");
    for condition in conditions(object) {
        assert!(!text(condition, "reason").is_empty(), "{condition}");
        assert_eq!(
            condition.get("observedGeneration").and_then(Value::as_i64),
            known(object),
            "{condition}"
        );
    }
    for only_true in ["Reconciling", "Stalled"] {
        if condition(object, only_true).is_some() {
            assert!(is(object, only_true, "True"), "{object:#}");
        }
    }
    (kstatus(object), argo_health(object))
}
