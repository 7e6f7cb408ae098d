//! A look at both sides of one reseller: collected, paired, and served page by page in the order of source
//! ids. A look may take long, so that a page that is asked for too early is empty and says where to go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use super::client::{SLICE, Side};
use super::collecting::Step;
use super::pairing::{self, Confirmed, Match, Pairs};
use super::reader::{Known, Reader, Want};
use super::records::{CustomerRecord, PurchaseRecord, customer_digest};
use super::words;
use crate::bss::error::BssError;
use crate::bss::port::{
    AccountId, CopyRecord, CopyState, Cursor, Customer, Freshness, ItemKind, Link, Mark, OpenOrder,
    Page, PageRequest, Purchase, PurchaseState, TenantId,
};

/// The two listings that a look serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Half {
    Sources,
    Copies,
}

/// What a look found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) customers: Vec<Customer>,
    pub(super) purchases: Vec<Purchase>,
    pub(super) orders: Vec<OpenOrder>,
    pub(super) copies: Vec<CopyRecord>,
    /// Which customer of the tenant is the copy of which.
    pub(super) owners: Pairs,
    /// The sources' records, by id.
    pub(super) records: BTreeMap<String, PurchaseRecord>,
    /// When the look began.
    pub(super) began: Option<Instant>,
}

/// Whose look it is.
pub(super) struct Sides<'a> {
    pub(super) account: &'a AccountId,
    pub(super) distributor: &'a Side,
    pub(super) tenant: Option<(&'a TenantId, &'a Side)>,
    /// Whether marks of customers can be relied on.
    pub(super) marks: Marks,
    /// What a person confirmed where the records do not tell.
    pub(super) confirmed: Arc<Confirmed>,
}

/// Whether marks of customers can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks {
    Shown,
    NotShown,
}

/// A look, as far as it came.
#[derive(Debug)]
pub(super) struct Look {
    number: u64,
    began: Instant,
    want: Want,
    freshness: Freshness,
    served: BTreeSet<Half>,
    pages: u64,
    sources: Reader,
    copies: Option<Reader>,
    ended: Option<(Instant, Arc<Found>)>,
}

/// No two looks of a process have the same number.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

