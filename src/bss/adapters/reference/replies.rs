//! From the wire to the port: every reply is checked here once, and nothing behind it has to.
//!
//! No bytes at all may panic in here: a BSS can send anything.

use super::body;
use super::classify::{malformed, quoted};
use super::contract as wire;
use crate::bss::error::BssError;
use crate::bss::port;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

type Checked<T> = Result<T, BssError>;

const LONGEST_ID: usize = 128;
const LONGEST_KEY: usize = 1024;
const LONGEST_CURSOR: usize = 4096;
const LARGEST_NUMBER: u64 = 9_007_199_254_740_991;
/// Most reasons, options or fields that are kept of one item.
const MOST: usize = 100;

pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Checked<T> {
    body::parse(bytes).map_err(malformed)
}

/// So many epochs before the present one are told at most.
const MOST_EARLIER_EPOCHS: usize = 16;

/// An id goes into paths, keys, status and logs. As [`wire::ID`] says it.
fn id(what: &str, text: String) -> Checked<String> {
    if matches!(text.as_str(), "." | "..") {
        return Err(malformed(format!(
            "{what} is {text:?}, which the path of a URL cannot hold"
        )));
    }
    short(what, text)
}

/// Another text that is kept as it came. As [`wire::PRINTABLE`] says it.
fn short(what: &str, text: String) -> Checked<String> {
    bounded(what, text, LONGEST_ID)
}

fn bounded(what: &str, text: String, longest: usize) -> Checked<String> {
    let whole = !text.is_empty() && text.chars().count() <= longest;
    if whole && !text.chars().any(char::is_control) {
        return Ok(text);
    }
    Err(malformed(format!(
        "{what} is empty, too long or not printable"
    )))
}

fn number(what: &str, value: u64) -> Checked<u64> {
    if value <= LARGEST_NUMBER {
        return Ok(value);
    }
    Err(malformed(format!("{what} is too large")))
}

fn currency(text: String) -> Checked<String> {
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(text);
    }
    Err(malformed("a currency is not an ISO 4217 code".to_owned()))
}

pub(super) fn identity(reply: wire::Identity) -> Checked<Option<String>> {
    let wire::Identity { identity } = reply;
    identity
        .map(|text| bounded("the identity", text, 63))
        .transpose()
}

pub(super) fn capabilities(reply: wire::Capabilities) -> Checked<port::Capabilities> {
    let wire::Capabilities {
        operations,
        promises,
        tenant_access,
        unseen,
        detail_calls,
        largest_batch,
        page_size,
    } = reply;
    if !(1..=500).contains(&largest_batch) || !(1..=1000).contains(&page_size) {
        return Err(malformed(
            "largestBatch or pageSize is out of range".to_owned(),
        ));
    }
    let wire::OperationModes {
        create_tenant,
        copy_customers,
        set_pricing,
        copy_subscriptions,
        activate_back_ordering,
    } = operations;
    let operations = BTreeMap::from([
        (port::WriteOperation::CreateTenant, mode(create_tenant)),
        (port::WriteOperation::CopyCustomers, mode(copy_customers)),
        (port::WriteOperation::SetPricing, mode(set_pricing)),
        (
            port::WriteOperation::CopySubscriptions,
            mode(copy_subscriptions),
        ),
        (
            port::WriteOperation::ActivateBackOrdering,
            mode(activate_back_ordering),
        ),
    ]);
    let promises = self::promises(&promises);
    Ok(port::Capabilities {
        operations,
        promises,
        tenant_access: match tenant_access {
            wire::TenantAccess::Shared => port::TenantAccess::Shared,
            wire::TenantAccess::Own => port::TenantAccess::Own,
            wire::TenantAccess::OwnAndOnly => port::TenantAccess::OwnAndOnly,
        },
        unseen: unseen.into_iter().map(self::unseen).collect(),
        cursors: cursors(promises),
        detail_calls: self::detail_calls(detail_calls.unwrap_or_default())?,
        largest_batch,
        page_size,
    })
}

