//! The exact value that an upgrade asks a person to write. Pure.
//!
//! The operator shows it in a command, and only if it is one plain word. It is taken from there and
//! from nowhere else: a value that the operator did not show is not confirmed.

use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt as _;

use crate::api::{
    CONFIRM_ANNOTATION, ConditionList as _, ConditionType, Reason, TAKE_OVER_ANNOTATION,
    TenantResellerUpgrade,
};

/// The value of an annotation that the upgrade asks for now; none if it asks for none.
pub(super) fn asked_for(upgrade: &TenantResellerUpgrade, annotation: &str) -> Option<String> {
    let status = upgrade.status.as_ref()?;
    let reason = &status.conditions.condition(ConditionType::Ready)?.reason;
    let asks = match annotation {
        CONFIRM_ANNOTATION => Reason::AwaitingConfirmation,
        TAKE_OVER_ANNOTATION => Reason::ResellerClaimed,
        _ => return None,
    };
    // What an earlier spec asked for is answered to something else.
    let present = status.observed_generation == upgrade.metadata.generation;
    if reason != asks.as_str() || !present {
        return None;
    }
    let action = &status.waiting_for.as_ref()?.next_action;
    let (_, command) = action.rsplit_once(": kubectl annotate tru ")?;
    let (_, given) = command.rsplit_once(&format!(" {annotation}="))?;
    let given = given.trim();
    let value = given
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
        .unwrap_or(given);
    is_plain(value).then(|| value.to_owned())
}

/// Another operator of this cluster, if the present one stands back for it: it is named by an event of
/// the one and by the status that the other writes, and both must agree.
pub(super) fn holder_of_another_operator(
    upgrade: &TenantResellerUpgrade,
    events: &[Event],
) -> Option<String> {
    let operator = upgrade.status.as_ref()?.operator.as_deref()?;
    let told = events.iter().any(|event| {
        event.reason.as_deref() == Some(Reason::AnotherOperator.as_str())
            && event
                .note
                .as_deref()
                .is_some_and(|note| note.contains(operator))
    });
    let holder = format!("{operator}.{}", upgrade.namespace().unwrap_or_default());
    (told && is_plain(operator)).then_some(holder)
}

/// Whether a value is one plain word, as the operator has it.
fn is_plain(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/@".contains(&byte);
    let begins = word
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric());
    begins && word.len() <= 128 && word.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn upgrade(reason: &str, action: &str) -> TenantResellerUpgrade {
        serde_json::from_value(json!({
            "apiVersion": "tenantreseller.io/v1alpha1", "kind": "TenantResellerUpgrade",
            "metadata": { "name": "contoso", "namespace": "resellers", "generation": 2 },
            "spec": {
                "connectionRef": { "name": "distributor" }, "reseller": { "accountId": "1" },
                "tenant": { "priceList": "P", "edition": "E", "language": "en", "timeZone": "UTC",
                    "dateFormat": "d", "invoicing": "Combined" }
            },
            "status": {
                "observedGeneration": 2, "operator": "u-1",
                "conditions": [{ "type": "Ready", "status": "False", "reason": reason, "message": "",
                    "lastTransitionTime": "2026-12-05T20:00:00Z", "observedGeneration": 2 }],
                "waitingFor": { "reason": reason, "nextAction": action,
                    "since": "2026-12-05T20:00:00Z" }
            }
        }))
        .unwrap()
    }

    #[test]
    fn the_value_is_that_of_the_command_and_only_while_it_is_asked_for() {
        let confirm = "See: kubectl annotate tru contoso -n resellers --overwrite tenantreseller.io/confirm=7";
        let asked = |reason, action: &str| asked_for(&upgrade(reason, action), CONFIRM_ANNOTATION);
        assert_eq!(asked("AwaitingConfirmation", confirm).as_deref(), Some("7"));
        // Another state that happens to show such a command asks for nothing.
        assert_eq!(asked("Progressing", confirm), None);
        assert_eq!(asked("AwaitingConfirmation", "Wait."), None);
        for odd in ["7; rm -rf /", "$(id)", "", "7 8", "-n"] {
            let action =
                format!("See: kubectl annotate tru contoso tenantreseller.io/confirm={odd}");
            assert_eq!(asked("AwaitingConfirmation", &action), None, "{odd}");
        }
        // What the former annotation said stands before the command and is not taken for it.
        let other = format!("The annotation tenantreseller.io/confirm says \"9\". {confirm}");
        assert_eq!(asked("AwaitingConfirmation", &other).as_deref(), Some("7"));
        let mut earlier = upgrade("AwaitingConfirmation", confirm);
        earlier.metadata.generation = Some(3);
        assert_eq!(asked_for(&earlier, CONFIRM_ANNOTATION), None);
        let take = "Take over: kubectl annotate tru contoso -n resellers --overwrite tenantreseller.io/take-over='8f-2/r'";
        let upgrade = upgrade("ResellerClaimed", take);
        assert_eq!(
            asked_for(&upgrade, TAKE_OVER_ANNOTATION).as_deref(),
            Some("8f-2/r")
        );
    }

    #[test]
    fn another_operator_is_named_by_the_event_and_the_status_alike() {
        let event = |note: &str| Event {
            reason: Some("AnotherOperator".to_owned()),
            note: Some(note.to_owned()),
            ..Event::default()
        };
        let upgrade = upgrade("Progressing", "");
        let holder = |note| holder_of_another_operator(&upgrade, &[event(note)]);
        assert_eq!(holder("uid u-1, works").as_deref(), Some("u-1.resellers"));
        assert_eq!(holder("uid u-2, works"), None);
        assert_eq!(holder_of_another_operator(&upgrade, &[]), None);
    }
}
