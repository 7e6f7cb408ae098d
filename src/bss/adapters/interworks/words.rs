//! What the words of an installation mean, and what tells a Basic reseller from a tenant reseller. Pure.

use super::options::{Calibration, Words};
use super::wire::Account;
use crate::bss::port::{PurchaseState, Sync};

/// Words as they are compared.
fn same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// The state that a word stands for. A word that is not known is unclear, never a state that is near.
pub(super) fn state(word: Option<&str>, trial: Option<bool>, words: &Words) -> PurchaseState {
    let Some(word) = word else {
        return PurchaseState::Unclear("no status".to_owned());
    };
    let own = words.states.iter().find(|(known, _)| same(known, word));
    let plain = [
        ("Active", PurchaseState::Active),
        ("Suspended", PurchaseState::Suspended),
        ("Cancelled", PurchaseState::Cancelled),
        ("Canceled", PurchaseState::Cancelled),
        ("Expired", PurchaseState::Expired),
        ("Trial", PurchaseState::Trial),
    ];
    let state = own.map(|(_, state)| state.clone()).or_else(|| {
        let mut plain = plain.into_iter();
        plain
            .find(|(known, _)| same(known, word))
            .map(|(_, state)| state)
    });
    match (state, trial) {
        (Some(PurchaseState::Active), Some(true)) => PurchaseState::Trial,
        (Some(state), _) => state,
        (None, _) => PurchaseState::Unclear(word.to_owned()),
    }
}

/// Whether an account's sync is in order, by the words of all its systems. One that is not in order counts
/// for all; a word that is not known is not seen.
pub(super) fn sync<'a>(statuses: impl Iterator<Item = Option<&'a str>>, words: &Words) -> Sync {
    let among = |list: &[String], word: &str| list.iter().any(|known| same(known, word));
    let mut told = None;
    for status in statuses {
        let one = match status {
            Some(word) if among(&words.not_synced, word) => return Sync::NotSynced,
            Some(word) if among(&words.synced, word) => Sync::Synced,
            Some(_) | None => Sync::Unseen,
        };
        told = Some(match told {
            None | Some(Sync::Synced) => one,
            Some(before @ (Sync::NotSynced | Sync::Unseen)) => before,
        });
    }
    told.unwrap_or(Sync::Unseen)
}

/// Whether an order is final.
pub(super) fn is_final(status: Option<&str>, words: &Words) -> bool {
    status.is_some_and(|word| words.final_orders.iter().any(|known| same(known, word)))
}

/// What tells a Basic reseller from a tenant reseller at this installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Discriminator {
    /// By field: its value at the Basic reseller, and at the tenant reseller.
    fields: Vec<(&'static str, String, String)>,
}

/// What an account is, as far as the discriminator tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Basic,
    Tenant,
    /// It is like neither of the two.
    Neither,
}

