//! One request out, one reply in: bounded in size and time, nothing followed, nothing kept.
//!
//! It knows neither limits nor credentials.

use super::failure::{Failure, from_building, from_reading, from_sending};
use super::guard::GuardedHost;
use super::resolver::PinnedResolver;
use super::target::Target;
use super::{ReplySize, Timeouts, retry_after};
use crate::bss::error::BssError;
use crate::bss::limits::{FREE, Purse, Reservation};
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

/// The largest reply that tells of one thing, and the largest that is no success.
const SMALL: usize = 256 * 1024;
/// So much is taken for a reply of unknown length before as much as is allowed.
const MIDDLE: usize = 1024 * 1024;
/// How much of a reply HTTP/2 may send ahead while nothing is read.
const AHEAD: u32 = 256 * 1024;

/// How large a reply may become, and where its bytes come from.
pub(super) struct Room<'a> {
    pub(super) size: ReplySize,
    pub(super) purse: Option<&'a Purse>,
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
    pub(super) async fn send(
        &self,
        request: reqwest::Request,
        room: &Room<'_>,
    ) -> Result<Reply, Failure> {
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
        match self.read(response, room, end).await {
            Ok(body) => reply.body = body,
            // Nothing was done, whatever the body would have said.
            Err(_) if matches!(reply.status, 401 | 403 | 429) => reply.media = Media::Other,
            // No problem document is so large; the status says enough, as it does for a proxy's page.
            Err(Failure::TooLarge(_)) if !status.is_success() => reply.media = Media::Other,
            Err(failure) => return Err(failure),
        }
        Ok(reply)
    }

    /// Reads the body. What does not fit into the first bytes, which every reply has, is read once there
    /// is room for it.
    async fn read(
        &self,
        mut response: reqwest::Response,
        room: &Room<'_>,
        end: Instant,
    ) -> Result<Vec<u8>, Failure> {
        let limit = match room.size {
            ReplySize::Many if response.status().is_success() => self.reply_limit,
            ReplySize::Many | ReplySize::One => self.reply_limit.min(SMALL),
        };
        let announced = usize::try_from(response.content_length().unwrap_or(0));
        let announced = announced.ok().filter(|length| *length <= limit);
        let Some(announced) = announced else {
            return Err(Failure::TooLarge(limit));
        };
        let mut held = room.purse.map(Purse::open);
        let mut body = Vec::new();
        grow(held.as_mut(), announced, end).await?;
        loop {
            let chunk = timeout_at(end, response.chunk()).await;
            let chunk = chunk.map_err(|_| Failure::lost("the reply did not end in time"))?;
            let Some(chunk) = chunk.map_err(|error| from_reading(&error))? else {
                return Ok(body);
            };
            let length = body.len().saturating_add(chunk.len());
            if length > limit {
                return Err(Failure::TooLarge(limit));
            }
            if held.as_ref().is_some_and(|held| length > held.bytes()) {
                // A reply that does not say how long it is may become as long as is allowed.
                let step = if length <= MIDDLE { MIDDLE } else { limit };
                let step = if length <= FREE { FREE } else { step };
                grow(held.as_mut(), step.min(limit), end).await?;
            }
            body.extend_from_slice(&chunk);
        }
    }
}

/// Waits until there is room for so many bytes.
async fn grow(
    held: Option<&mut Reservation<'_>>,
    bytes: usize,
    end: Instant,
) -> Result<(), Failure> {
    let Some(held) = held.filter(|_| bytes > FREE) else {
        return Ok(());
    };
    let raised = timeout_at(end, held.raise(bytes)).await;
    // Others whose time is over, too, may just have given their room back.
    if raised.is_err() || Instant::now() >= end {
        return Err(Failure::NoRoom);
    }
    Ok(())
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
        .http2_initial_stream_window_size(AHEAD)
        .http2_initial_connection_window_size(AHEAD.saturating_mul(4))
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
