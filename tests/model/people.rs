//! What people do at any moment: the reseller in the Storefront and in its own BSS, the staff of
//! both sides.

use tenant_reseller_operator::bss::port::{
    CopyState, Digest, PurchaseState, SourceId, TenantId, WriteOperation,
};

use crate::world::{Much, World};

/// Something that a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Act {
    /// The Storefront: a subscription is bought for this customer, at once.
    Buy(u8),
    /// The Storefront: a subscription is cancelled.
    Cancel(u8),
    /// The Storefront: its quantity changes.
    Change(u8),
    /// The Storefront: an order is accepted and stays pending.
    Order(u8),
    /// The pending order becomes a subscription.
    Fulfil,
    /// The reseller sets a customer's pricing options.
    Price(u8),
    /// The reseller takes them away again.
    Unprice(u8),
    /// The reseller amends a copy's source-owned fields.
    Amend(u8),
    /// The reseller ends a copy.
    End(u8),
    /// The distributor's staff replaces the tenant.
    Replace,
    /// The distributor's staff disables ordering.
    Freeze,
    /// The distributor's staff enables it again.
    Thaw,
    /// The distributor's staff does a manual step, all of it.
    ByHand(WriteOperation),
    /// The distributor's staff does the first record of a manual step.
    ByHandOne(WriteOperation),
}

impl Act {
    /// Whether it can be done as things are.
    pub(crate) fn possible(self, world: &World) -> bool {
        let purchase = |n: u8| world.purchases.get(&purchase(n));
        let active = |n| purchase(n).is_some_and(|p| p.state == PurchaseState::Active);
        let copied = |n: u8| {
            let source = self::purchase(n);
            let mut copies = world.copies.iter();
            copies.any(|(_, copy)| copy.source == source && copy.state == CopyState::Live)
        };
        match self {
            // Once the reseller is no Basic reseller any more, its Storefront is closed.
            Self::Buy(_) | Self::Order(_) => !world.on && world.ordering_enabled,
            Self::Cancel(n) | Self::Change(n) => !world.on && world.ordering_enabled && active(n),
            Self::Fulfil => !world.orders.is_empty(),
            Self::Price(n) => has_tenant(world) && !world.priced.contains(&customer(n)),
            Self::Unprice(n) => world.priced.contains(&customer(n)),
            Self::Amend(n) | Self::End(n) => copied(n),
            Self::Replace => has_tenant(world) && !world.on,
            Self::Freeze => world.ordering_enabled,
            Self::Thaw => !world.ordering_enabled,
            Self::ByHand(_) | Self::ByHandOne(_) => !world.on,
        }
    }

    pub(crate) fn done(self, world: &mut World) {
        match self {
            Self::Buy(n) => {
                world.buy(u32::from(n));
            }
            Self::Cancel(n) => world.set_state(&purchase(n), PurchaseState::Cancelled),
            Self::Change(n) => {
                world.revision += 1;
                let changed = world.purchases.get_mut(&purchase(n)).unwrap();
                changed.digest = Digest(format!("{}+", changed.digest));
            }
            Self::Order(n) => {
                world.revision += 1;
                world.orders.insert(format!("o-{n}"));
            }
            Self::Fulfil => {
                let order = world.orders.pop_first().unwrap();
                world.buy(order.trim_start_matches("o-").parse().unwrap());
            }
            Self::Price(n) => {
                world.priced.insert(customer(n));
            }
            Self::Unprice(n) => {
                world.priced.remove(&customer(n));
            }
            Self::Amend(n) => {
                world.revision += 1;
                let source = purchase(n);
                for (_, copy) in &mut world.copies {
                    if copy.source == source {
                        copy.digest = Digest(format!("{}!", copy.digest));
                    }
                }
            }
            Self::End(n) => {
                world.revision += 1;
                let source = purchase(n);
                for (_, copy) in &mut world.copies {
                    if copy.source == source {
                        copy.state = CopyState::Ended;
                    }
                }
            }
            Self::Replace => {
                world.revision += 1;
                world.copies.clear();
                if let Some((tenant, _)) = &mut world.tenant {
                    tenant.id = TenantId::from("T2");
                    tenant.business_key = None;
                }
            }
            Self::Freeze => {
                world.revision += 1;
                world.ordering_enabled = false;
            }
            Self::Thaw => {
                world.revision += 1;
                world.ordering_enabled = true;
            }
            Self::ByHand(operation) => world.by_hand(operation, Much::All),
            Self::ByHandOne(operation) => world.by_hand(operation, Much::One),
        }
    }
}

fn has_tenant(world: &World) -> bool {
    world.tenant.is_some()
}

pub(crate) fn customer(n: u8) -> SourceId {
    SourceId(format!("c{n:03}"))
}

pub(crate) fn purchase(n: u8) -> SourceId {
    SourceId(format!("p{n:03}"))
}