/// By the contract a cursor is a position in the order, and does not expire. A BSS that keeps no revision may
/// number its rows instead: then a cursor of an earlier reading means another place.
fn cursors(promises: port::Promises) -> port::Cursors {
    match promises.revision {
        port::Strength::Strong => port::Cursors::Lasting,
        port::Strength::Weak => port::Cursors::OfOneReading,
    }
}

fn mode(mode: wire::OperationMode) -> port::Mode {
    match mode {
        wire::OperationMode::Automatic => port::Mode::Automatic,
        wire::OperationMode::ManualStep => port::Mode::ManualStep,
        wire::OperationMode::WithSwitch => port::Mode::WithSwitch,
        wire::OperationMode::Unsupported => port::Mode::Unsupported,
    }
}

fn unseen(fact: wire::Unseen) -> port::Unseen {
    match fact {
        wire::Unseen::PriceList => port::Unseen::PriceList,
        wire::Unseen::Edition => port::Unseen::Edition,
        wire::Unseen::Language => port::Unseen::Language,
        wire::Unseen::TimeZone => port::Unseen::TimeZone,
        wire::Unseen::DateFormat => port::Unseen::DateFormat,
        wire::Unseen::Invoicing => port::Unseen::Invoicing,
        wire::Unseen::TenantCurrency => port::Unseen::TenantCurrency,
        wire::Unseen::Sync => port::Unseen::Sync,
        wire::Unseen::CustomerMark => port::Unseen::CustomerMark,
        wire::Unseen::PurchaseMark => port::Unseen::PurchaseMark,
        wire::Unseen::PricingOptions => port::Unseen::PricingOptions,
        wire::Unseen::PurchaseChecks => port::Unseen::PurchaseChecks,
    }
}

fn detail_calls(calls: wire::DetailCalls) -> Checked<port::DetailCalls> {
    let wire::DetailCalls {
        per_customer,
        per_subscription,
    } = calls;
    if per_customer > 100 || per_subscription > 100 {
        return Err(malformed("detailCalls is out of range".to_owned()));
    }
    Ok(port::DetailCalls {
        per_customer,
        per_purchase: per_subscription,
    })
}

fn promises(promises: &wire::Promises) -> port::Promises {
    use port::Strength::{Strong, Weak};
    let wire::Promises {
        keys,
        epochs,
        revision,
        compares,
        orders,
        off_guard,
        items,
    } = promises;
    port::Promises {
        keys: match keys {
            wire::KeyPromise::Unique => port::Keys::Unique,
            wire::KeyPromise::Findable => port::Keys::Findable,
            wire::KeyPromise::None => port::Keys::None,
        },
        epochs: match epochs {
            wire::EpochPromise::Issued => Strong,
            wire::EpochPromise::None => Weak,
        },
        revision: match revision {
            wire::RevisionPromise::Carried => Strong,
            wire::RevisionPromise::None => Weak,
        },
        compares: match compares {
            wire::ComparePromise::Atomic => Strong,
            wire::ComparePromise::None => Weak,
        },
        orders: match orders {
            wire::OrderPromise::Listed => Strong,
            wire::OrderPromise::None => Weak,
        },
        off_guard: match off_guard {
            wire::OffGuardPromise::Atomic => Strong,
            wire::OffGuardPromise::None => Weak,
        },
        items: match items {
            wire::ItemPromise::Compared => Strong,
            wire::ItemPromise::None => Weak,
        },
    }
}

