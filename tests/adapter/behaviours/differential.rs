//! The two against each other: the same random acts and requests on the simulated BSS and on the
//! sandbox, one by one, with the same switches; every answer and everything that can be seen
//! afterwards must be the same. What the named behaviours forgot, this finds.

use std::fmt::Write as _;

use super::sandbox::OverHttp;
use super::scene::{Scene, window};
use super::simulated::Simulated;
use super::{Stage, Turn};
use crate::asked;
use support::simulated_bss::{Action, Pick, TenantVerb};
use tenant_reseller_operator::bss::port::{
    Bss, CheckTarget, CopyItem, CopyListing, CopyRecord, Customer, Digest, Epoch, ItemOutcome,
    Keys, Mark, PricingOutcome, PricingState, Purchase, ResellerKind, Revision, SourceId, Strength,
    WriteOperation,
};
use tenant_reseller_operator::bss::{BssError, BssResult};

const SEEDS: u64 = 6;
const STEPS: usize = 60;
const CUSTOMERS: usize = 3;
const PURCHASES: usize = 6;

/// A small generator of its own, so that a seed means the same for ever.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// What is done next, by the numbers of customers and purchases.
#[derive(Clone, Debug)]
enum Step {
    Buy(usize),
    Hold(usize),
    Finish,
    CancelOrders,
    /// Which of the acts on a purchase, which purchase, and a quantity.
    OnPurchase(usize, usize, u32),
    /// The source changes, and its copy is asked to follow.
    Follow(usize, u32),
    /// Which of the acts on a customer, and which customer.
    OnCustomer(usize, usize),
    Ordering(bool),
    Tenant(usize),
    Turn(usize),
    ByHand(usize),
    CopyCustomer(usize, Expects),
    CopyPurchase(usize, Expects),
    SetPricing(usize),
    Check(usize),
    Activate(usize, bool),
    Acquire(bool),
    Create(usize),
}

/// What a copy request expects.
#[derive(Clone, Copy, Debug)]
struct Expects {
    stale_source: bool,
    /// None, the copy as it is, something else.
    copy: usize,
    stale_pricing: bool,
    others_key: bool,
}

fn step(dice: &mut Dice) -> Step {
    let (customer, purchase) = (dice.below(CUSTOMERS), dice.below(PURCHASES));
    let expects = Expects {
        stale_source: dice.below(8) == 0,
        copy: dice.below(4),
        stale_pricing: dice.below(8) == 0,
        others_key: dice.below(12) == 0,
    };
    match dice.below(48) {
        0..=2 => Step::Buy(customer),
        3 => Step::Hold(customer),
        4 => Step::Finish,
        5 => Step::CancelOrders,
        6..=15 => {
            let quantity = u32::try_from(dice.below(3)).unwrap() + 1;
            Step::OnPurchase(dice.below(9), purchase, quantity)
        }
        16..=17 => Step::Follow(purchase, u32::try_from(dice.below(3)).unwrap() + 1),
        18..=19 => Step::OnCustomer(dice.below(8), customer),
        20 => Step::Ordering(dice.below(4) > 0),
        21 => Step::Tenant(dice.below(4)),
        22 => Step::Turn(dice.below(12)),
        23 => Step::ByHand(dice.below(5)),
        24..=27 => Step::CopyCustomer(customer, expects),
        28..=40 => Step::CopyPurchase(purchase, expects),
        41..=42 => Step::SetPricing(customer),
        43 => Step::Check(purchase),
        44 => Step::Activate(dice.below(3), dice.below(3) > 0),
        45 => Step::Acquire(dice.below(6) > 0),
        _ => Step::Create(dice.below(3)),
    }
}

/// What a careful client expects of what it never copied, and of what it did.
const HONEST: Expects = Expects {
    stale_source: false,
    copy: 0,
    stale_pricing: false,
    others_key: false,
};
const HONEST_UPDATE: Expects = Expects { copy: 1, ..HONEST };

