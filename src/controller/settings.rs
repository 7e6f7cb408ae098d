//! What the connector is told of a connection: its address, its login, its limits. Reads Secrets from the
//! cluster.

use std::time::Duration;

use jiff::Timestamp;

use super::access;
use super::dereference::{DereferenceError, name_of, unworkable};
use crate::api::{AdapterChoice, BssConnection, BssConnectionSpec, Reason};
use crate::bss::adapters;
use crate::bss::connect::ConnectionSettings;
use crate::cluster::port::Cluster;

/// Of one connection.
pub(super) async fn settings<C: Cluster>(
    cluster: &C,
    namespace: &str,
    connection: &BssConnection,
    now: Timestamp,
) -> Result<ConnectionSettings, DereferenceError> {
    let spec = &connection.spec;
    let adapter = adapter(connection)?;
    let access = access::Access {
        cluster,
        namespace,
        spec,
        url: adapter.url,
        now,
    };
    let settings = adapters::settings(spec).ok_or_else(|| incomplete(connection))?;
    let (login, allowed_hosts) = access.login().await?;
    let tls = access.tls_of_the_bss().await?;
    Ok(ConnectionSettings {
        connection: format!(
            "{namespace}/{}",
            connection.metadata.name.as_deref().unwrap_or_default()
        ),
        identity: spec.identity.clone(),
        adapter: settings,
        url: adapter.url.to_owned(),
        login,
        allowed_hosts,
        tls,
        throttle_statuses: throttle_statuses(&spec.limits.throttle_status_codes),
        requests_per_second: spec.limits.requests_per_second.map(positive),
        concurrency: spec.limits.concurrency.map(positive),
        timeout: Duration::from_secs(u64::from(positive(spec.limits.request_timeout_seconds))),
    })
}

/// The adapter that a connection names. The API server admits a connection only with one; an object
/// that an older or a newer version of the operator knows may have another one or none.
fn adapter(connection: &BssConnection) -> Result<AdapterChoice<'_>, DereferenceError> {
    let adapter = connection.spec.adapter();
    adapter.ok_or_else(|| no_adapter(connection))
}

pub(super) fn no_adapter(connection: &BssConnection) -> DereferenceError {
    let name = name_of(connection);
    let known = BssConnectionSpec::ADAPTERS.join(", ");
    unworkable(
        Reason::ConnectionForbidden,
        format!(
            "The spec of the BssConnection {name} does not have exactly one adapter that this \
             version of the operator knows."
        ),
        format!(
            "Give the spec of the BssConnection {name} exactly one adapter: {known}. If it has \
             another one, install the version of the operator and of its CRDs that knows it."
        ),
    )
}

/// The adapter lacks something that the API server asks for, which an object of another version may.
fn incomplete(connection: &BssConnection) -> DereferenceError {
    let name = connection.metadata.name.as_deref().unwrap_or_default();
    unworkable(
        Reason::ConnectionForbidden,
        format!("The adapter in the spec of the BssConnection {name} is not complete."),
        format!(
            "Apply the BssConnection {name} again with the CRDs of this version of the operator: the API \
             server then names what is missing."
        ),
    )
}

fn throttle_statuses(codes: &[i32]) -> Vec<u16> {
    let codes = codes.iter().copied();
    codes.filter_map(|code| u16::try_from(code).ok()).collect()
}

/// A number of the spec that the API server keeps above zero.
pub(super) fn positive(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(1).max(1)
}
