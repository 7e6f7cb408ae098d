//! Makes adapters, and keeps what connections share: limits, origins, tokens.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::settings::{ConnectionSettings, Login, TokenEndpoint};
use crate::bss::adapters::{Adapter, Kept, Side};
use crate::bss::bindings::is_namespace;
use crate::bss::error::BssError;
use crate::bss::limits::{
    Access, Declared, Identities, LimiterRegistry, Load, Membership, Party, Place, Seat, Snapshot,
};
use crate::bss::port::Bss;
use crate::bss::transport::{
    AllowedRanges, Cleartext, Credentials, Proxies, Settings, Timeouts, TokenSettings, TokenSource,
};

/// Makes adapters.
pub trait Connector: Send + Sync {
    /// The adapter.
    type Bss: Bss;

    /// Makes an adapter, or says why a connection may not be used. Where a tenant has an access of its
    /// own, what concerns it goes there.
    ///
    /// # Errors
    ///
    /// [`BssError::Refused`] if the connection may not be used.
    fn connect(
        &self,
        distributor: ConnectionSettings,
        tenant: Option<ConnectionSettings>,
    ) -> Result<Arc<Self::Bss>, BssError>;

    /// Whether the BSS behind this adapter has to tell its identity itself, because its namespace
    /// reaches the same one at another origin already.
    fn must_tell_its_identity(&self, bss: &Arc<Self::Bss>) -> bool;

    /// The way of the tenant's own access to its limits, where there is one.
    fn tenant_access(&self, _bss: &Arc<Self::Bss>) -> Option<Access> {
        None
    }

    /// What keeps the adapter's origins known after the adapter was given up.
    fn seats(&self, _bss: &Arc<Self::Bss>) -> Vec<Seat> {
        Vec::new()
    }
}

/// Makes the adapters that connections name. Connections of one namespace that reach one identity at
/// one origin share their limits.
#[derive(Debug)]
pub struct AdapterConnector {
    /// The ranges for every namespace, and what is denied.
    ranges: AllowedRanges,
    /// The ranges for one namespace.
    ranges_of: BTreeMap<String, AllowedRanges>,
    proxies: Proxies,
    limits: Arc<LimiterRegistry>,
    identities: Arc<Identities>,
    /// What is kept beside each adapter while it is used.
    parts: Mutex<Vec<(Weak<Adapter>, Parts)>>,
    /// What adapters of the same connections go on with, while one of them is used.
    kept: Mutex<BTreeMap<String, (String, Arc<Kept>)>>,
    /// A connection's tokens, shared by all upgrades that use it.
    tokens: Mutex<BTreeMap<String, Arc<TokenSource>>>,
}

/// An adapter's parts in what connections share.
#[derive(Debug)]
struct Parts {
    /// Its origin among those of its identity.
    place: Place,
    /// Its limits.
    /// The distributor's first, then the tenant's.
    memberships: Vec<Membership>,
}

impl AdapterConnector {
    /// A connector; `ranges` are the address ranges that the guard lets through, each for every
    /// namespace (`10.20.0.0/16`) or for one (`10.20.0.0/16@resellers`).
    ///
    /// # Errors
    ///
    /// The ranges that cannot be read, in words.
    pub fn new(ranges: &[String]) -> Result<Self, String> {
        let mut for_all = AllowedRanges::none();
        let mut ranges_of: BTreeMap<String, AllowedRanges> = BTreeMap::new();
        for text in ranges {
            let Some((range, namespace)) = text.split_once('@') else {
                for_all = for_all.and(&AllowedRanges::parse([text.as_str()])?);
                continue;
            };
            let namespace = namespace.trim();
            if !is_namespace(namespace) {
                return Err(format!(
                    "{text:?}: {namespace:?} is no name of a namespace; write RANGE or \
                     RANGE@NAMESPACE, for example 10.20.0.0/16@resellers"
                ));
            }
            let known = ranges_of.entry(namespace.to_owned()).or_default();
            *known = known.clone().and(&AllowedRanges::parse([range])?);
        }
        Ok(Self {
            ranges: for_all,
            ranges_of,
            proxies: Proxies::default(),
            limits: LimiterRegistry::new(),
            identities: Identities::new(),
            parts: Mutex::default(),
            kept: Mutex::default(),
            tokens: Mutex::default(),
        })
    }

