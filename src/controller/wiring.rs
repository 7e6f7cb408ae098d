//! The real adapters behind the connector: where limits and the address guard come in.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::dereference::{ConnectionSettings, Connector, Login};
use crate::bss::error::BssError;
use crate::bss::limits::{LimiterRegistry, Membership, Seat, Settings as Limits};
use crate::bss::reference::ReferenceBss;
use crate::bss::transport::{
    AllowedRanges, Cleartext, Credentials, Settings, Timeouts, TokenSettings, TokenSource,
};
use crate::observe::metrics::Calls;

/// Makes reference adapters. All connections with one identity share one limiter.
#[derive(Debug)]
pub struct AdapterConnector {
    ranges: AllowedRanges,
    limits: Arc<LimiterRegistry>,
    /// Each adapter's parts in the limits, kept while the adapter is used.
    memberships: Mutex<Vec<(Weak<ReferenceBss>, Vec<Membership>)>>,
    /// A connection's tokens, shared by all upgrades that use it.
    tokens: Mutex<BTreeMap<String, Arc<TokenSource>>>,
}

impl AdapterConnector {
    /// A connector; `ranges` are the address ranges that the guard lets through. Says which of
    /// them cannot be read.
    pub fn new(ranges: &[String]) -> Result<Self, String> {
        Ok(Self {
            ranges: AllowedRanges::parse(ranges.iter().map(String::as_str))?,
            limits: LimiterRegistry::new(),
            memberships: Mutex::default(),
            tokens: Mutex::default(),
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

    fn connect(
        &self,
        distributor: ConnectionSettings,
        tenant: Option<ConnectionSettings>,
    ) -> Result<Arc<ReferenceBss>, BssError> {
        self.forget_unused_tokens(&distributor, tenant.as_ref());
        let origin = origin(&distributor.url);
        let membership = self.join(&distributor, &origin);
        let limiter = Arc::clone(membership.limiter());
        let mut memberships = vec![membership];
        let mut bss = ReferenceBss::new(self.transport(distributor)?, limiter)?;
        if let Some(tenant) = tenant {
            // One identity, one limiter: the distributor's, by the stricter of both limits. The
            // tenant's own address is no second origin: it is the same BSS's other side.
            memberships.push(self.join(&tenant, &origin));
            let name = tenant.connection.clone();
            let both = self
                .transport(tenant)
                .and_then(|settings| bss.with_tenant(settings));
            bss = both.map_err(|error| of_the_tenant(error, &name))?;
        }
        let bss = Arc::new(bss);
        self.memberships().push((Arc::downgrade(&bss), memberships));
        Ok(bss)
    }

    fn must_tell_its_identity(&self, bss: &Arc<ReferenceBss>) -> bool {
        let memberships = self.memberships();
        let mut all = memberships.iter();
        let own = all.find(|(other, _)| other.as_ptr() == Arc::as_ptr(bss));
        own.is_some_and(|(_, parts)| parts.iter().any(Membership::is_second_origin))
    }

    fn seats(&self, bss: &Arc<ReferenceBss>) -> Vec<Seat> {
        let memberships = self.memberships();
        let mut all = memberships.iter();
        let own = all.find(|(other, _)| other.as_ptr() == Arc::as_ptr(bss));
        let parts = own.into_iter().flat_map(|(_, parts)| parts);
        parts.filter_map(Membership::seat).collect()
    }
}

/// Says that it is the tenant's connection that may not be used.
fn of_the_tenant(error: BssError, name: &str) -> BssError {
    let BssError::Refused { detail } = error else {
        return error;
    };
    BssError::Refused {
        detail: format!("the tenant's connection {name}: {detail}"),
    }
}

/// Scheme, host and port. What is no URL is refused when the adapter is made.
fn origin(url: &str) -> String {
    reqwest::Url::parse(url)
        .map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization())
}

impl AdapterConnector {
    /// The parts of the adapters that are still used.
    fn memberships(&self) -> MutexGuard<'_, Vec<(Weak<ReferenceBss>, Vec<Membership>)>> {
        let memberships = self.memberships.lock();
        let mut memberships = memberships.unwrap_or_else(PoisonError::into_inner);
        memberships.retain(|(bss, _)| bss.strong_count() > 0);
        memberships
    }

    fn join(&self, settings: &ConnectionSettings, origin: &str) -> Membership {
        let limits = Limits {
            per_second: NonZeroU32::new(settings.requests_per_second).unwrap_or(NonZeroU32::MIN),
            concurrency: u16::try_from(settings.concurrency)
                .ok()
                .and_then(NonZeroU16::new)
                .unwrap_or(NonZeroU16::MIN),
        };
        self.limits.join(&settings.identity, origin, limits)
    }

    fn transport(&self, settings: ConnectionSettings) -> Result<Settings, BssError> {
        let timeouts = Timeouts::within(settings.timeout);
        let credentials = match settings.login {
            Login::Bearer(token) => Credentials::Bearer(token),
            Login::ClientCredentials {
                token_url,
                scopes,
                id,
                secret,
            } => {
                let wanted = TokenSettings {
                    token_url,
                    scopes,
                    client_id: id,
                    client_secret: secret,
                    ca_pem: settings.ca.clone(),
                    allowed_hosts: settings.allowed_hosts.clone(),
                    allowed_ranges: self.ranges.clone(),
                    cleartext: Cleartext::Refused,
                    timeouts,
                };
                Credentials::OAuth(self.tokens(&settings.connection, wanted)?)
            }
        };
        Ok(Settings {
            url: settings.url,
            credentials,
            ca_pem: settings.ca,
            allowed_hosts: settings.allowed_hosts,
            allowed_ranges: self.ranges.clone(),
            cleartext: Cleartext::Refused,
            throttle_statuses: settings.throttle_statuses,
            timeouts,
            reply_limit: Settings::REPLY_LIMIT,
        })
    }

    /// Lets go of every connection's tokens, and with them its credentials, that no adapter uses any
    /// more. Not of those that are wanted now: the adapter before may just have been given up.
    fn forget_unused_tokens(
        &self,
        distributor: &ConnectionSettings,
        tenant: Option<&ConnectionSettings>,
    ) {
        let wanted = |name: &String| {
            let mut names = std::iter::once(distributor).chain(tenant);
            names.any(|settings| settings.connection == *name)
        };
        let mut sources = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        sources.retain(|name, source| wanted(name) || Arc::strong_count(source) > 1);
    }

    /// The tokens of a connection. Adapters come and go, with each upgrade and with each reading of
    /// the Secret; its tokens stay as long as they are made of the same.
    fn tokens(
        &self,
        connection: &str,
        wanted: TokenSettings,
    ) -> Result<Arc<TokenSource>, BssError> {
        let mut sources = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = sources.get(connection)
            && source.is_made_of(&wanted)
        {
            return Ok(Arc::clone(source));
        }
        let source = TokenSource::new(wanted)?;
        sources.insert(connection.to_owned(), Arc::clone(&source));
        Ok(source)
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
            login: Login::Bearer("token-of-the-test".to_owned().into()),
            throttle_statuses: vec![429],
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
        let connect = |url, rate| connector.connect(settings(url, rate), None).unwrap();
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

    fn with_client(connection: &str, secret: &str) -> ConnectionSettings {
        ConnectionSettings {
            connection: connection.to_owned(),
            login: Login::ClientCredentials {
                token_url: "https://127.0.0.1:9/token".to_owned(),
                scopes: Vec::new(),
                id: "id".to_owned().into(),
                secret: secret.to_owned().into(),
            },
            ..settings("https://127.0.0.1:1", 5)
        }
    }

    #[test]
    fn tokens_are_kept_from_adapter_to_adapter_and_forgotten_with_their_connection() {
        let connector = AdapterConnector::new(&["127.0.0.0/8".to_owned()]).unwrap();
        let connect = |login| connector.connect(login, None).unwrap();
        let held = || -> Vec<String> { connector.tokens.lock().unwrap().keys().cloned().collect() };
        let source = |name: &str| Arc::as_ptr(&connector.tokens.lock().unwrap()[name]);
        let first = connect(with_client("ns/a", "client-secret"));
        let before = source("ns/a");
        drop(first);
        let first = connect(with_client("ns/a", "client-secret"));
        assert_eq!(before, source("ns/a"), "given up and made again: one token");
        let second = connect(with_client("ns/b", "client-secret"));
        assert_eq!(held(), ["ns/a", "ns/b"]);
        drop(first);
        let third = connect(settings("https://127.0.0.1:1", 5));
        assert_eq!(held(), ["ns/b"]);
        drop((second, third));
        connect(settings("https://127.0.0.1:1", 5));
        assert_eq!(held(), Vec::<String>::new());
    }

    #[test]
    fn limits_of_an_adapter_that_is_used_no_more_are_forgotten() {
        let connector = AdapterConnector::new(&["127.0.0.0/8".to_owned()]).unwrap();
        let strict = connector
            .connect(settings("https://127.0.0.1:1", 5), None)
            .unwrap();
        drop(strict);
        let bss = connector
            .connect(settings("https://127.0.0.1:1", 20), None)
            .unwrap();
        assert_eq!(bss.limiter().settings().per_second.get(), 20);
        assert_eq!(connector.memberships().len(), 1);
    }
}
