//! The small worlds of the model check, and which pairs of things that go wrong each covers.

#![allow(clippy::too_many_lines, reason = "a table is as long as it is")]

use tenant_reseller_operator::api::Risk;
use tenant_reseller_operator::bss::port::{Keys, Mode, Promises, Strength, WriteOperation};
use tenant_reseller_operator::upgrade::Stage;

use crate::configurations::{Configuration, STRONG};
use crate::people::Act;

const WEAK: Strength = Strength::Weak;

/// Every small world.
pub(crate) fn every() -> Vec<Configuration> {
    let mut all = with_all_promises();
    all.extend(two_leaders());
    all.extend(restores());
    all.extend(by_hand());
    all.extend(weak());
    all
}

fn acts(acts: &[Act]) -> Vec<(Act, u8)> {
    acts.iter().map(|act| (*act, 1)).collect()
}

/// Every kind of purchase and change in the Storefront, at customers and purchases that lie before
/// and behind what a page ends with.
fn storefront() -> Vec<(Act, u8)> {
    acts(&[
        Act::Buy(0),
        Act::Buy(1),
        Act::Cancel(0),
        Act::Cancel(2),
        Act::Change(1),
        Act::Order(1),
    ])
}

fn with_all_promises() -> Vec<Configuration> {
    let new = Configuration::new;
    vec![
        new("nothing goes wrong"),
        Configuration {
            crashes: 1,
            lost: 1,
            customers: 1,
            purchases: 2,
            batch: 1,
            page: 4,
            ..new("a crash and a lost reply, each request as late as it likes")
        },
        Configuration {
            crashes: 1,
            lost: 1,
            long: true,
            ..new("a crash and a lost reply, and sweeps of several pages")
        },
        Configuration {
            acts: acts(&[Act::Buy(0), Act::Cancel(0), Act::Change(0), Act::Order(0)]),
            acts_in_all: 2,
            customers: 1,
            purchases: 1,
            page: 4,
            ..new("the Storefront acts twice")
        },
        Configuration {
            acts: storefront(),
            acts_in_all: 2,
            long: true,
            ..new("the Storefront acts twice, and sweeps of several pages")
        },
        Configuration {
            acts: storefront(),
            acts_in_all: 3,
            purchases: 1,
            page: 4,
            from: Stage::FinalPurchases,
            long: true,
            ..new("the Storefront acts three times around the switch")
        },
        Configuration {
            acts: storefront(),
            acts_in_all: 1,
            crashes: 1,
            page: 4,
            long: true,
            ..new("the Storefront acts once, and a crash")
        },
        Configuration {
            acts: storefront(),
            acts_in_all: 1,
            lost: 1,
            page: 4,
            long: true,
            ..new("the Storefront acts once, and a reply is lost")
        },
        Configuration {
            acts: acts(&[Act::Buy(0), Act::Cancel(0), Act::Order(0)]),
            acts_in_all: 1,
            crashes: 1,
            lost: 1,
            customers: 1,
            purchases: 1,
            page: 4,
            from: Stage::FinalPurchases,
            long: true,
            ..new("the Storefront acts once around the switch, a crash and a lost reply")
        },
        Configuration {
            acts: acts(&[
                Act::Suspend(0),
                Act::Resume(0),
                Act::Defect(1),
                Act::Unsync(2),
                Act::Repair,
            ]),
            acts_in_all: 3,
            purchases: 2,
            page: 4,
            long: true,
            ..new("subscriptions are suspended and resumed; defects come and are repaired")
        },
        Configuration {
            acts: acts(&[Act::Defect(0), Act::Unsync(1), Act::Repair]),
            acts_in_all: 2,
            customers: 1,
            purchases: 2,
            page: 4,
            ..new("defects come and are repaired")
        },
        Configuration {
            priced: false,
            acts: vec![
                (Act::Price(0), 2),
                (Act::Price(1), 1),
                (Act::Reprice(0), 1),
                (Act::Unprice(0), 1),
            ],
            acts_in_all: 4,
            page: 4,
            ..new("the reseller sets pricing, changes its mind, takes it away")
        },
        Configuration {
            acts: acts(&[
                Act::Replace,
                Act::Delete,
                Act::SuspendTenant,
                Act::ResumeTenant,
                Act::FailCreation,
            ]),
            acts_in_all: 2,
            page: 4,
            ..new("the tenant fails, is suspended, deleted, replaced")
        },
        Configuration {
            acts: acts(&[Act::Replace]),
            crashes: 1,
            lost: 1,
            customers: 1,
            purchases: 1,
            page: 4,
            long: true,
            ..new("the tenant is replaced, a crash and a lost reply")
        },
        Configuration {
            acts: acts(&[
                Act::Amend(0),
                Act::End(0),
                Act::Cancel(0),
                Act::Change(0),
                Act::EndOrphans,
            ]),
            acts_in_all: 3,
            purchases: 2,
            page: 4,
            from: Stage::Copy,
            ..new("the reseller amends and ends copies while their sources change")
        },
        Configuration {
            held: true,
            ..new("another cluster holds the reseller")
        },
    ]
}