    /// The same, with a way out of the cluster.
    #[must_use]
    pub fn through(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }

    /// The same, where the guard lets nothing through that is in one of these ranges, although they be
    /// public or allowed.
    ///
    /// # Errors
    ///
    /// The ranges that cannot be read, in words.
    pub fn denying(mut self, ranges: &[String]) -> Result<Self, String> {
        self.ranges = self.ranges.without(ranges.iter().map(String::as_str))?;
        Ok(self)
    }

    /// What the guard lets through for connections of a namespace.
    fn ranges(&self, namespace: &str) -> AllowedRanges {
        let all = self.ranges.clone();
        match self.ranges_of.get(namespace) {
            Some(own) => all.and(own),
            None => all,
        }
    }

    /// Where the figures of all calls are read, and what the limiters do at the moment.
    pub fn figures(&self) -> impl Fn() -> (Snapshot, Load) + Send + Sync + use<> {
        let limits = Arc::clone(&self.limits);
        move || (limits.figures(), limits.load())
    }
}

impl Connector for AdapterConnector {
    type Bss = Adapter;

    fn connect(
        &self,
        distributor: ConnectionSettings,
        tenant: Option<ConnectionSettings>,
    ) -> Result<Arc<Adapter>, BssError> {
        self.forget_unused_tokens(&distributor, tenant.as_ref());
        // The tenant's own address is no second origin: it is the same BSS's other side.
        let place = self.identities.enter(
            distributor.namespace(),
            &distributor.identity,
            &origin(&distributor.url),
        );
        let membership = self.join(&distributor);
        let kept = self.kept(&distributor, tenant.as_ref());
        let side = self.side(distributor, (membership.access(), &kept))?;
        let mut bss = Adapter::of(side)?;
        let mut memberships = vec![membership];
        if let Some(tenant) = tenant {
            let name = tenant.connection.clone();
            let membership = self.join(&tenant);
            let both = self
                .side(tenant, (membership.access(), &kept))
                .and_then(|side| bss.with_tenant(side));
            memberships.push(membership);
            bss = both.map_err(|error| of_the_tenant(error, &name))?;
        }
        let bss = Arc::new(bss);
        let parts = Parts { place, memberships };
        self.parts().push((Arc::downgrade(&bss), parts));
        Ok(bss)
    }

    fn must_tell_its_identity(&self, bss: &Arc<Adapter>) -> bool {
        let all = self.parts();
        let own = all
            .iter()
            .find(|(other, _)| other.as_ptr() == Arc::as_ptr(bss));
        own.is_some_and(|(_, parts)| parts.place.is_second_origin())
    }

    fn tenant_access(&self, bss: &Arc<Adapter>) -> Option<Access> {
        let all = self.parts();
        let own = all
            .iter()
            .find(|(other, _)| other.as_ptr() == Arc::as_ptr(bss));
        let tenant = own.and_then(|(_, parts)| parts.memberships.get(1));
        tenant.map(|membership| membership.access().clone())
    }

    fn seats(&self, bss: &Arc<Adapter>) -> Vec<Seat> {
        let all = self.parts();
        let own = all
            .iter()
            .find(|(other, _)| other.as_ptr() == Arc::as_ptr(bss));
        own.and_then(|(_, parts)| parts.place.seat())
            .into_iter()
            .collect()
    }
}

const OF_THE_TENANT: &str = "the tenant's connection ";

/// Whether a refusal to connect concerns the tenant's connection.
#[must_use]
pub fn concerns_the_tenant(error: &BssError) -> bool {
    matches!(error, BssError::Refused { detail } if detail.starts_with(OF_THE_TENANT))
}

