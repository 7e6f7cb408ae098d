//! How an adapter reaches its BSS: one client per connection, bounded in every direction.
//!
//! `target` decides whether the connection's URL may be used at all (scheme, allowed hosts),
//! `guard` which addresses, `resolver` asks for them once and pins them, `credentials` and `oauth`
//! what it logs in with, `exchange` sends, `trace` names each call.
//! A [`Transport`] sends nothing without a permit of the limiter, follows nothing, keeps nothing,
//! and never shows its credentials.

mod credentials;
mod exchange;
mod failure;
mod guard;
mod oauth;
mod resolver;
mod retry_after;
mod target;
mod trace;

pub use credentials::{Credentials, SHORTEST_SECRET};
pub use exchange::{Media, Reply};
pub use failure::Failure;
pub use guard::AllowedRanges;
#[cfg(any(test, fuzzing))]
pub(crate) use oauth::fuzzing;
pub use oauth::{TokenSettings, TokenSource};
pub use target::Cleartext;

use super::consent;
use super::error::BssError;
use super::limits::{Access, Feedback, Limiter, Reach};
use credentials::Login;
use exchange::{Exchange, Room};
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
    /// PEM certificates that are trusted *instead of* the system's.
    pub ca_pem: Option<String>,
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
    /// How large its reply may be.
    pub reply: ReplySize,
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
        host.check_literal(target.literal_address())?;
        settings.credentials.check()?;
        let exchange = Exchange::new(
            &target,
            host,
            (settings.ca_pem.as_deref(), settings.timeouts),
            settings.reply_limit,
        )?;
        Ok(Self {
            exchange,
            target,
            credentials: settings.credentials,
            access: access.into(),
            traces: TraceIds::new(),
        })
    }

    /// A value for the header [`TRACEPARENT`] of the next call.
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

    /// Sends the request, once it has what to log in with, a permit, and still the caller's
    /// [`Consent`](super::consent::Consent). Dropping the future before it is sent leaves no trace;
    /// afterwards the request is out and its outcome unknown.
    ///
    /// A login that the BSS does not accept (401: nothing was done) is renewed once where it can
    /// be, and the request repeated. `throttles` says whether a reply means *too many requests*.
    ///
    /// # Errors
    ///
    /// [`Failure`] says how far the request came.
    pub async fn call(
        &self,
        request: &Request<'_>,
        throttles: impl Fn(&Reply) -> bool,
    ) -> Result<Reply, Failure> {
        let figures = self.limiter().figures();
        let login = self.credentials.login(figures).await?;
        let mut reply = self.attempt(request, &login, &throttles).await?;
        if is_refused(&reply) && self.credentials.another(&login) {
            let login = self.credentials.login(figures).await?;
            reply = self.attempt(request, &login, &throttles).await?;
        }
        if is_refused(&reply) {
            self.access.refused();
        }
        Ok(reply)
    }

    async fn attempt(
        &self,
        request: &Request<'_>,
        login: &Login,
        throttles: impl Fn(&Reply) -> bool,
    ) -> Result<Reply, Failure> {
        let prepared = self.prepare(request, login)?;
        let turn = self.access.acquire().await.map_err(Failure::Deferred)?;
        // The queue may have taken its time; dropping the permit says nothing about the BSS.
        if !consent::holds() {
            return Err(Failure::Withdrawn);
        }
        let room = Room {
            size: request.reply,
            purse: self.access.purse(),
        };
        let result = self.exchange.send(prepared, &room).await.map(|mut reply| {
            reply.throttled = throttles(&reply);
            reply
        });
        if result
            .as_ref()
            .is_ok_and(|reply| (200..300).contains(&reply.status))
        {
            self.access.accepted();
        }
        turn.finish(feedback(&result), reach(&result));
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

/// The BSS does not accept the login.
fn is_refused(reply: &Reply) -> bool {
    reply.status == 401 && !reply.throttled
}

/// Whom what a call showed concerns. Which other status means *too many requests*, how long a reply
/// may take and whom to trust is what the connection says.
fn reach(result: &Result<Reply, Failure>) -> Reach {
    match result {
        Ok(Reply {
            status: 429 | 503, ..
        }) => Reach::Origin,
        Ok(_) | Err(_) => Reach::Connection,
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
            | Failure::NoRoom
            | Failure::CredentialsRefused
            | Failure::TokenNonsense(_)
            | Failure::TokenAway(_),
        ) => Feedback::Nothing,
    }
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
