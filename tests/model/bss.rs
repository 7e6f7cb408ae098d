//! The BSS's clock.

use std::time::Duration;

use crate::operator::NOW;
use support::simulated_bss::World;

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
