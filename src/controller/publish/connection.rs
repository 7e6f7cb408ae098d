//! The status of the connection, as far as this upgrade knows something of it. Touches the cluster, and
//! writes only what changed.

use jiff::Timestamp;

use crate::api::{
    BssConnection, BssConnectionStatus, CapabilityStatus, Condition, ConditionStatus, Reason, only,
};
use crate::bss::port::{Capabilities, Keys, Mode, Strength};
use crate::cluster::port::{Cluster, ClusterResult};
use crate::controller::cache::{CacheEntry, ToldIdentity};
use crate::upgrade::{Known, Now, ReadyState, cut};

const REACHABLE: &str = "Reachable";
const AUTHENTICATED: &str = "Authenticated";
const CONFORMING: &str = "Conforming";
const READY: &str = "Ready";
/// A longer identity that a BSS tells is shown in part.
const LONGEST_IDENTITY: usize = 63;

/// What is published of a connection.
pub(in crate::controller) struct ConnectionFacts<'a, B> {
    pub(in crate::controller) connection: &'a BssConnection,
    /// Whose access it is.
    pub(in crate::controller) side: Side,
    pub(in crate::controller) entry: &'a mut CacheEntry<B>,
    /// Why the connection cannot be used at all; otherwise what was observed counts.
    pub(in crate::controller) unusable: Option<&'a ReadyState>,
}

/// Whose access a connection is.
#[derive(Clone, Copy)]
pub(in crate::controller) enum Side {
    /// The distributor's: what is known of the BSS is known through it.
    Distributor,
    /// A tenant's own.
    Tenant(TenantLogin),
}

/// Whether the tenant has accepted the credentials of its own connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::controller) enum TenantLogin {
    /// It has.
    Accepted,
    /// No call has shown it yet.
    NotShown,
}

/// Writes the connection's status, if anything is known of it.
pub(in crate::controller) async fn connection<C: Cluster, B>(
    cluster: &C,
    known: ConnectionFacts<'_, B>,
    now: Now,
) -> ClusterResult<()> {
    let ConnectionFacts {
        connection,
        side,
        entry,
        unusable,
    } = known;
    let CacheEntry {
        known,
        told_identity,
        refusals,
        ..
    } = entry;
    let mut before = connection.status.clone().unwrap_or_default();
    let health = match side {
        Side::Distributor => Health::of(known, unusable),
        Side::Tenant(login) => Health::of_tenant(unusable, login, &before),
    };
    let Some(health) = health else {
        return Ok(());
    };
    let ours = [REACHABLE, AUTHENTICATED, CONFORMING, READY];
    only(&mut before.conditions, &ours);
    let generation = connection.metadata.generation.unwrap_or_default();
    let mut status = BssConnectionStatus {
        observed_generation: Some(generation),
        adapter: connection
            .spec
            .adapter()
            .map(|adapter| adapter.name.to_owned()),
        // What the BSS tells, never what the connection declares.
        identity: match (side, told_identity) {
            (Side::Distributor, ToldIdentity::Told(told)) => {
                told.as_ref().map(|told| cut(told, LONGEST_IDENTITY))
            }
            (Side::Distributor, ToldIdentity::NotAsked) | (Side::Tenant(_), _) => {
                before.identity.clone()
            }
        },
        capabilities: match (side, &known.bss.capabilities) {
            (Side::Distributor, Some(told)) => capabilities(told),
            (Side::Distributor, None) | (Side::Tenant(_), _) => before.capabilities.clone(),
        },
        conditions: before.conditions.clone(),
    };
    for condition in health.conditions(generation, now.wall) {
        condition.set(&mut status.conditions);
    }
    if status != before {
        let name = connection.metadata.name.as_deref().unwrap_or_default();
        let written = cluster.apply_connection_status(connection, &status).await;
        let object = format!("BssConnection {name}");
        refusals.take(&object, written)?;
    }
    Ok(())
}

/// How far the connection works.
struct Health<'a> {
    reachable: ConditionStatus,
    authenticated: ConditionStatus,
    conforming: ConditionStatus,
    /// Why, if it does not work.
    reason: Reason,
    message: &'a str,
}

const WELL: &str = "All is well.";
const NOT_USED_YET: &str =
    "Its Secrets can be used; no call to the tenant was accepted with them yet.";