fn discriminating(account: &Account) -> [(&'static str, Option<&str>); 3] {
    [
        ("isNetworkReseller", account.is_network_reseller.as_deref()),
        ("resellerType", account.reseller_type.as_deref()),
        ("resellingEnabled", account.reselling_enabled.as_deref()),
    ]
}

impl Discriminator {
    /// Learns it from the two accounts.
    pub(super) fn learn(
        named: &Calibration,
        basic: &Account,
        tenant: &Account,
    ) -> Result<Self, String> {
        let pairs = discriminating(basic)
            .into_iter()
            .zip(discriminating(tenant));
        let fields: Vec<_> = pairs
            .filter_map(|((name, one), (_, other))| {
                let (one, other) = (one?.to_lowercase(), other?.to_lowercase());
                (one != other).then_some((name, one, other))
            })
            .collect();
        if fields.is_empty() {
            let Calibration { basic, tenant } = named;
            return Err(format!(
                "the calibration fails: the accounts {basic} (basicAccountId) and {tenant} \
                 (tenantAccountId) do not differ in isNetworkReseller, resellerType or \
                 resellingEnabled, so that a Basic reseller cannot be told from a tenant reseller. \
                 Name two other accounts in interworks.calibration, or ask the vendor which field \
                 tells them apart"
            ));
        }
        Ok(Self { fields })
    }

    /// What an account is. A tenant reseller is like the tenant reseller in every field that tells the two
    /// apart: between the creation of the tenant and the switch some fields may have changed already. An
    /// account with a value that neither of the two has is another kind of account.
    pub(super) fn tell(&self, account: &Account) -> Told {
        let has = discriminating(account);
        let mut like_tenant = true;
        for (name, basic, tenant) in &self.fields {
            let field = has.iter().find(|(known, _)| known == name);
            let value = field.and_then(|(_, value)| value.map(str::to_lowercase));
            if value.as_ref() == Some(basic) {
                like_tenant = false;
            } else if value.as_ref() != Some(tenant) {
                return Told::Neither;
            }
        }
        if like_tenant {
            Told::Tenant
        } else {
            Told::Basic
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "a JSON text that is written in the call reads better without a reference"
)]
mod tests {
    use super::super::envelope;
    use super::*;
    use serde_json::{Value, json};

    fn account(value: Value) -> Account {
        envelope::record(value.to_string().as_bytes()).unwrap()
    }

    fn named() -> Calibration {
        Calibration {
            basic: "1".into(),
            tenant: "2".into(),
        }
    }

    #[test]
    fn the_two_accounts_teach_what_tells_them_apart() {
        let basic = account(json!({"id": 1, "isNetworkReseller": false, "resellingEnabled": true}));
        let tenant = account(json!({"id": 2, "isNetworkReseller": true, "resellingEnabled": true}));
        let learnt = Discriminator::learn(&named(), &basic, &tenant).unwrap();
        assert_eq!(learnt.fields.len(), 1, "what is equal tells nothing");
        assert_eq!(learnt.tell(&basic), Told::Basic);
        assert_eq!(learnt.tell(&tenant), Told::Tenant);
        // Neither a mark nor a field that is missing says anything.
        let silent = account(json!({"id": 3, "isBackOrdering": true}));
        assert_eq!(learnt.tell(&silent), Told::Neither);
        let error = Discriminator::learn(&named(), &basic, &silent).unwrap_err();
        assert!(error.contains("do not differ"), "{error}");
        let between = account(json!({"id": 4, "isNetworkReseller": true, "resellerType": "Lite"}));
        let tenant = account(json!({"id": 2, "isNetworkReseller": true, "resellerType": "Full"}));
        let basic = account(json!({"id": 1, "isNetworkReseller": false, "resellerType": "Lite"}));
        let learnt = Discriminator::learn(&named(), &basic, &tenant).unwrap();
        assert_eq!(learnt.tell(&between), Told::Basic, "its tenant was created");
        let other = account(json!({"id": 5, "isNetworkReseller": true, "resellerType": "Free"}));
        assert_eq!(learnt.tell(&other), Told::Neither);
    }

    #[test]
    fn a_word_that_is_not_known_is_unclear() {
        let words = Words {
            states: [("In-Active".to_owned(), PurchaseState::Cancelled)].into(),
            ..Words::default()
        };
        let told = |word| state(word, None, &words);
        assert_eq!(told(Some(" active")), PurchaseState::Active);
        assert_eq!(told(Some("IN-ACTIVE")), PurchaseState::Cancelled);
        assert_eq!(
            told(Some("Activ")),
            PurchaseState::Unclear("Activ".to_owned())
        );
        assert_eq!(told(None), PurchaseState::Unclear("no status".to_owned()));
        assert_eq!(
            state(Some("Active"), Some(true), &words),
            PurchaseState::Trial
        );
        let unclear = state(Some("Frozen"), Some(true), &words);
        assert_eq!(unclear, PurchaseState::Unclear("Frozen".to_owned()));
    }

    #[test]
    fn a_sync_word_that_is_not_known_is_not_seen() {
        let words = Words {
            synced: vec!["Synchronized".to_owned()],
            not_synced: vec!["Failed".to_owned()],
            ..Words::default()
        };
        for (statuses, expected) in [
            (vec![], Sync::Unseen),
            (vec![Some("synchronized")], Sync::Synced),
            (vec![Some("Synchronized"), Some("Pending")], Sync::Unseen),
            (vec![Some("Pending"), Some("Failed")], Sync::NotSynced),
            (vec![None, Some("Synchronized")], Sync::Unseen),
        ] {
            let told = sync(statuses.iter().copied(), &words);
            assert_eq!(told, expected, "{statuses:?}");
        }
    }
}
