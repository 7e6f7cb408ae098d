//! How an adapter reaches its BSS: one client per connection, bounded in every direction.
//!
//! `target` decides whether the connection's URL may be used at all (scheme), `allowed` whether the
//! Secret may be sent there, `guard` which addresses, `resolver` asks for them and pins them for a
//! minute, `route` says whether a proxy is between, `trust` whose certificates count, `client` keeps
//! it all together, `credentials` and `oauth` what it logs in with, `exchange` sends, `decoding` undoes
//! the coding of a body, `trace` names each call, `observed` clocks it, `read_only` is a transport that can form no request
//! but GET.
//! A [`Transport`] sends nothing without a permit of the limiter, follows nothing, keeps nothing,
//! and never shows its credentials.

mod allowed;
mod client;
mod credentials;
mod decoding;
mod exchange;
mod failure;
mod guard;
mod oauth;
mod observed;
mod read_only;
mod resolver;
mod retry_after;
mod route;
mod settings;
mod target;
mod trace;
mod trust;

pub use allowed::AllowedHosts;
pub use credentials::{Credentials, SHORTEST_SECRET};
pub use exchange::{Challenge, Coding, Media, Reply};
pub use failure::Failure;
pub use guard::AllowedRanges;
#[cfg(any(test, fuzzing))]
pub(crate) use oauth::fuzzing;
pub use oauth::{
    ClientAuthentication, Clock, Grant, RESERVED_PARAMETERS, TokenSettings, TokenSource,
};
pub use observed::{CallTimes, call_span, clocked, ended};
pub use read_only::{Get, Place, ReadOnly};
pub use route::Proxies;
pub use settings::{Settings, Timeouts};
pub use target::Cleartext;
pub use trust::{CaBundle, ClientCertificate, MachineRoots, PairFault, Part, Tls};

use super::cancellation;
use super::error::BssError;
use super::limits::{Access, Feedback, Kind, Limiter, Reach};
use crate::legible::legible;
use credentials::Login;
use exchange::{Exchange, Room};
use failure::{Again, Unanswered};
use guard::GuardedHost;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue,
};
use reqwest::{Method, Url};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use target::Target;
use tokio::time::Instant;
use trace::TraceIds;

/// What names a call on both sides (W3C Trace Context).
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

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
    pub query: Vec<(Cow<'static, str>, String)>,
    /// Whether it changes something.
    pub effect: Effect,
    /// Further headers.
    pub headers: Vec<(HeaderName, String)>,
    /// The body, JSON.
    pub body: Option<Vec<u8>>,
    /// How large its reply may be.
    pub reply: ReplySize,
    /// How long it may take as a whole; none for as long as the connection's settings say.
    pub within: Option<Duration>,
}

impl Request<'_> {
    /// What tells it from requests that take shorter or longer: its method, the words of its path, and how much
    /// it asks for. What has a digit in it is an id, most likely.
    fn kind(&self) -> Kind {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        self.method.hash(&mut hasher);
        for segment in self.path {
            let id = segment.bytes().any(|byte| byte.is_ascii_digit());
            (if id { "" } else { segment }).hash(&mut hasher);
        }
        self.query.len().hash(&mut hasher);
        let size = self
            .body
            .as_ref()
            .and_then(|body| body.len().checked_ilog2());
        size.hash(&mut hasher);
        Kind(hasher.finish())
    }
}

/// What a reply means that is no success, as far as the transport itself acts on it.
pub trait Rules: Sync {
    /// Whether the reply means *too many requests*.
    fn throttles(&self, reply: &Reply) -> bool;

    /// Whether the reply means that the token is not, or no longer, good.
    fn refuses_the_login(&self, reply: &Reply) -> bool {
        refuses_the_login(reply)
    }
}

/// The usual rules, with the connection's own word on throttling.
struct Usual<F>(F);

impl<F: Fn(&Reply) -> bool + Sync> Rules for Usual<F> {
    fn throttles(&self, reply: &Reply) -> bool {
        self.0(reply)
    }
}

/// How large a reply may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplySize {
    /// It tells of one thing: 256 KiB. So is every reply that is no success.
    One,
    /// It tells of many: as much as the connection's settings say.
    Many,
}

/// One connection to one BSS.
pub struct Transport {
    exchange: Exchange,
    target: Target,
    credentials: Credentials,
    access: Access,
    traces: TraceIds,
}

