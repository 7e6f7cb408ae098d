//! What the simulated BSS stores: plain rows on both sides, and the digests over the source-owned
//! fields.

use std::collections::BTreeSet;
use std::time::Duration;

use tenant_reseller_operator::bss::port::{
    AccountId, BillingDay, BusinessKey, CopyState, Digest, Invoicing, ItemKind, Mark, OperationId,
    PriceListId, PricingOptions, PurchaseState, SourceId, Sync, Tenant, TenantSettings,
};

/// Who made something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Maker {
    /// The operator, by a request of the port.
    Operator,
    /// A person.
    Person,
    /// The BSS itself, wrongly and on purpose.
    Corruption,
}

/// The source-owned fields of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CustomerFields {
    pub bill_to: AccountId,
    pub currency: &'static str,
}

/// The source-owned fields of a subscription or asset.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fields {
    pub product: &'static str,
    pub addon: Option<&'static str>,
    pub cycle: &'static str,
    pub quantity: u32,
    pub cost: u32,
    pub currency: &'static str,
    pub start: u32,
    pub anchor: u8,
}

/// The source-owned fields of either.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Owned {
    Customer(CustomerFields),
    Purchase(Fields),
}

impl Owned {
    /// The digest that both sides make of them.
    pub fn digest(&self) -> Digest {
        Digest(match self {
            Self::Customer(fields) => format!("{}.{}", fields.bill_to, fields.currency),
            Self::Purchase(fields) => format!(
                "{}.{}.{}.{}.{}.{}.{}.{}",
                fields.product,
                fields.addon.unwrap_or("-"),
                fields.cycle,
                fields.quantity,
                fields.cost,
                fields.currency,
                fields.start,
                fields.anchor
            ),
        })
    }
}

/// A customer's account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CustomerRow {
    pub fields: CustomerFields,
    pub sync: Sync,
    pub mark: Mark,
    /// For the judge: marks only ever grow.
    pub was_marked: bool,
    /// With marks in a second step: when it comes by itself.
    pub mark_due: Option<Duration>,
}

/// A subscription or asset.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PurchaseRow {
    pub kind: ItemKind,
    /// The reseller itself for what it bought for its own use.
    pub customer: SourceId,
    pub fields: Fields,
    pub state: PurchaseState,
    pub mark: Mark,
    /// For the judge: marks only ever grow.
    pub was_marked: bool,
    /// How often the vendor provisioned it: once, unless something went wrong.
    pub provisioned: u8,
    /// Orders for something new that name it although it did not come from them.
    pub sales: u8,
}

/// An order that is not final.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderRow {
    pub customer: SourceId,
    /// When it becomes a purchase by itself; never if a person has to finish it.
    pub ready: Option<Duration>,
    pub mark: Mark,
}

/// A price list of the distributor, or a tenant's copy of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Catalogue {
    pub products: BTreeSet<(&'static str, &'static str)>,
    pub addons: BTreeSet<&'static str>,
}

/// A price list of the distributor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PriceList {
    pub currency: &'static str,
    pub active: bool,
    pub catalogue: Catalogue,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TenantRow {
    pub tenant: Tenant,
    pub operation: Option<OperationId>,
    /// When it becomes Active.
    pub ready: Option<Duration>,
    /// When it was made, if it can lag.
    pub made: Duration,
    pub by: Maker,
    pub catalogue: Catalogue,
}

impl TenantRow {
    /// The currency of its price list. A world knows it, whatever its BSS shows.
    pub fn currency(&self) -> &str {
        self.tenant.currency.as_deref().unwrap()
    }

    /// Its settings, all of them.
    pub fn settings(&self) -> TenantSettings {
        let shown = self.tenant.settings.clone();
        TenantSettings {
            price_list: shown.price_list.unwrap(),
            edition: shown.edition.unwrap(),
            language: shown.language.unwrap(),
            time_zone: shown.time_zone.unwrap(),
            date_format: shown.date_format.unwrap(),
            invoicing: shown.invoicing.unwrap(),
        }
    }
}

/// A record in a reseller BSS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CopyRow {
    pub kind: ItemKind,
    pub key: Option<BusinessKey>,
    /// The source's digest when it was copied.
    pub source_digest: Option<Digest>,
    pub fields: Owned,
    pub state: CopyState,
    /// Made while keys were not unique, or a planted defect.
    pub unguarded: bool,
    /// The reseller's own.
    pub sell_price: u32,
    /// For the judge: what the reseller made of it.
    pub amended_price: Option<u32>,
    /// When it was made, if it can lag.
    pub made: Duration,
    pub by: Maker,
}

/// The pricing options of one customer as stored; what is not set is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stored {
    pub price_list: Option<PriceListId>,
    pub billing: Option<BillingDay>,
    pub payment_method: Option<String>,
    pub invoicing: Option<Invoicing>,
    pub credit_limit: Option<String>,
}

impl Stored {
    pub fn of(options: &PricingOptions) -> Self {
        Self {
            price_list: Some(options.price_list.clone()),
            billing: Some(options.billing),
            payment_method: Some(options.payment_method.clone()),
            invoicing: Some(options.invoicing),
            credit_limit: options.credit_limit.clone(),
        }
    }

    /// Names of the options that are needed and not set.
    pub fn missing(&self) -> Vec<String> {
        let needed = [
            ("priceList", self.price_list.is_none()),
            ("billing", self.billing.is_none()),
            ("paymentMethod", self.payment_method.is_none()),
            ("invoicing", self.invoicing.is_none()),
        ];
        let missing = needed.into_iter().filter(|(_, missing)| *missing);
        missing.map(|(name, _)| name.to_owned()).collect()
    }

    pub fn differences(&self, other: &Self) -> Vec<String> {
        let all = [
            ("priceList", self.price_list != other.price_list),
            ("billing", self.billing != other.billing),
            ("paymentMethod", self.payment_method != other.payment_method),
            ("invoicing", self.invoicing != other.invoicing),
            ("creditLimit", self.credit_limit != other.credit_limit),
        ];
        let differing = all.into_iter().filter(|(_, differs)| *differs);
        differing.map(|(name, _)| name.to_owned()).collect()
    }

    /// Complete ones have a digest.
    pub fn digest(&self) -> Option<Digest> {
        self.missing().is_empty().then(|| {
            Digest(format!(
                "{}.{:?}.{}.{:?}.{}",
                self.price_list.as_ref().map_or("-", |list| list.as_str()),
                self.billing,
                self.payment_method.as_deref().unwrap_or("-"),
                self.invoicing,
                self.credit_limit.as_deref().unwrap_or("-")
            ))
        })
    }
}

/// Stored options, and what a person made of them last.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PricingRow {
    pub stored: Stored,
    /// For the judge: what a person set is never overwritten.
    pub person: Option<Stored>,
}
