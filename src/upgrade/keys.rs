//! Keys: permanent, readable, and the same in every cluster and after every restart.

use sha2::{Digest as _, Sha256};

use super::realm::Realm;
use crate::bss::port::{
    AccountId, BusinessKey, ItemKind, RequestKey, Revision, SourceId, TenantId, TenantSettings,
};

/// No key is longer, whatever the ids: the contract lets a server refuse a longer one. Keys are ASCII, so
/// this is characters and bytes alike.
const LONGEST_KEY: usize = 1024;
/// A percent-encoded id that is longer than this stands in a key that would be too long by its hash.
const LONGEST_PART: usize = 256;

/// Makes the keys of one reseller of one BSS. The ids are the canonical ones that the BSS returned,
/// never the text of a spec; the identity is the declared one, never a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Keys {
    identity: String,
    reseller: AccountId,
}

impl Keys {
    /// Keys for a reseller.
    #[must_use]
    pub fn new(identity: &str, reseller: &AccountId) -> Self {
        Self {
            identity: identity.to_owned(),
            reseller: reseller.clone(),
        }
    }

    /// `tru/<identity>/<reseller>/tenant`
    #[must_use]
    pub fn tenant(&self) -> BusinessKey {
        BusinessKey(self.path(&["tenant"]))
    }

    /// `tru/<identity>/<reseller>/<tenant>/activation`
    #[must_use]
    pub fn activation(&self, tenant: &TenantId) -> BusinessKey {
        BusinessKey(self.path(&[tenant.as_str(), "activation"]))
    }

    /// `tru/<identity>/<reseller>/<tenant>/<customer|subscription|asset>/<source id>`
    #[must_use]
    pub fn item(&self, tenant: &TenantId, kind: ItemKind, source: &SourceId) -> BusinessKey {
        BusinessKey(self.path(&[tenant.as_str(), kind.as_str(), source.as_str()]))
    }

    /// The request key of a tenant creation: the business key and what was asked for.
    ///
    /// The intent's time is a part of it: after a refusal a new intent is recorded, and so not even
    /// a BSS that replays its refusals repeats one.
    #[must_use]
    pub fn tenant_request(&self, settings: &TenantSettings, intended: &str) -> RequestKey {
        let digest = settings_digest(settings);
        RequestKey(format!("{}/{digest}/{}", self.tenant(), encode(intended)))
    }

    /// The request key of an activation: the business key, the revision it was decided on, and the
    /// time of its intent.
    #[must_use]
    pub fn activation_request(
        &self,
        tenant: &TenantId,
        expected: Option<Revision>,
        intended: &str,
    ) -> RequestKey {
        let revision = expected.map_or_else(|| "-".to_owned(), |revision| revision.0.to_string());
        let intended = encode(intended);
        RequestKey(format!("{}/{revision}/{intended}", self.activation(tenant)))
    }

    /// Keys are permanent: what fits is written as it always was. A percent-encoded id takes up to
    /// 1,536 characters, so that a key of long ids in another script than Latin would not fit; of it,
    /// and of it alone, the long ids are replaced by their hash.
    fn path(&self, rest: &[&str]) -> String {
        let whole = self.joined(rest, encode);
        if whole.len() <= LONGEST_KEY {
            return whole;
        }
        self.joined(rest, encode_or_hash)
    }

    fn joined(&self, rest: &[&str], write: fn(&str) -> String) -> String {
        let mut key = format!(
            "tru/{}/{}",
            write(&self.identity),
            write(self.reseller.as_str())
        );
        for part in rest {
            key.push('/');
            key.push_str(&write(part));
        }
        key
    }
}

/// The name of the claim on a reseller: the name is the lock, for the upgrades of this realm.
#[must_use]
pub fn claim_name(realm: &Realm, identity: &str, reseller: &AccountId) -> String {
    let mut text = format!("{}/{}", encode(identity), encode(reseller.as_str()));
    match realm {
        // One part more, so that it is no bound identity's, whatever the words are.
        Realm::Namespace(namespace) => text.insert_str(0, &format!("{}/", encode(namespace))),
        Realm::Bound => {}
    }
    format!("reseller-{}", hex(&Sha256::digest(text.as_bytes()), 20))
}

/// A digest over a tenant's settings.
#[must_use]
pub(super) fn settings_digest(settings: &TenantSettings) -> String {
    let TenantSettings {
        price_list,
        edition,
        language,
        time_zone,
        date_format,
        invoicing,
    } = settings;
    let parts = [
        price_list.as_str(),
        edition,
        language,
        time_zone,
        date_format,
        invoicing.as_str(),
    ];
    let text: Vec<String> = parts.iter().map(|part| encode(part)).collect();
    format!(
        "sha256-{}",
        hex(&Sha256::digest(text.join("/").as_bytes()), 32)
    )
}

/// A short id of an intent, for a person to type.
#[must_use]
pub(super) fn intent_id(recorded: &str, digest: &str) -> String {
    format!("{:08x}", hash128(&[recorded, digest]) >> 96)
}

/// The first sixteen bytes of a hash over parts, none of which can run into the next.
#[must_use]
pub(super) fn hash128(parts: &[&str]) -> u128 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let bytes = hasher.finalize();
    bytes
        .iter()
        .take(16)
        .fold(0_u128, |sum, byte| (sum << 8) | u128::from(*byte))
}

fn hex(bytes: &[u8], digits: usize) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .take(digits)
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

/// A part of a key that would be too long. The colon is in no percent-encoded part, so that no hash can
/// be taken for an id.
fn encode_or_hash(part: &str) -> String {
    let encoded = encode(part);
    if encoded.len() <= LONGEST_PART {
        return encoded;
    }
    format!("sha256:{}", hex(&Sha256::digest(part.as_bytes()), 64))
}

