//! How an adapter reaches its BSS: one client per connection, bounded in every direction.
//!
//! `target` decides whether the connection's URL may be used at all (scheme, allowed hosts),
//! `guard` which addresses, `resolver` asks for them once and pins them, `trace` names each call.
//! A [`Transport`] sends nothing without a permit of the limiter, follows nothing, keeps nothing,
//! and never shows its credentials.

mod failure;
mod guard;
mod resolver;
mod retry_after;
mod target;
mod trace;

pub use failure::Failure;
pub use guard::AllowedRanges;
pub use target::Cleartext;

use super::error::BssError;
use super::limits::{Feedback, Limiter};
use failure::{from_building, from_reading, from_sending};
use guard::GuardedHost;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use reqwest::{Method, Url};
use resolver::PinnedResolver;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use target::Target;
use tokio::time::{Instant, timeout_at};
use trace::TraceIds;

const USER_AGENT: &str = concat!("tenant-reseller-operator/", env!("CARGO_PKG_VERSION"));

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
    /// The bearer token.
    pub token: SecretString,
    /// PEM certificates that are trusted *instead of* the system's.
    pub ca_pem: Option<String>,
    /// The value of the Secret's annotation: hosts that it may be sent to.
    pub allowed_hosts: String,
    /// Address ranges that the administrator allows although they are internal.
    pub allowed_ranges: AllowedRanges,
    /// Whether a URL without TLS is accepted.
    pub cleartext: Cleartext,
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

/// The media type of a reply, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`.
    Json,
    /// `application/problem+json`.
    Problem,
    /// Anything else, or none.
    Other,
}

/// A whole reply.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The media type.
    pub media: Media,
    /// What `Retry-After` asks for, bounded.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Vec<u8>,
}

/// One connection to one BSS.
pub struct Transport {
    client: reqwest::Client,
    target: Target,
    authorization: HeaderValue,
    token: SecretString,
    timeouts: Timeouts,
    reply_limit: usize,
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
        host.check_literal(target.literal_address())?;
        let authorization = bearer(&settings.token)?;
        let client = client(&settings, &target, host)?;
        Ok(Self {
            client,
            target,
            authorization,
            token: settings.token,
            timeouts: settings.timeouts,
            reply_limit: settings.reply_limit,
            limiter,
            traces: TraceIds::new(),
        })
    }

    /// The limiter that all calls go through.
    #[must_use]
    pub fn limiter(&self) -> &Arc<Limiter> {
        &self.limiter
    }

    /// Waits for a permit and sends the request. Dropping the future before it is sent leaves no
    /// trace; afterwards the request is out and its outcome unknown.
    ///
    /// # Errors
    ///
    /// [`Failure`] says how far the request came.
    pub async fn call(&self, request: &Request<'_>) -> Result<Reply, Failure> {
        let prepared = self.prepare(request)?;
        let permit = self.limiter.acquire().await.map_err(Failure::Deferred)?;
        let result = self.send(prepared).await;
        permit.finish(feedback(&result));
        result
    }

    /// Makes a text of the BSS fit for logs, events and status: no control characters, bounded,
    /// and without the credentials, should the BSS have repeated them.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        const LONGEST: usize = 512;
        let hidden = text.replace(self.token.expose_secret(), "[hidden]");
        let printable = hidden.chars().map(|c| if c.is_control() { ' ' } else { c });
        printable.take(LONGEST).collect()
    }

    fn prepare(&self, request: &Request<'_>) -> Result<reqwest::Request, Failure> {
        let url = self.target.join(request.path, &request.query)?;
        let mut prepared = reqwest::Request::new(request.method.clone(), url);
        let headers = prepared.headers_mut();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let trace = HeaderValue::from_str(&self.traces.next())
            .map_err(|_| Failure::Unsendable("the trace id".to_owned()))?;
        headers.insert(HeaderName::from_static("traceparent"), trace);
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

    async fn send(&self, request: reqwest::Request) -> Result<Reply, Failure> {
        let start = Instant::now();
        let end = later(start, self.timeouts.whole);
        let patience = self
            .timeouts
            .connect
            .saturating_add(self.timeouts.first_byte);
        let headers_by = later(start, patience).min(end);
        let response = match timeout_at(headers_by, self.client.execute(request)).await {
            Ok(sent) => sent.map_err(|error| from_sending(&error))?,
            Err(_) => return Err(Failure::lost("no reply in time")),
        };
        let status = response.status();
        if status.is_redirection() {
            return Err(Failure::Redirected(status.as_u16()));
        }
        let mut reply = Reply {
            status: status.as_u16(),
            media: media(response.headers()),
            retry_after: retry_after::parse(response.headers().get(RETRY_AFTER)),
            body: Vec::new(),
        };
        match timeout_at(end, self.read(response)).await {
            Ok(Ok(body)) => reply.body = body,
            // Nothing was done, whatever the body would have said.
            _ if matches!(reply.status, 401 | 403 | 429) => reply.media = Media::Other,
            Ok(Err(failure)) => return Err(failure),
            Err(_) => return Err(Failure::lost("the reply did not end in time")),
        }
        Ok(reply)
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        let announced = response.content_length().unwrap_or(0);
        if usize::try_from(announced).map_or(true, |length| length > self.reply_limit) {
            return Err(Failure::TooLarge(self.reply_limit));
        }
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| from_reading(&error))?
        {
            if body.len().saturating_add(chunk.len()) > self.reply_limit {
                return Err(Failure::TooLarge(self.reply_limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// What a call that ended says to the limiter.
fn feedback(result: &Result<Reply, Failure>) -> Feedback {
    match result {
        Ok(Reply {
            status: 429,
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
        Err(Failure::Refused(_) | Failure::Unsendable(_) | Failure::Deferred(_)) => {
            Feedback::Nothing
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

fn later(start: Instant, by: Duration) -> Instant {
    // Far enough away for every purpose, should the sum not fit.
    const FAR: Duration = Duration::from_hours(24);
    start
        .checked_add(by)
        .or_else(|| start.checked_add(FAR))
        .unwrap_or(start)
}

fn bearer(token: &SecretString) -> Result<HeaderValue, BssError> {
    let text = token.expose_secret();
    let refused = |detail: &str| BssError::Refused {
        detail: detail.to_owned(),
    };
    if text.trim().is_empty() {
        return Err(refused("the token is empty"));
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {text}"))
        .map_err(|_| refused("the token holds characters that a header cannot carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn client(
    settings: &Settings,
    target: &Target,
    host: GuardedHost,
) -> Result<reqwest::Client, BssError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .https_only(target.is_https())
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .connect_timeout(settings.timeouts.connect)
        // Shorter than servers and proxies keep idle connections, so that a write is rarely sent
        // into one that is just being closed.
        .pool_idle_timeout(Duration::from_secs(15))
        .dns_resolver(PinnedResolver::new(host));
    if let Some(pem) = &settings.ca_pem {
        let refused = || BssError::Refused {
            detail: "the CA is not a list of PEM certificates".to_owned(),
        };
        let trusted =
            reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(|_| refused())?;
        if trusted.is_empty() {
            return Err(refused());
        }
        builder = builder.tls_certs_only(trusted);
    }
    builder.build().map_err(|error| from_building(&error))
}

fn media(headers: &HeaderMap) -> Media {
    let text = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    match text
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
        .as_str()
    {
        "application/json" => Media::Json,
        "application/problem+json" => Media::Problem,
        _ => Media::Other,
    }
}

/// The base URL as it is used; for logs.
impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url: &Url = self.target.url();
        write!(f, "{url}")
    }
}
