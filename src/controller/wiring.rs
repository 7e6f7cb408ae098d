//! The real adapters behind the connector: where limits and the address guard come in.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::{Arc, Mutex, PoisonError};

use super::dereference::{ConnectionSettings, Connector, Login};
use crate::bss::error::BssError;
use crate::bss::limits::{Limiter, LimiterRegistry, Membership, Settings as Limits};
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
    /// A connection's part in the limits, kept while the connection is used.
    memberships: Mutex<BTreeMap<String, Membership>>,
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
        let limiter = self.join(&distributor);
        let bss = ReferenceBss::new(self.transport(distributor)?, limiter)?;
        let Some(tenant) = tenant else {
            return Ok(Arc::new(bss));
        };
        // One identity, one limiter: it is the distributor's, by the stricter of both limits.
        self.join(&tenant);
        let name = tenant.connection.clone();
        let both = self
            .transport(tenant)
            .and_then(|settings| bss.with_tenant(settings));
        both.map(Arc::new).map_err(|error| {
            let BssError::Refused { detail } = error else {
                return error;
            };
            BssError::Refused {
                detail: format!("the tenant's connection {name}: {detail}"),
            }
        })
    }
}

impl AdapterConnector {
    fn join(&self, settings: &ConnectionSettings) -> Arc<Limiter> {
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
            .insert(settings.connection.clone(), membership);
        limiter
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
