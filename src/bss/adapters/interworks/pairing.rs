//! Which record of the tenant is the copy of which source, where the BSS keeps no link. Pure.
//!
//! Everything is told anew at each look. What is certain is paired, what has no counterpart is without a
//! copy, and everything between is unclear, which holds the switch until a person says. Names never pair
//! anything, nor do product, date, quantity, position or counts on their own.

use std::collections::{BTreeMap, BTreeSet};

use super::records::{CustomerRecord, PurchaseRecord, folded};
use crate::bss::port::{CopyId, PurchaseState, SourceId};

/// What is known of a source's copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// This record is its copy.
    Paired(String),
    /// One of these may be its copy. Says why it is not certain.
    Unclear {
        candidates: BTreeSet<String>,
        why: &'static str,
    },
}

/// The matches by source id. A source that is not in it has no copy.
pub(super) type Pairs = BTreeMap<String, Match>;

/// The copy that a person confirmed, by source. No copy is in it twice.
pub(super) type Confirmed = BTreeMap<SourceId, CopyId>;

/// Settles what is unclear by what a person confirmed. What is certain without it stays as it is. A copy that is
/// confirmed for one source is no candidate of another, and a source whose candidates are all gone has no copy.
fn settle(pairs: &mut Pairs, confirmed: &Confirmed) {
    let mut settled = BTreeSet::new();
    let known = pairs.values().filter_map(|found| match found {
        Match::Paired(copy) => Some(copy.clone()),
        Match::Unclear { .. } => None,
    });
    let paired: BTreeSet<String> = known.collect();
    for (source, copy) in confirmed {
        let Some(Match::Unclear { candidates, .. }) = pairs.get(source.as_str()) else {
            continue;
        };
        let copy = copy.as_str();
        if candidates.contains(copy) && !paired.contains(copy) {
            pairs.insert(source.0.clone(), Match::Paired(copy.to_owned()));
            settled.insert(copy.to_owned());
        }
    }
    pairs.retain(|_, found| match found {
        Match::Paired(_) => true,
        Match::Unclear { candidates, .. } => {
            candidates.retain(|copy| !settled.contains(copy));
            !candidates.is_empty()
        }
    });
}

/// Pairs under construction.
#[derive(Default)]
struct Pairing {
    pairs: Pairs,
    /// Copies that are the copy of a source, or may be.
    taken: BTreeSet<String>,
}

impl Pairing {
    fn is_open(&self, source: &str, copy: &str) -> bool {
        !self.pairs.contains_key(source) && !self.taken.contains(copy)
    }

    fn pair(&mut self, source: &str, copy: &str) {
        self.pairs
            .insert(source.to_owned(), Match::Paired(copy.to_owned()));
        self.taken.insert(copy.to_owned());
    }

    fn unclear(
        &mut self,
        source: &str,
        copies: impl IntoIterator<Item = String>,
        why: &'static str,
    ) {
        let candidates: BTreeSet<String> = copies.into_iter().collect();
        self.taken.extend(candidates.iter().cloned());
        self.pairs
            .insert(source.to_owned(), Match::Unclear { candidates, why });
    }

    /// Pairs two groups that have a key in common, if each is one record; otherwise they are unclear.
    fn meet(&mut self, sources: &[&str], copies: &[&str], why: &'static str) {
        match (sources, copies) {
            ([], _) | (_, []) => {}
            ([source], [copy]) => self.pair(source, copy),
            (_, _) => {
                for source in sources {
                    self.unclear(source, copies.iter().map(|copy| (*copy).to_owned()), why);
                }
            }
        }
    }
}

/// Pairs customers: by the same external id in the same provisioning system, then by code and registration
/// number together, then as a person confirmed.
pub(super) fn customers(
    sources: &[CustomerRecord],
    copies: &[CustomerRecord],
    confirmed: &Confirmed,
) -> Pairs {
    let mut pairing = Pairing::default();
    by_provisioning(&mut pairing, sources, copies);
    by_numbers(&mut pairing, sources, copies);
    by_resemblance(&mut pairing, sources, copies);
    settle(&mut pairing.pairs, confirmed);
    pairing.pairs
}

fn by_provisioning(pairing: &mut Pairing, sources: &[CustomerRecord], copies: &[CustomerRecord]) {
    let of_copies = holders(copies);
    let of_sources = holders(sources);
    for source in sources {
        let met = |holders: &BTreeMap<&(String, String), BTreeSet<&str>>, of: &CustomerRecord| {
            let sets = of.externals.iter().filter_map(|key| holders.get(key));
            sets.flatten()
                .map(|id| (*id).to_owned())
                .collect::<BTreeSet<String>>()
        };
        let reached = met(&of_copies, source);
        let back: BTreeSet<String> = copies
            .iter()
            .filter(|copy| reached.contains(&copy.id))
            .flat_map(|copy| met(&of_sources, copy))
            .collect();
        let mut reached = reached.into_iter();
        match (reached.next(), reached.next()) {
            (None, _) => {}
            (Some(copy), None) if back.len() == 1 => pairing.pair(&source.id, &copy),
            (Some(first), second) => {
                let all = [Some(first), second].into_iter().flatten().chain(reached);
                pairing.unclear(
                    &source.id,
                    all,
                    "they share an external id with several accounts",
                );
            }
        }
    }
}

