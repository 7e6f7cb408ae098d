//! Reads one side of a look: its listings, then the details of their records.

use super::client::Side;
use super::collecting::{Details, Listing, Remembered, Step, Whose};
use super::options::{Bundles, Role};
use super::records::{CustomerRecord, PurchaseRecord};
use super::wire::{Account, AddOn, Asset, Held, Subscription, SyncOption};
use crate::bss::error::BssError;
use crate::bss::port::{AccountId, Freshness, Operation};

/// What a look is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Want {
    Customers,
    Purchases,
    Orders,
}

/// Details that may be used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    options: Remembered<Vec<SyncOption>>,
    whole: Remembered<Subscription>,
    add_ons: Remembered<Vec<AddOn>>,
}

/// One side, as far as it was read.
#[derive(Debug)]
pub(super) struct Reader {
    want: Want,
    freshness: Freshness,
    remembered: Known,
    accounts: Listing<Account>,
    options: Option<Details<Vec<SyncOption>>>,
    subscriptions: Listing<Subscription>,
    whole: Option<Details<Subscription>>,
    add_ons: Option<Details<Vec<AddOn>>>,
    assets: Listing<Asset>,
    bundles: Listing<Held>,
    orders: Listing<Held>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Accounts,
    Options,
    Subscriptions,
    Whole,
    AddOns,
    Assets,
    Bundles,
    Orders,
    Done,
}

impl Reader {
    pub(super) fn new(
        side: &Side,
        want: Want,
        account: &AccountId,
        (freshness, remembered): (Freshness, Known),
    ) -> Self {
        // A tenant's BSS holds one reseller's records and no others.
        let whose = |field| match &side.options.role {
            Role::Distributor(_) => Whose::Of {
                field,
                value: account.0.clone(),
            },
            Role::Tenant(_) => Whose::All,
        };
        let (customers, purchases) = (Operation::ListCustomers, Operation::ListSubscriptions);
        Self {
            want,
            freshness,
            remembered,
            accounts: Listing::new(
                side,
                customers,
                &["api", "accounts"],
                whose("billToAccountId"),
                Account::bill_to,
            ),
            options: None,
            subscriptions: Listing::new(
                side,
                purchases,
                &["api", "subscriptions"],
                whose("billingToId"),
                |one| one.billing_to.id.as_deref(),
            ),
            whole: None,
            add_ons: None,
            assets: Listing::new(
                side,
                purchases,
                &["api", "assets"],
                whose("billingToId"),
                |one| one.billing_to.id.as_deref(),
            ),
            bundles: Listing::new(
                side,
                purchases,
                &["api", "bundles"],
                whose("billingToId"),
                |one| one.billing_to.id.as_deref(),
            ),
            orders: Listing::new(
                side,
                Operation::ListOpenOrders,
                &["api", "orders"],
                whose("billingToId"),
                |one| one.billing_to.id.as_deref(),
            ),
            stage: match want {
                Want::Customers | Want::Purchases => Stage::Accounts,
                Want::Orders => Stage::Orders,
            },
        }
    }

    /// Sends a call, or a few at a time.
    pub(super) async fn step(&mut self, side: &Side) -> Result<Step, BssError> {
        let over = self.work(side).await? == Step::Done;
        if over {
            self.stage = self.next();
        }
        Ok(if self.stage == Stage::Done {
            Step::Done
        } else {
            Step::More
        })
    }

    fn next(&self) -> Stage {
        match (self.stage, self.want) {
            (Stage::Accounts, _) => Stage::Options,
            (Stage::Options, Want::Purchases) => Stage::Subscriptions,
            (Stage::Subscriptions, _) => Stage::Whole,
            (Stage::Whole, _) => Stage::AddOns,
            (Stage::AddOns, _) => Stage::Assets,
            (Stage::Assets, _) => Stage::Bundles,
            (Stage::Options, Want::Customers | Want::Orders)
            | (Stage::Bundles | Stage::Orders | Stage::Done, _) => Stage::Done,
        }
    }