impl Look {
    pub(super) fn new(
        sides: &Sides<'_>,
        want: Want,
        freshness: Freshness,
        (of_sources, of_copies): (Known, Known),
    ) -> Self {
        let account = sides.account;
        let copies = sides
            .tenant
            .filter(|_| want != Want::Orders)
            .map(|(_, side)| Reader::new(side, want, account, (freshness, of_copies)));
        Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            began: Instant::now(),
            want,
            freshness,
            served: BTreeSet::new(),
            pages: 0,
            sources: Reader::new(sides.distributor, want, account, (freshness, of_sources)),
            copies,
            ended: None,
        }
    }

    /// Whether a listing that was asked for at this time may be served from it. A look that had ended before
    /// shows what was then, and not what is now.
    pub(super) fn can_begin(&self, half: Half, (freshness, asked): (Freshness, Instant)) -> bool {
        let fresh = freshness == Freshness::Remembered || self.freshness == Freshness::Fresh;
        let ended = self.ended.as_ref();
        let going_on = ended.is_none_or(|(at, _)| asked <= *at);
        !self.served.contains(&half) && fresh && going_on
    }

    pub(super) fn begin(&mut self, half: Half) {
        self.served.insert(half);
    }

    /// Whether a cursor is of this look.
    pub(super) fn gave(&self, cursor: &Cursor) -> bool {
        cursor.0.split('.').next() == Some(self.number.to_string().as_str())
    }

    /// Goes on for a while; what was found, if it came to its end.
    pub(super) async fn go_on(
        &mut self,
        sides: &Sides<'_>,
    ) -> Result<Option<Arc<Found>>, BssError> {
        if let Some((_, found)) = &self.ended {
            return Ok(Some(Arc::clone(found)));
        }
        let until = Instant::now()
            .checked_add(SLICE)
            .unwrap_or_else(Instant::now);
        let sources = run(&mut self.sources, sides.distributor, until);
        let copies = async {
            match (&mut self.copies, sides.tenant) {
                (Some(reader), Some((_, side))) => run(reader, side, until).await,
                (_, _) => Ok(Step::Done),
            }
        };
        let (sources, copies) = futures::future::join(sources, copies).await;
        if (sources?, copies?) != (Step::Done, Step::Done) {
            return Ok(None);
        }
        let found = Arc::new(Found {
            began: Some(self.began),
            ..self.found(sides)?
        });
        self.ended = Some((Instant::now(), Arc::clone(&found)));
        Ok(Some(found))
    }

    /// An empty page that says that the look goes on.
    pub(super) fn not_yet<T>(&mut self) -> Page<T> {
        self.pages = self.pages.saturating_add(1);
        Page {
            items: Vec::new(),
            next: Some(Cursor(format!("{}.w{}", self.number, self.pages))),
            revision: None,
        }
    }

    /// A page of what was found.
    pub(super) fn page<T: Clone>(&self, all: &[T], page: &PageRequest) -> Page<T> {
        let from = page.cursor.as_ref().and_then(|cursor| {
            let (_, place) = cursor.0.split_once(".o")?;
            place.parse::<usize>().ok()
        });
        let from = from.unwrap_or(0);
        let limit = usize::from(page.limit.max(1));
        let to = from.saturating_add(limit).min(all.len());
        let items = all.get(from..to).unwrap_or_default().to_vec();
        let more = to < all.len();
        Page {
            items,
            next: more.then(|| Cursor(format!("{}.o{to}", self.number))),
            revision: None,
        }
    }

    /// What the next look may use again.
    pub(super) fn remembered(&self) -> (Known, Known) {
        let copies = self.copies.as_ref().map(Reader::remembered);
        (self.sources.remembered(), copies.unwrap_or_default())
    }

    fn found(&self, sides: &Sides<'_>) -> Result<Found, BssError> {
        let side = sides.distributor;
        if self.want == Want::Orders {
            let open = self.sources.orders().iter().filter(|order| {
                let status = order.status.as_deref();
                !words::is_final(status, &side.options.words)
            });
            let mut orders: Vec<OpenOrder> = open
                .map(|order| OpenOrder {
                    id: order.id.clone(),
                    customer: order.account.id.clone().unwrap_or_default().into(),
                })
                .collect();
            orders.sort_by(|one, other| one.id.cmp(&other.id));
            return Ok(Found {
                orders,
                ..Found::default()
            });
        }
        let mut customers = self.sources.customers(side);
        // The reseller is invoiced for itself too, and is no customer of its own.
        customers.retain(|one| one.id != sides.account.as_str());
        let tenant = self.copies.as_ref().zip(sides.tenant);
        let of_tenant = tenant.map(|(reader, (id, side))| (id, reader.customers(side)));
        let owners = match &of_tenant {
            None => Pairs::new(),
            Some((_, copies)) => pairing::customers(&customers, copies, &sides.confirmed),
        };
        if of_tenant.is_some() {
            belongs_together(sides, &customers, &owners)?;
        }
        let tenant_id = of_tenant.as_ref().map(|(id, _)| *id);
        if self.want == Want::Customers {
            return Ok(of_customers(sides, &customers, owners, tenant_id));
        }
        let sources = self.sources.purchases(side);
        let copies = tenant.map_or_else(Vec::new, |(reader, (_, side))| reader.purchases(side));
        let pairs = pairing::purchases(&sources, &copies, (&owners, &sides.confirmed));
        Ok(of_purchases(sources, &copies, (&pairs, owners), tenant_id))
    }
}

async fn run(reader: &mut Reader, side: &Side, until: Instant) -> Result<Step, BssError> {
    loop {
        let step = reader.step(side).await?;
        if step == Step::Done || Instant::now() >= until {
            return Ok(step);
        }
    }
}

/// Customers that are marked have copies. If none of them is found in this tenant, it is not the tenant of
/// this reseller.
fn belongs_together(
    sides: &Sides<'_>,
    customers: &[CustomerRecord],
    owners: &Pairs,
) -> Result<(), BssError> {
    let marked = customers.iter().any(|one| one.mark == Mark::Marked);
    if sides.marks == Marks::Shown && marked && owners.is_empty() {
        return Err(BssError::Refused {
            detail: format!(
                "customers of the reseller {} are marked as copied, and none of them is found in the \
                 tenant: spec.tenantConnectionRef seems to lead to another reseller's tenant",
                sides.account
            ),
        });
    }
    Ok(())
}

