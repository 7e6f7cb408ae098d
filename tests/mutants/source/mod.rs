//! Mistakes of the operator's inner order, which no lie at a port can make: small changes of its
//! sources.
//!
//! The sources themselves have no switch. The changes are made in a copy of them below the target
//! directory, all at once and each behind a run-time switch that exists in that copy alone; the copy
//! is compiled once, with the dependencies that are built already, and runs this binary's own proofs
//! against each of its mistakes. A change finds its place by its text.

mod copy;

use serde_json::{Value, json};

use crate::harness::{Armed, Case, Effort, Found, Proof, Row};
use crate::proofs::{model_check, simulation, test};
use crate::{cases, pipeline, tables, with_switch};

/// A mistake in the sources.
pub(crate) struct Change {
    name: &'static str,
    about: &'static str,
    /// The text that is found exactly once in all sources.
    find: &'static str,
    /// What stands there instead. `MISTAKE` is whether the mistake is made at the moment.
    put: &'static str,
    proofs: fn() -> Vec<Proof>,
}

/// All of them.
const ALL: &[Change] = &[
    // Both sides see one key only, which does its work in every run: an upgrade works on one tenant,
    // and a replaced one stops it. What a key says is a matter of the function that makes it.
    Change {
        name: "KeyWithoutTenant",
        about: "Keys of items do not name the tenant.",
        find: "BusinessKey(self.path(&[tenant.as_str(), kind.as_str(), source.as_str()]))",
        put: "BusinessKey(if MISTAKE { self.path(&[kind.as_str(), source.as_str()]) } \
              else { self.path(&[tenant.as_str(), kind.as_str(), source.as_str()]) })",
        proofs: || vec![test("table of keys", tables::keys_name_the_tenant)],
    },
    // The operator is shown what is true, and tells it; only the gate behind the sweep is open. A lie
    // could show it another inventory, which is a mistake of a listing.
    Change {
        name: "FinalSweepDropped",
        about: "What the last sweep before the switch finds is not minded.",
        find: "if in_the_way",
        put: "if !MISTAKE && in_the_way",
        proofs: || {
            vec![
                simulation("cancelled at the end", cases::cancelled_at_the_end),
                simulation("late changes", cases::late_changes),
            ]
        },
    },
    // The act that copies and switches: each mistake lets a person be told too early, or of the wrong things.
    Change {
        name: "WithSwitchToldBeforeOrders",
        about: "A person is told to copy and switch while orders are open.",
        find: "if page.items.is_empty() {\n            if page.next.is_some() {",
        put: "if MISTAKE || page.items.is_empty() {\n            if !MISTAKE && page.next.is_some() {",
        proofs: || {
            vec![test(
                "every gate comes before a person is told",
                with_switch::every_gate_comes_before_a_person_is_told,
            )]
        },
    },
    Change {
        name: "WithSwitchToldBeforeFreeze",
        about: "A person is told to copy and switch while ordering is enabled and nothing is compared.",
        find: "if strategy.freezes() && self.known.activation.frozen.is_none() {",
        put: "if !MISTAKE && strategy.freezes() && self.known.activation.frozen.is_none() {",
        proofs: || vec![half_way()],
    },
    Change {
        name: "WithSwitchToldBeforeConfirmation",
        about: "A person is told to switch before the restore of the cluster was confirmed.",
        find: "if let Some(unconfirmed) = self.unconfirmed() {\n            // Looks",
        put: "if let Some(unconfirmed) = self.unconfirmed().filter(|_| !MISTAKE) {\n            // Looks",
        proofs: || {
            vec![test(
                "a restore is confirmed before",
                with_switch::a_restore_is_confirmed_before_a_person_is_told,
            )]
        },
    },
    Change {
        name: "CopiesOfPeopleDoNotRest",
        about: "The last sweep does not rest after people were asked to copy, where listings are behind.",
        find: "(land_late || shown_late)",
        put: "(land_late || (!MISTAKE && shown_late))",
        proofs: || {
            vec![test(
                "a second copy that is listed late",
                with_switch::a_second_copy_that_is_listed_late_is_seen_before_a_person_is_told,
            )]
        },
    },
    Change {
        name: "PageAfterItsTime",
        about: "A page that came before its turn is used after a pause, however long that was.",
        find: "self.under_way.clear();\n        self.early.clear();",
        put: "self.under_way.clear();\n        if !MISTAKE { self.early.clear(); }",
        proofs: || {
            vec![test(
                "an early page after a pause",
                pipeline::a_page_before_its_turn_is_read_again_after_a_pause,
            )]
        },
    },
    Change {
        name: "LastSweepSkipsPricing",
        about: "The last sweep before the act does not mind pricing options that are missing.",
        find: "Uncopied::WithTheSwitch => !purchases.unpriced.is_empty(),",
        put: "Uncopied::WithTheSwitch => !MISTAKE && !purchases.unpriced.is_empty(),",
        proofs: || {
            vec![test(
                "options that go away",
                with_switch::options_that_go_away_before_the_last_sweep_hold_it,
            )]
        },
    },
    Change {
        name: "UncopiedOwnerAllowed",
        about: "The last sweep before the act does not mind an owner without a copy.",
        find: "if !self.copied_customers.contains(&hash) {",
        put: "if !MISTAKE && !self.copied_customers.contains(&hash) {",
        proofs: || {
            vec![test(
                "an owner whose copy goes away",
                with_switch::an_owner_whose_copy_goes_away_before_the_last_sweep_holds_it,
            )]
        },
    },
    Change {
        name: "UnclearTakenForLinked",
        about: "A copy that may belong to another source counts as this source's.",
        find: "Class::CopyUnclear { why, source: _ } => {",
        put: "Class::CopyUnclear { .. } if MISTAKE => self.tally.copied(kind),\n            \
              Class::CopyUnclear { why, source: _ } => {",
        proofs: || {
            vec![test(
                "what is unclear holds the switch",
                with_switch::what_is_unclear_holds_the_switch_until_a_person_says,
            )]
        },
    },
    Change {
        name: "UnseenMarkTakenForMissing",
        about: "A mark that the BSS does not show is taken for one that is missing.",
        find: "[copy] if source.mark == Mark::Unmarked => Class::Missing {",
        put: "[copy] if source.mark == Mark::Unmarked \
              || (MISTAKE && source.mark == Mark::Unseen) => Class::Missing {",
        proofs: || vec![not_shown()],
    },
    Change {
        name: "ToldNotOnRecord",
        about: "What a person is told is not written down.",
        find: "ClaimEdit::Tell { digest, pricing } =>",
        put: "ClaimEdit::Tell { .. } if MISTAKE => {}\n        \
              ClaimEdit::Tell { digest, pricing } =>",
        proofs: || vec![half_way()],
    },
    Change {
        name: "StaleTellingStands",
        about: "What was told of other pricing options stands on record.",
        find: "told.inventory_digest == digest && told.pricing_digest.as_deref() == pricing",
        put: "told.inventory_digest == digest && (MISTAKE || told.pricing_digest.as_deref() == pricing)",
        proofs: || vec![other_prices()],
    },
    Change {
        name: "OptionsNotDigested",
        about: "The pricing options of the owners are no part of what is told.",
        find: "self.tally\n            .pricing_digest\n            .add(ItemKind::Customer, &owner, &digest);",
        put: "if !MISTAKE { self.tally.pricing_digest.add(ItemKind::Customer, &owner, &digest); }",
        proofs: || vec![other_prices()],
    },
    Change {
        name: "UnseenCurrencyFilledIn",
        about: "A currency that the BSS does not show is made up.",
        find: "next.tenant_currency.clone_from(currency);",
        put: "next.tenant_currency = currency.clone().or(MISTAKE.then(|| \"EUR\".to_owned()));",
        proofs: || vec![not_shown()],
    },
    Change {
        name: "CopiedBeforeTheAct",
        about: "Phase 3 copies although the act that switches does.",
        find: "} else if self.copies_with_the_switch() {\n            self.ready_for_the_switch();",
        put: "} else if !MISTAKE && self.copies_with_the_switch() {\n            \
              self.ready_for_the_switch();",
        proofs: || {
            vec![test(
                "nothing is copied before",
                with_switch::nothing_is_copied_before_the_act_that_switches,
            )]
        },
    },
    // The pipeline: what is under way at the same time must not be mixed up.
    Change {
        name: "PipelineBeyondTheRecord",
        about: "More copies are sent than stand on record, where the BSS would make a second one.",
        find: "items.retain(|item| on_record.contains(item.source.as_str()));",
        put: "items.retain(|item| MISTAKE || on_record.contains(item.source.as_str()));",
        proofs: || {
            vec![model_check(
                "keys are only findable: a crash and a lost reply",
            )]
        },
    },
    Change {
        name: "PipelineWrongWindow",
        about: "The answer to a batch of checks is taken for the answer to all items that wait.",
        find: "if asked.contains(source) {\n                candidate.check.answered",
        put: "if MISTAKE || asked.contains(source) {\n                candidate.check.answered",
        proofs: || {
            vec![test(
                "checks in any order",
                pipeline::checks_come_in_any_order,
            )]
        },
    },
    Change {
        name: "PipelinePageNotLedTo",
        about: "A page counts although no page leads to it any more.",
        find: "while let Some(page) = self.next.as_ref().and_then(|next| self.early.remove(next)) {",
        put: "while let Some(page) = if MISTAKE { self.early.pop_first().map(|(_, page)| page) } \
              else { self.next.as_ref().and_then(|next| self.early.remove(next)) } {",
        proofs: || {
            vec![test(
                "pages in any order",
                pipeline::pages_come_in_any_order,
            )]
        },
    },
];