impl Transport {
    /// Checks the connection and builds its client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`BssError::Refused`] if the URL, its host, its address, the token or the CA may not be
    /// used.
    pub fn new(settings: Settings, access: impl Into<Access>) -> Result<Self, BssError> {
        let host = GuardedHost::new(settings.allowed_ranges.clone());
        let target = Target::new(&settings.url, settings.cleartext)?;
        target.require_allowed(&settings.allowed_hosts)?;
        settings.credentials.check()?;
        let reach = client::Reach {
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
            access: access.into(),
            traces: TraceIds::new(),
        })
    }

    /// A value for the header [`TRACEPARENT`] of the call that the present span is about.
    #[must_use]
    pub fn trace(&self) -> String {
        self.traces.next()
    }

    /// What all calls go through.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The limiter that all calls go through.
    #[must_use]
    pub fn limiter(&self) -> &Arc<Limiter> {
        self.access.limiter()
    }

    /// Sends the request, once it has what to log in with and a permit, unless the caller has cancelled it
    /// meanwhile ([`Cancellation`](super::cancellation::Cancellation)). Dropping the future before it is
    /// sent leaves no trace; afterwards the request is out and its outcome unknown.
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
        throttles: impl Fn(&Reply) -> bool + Sync,
    ) -> Result<Reply, Failure> {
        self.call_by(request, &Usual(throttles)).await
    }

    /// The same, by rules of the caller's.
    ///
    /// # Errors
    ///
    /// [`Failure`] says how far the request came.
    pub async fn call_by(
        &self,
        request: &Request<'_>,
        rules: &impl Rules,
    ) -> Result<Reply, Failure> {
        let figures = self.limiter().figures();
        let login = self.credentials.login(figures).await?;
        let mut reply = self.taken(request, &login, rules).await?;
        let refused = !reply.throttled && rules.refuses_the_login(&reply);
        if refused && self.credentials.another(&login) {
            let login = self.credentials.login(figures).await?;
            reply = self.taken(request, &login, rules).await?;
        }
        if is_refused(&reply) {
            self.access.refused();
        }
        Ok(reply)
    }

    /// Sends it until the server has taken it, a few times at most. A connection that ends is a thing of
    /// every day, and no trouble that people are told of.
    async fn taken(
        &self,
        request: &Request<'_>,
        login: &Login,
        rules: &impl Rules,
    ) -> Result<Reply, Failure> {
        for _ in 0..MOST_RETRIES {
            let Unanswered { failure, again } = match self
                .attempt(request, login, (rules, Try::OneOfSeveral))
                .await
            {
                Ok(reply) => return Ok(reply),
                Err(unanswered) => unanswered,
            };
            if !may_repeat(again, request.effect) {
                return Err(failure);
            }
        }
        let last = self.attempt(request, login, (rules, Try::Last)).await;
        last.map_err(|unanswered| unanswered.failure)
    }

    async fn attempt(
        &self,
        request: &Request<'_>,
        login: &Login,
        (rules, which): (&impl Rules, Try),
    ) -> Result<Reply, Unanswered> {
        let prepared = self.prepare(request, login)?;
        let asked = Instant::now();
        let turn = self.access.acquire().await;
        observed::waited(asked.elapsed());
        let turn = turn.map_err(Failure::Deferred)?;
        // The queue may have taken its time; dropping the permit says nothing about the BSS.
        if cancellation::is_cancelled() {
            return Err(Failure::Cancelled.into());
        }
        let room = Room {
            size: request.reply,
            purse: self.access.purse(),
            within: request.within,
        };
        let result = self
            .exchange
            .attempt(prepared, &room)
            .await
            .map(|mut reply| {
                reply.throttled = rules.throttles(&reply);
                reply
            });
        if result
            .as_ref()
            .is_ok_and(|reply| (200..300).contains(&reply.status))
        {
            self.access.accepted();
        }
        let kind = request.kind();
        match &result {
            Ok(reply) => turn.finish((kind, of_reply(reply)), reach(reply)),
            Err(unanswered)
                if which == Try::OneOfSeveral && may_repeat(unanswered.again, request.effect) =>
            {
                turn.finish((kind, Feedback::Nothing), Reach::Connection);
            }
            Err(unanswered) => {
                let feedback = of_failure(&unanswered.failure);
                turn.finish((kind, feedback), Reach::Connection);
            }
        }
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
        let accepted = "application/json, application/problem+json";
        headers.insert(ACCEPT, HeaderValue::from_static(accepted));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
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

/// The BSS does not accept the login.
fn is_refused(reply: &Reply) -> bool {
    reply.status == 401 && !reply.throttled
}

/// Whom what a reply shows concerns. Which other status means *too many requests*, how long a reply
/// may take and whom to trust is what the connection says.
fn reach(reply: &Reply) -> Reach {
    match reply.status {
        429 | 503 => Reach::Origin,
        _ => Reach::Connection,
    }
}

/// So often is a request sent again at once that the server has not taken.
const MOST_RETRIES: u32 = 2;

/// Which try it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Try {
    OneOfSeveral,
    Last,
}

fn may_repeat(again: Again, effect: Effect) -> bool {
    match again {
        Again::Always => true,
        Again::IfRead => effect == Effect::Read,
        Again::Never => false,
    }
}

/// What a reply says to the limiter.
fn of_reply(reply: &Reply) -> Feedback {
    let after = reply.retry_after;
    match reply {
        Reply {
            throttled: true, ..
        } => Feedback::Throttled { after },
        Reply { status: 503, .. } => Feedback::Unavailable { after },
        // A gateway that got no answer from the BSS behind it.
        Reply {
            status: 502 | 504, ..
        } => Feedback::Lost,
        Reply { .. } => Feedback::Answered,
    }
}

/// What a call without a reply says to the limiter.
fn of_failure(failure: &Failure) -> Feedback {
    match failure {
        Failure::Lost(_) => Feedback::Lost,
        Failure::Redirected(_) | Failure::TooLarge(_) => Feedback::Answered,
        Failure::NotSent(_) => Feedback::Unavailable { after: None },
        Failure::Refused(_)
        | Failure::Unsendable(_)
        | Failure::Deferred(_)
        | Failure::Cancelled
        | Failure::NoRoom
        | Failure::ClientRefused(_)
        | Failure::TokenNonsense(_)
        | Failure::TokenAway(_) => Feedback::Nothing,
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

/// The text without control characters and without what cannot be seen, and not longer than people read.
pub(crate) fn fit(text: &str) -> String {
    const LONGEST: usize = 512;
    legible(text).chars().take(LONGEST).collect()
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
