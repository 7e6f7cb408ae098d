//! The words by which people hold an upgrade, confirm, or take over: annotations beside the spec.
//!
//! A word that holds is obeyed even if it is not understood: a person who wrote it believes that the
//! upgrade is held. A word that lets something happen is obeyed only if it is exactly what was asked for.

use super::validated::ValidUpgrade;
use crate::api::{
    CONFIRM_ANNOTATION, SUSPEND_ANNOTATION, TAKE_OVER_ANNOTATION, TenantResellerUpgrade,
};

/// Other names that people give to the annotation which suspends.
const TAKEN_FOR_SUSPEND: &[&str] = &[
    "suspend",
    "suspended",
    "suspends",
    "suspension",
    "pause",
    "paused",
    "hold",
    "onhold",
    "stop",
    "stopped",
    "halt",
    "halted",
    "freeze",
    "frozen",
    "disable",
    "disabled",
    "abort",
    "cancel",
];
/// The few of them that hold without the group before them: other words are used for much else there.
const WITHOUT_GROUP: &[&str] = &["suspend", "suspended", "pause", "paused"];
/// Names that say the opposite: only `true` lets an upgrade go on that has one.
const TAKEN_FOR_RUN: &[&str] = &["enable", "enabled", "active", "run", "running"];
/// Names that people give to the annotation by which they confirm.
const TAKEN_FOR_CONFIRM: &[&str] = &["confirm", "confirmed", "confirmation", "confirms"];
/// Names that people give to the annotation by which they take over.
const TAKEN_FOR_TAKE_OVER: &[&str] = &["takeover", "takesover", "takenover", "tookover"];
/// What stands in the group of every name of ours, also where the group itself is mistyped.
const OURS: &str = "tenantreseller";
/// Longer values are cut where people read them.
const SHOWN: usize = 64;

/// Whether all work rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suspension {
    /// It rests.
    Suspended,
    /// It goes on.
    Running,
}

/// Whether an upgrade is suspended, by its spec or by annotation.
#[must_use]
pub fn suspension(upgrade: &TenantResellerUpgrade) -> Suspension {
    let held = upgrade.spec.suspend || words(upgrade).any(|word| word.holds());
    if held {
        Suspension::Suspended
    } else {
        Suspension::Running
    }
}

/// What of the words that suspend an upgrade is not understood, in a sentence; none if all is.
#[must_use]
pub fn not_understood(upgrade: &TenantResellerUpgrade) -> Option<String> {
    words(upgrade).find_map(|word| word.not_understood())
}

/// What to say of a word by which a person confirms or takes over, if it is there and is not what is
/// asked for: a sentence and a space.
pub(super) fn not_as_asked(upgrade: &ValidUpgrade, asked: &str) -> String {
    let key = CONFIRM_ANNOTATION;
    match (&upgrade.confirmed, &upgrade.mistyped_confirmation) {
        (Some(given), _) if given != asked => format!(
            "The annotation {key} says {}, which is not what is asked for now. ",
            shown(given)
        ),
        (None, Some(other)) => format!(
            "The {other} is not one that the operator knows, and confirms nothing; the annotation is {key}. "
        ),
        (_, _) => String::new(),
    }
}

/// A label, or an annotation of another name, that a person may have taken for the one that confirms.
pub(super) fn mistyped_confirmation(upgrade: &TenantResellerUpgrade) -> Option<String> {
    mistyped(upgrade, CONFIRM_ANNOTATION, TAKEN_FOR_CONFIRM)
}

/// The same for the one that takes over: what to say of it, a sentence and a space.
pub(super) fn mistyped_take_over(upgrade: &TenantResellerUpgrade) -> Option<String> {
    let other = mistyped(upgrade, TAKE_OVER_ANNOTATION, TAKEN_FOR_TAKE_OVER)?;
    Some(format!(
        "The {other} is not one that the operator knows, and takes nothing over. "
    ))
}

fn mistyped(upgrade: &TenantResellerUpgrade, key: &str, names: &[&str]) -> Option<String> {
    let taken_for_it = |word: &Word<'_>| {
        let exact = word.place == Place::Annotation && word.key == key;
        let (group, name) = split(word.key);
        !exact && group.is_some_and(is_ours) && names.contains(&name.as_str())
    };
    let word = written(upgrade).find(taken_for_it)?;
    Some(format!("{} {}", word.place.as_str(), shown(word.key)))
}

