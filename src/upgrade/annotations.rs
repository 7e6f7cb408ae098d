//! The words by which people hold an upgrade, confirm, or take over: annotations beside the spec.
//!
//! A word that holds is obeyed even if it is not understood: a person who wrote it believes that the
//! upgrade is held. A word that lets something happen is obeyed only if it is exactly what was asked for.

use crate::api::{GROUP, SUSPEND_ANNOTATION, TAKE_OVER_ANNOTATION, TenantResellerUpgrade};

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
];
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
pub(super) fn not_as_asked(key: &str, given: Option<&str>, asked: &str) -> String {
    match given {
        Some(given) if given != asked => format!(
            "The annotation {key} says {}, which is not what is asked for now. ",
            shown(given)
        ),
        Some(_) | None => String::new(),
    }
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

impl Word<'_> {
    fn holds(&self) -> bool {
        self.value != "false"
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
    let metadata = &upgrade.metadata;
    let annotations = metadata.annotations.iter().flatten();
    let labels = metadata.labels.iter().flatten();
    annotations
        .map(|word| (Place::Annotation, word))
        .chain(labels.map(|word| (Place::Label, word)))
        .map(|(place, (key, value))| Word { place, key, value })
        .filter(|word| may_mean_suspend(word.key))
}

fn may_mean_suspend(key: &str) -> bool {
    let Some((group, name)) = key.split_once('/') else {
        return false;
    };
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let name = letters.collect::<String>().to_ascii_lowercase();
    group.eq_ignore_ascii_case(GROUP) && TAKEN_FOR_SUSPEND.contains(&name.as_str())
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
