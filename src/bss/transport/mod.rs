//! How an adapter reaches its BSS: one client per connection, bounded in every direction.
//!
//! `target` decides whether the connection's URL may be used at all (scheme), `allowed` whether the
//! Secret may be sent there, `guard` which addresses, `resolver` asks for them and pins them for a
//! minute, `route` says whether a proxy is between, `trust` whose certificates count, `client` keeps
//! it all together, `credentials` and `oauth` what it logs in with, `exchange` sends, `trace` names
//! each call.
//! A [`Transport`] sends nothing without a permit of the limiter, follows nothing, keeps nothing,
//! and never shows its credentials.

mod allowed;
mod client;
mod credentials;
mod exchange;
mod failure;
mod guard;
mod oauth;
mod resolver;
mod retry_after;
mod route;
mod target;
mod trace;
mod trust;

pub use allowed::AllowedHosts;
pub use credentials::{Credentials, SHORTEST_SECRET};
pub use exchange::{Challenge, Media, Reply};
pub use failure::Failure;
pub use guard::AllowedRanges;
#[cfg(any(test, fuzzing))]
pub(crate) use oauth::fuzzing;
pub use oauth::{ClientAuthentication, RESERVED_PARAMETERS, TokenSettings, TokenSource};
pub use route::Proxies;
pub use target::Cleartext;
pub use trust::{CaBundle, ClientCertificate, MachineRoots, PairFault, Part, Tls};

use super::consent;
use super::error::BssError;
use super::limits::{Feedback, Limiter};
use client::Reach;
use credentials::Login;
use exchange::Exchange;
use guard::GuardedHost;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use target::Target;
use trace::TraceIds;

/// What names a call on both sides (W3C Trace Context).
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// How long a call may take, its wait for a permit not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands: name, TCP and TLS.
    pub connect: Duration,
    /// From then on until the reply's headers are there.
    pub first_byte: Duration,
    /// From the beginning until the last byte of the reply.
    pub whole: Duration,
}

impl Timeouts {
    /// Time-outs for a connection whose requests may take so long as a whole.
    #[must_use]
    pub fn within(whole: Duration) -> Self {
        Self {
            connect: whole.min(Duration::from_secs(10)),
            first_byte: whole,
            whole,
        }
    }
}

/// What a connection declares.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The base URL of the BSS.
    pub url: String,
    /// How to log in.
    pub credentials: Credentials,
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
    /// The status codes that mean *too many requests*, besides 429.
    pub throttle_statuses: Vec<u16>,
    /// Time-outs.
    pub timeouts: Timeouts,
    /// The largest reply that is read, in bytes.
    pub reply_limit: usize,
}

impl Settings {
    /// The largest reply that is read unless told otherwise: 8 MiB.
    pub const REPLY_LIMIT: usize = 8 * 1024 * 1024;
}

/// Whether a lost reply leaves a doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It only looks.
    Read,
    /// It changes something.
    Write,
}

/// A request.
#[derive(Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The path below the base URL; each segment is percent-encoded as a whole.
    pub path: &'a [&'a str],
    /// The query.
    pub query: Vec<(&'static str, String)>,
    /// Further headers.
    pub headers: Vec<(HeaderName, String)>,
    /// The body, JSON.
    pub body: Option<Vec<u8>>,
}

/// One connection to one BSS.
pub struct Transport {
    exchange: Exchange,
    target: Target,
    credentials: Credentials,
    limiter: Arc<Limiter>,
    traces: TraceIds,
}

impl Transport {
    /// Checks the connection and builds its client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`BssError::Refused`] if the URL, its host, its address, the token or the CA may not be
    /// used.
    pub fn new(settings: Settings, limiter: Arc<Limiter>) -> Result<Self, BssError> {
        let host = GuardedHost::new(settings.allowed_ranges.clone());
        let target = Target::new(&settings.url, settings.cleartext)?;
        target.require_allowed(&settings.allowed_hosts)?;
        settings.credentials.check()?;
        let reach = Reach {
            target: &target,
            guard: host,
            tls: &settings.tls,
            proxies: &settings.proxies,
            timeouts: settings.timeouts,
        };
        let exchange = Exchange::new(reach, settings.reply_limit)?;
        Ok(Self {
            exchange,
            target,
            credentials: settings.credentials,
            limiter,
            traces: TraceIds::new(),
        })
    }

    /// A value for the header [`TRACEPARENT`] of the next call.
    #[must_use]
    pub fn trace(&self) -> String {
        self.traces.next()
    }

    /// The limiter that all calls go through.
    #[must_use]
    pub fn limiter(&self) -> &Arc<Limiter> {
        &self.limiter
    }

