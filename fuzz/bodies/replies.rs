//! Every parser of a success, over the same bytes: what it lets through is what was asked for, and
//! bounded.

use super::assert_fit;
use std::collections::BTreeMap;
use tenant_reseller_operator::bss::port::{
    BusinessKey, Cursor, Found, Freshness, ItemOutcome, OperationId, OperationState, Page,
    PageRequest, PriceListId, PricingOutcome, PricingState, SourceId, Tenant, TenantCreation,
    TenantStatus,
};
use tenant_reseller_operator::fuzzing::{Answer, Asked, PARSERS};

const LARGEST_NUMBER: u64 = (1 << 53) - 1;
/// Most texts of one item.
const MOST: usize = 100;

/// What the replies of the corpus answer.
pub fn asked() -> Asked {
    Asked {
        page: PageRequest {
            cursor: Some(Cursor("after-1".to_owned())),
            limit: 3,
            freshness: Freshness::Fresh,
        },
        items: vec![SourceId::from("1"), SourceId::from("2")],
        keys: vec![BusinessKey::from("k"), BusinessKey::from("l")],
        holder: "h".to_owned(),
        operation: OperationId::from("op"),
    }
}

pub(super) fn run(data: &[u8]) {
    let asked = asked();
    for (name, parser) in PARSERS {
        let answer = parser(data, &asked);
        assert_eq!(
            answer,
            parser(data, &asked),
            "{name} does not repeat itself"
        );
        match answer {
            Ok(answer) => judge(&answer, &asked),
            Err(error) if *name == "checks" => {
                assert!(
                    ["Malformed", "NotFound"].contains(&error.class()),
                    "{error:?}"
                );
            }
            Err(error) => assert_eq!(error.class(), "Malformed", "{name}: {error:?}"),
        }
    }
}

fn judge(answer: &Answer, asked: &Asked) {
    match answer {
        Answer::Identity(identity) => {
            if let Some(text) = identity {
                bounded(text, 63);
            }
        }
        Answer::Capabilities(able) => {
            assert_eq!(able.operations.len(), 5);
            assert!(
                (1..=500).contains(&able.largest_batch) && (1..=1000).contains(&able.page_size)
            );
        }
        Answer::Reseller(reseller) => {
            id(reseller.account.as_str());
            assert!(reseller.name.chars().count() <= 256);
            assert_eq!(reseller.currency.len(), 3);
            if let Some(tenant) = &reseller.tenant {
                id(tenant.as_str());
            }
        }
        Answer::Epoch(issued) => {
            assert!(issued.previous < issued.epoch && issued.epoch.0 <= LARGEST_NUMBER);
        }
        Answer::Tenant(tenant) => {
            if let Some(found) = tenant {
                judge_tenant(found);
            }
        }
        Answer::Creation(TenantCreation::Started(operation)) => id(operation.as_str()),
        Answer::Creation(TenantCreation::Done(tenant)) => {
            judge_tenant(tenant);
            assert_eq!(tenant.business_key.as_ref(), asked.keys.first());
            let ready = [TenantStatus::Active, TenantStatus::Suspended];
            assert!(ready.contains(&tenant.status));
        }
        Answer::Operation(OperationState::Failed { detail }) => assert_fit(detail),
        Answer::Operation(state) => assert_ne!(*state, OperationState::Gone),
        Answer::Customers(page) => judge_page(page, asked, |row| {
            ids([row.id.as_str(), row.bill_to.as_str(), row.digest.as_str()]);
            if let Some((tenant, copy)) = &row.link {
                ids([tenant.as_str(), copy.as_str()]);
            }
            row.id.clone()
        }),
        Answer::Purchases(page) => judge_page(page, asked, |row| {
            ids([row.id.as_str(), row.customer.as_str(), row.digest.as_str()]);
            row.id.clone()
        }),
        Answer::OpenOrders(page) => judge_page(page, asked, |row| {
            ids([row.id.as_str(), row.customer.as_str()]);
            row.id.clone()
        }),
        Answer::Copies(page) => judge_page(page, asked, |row| {
            ids([row.id.as_str(), row.source.as_str(), row.digest.as_str()]);
            (row.source.clone(), row.id.clone())
        }),
        Answer::Found(found) => judge_found(found, asked),
        Answer::Outcomes(outcomes) => {
            exactly(outcomes, asked);
            outcomes.values().for_each(judge_outcome);
        }
        Answer::Pricing(states) => {
            exactly(states, asked);
            states.values().for_each(judge_pricing);
        }
        Answer::PricingOutcomes(outcomes) => {
            exactly(outcomes, asked);
            outcomes.values().for_each(judge_priced);
        }
        Answer::Checks(checks) => {
            assert!(checks.keys().all(|item| asked.items.contains(item)));
            for blockers in checks.values() {
                assert!(blockers.len() <= MOST);
                let details = blockers.iter().filter_map(|b| b.detail.as_deref());
                details.for_each(assert_fit);
            }
        }
        Answer::Activation(_) => {}
    }
}