/// Who holds an external id.
fn holders(records: &[CustomerRecord]) -> BTreeMap<&(String, String), BTreeSet<&str>> {
    let mut holders: BTreeMap<&(String, String), BTreeSet<&str>> = BTreeMap::new();
    for record in records {
        for key in &record.externals {
            holders.entry(key).or_default().insert(&record.id);
        }
    }
    holders
}

fn by_numbers(pairing: &mut Pairing, sources: &[CustomerRecord], copies: &[CustomerRecord]) {
    let key = |record: &CustomerRecord| {
        let code = folded(record.code.as_deref()?);
        Some((code, folded(record.registration.as_deref()?)))
    };
    let of_sources = grouped(sources.iter().filter_map(|one| Some((key(one)?, one))));
    let of_copies = grouped(copies.iter().filter_map(|one| Some((key(one)?, one))));
    for (key, sources) in of_sources {
        // Whatever was paired already counts: a number that two accounts have says nothing.
        let copies = of_copies.get(&key).map_or(&[][..], Vec::as_slice);
        let open =
            |source: &CustomerRecord, copy: &CustomerRecord| pairing.is_open(&source.id, &copy.id);
        match (sources.as_slice(), copies) {
            ([source], [copy]) if open(source, copy) => {
                if contradict(source, copy) {
                    let why = "code and registration number agree, the external ids do not";
                    pairing.unclear(&source.id, [copy.id.clone()], why);
                } else {
                    pairing.pair(&source.id, &copy.id);
                }
            }
            (_, _) => {}
        }
    }
}

/// Whether a provisioning system calls the two by different ids.
fn contradict(one: &CustomerRecord, other: &CustomerRecord) -> bool {
    let mut externals = one.externals.iter();
    externals.any(|(system, id)| {
        let mut others = other.externals.iter();
        others.any(|(other_system, other_id)| system == other_system && id != other_id)
    })
}

/// What is left and looks alike may belong together: it is not taken for uncopied.
fn by_resemblance(pairing: &mut Pairing, sources: &[CustomerRecord], copies: &[CustomerRecord]) {
    fn traits(record: &CustomerRecord) -> [Option<String>; 3] {
        [&record.code, &record.registration, &record.name].map(|value| value.as_deref().map(folded))
    }
    let taken = pairing.taken.clone();
    for source in sources {
        if pairing.pairs.contains_key(&source.id) {
            continue;
        }
        let own = traits(source);
        let alike = |copy: &&CustomerRecord| {
            let mut both = own.iter().zip(traits(copy));
            !taken.contains(&copy.id) && both.any(|(one, other)| one.is_some() && *one == other)
        };
        let candidates: Vec<String> = copies
            .iter()
            .filter(alike)
            .map(|copy| copy.id.clone())
            .collect();
        if !candidates.is_empty() {
            let why = "code, registration number or name agree, and nothing tells for certain";
            pairing.unclear(&source.id, candidates, why);
        }
    }
}

/// Pairs subscriptions and assets, given who is paired with whom among their owners: by the product's system
/// and the vendor's external id, then by complete records that are equal, counted, then as a person confirmed.
pub(super) fn purchases(
    sources: &[PurchaseRecord],
    copies: &[PurchaseRecord],
    (owners, confirmed): (&Pairs, &Confirmed),
) -> Pairs {
    let mut pairing = Pairing::default();
    by_vendor_id(&mut pairing, sources, copies, owners);
    by_equal_records(&mut pairing, sources, copies, owners, is_active);
    by_equal_records(
        &mut pairing,
        sources,
        copies,
        owners,
        PurchaseRecord::has_ended,
    );
    by_product(&mut pairing, sources, copies, owners);
    settle(&mut pairing.pairs, confirmed);
    pairing.pairs
}

fn is_active(record: &PurchaseRecord) -> bool {
    record.state == PurchaseState::Active
}