fn half_way() -> Proof {
    let run = with_switch::a_run_that_stops_half_way_is_told_again_with_what_is_left;
    test("a run that stops half way", run)
}

fn other_prices() -> Proof {
    let run = with_switch::what_changes_after_the_telling_takes_it_back;
    test("what changes after the telling", run)
}

fn not_shown() -> Proof {
    let run = with_switch::what_is_not_shown_is_confirmed_by_a_person_or_refused;
    test("what is not shown", run)
}

/// The mistakes, in the copy.
pub(crate) fn cases_in_the_copy() -> Vec<Case> {
    let all = ALL.iter().map(|change| Case {
        of: "operator",
        name: change.name,
        about: change.about.to_owned(),
        armed: Armed {
            source: Some(change.name),
            ..Armed::default()
        },
        proofs: (change.proofs)(),
    });
    all.collect()
}

/// Makes the copy, and lets it look for those of its mistakes whose names have this in them.
pub(crate) fn run_the_copy(only: &str, effort: Effort) -> Vec<Row> {
    let wanted = ALL.iter().filter(|change| change.name.contains(only));
    let wanted: Vec<&Change> = wanted.collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let said = copy::made_and_run(ALL, only, effort);
    let rows = said.lines().filter_map(|line| line.split_once(ROW));
    let rows: Vec<Value> = rows
        .map(|(_, row)| serde_json::from_str(row).unwrap())
        .collect();
    let of = |change: &&Change| {
        let own = rows.iter().find(|row| row["name"] == change.name);
        let own = own.unwrap_or_else(|| panic!("the copy says nothing of {}", change.name));
        heard(change, own)
    };
    wanted.iter().map(of).collect()
}

/// Before a row of the copy.
const ROW: &str = "of the copy: ";

/// What the copy says of one mistake, to the run that made it.
pub(crate) fn tell(row: &Row) {
    let (found, why) = match &row.found {
        Ok(found) => (json!({ "by": found.by, "said": found.said }), Value::Null),
        Err(why) => (Value::Null, json!(why)),
    };
    let seconds = row.took.as_secs_f64();
    let row = json!({ "name": row.name, "found": found, "why": why, "seconds": seconds });
    println!("{ROW}{row}");
}

fn heard(change: &Change, row: &Value) -> Row {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = match row["found"] {
        Value::Null => Err(text(&row["why"])),
        ref found => Ok(Found {
            by: text(&found["by"]),
            said: text(&found["said"]),
            by_judges_alone: false,
        }),
    };
    Row {
        of: "operator",
        name: change.name,
        about: change.about.to_owned(),
        found,
        took: std::time::Duration::from_secs_f64(row["seconds"].as_f64().unwrap_or_default()),
    }
}
