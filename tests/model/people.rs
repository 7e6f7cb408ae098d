//! What people do at any moment: the reseller in the Storefront and in its own BSS, the staff of
//! both sides.

use tenant_reseller_operator::bss::port::{
    PurchaseState, SourceId, Strength, TenantStatus, WriteOperation,
};

use support::simulated_bss::{Action, Defect, Pick, TenantVerb, World};

/// Something that a person does, to the customer or purchase with this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Act {
    /// The Storefront: a subscription is bought, at once.
    Buy(u8),
    /// The Storefront: a subscription is cancelled.
    Cancel(u8),
    /// The Storefront: a subscription is suspended.
    Suspend(u8),
    /// The Storefront: it comes back.
    Resume(u8),
    /// The Storefront: its quantity changes.
    Change(u8),
    /// The Storefront: an order is accepted and stays pending.
    Order(u8),
    /// The pending orders become subscriptions.
    Fulfil,
    /// The reseller sets a customer's pricing options.
    Price(u8),
    /// The reseller sets other ones.
    Reprice(u8),
    /// The reseller takes them away.
    Unprice(u8),
    /// The reseller amends a copy's quantity, which belongs to the source.
    Amend(u8),
    /// The reseller ends a copy.
    End(u8),
    /// The reseller ends every copy without an active source.
    EndOrphans,
    /// The distributor's staff replaces the tenant.
    Replace,
    /// The distributor's staff deletes the tenant.
    Delete,
    /// The distributor's staff suspends the tenant, or makes it active again.
    SuspendTenant,
    /// The distributor's staff makes it active again.
    ResumeTenant,
    /// The queued creation of the tenant fails for good.
    FailCreation,
    /// The distributor's staff disables ordering.
    Freeze,
    /// The distributor's staff enables it again.
    Thaw,
    /// A subscription gets a defect that a check names.
    Defect(u8),
    /// The account of a subscription's owner falls out of sync.
    Unsync(u8),
    /// The distributor's staff repairs every defect.
    Repair,
    /// The distributor's staff does a manual step, all of it.
    ByHand(WriteOperation),
    /// The distributor's staff does the first record of a manual step.
    ByHandOne(WriteOperation),
}

impl Act {
    /// Does it; answers whether it could be done.
    pub(crate) fn done(self, world: &mut World) -> bool {
        match self {
            // An order that is complete at once, behind the same lock as any other.
            Self::Buy(n) => {
                if world.on || !world.ordering_enabled {
                    return false;
                }
                world.buy(u32::from(n));
                true
            }
            Self::Change(n) => {
                let Some(row) = world.purchases.get(&purchase(n)) else {
                    return false;
                };
                let active = row.state == PurchaseState::Active;
                let more = row.fields.quantity + 1;
                active && world.act(Action::Quantity(purchase(n), more)).is_ok()
            }
            Self::Amend(n) => world.act(Action::AmendQuantity(purchase(n), 77)).is_ok(),
            Self::Fulfil => !world.orders.is_empty() && world.act(Action::FinishOrders).is_ok(),
            Self::Cancel(n) => world.act(Action::Cancel(purchase(n))).is_ok(),
            Self::Suspend(n) => world.act(Action::Suspend(purchase(n))).is_ok(),
            Self::Resume(n) => world.act(Action::Resume(purchase(n))).is_ok(),
            // Where orders are not listed, a quiet time rests on it that none takes longer.
            Self::Order(n) if world.switches.promises.orders == Strength::Weak => {
                world.act(Action::Buy(customer(n))).is_ok()
            }
            Self::Order(n) => world.act(Action::BuyHeld(customer(n))).is_ok(),
            Self::Price(n) => world.act(Action::Price(Some(customer(n)))).is_ok(),
            Self::Reprice(n) => world.act(Action::PriceOtherwise(Some(customer(n)))).is_ok(),
            Self::Unprice(n) => world.act(Action::RemovePricing(Some(customer(n)))).is_ok(),
            Self::End(n) => world.act(Action::EndCopy(purchase(n))).is_ok(),
            Self::EndOrphans => world.act(Action::EndOrphans).is_ok(),
            Self::Replace => {
                is_active(world)
                    && !world.on
                    && world.act(Action::Tenant(TenantVerb::Replace)).is_ok()
            }
            Self::Delete => {
                is_in_use(world)
                    && !world.on
                    && world.act(Action::Tenant(TenantVerb::Delete)).is_ok()
            }
            Self::SuspendTenant => world.act(Action::Tenant(TenantVerb::Suspend)).is_ok(),
            Self::ResumeTenant => world.act(Action::Tenant(TenantVerb::Resume)).is_ok(),
            Self::FailCreation => world.act(Action::Tenant(TenantVerb::FailCreation)).is_ok(),
            Self::Freeze => world.act(Action::Ordering(false)).is_ok(),
            Self::Thaw => world.act(Action::Ordering(true)).is_ok(),
            // What a vendor renames after the switch is not the upgrade's affair any more.
            Self::Defect(_) | Self::Unsync(_) if world.on => false,
            Self::Defect(n) => world
                .act(Action::Plant(Defect::Product, purchase(n)))
                .is_ok(),
            Self::Unsync(n) => world.act(Action::Plant(Defect::Sync, purchase(n))).is_ok(),
            Self::Repair => world.act(Action::Repair).is_ok(),
            Self::ByHand(step) => world.act(Action::ByHand(step, Pick::Needed)).is_ok(),
            Self::ByHandOne(step) => world.act(Action::ByHand(step, Pick::One)).is_ok(),
        }
    }
}

/// A tenant that nobody has used yet may be deleted too: then the BSS goes on saying that its
/// creation ended well, and the operator goes on looking for it. That is not covered here.
fn is_in_use(world: &World) -> bool {
    is_active(world) && !world.copies.is_empty()
}

fn is_active(world: &World) -> bool {
    world
        .live_tenant()
        .is_some_and(|row| row.tenant.status == TenantStatus::Active)
}

pub(crate) fn customer(n: u8) -> SourceId {
    SourceId(format!("c{n:03}"))
}

/// The ids of purchases are scattered, as the world makes them.
pub(crate) fn purchase(n: u8) -> SourceId {
    let scattered = (u64::from(n) * 36_787 + 12_577) % 100_000;
    SourceId(format!("p{scattered:05}"))
}