/// One of the two, with what it calls the customers and purchases.
struct Side<'a, S: Stage> {
    scene: Scene<'a, S>,
    customers: Vec<Customer>,
    /// In the order in which they came, as they were first seen.
    purchases: Vec<Purchase>,
    held: usize,
    revision: Option<Revision>,
}

fn said<T: std::fmt::Debug>(answer: BssResult<T>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(BssError::Blocked(tallies)) => {
            let tallies = tallies.iter().map(|tally| (tally.reason, tally.count));
            format!("Blocked {:?}", tallies.collect::<Vec<_>>())
        }
        Err(BssError::StaleEpoch { highest }) => format!("StaleEpoch {highest}"),
        Err(error) => error.class().to_owned(),
    }
}

fn outcome(answer: BssResult<ItemOutcome>) -> String {
    said(answer.map(|outcome| match outcome {
        ItemOutcome::Blocked(reasons) => {
            let reasons: Vec<_> = reasons.iter().map(|each| each.reason).collect();
            format!("Blocked {reasons:?}")
        }
        ItemOutcome::Failed { class, .. } => format!("Failed {class}"),
        other => other.word().to_owned(),
    }))
}

impl<'a, S: Stage> Side<'a, S> {
    async fn new(stage: &'a S) -> Self {
        let mut scene = Scene::with_tenant(stage).await;
        scene.limit = 500;
        let mut customers = scene.customers().await;
        customers.truncate(CUSTOMERS);
        let revision = scene.revision().await;
        Self {
            scene,
            customers,
            purchases: Vec::new(),
            held: 0,
            revision,
        }
    }

    /// Three purchases, and everything is copied.
    async fn prepares(&mut self) {
        for customer in 0..CUSTOMERS {
            self.does(&Step::Buy(customer)).await;
        }
        for customer in 0..CUSTOMERS {
            self.copies_customer(customer, HONEST).await;
        }
        self.acts(Action::Price(None)).await;
        for purchase in 0..CUSTOMERS {
            self.copies_purchase(purchase, HONEST).await;
        }
        self.revision = self.scene.revision().await;
    }

    async fn does(&mut self, step: &Step) -> String {
        match step {
            Step::Buy(customer) => {
                let id = self.customers[*customer].id.clone();
                self.buys(Action::Buy(id)).await
            }
            Step::Hold(customer) => {
                let id = self.customers[*customer].id.clone();
                let done = self.acts(Action::BuyHeld(id)).await;
                self.held += usize::from(done == "done");
                done
            }
            Step::Finish if self.held == 1 => {
                self.held = 0;
                self.buys(Action::FinishOrders).await
            }
            Step::Finish | Step::CancelOrders => {
                self.held = 0;
                self.acts(Action::CancelOrders).await
            }
            Step::OnPurchase(act, purchase, quantity) => {
                let Some(purchase) = self.nth(*purchase) else {
                    return String::new();
                };
                let id = purchase.id.clone();
                self.acts(match act {
                    0 => Action::Cancel(id),
                    1 => Action::Suspend(id),
                    2 => Action::Resume(id),
                    3..=5 => Action::Quantity(id, *quantity),
                    6 => Action::StaffCancels(id),
                    7 => Action::AmendQuantity(id, *quantity),
                    _ => Action::EndCopy(id),
                })
                .await
            }
            Step::Follow(purchase, quantity) => {
                let Some(known) = self.nth(*purchase) else {
                    return String::new();
                };
                let act = self
                    .acts(Action::Quantity(known.id.clone(), *quantity))
                    .await;
                let copy = self.copies_purchase(*purchase, HONEST_UPDATE).await;
                format!("{act}, {copy}")
            }
            Step::OnCustomer(act, customer) => {
                let id = self.customers[*customer].id.clone();
                self.acts(match act {
                    0 => Action::BillTo(id, "10777".into()),
                    1 | 2 => Action::BillTo(id, "10423".into()),
                    3 => Action::Sync(id, false),
                    4 => Action::Sync(id, true),
                    5 => Action::PriceOtherwise(Some(id)),
                    6 => Action::PricePartly(id),
                    _ => Action::RemovePricing(Some(id)),
                })
                .await
            }
            Step::Ordering(_)
            | Step::Tenant(_)
            | Step::Turn(_)
            | Step::ByHand(_)
            | Step::CopyCustomer(..)
            | Step::CopyPurchase(..)
            | Step::SetPricing(_)
            | Step::Check(_)
            | Step::Activate(..)
            | Step::Acquire(_)
            | Step::Create(_) => self.asks_for(step).await,
        }
    }

