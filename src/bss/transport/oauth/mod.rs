//! OAuth 2 client credentials and passwords (RFC 6749, 4.4 and 4.3): where tokens come from.
//!
//! `cache` decides when a token is used, renewed, thrown away or not asked for, `request` how it is
//! asked for, `answer` what a reply means; here the one request under way is made. The token endpoint
//! is reached as the BSS is: checked host and addresses, trust of its own, bounded in size and time,
//! nothing followed. A request for a token has no effect that matters, so its failures never leave a
//! doubt about the BSS.

mod answer;
mod cache;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod request;

use super::client::Reach;
use super::credentials::{hidden, long_enough};
use super::exchange::{Exchange, Room};
use super::failure::Failure;
use super::guard::{AllowedRanges, GuardedHost};
use super::observed::{call_span, clocked, ended};
use super::target::{Cleartext, Target};
use super::trust::Tls;
use super::{Proxies, ReplySize, Timeouts};
use crate::bss::error::BssError;
use crate::bss::limits::Figures;
use cache::{Cache, Issued, NoToken, Step};
use request::{Asked, form};
use reqwest::Method;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

pub(super) use cache::Token;
pub use request::{ClientAuthentication, Grant, RESERVED_PARAMETERS};

/// What a request for a token is counted as, among the operations of the BSS.
const OPERATION: &str = "requestToken";
/// No token is larger.
const REPLY_LIMIT: usize = 64 * 1024;

/// What a connection declares of its token endpoint.
#[derive(Clone)]
pub struct TokenSettings {
    /// The token endpoint.
    pub token_url: String,
    /// On whose behalf.
    pub grant: Grant,
    /// The scopes to ask for; none means the client's usual ones.
    pub scopes: Vec<String>,
    /// Who asks.
    pub client_id: SecretString,
    /// The proof of it.
    pub client_secret: SecretString,
    /// Where id and secret stand in the request.
    pub authentication: ClientAuthentication,
    /// Further parameters of the request.
    pub parameters: BTreeMap<String, String>,
    /// Whom to trust, and how to prove oneself.
    pub tls: Tls,
    /// The way out.
    pub proxies: Proxies,
    /// The value of the Secret's annotation: hosts that it may be sent to.
    pub allowed_hosts: String,
    /// Address ranges that the administrator allows although they are internal.
    pub allowed_ranges: AllowedRanges,
    /// Whether a URL without TLS is accepted.
    pub cleartext: Cleartext,
    /// Time-outs.
    pub timeouts: Timeouts,
}

impl TokenSettings {
    fn same(&self, other: &Self) -> bool {
        let Self {
            token_url,
            grant,
            scopes,
            client_id,
            client_secret,
            authentication,
            parameters,
            tls,
            // Of the process, not of the connection.
            proxies: _,
            allowed_hosts,
            allowed_ranges,
            cleartext,
            timeouts,
        } = self;
        let equal =
            |one: &SecretString, two: &SecretString| one.expose_secret() == two.expose_secret();
        *token_url == other.token_url
            && grant.same(&other.grant)
            && *scopes == other.scopes
            && equal(client_id, &other.client_id)
            && equal(client_secret, &other.client_secret)
            && *authentication == other.authentication
            && *parameters == other.parameters
            && *tls == other.tls
            && *allowed_hosts == other.allowed_hosts
            && *allowed_ranges == other.allowed_ranges
            && *cleartext == other.cleartext
            && *timeouts == other.timeouts
    }
}

impl fmt::Debug for TokenSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the URL: what stands in its query may not be for logs.
        f.debug_struct("TokenSettings").finish_non_exhaustive()
    }
}

/// The tokens of one connection, shared by all adapters that are made of it.
pub struct TokenSource {
    settings: TokenSettings,
    target: Target,
    exchange: Exchange,
    cache: Mutex<Cache>,
    /// Held by the caller that asks the endpoint: one request at a time.
    flight: tokio::sync::Mutex<()>,
    clock: Clock,
}

/// The time since some moment, by which tokens grow old and failures are waited over.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock {
    /// A clock that tells this.
    pub fn new(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The clock of the machine, which no correction of its time moves.
    #[must_use]
    pub fn of_the_machine() -> Self {
        let origin = Instant::now();
        Self::new(move || origin.elapsed())
    }
}

impl TokenSource {
    /// Checks the endpoint and builds its client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`BssError::Refused`] if the URL, its host, its address, the credentials or the CA may not
    /// be used.
    pub fn new(settings: TokenSettings) -> Result<Arc<Self>, BssError> {
        Self::with_clock(settings, Clock::of_the_machine())
    }