pub(super) fn reseller(reply: wire::Reseller) -> Checked<port::Reseller> {
    let wire::Reseller {
        account_id,
        name,
        kind,
        ordering_enabled,
        currency,
        price_list: _,
        tenant_id,
        back_ordering,
    } = reply;
    let kind = match kind {
        wire::ResellerKind::Basic => port::ResellerKind::Basic,
        wire::ResellerKind::Standard => port::ResellerKind::Standard,
        wire::ResellerKind::Tenant => port::ResellerKind::Tenant,
    };
    let back_ordering = match back_ordering {
        wire::BackOrdering::Off => port::BackOrdering::Off,
        wire::BackOrdering::On => port::BackOrdering::On,
        wire::BackOrdering::Unknown => port::BackOrdering::Unknown,
    };
    if name.chars().count() > 256 {
        return Err(malformed("the reseller's name is too long".to_owned()));
    }
    let tenant = tenant_id
        .map(|text| id("tenantId", text))
        .transpose()?
        .map(port::TenantId);
    Ok(port::Reseller {
        account: port::AccountId(id("accountId", account_id)?),
        name,
        kind,
        ordering_enabled,
        currency: self::currency(currency)?,
        tenant,
        back_ordering,
    })
}

pub(super) fn epoch(reply: wire::Epoch, holder: &str) -> Checked<port::IssuedEpoch> {
    let wire::Epoch {
        epoch,
        previous_epoch,
        holder: issued_to,
        earlier,
    } = reply;
    if issued_to != holder {
        return Err(malformed(
            "an epoch that was issued to another holder".to_owned(),
        ));
    }
    if number("epoch", epoch)? <= previous_epoch {
        return Err(malformed("an epoch that does not grow".to_owned()));
    }
    if earlier.len() > MOST_EARLIER_EPOCHS {
        return Err(malformed("more than 16 earlier epochs".to_owned()));
    }
    let mut before = epoch;
    let mut issued = Vec::with_capacity(earlier.len());
    for wire::EarlierEpoch {
        epoch,
        acquisition_id,
    } in earlier
    {
        if number("earlier.epoch", epoch)? >= before {
            return Err(malformed(
                "earlier epochs that are not told the latest first".to_owned(),
            ));
        }
        before = epoch;
        issued.push(port::EarlierEpoch {
            epoch: port::Epoch(epoch),
            acquisition: acquisition_id
                .map(|name| short("earlier.acquisitionId", name).map(port::AcquisitionId))
                .transpose()?,
        });
    }
    Ok(port::IssuedEpoch {
        epoch: port::Epoch(epoch),
        previous: port::Epoch(previous_epoch),
        earlier: issued,
    })
}

pub(super) fn tenant_lookup(reply: wire::TenantLookup) -> Checked<Option<port::Tenant>> {
    let wire::TenantLookup { tenant } = reply;
    tenant.map(self::tenant).transpose()
}

pub(super) fn tenant(reply: wire::Tenant) -> Checked<port::Tenant> {
    let wire::Tenant {
        id: tenant,
        url,
        settings,
        currency,
        business_key,
        status,
    } = reply;
    let status = match status {
        wire::TenantStatus::InProgress => port::TenantStatus::InProgress,
        wire::TenantStatus::Active => port::TenantStatus::Active,
        wire::TenantStatus::Suspended => port::TenantStatus::Suspended,
        wire::TenantStatus::MarkedAsDeleted => port::TenantStatus::MarkedAsDeleted,
    };
    let url = url
        .map(|text| bounded("the tenant's url", text, 2048))
        .transpose()?;
    let business_key = business_key.map(self::business_key).transpose()?;
    Ok(port::Tenant {
        id: port::TenantId(id("the tenant's id", tenant)?),
        url,
        settings: seen_settings(settings)?,
        currency: currency.map(self::currency).transpose()?,
        business_key,
        status,
    })
}