    async fn asks_for(&mut self, step: &Step) -> String {
        match step {
            Step::Ordering(enabled) => self.acts(Action::Ordering(*enabled)).await,
            Step::Tenant(verb) => {
                let verb = if *verb == 0 {
                    TenantVerb::Suspend
                } else {
                    TenantVerb::Resume
                };
                self.acts(Action::Tenant(verb)).await
            }
            Step::Turn(turn) => {
                let form = |strong: bool| {
                    if strong {
                        Strength::Strong
                    } else {
                        Strength::Weak
                    }
                };
                let turn = match turn {
                    0..=2 => Turn::Keys(Keys::Unique),
                    3 => Turn::Keys(Keys::Findable),
                    4 => Turn::Keys(Keys::None),
                    5..=6 => Turn::Compares(form(turn % 2 == 0)),
                    7..=8 => Turn::OffGuard(form(turn % 2 == 0)),
                    9..=10 => Turn::Orders(form(turn % 2 == 0)),
                    _ => Turn::MarksLater,
                };
                self.scene.turn(turn).await;
                String::new()
            }
            Step::ByHand(step) => {
                let step = WriteOperation::ALL[*step];
                let done = self.acts(Action::ByHand(step, Pick::Again)).await;
                // A batch of a person's ends with what the screen said last, on one side only.
                match step {
                    WriteOperation::CreateTenant | WriteOperation::ActivateBackOrdering => done,
                    _ => String::new(),
                }
            }
            Step::CopyCustomer(customer, expects) => {
                self.copies_customer(*customer, *expects).await
            }
            Step::CopyPurchase(purchase, expects) => {
                self.copies_purchase(*purchase, *expects).await
            }
            Step::SetPricing(customer) => {
                let answer = self.scene.prices(&self.customers[*customer].id).await;
                said(answer.map(|outcome| match outcome {
                    // Its words are each side's own.
                    PricingOutcome::Failed(_) => PricingOutcome::Failed(String::new()),
                    other => other,
                }))
            }
            Step::Check(purchase) => self.checks(*purchase).await,
            Step::Activate(request, current) => {
                let now = self.scene.revision().await;
                let expected = now.map(|now| Revision(now.0 - u64::from(!current)));
                // The revision's number is each side's own.
                said(
                    self.scene
                        .activates(&format!("a{request} {current}"), expected)
                        .await,
                )
            }
            Step::Acquire(used) => {
                let issued = self
                    .scene
                    .bss()
                    .acquire_epoch(&self.scene.account, asked("us", None))
                    .await;
                self.scene.epoch = issued.as_ref().ok().filter(|_| *used).map_or_else(
                    || self.scene.epoch.map(|epoch| Epoch(epoch.0.max(1))),
                    |issued| Some(issued.epoch),
                );
                said(issued.map(|issued| issued.epoch))
            }
            Step::Create(request) => {
                let made = self.scene.creates(&format!("c{request}"), "k/tenant").await;
                said(made.map(|_| "made"))
            }
            _ => String::new(),
        }
    }

    /// A purchase, if there is one at all.
    fn nth(&self, number: usize) -> Option<&Purchase> {
        let some = self.purchases.len().max(1);
        self.purchases.get(number % some)
    }

    async fn acts(&self, action: Action) -> String {
        match self.scene.stage.act(action).await {
            Ok(()) => "done".to_owned(),
            Err(_) => "refused".to_owned(),
        }
    }