    /// The same, by a given clock.
    ///
    /// # Errors
    ///
    /// As [`TokenSource::new`].
    pub fn with_clock(settings: TokenSettings, clock: Clock) -> Result<Arc<Self>, BssError> {
        let host = GuardedHost::new(settings.allowed_ranges.clone());
        let target = Target::endpoint(&settings.token_url, settings.cleartext)
            .and_then(|target| {
                target
                    .require_allowed(&settings.allowed_hosts)
                    .map(|()| target)
            })
            .map_err(of_the_endpoint)?;
        let client = [
            ("clientId", &settings.client_id),
            ("clientSecret", &settings.client_secret),
        ];
        let user = match &settings.grant {
            Grant::ClientCredentials => None,
            Grant::Password { user, password } => {
                Some([("username", user), ("password", password)])
            }
        };
        for (name, value) in client.into_iter().chain(user.into_iter().flatten()) {
            if value.expose_secret().is_empty() {
                return Err(BssError::Refused {
                    detail: format!("the Secret's {name} is empty"),
                });
            }
        }
        long_enough("the Secret's clientSecret", &settings.client_secret)?;
        if let Some(password) = settings.grant.secret() {
            long_enough("the Secret's password", password)?;
        }
        check_parameters(&settings)?;
        check_query(&target)?;
        let reach = Reach {
            target: &target,
            guard: host,
            tls: &settings.tls,
            proxies: &settings.proxies,
            timeouts: settings.timeouts,
        };
        let exchange = Exchange::new(reach, REPLY_LIMIT).map_err(of_the_endpoint)?;
        Ok(Arc::new(Self {
            settings,
            target,
            exchange,
            cache: Mutex::default(),
            flight: tokio::sync::Mutex::new(()),
            clock,
        }))
    }

    /// Whether it is made of these settings, so that its token can be kept.
    #[must_use]
    pub fn is_made_of(&self, settings: &TokenSettings) -> bool {
        self.settings.same(settings)
    }

    /// A token that is good as far as known. Many may ask at a time; one request is made, and counted
    /// where its caller counts.
    pub(super) async fn token(&self, figures: &Figures) -> Result<Token, Failure> {
        let step = self.cache().step(self.now());
        match step {
            Step::Use(token) => Ok(token),
            Step::Renew(token) => match self.flight.try_lock() {
                Ok(_flight) => self.fetch(figures).await,
                Err(_) => Ok(token),
            },
            Step::Wait(failure) => Err(failure),
            Step::Fetch => {
                let _flight = self.flight.lock().await;
                // A call that waited for a request under way takes its result.
                let waited = self.cache().step(self.now());
                match waited {
                    Step::Use(token) | Step::Renew(token) => Ok(token),
                    Step::Wait(failure) => Err(failure),
                    Step::Fetch => self.fetch(figures).await,
                }
            }
        }
    }

    /// The BSS did not take it: whether another one is to be had now.
    pub(super) fn reject(&self, token: &Token) -> bool {
        self.cache().reject(token, self.now())
    }

    /// A text without anything secret of this connection.
    pub(super) fn hide(&self, text: &str) -> String {
        let own = hidden(text, &self.settings.client_secret);
        let own = match self.settings.grant.secret() {
            None => own,
            Some(password) => hidden(&own, password),
        };
        let cache = self.cache();
        cache.known().fold(own, |text, token| hidden(&text, token))
    }

    async fn fetch(&self, figures: &Figures) -> Result<Token, Failure> {
        let span = call_span(OPERATION);
        let (asked, times) = clocked(&span, self.ask()).await;
        let outcome = asked
            .as_ref()
            .map_or_else(|none| class(&none.failure), |_| "Ok");
        ended(&span, outcome, times);
        figures.called(OPERATION, outcome, times.took);
        tracing::debug!(
            endpoint = %self.endpoint(),
            outcome,
            "asked for a token"
        );
        self.cache().land(asked, self.now())
    }

    async fn ask(&self) -> Result<Issued, NoToken> {
        let room = Room {
            size: ReplySize::One,
            purse: None,
            within: None,
        };
        let reply = match self.request() {
            Ok(request) => self.exchange.send(request, &room).await,
            Err(failure) => Err(failure),
        };
        let reply = reply.map_err(|failure| NoToken {
            failure: self.named(failure),
            after: None,
        })?;
        let endpoint = Endpoint {
            name: &self.endpoint(),
            authentication: self.settings.authentication,
            grant: &self.settings.grant,
        };
        answer::read(&reply, &endpoint).map_err(|failure| NoToken {
            failure,
            after: reply.retry_after,
        })
    }