/// Whether another operator of this cluster works on an upgrade, and no person has handed it over to this one,
/// whose namespace has the uid `installation`. Answers the other one's uid.
#[must_use]
pub fn another_operator<'a>(
    upgrade: &'a TenantResellerUpgrade,
    installation: &str,
) -> Option<&'a str> {
    let other = upgrade.status.as_ref()?.operator.as_deref()?;
    // People may name it as a BSS does: with the upgrade's namespace behind a dot.
    let named = annotation(upgrade, TAKE_OVER_ANNOTATION)
        .map(|holder| holder.split_once('.').map_or(holder, |(uid, _)| uid));
    (other != installation && named != Some(other)).then_some(other)
}

/// The value of an annotation without white space around it; none if nothing is left.
pub(super) fn annotation<'a>(upgrade: &'a TenantResellerUpgrade, name: &str) -> Option<&'a str> {
    let value = upgrade.metadata.annotations.as_ref()?.get(name)?.trim();
    (!value.is_empty()).then_some(value)
}

/// A value that people wrote, as it can be shown to them: what cannot be seen is written out.
pub(super) fn shown(value: &str) -> String {
    let mut letters = value.chars();
    let mut text: String = letters
        .by_ref()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if letters.next().is_some() {
        text.push('…');
    }
    format!("\"{text}\"")
}

/// A label or an annotation that suspends, or that a person may have meant so.
struct Word<'a> {
    place: Place,
    key: &'a str,
    value: &'a str,
}

/// Where people write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Annotation,
    Label,
}

impl Place {
    fn as_str(self) -> &'static str {
        match self {
            Self::Annotation => "annotation",
            Self::Label => "label",
        }
    }
}

/// What the name of a word says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sense {
    /// That the upgrade rests.
    Rests,
    /// That it goes on.
    GoesOn,
}

impl Word<'_> {
    fn holds(&self) -> bool {
        match self.sense() {
            Some(Sense::Rests) => self.value != "false",
            Some(Sense::GoesOn) => self.value != "true",
            None => false,
        }
    }

    /// Whether a person may have meant that the upgrade rests, or goes on.
    fn sense(&self) -> Option<Sense> {
        let (group, name) = split(self.key);
        let name = name.as_str();
        match group {
            Some(group) if is_ours(group) => {
                let rests = TAKEN_FOR_SUSPEND.contains(&name).then_some(Sense::Rests);
                rests.or(TAKEN_FOR_RUN.contains(&name).then_some(Sense::GoesOn))
            }
            Some(_) => None,
            None => WITHOUT_GROUP.contains(&name).then_some(Sense::Rests),
        }
    }

    /// The name is right, and the value is `true` in any usual spelling.
    fn is_understood(&self) -> bool {
        let value = self.value.trim().to_ascii_lowercase();
        let means_true = ["true", "yes", "y", "on", "1", "t"].contains(&value.as_str());
        self.place == Place::Annotation && self.key == SUSPEND_ANNOTATION && means_true
    }

    fn not_understood(&self) -> Option<String> {
        if !self.holds() || self.is_understood() {
            return None;
        }
        let (place, key) = (self.place.as_str(), self.key);
        Some(
            if self.place == Place::Annotation && key == SUSPEND_ANNOTATION {
                format!(
                    "The value {} of the annotation {key} is not understood; to be safe, it suspends. \
                 true suspends, false lets the upgrade go on.",
                    shown(self.value)
                )
            } else {
                format!(
                    "The {place} {key} is not one that the operator knows; to be safe, it suspends. \
                 Use the annotation {SUSPEND_ANNOTATION}."
                )
            },
        )
    }
}

/// The words of an upgrade that suspend it, or that a person may have meant so.
fn words(upgrade: &TenantResellerUpgrade) -> impl Iterator<Item = Word<'_>> {
    written(upgrade).filter(|word| word.sense().is_some())
}

/// All labels and annotations.
fn written(upgrade: &TenantResellerUpgrade) -> impl Iterator<Item = Word<'_>> {
    let metadata = &upgrade.metadata;
    let annotations = metadata.annotations.iter().flatten();
    let labels = metadata.labels.iter().flatten();
    annotations
        .map(|word| (Place::Annotation, word))
        .chain(labels.map(|word| (Place::Label, word)))
        .map(|(place, (key, value))| Word { place, key, value })
}

/// The group of a name, if it has one, and the letters and digits behind it in lower case.
fn split(key: &str) -> (Option<&str>, String) {
    let (group, name) = match key.split_once('/') {
        Some((group, name)) => (Some(group), name),
        None => (None, key),
    };
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    (group, letters.collect::<String>().to_ascii_lowercase())
}

