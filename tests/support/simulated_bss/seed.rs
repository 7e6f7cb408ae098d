//! How a world begins.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tenant_reseller_operator::bss::port::{
    AccountId, ItemKind, Mark, PurchaseState, ResellerKind, SourceId, Sync,
};

use super::records::{Catalogue, CustomerFields, CustomerRow, PriceList};
use super::switches::Switches;
use super::world::{ADDON, ASSET, OTHER_RESELLER, PRODUCT, RESELLER, World, wanted_settings};

fn price_list(currency: &'static str, active: bool) -> PriceList {
    PriceList {
        currency,
        active,
        catalogue: Catalogue {
            products: [PRODUCT, ASSET, ("BACKUP-100", "Monthly")].into(),
            addons: [ADDON].into(),
        },
    }
}

impl World {
    /// A Basic reseller with this many customers (`c000`, `c001`, ...) and active purchases, every
    /// fourth an asset, spread over the customers; all of them could be copied at once.
    pub fn new(customers: u32, purchases: u32) -> Self {
        let resale = BTreeMap::from([
            ("OFFICE-BASIC", 900),
            ("ROUTER-R1", 700),
            ("BACKUP-100", 600),
        ]);
        let thin = BTreeMap::from([("BACKUP-100", 500)]);
        let mut world = Self {
            now: Duration::ZERO,
            switches: Switches::default(),
            reseller: AccountId::from(RESELLER),
            kind: ResellerKind::Basic,
            ordering_enabled: true,
            on: false,
            activations: 0,
            epoch: 0,
            issued: VecDeque::new(),
            holder: None,
            revision: 1,
            tenants: BTreeMap::new(),
            operations: BTreeMap::new(),
            customers: BTreeMap::new(),
            purchases: BTreeMap::new(),
            orders: BTreeMap::new(),
            copies: BTreeMap::new(),
            pricing: BTreeMap::new(),
            refuses_pricing: BTreeSet::new(),
            uncopyable: BTreeSet::new(),
            unknown_to_checks: BTreeSet::new(),
            eager_pricing: false,
            price_lists: Arc::new(BTreeMap::from([
                ("PL".into(), price_list("EUR", true)),
                ("PL-OLD".into(), price_list("EUR", false)),
                ("PL-USD".into(), price_list("USD", true)),
            ])),
            resale: Arc::new(BTreeMap::from([
                ("PL-RETAIL".into(), resale),
                ("PL-THIN".into(), thin),
            ])),
            wanted: Arc::new(wanted_settings()),
            corruption: None,
            wrong: None,
            mails: 0,
            seen: Vec::new(),
            request_keys: BTreeMap::new(),
            refusals: BTreeMap::new(),
            purchases_made: 0,
            orders_made: 0,
            tenants_made: 0,
            operations_made: 0,
        };
        for n in 0..customers {
            world.customer(&format!("c{n:03}"), RESELLER);
        }
        for n in 0..purchases {
            world.buy(n % customers.max(1));
        }
        world.revision = 1;
        world
    }

    /// The same with what must never be copied: the reseller's own purchase, another reseller's
    /// customer with a purchase, and one purchase in each state that is not active.
    #[must_use]
    pub fn with_decoys(mut self) -> Self {
        self.purchase(SourceId::from(RESELLER), ItemKind::Subscription);
        self.customer("x000", OTHER_RESELLER);
        self.purchase(SourceId::from("x000"), ItemKind::Subscription);
        let owner = self.customers.keys().next().unwrap().clone();
        for state in [
            PurchaseState::Suspended,
            PurchaseState::FutureDated,
            PurchaseState::Trial,
            PurchaseState::Cancelled,
            PurchaseState::Expired,
        ] {
            let id = self.purchase(owner.clone(), ItemKind::Subscription);
            self.purchases.get_mut(&id).unwrap().state = state;
        }
        self.revision = 1;
        self
    }

    fn customer(&mut self, id: &str, bill_to: &str) {
        let row = CustomerRow {
            fields: CustomerFields {
                bill_to: AccountId::from(bill_to),
                currency: "EUR",
            },
            sync: Sync::Synced,
            mark: Mark::Unmarked,
            was_marked: false,
            mark_due: None,
        };
        self.customers.insert(SourceId::from(id), row);
    }
}
