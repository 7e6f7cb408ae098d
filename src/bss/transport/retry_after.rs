//! The header `Retry-After`, in the three forms of dates that RFC 9110, 5.6.7, asks every recipient to
//! read, and as servers write it that do not know the RFC: with a fraction, a unit, or twice.

use crate::bss::limits::core::LONGEST_RETRY_AFTER;
use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use reqwest::header::HeaderValue;
use std::time::Duration;

/// What the header asks for, at most [`LONGEST_RETRY_AFTER`]; `None` if it is absent or unreadable.
pub(super) fn parse(value: Option<&HeaderValue>) -> Option<Duration> {
    read(value?.to_str().ok()?.trim(), Timestamp::now())
}

fn read(text: &str, now: Timestamp) -> Option<Duration> {
    if let Some(wait) = seconds(text) {
        return Some(wait.min(LONGEST_RETRY_AFTER));
    }
    if let Some(time) = date(text) {
        let wait = Duration::try_from(time.duration_since(now)).unwrap_or(Duration::ZERO);
        return Some(wait.min(LONGEST_RETRY_AFTER));
    }
    // A header that came twice may arrive as one, with a comma in it. The longest of them is safe.
    if text.contains(',') {
        let all: Option<Vec<Duration>> = text.split(',').map(|part| seconds(part.trim())).collect();
        let longest = all?.into_iter().max()?;
        return Some(longest.min(LONGEST_RETRY_AFTER));
    }
    // `120s`, `2 minutes`, `PT2M`.
    let wait: SignedDuration = text.parse().ok()?;
    let wait = Duration::try_from(wait).ok()?;
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// Whole seconds, or with a fraction, which is rounded up: nothing is sent too early.
fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    // More digits than fit are more than the bound.
    let whole: u64 = whole.parse().unwrap_or(u64::MAX);
    let more = u64::from(fraction.bytes().any(|digit| digit != b'0'));
    Some(Duration::from_secs(whole.saturating_add(more)))
}

/// An HTTP date, in its present form or one of the two obsolete ones; or an instant of RFC 3339.
fn date(text: &str) -> Option<Timestamp> {
    if let Ok(time) = rfc2822::parse(text) {
        return Some(time.timestamp());
    }
    // `Sun Nov 22 10:00:30 2026`, as asctime() writes it.
    if let Ok(time) = DateTime::strptime("%a %b %e %H:%M:%S %Y", text) {
        return in_utc(time);
    }
    // `Sunday, 22-Nov-26 10:00:30 GMT` (RFC 850).
    if let Ok(time) = DateTime::strptime("%A, %d-%b-%y %H:%M:%S GMT", text) {
        return in_utc(time);
    }
    text.parse().ok()
}

fn in_utc(time: DateTime) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(time).ok()
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
            ("1.5", Some(2)),
            ("30.0", Some(30)),
            ("0.25", Some(1)),
            ("1.", None),
            (".5", None),
            ("1,5", Some(5)),
            ("1e3", None),
            ("+5", None),
            ("-1.5", None),
            ("-120s", None),
            ("120s", Some(120)),
            ("2 minutes", Some(120)),
            ("PT2M", Some(120)),
            ("2h", Some(900)),
            ("soon", None),
            ("120, 60", Some(120)),
            ("60, soon", None),
            ("Sunday, 22-Nov-26 10:00:30 GMT", Some(30)),
            ("Monday, 22-Nov-93 10:00:30 GMT", Some(0)),
            ("Sun Nov 22 10:00:30 2026", Some(30)),
            ("Thu Nov  5 10:00:30 2026", Some(0)),
            ("Sun, 22 Nov 2026 12:00:30 +0200", Some(30)),
            ("2026-11-22T10:00:30Z", Some(30)),
            ("2026-11-22T12:00:30+02:00", Some(30)),
            ("1795341630", Some(900)),
            ("null", None),
            ("NaN", None),
        ] {
            assert_eq!(read(text, now), expected.map(Duration::from_secs), "{text}");
        }
    }
}
