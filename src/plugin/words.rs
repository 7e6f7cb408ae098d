//! The words of the state table: how people type them, and what each means for a script.

use std::process::ExitCode;

use serde::Serialize;

use crate::api::{Phase, Reason, ReportKind, StateClass};

/// Every phase, in order.
const PHASES: [Phase; 8] = [
    Phase::Pending,
    Phase::TenantCreation,
    Phase::CustomerCopy,
    Phase::PricingGate,
    Phase::SubscriptionCopy,
    Phase::Activation,
    Phase::Verification,
    Phase::Done,
];

/// How an upgrade stands, for a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Standing {
    /// It is complete.
    Done,
    /// It is complete, and the comparison found differences.
    Failed,
    /// It goes on only once a person did something.
    PersonMustAct,
    /// It goes on by itself.
    Working,
}

impl Standing {
    /// The exit code of a command that shows one upgrade.
    #[must_use]
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::PersonMustAct => 3,
            Self::Working => 4,
        })
    }

    /// How an upgrade stands by the reason of its `Ready`. A reason that this version does not know is
    /// one of a later version: nothing is promised of it.
    #[must_use]
    pub fn of(reason: Option<&str>) -> Self {
        let Some(known) = reason.and_then(reason_named) else {
            return Self::Working;
        };
        match known.class() {
            Some(StateClass::Done) => Self::Done,
            Some(StateClass::DoneWithDifferences) => Self::Failed,
            // It becomes Suspended by itself.
            Some(StateClass::Suspended) if known == Reason::Suspending => Self::Working,
            Some(StateClass::WaitsForPeople | StateClass::MustFix | StateClass::Suspended) => {
                Self::PersonMustAct
            }
            Some(StateClass::Working | StateClass::WaitsByItself | StateClass::Deleting) | None => {
                Self::Working
            }
        }
    }
}

/// The reason of this name.
pub(super) fn reason_named(word: &str) -> Option<Reason> {
    Reason::ALL
        .into_iter()
        .find(|reason| reason.as_str() == word)
}

/// A class of the state table, in words.
pub(super) fn class_words(class: StateClass) -> &'static str {
    match class {
        StateClass::Working => "work goes on",
        StateClass::WaitsByItself => "waits, and goes on by itself",
        StateClass::WaitsForPeople => "waits for people",
        StateClass::Suspended => "suspended",
        StateClass::MustFix => "a person must fix something",
        StateClass::Done => "done",
        StateClass::DoneWithDifferences => "done, but with differences",
        StateClass::Deleting => "is being deleted",
    }
}

/// A phase as people type it, in any case.
pub(super) fn phase(text: &str) -> Result<String, String> {
    let words = PHASES.map(Phase::as_str);
    named(text, &words, "phase")
}

/// A reason as people type it, in any case.
pub(super) fn reason(text: &str) -> Result<String, String> {
    let words: Vec<&str> = reasons().map(Reason::as_str).collect();
    named(text, &words, "reason")
}

/// The reasons that `Ready` may have.
pub(super) fn reasons() -> impl Iterator<Item = Reason> {
    Reason::ALL
        .into_iter()
        .filter(|reason| reason.class().is_some())
}

/// A kind of report as people type it: `manual-steps`, `ManualSteps`, `manualsteps`.
pub(super) fn report_kind(text: &str) -> Result<String, String> {
    let words = ReportKind::ALL.map(ReportKind::as_str);
    named(&text.replace('-', ""), &words, "report")
}

/// The words for phases and reports, for completion.
pub(super) fn phases() -> impl Iterator<Item = &'static str> {
    PHASES.into_iter().map(Phase::as_str)
}

/// A kind of report as it is typed: `manual-steps`.
pub(super) fn typed(kind: ReportKind) -> String {
    let mut text = String::new();
    for letter in kind.as_str().chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

fn named(text: &str, words: &[&str], what: &str) -> Result<String, String> {
    words
        .iter()
        .find(|word| word.eq_ignore_ascii_case(text))
        .map(|word| (*word).to_owned())
        .ok_or_else(|| format!("there is no such {what}; there are {}", words.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_case_and_others_are_refused() {
        assert_eq!(phase("pricinggate"), Ok("PricingGate".to_owned()));
        assert_eq!(reason("AWAITINGPRICING"), Ok("AwaitingPricing".to_owned()));
        assert_eq!(report_kind("manual-steps"), Ok("ManualSteps".to_owned()));
        for kind in ReportKind::ALL {
            assert_eq!(report_kind(&typed(kind)), Ok(kind.as_str().to_owned()));
        }
        assert!(phase("Gate").unwrap_err().contains("PricingGate"));
        // A reason of a pricing object is none of an upgrade.
        assert!(reason("Closed").is_err());
    }

    #[test]
    fn every_reason_stands_somewhere() {
        for reason in reasons() {
            let standing = Standing::of(Some(reason.as_str()));
            let people = matches!(
                reason.class(),
                Some(StateClass::WaitsForPeople | StateClass::MustFix)
            ) || reason == Reason::Suspended;
            assert_eq!(standing == Standing::PersonMustAct, people, "{reason:?}");
        }
        assert_eq!(Standing::of(None), Standing::Working);
        assert_eq!(Standing::of(Some("OfALaterVersion")), Standing::Working);
    }
}
