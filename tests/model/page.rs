//! The page that says what was gone through, and which guards were never seen to hold.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use tenant_reseller_operator::api::Reason;

use crate::Gone;
use crate::guards::{Guards, holds_back};

/// Reasons of holding back that no small world brings about, and why.
const NEVER: [(Reason, &str); 15] = [
    (
        Reason::AwaitingTenantConnection,
        "the tenant's side needs no access of its own here",
    ),
    (
        Reason::AwaitingTurn,
        "there is one upgrade only; the reconcile decides it",
    ),
    (Reason::ConnectionForbidden, "there is no network here"),
    (Reason::ContractViolated, "every reply is well-formed here"),
    (Reason::CredentialsRejected, "there are no credentials here"),
    (Reason::DependencyNotReady, "the reconcile decides it"),
    (
        Reason::DuplicateCopy,
        "no order of things makes a second copy; people who make one are tested elsewhere",
    ),
    (Reason::IdentityMismatch, "the BSS keeps its name here"),
    (Reason::InvalidSpec, "the spec is valid and stays as it is"),
    (
        Reason::ItemsFailed,
        "it takes more rounds of changes than people make here",
    ),
    (
        Reason::ResellerMismatch,
        "the reseller keeps id and name here",
    ),
    (Reason::ResellerNotBasic, "the reseller keeps its plan here"),
    (Reason::ResellerNotFound, "the reseller is there"),
    (
        Reason::TenantSettingsDiffer,
        "the tenant keeps its settings here",
    ),
    (Reason::Throttled, "the BSS does not throttle here"),
];

/// What no small world has, whatever its bounds.
const LEFT_OUT: [&str; 9] = [
    "Each world has bounds: two customers with three purchases and what is bought besides, and so many \
     crashes, lost replies, new leaders and acts of people as its name says. What takes one more of them is \
     not there.",
    "The worlds are chosen, so that each pair that matters is in one of them. Not every combination of \
     promises, manual steps, risks and faults has a world; three kinds together seldom have.",
    "A process dies between two effects, or with a request under way, which then takes effect at any later \
     moment or never; nothing within a process is interrupted elsewhere.",
    "Time passes in ticks, and only where somebody waits; clocks are right and never jump.",
    "The cluster is one record that is read and replaced. There are no watches that lag or are cut, no \
     API server that is away, and no status: what other tools read of it is judged by the simulator.",
    "There are no throttled calls, no malformed replies, no refused credentials and no slow ones.",
    "A reply that is lost may stand for a request that takes effect later, but a request arrives once.",
    "The spec stays as it is; nobody deletes the upgrade, applies it again or renames it.",
    "There is one upgrade of one reseller in one cluster, without the turns that upgrades take; another \
     cluster only holds the reseller and does nothing.",
];

/// What the BSS or the cluster must have held back at least once.
const MUST_HOLD: [&str; 24] = [
    "acquire: HeldByAnother",
    "activate: Blocked",
    "activate: Conflict",
    "activate: ManualStepNeeded",
    "activate: StaleEpoch",
    "activate: already active",
    "copy customers: BackOrderingActive",
    "copy customers: ManualStepNeeded",
    "copy customers: StaleEpoch",
    "copy customers: Unchanged",
    "copy subscriptions: BackOrderingActive",
    "copy subscriptions: Conflict, the copy is not as expected",
    "copy subscriptions: Conflict, the pricing options are not as checked",
    "copy subscriptions: Conflict, the source is not Active",
    "copy subscriptions: Conflict, the source is not as expected",
    "copy subscriptions: PricingIncomplete",
    "copy subscriptions: StaleEpoch",
    "copy subscriptions: Updated",
    "create tenant: Blocked",
    "create tenant: Conflict",
    "create tenant: StaleEpoch",
    "look-up before or after a copy: found",
    "read: NotFound",
    "record: written by another process",
];

/// The page.
pub(crate) fn of(gone: &[Gone], guards: &Guards) -> String {
    let mut page = String::from(
        "<!-- Written by `make model`. -->\n\n# The model check\n\nEvery order in which things can \
         happen in a small world is gone through, with the real `decide` and `observe`; in every state \
         every invariant is checked, and from every state the calm way on leads to *done* or to \
         people who were told who must do what, truly.\n\n| small world | states | transitions | \
         depth | ends |\n| --- | ---: | ---: | ---: | ---: |\n",
    );
    let (mut states, mut transitions) = (0, 0);
    for Gone { name, found, .. } in gone {
        states += found.states;
        transitions += found.transitions;
        writeln!(
            page,
            "| {name} | {} | {} | {} | {} |",
            found.states, found.transitions, found.depth, found.ends
        )
        .unwrap();
    }
    let time: f64 = gone.iter().map(|gone| gone.time.as_secs_f64()).sum();
    writeln!(
        page,
        "| **{} worlds** | {states} | {transitions} | | |",
        gone.len()
    )
    .unwrap();
    println!("{states} states, {transitions} transitions in {time:.0} s of computing");
    page.push_str(
        "\n## Guards\n\nHow often each held something back, and how often what it watches passed.\n\n\
         | guard | held | passed |\n| --- | ---: | ---: |\n",
    );
    for (guard, held, passed) in guards.rows() {
        writeln!(page, "| {guard} | {held} | {passed} |").unwrap();
    }
    page.push_str("\n## Never seen to hold\n\nA guard that never held is unproved here.\n\n");
    for reason in unproved(guards) {
        let why = NEVER.iter().find(|(never, _)| never.as_str() == reason);
        let why = why.map_or("", |(_, why)| *why);
        writeln!(page, "- {reason}: {why}").unwrap();
    }
    page.push_str("\n## What it leaves out\n\n");
    for what in LEFT_OUT {
        writeln!(page, "- {what}").unwrap();
    }
    page
}

fn unproved(guards: &Guards) -> BTreeSet<&'static str> {
    let seen = guards.reasons();
    let all = Reason::ALL.into_iter().filter(|reason| holds_back(*reason));
    all.map(Reason::as_str)
        .filter(|reason| !seen.contains(reason))
        .collect()
}

/// Which guards were seen is a part of the proof: a world that does not bring one about any more
/// proves less than it says.
pub(crate) fn check(guards: &Guards) {
    let never: BTreeSet<&str> = NEVER.iter().map(|(reason, _)| reason.as_str()).collect();
    assert_eq!(unproved(guards), never, "reasons that were never decided");
    let held = guards.refusals();
    let missing: Vec<&str> = MUST_HOLD
        .into_iter()
        .filter(|guard| !held.contains(guard))
        .collect();
    assert!(missing.is_empty(), "never held: {missing:?}");
}

/// Keeps the page in the docs.
pub(crate) fn keep(page: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/proofs/model.md");
    std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/proofs")).unwrap();
    std::fs::write(path, page).unwrap();
}
