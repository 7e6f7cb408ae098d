//! The status of the connection. Touches the cluster; only on change.

use super::super::cache::{Life, Name};
use super::ready_condition;
use crate::api::{
    BssConnection, BssConnectionStatus, CapabilityStatus, ConditionStatus, ConditionType, Reason,
    only,
};
use crate::bss::port::{Capabilities, Keys as KeyPromise, Mode, Strength};
use crate::cluster::port::{Cluster, ClusterResult};
use crate::upgrade::{Now, Observed};

/// The types of condition that a connection carries.
const OF_A_CONNECTION: [&str; 4] = ["Reachable", "Authenticated", "Conforming", "Ready"];

/// Writes the connection's status, as far as something is known of it.
pub(in crate::controller) async fn connection<C: Cluster, B>(
    cluster: &C,
    connection: &BssConnection,
    life: &Life<B>,
    trouble: Option<(Reason, &str)>,
    now: Now,
) -> ClusterResult<()> {
    let Some(found) = found(&life.observed, trouble) else {
        return Ok(());
    };
    let mut before = connection.status.clone().unwrap_or_default();
    only(&mut before.conditions, &OF_A_CONNECTION);
    let generation = connection.metadata.generation.unwrap_or_default();
    let mut status = BssConnectionStatus {
        observed_generation: Some(generation),
        adapter: Some("reference".to_owned()),
        // What the BSS tells, never what the connection declares.
        identity: match &life.name {
            Name::Told(told) => told.clone(),
            Name::NotAsked => before.identity.clone(),
        },
        capabilities: life
            .observed
            .capabilities
            .as_ref()
            .map_or_else(|| before.capabilities.clone(), capabilities),
        conditions: before.conditions.clone(),
    };
    let mut all = ConditionStatus::True;
    let [reachable, authenticated, conforming, ready] = OF_A_CONNECTION;
    for (name, condition) in [
        (reachable, found.reachable),
        (authenticated, found.authenticated),
        (conforming, found.conforming),
    ] {
        if condition != ConditionStatus::True {
            all = ConditionStatus::False;
        }
        let (reason, message) = if condition == ConditionStatus::True {
            (Reason::Ready, "All is well.")
        } else {
            (found.reason, found.message.as_str())
        };
        set_named(
            &mut status,
            name,
            (condition, reason, message),
            generation,
            now,
        );
    }
    set_named(
        &mut status,
        ready,
        (all, found.reason, &found.message),
        generation,
        now,
    );
    if status != before {
        cluster.apply_connection_status(connection, &status).await?;
    }
    Ok(())
}

struct Found {
    reachable: ConditionStatus,
    authenticated: ConditionStatus,
    conforming: ConditionStatus,
    reason: Reason,
    message: String,
}

fn found(observed: &Observed, trouble: Option<(Reason, &str)>) -> Option<Found> {
    use ConditionStatus::{False, True, Unknown};
    let standing = observed
        .trouble
        .as_ref()
        .map(|trouble| &trouble.verdict)
        .or(observed.verdict.as_ref())
        .map(|verdict| (verdict.reason, verdict.message.as_str()));
    let (reachable, authenticated, conforming, reason, message) = match trouble.or(standing) {
        Some((reason @ (Reason::BssUnavailable | Reason::ConnectionForbidden), message)) => {
            (False, Unknown, Unknown, reason, message)
        }
        Some((reason @ Reason::CredentialsRejected, message)) => {
            (True, False, Unknown, reason, message)
        }
        Some((
            reason
            @ (Reason::ContractViolated | Reason::IdentityMismatch | Reason::RiskNotAccepted),
            message,
        )) => (True, True, False, reason, message),
        _ if observed.capabilities.is_some() => (True, True, True, Reason::Ready, "All is well."),
        _ => return None,
    };
    Some(Found {
        reachable,
        authenticated,
        conforming,
        reason,
        message: message.to_owned(),
    })
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
                Mode::Unsupported => "Unsupported",
            };
            entry(operation.as_str(), mode)
        })
        .collect();
    let promises = &capabilities.promises;
    let keys = match promises.keys {
        KeyPromise::Unique => "Unique",
        KeyPromise::Findable => "Findable",
        KeyPromise::None => "None",
    };
    list.push(entry("keys", keys));
    for (name, strength) in [
        ("epochs", promises.epochs),
        ("revision", promises.revision),
        ("compares", promises.compares),
        ("orders", promises.orders),
        ("offGuard", promises.off_guard),
    ] {
        let strength = match strength {
            Strength::Strong => "Strong",
            Strength::Weak => "Weak",
        };
        list.push(entry(name, strength));
    }
    list
}

fn set_named(
    status: &mut BssConnectionStatus,
    name: &str,
    (condition, reason, message): (ConditionStatus, Reason, &str),
    generation: i64,
    now: Now,
) {
    // Reuses the rules of `Ready` under the connection's own names.
    let mut one: Vec<crate::api::Condition> = status
        .conditions
        .iter()
        .filter(|c| c.type_ == name)
        .cloned()
        .map(|mut c| {
            ConditionType::Ready.as_str().clone_into(&mut c.type_);
            c
        })
        .collect();
    let _change = ready_condition(condition, reason, message).set(&mut one, generation, now.wall);
    status.conditions.retain(|c| c.type_ != name);
    status.conditions.extend(one.into_iter().map(|mut c| {
        name.clone_into(&mut c.type_);
        c
    }));
}