/// Whether the group is ours, or was meant to be.
fn is_ours(group: &str) -> bool {
    let letters = group.chars().filter(char::is_ascii_alphanumeric);
    let letters = letters.collect::<String>().to_ascii_lowercase();
    letters.contains(OURS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upgrade_of_the_tests() -> TenantResellerUpgrade {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "tenantreseller.io/v1alpha1",
            "kind": "TenantResellerUpgrade",
            "metadata": { "name": "contoso", "namespace": "resellers" },
            "spec": {
                "connectionRef": { "name": "distributor" },
                "reseller": { "accountId": "10423" },
                "tenant": {
                    "priceList": "PL-RESELLER-EUR", "edition": "Premium", "language": "en-GB",
                    "timeZone": "Europe/Athens", "dateFormat": "dd/MM/yyyy", "invoicing": "Combined"
                }
            }
        }))
        .expect("an upgrade")
    }

    fn upgrade(place: Place, key: &str, value: &str) -> TenantResellerUpgrade {
        let mut upgrade = upgrade_of_the_tests();
        let words = [(key.to_owned(), value.to_owned())].into();
        match place {
            Place::Annotation => upgrade.metadata.annotations = Some(words),
            Place::Label => upgrade.metadata.labels = Some(words),
        }
        upgrade
    }

    fn valid(upgrade: &TenantResellerUpgrade) -> ValidUpgrade {
        let references = crate::upgrade::References {
            identity: "acme".to_owned(),
            pricing: Vec::new(),
            pace: crate::upgrade::Pace::default(),
            terms: crate::upgrade::Terms::default(),
            tenant_connection: crate::upgrade::TenantConnection::NotNamed,
            credential_doubt: None,
        };
        crate::upgrade::validate(upgrade, &references).expect("a valid upgrade")
    }

    #[test]
    fn only_false_lets_an_upgrade_go_on_and_what_is_not_understood_is_said() {
        let annotated = |value| upgrade(Place::Annotation, SUSPEND_ANNOTATION, value);
        assert_eq!(suspension(&annotated("false")), Suspension::Running);
        for value in ["true", "True", "TRUE", "yes", "1", "true ", " on\n", "Y"] {
            assert_eq!(
                suspension(&annotated(value)),
                Suspension::Suspended,
                "{value:?}"
            );
            assert_eq!(not_understood(&annotated(value)), None, "{value:?}");
        }
        for value in [
            "",
            " ",
            "False",
            "no",
            "0",
            "off",
            "treu",
            "null",
            "\u{202e}eurt",
            "true;",
        ] {
            assert_eq!(
                suspension(&annotated(value)),
                Suspension::Suspended,
                "{value:?}"
            );
            let said = not_understood(&annotated(value)).expect("something to say");
            assert!(said.contains(&shown(value)), "{said}");
        }
    }

    #[test]
    fn other_names_and_places_hold_too() {
        for (place, key) in [
            (Place::Annotation, "tenantreseller.io/suspended"),
            (Place::Annotation, "tenantreseller.io/Suspend"),
            (Place::Annotation, "TenantReseller.io/on-hold"),
            (Place::Annotation, "tenantreseller.io/pause"),
            (Place::Label, SUSPEND_ANNOTATION),
        ] {
            let written = upgrade(place, key, "true");
            assert_eq!(suspension(&written), Suspension::Suspended, "{key}");
            assert!(
                not_understood(&written)
                    .expect("something to say")
                    .contains(key)
            );
            assert_eq!(
                suspension(&upgrade(place, key, "false")),
                Suspension::Running
            );
        }
        let other = upgrade(Place::Annotation, "tenantreseller.io/requestedAt", "true");
        assert_eq!(suspension(&other), Suspension::Running);
        let other = upgrade(
            Place::Annotation,
            "kustomize.toolkit.fluxcd.io/suspend",
            "true",
        );
        assert_eq!(suspension(&other), Suspension::Running);
    }

    #[test]
    fn a_mistyped_group_a_missing_one_and_an_opposite_word_hold_too() {
        for (place, key) in [
            (Place::Annotation, "tenantresellers.io/suspend"),
            (Place::Annotation, "tenant-reseller.io/suspend"),
            (Place::Annotation, "upgrade.tenantreseller.io/pause"),
            (Place::Annotation, "tenantreseller/suspend"),
            (Place::Annotation, "suspend"),
            (Place::Annotation, "Paused"),
            (Place::Label, "suspended"),
            (Place::Annotation, "tenantreseller.io/halt"),
            (Place::Annotation, "tenantreseller.io/Freeze"),
            (Place::Label, "tenantreseller.io/disabled"),
            (Place::Annotation, "tenantreseller.io/cancel"),
        ] {
            let written = upgrade(place, key, "true");
            assert_eq!(suspension(&written), Suspension::Suspended, "{key}");
            let said = not_understood(&written).expect("something to say");
            assert!(
                said.contains(key) && said.contains(SUSPEND_ANNOTATION),
                "{said}"
            );
            assert_eq!(
                suspension(&upgrade(place, key, "false")),
                Suspension::Running,
                "{key}"
            );
        }
        for key in [
            "tenantreseller.io/enabled",
            "tenantreseller.io/run",
            "tenantreseller.io/active",
        ] {
            for value in ["false", "no", "0", "", "True"] {
                let written = upgrade(Place::Annotation, key, value);
                assert_eq!(suspension(&written), Suspension::Suspended, "{key}={value}");
                assert!(
                    not_understood(&written)
                        .expect("something to say")
                        .contains(key)
                );
            }
            let written = upgrade(Place::Annotation, key, "true");
            assert_eq!(suspension(&written), Suspension::Running, "{key}");
            assert_eq!(not_understood(&written), None);
        }
        // Words of others, which are about something else.
        for key in [
            "stop",
            "hold",
            "enabled",
            "kustomize.toolkit.fluxcd.io/suspend",
            "batch.kubernetes.io/suspended",
            "tenantreseller.io/requestedAt",
            "tenantreseller.io/team",
        ] {
            for place in [Place::Annotation, Place::Label] {
                assert_eq!(
                    suspension(&upgrade(place, key, "true")),
                    Suspension::Running,
                    "{key}"
                );
                assert_eq!(
                    suspension(&upgrade(place, key, "no")),
                    Suspension::Running,
                    "{key}"
                );
            }
        }
    }

    #[test]
    fn a_confirmation_under_another_name_confirms_nothing_and_is_named() {
        let said = |place, key, value| {
            let valid = valid(&upgrade(place, key, value));
            assert_eq!(
                valid.confirms("7"),
                place == Place::Annotation && key == CONFIRM_ANNOTATION
            );
            not_as_asked(&valid, "7")
        };
        assert_eq!(said(Place::Annotation, CONFIRM_ANNOTATION, " 7\n"), "");
        assert_eq!(said(Place::Annotation, "example.com/confirm", "7"), "");
        for (place, key) in [
            (Place::Label, CONFIRM_ANNOTATION),
            (Place::Annotation, "tenantreseller.io/confirmed"),
            (Place::Annotation, "tenantreseller.io/Confirm"),
            (Place::Annotation, "tenantresellers.io/confirm"),
        ] {
            let said = said(place, key, "7");
            assert!(
                said.contains(key) && said.contains("confirms nothing"),
                "{key}: {said}"
            );
        }
        for (place, key) in [
            (Place::Label, TAKE_OVER_ANNOTATION),
            (Place::Annotation, "tenantreseller.io/takeover"),
            (Place::Annotation, "tenantreseller.io/take_over"),
        ] {
            let valid = valid(&upgrade(place, key, "u-2"));
            assert_eq!(valid.take_over, None);
            let said = valid.mistyped_take_over.unwrap_or_default();
            assert!(
                said.contains(key) && said.contains("takes nothing over"),
                "{key}: {said}"
            );
        }
    }

    #[test]
    fn another_operator_works_on_it_until_a_person_hands_it_over() {
        let of = |operator: Option<&str>, annotated: &str| {
            let mut upgrade = upgrade(Place::Annotation, TAKE_OVER_ANNOTATION, annotated);
            upgrade.status = Some(crate::api::TenantResellerUpgradeStatus {
                operator: operator.map(str::to_owned),
                ..Default::default()
            });
            another_operator(&upgrade, "u-1").map(str::to_owned)
        };
        assert_eq!(of(None, ""), None);
        assert_eq!(of(Some("u-1"), ""), None);
        assert_eq!(of(Some("u-2"), "").as_deref(), Some("u-2"));
        assert_eq!(of(Some("u-2"), "u-3").as_deref(), Some("u-2"));
        assert_eq!(of(Some("u-2"), "u-2"), None);
        assert_eq!(of(Some("u-2"), " u-2.resellers "), None);
    }

    #[test]
    fn what_cannot_be_seen_is_written_out_and_long_values_are_cut() {
        assert_eq!(shown("a\u{200b}\u{202e}\n"), "\"a\\u{200b}\\u{202e}\\n\"");
        assert_eq!(shown(&"€".repeat(65)), format!("\"{}…\"", "€".repeat(64)));
    }
}