fn of_customers(
    sides: &Sides<'_>,
    customers: &[CustomerRecord],
    owners: Pairs,
    tenant: Option<&TenantId>,
) -> Found {
    let mut listed: Vec<Customer> = customers
        .iter()
        .map(|one| Customer {
            id: one.id.as_str().into(),
            bill_to: one.bill_to.as_deref().unwrap_or_default().into(),
            sync: one.sync,
            mark: match sides.marks {
                Marks::Shown => one.mark,
                Marks::NotShown => Mark::Unseen,
            },
            link: link(&owners, &one.id, tenant),
            digest: customer_digest(),
        })
        .collect();
    listed.sort_by(|one, other| one.id.cmp(&other.id));
    let copies = owners.iter().flat_map(|(source, found)| {
        records(source, found, |copy| CopyRecord {
            id: copy.into(),
            kind: Some(ItemKind::Customer),
            business_key: None,
            source: source.as_str().into(),
            link: Link::Inferred,
            source_digest: None,
            digest: customer_digest(),
            state: CopyState::Live,
        })
    });
    Found {
        customers: listed,
        copies: ordered(copies.collect()),
        owners,
        ..Found::default()
    }
}

fn of_purchases(
    sources: Vec<PurchaseRecord>,
    copies: &[PurchaseRecord],
    (pairs, owners): (&Pairs, Pairs),
    tenant: Option<&TenantId>,
) -> Found {
    let mut listed: Vec<Purchase> = sources
        .iter()
        .map(|one| Purchase {
            id: one.id.as_str().into(),
            kind: one.kind,
            customer: one.customer.as_str().into(),
            state: one.state.clone(),
            mark: Mark::Unseen,
            link: link(pairs, &one.id, tenant),
            digest: one.digest(),
        })
        .collect();
    listed.sort_by(|one, other| one.id.cmp(&other.id));
    let by_id: BTreeMap<&str, &PurchaseRecord> =
        copies.iter().map(|copy| (copy.id.as_str(), copy)).collect();
    let records = pairs.iter().flat_map(|(source, found)| {
        records(source, found, |id| {
            let copy = by_id.get(id).copied();
            CopyRecord {
                id: id.into(),
                kind: copy.map(|copy| copy.kind),
                business_key: None,
                source: source.as_str().into(),
                link: Link::Inferred,
                source_digest: None,
                digest: copy.map_or_else(customer_digest, PurchaseRecord::digest),
                state: copy.map_or(CopyState::Live, |copy| copy_state(&copy.state)),
            }
        })
    });
    Found {
        purchases: listed,
        copies: ordered(records.collect()),
        owners,
        records: sources
            .into_iter()
            .map(|one| (one.id.clone(), one))
            .collect(),
        ..Found::default()
    }
}

fn copy_state(state: &PurchaseState) -> CopyState {
    match state {
        PurchaseState::Active
        | PurchaseState::Suspended
        | PurchaseState::FutureDated
        | PurchaseState::Trial => CopyState::Live,
        PurchaseState::Cancelled | PurchaseState::Expired => CopyState::Ended,
        PurchaseState::Unclear(word) => {
            CopyState::Unclear(format!("the copy's state is \"{word}\""))
        }
    }
}

fn link(
    pairs: &Pairs,
    source: &str,
    tenant: Option<&TenantId>,
) -> Option<(TenantId, crate::bss::port::CopyId)> {
    match pairs.get(source)? {
        Match::Paired(copy) => Some((tenant?.clone(), copy.as_str().into())),
        Match::Unclear { .. } => None,
    }
}

/// The copy of a source, or each that may be it.
fn records(source: &str, found: &Match, record: impl Fn(&str) -> CopyRecord) -> Vec<CopyRecord> {
    match found {
        Match::Paired(copy) => vec![record(copy)],
        Match::Unclear { candidates, why } => {
            let names: Vec<&str> = candidates.iter().map(String::as_str).collect();
            let text = format!(
                "which record is the copy of {source} is not certain: {why}; candidates: {}",
                names.join(", ")
            );
            let unclear = |copy: &String| CopyRecord {
                state: CopyState::Unclear(text.clone()),
                ..record(copy)
            };
            candidates.iter().map(unclear).collect()
        }
    }
}

fn ordered(mut copies: Vec<CopyRecord>) -> Vec<CopyRecord> {
    copies.sort_by(|one, other| (&one.source, &one.id).cmp(&(&other.source, &other.id)));
    copies
}