    /// Sends the request, once it has what to log in with, a permit, and still the caller's
    /// [`Consent`](super::consent::Consent). Dropping the future before it is sent leaves no trace;
    /// afterwards the request is out and its outcome unknown.
    ///
    /// A login that the BSS does not accept (nothing was done) is renewed once where it can be, and
    /// the request repeated. `throttles` says whether a reply means *too many requests*.
    ///
    /// # Errors
    ///
    /// [`Failure`] says how far the request came.
    pub async fn call(
        &self,
        request: &Request<'_>,
        throttles: impl Fn(&Reply) -> bool,
    ) -> Result<Reply, Failure> {
        let login = self.credentials.login(self.limiter.figures()).await?;
        let reply = self.attempt(request, &login, &throttles).await?;
        if reply.throttled || !refuses_the_login(&reply) || !self.credentials.another(&login) {
            return Ok(reply);
        }
        let login = self.credentials.login(self.limiter.figures()).await?;
        self.attempt(request, &login, &throttles).await
    }

    async fn attempt(
        &self,
        request: &Request<'_>,
        login: &Login,
        throttles: impl Fn(&Reply) -> bool,
    ) -> Result<Reply, Failure> {
        let prepared = self.prepare(request, login)?;
        let permit = self.limiter.acquire().await.map_err(Failure::Deferred)?;
        // The queue may have taken its time; dropping the permit says nothing about the BSS.
        if !consent::holds() {
            return Err(Failure::Withdrawn);
        }
        let result = self.exchange.send(prepared).await.map(|mut reply| {
            reply.throttled = throttles(&reply);
            reply
        });
        permit.finish(feedback(&result));
        result
    }

    /// Makes a text of the BSS fit for logs, events and status: no control characters, bounded,
    /// and without the credentials, should the BSS have repeated them.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        fit(&self.credentials.hide(text))
    }

    fn prepare(&self, request: &Request<'_>, login: &Login) -> Result<reqwest::Request, Failure> {
        let url = self.target.join(request.path, &request.query)?;
        let mut prepared = reqwest::Request::new(request.method.clone(), url);
        let headers = prepared.headers_mut();
        headers.insert(AUTHORIZATION, login.header.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in &request.headers {
            let value = HeaderValue::from_str(value)
                .map_err(|_| Failure::Unsendable(format!("the header {name}")))?;
            headers.insert(name.clone(), value);
        }
        if let Some(body) = &request.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *prepared.body_mut() = Some(body.clone().into());
        }
        Ok(prepared)
    }
}

/// What a call that ended says to the limiter.
fn feedback(result: &Result<Reply, Failure>) -> Feedback {
    match result {
        Ok(Reply {
            throttled: true,
            retry_after,
            ..
        }) => Feedback::Throttled {
            after: *retry_after,
        },
        Ok(Reply {
            status: 503,
            retry_after,
            ..
        }) => Feedback::Unavailable {
            after: *retry_after,
        },
        // A gateway that got no answer from the BSS behind it.
        Ok(Reply {
            status: 502 | 504, ..
        })
        | Err(Failure::Lost(_)) => Feedback::Lost,
        Ok(_) | Err(Failure::Redirected(_) | Failure::TooLarge(_)) => Feedback::Answered,
        Err(Failure::NotSent(_)) => Feedback::Unavailable { after: None },
        Err(
            Failure::Refused(_)
            | Failure::Unsendable(_)
            | Failure::Deferred(_)
            | Failure::Withdrawn
            | Failure::ClientRefused(_)
            | Failure::TokenNonsense(_)
            | Failure::TokenAway(_),
        ) => Feedback::Nothing,
    }
}

/// Whether it is the token that is refused, in whichever way a BSS or a gateway before it says so:
/// with 401; with `invalid_token`, in the header or in the body (RFC 6750, 3.1); or with a 403 that
/// bears no class of the contract, as gateways answer whose own check of the token fails.
fn refuses_the_login(reply: &Reply) -> bool {
    #[derive(serde::Deserialize)]
    struct Said {
        class: Option<serde_json::Value>,
        error: Option<serde_json::Value>,
    }
    match reply.status {
        401 => return true,
        400..=499 => {}
        _ => return false,
    }
    if reply.challenge == Challenge::InvalidToken {
        return true;
    }
    let said: Option<Said> = serde_json::from_slice(&reply.body).ok();
    let (class, error) = said.map_or((None, None), |said| (said.class, said.error));
    if error.as_ref().and_then(serde_json::Value::as_str) == Some("invalid_token") {
        return true;
    }
    reply.status == 403 && class.is_none()
}

/// The text without control characters, and not longer than people read.
pub(crate) fn fit(text: &str) -> String {
    const LONGEST: usize = 512;
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(LONGEST).collect()
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// The base URL as it is used; for logs.
impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url: &Url = self.target.url();
        write!(f, "{url}")
    }
}