    fn request(&self) -> Result<reqwest::Request, Failure> {
        let settings = &self.settings;
        let formed = form(&Asked {
            grant: &settings.grant,
            authentication: settings.authentication,
            id: &settings.client_id,
            secret: &settings.client_secret,
            scopes: &settings.scopes,
            parameters: &settings.parameters,
        })
        .ok_or_else(|| Failure::Unsendable("the request for a token".to_owned()))?;
        let mut request = reqwest::Request::new(Method::POST, self.target.url().clone());
        let headers = request.headers_mut();
        if let Some(value) = formed.authorization {
            headers.insert(AUTHORIZATION, value);
        }
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        *request.body_mut() = Some(formed.body.into());
        Ok(request)
    }

    /// A failure at the endpoint is none of the BSS: nothing was sent there.
    fn named(&self, failure: Failure) -> Failure {
        let endpoint = self.endpoint();
        match failure {
            Failure::NotSent(detail) | Failure::Lost(detail) => {
                Failure::TokenAway(format!("the token endpoint {endpoint}: {detail}"))
            }
            Failure::Refused(detail) => {
                Failure::Refused(format!("the token endpoint {endpoint}: {detail}"))
            }
            Failure::Redirected(status) => Failure::TokenNonsense(format!(
                "the token endpoint {endpoint} redirects ({status})"
            )),
            Failure::TooLarge(limit) => Failure::TokenNonsense(format!(
                "the token endpoint {endpoint} answers with more than {limit} bytes"
            )),
            failure @ (Failure::Unsendable(_)
            | Failure::Deferred(_)
            | Failure::Cancelled
            | Failure::NoRoom
            | Failure::ClientRefused(_)
            | Failure::TokenNonsense(_)
            | Failure::TokenAway(_)) => failure,
        }
    }

    fn endpoint(&self) -> String {
        self.target.authority()
    }

    fn now(&self) -> Duration {
        (self.clock.0)()
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The class of a request for a token that failed, as figures and logs name it.
fn class(failure: &Failure) -> &'static str {
    match failure {
        Failure::ClientRefused(_) => "AuthRejected",
        Failure::Refused(_) => "Refused",
        Failure::Unsendable(_) => "Invalid",
        Failure::Cancelled => "Cancelled",
        Failure::TokenNonsense(_) | Failure::Redirected(_) | Failure::TooLarge(_) => "Malformed",
        Failure::TokenAway(_)
        | Failure::NotSent(_)
        | Failure::Lost(_)
        | Failure::NoRoom
        | Failure::Deferred(_) => "Unavailable",
    }
}

/// The API server admits no connection that sets these; one of another version may.
fn check_parameters(settings: &TokenSettings) -> Result<(), BssError> {
    let mut names = settings.parameters.keys();
    match names.find(|name| RESERVED_PARAMETERS.contains(&name.as_str())) {
        None if settings.authentication == ClientAuthentication::BasicUnencoded
            && settings.client_id.expose_secret().contains(':') =>
        {
            Err(BssError::Refused {
                detail:
                    "the Secret's clientId contains a colon, which cannot be told from the one \
                         before the secret with clientAuthentication: BasicUnencoded"
                        .to_owned(),
            })
        }
        None => Ok(()),
        Some(name) => Err(BssError::Refused {
            detail: format!("endpointParameters must not set {name}: the operator does"),
        }),
    }
}

/// No parameter of a request comes twice, and id and secret never stand in a URL (RFC 6749, 2.3.1).
fn check_query(target: &Target) -> Result<(), BssError> {
    let mut names = target.parameters();
    match names.find(|name| RESERVED_PARAMETERS.contains(&name.as_ref())) {
        None => Ok(()),
        Some(name) => Err(BssError::Refused {
            detail: format!(
                "token endpoint: the query of its URL must not set {name}: the operator sends it"
            ),
        }),
    }
}

/// The token endpoint, as far as an answer is concerned.
pub(super) struct Endpoint<'a> {
    /// Its host and port.
    name: &'a str,
    authentication: ClientAuthentication,
    grant: &'a Grant,
}

fn of_the_endpoint(error: BssError) -> BssError {
    if let BssError::Refused { detail } = error {
        return BssError::Refused {
            detail: format!("token endpoint: {detail}"),
        };
    }
    error
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}