fn seen_settings(settings: wire::SeenSettings) -> Checked<port::SeenSettings> {
    let wire::SeenSettings {
        price_list,
        edition,
        language,
        time_zone,
        date_format,
        invoicing,
    } = settings;
    let text = |what: &str, text: Option<String>, most: usize| {
        text.map(|text| bounded(what, text, most)).transpose()
    };
    Ok(port::SeenSettings {
        price_list: price_list
            .map(|list| short("priceList", list).map(port::PriceListId))
            .transpose()?,
        edition: text("edition", edition, 64)?,
        language: text("language", language, 35)?,
        time_zone: text("timeZone", time_zone, 64)?,
        date_format: text("dateFormat", date_format, 32)?,
        invoicing: invoicing.map(|invoicing| match invoicing {
            wire::Invoicing::Combined => port::Invoicing::Combined,
            wire::Invoicing::Separate => port::Invoicing::Separate,
        }),
    })
}

fn business_key(text: String) -> Checked<port::BusinessKey> {
    bounded("businessKey", text, LONGEST_KEY).map(port::BusinessKey)
}

/// The reply to a creation that is over: it must be of the tenant that was asked for.
pub(super) fn created_tenant(
    reply: wire::Tenant,
    key: &port::BusinessKey,
) -> Checked<port::TenantCreation> {
    let tenant = tenant(reply)?;
    if tenant.business_key.as_ref() != Some(key) {
        return Err(malformed("a tenant of another business key".to_owned()));
    }
    match tenant.status {
        port::TenantStatus::Active | port::TenantStatus::Suspended => {
            Ok(port::TenantCreation::Done(Box::new(tenant)))
        }
        port::TenantStatus::InProgress | port::TenantStatus::MarkedAsDeleted => Err(malformed(
            "status 200 for a tenant that is not ready".to_owned(),
        )),
    }
}

pub(super) fn started(reply: wire::LongRunning) -> Checked<port::TenantCreation> {
    let wire::LongRunning {
        id: operation,
        state: _,
        detail: _,
    } = reply;
    let operation = id("the operation's id", operation)?;
    Ok(port::TenantCreation::Started(port::OperationId(operation)))
}

pub(super) fn operation(
    reply: wire::LongRunning,
    asked: &port::OperationId,
    clean: impl Fn(&str) -> String,
) -> Checked<port::OperationState> {
    let wire::LongRunning { id, state, detail } = reply;
    if id != asked.0 {
        return Err(malformed("another operation than was asked for".to_owned()));
    }
    Ok(match state {
        wire::OperationState::Running => port::OperationState::Running,
        wire::OperationState::Succeeded => port::OperationState::Succeeded,
        wire::OperationState::Failed => port::OperationState::Failed {
            detail: detail.map_or_else(|| "no reason given".to_owned(), |text| clean(&text)),
        },
    })
}

/// A page, translated and checked: not more than asked for, strictly ascending, getting on.
fn page<W, T, K: Ord>(
    reply: wire::Page<W>,
    request: &port::PageRequest,
    translate: impl Fn(W) -> Checked<Option<T>>,
    position: impl Fn(&T) -> K,
) -> Checked<port::Page<T>> {
    let wire::Page {
        items,
        next_cursor,
        inventory_revision,
    } = reply;
    if items.len() > usize::from(request.limit) {
        return Err(malformed(
            "a page with more items than asked for".to_owned(),
        ));
    }
    if items.is_empty() && next_cursor.is_some() {
        return Err(malformed("an empty page that is not the last".to_owned()));
    }
    let translated = items
        .into_iter()
        .filter_map(|item| translate(item).transpose());
    let items = translated.collect::<Checked<Vec<T>>>()?;
    let positions: Vec<K> = items.iter().map(position).collect();
    if !positions.is_sorted_by(|before, after| before < after) {
        return Err(malformed(
            "a page that is not in strictly ascending order".to_owned(),
        ));
    }
    let next = next_cursor
        .map(|text| bounded("nextCursor", text, LONGEST_CURSOR))
        .transpose()?;
    if next.is_some() && next.as_deref() == request.cursor.as_ref().map(port::Cursor::as_str) {
        return Err(malformed("a cursor that leads to itself".to_owned()));
    }
    let revision = inventory_revision
        .map(|value| number("inventoryRevision", value))
        .transpose()?;
    Ok(port::Page {
        items,
        next: next.map(port::Cursor),
        revision: revision.map(port::Revision),
    })
}

