//! The seeded world: one distributor, resellers with their customers and purchases, decoys, and
//! realistic defects. The same options make the same world everywhere.
//!
//! Nothing here knows of the contract's operations; it may touch the store only.

pub(crate) mod catalogue;
pub(crate) mod purchases;
pub(crate) mod random;
mod resellers;

use rusqlite::params;

use self::catalogue::{
    ADDONS, ASSETS, CYCLES, MISSING_ADDON, MISSING_CYCLE, ONE_OFF, PRICE_LIST, PRODUCTS,
    WRONG_CURRENCY,
};
use self::purchases::{CustomerFields, Purchase, SourceFields};
use self::random::Random;
use super::config::Size;
use super::store::Tx;
use super::{Config, Defects};
use crate::bss::adapters::reference::contract::{PurchaseKind, PurchaseState, SyncState};

/// The account of the seeded reseller.
pub(crate) const RESELLER: &str = "10423";
/// Another reseller, whose customers must never be touched.
pub(crate) const OTHER_RESELLER: &str = "10777";

/// A seeded defect of an active purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
    Currency,
    Addon,
    Cycle,
}

/// A reseller that became a tenant reseller long ago.
pub(crate) const TENANT_RESELLER: &str = "10900";

/// Fills an empty store.
pub(super) fn seed(tx: &Tx<'_>, config: &Config) -> rusqlite::Result<()> {
    tx.run(
        "INSERT INTO meta VALUES ('identity', ?1)",
        [&config.identity],
    )?;
    catalogue::seed(tx)?;
    let (reseller, other) = (&tx.id(RESELLER), &tx.id(OTHER_RESELLER));
    for (id, name) in [(reseller, "Contoso Ltd"), (other, "Fabrikam SA")] {
        tx.run(
            "INSERT INTO resellers (id, name, kind, ordering_enabled, currency, price_list,
                back_ordering) VALUES (?1, ?2, 'Basic', 1, 'EUR', ?3, 'Off')",
            params![id, name, PRICE_LIST],
        )?;
    }
    tx.run(
        "INSERT INTO resellers (id, name, kind, ordering_enabled, currency, price_list,
            back_ordering, activated_ms) VALUES (?1, 'Wingtip GmbH', 'Tenant', 1, 'EUR', ?2, 'On', 0)",
        params![tx.id(TENANT_RESELLER), PRICE_LIST],
    )?;
    let mut random = Random::new(config.seed);
    let own = Size {
        customers: config.customers,
        subscriptions: config.subscriptions,
    };
    let first_id = resellers::first_customer_id(config);
    let mut seeding = Seeding {
        tx,
        random: &mut random,
        first_id,
        defects: config.defects,
    };
    seeding.reseller(reseller, own)?;
    let decoys = seed_customers(tx, &mut random, (other, first_id), 5)?;
    for owner in decoys.iter().chain(&decoys) {
        insert(
            tx,
            &mut random,
            (other, owner),
            Shape::healthy(PurchaseKind::Subscription),
        )?;
    }
    for kind in [
        PurchaseKind::Subscription,
        PurchaseKind::Subscription,
        PurchaseKind::Asset,
    ] {
        insert(tx, &mut random, (reseller, reseller), Shape::healthy(kind))?;
    }
    // After everything else: a world with more resellers holds that with one unchanged.
    let mut seeding = Seeding {
        tx,
        random: &mut random,
        first_id,
        defects: config.defects,
    };
    resellers::seed_others(&mut seeding, config)
}

/// What resellers are seeded with.
struct Seeding<'a> {
    tx: &'a Tx<'a>,
    random: &'a mut Random,
    /// The number that all ids of customers lie above.
    first_id: i64,
    defects: Defects,
}

impl Seeding<'_> {
    /// Customers and purchases of one reseller, which is there already.
    fn reseller(&mut self, account: &str, size: Size) -> rusqlite::Result<()> {
        let place = (account, self.first_id);
        let customers = seed_customers(self.tx, self.random, place, size.customers.max(1))?;
        self.purchases((account, &customers), size.subscriptions)
    }
}

fn seed_customers(
    tx: &Tx<'_>,
    random: &mut Random,
    (reseller, first_id): (&str, i64),
    count: u32,
) -> rusqlite::Result<Vec<String>> {
    const FIRST: &[&str] = &[
        "Aegean", "Baltic", "Cedar", "Delta", "Elm", "Fjord", "Granite", "Harbour",
    ];
    const SECOND: &[&str] = &[
        "Foods",
        "Logistics",
        "Clinic",
        "Textiles",
        "Studio",
        "Energy",
        "Tools",
    ];
    const PEOPLE: &[&str] = &["Accounts", "Owner", "Reception", "Purchasing", "Support"];
    let fields = CustomerFields {
        bill_to: reseller.to_owned(),
        currency: "EUR".to_owned(),
    };
    let digest = fields.digest()?;
    let mut ids = Vec::new();
    for _ in 0..count {
        let number = tx.next("customer")?;
        let id = tx.id(&number.saturating_add(first_id).to_string());
        let name = random.pick(FIRST).copied().unwrap_or("Aegean");
        let trade = random.pick(SECOND).copied().unwrap_or("Foods");
        tx.run(
            "INSERT INTO customers VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)",
            params![
                id,
                reseller,
                format!("{name} {trade} {number}"),
                fields.currency,
                crate::sandbox::store::word(&SyncState::Synced),
                digest,
            ],
        )?;
        for position in 0..=random.below(3) {
            let role = random.pick(PEOPLE).copied().unwrap_or("Owner");
            tx.run(
                "INSERT INTO contacts VALUES (?1, ?2, ?3, ?4)",
                params![
                    id,
                    i64::try_from(position).unwrap_or(0),
                    role,
                    format!("{}{position}@customer{number}.example", role.to_lowercase()),
                ],
            )?;
        }
        ids.push(id);
    }
    Ok(ids)
}

