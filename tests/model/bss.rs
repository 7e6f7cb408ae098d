//! The calls of the operator, carried to the simulated BSS, and the BSS's clock.

use std::time::Duration;

use tenant_reseller_operator::bss::error::BssError;
use tenant_reseller_operator::bss::port::{
    AccountId, Acquisition, ActivationTarget, Epoch, TenantId,
};

use crate::calls::{Answer, Call, Reply};
use crate::operator::NOW;
use support::simulated_bss::{RESELLER, World};

/// Under this name the operator's installation acquires.
pub(crate) const INSTALLATION: &str = "cluster";

/// A call takes effect.
pub(crate) fn call(
    world: &mut World,
    call: &Call,
    (epoch, tenant): (Option<Epoch>, Option<&TenantId>),
) -> Reply {
    let account = &AccountId::from(RESELLER);
    let none = TenantId::from("none");
    let tenant = tenant.unwrap_or(&none);
    Ok(match call {
        Call::Identity => Answer::Identity(world.identity()?),
        Call::Capabilities => Answer::Capabilities(world.capabilities()?),
        Call::Reseller => Answer::Reseller(world.reseller(account)?),
        Call::Tenant => Answer::Tenant(world.tenant(account)?),
        Call::Operation(id) => Answer::Operation(world.operation(id)?),
        Call::OpenOrders(page) => Answer::OpenOrders(world.open_orders(account, page)?),
        Call::Customers(page) => Answer::Customers(world.customers(account, page)?),
        Call::Purchases(page) => Answer::Purchases(world.subscriptions(account, page)?),
        Call::Copies(listing, page) => Answer::Copies(world.copies(tenant, *listing, page)?),
        Call::Find(keys) => Answer::Found(world.find(tenant, keys)?),
        Call::Pricing(ids) => Answer::Pricing(world.pricing(tenant, ids)?),
        Call::Check(target, ids) => Answer::Checked(world.check(account, target, ids)?),
        Call::Acquire(id) => {
            let asked = Acquisition {
                id,
                holder: INSTALLATION,
                take_over: None,
            };
            Answer::Acquired(world.acquire(account, asked)?)
        }
        Call::CreateTenant(create) => Answer::Requested(world.create_tenant(
            account,
            epoch,
            &create.request,
            &create.key,
            &create.settings,
        )?),
        Call::CopyCustomers(items) => Answer::Copied(world.copy_customers(epoch, tenant, items)?),
        Call::CopySubscriptions(items) => {
            Answer::Copied(world.copy_subscriptions(epoch, tenant, items)?)
        }
        Call::SetPricing(options) => Answer::Priced(world.set_pricing(epoch, tenant, options)?),
        Call::Activate(activate) => {
            let target = ActivationTarget {
                tenant: activate.tenant(),
                expected: activate.sweep().revision(),
            };
            Answer::Activated(world.activate_back_ordering(
                account,
                epoch,
                activate.request(),
                activate.key(),
                target,
            )?)
        }
    })
}

/// What the sender of a call sees whose reply is lost.
pub(crate) fn lost() -> Reply {
    Err(BssError::OutcomeUnknown {
        detail: "reply lost".to_owned(),
    })
}

/// What the sender of a call sees that never got there.
pub(crate) fn unavailable() -> Reply {
    Err(BssError::Unavailable {
        detail: "away".to_owned(),
    })
}

/// Time passes at the BSS: what is due in the future comes nearer, what is past is just that.
pub(crate) fn later(world: &mut World, by: Duration) {
    let nearer = |at: &mut Duration| {
        *at = at.saturating_sub(by);
        if *at <= NOW {
            *at = Duration::ZERO;
        }
    };
    for row in world.tenants.values_mut() {
        row.ready.as_mut().map(nearer);
        row.made = row.made.saturating_sub(by);
    }
    for row in world.orders.values_mut() {
        row.ready.as_mut().map(nearer);
    }
    for row in world.customers.values_mut() {
        row.mark_due.as_mut().map(nearer);
    }
    for row in world.copies.values_mut() {
        row.made = row.made.saturating_sub(by);
    }
    world.settle();
}