pub(super) fn customers(
    reply: wire::Page<wire::Customer>,
    request: &port::PageRequest,
) -> Checked<port::Page<port::Customer>> {
    page(
        reply,
        request,
        |item| customer(item).map(Some),
        |item| item.id.clone(),
    )
}

fn customer(item: wire::Customer) -> Checked<port::Customer> {
    let wire::Customer {
        id: customer,
        bill_to,
        currency: _,
        sync,
        marked,
        copy,
        digest,
    } = item;
    let sync = match sync {
        Some(wire::SyncState::Synced) => port::Sync::Synced,
        Some(wire::SyncState::NotSynced) => port::Sync::NotSynced,
        None => port::Sync::Unseen,
    };
    Ok(port::Customer {
        id: port::SourceId(id("a customer's id", customer)?),
        bill_to: port::AccountId(id("billTo", bill_to)?),
        sync,
        mark: mark(marked),
        link: link(copy)?,
        digest: self::digest(digest)?,
    })
}

fn mark(marked: Option<bool>) -> port::Mark {
    match marked {
        Some(true) => port::Mark::Marked,
        Some(false) => port::Mark::Unmarked,
        None => port::Mark::Unseen,
    }
}

fn link(link: Option<wire::CopyLink>) -> Checked<Option<(port::TenantId, port::CopyId)>> {
    let Some(wire::CopyLink { tenant_id, copy_id }) = link else {
        return Ok(None);
    };
    Ok(Some((
        port::TenantId(id("tenantId", tenant_id)?),
        port::CopyId(id("copyId", copy_id)?),
    )))
}

fn digest(text: String) -> Checked<port::Digest> {
    short("a digest", text).map(port::Digest)
}

pub(super) fn subscriptions(
    reply: wire::Page<wire::Subscription>,
    request: &port::PageRequest,
    clean: impl Fn(&str) -> String,
) -> Checked<port::Page<port::Purchase>> {
    page(
        reply,
        request,
        |item| purchase(item, &clean).map(Some),
        |item| item.id.clone(),
    )
}

/// A text that belongs to a state that is not clear: it is there exactly with that state.
fn unclear(
    what: &str,
    text: Option<&str>,
    of_the_state: bool,
    clean: impl Fn(&str) -> String,
) -> Checked<String> {
    match (text, of_the_state) {
        (Some(text), true) => Ok(clean(text)),
        (None, false) => Ok(String::new()),
        (Some(_), false) | (None, true) => Err(malformed(format!(
            "{what} is there exactly where the state is Unclear"
        ))),
    }
}

fn purchase(item: wire::Subscription, clean: impl Fn(&str) -> String) -> Checked<port::Purchase> {
    // What is not used here is behind the digest.
    let wire::Subscription {
        id: purchase,
        kind,
        customer_id,
        state,
        state_word,
        marked,
        copy,
        digest,
        ..
    } = item;
    let kind = match kind {
        wire::PurchaseKind::Subscription => port::ItemKind::Subscription,
        wire::PurchaseKind::Asset => port::ItemKind::Asset,
    };
    let word = unclear(
        "stateWord",
        state_word.as_deref(),
        state == wire::PurchaseState::Unclear,
        clean,
    )?;
    let state = match state {
        wire::PurchaseState::Active => port::PurchaseState::Active,
        wire::PurchaseState::Suspended => port::PurchaseState::Suspended,
        wire::PurchaseState::FutureDated => port::PurchaseState::FutureDated,
        wire::PurchaseState::Trial => port::PurchaseState::Trial,
        wire::PurchaseState::Cancelled => port::PurchaseState::Cancelled,
        wire::PurchaseState::Expired => port::PurchaseState::Expired,
        wire::PurchaseState::Unclear => port::PurchaseState::Unclear(word),
    };
    Ok(port::Purchase {
        id: port::SourceId(id("a subscription's id", purchase)?),
        kind,
        customer: port::SourceId(id("customerId", customer_id)?),
        state,
        mark: mark(marked),
        link: link(copy)?,
        digest: self::digest(digest)?,
    })
}