/// Percent-encodes everything but unreserved characters, so that no part can contain a `/`.
fn encode(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            _ => {
                text.push('%');
                let digits = [byte >> 4, byte & 0xf].map(|d| char::from_digit(u32::from(d), 16));
                text.extend(
                    digits
                        .into_iter()
                        .flatten()
                        .map(|digit| digit.to_ascii_uppercase()),
                );
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_read_as_documented() {
        let keys = Keys::new("acme-distribution", &AccountId::from("10423"));
        let tenant = TenantId::from("T-7");
        assert_eq!(keys.tenant().as_str(), "tru/acme-distribution/10423/tenant");
        assert_eq!(
            keys.activation(&tenant).as_str(),
            "tru/acme-distribution/10423/T-7/activation"
        );
        assert_eq!(
            keys.item(&tenant, ItemKind::Asset, &SourceId::from("a/1"))
                .as_str(),
            "tru/acme-distribution/10423/T-7/asset/a%2F1"
        );
        assert_eq!(
            keys.activation_request(&tenant, Some(Revision(9)), "t:1")
                .as_str(),
            "tru/acme-distribution/10423/T-7/activation/9/t%3A1"
        );
    }

    /// An id at the contract's bounds: any characters but control characters, often four bytes each.
    fn longest_ids() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("\u{1F4A9}".repeat(128)),
            Just("%".repeat(128)),
            Just("A".repeat(128)),
            "[\u{10000}-\u{1FFFF}]{120,128}",
            "[\u{370}-\u{3FF}/%. ]{1,128}",
            "[^\\pC]{1,128}",
        ]
    }

    /// What this operator has stored in a BSS is found by the same key for ever.
    #[test]
    fn keys_that_fit_are_written_out_and_longer_ones_by_the_hashes_of_their_long_ids() {
        let greek = "\u{3b1}".repeat(128);
        let keys = Keys::new("acme", &AccountId::from("10423"));
        let tenant = TenantId::from("T-7");
        let fits = keys.item(&tenant, ItemKind::Customer, &greek.as_str().into());
        assert_eq!(
            fits.as_str(),
            format!("tru/acme/10423/T-7/customer/{}", "%CE%B1".repeat(128))
        );
        let longer = "\u{1F4A9}".repeat(128);
        let hashed = keys.item(&tenant, ItemKind::Customer, &longer.as_str().into());
        assert_eq!(
            hashed.as_str(),
            "tru/acme/10423/T-7/customer/sha256:\
             60e4f325243f1f6df6baebb9dd25334217ce32ba77d543c736a186a90536052d"
        );
    }

    #[test]
    fn a_claim_is_named_by_namespace_identity_and_account() {
        let name = |realm: Realm, identity: &str, account: &str| {
            claim_name(&realm, identity, &AccountId::from(account))
        };
        let of = |namespace: &str| Realm::Namespace(namespace.to_owned());
        let victim = name(of("resellers"), "acme", "10423");
        let others = [
            name(of("evil"), "acme", "10423"),
            name(of("resellers"), "acme", "10424"),
            name(of("resellers"), "other", "10423"),
            name(Realm::Bound, "acme", "10423"),
            // What an attacker may choose are identity and account, and they hold no separator.
            name(Realm::Bound, "resellers/acme", "10423"),
            name(Realm::Bound, "resellers", "acme/10423"),
            name(of("evil"), "resellers/acme", "10423"),
        ];
        assert!(!others.contains(&victim));
        assert_eq!(victim, name(of("resellers"), "acme", "10423"));
    }

    /// What the contract and the schemas of the cluster allow is what a key may need.
    #[test]
    fn the_bound_of_a_key_is_one_and_the_same() {
        use crate::api::ReportRow;
        use crate::bss::adapters::reference::contract::{
            Activate, CopyCustomer, CopySubscription, CreateTenant, Found,
        };
        for schema in [
            schemars::schema_for!(ReportRow),
            schemars::schema_for!(CopyCustomer),
            schemars::schema_for!(CopySubscription),
            schemars::schema_for!(CreateTenant),
            schemars::schema_for!(Activate),
            schemars::schema_for!(Found),
        ] {
            let longest = schema
                .pointer("/properties/businessKey/maxLength")
                .and_then(serde_json::Value::as_u64);
            assert_eq!(longest, u64::try_from(LONGEST_KEY).ok(), "{schema:?}");
        }
    }

    proptest! {
        #[test]
        fn a_key_of_whatever_ids_keeps_to_the_contracts_length(
            identity in "[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?",
            reseller in longest_ids(),
            tenant in longest_ids(),
            source in longest_ids(),
            other in longest_ids(),
        ) {
            let keys = Keys::new(&identity, &AccountId(reseller));
            let tenant = TenantId(tenant);
            let time = "2026-12-05T20:00:00.123456789Z";
            let item = |id: &str| keys.item(&tenant, ItemKind::Subscription, &SourceId::from(id));
            for key in [keys.tenant(), keys.activation(&tenant), item(&source)] {
                prop_assert!(key.as_str().len() <= LONGEST_KEY, "{} bytes", key.as_str().len());
                prop_assert!(key.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
            }
            prop_assert_eq!(item(&source) == item(&other), source == other);
            let request = keys.activation_request(&tenant, Some(Revision(u64::MAX)), time);
            prop_assert!(request.as_str().len() <= 1280);
        }

        #[test]
        fn different_parts_never_make_one_key(a in ".{1,12}", b in ".{1,12}", c in ".{1,12}", d in ".{1,12}") {
            let one = Keys::new(&a, &AccountId::from(b.as_str())).tenant();
            let two = Keys::new(&c, &AccountId::from(d.as_str())).tenant();
            prop_assert_eq!(one == two, a == c && b == d);
        }
    }
}
