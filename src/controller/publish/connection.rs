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
    pub(in crate::controller) entry: &'a mut CacheEntry<B>,
    /// Why the connection cannot be used at all; otherwise what was observed counts.
    pub(in crate::controller) unusable: Option<&'a ReadyState>,
}

/// Writes the connection's status, if anything is known of it.
pub(in crate::controller) async fn connection<C: Cluster, B>(
    cluster: &C,
    known: ConnectionFacts<'_, B>,
    now: Now,
) -> ClusterResult<()> {
    let ConnectionFacts {
        connection,
        entry,
        unusable,
    } = known;
    let CacheEntry {
        known,
        told_identity,
        refusals,
        ..
    } = entry;
    let Some(health) = Health::of(known, unusable) else {
        return Ok(());
    };
    let mut before = connection.status.clone().unwrap_or_default();
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
        identity: match told_identity {
            ToldIdentity::Told(told) => told.as_ref().map(|told| cut(told, LONGEST_IDENTITY)),
            ToldIdentity::NotAsked => before.identity.clone(),
        },
        capabilities: known
            .bss
            .capabilities
            .as_ref()
            .map_or_else(|| before.capabilities.clone(), capabilities),
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
