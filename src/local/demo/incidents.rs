//! What happens to the operator, and around it, while it copies.

use std::io::Stdout;

use super::narrator::Narrator;
use super::sandbox_actors::Census;
use super::upgrade_view::UpgradeView;
use super::world::World;
use crate::local::error::{LocalError, LocalResult};

/// Which incidents are over. Each happens once, at its quarter of the way.
#[derive(Debug, Default)]
pub(super) struct Incidents {
    bought: bool,
    killed: bool,
    cancelled: Option<String>,
    ended: bool,
}

impl Incidents {
    /// Lets happen what is due.
    pub(super) async fn happen(
        &mut self,
        world: &mut World,
        narrator: &mut Narrator<Stdout>,
        (census, customer): (&Census, &str),
    ) -> LocalResult<()> {
        let (copied, eligible) = (census.purchases_copied, census.purchases_eligible);
        let quarter = eligible.checked_div(4).unwrap_or(0).max(1);
        if !self.bought && copied >= quarter {
            self.bought = true;
            world.control.storefront_buys(customer).await?;
            narrator.fact(&format!(
                "meanwhile the reseller buys one more for {customer} through the Storefront"
            ))?;
        }
        // In the middle, or not at all: killed after the last copy it would prove nothing.
        if !self.killed && copied >= quarter.saturating_mul(2) && copied < eligible {
            self.killed = true;
            world.kill_operator().await?;
            narrator.fact(&format!(
                "the operator was ended with SIGKILL after {copied} copies, and started again"
            ))?;
        }
        if self.cancelled.is_none() && copied >= quarter.saturating_mul(3) {
            let purchase = world.control.storefront_cancels_a_copied_one().await?;
            narrator.fact(&format!(
                "meanwhile {purchase}, already copied, is cancelled through the Storefront"
            ))?;
            self.cancelled = Some(purchase);
        }
        Ok(())
    }

    /// The reseller's staff ends the orphaned copy as soon as the operator has named it.
    pub(super) async fn orphan(
        &mut self,
        world: &World,
        narrator: &mut Narrator<Stdout>,
        view: &UpgradeView,
    ) -> LocalResult<()> {
        if self.ended || view.reason("Ready") != Some("OrphanedCopy") {
            return Ok(());
        }
        let named = view.named("OrphanedCopy");
        let Some(purchase) = self.cancelled.as_deref().filter(|id| named.contains(id)) else {
            return Err(LocalError::Unexpected(format!(
                "the orphaned copy is that of {:?}, the status names {named:?}",
                self.cancelled
            )));
        };
        self.ended = true;
        narrator.fact(&format!("OrphanedCopy names {purchase}, and only that"))?;
        world.control.reseller_staff_ends_copy(purchase).await?;
        narrator.fact("the reseller's staff ended the copy; the operator goes on by itself")
    }

    /// An error that names what did not happen: a demo that skipped something shows less than it
    /// says.
    pub(super) fn all_happened(&self) -> LocalResult<()> {
        let missing: Vec<&str> = [
            (self.bought, "a purchase through the Storefront"),
            (self.killed, "the end of the operator by SIGKILL"),
            (self.cancelled.is_some(), "a cancellation"),
            (self.ended, "an orphaned copy"),
        ]
        .into_iter()
        .filter_map(|(happened, what)| (!happened).then_some(what))
        .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(LocalError::Unexpected(format!(
            "the copies were complete before there was {}",
            missing.join(", ")
        )))
    }
}
