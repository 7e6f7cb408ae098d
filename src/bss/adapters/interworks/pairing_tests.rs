#![expect(
    clippy::arithmetic_side_effects,
    reason = "the numbers of these tests are small"
)]

use proptest::prelude::*;

use super::super::envelope;
use super::super::options::Words;
use super::*;
use crate::bss::port::{Mark, Sync};
use serde_json::json;

fn customer(id: &str, external: &[(&str, &str)], numbers: Option<(&str, &str)>) -> CustomerRecord {
    CustomerRecord {
        id: id.to_owned(),
        name: Some(format!("name of {id}")),
        code: numbers.map(|(code, _)| code.to_owned()),
        registration: numbers.map(|(_, number)| number.to_owned()),
        bill_to: None,
        externals: external
            .iter()
            .map(|(system, id)| ((*system).to_owned(), (*id).to_owned()))
            .collect(),
        sync: Sync::Unseen,
        mark: Mark::Unseen,
    }
}

fn purchase(id: &str, owner: &str, external: Option<&str>, quantity: u32) -> PurchaseRecord {
    let value = json!({
        "id": id, "status": "Active", "quantity": quantity, "startDate": "2026-01-05T00:00:00Z",
        "product": { "code": "M365", "system": "CSP" }, "billingCycle": "Monthly",
        "account": { "id": owner }, "externalId": external,
    });
    let whole = envelope::record(value.to_string().as_bytes()).unwrap();
    PurchaseRecord::of_subscription(&whole, &[], &Words::default())
}

fn ended(record: PurchaseRecord) -> PurchaseRecord {
    PurchaseRecord {
        state: PurchaseState::Cancelled,
        ..record
    }
}

fn owners() -> Pairs {
    Pairs::from([
        ("c1".to_owned(), Match::Paired("t1".to_owned())),
        ("c2".to_owned(), Match::Paired("t2".to_owned())),
    ])
}

/// Pairs without a person's word.
fn customers(sources: &[CustomerRecord], copies: &[CustomerRecord]) -> Pairs {
    super::customers(sources, copies, &Confirmed::new())
}

fn purchases(sources: &[PurchaseRecord], copies: &[PurchaseRecord], owners: &Pairs) -> Pairs {
    super::purchases(sources, copies, (owners, &Confirmed::new()))
}

fn confirmed(pairs: &[(&str, &str)]) -> Confirmed {
    let pairs = pairs.iter().copied();
    pairs
        .map(|(source, copy)| (source.into(), copy.into()))
        .collect()
}

/// The matches in a word each: a copy, or the candidates after a question mark.
fn told(pairs: &Pairs) -> Vec<String> {
    pairs
        .iter()
        .map(|(source, found)| match found {
            Match::Paired(copy) => format!("{source}={copy}"),
            Match::Unclear { candidates, .. } => {
                let candidates: Vec<&str> = candidates.iter().map(String::as_str).collect();
                format!("{source}?{}", candidates.join(","))
            }
        })
        .collect()
}

#[test]
fn customers_are_paired_by_provisioning_id_then_by_both_numbers() {
    let sources = [
        customer("s1", &[("csp", "A")], None),
        customer("s2", &[], Some(("K2", "R2"))),
        customer("s3", &[("csp", "B")], Some(("K3", "R3"))),
        customer("s4", &[], Some(("K4", "R4"))),
        customer("s5", &[], Some(("K5", "R5"))),
        customer("s6", &[("csp", "D")], None),
    ];
    let copies = [
        customer("t1", &[("csp", "A")], None),
        customer("t2", &[], Some(("k2", " R2"))),
        // The numbers agree, the provisioning ids do not.
        customer("t3", &[("csp", "C")], Some(("K3", "R3"))),
        // Only one of the numbers agrees.
        customer("t4", &[], Some(("K4", "R9"))),
        // Two accounts with the same provisioning id.
        customer("t6", &[("csp", "D")], None),
        customer("t7", &[("csp", "D")], None),
        customer("own", &[("csp", "Z")], Some(("K9", "R8"))),
    ];
    let pairs = customers(&sources, &copies);
    assert_eq!(
        told(&pairs),
        ["s1=t1", "s2=t2", "s3?t3", "s4?t4", "s6?t6,t7"]
    );
}

#[test]
fn a_name_pairs_nothing_and_still_keeps_a_customer_from_being_copied_again() {
    let mut copy = customer("t1", &[], None);
    copy.name = Some("Name of S1 ".to_owned());
    let pairs = customers(&[customer("s1", &[], None)], &[copy]);
    assert_eq!(told(&pairs), ["s1?t1"]);
    let mut other = customer("t1", &[], None);
    other.name = Some("someone else".to_owned());
    assert_eq!(
        customers(&[customer("s1", &[], None)], &[other]),
        Pairs::new()
    );
}

