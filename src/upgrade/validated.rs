//! Parse, do not validate: a spec and what it refers to become [`ValidUpgrade`], once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::annotations::{
    HeldConnection, Suspension, annotation, mistyped_confirmation, mistyped_take_over,
    not_understood, shown, suspension,
};
use super::keys::Keys;
use super::report::messages;
use crate::api::{
    Billing, BillingAnchor, CONFIRM_ANNOTATION, ConfirmedCopy, CustomerPricing,
    Invoicing as ApiInvoicing, LoginWay, PricingPolicy, Risk, TAKE_OVER_ANNOTATION,
    TenantResellerUpgrade, TenantSpec, WhenMissing,
};
use crate::bss::port::{
    AccountId, BillingDay, CopyId, Invoicing, PriceListId, PricingOptions, SourceId, TenantSettings,
};

/// How often the operator looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// While something is on its way: a tenant in the queue, an order that is not final.
    pub poll: Duration,
    /// While people have to act.
    pub recheck: Duration,
    /// The cheap look meanwhile, where one read tells that they have acted.
    pub watch: Duration,
}

/// How often the cheap look is taken.
const WATCH_EVERY: Duration = Duration::from_secs(30);

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(5),
            recheck: Duration::from_secs(300),
            watch: WATCH_EVERY,
        }
    }
}

/// What the connection says about a BSS that gives a promise only in its weak form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Risks that its owner accepts.
    pub accepted: BTreeSet<Risk>,
    /// Longest life of a request plus the lag of reads.
    pub settle: Duration,
    /// How long an accepted order may take.
    pub order_settle: Duration,
    /// The most requests per second.
    pub rate: u32,
    /// The most requests at a time.
    pub at_once: usize,
    /// The page that says what the adapter expects of the BSS.
    pub guide: &'static str,
    /// Whether the operator only reads through the connection, so that people do every write.
    pub only_reads: bool,
    /// How the connections log in.
    pub logins: BTreeSet<LoginWay>,
    /// The connection by which people hold all upgrades that name it.
    pub held: Option<HeldConnection>,
}

/// What is expected of a service that speaks the reference contract.
pub const REFERENCE_GUIDE: &str = "docs/reference-contract.yaml";

impl Terms {
    /// Whether all work on an upgrade rests, by a word on itself or on a connection that it names.
    #[must_use]
    pub fn suspension_of(&self, upgrade: &TenantResellerUpgrade) -> Suspension {
        match self.held {
            Some(_) => Suspension::Suspended,
            None => suspension(upgrade),
        }
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            accepted: BTreeSet::new(),
            settle: Duration::from_mins(2),
            order_settle: Duration::from_hours(2),
            rate: 1,
            at_once: 8,
            guide: REFERENCE_GUIDE,
            only_reads: false,
            logins: BTreeSet::from([LoginWay::Bearer]),
            held: None,
        }
    }
}

/// Whether the spec names a connection to the tenant's side that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantConnection {
    /// It does.
    AtHand,
    /// It names none.
    NotNamed,
}

/// What a spec refers to, as far as the decision core needs it.
#[derive(Clone, Debug)]
pub struct References {
    /// The connection's declared identity.
    pub identity: String,
    /// The pricing objects that name the upgrade.
    pub pricing: Vec<CustomerPricing>,
    /// How often to look.
    pub pace: Pace,
    /// What holds where the BSS is weak.
    pub terms: Terms,
    /// The access to the tenant's side.
    pub tenant_connection: TenantConnection,
    /// What looks wrong with the credentials although they can be sent, in a sentence.
    pub credential_doubt: Option<String>,
}

/// One thing that is wrong with a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Which field.
    pub field: &'static str,
    /// What is wrong and what to do.
    pub detail: String,
}

/// Options that were declared for a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The options.
    pub options: PricingOptions,
    /// The object that declares them.
    pub object: String,
}

