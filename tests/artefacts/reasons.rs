//! `docs/reasons.md` speaks of every reason of the state table, and of nothing else; the list at its
//! head is made of the table. `UPDATE_GENERATED=1` writes the list anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::json;
use tenant_reseller_operator::api::{
    self, ConditionList as _, ConditionStatus, ConditionType, Reason, StateClass,
};

use super::{project, read};
use support::kstatus::{argo_health, kstatus};

const PAGE: &str = "docs/reasons.md";
const BEGIN: &str = "<!-- list: made by the tests from the state table -->\n";
const END: &str = "<!-- end of list -->\n";
/// What each section says, in this order.
const PARTS: [&str; 4] = [
    "- **Means:** ",
    "- **Meanwhile:** ",
    "- **You:** ",
    "- **For good:** ",
];

fn heading(class: StateClass) -> &'static str {
    match class {
        StateClass::Working => "Work goes on",
        StateClass::WaitsByItself => "Waits, and goes on by itself",
        StateClass::WaitsForPeople => "Waits for people",
        StateClass::Suspended => "Suspended",
        StateClass::MustFix => "A person must fix something",
        StateClass::Done => "Done",
        StateClass::DoneWithDifferences => "Done, but with differences",
        StateClass::Deleting => "Deleting",
    }
}

fn of_the_table() -> impl Iterator<Item = (Reason, StateClass)> {
    Reason::ALL
        .into_iter()
        .filter_map(|reason| reason.class().map(|class| (reason, class)))
}

/// The list as the state table has it.
fn list() -> String {
    let mut text = String::from(
        "\n| reason | state | Ready | Stalled | kstatus | Argo CD |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for (reason, class) in of_the_table() {
        let mut conditions: Vec<api::Condition> = Vec::new();
        let now = Timestamp::UNIX_EPOCH;
        api::summary(reason, "Why.").apply(&mut conditions, 1, now);
        let mut object = json!({
            "metadata": { "generation": 1 },
            "status": { "observedGeneration": 1, "conditions": conditions },
        });
        if class == StateClass::Deleting {
            object["metadata"]["deletionTimestamp"] = json!(now.to_string());
        }
        let status = |type_: ConditionType| match conditions.condition(type_).map(|c| c.status) {
            Some(ConditionStatus::True) => "True",
            Some(ConditionStatus::False) => "False",
            Some(ConditionStatus::Unknown) => "Unknown",
            None => "",
        };
        let _always = writeln!(
            text,
            "| [`{name}`](#{anchor}) | {} | {} | {} | {:?} | {:?} |",
            heading(class).to_lowercase(),
            status(ConditionType::Ready),
            status(ConditionType::Stalled),
            kstatus(&object),
            argo_health(&object),
            name = reason.as_str(),
            anchor = anchor(reason),
        );
    }
    text.push('\n');
    text
}

/// How a heading is linked to; where the state has the same name, the second one is meant.
fn anchor(reason: Reason) -> String {
    let anchor = reason.as_str().to_lowercase();
    let taken = of_the_table().any(|(_, class)| heading(class).to_lowercase() == anchor);
    if taken { format!("{anchor}-1") } else { anchor }
}

/// Writes the list anew.
pub(super) fn write() {
    let page = std::fs::read_to_string(project(PAGE)).unwrap();
    let (head, _, tail) = around(&page);
    std::fs::write(project(PAGE), format!("{head}{BEGIN}{}{END}{tail}", list())).unwrap();
}

/// What is before the list, the list as it is there, and what follows.
fn around(page: &str) -> (&str, &str, &str) {
    let (head, rest) = page.split_once(BEGIN).expect("the list has no beginning");
    let (there, tail) = rest.split_once(END).expect("the list has no end");
    (head, there, tail)
}

#[test]
fn the_list_is_the_state_table() {
    let page = read(PAGE);
    let (_, there, _) = around(&page);
    assert!(
        there == list(),
        "{PAGE}: the list is not the state table: run `make generate` and look at the difference"
    );
}

#[test]
fn every_reason_has_its_section_and_no_section_is_without_a_reason() {
    let page = read(PAGE);
    let mut state = "";
    let mut sections: BTreeMap<&str, (&str, String)> = BTreeMap::new();
    let mut section = None;
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            state = title;
            section = None;
        } else if let Some(title) = line.strip_prefix("### ") {
            let twice = sections.insert(title, (state, String::new()));
            assert!(twice.is_none(), "{title} has two sections");
            section = Some(title);
        } else if let Some((_, text)) = section.and_then(|title| sections.get_mut(title)) {
            text.push_str(line);
            text.push('\n');
        }
    }
    let there: Vec<(&str, &str)> = sections
        .iter()
        .map(|(title, (state, _))| (*title, *state))
        .collect();
    let mut wanted: Vec<(&str, &str)> = of_the_table()
        .map(|(reason, class)| (reason.as_str(), heading(class)))
        .collect();
    let events = [Reason::WriteRefused, Reason::AnotherOperator];
    wanted.extend(events.map(|reason| (reason.as_str(), "Only in events")));
    wanted.sort_unstable();
    assert_eq!(
        there, wanted,
        "reasons and the states that they are listed under"
    );
    for (title, (_, text)) in &sections {
        let mut rest = text.as_str();
        for part in PARTS {
            let (before, after) = rest
                .split_once(part)
                .unwrap_or_else(|| panic!("{title} does not say {part:?} in its place"));
            assert!(!before.contains("- **"), "{title}: {before}");
            assert!(after.trim().len() > 5, "{title}: {part} says nothing");
            rest = after;
        }
        assert!(!rest.contains("- **"), "{title}: {rest}");
    }
}

/// Every condition that the page about undoing names is one, and it leaves out no milestone.
#[test]
fn undoing_speaks_of_every_milestone() {
    let page = read("docs/undo.md");
    for milestone in ConditionType::MILESTONES {
        assert!(
            page.contains(&format!("`{}`", milestone.as_str())),
            "{milestone:?}"
        );
    }
}