    async fn work(&mut self, side: &Side) -> Result<Step, BssError> {
        let purchases = Operation::ListSubscriptions;
        match self.stage {
            Stage::Accounts => self.accounts.step(side).await,
            Stage::Options => {
                let accounts = self.accounts.done().unwrap_or_default();
                let options = self.options.get_or_insert_with(|| {
                    let records = accounts
                        .iter()
                        .map(|one| (one.id.as_str(), one.updated_at.as_deref()));
                    Details::of(records, &self.remembered.options, self.freshness)
                });
                let ask = |id: String| async move {
                    let path = ["api", "accounts", &id, "syncoptions"];
                    match side.small_list(Operation::ListCustomers, &path).await {
                        // An account that no provisioning system knows.
                        Err(BssError::NotFound { .. }) => Ok(Vec::new()),
                        other => other,
                    }
                };
                options.step(side, ask).await
            }
            Stage::Subscriptions => self.subscriptions.step(side).await,
            Stage::Whole => {
                let rows = self.subscriptions.done().unwrap_or_default();
                let whole = self.whole.get_or_insert_with(|| {
                    let lacking = rows.iter().filter(|row| row.lacks_a_field());
                    let records = lacking.map(|one| (one.id.as_str(), one.updated_at.as_deref()));
                    Details::of(records, &self.remembered.whole, self.freshness)
                });
                let ask = |id: String| async move {
                    let path = ["api", "subscriptions", &id];
                    side.record(purchases, &path).await
                };
                whole.step(side, ask).await
            }
            Stage::AddOns => {
                let rows = self.subscriptions.done().unwrap_or_default();
                let add_ons = self.add_ons.get_or_insert_with(|| {
                    let records = rows
                        .iter()
                        .map(|one| (one.id.as_str(), one.updated_at.as_deref()));
                    Details::of(records, &self.remembered.add_ons, self.freshness)
                });
                let ask = |id: String| async move {
                    let path = ["api", "subscriptions", &id, "addons"];
                    side.small_list(purchases, &path).await
                };
                add_ons.step(side, ask).await
            }
            Stage::Assets => self.assets.step(side).await,
            Stage::Bundles => match side.options.bundles {
                Bundles::None => Ok(Step::Done),
                Bundles::Read => self.bundles.step(side).await.map_err(without_bundles),
            },
            Stage::Orders => self.orders.step(side).await,
            Stage::Done => Ok(Step::Done),
        }
    }

    /// The customers.
    pub(super) fn customers(&self, side: &Side) -> Vec<CustomerRecord> {
        let accounts = self.accounts.done().unwrap_or_default();
        let read = |account: &Account| {
            let options = self.options.as_ref().and_then(|all| all.get(&account.id));
            let options = options.map_or(&[][..], Vec::as_slice);
            CustomerRecord::read(account, options, &side.options.words)
        };
        accounts.iter().map(read).collect()
    }

    /// The subscriptions, assets and bundles.
    pub(super) fn purchases(&self, side: &Side) -> Vec<PurchaseRecord> {
        let words = &side.options.words;
        let subscriptions = self
            .subscriptions
            .done()
            .unwrap_or_default()
            .iter()
            .map(|row| {
                let whole = self.whole.as_ref().and_then(|all| all.get(&row.id));
                let add_ons = self.add_ons.as_ref().and_then(|all| all.get(&row.id));
                let add_ons = add_ons.map_or(&[][..], Vec::as_slice);
                PurchaseRecord::of_subscription(whole.unwrap_or(row), add_ons, words)
            });
        let assets = self.assets.done().unwrap_or_default().iter();
        let bundles = self.bundles.done().unwrap_or_default().iter();
        subscriptions
            .chain(assets.map(|one| PurchaseRecord::of_asset(one, words)))
            .chain(bundles.map(|one| PurchaseRecord::of_bundle(one, words)))
            .collect()
    }

    /// The orders.
    pub(super) fn orders(&self) -> &[Held] {
        self.orders.done().unwrap_or_default()
    }

    /// What the next look may use again.
    pub(super) fn remembered(&self) -> Known {
        let or_before = |before: &Known| before.clone();
        let mut kept = or_before(&self.remembered);
        if let Some(options) = &self.options {
            kept.options = options.remembered();
        }
        if let Some(whole) = &self.whole {
            kept.whole = whole.remembered();
        }
        if let Some(add_ons) = &self.add_ons {
            kept.add_ons = add_ons.remembered();
        }
        kept
    }
}

fn without_bundles(error: BssError) -> BssError {
    if let BssError::NotFound { .. } = error {
        return BssError::Refused {
            detail: "this BSS has no /api/bundles, so that a bundle would not be seen: if no customer has \
                     one, set interworks.bundles to None in the connection"
                .to_owned(),
        };
    }
    error
}