fn by_vendor_id(
    pairing: &mut Pairing,
    sources: &[PurchaseRecord],
    copies: &[PurchaseRecord],
    owners: &Pairs,
) {
    let keyed = |records: &'_ [PurchaseRecord]| -> Vec<(_, usize)> {
        let all = records.iter().enumerate();
        let keys = all.filter_map(|(place, one)| {
            let external = one.external.clone()?;
            Some(((one.kind, external), place))
        });
        keys.collect()
    };
    let of_sources = grouped(keyed(sources).into_iter());
    let of_copies = grouped(keyed(copies).into_iter());
    for (key, places) in of_sources {
        let Some(others) = of_copies.get(&key) else {
            continue;
        };
        let found = living(sources, &places);
        let counterparts = living(copies, others);
        let ids = |records: &[&PurchaseRecord]| -> Vec<String> {
            records.iter().map(|one| one.id.clone()).collect()
        };
        if let ([source], [copy]) = (found.as_slice(), counterparts.as_slice())
            && !owned_alike(owners, source, copy)
        {
            let why = "the vendor's id agrees, the customer does not";
            pairing.unclear(&source.id, [copy.id.clone()], why);
            continue;
        }
        let (found, counterparts) = (ids(&found), ids(&counterparts));
        pairing.meet(
            &found.iter().map(String::as_str).collect::<Vec<_>>(),
            &counterparts.iter().map(String::as_str).collect::<Vec<_>>(),
            "several records have the same vendor's id",
        );
    }
}

/// Those that have not ended; all, if all have.
fn living<'a>(records: &'a [PurchaseRecord], places: &[usize]) -> Vec<&'a PurchaseRecord> {
    let all = places.iter().filter_map(|place| records.get(*place));
    let living: Vec<&PurchaseRecord> = all.clone().filter(|one| !one.has_ended()).collect();
    if living.is_empty() {
        all.collect()
    } else {
        living
    }
}

/// Whether the copy's customer is the copy of the source's customer.
fn owned_alike(owners: &Pairs, source: &PurchaseRecord, copy: &PurchaseRecord) -> bool {
    matches!(owners.get(&source.customer), Some(Match::Paired(owner)) if *owner == copy.customer)
}

/// Equal records are interchangeable, so that it does not matter which is paired with which, as long as both
/// sides have as many of them.
fn by_equal_records(
    pairing: &mut Pairing,
    sources: &[PurchaseRecord],
    copies: &[PurchaseRecord],
    owners: &Pairs,
    eligible: impl Fn(&PurchaseRecord) -> bool,
) {
    let of_sources = grouped(sources.iter().filter_map(|one| {
        let open = !pairing.pairs.contains_key(&one.id) && eligible(one);
        let Some(Match::Paired(owner)) = owners.get(&one.customer).filter(|_| open) else {
            return None;
        };
        Some(((one.kind, owner.clone(), one.facts.clone()?), one))
    }));
    let of_copies = grouped(copies.iter().filter_map(|one| {
        let open = !pairing.taken.contains(&one.id) && !one.has_ended();
        let facts = one.facts.clone().filter(|_| open)?;
        Some(((one.kind, one.customer.clone(), facts), one))
    }));
    for (key, mut group) in of_sources {
        let Some(others) = of_copies.get(&key) else {
            continue;
        };
        let mut others = others.clone();
        group.sort_by(|one, other| one.id.cmp(&other.id));
        others.sort_by(|one, other| one.id.cmp(&other.id));
        let both_known = |source: &PurchaseRecord, copy: &PurchaseRecord| {
            source.external.is_some() && copy.external.is_some()
        };
        let told_apart = group
            .iter()
            .any(|source| others.iter().any(|copy| both_known(source, copy)));
        if group.len() == others.len() && !told_apart {
            for (source, copy) in group.iter().zip(&others) {
                pairing.pair(&source.id, &copy.id);
            }
            continue;
        }
        let why = if told_apart {
            "the records agree, the vendor's ids do not"
        } else {
            "the two sides have a different number of records that agree in everything"
        };
        let ids: Vec<String> = others.iter().map(|copy| copy.id.clone()).collect();
        for source in group {
            pairing.unclear(&source.id, ids.clone(), why);
        }
    }
}

/// A copy of the same product at the same customer that is left, as its source is, may be its copy after a
/// change: it is not taken for uncopied.
fn by_product(
    pairing: &mut Pairing,
    sources: &[PurchaseRecord],
    copies: &[PurchaseRecord],
    owners: &Pairs,
) {
    let taken = pairing.taken.clone();
    for source in sources {
        let open = !pairing.pairs.contains_key(&source.id) && !source.has_ended();
        let Some(product) = source.product.as_deref().map(folded).filter(|_| open) else {
            continue;
        };
        let candidates: Vec<String> = copies
            .iter()
            .filter(|copy| {
                !taken.contains(&copy.id)
                    && !copy.has_ended()
                    && copy.kind == source.kind
                    && owned_alike(owners, source, copy)
                    && copy.product.as_deref().map(folded).as_ref() == Some(&product)
            })
            .map(|copy| copy.id.clone())
            .collect();
        if !candidates.is_empty() {
            let why = "customer and product agree, and nothing tells for certain";
            pairing.unclear(&source.id, candidates, why);
        }
    }
}

fn grouped<K: Ord, V>(all: impl Iterator<Item = (K, V)>) -> BTreeMap<K, Vec<V>> {
    let mut groups: BTreeMap<K, Vec<V>> = BTreeMap::new();
    for (key, value) in all {
        groups.entry(key).or_default().push(value);
    }
    groups
}

#[cfg(test)]
#[path = "pairing_tests.rs"]
mod tests;
