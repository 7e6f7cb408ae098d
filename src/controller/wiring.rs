//! The real adapters behind the connector: where limits and the address guard come in.

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

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
    /// Each adapter's part in the limits, kept while the adapter is used.
    memberships: Mutex<Vec<(Weak<ReferenceBss>, Membership)>>,
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

impl AdapterConnector {
    /// The parts of the adapters that are still used.
    fn memberships(&self) -> MutexGuard<'_, Vec<(Weak<ReferenceBss>, Membership)>> {
        let memberships = self.memberships.lock();
        let mut memberships = memberships.unwrap_or_else(PoisonError::into_inner);
        memberships.retain(|(bss, _)| bss.strong_count() > 0);
        memberships
    }
}

/// Scheme, host and port. What is no URL is refused when the adapter is made.
fn origin(url: &str) -> String {
    reqwest::Url::parse(url)
        .map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization())
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
        let origin = origin(&settings.url);
        let membership = self.limits.join(&settings.identity, &origin, limits);
        let limiter = Arc::clone(membership.limiter());
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
        let bss = Arc::new(ReferenceBss::new(transport, limiter)?);
        self.memberships().push((Arc::downgrade(&bss), membership));
        Ok(bss)
    }

    fn must_tell_its_identity(&self, bss: &Arc<ReferenceBss>) -> bool {
        let memberships = self.memberships();
        let mut memberships = memberships.iter();
        let own = memberships.find(|(other, _)| other.as_ptr() == Arc::as_ptr(bss));
        own.is_some_and(|(_, membership)| membership.is_second_origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn settings(url: &str, requests_per_second: u32) -> ConnectionSettings {
        ConnectionSettings {
            connection: "ns/name".to_owned(),
            identity: "acme".to_owned(),
            url: url.to_owned(),
            token: "t".to_owned().into(),
            allowed_hosts: "127.0.0.1".to_owned(),
            ca: None,
            requests_per_second,
            concurrency: 2,
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn another_origin_must_tell_its_identity_as_long_as_the_first_is_used() {
        let connector = AdapterConnector::new(&["127.0.0.0/8".to_owned()]).unwrap();
        let connect = |url, rate| connector.connect(settings(url, rate)).unwrap();
        let first = connect("https://127.0.0.1:1/v1", 20);
        let same = connect("HTTPS://127.0.0.1:1/v2", 20);
        let second = connect("https://127.0.0.1:2/v1", 5);
        let asked = [&first, &same, &second].map(|bss| connector.must_tell_its_identity(bss));
        assert_eq!(asked, [false, false, true]);
        let rate = || second.limiter().settings().per_second.get();
        assert_eq!(rate(), 5, "one limiter for all, as strict as the strictest");
        assert!(Arc::ptr_eq(first.limiter(), second.limiter()));
        drop((first, same));
        assert!(!connector.must_tell_its_identity(&second));
    }

    #[test]
    fn limits_of_an_adapter_that_is_used_no_more_are_forgotten() {
        let connector = AdapterConnector::new(&["127.0.0.0/8".to_owned()]).unwrap();
        let strict = connector
            .connect(settings("https://127.0.0.1:1", 5))
            .unwrap();
        drop(strict);
        let bss = connector
            .connect(settings("https://127.0.0.1:1", 20))
            .unwrap();
        assert_eq!(bss.limiter().settings().per_second.get(), 20);
        assert_eq!(connector.memberships().len(), 1);
    }
}
