//! From a connection to an adapter: which adapter a connection names, and how its BSS is reached. It
//! may touch every adapter and what adapters share. It must not know a cluster, a custom resource or
//! an upgrade: what a connection says is handed in.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::bindings::is_namespace;
use super::error::BssError;
use super::limits::{
    Access, Fingerprint, Identities, Limiter, LimiterRegistry, Membership, Party, Place, Seat,
    Settings as Limits, Snapshot,
};
use super::port::{
    AccountId, Acquisition, Activation, ActivationTarget, Blocker, Bss, BssResult, BusinessKey,
    ByItem, Capabilities, CheckTarget, CopyItem, CopyListing, CopyRecord, Customer, Fence, Found,
    IssuedEpoch, ItemOutcome, OpenOrder, OperationId, OperationState, Page, PageRequest,
    PricingOptions, PricingOutcome, PricingState, Purchase, RequestKey, Reseller, SourceId, Tenant,
    TenantCreation, TenantId, TenantSettings,
};
use super::reference::ReferenceBss;
use super::transport::{
    AllowedRanges, Cleartext, ClientAuthentication, Credentials, Proxies, Settings, Timeouts, Tls,
    TokenSettings, TokenSource,
};

/// What a connection says, with what stands in its Secrets.
#[derive(Debug)]
pub struct ConnectionSettings {
    /// The connection's namespace and name.
    pub connection: String,
    /// The BSS's declared name.
    pub identity: String,
    /// The name of the adapter.
    pub adapter: &'static str,
    /// The base URL.
    pub url: String,
    /// How to log in.
    pub login: Login,
    /// The hosts that what is in the Secret may be sent to, as it says itself.
    pub allowed_hosts: String,
    /// Whom to trust at the BSS, and how to prove oneself there.
    pub tls: Tls,
    /// The status codes that mean *too many requests*, besides 429.
    pub throttle_statuses: Vec<u16>,
    /// Requests per second.
    pub requests_per_second: u32,
    /// Requests at a time.
    pub concurrency: u32,
    /// The bound on one request.
    pub timeout: Duration,
}

impl ConnectionSettings {
    /// The connection's namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        // No namespace's name holds a slash.
        let parts = self.connection.split_once('/');
        parts.map_or("", |(namespace, _)| namespace)
    }
}

/// How to log in.
#[derive(Debug)]
pub enum Login {
    /// A token that lasts.
    Bearer(SecretString),
    /// OAuth 2 client credentials.
    ClientCredentials {
        /// The token endpoint.
        token_url: String,
        /// The scopes to ask for.
        scopes: Vec<String>,
        /// The client that asks.
        id: SecretString,
        /// The proof that it is this client.
        secret: SecretString,
        /// The rest of what concerns the token endpoint.
        endpoint: Box<TokenEndpoint>,
    },
}

impl Login {
    /// Tells these credentials from others.
    fn fingerprint(&self) -> Fingerprint {
        let mut hasher = Sha256::new();
        let mut add = |part: &str| {
            hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part.as_bytes());
        };
        match self {
            Self::Bearer(token) => add(token.expose_secret()),
            Self::ClientCredentials {
                token_url,
                scopes,
                id,
                secret,
                endpoint: _,
            } => {
                let credentials = [token_url, id.expose_secret(), secret.expose_secret()];
                credentials.into_iter().for_each(&mut add);
                for scope in scopes {
                    add(scope);
                }
            }
        }
        hasher.finalize().into()
    }
}

/// How a token endpoint is asked.
#[derive(Debug, Default)]
pub struct TokenEndpoint {
    /// Where id and secret stand in the request.
    pub authentication: ClientAuthentication,
    /// Further parameters of the request.
    pub parameters: BTreeMap<String, String>,
    /// Whom to trust there, and how to prove oneself.
    pub tls: Tls,
    /// The hosts that id and secret may be sent to, as their Secret says itself.
    pub allowed_hosts: String,
}

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

/// The adapters that there are. Another one is another variant here and in [`Adapter`], and an arm
/// wherever this file matches on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Reference,
}

impl Kind {
    /// The adapter that goes by this name in a connection.
    fn named(name: &str) -> Result<Self, BssError> {
        match name {
            "reference" => Ok(Self::Reference),
            _ => Err(BssError::Refused {
                detail: format!("there is no adapter {name}"),
            }),
        }
    }

    /// Makes the adapter. Nothing is sent.
    fn adapter(self, settings: Settings, access: &Access) -> Result<Adapter, BssError> {
        match self {
            Self::Reference => ReferenceBss::new(settings, access.clone()).map(Adapter::Reference),
        }
    }
}

/// The adapter that a connection names.
#[derive(Debug)]
pub enum Adapter {
    /// A BSS, or a service in front of it, that speaks the project's own contract.
    Reference(ReferenceBss),
}

impl Adapter {
    /// The same, with the access of a tenant that has one of its own.
    fn with_tenant(self, settings: Settings, access: &Access) -> Result<Self, BssError> {
        match self {
            Self::Reference(bss) => {
                let both = bss.with_tenant_through(settings, access.clone());
                both.map(Self::Reference)
            }
        }
    }