    /// An act that brings one new purchase.
    async fn buys(&mut self, action: Action) -> String {
        if self.purchases.len() >= PURCHASES && matches!(action, Action::Buy(_)) {
            return String::new();
        }
        let before = self.scene.purchases().await;
        let done = self.acts(action).await;
        let after = self.scene.purchases().await.into_iter();
        let new = after.filter(|each| before.iter().all(|other| other.id != each.id));
        self.purchases.extend(new);
        done
    }

    fn key_of(id: &SourceId, expects: Expects) -> String {
        if expects.others_key {
            "k/tenant".to_owned()
        } else {
            format!("k/{id}")
        }
    }

    async fn first_copy(&self, id: &SourceId, expects: Expects) -> Option<Digest> {
        match expects.copy {
            0 => None,
            1 | 2 => self
                .scene
                .copies_of(id)
                .await
                .first()
                .map(|copy| copy.digest.clone()),
            _ => Some("other".into()),
        }
    }

    async fn copies_customer(&self, customer: usize, expects: Expects) -> String {
        // A customer that was moved is asked for as it was.
        let known = &self.customers[customer];
        let now = self
            .scene
            .customers()
            .await
            .into_iter()
            .find(|each| each.id == known.id);
        let mut item = self
            .scene
            .customer_item(&now.unwrap_or_else(|| known.clone()));
        item.key = Self::key_of(&known.id, expects).into();
        item.expected_copy = self.first_copy(&known.id, expects).await;
        self.asks(item, expects).await
    }

    async fn copies_purchase(&self, purchase: usize, expects: Expects) -> String {
        let Some(known) = self.nth(purchase) else {
            return String::new();
        };
        let now = self
            .scene
            .purchases()
            .await
            .into_iter()
            .find(|each| each.id == known.id);
        let mut item = self.scene.item(&now.unwrap_or_else(|| known.clone())).await;
        item.key = Self::key_of(&known.id, expects).into();
        item.expected_copy = self.first_copy(&known.id, expects).await;
        if expects.stale_pricing {
            item.pricing = Some("other".into());
        }
        self.asks(item, expects).await
    }

    async fn asks(&self, mut item: CopyItem, expects: Expects) -> String {
        if expects.stale_source {
            item.expected_source = "other".into();
        }
        outcome(self.scene.try_copy(item).await)
    }

    async fn checks(&self, purchase: usize) -> String {
        let Some(known) = self.nth(purchase) else {
            return String::new();
        };
        let target = CheckTarget::Tenant(self.scene.tenant.clone());
        let ids = [known.id.clone()];
        let found = self
            .scene
            .bss()
            .check_purchases(&self.scene.account, &target, &ids)
            .await;
        said(found.map(|mut found| {
            let reasons = found.remove(&known.id)?;
            let names = reasons.into_iter().map(|each| each.reason);
            Some(names.collect::<Vec<_>>())
        }))
    }

    /// Everything that can be seen of what is tracked.
    async fn sees(&mut self) -> String {
        let mut seen = String::new();
        let scene = &self.scene;
        let reseller = scene.bss().get_reseller(&scene.account).await.unwrap();
        let tenant = scene
            .bss()
            .get_tenant(&scene.account)
            .await
            .unwrap()
            .unwrap();
        let orders = scene
            .bss()
            .list_open_orders(&scene.account, &window(None, 500))
            .await;
        let now = scene.revision().await;
        let basic = reseller.kind == ResellerKind::Basic;
        let open = said(orders.map(|page| page.items.len()));
        let (on, status) = (reseller.back_ordering, tenant.status);
        write!(seen, "basic {basic}, {on:?}, {status:?}, orders {open}").unwrap();
        writeln!(seen, ", moved {}", now != self.revision).unwrap();
        self.revision = now;
        let ids: Vec<SourceId> = self.customers.iter().map(|each| each.id.clone()).collect();
        let pricing = scene.bss().get_pricing(&scene.tenant, &ids).await.unwrap();
        let customers = scene.customers().await;
        let mut copies = scene.copies(CopyListing::Customers).await;
        copies.extend(scene.copies(CopyListing::Subscriptions).await);
        for (number, id) in ids.iter().enumerate() {
            let row = customers.iter().find(|each| each.id == *id);
            let priced = match &pricing[id] {
                PricingState::Set(_) => "set".to_owned(),
                PricingState::Unseen { .. } => "unseen".to_owned(),
                PricingState::Missing { name, options } => {
                    format!("missing {options:?}, named {}", name.is_some())
                }
            };
            let row = row.map(|row| (row.mark, row.sync, row.link.clone(), row.digest.clone()));
            let mark = row.as_ref().map(|row| (row.0 == Mark::Marked, row.1));
            let (link, digest) = row.map_or((None, None), |row| (row.2, Some(row.3)));
            let of = told(id, &copies, link.map(|link| link.1), digest.as_ref());
            writeln!(seen, "customer {number}: {mark:?}, {priced}, {of}").unwrap();
        }
        let purchases = scene.purchases().await;
        for (number, known) in self.purchases.iter().enumerate() {
            let row = purchases.iter().find(|each| each.id == known.id);
            let state = row.map(|row| (row.state.clone(), row.mark));
            let link = row.and_then(|row| row.link.clone()).map(|link| link.1);
            let of = told(&known.id, &copies, link, row.map(|row| &row.digest));
            writeln!(seen, "purchase {number}: {state:?}, {of}").unwrap();
        }
        seen
    }
}

