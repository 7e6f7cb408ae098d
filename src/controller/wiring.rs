//! The real adapters behind the connector: where limits and the address guard come in.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::{Arc, Mutex, PoisonError};

use super::dereference::{ConnectionSettings, Connector};
use crate::bss::error::BssError;
use crate::bss::limits::{LimiterRegistry, Membership, Settings as Limits};
use crate::bss::reference::ReferenceBss;
use crate::bss::transport::{AllowedRanges, Cleartext, Settings, Timeouts};
use crate::observe::metrics::Calls;

/// Makes reference adapters. All connections with one identity share one limiter.
#[derive(Debug)]
pub struct AdapterConnector {
    ranges: AllowedRanges,
    limits: Arc<LimiterRegistry>,
    /// A connection's part in the limits, kept while the connection is used.
    memberships: Mutex<BTreeMap<String, Membership>>,
}

impl AdapterConnector {
    /// A connector; `ranges` are the address ranges that the guard lets through. Says which of
    /// them cannot be read.
    pub fn new(ranges: &[String]) -> Result<Self, String> {
        Ok(Self {
            ranges: AllowedRanges::parse(ranges.iter().map(String::as_str))?,
            limits: LimiterRegistry::new(),
            memberships: Mutex::default(),
        })
    }

    /// Where the figures of all calls are read.
    pub fn figures(&self) -> impl Fn() -> Calls + Send + Sync + use<> {
        let limits = Arc::clone(&self.limits);
        move || {
            let mut all = Calls::default();
            for (_, snapshot) in limits.figures() {
                for (name, tally) in snapshot.calls {
                    let (count, took) = all.calls.entry(name).or_default();
                    *count = count.saturating_add(tally.count);
                    *took = took.saturating_add(tally.elapsed);
                }
                all.throttled = all.throttled.saturating_add(snapshot.throttled);
                all.waited = all.waited.saturating_add(snapshot.waited);
            }
            all
        }
    }
}

impl Connector for AdapterConnector {
    type Bss = ReferenceBss;

    fn connect(&self, settings: ConnectionSettings) -> Result<Arc<ReferenceBss>, BssError> {
        let limits = Limits {
            per_second: NonZeroU32::new(settings.requests_per_second).unwrap_or(NonZeroU32::MIN),
            concurrency: u16::try_from(settings.concurrency)
                .ok()
                .and_then(NonZeroU16::new)
                .unwrap_or(NonZeroU16::MIN),
        };
        let membership = self.limits.join(&settings.identity, limits);
        let limiter = Arc::clone(membership.limiter());
        // The new part is joined before the former is dropped, so that a pause is not forgotten.
        self.memberships
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(settings.connection, membership);
        let transport = Settings {
            url: settings.url,
            token: settings.token,
            ca_pem: settings.ca,
            allowed_hosts: settings.allowed_hosts,
            allowed_ranges: self.ranges.clone(),
            cleartext: Cleartext::Refused,
            timeouts: Timeouts::within(settings.timeout),
            reply_limit: Settings::REPLY_LIMIT,
        };
        ReferenceBss::new(transport, limiter).map(Arc::new)
    }
}
