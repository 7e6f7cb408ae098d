//! One request out, one reply in: bounded in size and time, nothing followed, nothing kept.
//!
//! It knows neither limits nor credentials.

use super::failure::{Failure, from_building, from_reading, from_sending};
use super::guard::GuardedHost;
use super::resolver::PinnedResolver;
use super::target::Target;
use super::{Timeouts, retry_after};
use crate::bss::error::BssError;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

const USER_AGENT: &str = concat!("tenant-reseller-operator/", env!("CARGO_PKG_VERSION"));

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
    /// Whether it means *too many requests*, whatever its status says.
    pub throttled: bool,
    /// The body.
    pub body: Vec<u8>,
}

/// A client of one host.
pub(super) struct Exchange {
    client: reqwest::Client,
    timeouts: Timeouts,
    reply_limit: usize,
}

impl Exchange {
    /// For a checked target, with a CA of its own if there is one.
    pub(super) fn new(
        target: &Target,
        host: GuardedHost,
        (ca_pem, timeouts): (Option<&str>, Timeouts),
        reply_limit: usize,
    ) -> Result<Self, BssError> {
        Ok(Self {
            client: client(target, host, (ca_pem, timeouts))?,
            timeouts,
            reply_limit,
        })
    }

    /// For building requests.
    pub(super) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends it. Whether the reply means throttling is the caller's to say.
    pub(super) async fn send(&self, request: reqwest::Request) -> Result<Reply, Failure> {
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
            throttled: false,
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

fn later(start: Instant, by: Duration) -> Instant {
    // Far enough away for every purpose, should the sum not fit.
    const FAR: Duration = Duration::from_hours(24);
    start
        .checked_add(by)
        .or_else(|| start.checked_add(FAR))
        .unwrap_or(start)
}

fn client(
    target: &Target,
    host: GuardedHost,
    (ca_pem, timeouts): (Option<&str>, Timeouts),
) -> Result<reqwest::Client, BssError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .https_only(target.is_https())
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .connect_timeout(timeouts.connect)
        // Shorter than servers and proxies keep idle connections, so that a write is rarely sent
        // into one that is just being closed.
        .pool_idle_timeout(Duration::from_secs(15))
        .dns_resolver(PinnedResolver::new(host));
    if let Some(pem) = ca_pem {
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