/// What a purchase to be seeded looks like.
#[derive(Clone, Copy, Debug)]
struct Shape {
    kind: PurchaseKind,
    state: PurchaseState,
    defect: Option<Defect>,
}

impl Shape {
    fn healthy(kind: PurchaseKind) -> Self {
        Self {
            kind,
            state: PurchaseState::Active,
            defect: None,
        }
    }
}

impl Seeding<'_> {
    fn purchases(
        &mut self,
        (reseller, customers): (&str, &[String]),
        subscriptions: u32,
    ) -> rusqlite::Result<()> {
        let mut defects = defects(self.defects, subscriptions);
        for number in 0..subscriptions {
            let defect = defects.next();
            let asset = defect.is_none() && number.checked_rem(8) == Some(7);
            let kind = if asset {
                PurchaseKind::Asset
            } else {
                PurchaseKind::Subscription
            };
            let shape = Shape {
                kind,
                state: PurchaseState::Active,
                defect,
            };
            let owner = owner(self.random, customers);
            insert(self.tx, self.random, (reseller, owner), shape)?;
        }
        let excluded = (subscriptions / 40).max(1);
        for state in [
            PurchaseState::Suspended,
            PurchaseState::FutureDated,
            PurchaseState::Trial,
            PurchaseState::Cancelled,
            PurchaseState::Expired,
        ] {
            for _ in 0..excluded {
                let shape = Shape {
                    state,
                    ..Shape::healthy(PurchaseKind::Subscription)
                };
                let owner = owner(self.random, customers);
                insert(self.tx, self.random, (reseller, owner), shape)?;
            }
        }
        Ok(())
    }
}

/// The defects of a reseller's purchases, one after the other.
fn defects(wanted: Defects, subscriptions: u32) -> Box<dyn Iterator<Item = Defect>> {
    let kinds = [Defect::Currency, Defect::Addon, Defect::Cycle];
    let per_kind = match wanted {
        Defects::None => 0,
        Defects::Blocked(count) => {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            return Box::new(kinds.into_iter().cycle().take(count));
        }
        // At least two of each where there is room, one percent of a large reseller.
        Defects::Demo if subscriptions >= 50 => (subscriptions / 100).max(2),
        Defects::Demo => u32::from(subscriptions >= 3),
    };
    Box::new(
        kinds
            .into_iter()
            .flat_map(move |defect| (0..per_kind).map(move |_| defect)),
    )
}

/// The first customers own most, the last few nothing.
fn owner<'a>(random: &mut Random, customers: &'a [String]) -> &'a str {
    let count = customers.len() as u64;
    let idle = count.checked_div(20).unwrap_or(0).max(u64::from(count > 1));
    let owners = count.saturating_sub(idle).max(1);
    let reach = random.below(owners).saturating_add(1);
    let index = usize::try_from(random.below(reach)).unwrap_or(0);
    customers.get(index).map_or("", String::as_str)
}

fn insert(
    tx: &Tx<'_>,
    random: &mut Random,
    (reseller, customer): (&str, &str),
    shape: Shape,
) -> rusqlite::Result<()> {
    let asset = shape.kind == PurchaseKind::Asset;
    let products = if asset { ASSETS } else { PRODUCTS };
    let (product, cost) = random
        .pick(products)
        .copied()
        .unwrap_or(("OFFICE-BASIC", 560));
    let (cycle, factor) = match (asset, shape.defect) {
        (true, _) => (ONE_OFF, 1),
        (false, Some(Defect::Cycle)) => (MISSING_CYCLE, 36),
        (false, _) => random.pick(CYCLES).copied().unwrap_or(("Monthly", 1)),
    };
    let mut addons: Vec<String> = Vec::new();
    if !asset && random.below(3) == 0 {
        addons.extend(random.pick(ADDONS).map(|addon| (*addon).to_owned()));
    }
    if shape.defect == Some(Defect::Addon) {
        addons.push(MISSING_ADDON.to_owned());
    }
    let day = random.below(28).saturating_add(1);
    let year = if shape.state == PurchaseState::FutureDated {
        2099
    } else {
        2024
    };
    let fields = SourceFields {
        product: product.to_owned(),
        addons,
        billing_cycle: cycle.to_owned(),
        quantity: u32::try_from(random.below(24))
            .unwrap_or(0)
            .saturating_add(1),
        start_date: format!("{year}-{:02}-{day:02}", random.below(12).saturating_add(1)),
        billing_anchor: format!("{day:02}"),
        currency: if shape.defect == Some(Defect::Currency) {
            WRONG_CURRENCY
        } else {
            "EUR"
        }
        .to_owned(),
        cost: cost.saturating_mul(factor),
    };
    let purchase = Purchase {
        id: purchases::new_id(tx, shape.kind)?,
        reseller_id: reseller.to_owned(),
        customer_id: customer.to_owned(),
        kind: shape.kind,
        digest: fields.digest()?,
        fields,
        state: shape.state,
        marked: false,
    };
    purchases::insert(tx, &purchase, None)
}
