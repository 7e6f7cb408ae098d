//! One suite of behaviours for every BSS that the project tests against, through the port: the
//! simulated one in memory and the sandbox over HTTP. Each switch that either has is in it, so that
//! the simulated BSS cannot be kinder than the sandbox without a test that fails.
//!
//! A behaviour knows a [`Stage`] and nothing of what is behind it.

mod copies;
#[cfg(feature = "sandbox")]
mod differential;
mod listings;
mod people;
#[cfg(feature = "sandbox")]
mod sandbox;
mod scene;
mod simulated;
mod subscriptions;
mod switch;
mod tenants;

use std::collections::BTreeSet;

use support::simulated_bss::Action;
use tenant_reseller_operator::bss::port::{
    Bss, Keys, Mode, SourceId, Strength, TenantSettings, WriteOperation,
};

/// One switch, turned.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn {
    Keys(Keys),
    Epochs(Strength),
    Revision(Strength),
    Compares(Strength),
    Orders(Strength),
    OffGuard(Strength),
    Mode(WriteOperation, Mode),
    /// A refusal is given again under its request key.
    ReplayedRefusals(bool),
    /// Request keys are known no longer, from now on.
    KeysForgotten,
    /// What is new from now on cannot be seen; or everything can.
    Lag(bool),
    /// The mark comes in a second step.
    MarksLater,
    OffsetPaging(bool),
    /// The screens take whatever is typed.
    Careless,
}

/// A BSS with a Basic reseller that has six customers and a dozen purchases, all of which could be
/// copied at once, and decoys; without any other writer.
pub(crate) trait Stage {
    /// What is behind the port.
    type Bss: Bss;

    /// The port.
    fn bss(&self) -> &Self::Bss;

    /// Settings that a tenant may have.
    fn settings(&self) -> TenantSettings;

    /// A customer of another reseller.
    fn alien(&self) -> SourceId;

    /// Turns switches.
    async fn turn(&self, turns: &[Turn]);

    /// Lets a person act; why it was refused, if it was.
    async fn act(&self, action: Action) -> Result<(), String>;

    /// Lets a little time pass.
    async fn pass(&self);

    /// What its judge finds after two more billing cycles, by the sandbox's names.
    async fn harm(&self) -> BTreeSet<String>;
}

/// Every behaviour on every stage.
macro_rules! behaviours {
    ($($module:ident: $($name:ident),* $(,)?;)*) => {
        mod on_simulated {
            $($(
                #[tokio::test]
                async fn $name() {
                    super::$module::$name(&super::simulated::Simulated::new()).await;
                }
            )*)*
        }

        #[cfg(feature = "sandbox")]
        mod on_sandbox {
            $($(
                #[tokio::test]
                async fn $name() {
                    super::$module::$name(&super::sandbox::OverHttp::new().await).await;
                }
            )*)*
        }
    };
}

behaviours! {
    tenants:
        a_reseller_is_found_however_it_is_written,
        holders_and_epochs,
        every_write_refuses_a_stale_epoch,
        without_epochs_an_old_writer_writes,
        a_tenant_is_requested_once,
        wrong_settings_are_named,
        a_failed_creation_leaves_nothing,
        a_deleted_tenant_is_gone,
        a_weak_creation_knows_its_request_key_only;
    copies:
        customers_are_copied_and_marked_once,
        a_second_create_makes_two_where_keys_are_findable,
        without_keys_nothing_is_found,
        one_key_names_one_record_where_keys_are_unique,
        copy_and_mark_in_two_steps,
        a_moved_customer_is_an_orphan,
        pricing_is_never_overwritten,
        batches_have_bounds;
    subscriptions:
        a_purchase_is_copied_once,
        what_stands_against_a_copy,
        what_is_never_copied,
        a_copy_follows_its_source_until_it_is_amended,
        an_ended_copy_stays_ended,
        checks_before_and_after_the_tenant,
        a_suspended_tenant_takes_nothing;
    listings:
        pages_are_in_order_and_complete,
        the_revision_moves_with_the_inventory,
        offsets_skip_and_repeat,
        what_is_new_lags,
        links_lead_into_the_live_tenant_only,
        orders_that_cannot_be_seen;
    switch:
        the_switch_compares_and_examines,
        a_switch_that_compares_nothing_goes_through,
        a_copy_after_the_switch_is_refused,
        a_copy_after_the_switch_is_a_sale_without_the_guard,
        a_switch_is_replayed_under_its_request_key,
        refusals_are_replayed_until_their_key_is_forgotten,
        what_the_switch_corrupts_is_seen;
    people:
        manual_steps_are_told_and_change_nothing,
        people_can_do_the_whole_upgrade_on_screen,
        pressing_twice_is_refused_by_unique_keys_only,
        careless_screens_take_anything,
        ordering_that_is_disabled_freezes_the_storefront,
        locks_after_the_copy_and_after_the_switch,
        amendments_are_the_resellers;
}
