//! One request out, one reply in: bounded in size and time, nothing followed, nothing kept.
//!
//! It knows neither limits nor credentials.

use super::client::{Client, Reach};
use super::decoding::{self, Decoder};
use super::failure::{Failure, Unanswered, from_reading, from_sending};
use super::{ReplySize, Timeouts, retry_after};
use crate::bss::error::BssError;
use crate::bss::limits::{FREE, Purse, Reservation};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use std::fmt;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The media type of a reply, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`, `text/json`, or any type with the suffix `+json` (RFC 6839, 3.1).
    Json,
    /// `application/problem+json`.
    Problem,
    /// HTML or XML.
    Markup,
    /// Anything else.
    Other,
    /// None was given.
    Absent,
    /// The body is in a coding that was not asked for and could not be undone: its bytes are not those
    /// of a media type.
    Encoded(Coding),
}

/// A content coding (RFC 9110, 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `gzip`.
    Gzip,
    /// `deflate`.
    Deflate,
    /// `br`.
    Brotli,
    /// `zstd`.
    Zstandard,
    /// Another one, or several.
    Other,
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstandard => "zstd",
            Self::Other => "of another name",
        })
    }
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

/// The largest reply that tells of one thing, and the largest that is no success.
const SMALL: usize = 256 * 1024;
/// So much is taken for a reply of unknown length before as much as is allowed.
const MIDDLE: usize = 1024 * 1024;

/// How large a reply may become, and where its bytes come from.
pub(super) struct Room<'a> {
    pub(super) size: ReplySize,
    pub(super) purse: Option<&'a Purse>,
    /// How long it may take as a whole, if not as long as usual.
    pub(super) within: Option<Duration>,
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
    pub(super) async fn send(
        &self,
        request: reqwest::Request,
        room: &Room<'_>,
    ) -> Result<Reply, Failure> {
        let sent = self.attempt(request, room).await;
        sent.map_err(|unanswered| unanswered.failure)
    }

    /// The same, and whether it may be sent again where there is no reply.
    pub(super) async fn attempt(
        &self,
        request: reqwest::Request,
        room: &Room<'_>,
    ) -> Result<Reply, Unanswered> {
        let start = Instant::now();
        let timeouts = self.timeouts;
        let (first_byte, whole) = match room.within {
            None => (timeouts.first_byte, timeouts.whole),
            Some(within) => (within, within),
        };
        let end = later(start, whole);
        let patience = timeouts.connect.saturating_add(first_byte);
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
                return Err(Failure::lost("no reply in time").into());
            }
        };
        self.client.peer().answered();
        let status = response.status();
        if status.is_redirection() {
            return Err(Failure::Redirected(status.as_u16()).into());
        }
        let mut reply = Reply {
            status: status.as_u16(),
            media: media(response.headers()),
            retry_after: retry_after::parse(response.headers().get(RETRY_AFTER)),
            throttled: false,
            challenge: challenge(response.headers()),
            body: Vec::new(),
        };
        match self.read(response, room, end).await {
            Ok(Body { bytes, coding }) => {
                reply.body = bytes;
                reply.media = coding.map_or(reply.media, Media::Encoded);
            }
            // Nothing was done, whatever the body would have said.
            Err(_) if matches!(reply.status, 401 | 403 | 429) => reply.media = Media::Other,
            // No problem document is so large; the status says enough, as it does for a proxy's page.
            Err(Failure::TooLarge(_)) if !status.is_success() => reply.media = Media::Other,
            Err(failure) => return Err(failure.into()),
        }
        Ok(reply)
    }

    /// Reads the body, and undoes a coding that it has. What does not fit into the first bytes, which
    /// every reply has, is read once there is room for it.
    async fn read(
        &self,
        mut response: reqwest::Response,
        room: &Room<'_>,
        end: Instant,
    ) -> Result<Body, Failure> {
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
                break;
            };
            let length = body.len().saturating_add(chunk.len());
            if length > limit {
                return Err(Failure::TooLarge(limit));
            }
            if held.as_ref().is_some_and(|held| length > held.bytes()) {
                // A reply that does not say how long it is may become as long as is allowed.
                grow(held.as_mut(), step(length, limit), end).await?;
            }
            body.extend_from_slice(&chunk);
        }
        let coding = coding(response.headers()).or_else(|| decoding::by_first_bytes(&body));
        match coding {
            Some(coding) => decoded(coding, body, (limit, held, end)).await,
            None => Ok(Body {
                bytes: body,
                coding: None,
            }),
        }
    }
}

/// The body of a reply.
struct Body {
    bytes: Vec<u8>,
    /// The coding that it is still in.
    coding: Option<Coding>,
}

/// The body without its coding, which may make it a thousand times as large: it is bounded as one that
/// was sent so, and its bytes come out of the same budget.
async fn decoded(
    coding: Coding,
    encoded: Vec<u8>,
    (limit, mut held, end): (usize, Option<Reservation<'_>>, Instant),
) -> Result<Body, Failure> {
    const PIECE: usize = 16 * 1024;
    let mut bytes = Vec::new();
    if let Some(mut decoder) = Decoder::new(coding, &encoded) {
        let mut piece = vec![0; PIECE];
        // What cannot be decoded is told below.
        while let Ok(more) = decoder.read(&mut piece) {
            if more == 0 {
                return Ok(Body {
                    bytes,
                    coding: None,
                });
            }
            let length = bytes.len().saturating_add(more);
            if length > limit {
                return Err(Failure::TooLarge(limit));
            }
            let both = encoded.len().saturating_add(length);
            if held.as_ref().is_some_and(|held| both > held.bytes()) {
                let both = encoded.len().saturating_add(step(length, limit));
                grow(held.as_mut(), both, end).await?;
            }
            bytes.extend(piece.iter().take(more));
        }
    }
    let coding = (!decoding::is_plain(&encoded)).then_some(coding);
    Ok(Body {
        bytes: encoded,
        coding,
    })
}

/// How many bytes to take for a body that has reached that length.
fn step(length: usize, limit: usize) -> usize {
    let step = if length <= MIDDLE { MIDDLE } else { limit };
    let step = if length <= FREE { FREE } else { step };
    step.min(limit)
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
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Media::Absent;
    };
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" | "text/json" => Media::Json,
        "application/problem+json" => Media::Problem,
        "text/html" | "text/xml" | "application/xml" => Media::Markup,
        other if other.ends_with("+json") => Media::Json,
        other if other.ends_with("+xml") => Media::Markup,
        "" => Media::Absent,
        _ => Media::Other,
    }
}

/// The coding of a body that has one.
fn coding(headers: &HeaderMap) -> Option<Coding> {
    let mut codings = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty() && name != "identity");
    let first = codings.next()?;
    if codings.next().is_some() {
        return Some(Coding::Other);
    }
    Some(match first.as_str() {
        "gzip" | "x-gzip" => Coding::Gzip,
        "deflate" => Coding::Deflate,
        "br" => Coding::Brotli,
        "zstd" => Coding::Zstandard,
        _ => Coding::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn media_types_as_servers_write_them() {
        for (text, expected) in [
            ("application/json", Media::Json),
            ("Application/JSON; charset=utf-8", Media::Json),
            ("application/json;charset=\"utf-8\"", Media::Json),
            ("text/json", Media::Json),
            ("application/hal+json", Media::Json),
            ("application/vnd.acme.v1+json; q=1", Media::Json),
            ("application/problem+json; charset=utf-8", Media::Problem),
            ("text/html; charset=utf-8", Media::Markup),
            ("application/xhtml+xml", Media::Markup),
            ("application/problem+xml", Media::Markup),
            ("text/plain", Media::Other),
            ("", Media::Absent),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(text));
            assert_eq!(media(&headers), expected, "{text}");
        }
        assert_eq!(media(&HeaderMap::new()), Media::Absent);
    }

    #[test]
    fn an_encoded_body_is_known_by_its_header() {
        for (text, expected) in [
            ("identity", None),
            ("", None),
            ("gzip", Some(Coding::Gzip)),
            ("X-GZIP", Some(Coding::Gzip)),
            ("br", Some(Coding::Brotli)),
            ("identity, zstd", Some(Coding::Zstandard)),
            ("gzip, br", Some(Coding::Other)),
            ("aes128gcm", Some(Coding::Other)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(text));
            assert_eq!(coding(&headers), expected, "{text}");
        }
    }
}