#[test]
fn subscriptions_are_paired_by_the_vendors_id_whatever_was_changed() {
    let sources = [
        purchase("s1", "c1", Some("E1"), 1),
        purchase("s2", "c1", Some("E2"), 1),
        purchase("s3", "c2", Some("E3"), 1),
        ended(purchase("s4", "c2", Some("E4"), 1)),
    ];
    let copies = [
        purchase("x1", "t1", Some("e1"), 7),
        ended(purchase("x2", "t1", Some("E2"), 1)),
        // At another customer.
        purchase("x3", "t1", Some("E3"), 1),
        // Its source has ended: it is an orphan, and paired so that it is seen as one.
        purchase("x4", "t2", Some("E4"), 1),
    ];
    let pairs = purchases(&sources, &copies, &owners());
    assert_eq!(told(&pairs), ["s1=x1", "s2=x2", "s3?x3", "s4=x4"]);
}

#[test]
fn equal_records_are_paired_only_if_both_sides_have_as_many() {
    let source = |id| purchase(id, "c1", None, 3);
    let copy = |id| purchase(id, "t1", None, 3);
    let two = [source("s1"), source("s2")];
    let pairs = purchases(&two, &[copy("x1"), copy("x2")], &owners());
    assert_eq!(told(&pairs), ["s1=x1", "s2=x2"]);
    let pairs = purchases(&two, &[copy("x1")], &owners());
    assert_eq!(told(&pairs), ["s1?x1", "s2?x1"]);
    let pairs = purchases(&two, &[copy("x1"), copy("x2"), copy("x3")], &owners());
    assert_eq!(told(&pairs), ["s1?x1,x2,x3", "s2?x1,x2,x3"]);
    assert_eq!(purchases(&two, &[], &owners()), Pairs::new());
    // At a customer that is not paired nothing is equal.
    let strangers = [purchase("x1", "t9", None, 3), purchase("x2", "t9", None, 3)];
    assert_eq!(purchases(&two, &strangers, &owners()), Pairs::new());
}

#[test]
fn another_vendors_id_or_another_quantity_is_no_copy_and_no_gap() {
    let source = [purchase("s1", "c1", Some("E1"), 3)];
    let migrated = [purchase("x1", "t1", Some("E9"), 3)];
    assert_eq!(told(&purchases(&source, &migrated, &owners())), ["s1?x1"]);
    let changed = [purchase("x1", "t1", None, 4)];
    assert_eq!(told(&purchases(&source, &changed, &owners())), ["s1?x1"]);
    let ended = [ended(purchase("x1", "t1", None, 4))];
    assert_eq!(purchases(&source, &ended, &owners()), Pairs::new());
    let mut other = purchase("x1", "t1", Some("E9"), 3);
    other.product = Some("Exchange".to_owned());
    other.facts = other.facts.map(|facts| facts.replace("m365", "exchange"));
    assert_eq!(purchases(&source, &[other], &owners()), Pairs::new());
}

#[test]
fn an_orphan_without_a_vendors_id_is_seen() {
    let sources = [ended(purchase("s1", "c1", None, 3))];
    let copies = [purchase("x1", "t1", None, 3)];
    assert_eq!(told(&purchases(&sources, &copies, &owners())), ["s1=x1"]);
    // The active one is the source, the ended one is not.
    let sources = [
        ended(purchase("s1", "c1", None, 3)),
        purchase("s2", "c1", None, 3),
    ];
    assert_eq!(told(&purchases(&sources, &copies, &owners())), ["s2=x1"]);
}

/// A subscription as the vendor holds it, with what each side shows of it.
#[derive(Clone, Debug)]
struct Truth {
    owner: usize,
    external: Option<u8>,
    quantity: u32,
    copied: bool,
    amended: bool,
}

fn truths() -> impl Strategy<Value = Vec<Truth>> {
    let one = (
        0_usize..2,
        proptest::option::of(0_u8..4),
        1_u32..3,
        any::<bool>(),
        any::<bool>(),
    );
    let one = one.prop_map(|(owner, external, quantity, copied, amended)| Truth {
        owner,
        external,
        quantity,
        copied,
        amended,
    });
    proptest::collection::vec(one, 0..8)
}