/// The cluster's state goes back to a snapshot of any moment, at any later one.
fn restores() -> Vec<Configuration> {
    let new = |name| Configuration {
        restores: 1,
        customers: 1,
        purchases: 1,
        page: 4,
        ..Configuration::new(name)
    };
    vec![
        new("the cluster goes back"),
        Configuration {
            crashes: 1,
            ..new("the cluster goes back, and a crash")
        },
        Configuration {
            crashes: 1,
            lost: 1,
            horizon: Stage::Customers,
            long: true,
            ..new("the cluster goes back, a crash and a lost reply")
        },
        Configuration {
            leaders: 1,
            horizon: Stage::Opening,
            long: true,
            ..new("the cluster goes back while two leaders are at once, up to the tenant")
        },
        Configuration {
            leaders: 1,
            from: Stage::FinalPurchases,
            long: true,
            ..new("the cluster goes back while two leaders are at once, at the switch")
        },
    ]
}

fn two_leaders() -> Vec<Configuration> {
    let new = |name| Configuration {
        leaders: 1,
        customers: 1,
        purchases: 1,
        page: 4,
        ..Configuration::new(name)
    };
    vec![
        Configuration {
            horizon: Stage::Opening,
            long: true,
            ..new("two leaders at once, up to the tenant")
        },
        Configuration {
            from: Stage::Customers,
            purchases: 2,
            batch: 1,
            long: true,
            ..new("two leaders at once, from the copying of customers on")
        },
        Configuration {
            from: Stage::Copy,
            ..new("two leaders at once, from the copying of subscriptions on")
        },
        Configuration {
            from: Stage::FinalPurchases,
            acts: acts(&[Act::Buy(0), Act::Cancel(0)]),
            acts_in_all: 1,
            long: true,
            ..new("two leaders at once at the switch, and the Storefront")
        },
        Configuration {
            from: Stage::FinalPurchases,
            lost: 1,
            long: true,
            ..new("two leaders at once at the switch, and a lost reply")
        },
    ]
}

fn by_hand() -> Vec<Configuration> {
    use WriteOperation::{
        ActivateBackOrdering, CopyCustomers, CopySubscriptions, CreateTenant, SetPricing,
    };
    let new = |name| Configuration {
        purchases: 2,
        page: 4,
        ..Configuration::new(name)
    };
    vec![
        Configuration {
            by_hand: &[CreateTenant],
            acts: acts(&[Act::ByHand(CreateTenant)]),
            crashes: 1,
            ..new("people create the tenant")
        },
        Configuration {
            by_hand: &[CopyCustomers],
            acts: acts(&[Act::ByHandOne(CopyCustomers), Act::ByHand(CopyCustomers)]),
            crashes: 1,
            ..new("people copy the customers")
        },
        Configuration {
            by_hand: &[CopySubscriptions],
            acts: acts(&[
                Act::ByHandOne(CopySubscriptions),
                Act::ByHand(CopySubscriptions),
                Act::Buy(0),
            ]),
            ..new("people copy the subscriptions, and the Storefront buys")
        },
        Configuration {
            by_hand: &[SetPricing],
            priced: false,
            acts: acts(&[Act::Price(0), Act::Price(1)]),
            ..new("people set pricing")
        },
        Configuration {
            by_hand: &[ActivateBackOrdering],
            acts: acts(&[Act::Freeze, Act::ByHand(ActivateBackOrdering), Act::Buy(0)]),
            crashes: 1,
            purchases: 1,
            ..new(
                "people disable ordering and press the switch, at any moment; the Storefront buys",
            )
        },
        Configuration {
            by_hand: &[ActivateBackOrdering],
            copies: Mode::WithSwitch,
            acts: acts(&[
                Act::Freeze,
                Act::ByHandOne(ActivateBackOrdering),
                Act::ByHand(ActivateBackOrdering),
                Act::Buy(0),
            ]),
            crashes: 1,
            ..new("one button copies and switches, at any moment and half way; the Storefront buys")
        },
        Configuration {
            by_hand: &[ActivateBackOrdering],
            copies: Mode::WithSwitch,
            acts: acts(&[
                Act::Freeze,
                Act::ByHand(ActivateBackOrdering),
                Act::Order(0),
                Act::Fulfil,
                Act::Reprice(0),
            ]),
            purchases: 1,
            ..new("one button copies and switches; orders and other prices meanwhile")
        },
    ]
}