pub(super) fn open_orders(
    reply: wire::Page<wire::OpenOrder>,
    request: &port::PageRequest,
) -> Checked<port::Page<port::OpenOrder>> {
    let translate = |item: wire::OpenOrder| {
        let wire::OpenOrder {
            id: order,
            customer_id,
            placed_time: _,
        } = item;
        Ok(Some(port::OpenOrder {
            id: id("an order's id", order)?,
            customer: port::SourceId(id("customerId", customer_id)?),
        }))
    };
    page(reply, request, translate, |item| item.id.clone())
}

pub(super) fn copies(
    reply: wire::Page<wire::Copy>,
    request: &port::PageRequest,
    clean: impl Fn(&str) -> String,
) -> Checked<port::Page<port::CopyRecord>> {
    page(
        reply,
        request,
        |item| copy(item, &clean),
        |item| (item.source.clone(), item.id.clone()),
    )
}

/// A copy; `None` for a record without a source, which is the reseller's own.
fn copy(item: wire::Copy, clean: impl Fn(&str) -> String) -> Checked<Option<port::CopyRecord>> {
    let wire::Copy {
        id: copy,
        kind,
        business_key,
        source_id,
        link,
        source_digest,
        digest,
        state,
        unclear,
    } = item;
    let Some(source) = source_id else {
        return Ok(None);
    };
    let why = self::unclear(
        "unclear",
        unclear.as_deref(),
        state == wire::CopyState::Unclear,
        clean,
    )?;
    let state = match state {
        wire::CopyState::Live => port::CopyState::Live,
        wire::CopyState::Incomplete => port::CopyState::Incomplete,
        wire::CopyState::Ended => port::CopyState::Ended,
        wire::CopyState::Unclear => port::CopyState::Unclear(why),
    };
    let business_key = business_key.map(self::business_key).transpose()?;
    Ok(Some(port::CopyRecord {
        id: port::CopyId(id("a copy's id", copy)?),
        kind: kind
            .map(copied_kind)
            .or_else(|| business_key.as_ref().and_then(kind_in)),
        business_key,
        source: port::SourceId(id("sourceId", source)?),
        link: match link {
            wire::LinkKind::Stored => port::Link::Stored,
            wire::LinkKind::Inferred => port::Link::Inferred,
        },
        source_digest: source_digest.map(self::digest).transpose()?,
        digest: self::digest(digest)?,
        state,
    }))
}

fn copied_kind(kind: wire::CopiedKind) -> port::ItemKind {
    match kind {
        wire::CopiedKind::Customer => port::ItemKind::Customer,
        wire::CopiedKind::Subscription => port::ItemKind::Subscription,
        wire::CopiedKind::Asset => port::ItemKind::Asset,
    }
}

/// The kind that a key of the operator's names. A server that does not tell the kind of a copy may keep
/// its key.
fn kind_in(key: &port::BusinessKey) -> Option<port::ItemKind> {
    let word = key.as_str().rsplit('/').nth(1)?;
    let kinds = [
        port::ItemKind::Customer,
        port::ItemKind::Subscription,
        port::ItemKind::Asset,
    ];
    kinds.into_iter().find(|kind| kind.as_str() == word)
}

