//! One request out, one reply in: bounded in size and time, nothing followed, nothing kept.
//!
//! It knows neither limits nor credentials.

use super::client::{Client, Reach};
use super::failure::{Failure, from_reading, from_sending};
use super::{Timeouts, retry_after};
use crate::bss::error::BssError;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

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
    /// What the reply asks the client to log in with.
    pub challenge: Challenge,
    /// The body.
    pub body: Vec<u8>,
}

/// What `WWW-Authenticate` says of the login (RFC 6750, 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Challenge {
    /// Nothing about the token.
    #[default]
    None,
    /// The token is not, or no longer, good.
    InvalidToken,
}

/// A client of one host.
pub(super) struct Exchange {
    client: Client,
    timeouts: Timeouts,
    reply_limit: usize,
}

impl Exchange {
    /// For a checked target.
    pub(super) fn new(reach: Reach<'_>, reply_limit: usize) -> Result<Self, BssError> {
        let timeouts = reach.timeouts;
        Ok(Self {
            client: Client::new(reach)?,
            timeouts,
            reply_limit,
        })
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
        let used = self.client.current().await?;
        let response = match timeout_at(headers_by, used.client.execute(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                self.client.not_connected();
                return Err(from_sending(&error, self.client.peer()));
            }
            Err(_) => {
                self.client.lost(&used);
                return Err(Failure::lost("no reply in time"));
            }
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
            challenge: challenge(response.headers()),
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

fn challenge(headers: &HeaderMap) -> Challenge {
    let all = headers.get_all(WWW_AUTHENTICATE).iter();
    let mut texts = all.filter_map(|value| value.to_str().ok());
    if texts.any(|text| text.to_ascii_lowercase().contains("invalid_token")) {
        Challenge::InvalidToken
    } else {
        Challenge::None
    }
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