fn weak() -> Vec<Configuration> {
    let new = |name, promises| Configuration {
        promises,
        purchases: 2,
        page: 4,
        ..Configuration::new(name)
    };
    let findable = Promises {
        keys: Keys::Findable,
        ..STRONG
    };
    let unfenced = Promises {
        epochs: WEAK,
        ..STRONG
    };
    let restless = Promises {
        revision: WEAK,
        ..STRONG
    };
    let blind_switch = Promises {
        compares: WEAK,
        ..STRONG
    };
    let blind_orders = Promises {
        orders: WEAK,
        ..STRONG
    };
    let unguarded = Promises {
        off_guard: WEAK,
        ..STRONG
    };
    vec![
        Configuration {
            crashes: 1,
            lost: 1,
            customers: 1,
            purchases: 1,
            ..new("keys are only findable: a crash and a lost reply", findable)
        },
        Configuration {
            promises: Promises {
                keys: Keys::None,
                ..STRONG
            },
            acts: acts(&[
                Act::ByHand(WriteOperation::CreateTenant),
                Act::ByHand(WriteOperation::CopyCustomers),
                Act::ByHand(WriteOperation::CopySubscriptions),
            ]),
            ..new("no keys: people make every record", STRONG)
        },
        Configuration {
            risks: &[Risk::SingleOperator],
            crashes: 1,
            lost: 1,
            customers: 1,
            purchases: 1,
            ..new(
                "no epochs, at the accepted risk: a crash and a lost reply",
                unfenced,
            )
        },
        Configuration {
            promises: Promises {
                epochs: WEAK,
                ..findable
            },
            risks: &[Risk::SingleOperator],
            crashes: 1,
            customers: 1,
            purchases: 1,
            ..new("no epochs and keys only findable: a crash", STRONG)
        },
        new("no epochs, and the risk is not accepted", unfenced),
        Configuration {
            acts: acts(&[Act::Buy(0), Act::Change(1), Act::Freeze, Act::Thaw]),
            acts_in_all: 2,
            ..new(
                "no revision: people disable ordering, and the Storefront acts",
                restless,
            )
        },
        Configuration {
            risks: &[Risk::UnguardedSwitch],
            acts: storefront(),
            acts_in_all: 1,
            ..new(
                "no revision, at the accepted risk of a switch that nobody guards",
                restless,
            )
        },
        Configuration {
            acts: acts(&[Act::Buy(0), Act::Order(1), Act::Freeze, Act::Thaw]),
            acts_in_all: 2,
            ..new(
                "the switch compares nothing: people disable ordering",
                blind_switch,
            )
        },
        Configuration {
            risks: &[Risk::UnguardedSwitch],
            acts: storefront(),
            acts_in_all: 1,
            ..new(
                "the switch compares nothing, at the accepted risk",
                blind_switch,
            )
        },
        Configuration {
            acts: acts(&[Act::Order(0), Act::Freeze, Act::Thaw]),
            ..new(
                "orders are not listed: people disable ordering",
                blind_orders,
            )
        },
        Configuration {
            risks: &[Risk::UnseenOrders],
            acts: acts(&[Act::Order(0)]),
            ..new("orders are not listed, at the accepted risk", blind_orders)
        },
        Configuration {
            crashes: 1,
            lost: 1,
            customers: 1,
            purchases: 1,
            ..new(
                "copies are not refused after the switch: a crash and a lost reply",
                unguarded,
            )
        },
    ]
}