pub(super) fn found(
    reply: wire::Found,
    clean: impl Fn(&str) -> String,
) -> Checked<(port::BusinessKey, port::Found)> {
    let wire::Found {
        business_key: key,
        copies,
    } = reply;
    let key = business_key(key)?;
    let mut records = Vec::new();
    for copy in copies {
        if copy.business_key.as_deref() != Some(key.as_str()) {
            return Err(malformed(
                "a copy that was found under another key".to_owned(),
            ));
        }
        let Some(record) = self::copy(copy, &clean)? else {
            return Err(malformed(
                "a copy under a key without its source".to_owned(),
            ));
        };
        records.push(record);
    }
    let found = match records.len() {
        0 => port::Found::None,
        1 => records.pop().map_or(port::Found::None, port::Found::One),
        _ => port::Found::Many(records),
    };
    Ok((key, found))
}

pub(super) fn copy_result(
    reply: wire::CopyResult,
    clean: impl Fn(&str) -> String,
) -> Checked<(port::SourceId, port::ItemOutcome)> {
    let wire::CopyResult {
        source_id,
        outcome,
        reasons,
        class,
        detail,
    } = reply;
    let source = port::SourceId(id("sourceId", source_id)?);
    let detail = || detail.as_deref().map(&clean).unwrap_or_default();
    let outcome = match outcome {
        wire::CopyOutcome::Created => port::ItemOutcome::Created,
        wire::CopyOutcome::Unchanged => port::ItemOutcome::Unchanged,
        wire::CopyOutcome::Updated => port::ItemOutcome::Updated,
        wire::CopyOutcome::Blocked if reasons.is_empty() => {
            return Err(malformed(format!(
                "{} is blocked without a reason",
                quoted(&source)
            )));
        }
        wire::CopyOutcome::Blocked => port::ItemOutcome::Blocked(blockers(reasons, &clean)),
        wire::CopyOutcome::Conflict => port::ItemOutcome::Conflict(detail()),
        wire::CopyOutcome::Failed => match class {
            Some(class) => port::ItemOutcome::Failed {
                class: class_name(class),
                detail: detail(),
            },
            None => {
                return Err(malformed(format!(
                    "{} failed without a class",
                    quoted(&source)
                )));
            }
        },
    };
    Ok((source, outcome))
}

fn blockers(reasons: Vec<wire::Blocker>, clean: impl Fn(&str) -> String) -> Vec<port::Blocker> {
    let translate = |blocker: wire::Blocker| {
        let wire::Blocker { reason, detail } = blocker;
        let detail = detail.map(|text| clean(&text));
        port::Blocker {
            reason: blocker_reason(reason),
            detail,
        }
    };
    reasons.into_iter().take(MOST).map(translate).collect()
}

fn class_name(class: wire::ErrorClass) -> &'static str {
    match class {
        wire::ErrorClass::Throttled => "Throttled",
        wire::ErrorClass::Unavailable => "Unavailable",
        wire::ErrorClass::AuthRejected => "AuthRejected",
        wire::ErrorClass::Forbidden => "Forbidden",
        wire::ErrorClass::NotFound => "NotFound",
        wire::ErrorClass::Conflict => "Conflict",
        wire::ErrorClass::StaleEpoch => "StaleEpoch",
        wire::ErrorClass::HeldByAnother => "HeldByAnother",
        wire::ErrorClass::Blocked => "Blocked",
        wire::ErrorClass::Invalid => "Invalid",
        wire::ErrorClass::ManualStepNeeded => "ManualStepNeeded",
        wire::ErrorClass::Unsupported => "Unsupported",
        wire::ErrorClass::Internal => "Internal",
    }
}