    /// The limiter of the calls to the distributor.
    #[must_use]
    pub fn limiter(&self) -> &Arc<Limiter> {
        match self {
            Self::Reference(bss) => bss.limiter(),
        }
    }
}

/// Hands the verbs of the port on to the adapter.
macro_rules! hand_on {
    ($($verb:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {$(
        async fn $verb(&self, $($argument: $kind),*) -> BssResult<$answer> {
            match self {
                Self::Reference(bss) => bss.$verb($($argument),*).await,
            }
        }
    )*};
}

#[rustfmt::skip]
impl Bss for Adapter {
    hand_on! {
        get_identity() -> Option<String>;
        get_capabilities() -> Capabilities;
        get_reseller(account: &AccountId) -> Reseller;
        acquire_epoch(account: &AccountId, acquisition: Acquisition<'_>) -> IssuedEpoch;
        get_tenant(account: &AccountId) -> Option<Tenant>;
        create_tenant(
            fence: Fence<'_>, request: &RequestKey, key: &BusinessKey, settings: &TenantSettings
        ) -> TenantCreation;
        get_operation(id: &OperationId) -> OperationState;
        list_customers(account: &AccountId, page: &PageRequest) -> Page<Customer>;
        list_subscriptions(account: &AccountId, page: &PageRequest) -> Page<Purchase>;
        list_open_orders(account: &AccountId, page: &PageRequest) -> Page<OpenOrder>;
        list_copies(tenant: &TenantId, listing: CopyListing, page: &PageRequest) -> Page<CopyRecord>;
        find_copies(tenant: &TenantId, keys: &[BusinessKey]) -> BTreeMap<BusinessKey, Found>;
        copy_customers(
            fence: Fence<'_>, tenant: &TenantId, items: &[CopyItem]
        ) -> ByItem<ItemOutcome>;
        get_pricing(tenant: &TenantId, customers: &[SourceId]) -> ByItem<PricingState>;
        set_pricing(
            fence: Fence<'_>, tenant: &TenantId, options: &BTreeMap<SourceId, PricingOptions>
        ) -> ByItem<PricingOutcome>;
        check_purchases(
            account: &AccountId, target: &CheckTarget, items: &[SourceId]
        ) -> ByItem<Vec<Blocker>>;
        copy_subscriptions(
            fence: Fence<'_>, tenant: &TenantId, items: &[CopyItem]
        ) -> ByItem<ItemOutcome>;
        activate_back_ordering(
            fence: Fence<'_>, request: &RequestKey, key: &BusinessKey, target: ActivationTarget<'_>
        ) -> Activation;
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

    /// Where the figures of all calls are read: one snapshot for each limiter.
    pub fn figures(&self) -> impl Fn() -> Vec<Snapshot> + Send + Sync + use<> {
        let limits = Arc::clone(&self.limits);
        move || limits.figures()
    }
}

impl Connector for AdapterConnector {
    type Bss = Adapter;

    fn connect(
        &self,
        distributor: ConnectionSettings,
        tenant: Option<ConnectionSettings>,
    ) -> Result<Arc<Adapter>, BssError> {
        let kind = Kind::named(distributor.adapter)?;
        self.forget_unused_tokens(&distributor, tenant.as_ref());
        // The tenant's own address is no second origin: it is the same BSS's other side.
        let place = self.identities.enter(
            distributor.namespace(),
            &distributor.identity,
            &origin(&distributor.url),
        );
        let membership = self.join(&distributor);
        let mut bss = kind.adapter(self.transport(distributor)?, membership.access())?;
        let mut memberships = vec![membership];
        if let Some(tenant) = tenant {
            let name = tenant.connection.clone();
            let membership = self.join(&tenant);
            let both = same_adapter(kind, &tenant)
                .and_then(|()| self.transport(tenant))
                .and_then(|settings| bss.with_tenant(settings, membership.access()));
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

/// Both sides of a BSS are reached by one adapter.
fn same_adapter(kind: Kind, tenant: &ConnectionSettings) -> Result<(), BssError> {
    if Kind::named(tenant.adapter)? == kind {
        return Ok(());
    }
    Err(BssError::Refused {
        detail: format!(
            "its adapter is {}, that of the distributor's connection is another one",
            tenant.adapter
        ),
    })
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
        let limits = Limits {
            per_second: NonZeroU32::new(settings.requests_per_second).unwrap_or(NonZeroU32::MIN),
            concurrency: u16::try_from(settings.concurrency)
                .ok()
                .and_then(NonZeroU16::new)
                .unwrap_or(NonZeroU16::MIN),
        };
        let party = Party {
            namespace: settings.namespace(),
            identity: &settings.identity,
            origin: &origin(&settings.url),
            credentials: settings.login.fingerprint(),
        };
        self.limits.join(&party, limits)
    }

    fn transport(&self, settings: ConnectionSettings) -> Result<Settings, BssError> {
        let timeouts = Timeouts::within(settings.timeout);
        let ranges = self.ranges(settings.namespace());
        let credentials = match settings.login {
            Login::Bearer(token) => Credentials::Bearer(token),
            Login::ClientCredentials {
                token_url,
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
mod tests {
    use super::*;
    use std::time::Duration;

    fn settings(url: &str, requests_per_second: u32) -> ConnectionSettings {
        ConnectionSettings {
            connection: "ns/name".to_owned(),
            identity: "acme".to_owned(),
            adapter: "reference",
            url: url.to_owned(),
            login: Login::Bearer("token-of-the-test".to_owned().into()),
            throttle_statuses: vec![429],
            allowed_hosts: "127.0.0.1:1,127.0.0.1:2".to_owned(),
            tls: Tls::default(),
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
        assert!(Arc::ptr_eq(first.limiter(), same.limiter()));
        let rate = |bss: &Arc<Adapter>| bss.limiter().settings().per_second.get();
        assert_eq!(
            (rate(&first), rate(&second)),
            (20, 5),
            "each origin its own"
        );
        drop((first, same));
        assert!(!connector.must_tell_its_identity(&second));
    }

    #[test]
    fn a_namespace_declares_nothing_for_another() {
        let connector = AdapterConnector::new(&["127.0.0.0/8".to_owned()]).unwrap();
        let of = |connection: &str, url| ConnectionSettings {
            connection: connection.to_owned(),
            ..settings(
                url,
                if connection.starts_with("evil") {
                    1
                } else {
                    20
                },
            )
        };
        let connect = |connection, url| connector.connect(of(connection, url), None).unwrap();
        // The attacker is there first, with the victim's identity, at its own origin and at the
        // victim's.
        let _own = connect("evil/a", "https://127.0.0.1:2");
        let _same = connect("evil/b", "https://127.0.0.1:1");
        let victim = connect("resellers/a", "https://127.0.0.1:1");
        assert_eq!(victim.limiter().settings().per_second.get(), 20);
        assert!(!connector.must_tell_its_identity(&victim));
    }

    #[test]
    fn a_range_is_allowed_to_the_namespace_that_it_is_bound_to() {
        let ranges = ["127.0.0.0/8@resellers", "10.0.0.0/8"].map(str::to_owned);
        let connector = AdapterConnector::new(&ranges).unwrap();
        let connect = |connector: &AdapterConnector, namespace: &str, url| {
            let connection = format!("{namespace}/a");
            let allowed_hosts = "127.0.0.1:1,10.1.1.1".to_owned();
            let connection = ConnectionSettings {
                connection,
                allowed_hosts,
                ..settings(url, 5)
            };
            connector.connect(connection, None).map(drop)
        };
        let refused = |result: Result<(), BssError>| result.unwrap_err().to_string();
        let loopback = "https://127.0.0.1:1";
        assert_eq!(connect(&connector, "resellers", loopback), Ok(()));
        let said = refused(connect(&connector, "evil", loopback));
        assert!(said.contains("loopback"), "{said}");
        assert_eq!(connect(&connector, "evil", "https://10.1.1.1"), Ok(()));
        let denying = connector.denying(&["127.0.0.0/8".to_owned()]).unwrap();
        let said = refused(connect(&denying, "resellers", loopback));
        assert!(said.contains("denies"), "{said}");
        for wrong in ["10.0.0.0/8@", "10.0.0.0/8@A", "10.0.0.0/8@a@b", "x@a", "@a"] {
            let error = AdapterConnector::new(&[wrong.to_owned()]).unwrap_err();
            assert!(error.contains("is no"), "{error}");
        }
    }

    fn with_client(connection: &str, secret: &str) -> ConnectionSettings {
        ConnectionSettings {
            connection: connection.to_owned(),
            login: Login::ClientCredentials {
                token_url: "https://127.0.0.1:9/token".to_owned(),
                scopes: Vec::new(),
                id: "id".to_owned().into(),
                secret: secret.to_owned().into(),
                endpoint: Box::new(TokenEndpoint {
                    allowed_hosts: "127.0.0.1:9".to_owned(),
                    ..TokenEndpoint::default()
                }),
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
    fn an_adapter_that_there_is_not_is_refused_by_its_name() {
        let connector = AdapterConnector::new(&["127.0.0.0/8".to_owned()]).unwrap();
        let unknown = |url| ConnectionSettings {
            adapter: "carrier-pigeon",
            ..settings(url, 5)
        };
        let refused = connector.connect(unknown("https://127.0.0.1:1"), None);
        let detail = "there is no adapter carrier-pigeon";
        assert_eq!(
            refused.unwrap_err(),
            BssError::Refused {
                detail: detail.to_owned()
            }
        );
        let tenant = Some(unknown("https://127.0.0.1:2"));
        let refused = connector.connect(settings("https://127.0.0.1:1", 5), tenant);
        assert_eq!(
            refused.unwrap_err(),
            BssError::Refused {
                detail: format!("the tenant's connection ns/name: {detail}")
            }
        );
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
        assert_eq!(connector.parts().len(), 1);
    }
}
