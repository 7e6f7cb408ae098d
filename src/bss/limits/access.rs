//! What one connection calls through.

use super::budget::Purse;
use super::core::Feedback;
use super::learned::Kind;
use super::limiter::{Deferred, Limiter, Permit};
use super::registry::{Account, Group, LimiterRegistry};
use std::sync::Arc;

/// How far what a call showed about the origin is to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The origin said it itself, with 429 or 503: it concerns every connection that it has accepted.
    Origin,
    /// It rests on what the connection declares (its time-out, its CA, its status codes for
    /// throttling): it concerns this connection's own limits only.
    Connection,
}

/// One connection's way to its limits. A connection that the origin has accepted calls under the
/// limits of its namespace, identity and origin. One that it has not accepted yet calls under those
/// *and* under a small limiter that it shares with the other such connections of its namespace; what
/// the origin answers it says nothing about the accepted ones.
#[derive(Clone, Debug)]
pub struct Access {
    limiter: Arc<Limiter>,
    standing: Option<Standing>,
    purse: Option<Purse>,
}

/// What a registry knows of the connection.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) registry: Arc<LimiterRegistry>,
    pub(super) group: Group,
    pub(super) account: Arc<Account>,
    /// The limiter of those that are not accepted yet.
    pub(super) newcomers: Arc<Limiter>,
}

/// A limiter that no registry knows: every connection is as good as accepted.
impl From<Arc<Limiter>> for Access {
    fn from(limiter: Arc<Limiter>) -> Self {
        Self {
            limiter,
            standing: None,
            purse: None,
        }
    }
}

impl Access {
    pub(super) fn new(limiter: Arc<Limiter>, standing: Standing, purse: Purse) -> Self {
        Self {
            limiter,
            standing: Some(standing),
            purse: Some(purse),
        }
    }

    /// Where the bytes of large replies come from. A limiter that no registry knows has no budget.
    #[must_use]
    pub fn purse(&self) -> Option<&Purse> {
        self.purse.as_ref()
    }

    /// The limiter of the connection's namespace, identity and origin.
    #[must_use]
    pub fn limiter(&self) -> &Arc<Limiter> {
        &self.limiter
    }

    /// Waits for a turn. Dropping the future gives the place up.
    ///
    /// # Errors
    ///
    /// [`Deferred`] if the BSS wants to be left alone for longer than a call waits.
    pub async fn acquire(&self) -> Result<Turn<'_>, Deferred> {
        let newcomer = match &self.standing {
            Some(standing) if !standing.account.is_accepted() => {
                let mut changes = standing.account.changes();
                tokio::select! {
                    biased;
                    // Another call with the same credentials was accepted: no reason to wait here.
                    _ = changes.wait_for(|accepted| *accepted) => None,
                    permit = standing.newcomers.acquire() => Some(permit?),
                }
            }
            Some(_) | None => None,
        };
        Ok(Turn {
            permit: self.limiter.acquire().await?,
            newcomer,
            standing: self.standing.as_ref(),
        })
    }

    /// The origin accepted the credentials.
    pub fn accepted(&self) {
        if let Some(standing) = &self.standing {
            standing.account.set(true);
        }
    }

    /// Whether the origin has accepted the credentials, as far as a registry knows.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        let standing = self.standing.as_ref();
        standing.is_some_and(|standing| standing.account.is_accepted())
    }

    /// The origin refused the credentials.
    pub fn refused(&self) {
        if let Some(standing) = &self.standing {
            standing.account.set(false);
        }
    }
}

/// The right to send one request. It counts as under way until it is finished or dropped.
#[derive(Debug)]
#[must_use = "a turn that is not used blocks a place"]
pub struct Turn<'a> {
    permit: Permit,
    newcomer: Option<Permit>,
    standing: Option<&'a Standing>,
}

impl Turn<'_> {
    /// The call ended.
    pub fn finish(self, (kind, feedback): (Kind, Feedback), reach: Reach) {
        if feedback == Feedback::Answered {
            self.permit.learn(kind);
        }
        if let Some(newcomer) = self.newcomer {
            newcomer.finish(feedback);
            self.permit.finish(Feedback::Nothing);
            return;
        }
        let sent = self.permit.sent();
        self.permit.finish(feedback);
        if let Some(standing) = self.standing.filter(|_| reach == Reach::Origin) {
            standing.registry.tell(&standing.group, sent, feedback);
        }
    }
}
