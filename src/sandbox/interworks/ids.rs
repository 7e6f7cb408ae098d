//! Ids as this BSS shows them: whole numbers for accounts, GUIDs for subscriptions and assets.
//!
//! They are made from the sandbox's own numbers, both ways and without a table. Neither the order of
//! the ids nor their digits tell which copy belongs to which source: the two are numbered apart.

use crate::sandbox::world::purchases::digest;

/// Whole numbers are scattered below this prime.
const PRIME: u64 = 1_000_003;
const SPREAD: u64 = 7919;
/// `SPREAD * GATHER` is 1 modulo `PRIME`.
const GATHER: u64 = 658_671;
/// Added, so that an account of a tenant has as many digits as one of the distributor.
const FIRST: u64 = 3_000_000;
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
/// `MIX * UNMIX` is 1 modulo 2^64.
const UNMIX: u64 = 0xf1de_83e1_9937_733d;

/// The digits of an id of the sandbox: 17 of `CC-0000017`.
fn digits(inner: &str) -> Option<u64> {
    inner.split_once('-')?.1.parse().ok()
}

/// A whole number for an id of the sandbox.
pub(super) fn number(inner: &str) -> u64 {
    scatter(digits(inner).unwrap_or_else(|| inner.parse().unwrap_or(0)))
}

fn scatter(number: u64) -> u64 {
    number
        .wrapping_mul(SPREAD)
        .checked_rem(PRIME)
        .unwrap_or(0)
        .saturating_add(FIRST)
}

/// The digits behind a whole number.
pub(super) fn digits_of(number: u64) -> u64 {
    let scattered = number.saturating_sub(FIRST);
    scattered
        .wrapping_mul(GATHER)
        .checked_rem(PRIME)
        .unwrap_or(0)
}

/// A GUID for an id of the sandbox.
pub(super) fn guid(inner: &str) -> String {
    let (prefix, _) = inner.split_once('-').unwrap_or_default();
    let mixed = digits(inner)
        .unwrap_or(0)
        .wrapping_add(u64::from(is_asset(prefix)) << 40)
        .wrapping_mul(MIX);
    let head = format!("{mixed:016x}");
    let tail = digest(&head);
    let part = |text: &str, from: usize, to: usize| text.get(from..to).unwrap_or("").to_owned();
    format!(
        "{}-{}-{}-{}-{}",
        part(&head, 0, 8),
        part(&head, 8, 12),
        part(&head, 12, 16),
        part(&tail, 0, 4),
        part(&tail, 4, 16)
    )
}

fn is_asset(prefix: &str) -> bool {
    prefix == "AST"
}

/// The number behind a GUID, if it is one of this BSS.
pub(super) fn number_of(guid: &str) -> Option<u64> {
    let plain: String = guid.split('-').collect();
    let head = plain.get(..16)?;
    if digest(head).get(..16) != plain.get(16..) || guid.len() != 36 {
        return None;
    }
    let mixed = u64::from_str_radix(head, 16).ok()?;
    Some(mixed.wrapping_mul(UNMIX) & ((1 << 40) - 1))
}

/// What the provisioning system calls the thing that a source stands for. The copy of the source is a
/// record of the same thing, and so has the same.
pub(super) fn external(what: &str, source: &str) -> String {
    let digest = digest(&format!("{what}:{source}"));
    digest.get(..20).unwrap_or_default().to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_lead_back_to_their_digits() {
        for inner in ["CC-0000001", "CC-0000417", "OWN-900001", "XC-0999999"] {
            assert_eq!(Some(digits_of(number(inner))), digits(inner), "{inner}");
        }
    }

    #[test]
    fn guids_lead_back_to_their_numbers() {
        for inner in ["SUB-1234577", "AST-0000007", "SC-0000001", "CC-0999999"] {
            let expected = digits(inner);
            assert_eq!(number_of(&guid(inner)), expected, "{inner}");
        }
        assert_ne!(guid("SUB-0000001"), guid("AST-0000001"));
        for wrong in ["", "12", "00000000-0000-0000-0000-000000000000", "é"] {
            assert_eq!(number_of(wrong), None, "{wrong}");
        }
    }
}