impl<'a> Health<'a> {
    fn of(known: &'a Known, unusable: Option<&'a ReadyState>) -> Option<Self> {
        use ConditionStatus::{False, True, Unknown};
        let ready_state = known
            .waiting
            .failures
            .as_ref()
            .map(|failures| &failures.ready_state);
        let ready_state = ready_state.or(known.waiting.ready_state.as_ref());
        let (reason, message) = match (unusable, ready_state) {
            (Some(state), _) => (state.reason, state.message.as_str()),
            (None, Some(ready_state)) => (ready_state.reason, ready_state.message.as_str()),
            (None, None) => (Reason::Ready, WELL),
        };
        let unreachable = [
            Reason::BssUnavailable,
            Reason::ConnectionForbidden,
            Reason::DependencyNotReady,
        ];
        let misbehaves = [
            Reason::ContractViolated,
            Reason::IdentityMismatch,
            Reason::RiskNotAccepted,
        ];
        let (reachable, authenticated, conforming) = if unreachable.contains(&reason) {
            (False, Unknown, Unknown)
        } else if reason == Reason::CredentialsRejected {
            (True, False, Unknown)
        } else if misbehaves.contains(&reason) {
            (True, True, False)
        } else {
            // Any other reason is not about the connection, which then works if it ever did.
            known.bss.capabilities.as_ref()?;
            return Some(Self {
                reachable: True,
                authenticated: True,
                conforming: True,
                reason: Reason::Ready,
                message: WELL,
            });
        };
        Some(Self {
            reachable,
            authenticated,
            conforming,
            reason,
            message,
        })
    }

    /// Of a tenant's own access is known whether it can be used, and whether the tenant has accepted it.
    fn of_tenant(
        unusable: Option<&'a ReadyState>,
        login: TenantLogin,
        before: &BssConnectionStatus,
    ) -> Option<Self> {
        use ConditionStatus::{False, True, Unknown};
        let (one, all, reason, message) = match unusable {
            Some(state) => (False, Unknown, state.reason, state.message.as_str()),
            None if login == TenantLogin::Accepted => (True, True, Reason::Ready, WELL),
            // Another upgrade may know better.
            None if before
                .conditions
                .iter()
                .any(|c| c.type_ == READY && c.status == True) =>
            {
                return None;
            }
            None => (Unknown, Unknown, Reason::Progressing, NOT_USED_YET),
        };
        Some(Self {
            reachable: one,
            authenticated: all,
            conforming: all,
            reason,
            message,
        })
    }

    fn conditions(&self, generation: i64, now: Timestamp) -> [Condition; 4] {
        let condition = |type_: &str, status| {
            let (reason, message) = match status {
                ConditionStatus::True => (Reason::Ready, WELL),
                ConditionStatus::False | ConditionStatus::Unknown => (self.reason, self.message),
            };
            Condition {
                type_: type_.to_owned(),
                status,
                reason: reason.as_str().to_owned(),
                message: message.to_owned(),
                last_transition_time: now.to_string(),
                observed_generation: generation,
            }
        };
        let parts = [self.reachable, self.authenticated, self.conforming];
        let all = if parts == [ConditionStatus::True; 3] {
            ConditionStatus::True
        } else if parts == [ConditionStatus::Unknown; 3] {
            ConditionStatus::Unknown
        } else {
            ConditionStatus::False
        };
        [
            condition(REACHABLE, self.reachable),
            condition(AUTHENTICATED, self.authenticated),
            condition(CONFORMING, self.conforming),
            condition(READY, all),
        ]
    }
}

fn capabilities(capabilities: &Capabilities) -> Vec<CapabilityStatus> {
    let entry = |name: &str, value: &str| CapabilityStatus {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let mut list: Vec<CapabilityStatus> = capabilities
        .operations
        .iter()
        .map(|(operation, mode)| {
            let mode = match mode {
                Mode::Automatic => "Automatic",
                Mode::ManualStep => "ManualStep",
                Mode::WithSwitch => "WithSwitch",
                Mode::Unsupported => "Unsupported",
            };
            entry(operation.as_str(), mode)
        })
        .collect();
    let promises = &capabilities.promises;
    let keys = match promises.keys {
        Keys::Unique => "Unique",
        Keys::Findable => "Findable",
        Keys::None => "None",
    };
    list.push(entry("keys", keys));
    for (name, strength) in [
        ("epochs", promises.epochs),
        ("revision", promises.revision),
        ("compares", promises.compares),
        ("orders", promises.orders),
        ("offGuard", promises.off_guard),
        ("items", promises.items),
    ] {
        let strength = match strength {
            Strength::Strong => "Strong",
            Strength::Weak => "Weak",
        };
        list.push(entry(name, strength));
    }
    let unseen: Vec<&str> = capabilities
        .unseen
        .iter()
        .map(|fact| fact.as_str())
        .collect();
    if !unseen.is_empty() {
        list.push(entry("unseen", &unseen.join(", ")));
    }
    list
}
