//! The words by which people hold an upgrade, confirm, or take over: annotations beside the spec. On a connection
//! the words that hold do so for every upgrade that names it.
//!
//! A word that holds is obeyed even if it is not understood: a person who wrote it believes that the
//! upgrade is held. A word that lets something happen is obeyed only if it is exactly what was asked for.

use std::collections::BTreeMap;

use super::validated::ValidUpgrade;
use crate::api::{
    BssConnection, CONFIRM_ANNOTATION, SUSPEND_ANNOTATION, TAKE_OVER_ANNOTATION,
    TenantResellerUpgrade,
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

/// A connection by which people hold every upgrade that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldConnection {
    /// Its name.
    pub name: String,
    /// What of its words is not understood, in a sentence.
    pub not_understood: Option<String>,
}

/// Whether people hold all upgrades that name this connection, by the words that hold one upgrade.
#[must_use]
pub fn held_connection(connection: &BssConnection) -> Option<HeldConnection> {
    let metadata = &connection.metadata;
    let words = || {
        let all = written_on(metadata.annotations.as_ref(), metadata.labels.as_ref());
        all.filter(|word| word.sense().is_some())
    };
    words().any(|word| word.holds()).then(|| HeldConnection {
        name: metadata.name.clone().unwrap_or_default(),
        not_understood: words().find_map(|word| word.not_understood()),
    })
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
    written_on(metadata.annotations.as_ref(), metadata.labels.as_ref())
}

/// Names with their values, as they stand in the metadata of an object.
type Written = BTreeMap<String, String>;

fn written_on<'a>(
    annotations: Option<&'a Written>,
    labels: Option<&'a Written>,
) -> impl Iterator<Item = Word<'a>> {
    let annotations = annotations.into_iter().flatten();
    let labels = labels.into_iter().flatten();
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
#[path = "annotations_tests.rs"]
mod tests;