fn both_sides(truths: &[Truth]) -> (Vec<PurchaseRecord>, Vec<PurchaseRecord>) {
    let external = |truth: &Truth| truth.external.map(|id| format!("E{id}"));
    let source = |(place, truth): (usize, &Truth)| {
        let owner = format!("c{}", truth.owner + 1);
        purchase(
            &format!("s{place}"),
            &owner,
            external(truth).as_deref(),
            truth.quantity,
        )
    };
    let copy = |(place, truth): (usize, &Truth)| {
        truth.copied.then(|| {
            let owner = format!("t{}", truth.owner + 1);
            let quantity = truth.quantity + u32::from(truth.amended) * 10;
            purchase(
                &format!("x{place}"),
                &owner,
                external(truth).as_deref(),
                quantity,
            )
        })
    };
    let sources = truths.iter().enumerate().map(source).collect();
    let copies = truths.iter().enumerate().filter_map(copy).collect();
    (sources, copies)
}

proptest! {
    /// A pair is the truth, or the two records cannot be told from the true ones.
    #[test]
    fn a_pair_is_never_wrong(truths in truths()) {
        let (sources, copies) = both_sides(&truths);
        let pairs = purchases(&sources, &copies, &owners());
        for (source, found) in &pairs {
            let Match::Paired(copy) = found else { continue };
            let (s, x): (usize, usize) = (source[1..].parse().unwrap(), copy[1..].parse().unwrap());
            if s != x {
                prop_assert_eq!(truths[s].owner, truths[x].owner);
                prop_assert_eq!(truths[s].quantity, truths[x].quantity);
                prop_assert_eq!(truths[s].external, truths[x].external);
                prop_assert!(!truths[x].amended);
            }
        }
    }

    /// What has a copy is never said to have none.
    #[test]
    fn what_was_copied_is_never_missing(truths in truths()) {
        let (sources, copies) = both_sides(&truths);
        let pairs = purchases(&sources, &copies, &owners());
        for (place, _) in truths.iter().enumerate().filter(|(_, truth)| truth.copied) {
            let source = format!("s{place}");
            prop_assert!(pairs.contains_key(&source), "{} {:?}", source, told(&pairs));
        }
    }

    /// No copy is the copy of two sources, and the order of the listings does not matter.
    #[test]
    fn one_copy_has_one_source_in_any_order(truths in truths()) {
        let (mut sources, mut copies) = both_sides(&truths);
        let pairs = purchases(&sources, &copies, &owners());
        let mut paired: Vec<&String> = pairs
            .values()
            .filter_map(|found| match found {
                Match::Paired(copy) => Some(copy),
                Match::Unclear { .. } => None,
            })
            .collect();
        let all = paired.len();
        paired.sort();
        paired.dedup();
        prop_assert_eq!(paired.len(), all);
        sources.reverse();
        copies.reverse();
        prop_assert_eq!(purchases(&sources, &copies, &owners()), pairs);
    }
}

#[test]
fn a_person_settles_what_is_unclear_and_nothing_else() {
    let two = [
        purchase("s1", "c1", None, 5),
        purchase("s2", "c1", None, 5),
        purchase("s3", "c1", Some("E-3"), 5),
    ];
    let copies = [
        purchase("x1", "t1", None, 5),
        purchase("x3", "t1", Some("E-3"), 9),
    ];
    let with = |pairs: &[(&str, &str)]| {
        let pairs = confirmed(pairs);
        told(&super::purchases(&two, &copies, (&owners(), &pairs)))
    };
    assert_eq!(with(&[]), ["s1?x1", "s2?x1", "s3=x3"]);
    // The one copy is the second's, so that the first has none.
    assert_eq!(with(&[("s2", "x1")]), ["s2=x1", "s3=x3"]);
    // What is certain is not overruled, and what is no candidate is not believed.
    let wrong = [("s1", "x3"), ("s2", "elsewhere"), ("s3", "x1")];
    assert_eq!(with(&wrong), ["s1?x1", "s2?x1", "s3=x3"]);
}

#[test]
fn customers_that_a_person_confirmed_are_owners() {
    let sources = [CustomerRecord {
        name: Some("Same Ltd".to_owned()),
        ..customer("c9", &[], None)
    }];
    let copies = ["t8", "t9"].map(|id| CustomerRecord {
        name: Some("Same Ltd".to_owned()),
        ..customer(id, &[], None)
    });
    let unclear = customers(&sources, &copies);
    assert_eq!(told(&unclear), ["c9?t8,t9"]);
    let owners = super::customers(&sources, &copies, &confirmed(&[("c9", "t9")]));
    assert_eq!(told(&owners), ["c9=t9"]);
    let bought = [purchase("s1", "c9", None, 5)];
    let theirs = [purchase("x1", "t9", None, 5)];
    assert_eq!(purchases(&bought, &theirs, &unclear), Pairs::new());
    assert_eq!(told(&purchases(&bought, &theirs, &owners)), ["s1=x1"]);
}
