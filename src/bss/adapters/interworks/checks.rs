//! The vendor's checks before it transfers subscriptions, as far as a catalogue shows what they need. A field
//! that does not arrive makes a check *not seen*: the vendor's own check is then the one that counts. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::records::{PurchaseRecord, folded};
use super::wire::{PriceList, PriceListItem, Product};
use crate::bss::port::{Blocker, BlockerReason, ItemKind};

/// What may be sold, by product code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Catalogue {
    /// The codes of products; none if they are not seen.
    products: Option<BTreeSet<String>>,
    /// The billing cycles of each product; none if they are not seen.
    cycles: Option<BTreeMap<String, BTreeSet<String>>>,
    /// The currencies of the lists that hold each product; none if they are not seen.
    currencies: Option<BTreeMap<String, BTreeSet<String>>>,
}

impl Catalogue {
    /// From products (where they were asked for) and price lists with their items.
    pub(super) fn read(
        products: Option<&[Product]>,
        lists: &[(PriceList, Vec<PriceListItem>)],
    ) -> Self {
        let items = || lists.iter().flat_map(|(_, items)| items);
        let listed = all(items().map(|item| item.product.code.as_deref().map(folded)));
        let own = products
            .map(|products| all(products.iter().map(|one| one.code.as_deref().map(folded))));
        let products = match own {
            Some(own) => own,
            None => listed.clone(),
        };
        let pairs = items().map(|item| {
            let code = folded(item.product.code.as_deref()?);
            Some((code, folded(item.billing_cycle.as_deref()?)))
        });
        let currencies = lists.iter().flat_map(|(list, items)| {
            items.iter().map(|item| {
                let code = folded(item.product.code.as_deref()?);
                Some((code, folded(list.currency.as_deref()?)))
            })
        });
        Self {
            products: products.map(|codes| codes.into_iter().collect()),
            cycles: all(pairs).map(by_code),
            currencies: all(currencies).map(by_code),
        }
    }

    /// Whether a part of the checks is not seen.
    pub(super) fn lacks_something(&self) -> bool {
        self.products.is_none() || self.cycles.is_none() || self.currencies.is_none()
    }

    /// Everything that speaks against an item.
    pub(super) fn blockers(&self, item: &PurchaseRecord) -> Vec<Blocker> {
        let mut blockers = Vec::new();
        let mut block = |reason, detail: &str| {
            blockers.push(Blocker {
                reason,
                detail: Some(detail.to_owned()),
            });
        };
        let Some(product) = &item.product else {
            return blockers;
        };
        let code = folded(product);
        if let Some(known) = &self.products {
            if !known.contains(&code) {
                block(BlockerReason::ProductMissing, product);
            }
            for add_on in &item.add_ons {
                if !known.contains(&folded(add_on)) {
                    block(BlockerReason::AddonMissing, add_on);
                }
            }
        }
        let sold = self
            .products
            .as_ref()
            .is_none_or(|known| known.contains(&code));
        if let (Some(cycles), Some(cycle)) = (&self.cycles, &item.cycle)
            && item.kind == ItemKind::Subscription
            && sold
            && !cycles
                .get(&code)
                .is_some_and(|offered| offered.contains(cycle))
        {
            block(
                BlockerReason::BillingCycleMissing,
                &format!("{product}, {cycle}"),
            );
        }
        if let (Some(currencies), Some(currency)) = (&self.currencies, &item.currency)
            && let Some(offered) = currencies.get(&code)
            && !offered.contains(&folded(currency))
        {
            block(BlockerReason::CurrencyMismatch, currency);
        }
        blockers
    }
}

/// All values, if each of them arrived.
fn all<T>(values: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    values.collect()
}

fn by_code(pairs: Vec<(String, String)>) -> BTreeMap<String, BTreeSet<String>> {
    let mut by_code: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (code, value) in pairs {
        by_code.entry(code).or_default().insert(value);
    }
    by_code
}

#[cfg(test)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "a JSON text that is written in the call reads better without a reference"
)]
mod tests {
    use super::super::envelope;
    use super::super::options::Words;
    use super::*;
    use serde_json::{Value, json};

    fn catalogue(products: Value, list: Value, items: Value) -> Catalogue {
        let products = envelope::rows::<Product>(products.to_string().as_bytes()).unwrap();
        let list = envelope::record::<PriceList>(list.to_string().as_bytes()).unwrap();
        let items = envelope::rows::<PriceListItem>(items.to_string().as_bytes()).unwrap();
        Catalogue::read(Some(&products.all), &[(list, items.all)])
    }

    fn item(product: &str, cycle: &str, currency: &str, add_on: &str) -> PurchaseRecord {
        let value = json!({
            "id": "s", "status": "Active", "quantity": 1, "startDate": "2026-01-01", "currency": currency,
            "product": { "code": product }, "billingCycle": cycle, "account": { "id": 1 },
        });
        let add_ons = json!([{ "product": { "code": add_on }, "quantity": 1 }]);
        let add_ons = envelope::rows(add_ons.to_string().as_bytes()).unwrap();
        let whole = envelope::record(value.to_string().as_bytes()).unwrap();
        PurchaseRecord::of_subscription(&whole, &add_ons.all, &Words::default())
    }

    fn reasons(catalogue: &Catalogue, item: &PurchaseRecord) -> Vec<&'static str> {
        let blockers = catalogue.blockers(item);
        blockers
            .iter()
            .map(|blocker| blocker.reason.as_str())
            .collect()
    }

    #[test]
    fn every_reason_is_named_at_once_and_what_is_not_shown_is_not_guessed() {
        let whole = catalogue(
            json!([{ "id": 1, "code": "M365" }, { "id": 2, "code": "Extra" }]),
            json!({ "id": 1, "currency": "EUR" }),
            json!([
                { "id": 1, "product": { "code": "M365" }, "billingCycle": "Monthly" },
                { "id": 2, "product": { "code": "Extra" }, "billingCycle": "Monthly" },
            ]),
        );
        assert!(!whole.lacks_something());
        assert_eq!(
            reasons(&whole, &item("m365", "MONTHLY", "eur", "extra")),
            [""; 0]
        );
        let all = item("M365", "Yearly", "USD", "Other");
        let named = ["AddonMissing", "BillingCycleMissing", "CurrencyMismatch"];
        assert_eq!(reasons(&whole, &all), named);
        assert_eq!(
            reasons(&whole, &item("Gone", "Monthly", "EUR", "Extra")),
            ["ProductMissing"]
        );
        let silent = catalogue(
            json!([{ "id": 1, "name": "M365" }]),
            json!({ "id": 1 }),
            json!([{ "id": 1, "product": {} }]),
        );
        assert!(silent.lacks_something());
        assert_eq!(reasons(&silent, &all), [""; 0]);
    }
}
