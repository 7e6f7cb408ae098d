//! What is sold: price lists of the distributor, price lists of the reseller BSS, and the words
//! that a tenant's settings may use.

use rusqlite::params;

use crate::sandbox::store::Tx;

/// The reseller's price list in the seeded world.
pub(crate) const PRICE_LIST: &str = "PL-RESELLER-EUR";
/// Editions that this BSS sells.
pub(crate) const EDITIONS: &[&str] = &["Essential", "Premium", "Enterprise"];
/// Languages that its screens have.
pub(crate) const LANGUAGES: &[&str] = &[
    "de-DE", "el-GR", "en-GB", "en-US", "es-ES", "fr-FR", "it-IT", "nl-NL", "pl-PL",
];
/// Date formats that it knows.
pub(crate) const DATE_FORMATS: &[&str] = &[
    "dd/MM/yyyy",
    "MM/dd/yyyy",
    "yyyy-MM-dd",
    "dd.MM.yyyy",
    "d/M/yyyy",
];
/// Time zones of its drop-down list.
pub(crate) const TIME_ZONES: &[&str] = &[
    "America/Chicago",
    "America/Los_Angeles",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Europe/Amsterdam",
    "Europe/Athens",
    "Europe/Berlin",
    "Europe/Brussels",
    "Europe/Bucharest",
    "Europe/Copenhagen",
    "Europe/Dublin",
    "Europe/Helsinki",
    "Europe/Lisbon",
    "Europe/London",
    "Europe/Madrid",
    "Europe/Oslo",
    "Europe/Paris",
    "Europe/Prague",
    "Europe/Rome",
    "Europe/Sofia",
    "Europe/Stockholm",
    "Europe/Vienna",
    "Europe/Warsaw",
    "Europe/Zurich",
    "UTC",
];
/// Payment methods of the reseller BSS.
pub(crate) const PAYMENT_METHODS: &[&str] = &["Invoice", "DirectDebit", "CreditCard"];

/// An add-on that the reseller's price list lacks: a seeded defect.
pub(crate) const MISSING_ADDON: &str = "ADV-THREAT";
/// A billing cycle that the reseller's price list lacks: a seeded defect.
pub(crate) const MISSING_CYCLE: &str = "Triennial";
/// A currency that is not the price list's: a seeded defect.
pub(crate) const WRONG_CURRENCY: &str = "USD";
/// The cycle of a one-off purchase.
pub(crate) const ONE_OFF: &str = "OneOff";

/// Recurring products with the monthly cost in hundredths.
pub(crate) const PRODUCTS: &[(&str, i64)] = &[
    ("BACKUP-100", 420),
    ("CLOUD-VM-M", 3900),
    ("CLOUD-VM-S", 1850),
    ("ENDPOINT-SEC", 310),
    ("MAIL-ARCHIVE", 275),
    ("OFFICE-BASIC", 560),
    ("OFFICE-PRO", 1120),
    ("VOICE-LINE", 640),
];
/// One-off products.
pub(crate) const ASSETS: &[(&str, i64)] = &[("OFFICE-PERPETUAL", 21900), ("ROUTER-R1", 8900)];
/// Billing cycles with the factor on the monthly cost.
pub(crate) const CYCLES: &[(&str, i64)] = &[("Monthly", 1), ("Annual", 12)];
/// Add-ons.
pub(crate) const ADDONS: &[&str] = &["EXTRA-STORAGE", "GEO-BACKUP", "PHONE-SUPPORT"];

/// Writes all price lists.
pub(super) fn seed(tx: &Tx<'_>) -> rusqlite::Result<()> {
    for (list, currency, active) in [
        (PRICE_LIST, "EUR", true),
        ("PL-RESELLER-USD", "USD", true),
        ("PL-OLD-EUR", "EUR", false),
    ] {
        tx.run(
            "INSERT INTO price_lists VALUES (?1, ?2, ?3)",
            params![list, currency, active],
        )?;
        for (product, cost) in PRODUCTS {
            for (cycle, factor) in CYCLES {
                add_product(tx, list, (product, cycle), cost.saturating_mul(*factor))?;
            }
        }
        for (product, cost) in ASSETS {
            add_product(tx, list, (product, ONE_OFF), *cost)?;
        }
        for addon in ADDONS {
            add_addon(tx, list, addon)?;
        }
    }
    for (list, margin) in [
        ("PL-RETAIL", 130),
        ("PL-WHOLESALE", 115),
        ("PL-LIMITED", 125),
    ] {
        for (product, cost) in PRODUCTS.iter().chain(ASSETS) {
            // One list without a few products, so that a missing price can be met.
            if list != "PL-LIMITED" || !product.starts_with("CLOUD-VM") {
                let price = cost
                    .saturating_mul(margin)
                    .checked_div(100)
                    .unwrap_or(*cost);
                tx.run(
                    "INSERT INTO resale_prices VALUES (?1, ?2, ?3)",
                    params![list, product, price],
                )?;
            }
        }
    }
    Ok(())
}

/// Adds a product with a cycle to a price list; there already: nothing changes.
pub(crate) fn add_product(
    tx: &Tx<'_>,
    list: &str,
    (product, cycle): (&str, &str),
    cost: i64,
) -> rusqlite::Result<()> {
    tx.run(
        "INSERT OR IGNORE INTO price_list_products VALUES (?1, ?2, ?3, ?4)",
        params![list, product, cycle, cost],
    )?;
    Ok(())
}

/// Adds an add-on to a price list.
pub(crate) fn add_addon(tx: &Tx<'_>, list: &str, addon: &str) -> rusqlite::Result<()> {
    tx.run(
        "INSERT OR IGNORE INTO price_list_addons VALUES (?1, ?2)",
        [list, addon],
    )?;
    Ok(())
}

/// Gives a tenant what its price list holds now: at its creation, and by "Update Tenant". The
/// reseller BSS proposes a sell price for each product that is new to its own price lists.
pub(crate) fn update_tenant(tx: &Tx<'_>, tenant: &str, list: &str) -> rusqlite::Result<()> {
    tx.run(
        "INSERT OR IGNORE INTO tenant_products
         SELECT ?1, product, cycle FROM price_list_products WHERE price_list = ?2",
        [tenant, list],
    )?;
    tx.run(
        "INSERT OR IGNORE INTO tenant_addons
         SELECT ?1, addon FROM price_list_addons WHERE price_list = ?2",
        [tenant, list],
    )?;
    tx.run(
        "INSERT OR IGNORE INTO resale_prices
         SELECT lists.price_list, products.product, products.cost * 130 / 100
         FROM (SELECT DISTINCT price_list FROM resale_prices WHERE price_list <> 'PL-LIMITED') lists
         JOIN price_list_products products WHERE products.price_list = ?1",
        [list],
    )?;
    Ok(())
}
