//! The header `Retry-After`.

use crate::bss::limits::core::LONGEST_RETRY_AFTER;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::HeaderValue;
use std::time::Duration;

/// What the header asks for, at most [`LONGEST_RETRY_AFTER`]; `None` if it is absent or unreadable.
pub(super) fn parse(value: Option<&HeaderValue>) -> Option<Duration> {
    read(value?.to_str().ok()?.trim(), Timestamp::now())
}

fn read(text: &str, now: Timestamp) -> Option<Duration> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are more than the bound.
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER));
    }
    let time = rfc2822::parse(text).ok()?.timestamp();
    let wait = Duration::try_from(time.duration_since(now)).unwrap_or(Duration::ZERO);
    Some(wait.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_dates_and_nonsense() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("0", Some(0)),
            ("7", Some(7)),
            ("901", Some(900)),
            ("99999999999999999999999", Some(900)),
            ("Sun, 22 Nov 2026 10:00:30 GMT", Some(30)),
            ("Sun, 22 Nov 2026 09:00:00 GMT", Some(0)),
            ("Wed, 22 Nov 2028 10:00:00 GMT", Some(900)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(read(text, now), expected.map(Duration::from_secs), "{text}");
        }
    }
}