pub(super) fn pricing_state(
    reply: wire::PricingState,
    clean: impl Fn(&str) -> String,
) -> Checked<(port::SourceId, port::PricingState)> {
    let wire::PricingState {
        customer_id,
        display_name,
        digest,
        missing,
        unseen,
    } = reply;
    let customer = port::SourceId(id("customerId", customer_id)?);
    let state = match (digest, missing.is_empty()) {
        (None, true) if unseen => port::PricingState::Unseen {
            name: display_name.map(|name| clean(&name)),
        },
        (Some(digest), true) if !unseen => port::PricingState::Set(self::digest(digest)?),
        (None, false) if !unseen => port::PricingState::Missing {
            name: display_name.map(|name| clean(&name)),
            options: missing
                .iter()
                .take(MOST)
                .map(|option| clean(option))
                .collect(),
        },
        (Some(_) | None, _) => {
            return Err(malformed(format!(
                "the pricing of {} is neither complete nor incomplete nor unseen",
                quoted(&customer)
            )));
        }
    };
    Ok((customer, state))
}

pub(super) fn pricing_result(
    reply: wire::PricingResult,
    clean: impl Fn(&str) -> String,
) -> Checked<(port::SourceId, port::PricingOutcome)> {
    let wire::PricingResult {
        customer_id,
        outcome,
        fields,
        class,
        detail,
    } = reply;
    let customer = port::SourceId(id("customerId", customer_id)?);
    let fields: Vec<String> = fields.iter().take(MOST).map(|field| clean(field)).collect();
    let outcome = match outcome {
        wire::PricingOutcome::Written => port::PricingOutcome::Written,
        wire::PricingOutcome::Unchanged => port::PricingOutcome::Unchanged,
        wire::PricingOutcome::Differs => port::PricingOutcome::Differs(fields),
        wire::PricingOutcome::Failed => {
            let class = class.map_or("Failed", class_name);
            let detail = detail.map(|text| clean(&text)).unwrap_or_default();
            port::PricingOutcome::Failed(format!("{class} ({}): {detail}", fields.join(", ")))
        }
    };
    Ok((customer, outcome))
}

pub(super) fn check_result(
    reply: wire::CheckResult,
    clean: impl Fn(&str) -> String,
) -> Checked<(port::SourceId, Vec<port::Blocker>)> {
    let wire::CheckResult { source_id, reasons } = reply;
    Ok((
        port::SourceId(id("sourceId", source_id)?),
        blockers(reasons, clean),
    ))
}

pub(super) fn activation(reply: &wire::Activation) -> port::Activation {
    let wire::Activation {
        outcome,
        activated_time: _,
    } = reply;
    match outcome {
        wire::ActivationOutcome::Activated => port::Activation::Activated,
        wire::ActivationOutcome::AlreadyActive => port::Activation::AlreadyActive,
    }
}

pub(super) fn blocker_reason(reason: wire::BlockerReason) -> port::BlockerReason {
    use port::BlockerReason as P;
    use wire::BlockerReason as W;
    match reason {
        W::CurrencyMismatch => P::CurrencyMismatch,
        W::ProductMissing => P::ProductMissing,
        W::AddonMissing => P::AddonMissing,
        W::BillingCycleMissing => P::BillingCycleMissing,
        W::AccountNotSynced => P::AccountNotSynced,
        W::PricingIncomplete => P::PricingIncomplete,
        W::OrderNotFinal => P::OrderNotFinal,
        W::DuplicateCopy => P::DuplicateCopy,
        W::OrphanedCopy => P::OrphanedCopy,
        W::SourceChanged => P::SourceChanged,
        W::NotCopied => P::NotCopied,
        W::HalfMarked => P::HalfMarked,
        W::CustomerNotCopied => P::CustomerNotCopied,
        W::ResellerNotBasic => P::ResellerNotBasic,
        W::TenantSuspended => P::TenantSuspended,
        W::OrderingDisabled => P::OrderingDisabled,
        W::PriceListInactive => P::PriceListInactive,
        W::BackOrderingActive => P::BackOrderingActive,
        W::CopyUnclear => P::CopyUnclear,
        W::StateUnclear => P::StateUnclear,
    }
}

#[cfg(test)]
#[path = "replies_tests.rs"]
mod tests;
