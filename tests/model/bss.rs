//! The calls of the operator, carried to the simulated BSS.

use tenant_reseller_operator::bss::error::BssError;
use tenant_reseller_operator::bss::port::{CopyListing, Epoch};

use crate::calls::{Answer, Call, Reply};
use crate::world::World;

/// A call takes effect. Without an epoch it is one of an operator that needs none.
pub(crate) fn call(world: &mut World, call: &Call, epoch: Option<Epoch>) -> Reply {
    let epoch = epoch.unwrap_or(Epoch(u64::MAX));
    Ok(match call {
        Call::Identity => Answer::Identity(Some("acme".to_owned())),
        Call::Capabilities => Answer::Capabilities(world.capabilities()),
        Call::Reseller => Answer::Reseller(world.reseller()),
        Call::Tenant => Answer::Tenant(world.tenant.as_ref().map(|(t, _)| t.clone())),
        Call::Operation(_) => Answer::Operation(world.operation()),
        Call::OpenOrders(page) => Answer::OpenOrders(world.open_orders(page)),
        Call::Customers(page) => Answer::Customers(world.customers(page)),
        Call::Purchases(page) => Answer::Purchases(world.purchases(page)),
        Call::Copies(listing, page) => {
            Answer::Copies(world.copies(*listing == CopyListing::Customers, page))
        }
        Call::Find(keys) => Answer::Found(world.find(keys)),
        Call::Pricing(ids) => Answer::Pricing(world.pricing(ids)),
        Call::Check(_, ids) => Answer::Checked(world.check(ids)),
        Call::Acquire => Answer::Acquired(world.acquire()),
        Call::CreateTenant(create) => {
            Answer::Requested(world.create_tenant(epoch, &create.key, &create.settings)?)
        }
        Call::CopyCustomers(items) | Call::CopySubscriptions(items) => {
            Answer::Copied(world.copy(epoch, items)?)
        }
        Call::SetPricing(options) => {
            Answer::Priced(world.set_pricing(options.keys().cloned().collect())?)
        }
        Call::Activate(activate) => {
            Answer::Activated(world.activate(epoch, activate.sweep().revision())?)
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

/// Time passes at the BSS.
pub(crate) fn later(world: &mut World, _by: std::time::Duration) {
    world.tick();
}
