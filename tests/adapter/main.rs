//! The reference adapter over real sockets: what a well-behaved BSS is asked (`suite`, generic over
//! the server behind it), and what becomes of every way to misbehave (`misbehaviour`);
//! and the behaviours that every BSS of the tests has in common (`behaviours`).

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unchecked_time_subtraction,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests fail by panicking; the lints know only the test functions themselves"
)]

mod behaviours;
#[cfg(feature = "sandbox")]
mod certificates;
mod connections;
#[cfg(feature = "sandbox")]
mod interworks;
mod misbehaviour;
mod oauth;
mod replies;
#[cfg(feature = "sandbox")]
mod sandbox;
mod scripted;
mod second_server;
mod stalling;
mod suite;
#[cfg(feature = "sandbox")]
mod tls;

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tenant_reseller_operator::bss::adapters::reference::ReferenceBss;
use tenant_reseller_operator::bss::limits::{Limiter, Settings as Limits};
use tenant_reseller_operator::bss::port::{Acquisition, AcquisitionId};
use tenant_reseller_operator::bss::transport::{
    AllowedHosts, AllowedRanges, Cleartext, Credentials, Proxies, Settings, Timeouts, Tls,
};

/// A token that is easy to find where it must not be.
pub const TOKEN: &str = "s3cr3t-t0ken-that-nobody-may-see";

/// Settings for a server on loopback.
pub fn settings(url: &str, token: &str) -> Settings {
    Settings {
        url: url.to_owned(),
        credentials: Credentials::Bearer(token.to_owned().into()),
        tls: Tls::default(),
        proxies: Proxies::default(),
        allowed_hosts: AllowedHosts::entry_for(url),
        allowed_ranges: AllowedRanges::parse(["127.0.0.0/8", "::1"]).unwrap(),
        cleartext: Cleartext::OnLoopback,
        throttle_statuses: vec![429],
        timeouts: Timeouts::within(Duration::from_secs(20)),
        reply_limit: Settings::REPLY_LIMIT,
    }
}

/// A limiter that delays no call.
pub fn limiter() -> Arc<Limiter> {
    Limiter::new(Limits {
        per_second: NonZeroU32::new(100_000).unwrap(),
        concurrency: NonZeroU16::new(64).unwrap(),
    })
}

/// An adapter for a server on loopback.
pub fn adapter(settings: Settings) -> ReferenceBss {
    ReferenceBss::new(settings, limiter()).unwrap()
}

/// A request for an epoch, of an attempt that stands for any.
pub fn asked<'a>(holder: &'a str, take_over: Option<&'a str>) -> Acquisition<'a> {
    static ATTEMPT: LazyLock<AcquisitionId> = LazyLock::new(|| "attempt".into());
    Acquisition {
        id: &ATTEMPT,
        holder,
        take_over,
    }
}