/// The copies of a source, in words that both sides share.
fn told(
    id: &SourceId,
    copies: &[CopyRecord],
    link: Option<tenant_reseller_operator::bss::port::CopyId>,
    digest: Option<&Digest>,
) -> String {
    let own: Vec<&CopyRecord> = copies.iter().filter(|copy| copy.source == *id).collect();
    let linked = link.map(|link| own.iter().position(|copy| copy.id == link));
    let each = own.iter().map(|copy| {
        let like_source = digest.map(|digest| *digest == copy.digest);
        let as_copied = copy.source_digest.as_ref() == Some(&copy.digest);
        (
            copy.state.clone(),
            like_source,
            as_copied,
            copy.business_key.is_some(),
        )
    });
    format!("linked {linked:?}, copies {:?}", each.collect::<Vec<_>>())
}

#[tokio::test]
async fn the_two_answer_alike() {
    let mut answers = std::collections::BTreeMap::<String, u32>::new();
    for seed in 0..SEEDS {
        let (left, right) = (Simulated::small(), OverHttp::small().await);
        let (mut left, mut right) = (Side::new(&left).await, Side::new(&right).await);
        if seed % 2 == 1 {
            left.prepares().await;
            right.prepares().await;
        }
        let mut dice = Dice(seed * 7_919 + 17);
        let mut story = String::new();
        for number in 0..STEPS {
            let step = step(&mut dice);
            let (one, two) = (left.does(&step).await, right.does(&step).await);
            writeln!(story, "{number}: {step:?} -> {one}").unwrap();
            assert_eq!(one, two, "seed {seed}, left is the simulated one\n{story}");
            let (one_sees, two_sees) = (left.sees().await, right.sees().await);
            assert!(
                one_sees == two_sees,
                "seed {seed}\n{story}\nsimulated:\n{one_sees}\nsandbox:\n{two_sees}"
            );
            let kind = format!("{step:?}");
            let kind = kind.split(['(', ' ']).next().unwrap_or_default();
            *answers.entry(format!("{kind} -> {one}")).or_default() += 1;
        }
    }
    // The random acts reach what matters, else the test proves little.
    for needed in [
        "CopyCustomer -> \"Created\"",
        "CopyCustomer -> \"Conflict\"",
        "CopyPurchase -> \"Created\"",
        "Follow -> done, \"Updated\"",
        "CopyPurchase -> \"Unchanged\"",
        "CopyPurchase -> \"Conflict\"",
        "CopyPurchase -> StaleEpoch",
        "Activate -> Activated",
        "Activate -> Blocked",
        "SetPricing -> Written",
    ] {
        let reached = answers.keys().any(|answer| answer.starts_with(needed));
        assert!(reached, "{needed} was never reached: {answers:#?}");
    }
}