/// An upgrade whose spec was checked. Later steps see this and not the spec.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidUpgrade {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// A number made of the uid: the seed of every jitter.
    pub seed: u64,
    /// The BSS's declared name.
    pub identity: String,
    /// The account id as the spec has it.
    pub account: AccountId,
    /// The canonical account id under which work has begun; it must not become another.
    pub pinned_account: Option<AccountId>,
    /// The name that the account must have.
    pub expected_name: Option<String>,
    /// The tenant's settings.
    pub tenant: TenantSettings,
    /// Options for customers without any.
    pub default_pricing: Option<PricingOptions>,
    /// Declared options, by customer. A customer in two objects is in neither's.
    pub declared: BTreeMap<SourceId, Declared>,
    /// Customers that two objects declare.
    pub declared_twice: BTreeMap<SourceId, Vec<String>>,
    /// Whether all work rests, by a word on the upgrade or on a connection that it names.
    pub suspended: Suspension,
    /// What of the words that suspend it is not understood, in a sentence.
    pub suspended_by_unknown: Option<String>,
    /// The holder that a person takes over from.
    pub take_over: Option<String>,
    /// What a person confirmed: an epoch, or the id of an intent.
    pub confirmed: Option<String>,
    /// What a person wrote in its place: a label, or an annotation of another name. It confirms nothing.
    pub(super) mistyped_confirmation: Option<String>,
    /// The same for the annotation that takes over: a sentence about it.
    pub(super) mistyped_take_over: Option<String>,
    /// How often to look.
    pub pace: Pace,
    /// What holds where the BSS is weak.
    pub terms: Terms,
    /// The access to the tenant's side.
    pub tenant_connection: TenantConnection,
    /// Copies that a person confirmed, by source.
    pub confirmed_copies: BTreeMap<SourceId, CopyId>,
    /// What looks wrong with the credentials although they can be sent, in a sentence.
    pub credential_doubt: Option<String>,
}

impl ValidUpgrade {
    /// Whether a person confirmed this.
    #[must_use]
    pub fn confirms(&self, what: &str) -> bool {
        self.confirmed.as_deref() == Some(what)
    }

    /// The keys of this upgrade, for the canonical account id.
    #[must_use]
    pub fn keys(&self, canonical: &AccountId) -> Keys {
        Keys::new(&self.identity, canonical)
    }
}

/// Turns a spec and what it refers to into a valid upgrade, or says everything that is wrong.
pub fn validate(
    upgrade: &TenantResellerUpgrade,
    references: &References,
) -> Result<ValidUpgrade, Vec<Invalid>> {
    let mut wrong = Vec::new();
    let spec = &upgrade.spec;
    let account = spec.reseller.account_id.trim();
    if account.is_empty() {
        wrong.push(Invalid {
            field: "spec.reseller.accountId",
            detail: "must not be blank: the reseller's account id in the BSS".to_owned(),
        });
    }
    let default_pricing = default_pricing(&spec.pricing, &mut wrong);
    let confirmed_copies = confirmed_copies(&spec.confirmed_copies, &mut wrong);
    wrong.extend(another_bss(upgrade, references));
    let (declared, declared_twice) = declared(&references.pricing);
    let confirmed = annotation(upgrade, CONFIRM_ANNOTATION).map(str::to_owned);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let uid = upgrade.metadata.uid.clone().unwrap_or_default();
    Ok(ValidUpgrade {
        namespace: upgrade.metadata.namespace.clone().unwrap_or_default(),
        name: upgrade.metadata.name.clone().unwrap_or_default(),
        seed: seed(&uid),
        uid,
        identity: references.identity.clone(),
        account: AccountId(account.to_owned()),
        pinned_account: pinned_account(upgrade),
        expected_name: spec.reseller.expected_name.clone(),
        tenant: tenant_settings(&spec.tenant),
        default_pricing,
        declared,
        declared_twice,
        suspended: references.terms.suspension_of(upgrade),
        suspended_by_unknown: not_understood(upgrade),
        take_over: annotation(upgrade, TAKE_OVER_ANNOTATION)
            .map(|holder| messages::without_quotes(holder).to_owned()),
        confirmed,
        mistyped_confirmation: mistyped_confirmation(upgrade),
        mistyped_take_over: mistyped_take_over(upgrade),
        pace: references.pace,
        terms: references.terms.clone(),
        tenant_connection: references.tenant_connection,
        confirmed_copies,
        credential_doubt: references.credential_doubt.clone(),
    })
}

/// The pairs that a person confirmed. Two copies of one source, or two sources of one copy, confirm nothing.
fn confirmed_copies(
    pairs: &[ConfirmedCopy],
    wrong: &mut Vec<Invalid>,
) -> BTreeMap<SourceId, CopyId> {
    let mut confirmed = BTreeMap::new();
    let mut copies = BTreeSet::new();
    for ConfirmedCopy { source_id, copy_id } in pairs {
        let source = SourceId(source_id.clone());
        let twice = if confirmed.contains_key(&source) {
            Some(("sourceId", source_id))
        } else if copies.contains(copy_id) {
            Some(("copyId", copy_id))
        } else {
            None
        };
        if let Some((field, id)) = twice {
            wrong.push(Invalid {
                field: "spec.confirmedCopies",
                detail: format!(
                    "names the {field} {} twice: say which of the two pairs is right",
                    shown(id)
                ),
            });
        }
        copies.insert(copy_id.clone());
        confirmed.insert(source, CopyId(copy_id.clone()));
    }
    confirmed
}