fn bounded(text: &str, longest: usize) {
    assert!((1..=longest).contains(&text.chars().count()), "{text:?}");
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

fn id(text: &str) {
    bounded(text, 128);
}

fn ids<const N: usize>(texts: [&str; N]) {
    texts.into_iter().for_each(id);
}

fn judge_tenant(tenant: &Tenant) {
    id(tenant.id.as_str());
    let list = tenant.settings.price_list.as_ref();
    list.map(PriceListId::as_str).into_iter().for_each(id);
    assert!(tenant.currency.iter().all(|currency| currency.len() == 3));
    let key = tenant.business_key.as_ref().map(BusinessKey::as_str);
    if let Some(key) = key {
        bounded(key, 1024);
    }
}

fn judge_page<T, K: Ord>(page: &Page<T>, asked: &Asked, position: impl Fn(&T) -> K) {
    assert!(page.items.len() <= usize::from(asked.page.limit));
    let positions: Vec<K> = page.items.iter().map(position).collect();
    assert!(positions.is_sorted_by(|before, after| before < after));
    assert!(page.next.is_none() || page.next != asked.page.cursor);
    if let Some(next) = &page.next {
        bounded(next.as_str(), 1024);
    }
    assert!(
        page.revision
            .is_none_or(|revision| revision.0 <= LARGEST_NUMBER)
    );
}

fn judge_found(found: &[(BusinessKey, Found)], asked: &Asked) {
    let keys: Vec<&BusinessKey> = found.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, asked.keys.iter().collect::<Vec<_>>());
    for (key, found) in found {
        let records = match found {
            Found::None => &[],
            Found::One(record) => std::slice::from_ref(record),
            Found::Many(records) => {
                assert!(records.len() > 1);
                records.as_slice()
            }
        };
        for record in records {
            assert_eq!(record.business_key.as_ref(), Some(key));
            ids([record.id.as_str(), record.source.as_str()]);
        }
    }
}

/// One result for each item that was asked for, and no other.
fn exactly<V>(results: &BTreeMap<SourceId, V>, asked: &Asked) {
    assert!(results.keys().eq(&asked.items));
}

fn judge_outcome(outcome: &ItemOutcome) {
    match outcome {
        ItemOutcome::Blocked(blockers) => {
            assert!((1..=MOST).contains(&blockers.len()));
            let details = blockers.iter().filter_map(|b| b.detail.as_deref());
            details.for_each(assert_fit);
        }
        ItemOutcome::Conflict(detail) => assert_fit(detail),
        ItemOutcome::Failed { class, detail } => {
            assert!(!class.is_empty());
            assert_fit(detail);
        }
        ItemOutcome::Created
        | ItemOutcome::Unchanged
        | ItemOutcome::Updated
        | ItemOutcome::Unknown => {}
    }
}

fn judge_pricing(state: &PricingState) {
    match state {
        PricingState::Set(digest) => id(digest.as_str()),
        PricingState::Missing { name, options } => {
            if let Some(name) = name {
                assert_fit(name);
            }
            assert!((1..=MOST).contains(&options.len()), "{}", options.len());
            for option in options {
                assert_fit(option);
            }
        }
        PricingState::Unseen { name } => name.iter().for_each(|name| assert_fit(name)),
    }
}

fn judge_priced(outcome: &PricingOutcome) {
    match outcome {
        PricingOutcome::Differs(fields) => {
            assert!(fields.len() <= MOST, "{}", fields.len());
            for field in fields {
                assert_fit(field);
            }
        }
        PricingOutcome::Failed(detail) => {
            assert!(detail.chars().count() <= (MOST + 2) * 514);
            assert!(!detail.chars().any(char::is_control));
        }
        PricingOutcome::Written | PricingOutcome::Unchanged | PricingOutcome::Unknown => {}
    }
}
