//! `explain`: why an upgrade is not going on. Pure.

use super::look::{Look, Tone, counted};
use super::reasons::{section, with_names};
use super::render::{examples, head, joined, now};
use super::view::{Blocker, View};
use super::words::Standing;

/// Reasons that only events have, and that explain why nothing moves.
const ONLY_IN_EVENTS: [&str; 2] = ["WriteRefused", "AnotherOperator"];

/// What `explain` shows.
#[must_use]
pub fn explain(view: &View, look: Look) -> String {
    let mut lines = head(view, look);
    lines.push(String::new());
    lines.extend(look.wrapped(0, answer(view)));
    lines.extend(now(view, look));
    if !view.blockers.is_empty() {
        lines.push(String::new());
        lines.push(look.paint(Tone::Bold, "In the way:"));
        for group in &view.blockers {
            lines.extend(group_lines(group, look));
        }
        lines.push(String::new());
        let all = format!(
            "All of them: kubectl tru report {} -n {}",
            view.name, view.namespace
        );
        lines.push(all);
    }
    let warned = view.events.iter().map(|event| event.reason.as_str());
    let mut told: Vec<&str> = warned
        .filter(|reason| ONLY_IN_EVENTS.contains(reason))
        .collect();
    told.dedup();
    for reason in told
        .into_iter()
        .chain(std::iter::once(view.reason.as_str()))
    {
        lines.extend(meaning(reason, view, look));
    }
    joined(&lines)
}

/// Why it is not going on, in one sentence.
fn answer(view: &View) -> &'static str {
    match (view.standing, view.reason.as_str()) {
        (Standing::Done, _) => "It is complete: there is nothing left to go on with.",
        (Standing::Failed, _) => {
            "It is complete, and people have to settle the differences that the comparison found."
        }
        (Standing::PersonMustAct, "Suspended") => {
            "It rests because it was suspended. It goes on once it is resumed: kubectl tru resume"
        }
        (Standing::PersonMustAct, _) => {
            "It does not go on by itself: a person has to do what is said below. The operator sees it \
             and goes on."
        }
        (Standing::Working, "NotSeen") => "The operator has not begun with it.",
        (Standing::Working, "Progressing") => "It is going on: nothing is in its way.",
        (Standing::Working, "Deleting") => "It is being deleted.",
        (Standing::Working, "DependencyNotReady") => {
            "It goes on by itself once what it waits for is there. If that is not about to come, a \
             person has to bring it."
        }
        (Standing::Working, _) => {
            "It waits, and goes on by itself: no person has to do anything now."
        }
    }
}

fn group_lines(group: &Blocker, look: Look) -> Vec<String> {
    let title = format!("{}, {}", group.reason, counted(group.count, "item"));
    let mut lines = vec![format!("  {}", look.paint(Tone::Bad, &title))];
    let shown = examples(group);
    if !shown.is_empty() {
        lines.extend(look.wrapped(4, &shown));
    }
    for remedy in &group.remedies {
        lines.extend(look.wrapped(4, &format!("Remedy: {remedy}")));
    }
    lines
}

/// The section of docs/reasons.md.
fn meaning(reason: &str, view: &View, look: Look) -> Vec<String> {
    let Some(section) = section(reason) else {
        return Vec::new();
    };
    let mut lines = vec![
        String::new(),
        look.paint(
            Tone::Bold,
            &look.cut(&format!("{reason} (docs/reasons.md):")),
        ),
    ];
    for paragraph in section {
        let text = with_names(&paragraph, &view.namespace, &view.name, &view.connection);
        lines.extend(look.wrapped(2, &text));
    }
    lines
}
