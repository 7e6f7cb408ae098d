//! Which upgrades share the claims on the resellers of a BSS.

use crate::api::ResellerClaimSpec;
use crate::bss::port::AccountId;

/// The upgrades that share claims. Any connection may declare any identity, so that the identity alone
/// says nothing about who may inherit a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Realm {
    /// Those of one namespace.
    Namespace(String),
    /// Those of all namespaces that the administrator bound the identity to.
    Bound,
}

impl Realm {
    /// The holder that a BSS is told when an epoch is acquired. The BSS itself then keeps two
    /// namespaces of one cluster apart as it does two clusters. It consists of letters, digits,
    /// hyphens and one dot, which neither a uid nor a namespace has.
    #[must_use]
    pub fn holder(&self, installation: &str) -> String {
        match self {
            Self::Namespace(namespace) => format!("{installation}.{namespace}"),
            Self::Bound => installation.to_owned(),
        }
    }

    /// Whether this record is one of the realm's on this reseller. A claim's name is a hash of all
    /// that is asked here; a record that was written by hand under that name is believed as little as
    /// one of another namespace.
    #[must_use]
    pub fn has(&self, claim: &ResellerClaimSpec, identity: &str, reseller: &AccountId) -> bool {
        let same = claim.bss_identity == identity && claim.reseller_account_id == reseller.0;
        let own = match self {
            Self::Namespace(namespace) => claim.holder.namespace == *namespace,
            Self::Bound => true,
        };
        same && own
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ClaimHolder;

    #[test]
    fn a_record_is_no_other_namespaces_unless_the_identity_is_bound() {
        let holder = ClaimHolder {
            namespace: "evil".to_owned(),
            name: "contoso".to_owned(),
            uid: "u-1".to_owned(),
        };
        let claim = ResellerClaimSpec::new("acme".to_owned(), "10423".to_owned(), holder);
        let reseller = AccountId::from("10423");
        let realm = |namespace: &str| Realm::Namespace(namespace.to_owned());
        assert!(!realm("resellers").has(&claim, "acme", &reseller));
        assert!(realm("evil").has(&claim, "acme", &reseller));
        assert!(Realm::Bound.has(&claim, "acme", &reseller));
        assert!(!Realm::Bound.has(&claim, "other", &reseller));
        assert!(!Realm::Bound.has(&claim, "acme", &AccountId::from("10424")));
    }

    #[test]
    fn the_holder_names_the_namespace_and_fits_the_contract() {
        let uid = "5b0f5c5e-0d7b-4a86-9d0e-3f9d6f6a2f11";
        let longest = Realm::Namespace("n".repeat(63)).holder(uid);
        assert!(longest.len() <= 128);
        assert_eq!(
            Realm::Namespace("resellers".to_owned()).holder(uid),
            format!("{uid}.resellers")
        );
        assert_eq!(Realm::Bound.holder(uid), uid);
    }
}