/// Says that it is the tenant's connection that may not be used.
fn of_the_tenant(error: BssError, name: &str) -> BssError {
    let BssError::Refused { detail } = error else {
        return error;
    };
    BssError::Refused {
        detail: format!("{OF_THE_TENANT}{name}: {detail}"),
    }
}

/// Scheme, host and port. What is no URL is refused when the adapter is made.
fn origin(url: &str) -> String {
    reqwest::Url::parse(url)
        .map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization())
}

impl AdapterConnector {
    /// The parts of the adapters that are still used.
    fn parts(&self) -> MutexGuard<'_, Vec<(Weak<Adapter>, Parts)>> {
        let parts = self.parts.lock();
        let mut parts = parts.unwrap_or_else(PoisonError::into_inner);
        parts.retain(|(bss, _)| bss.strong_count() > 0);
        parts
    }

    fn join(&self, settings: &ConnectionSettings) -> Membership {
        let at_once = |number| u16::try_from(number).ok().and_then(NonZeroU16::new);
        let limits = Declared {
            per_second: settings
                .requests_per_second
                .map(|number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)),
            concurrency: settings
                .concurrency
                .map(|number| at_once(number).unwrap_or(NonZeroU16::MIN)),
        };
        let party = Party {
            namespace: settings.namespace(),
            identity: &settings.identity,
            origin: &origin(&settings.url),
            credentials: settings.login.fingerprint(),
        };
        self.limits.join(&party, limits)
    }

    /// One access, as its adapter needs it.
    fn side<'a>(
        &self,
        settings: ConnectionSettings,
        (access, kept): (&'a Access, &Arc<Kept>),
    ) -> Result<Side<'a>, BssError> {
        Ok(Side {
            adapter: settings.adapter.clone(),
            transport: self.transport(settings)?,
            access,
            kept: Arc::clone(kept),
        })
    }

    /// What the adapters before this one, of the same connections as they are now, went on with.
    fn kept(
        &self,
        distributor: &ConnectionSettings,
        tenant: Option<&ConnectionSettings>,
    ) -> Arc<Kept> {
        let sides = || std::iter::once(distributor).chain(tenant);
        let names: Vec<&str> = sides().map(|side| side.connection.as_str()).collect();
        let name = names.join(" ");
        // No Secret is a part of it.
        let made_of = sides()
            .map(|side| format!("{} {} {:?}", side.identity, side.url, side.adapter))
            .collect::<Vec<_>>()
            .join(";");
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other, (_, kept)| *other == name || Arc::strong_count(kept) > 1);
        match all.get(&name) {
            Some((before, kept)) if *before == made_of => Arc::clone(kept),
            Some(_) | None => {
                let kept = Arc::<Kept>::default();
                all.insert(name, (made_of, Arc::clone(&kept)));
                kept
            }
        }
    }

    fn transport(&self, settings: ConnectionSettings) -> Result<Settings, BssError> {
        let timeouts = Timeouts::within(settings.timeout);
        let ranges = self.ranges(settings.namespace());
        let credentials = match settings.login {
            Login::Bearer(token) => Credentials::Bearer(token),
            Login::OAuth2 {
                token_url,
                grant,
                scopes,
                id,
                secret,
                endpoint,
            } => {
                let TokenEndpoint {
                    authentication,
                    parameters,
                    tls,
                    allowed_hosts,
                } = *endpoint;
                let wanted = TokenSettings {
                    token_url,
                    grant,
                    scopes,
                    client_id: id,
                    client_secret: secret,
                    authentication,
                    parameters,
                    tls,
                    proxies: self.proxies.clone(),
                    allowed_hosts,
                    allowed_ranges: ranges.clone(),
                    cleartext: Cleartext::Refused,
                    timeouts,
                };
                Credentials::OAuth(self.tokens(&settings.connection, wanted)?)
            }
        };
        Ok(Settings {
            url: settings.url,
            credentials,
            tls: settings.tls,
            proxies: self.proxies.clone(),
            allowed_hosts: settings.allowed_hosts,
            allowed_ranges: ranges,
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
#[path = "connector_tests.rs"]
mod tests;