/// The options for customers without any, if the spec wants them.
fn default_pricing(pricing: &PricingPolicy, wrong: &mut Vec<Invalid>) -> Option<PricingOptions> {
    match (pricing.when_missing, &pricing.default) {
        (WhenMissing::Wait, _) => None,
        (WhenMissing::UseDefault, None) => {
            wrong.push(Invalid {
                field: "spec.pricing.default",
                detail: "must be set when whenMissing is UseDefault".to_owned(),
            });
            None
        }
        (WhenMissing::UseDefault, Some(default)) => {
            billing(&default.billing, "spec.pricing.default.billing", wrong).map(|day| {
                PricingOptions {
                    price_list: PriceListId(default.price_list.clone()),
                    billing: day,
                    payment_method: default.payment_method.clone(),
                    invoicing: invoicing(default.invoicing),
                    credit_limit: None,
                }
            })
        }
    }
}

/// Work that has begun at one BSS is not continued at another.
fn another_bss(upgrade: &TenantResellerUpgrade, references: &References) -> Option<Invalid> {
    pinned_account(upgrade)?;
    let begun = upgrade.status.as_ref()?.bss_identity.as_ref()?;
    (*begun != references.identity).then(|| Invalid {
        field: "spec.connectionRef",
        detail: format!(
            "leads to the BSS {} now, and work has begun in {begun}: delete the BssConnection of that \
             name and create it again with the identity {begun}, since neither its identity nor \
             connectionRef can be changed",
            references.identity
        ),
    })
}

fn tenant_settings(tenant: &TenantSpec) -> TenantSettings {
    TenantSettings {
        price_list: PriceListId(tenant.price_list.clone()),
        edition: tenant.edition.clone(),
        language: tenant.language.clone(),
        time_zone: tenant.time_zone.clone(),
        date_format: tenant.date_format.clone(),
        invoicing: invoicing(tenant.invoicing),
    }
}

/// The account on which work has begun, as the status tells it.
#[must_use]
pub fn pinned_account(upgrade: &TenantResellerUpgrade) -> Option<AccountId> {
    upgrade
        .status
        .as_ref()?
        .reseller_account_id
        .clone()
        .map(AccountId)
}

fn declared(
    objects: &[CustomerPricing],
) -> (
    BTreeMap<SourceId, Declared>,
    BTreeMap<SourceId, Vec<String>>,
) {
    let mut by_customer: BTreeMap<SourceId, Vec<Declared>> = BTreeMap::new();
    for object in objects {
        let name = object.metadata.name.clone().unwrap_or_default();
        for customer in &object.spec.customers {
            // The schema asks for an id and exactly one of day and anchor; an object of another
            // version without them declares nothing for this customer.
            let id = customer.account_id.trim();
            let day = billing(&customer.billing, "", &mut Vec::new());
            let (Some(day), false) = (day, id.is_empty()) else {
                continue;
            };
            let options = PricingOptions {
                price_list: PriceListId(customer.price_list.clone()),
                billing: day,
                payment_method: customer.payment_method.clone(),
                invoicing: invoicing(customer.invoicing),
                credit_limit: customer.credit_limit.clone(),
            };
            by_customer
                .entry(SourceId(id.to_owned()))
                .or_default()
                .push(Declared {
                    options,
                    object: name.clone(),
                });
        }
    }
    let mut once = BTreeMap::new();
    let mut twice = BTreeMap::new();
    for (customer, mut list) in by_customer {
        match (list.pop(), list.is_empty()) {
            (Some(only), true) => {
                once.insert(customer, only);
            }
            (Some(last), false) => {
                let mut names: Vec<String> = list.into_iter().map(|d| d.object).collect();
                names.push(last.object);
                twice.insert(customer, names);
            }
            (None, _) => {}
        }
    }
    (once, twice)
}

fn billing(billing: &Billing, field: &'static str, wrong: &mut Vec<Invalid>) -> Option<BillingDay> {
    let day = match (billing.day, billing.anchor) {
        (Some(day), None) => u8::try_from(day).ok().filter(|d| (1..=28).contains(d)),
        (None, Some(BillingAnchor::LastDayOfMonth)) => return Some(BillingDay::LastDayOfMonth),
        (Some(_), Some(_)) | (None, None) => None,
    };
    if day.is_none() {
        wrong.push(Invalid {
            field,
            detail: "must have exactly one of day (1 to 28) and anchor".to_owned(),
        });
    }
    day.map(BillingDay::Day)
}

fn invoicing(word: ApiInvoicing) -> Invoicing {
    match word {
        ApiInvoicing::Combined => Invoicing::Combined,
        ApiInvoicing::Separate => Invoicing::Separate,
    }
}

/// The seed of every jitter of an upgrade. FNV-1a: it must only be spread, not secret.
#[must_use]
pub fn seed(uid: &str) -> u64 {
    uid.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
