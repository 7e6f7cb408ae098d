//! The words of a filter.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Wrong;

/// A word of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name: a field, an operator, a function.
    Name(String),
    /// A text between single quotes.
    Text(String),
    /// A number.
    Number(f64),
    /// An instant.
    Instant(Timestamp),
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// `,`.
    Comma,
}

/// No filter of ours is longer, and none of a person's either.
const LONGEST: usize = 8000;

/// The words of a filter, in their order.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Wrong> {
    if text.len() > LONGEST {
        return Err(Wrong::new("the filter is too long"));
    }
    let mut rest = text.trim_start();
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '(' => (Token::Open, skip(rest, 1)),
            ')' => (Token::Close, skip(rest, 1)),
            ',' => (Token::Comma, skip(rest, 1)),
            '\'' => quoted(rest)?,
            _ => word(rest)?,
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn skip(text: &str, bytes: usize) -> &str {
    text.get(bytes..).unwrap_or_default()
}

/// A text between quotes; a quote within it is written twice.
fn quoted(text: &str) -> Result<(Token, &str), Wrong> {
    let mut value = String::new();
    let mut rest = skip(text, 1);
    loop {
        let Some(end) = rest.find('\'') else {
            return Err(Wrong::new("a quoted text has no end"));
        };
        value.push_str(rest.get(..end).unwrap_or_default());
        rest = skip(rest, end.saturating_add(1));
        if !rest.starts_with('\'') {
            return Ok((Token::Text(value), rest));
        }
        value.push('\'');
        rest = skip(rest, 1);
    }
}

fn word(text: &str) -> Result<(Token, &str), Wrong> {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || "_.:+-/$".contains(c)))
        .unwrap_or(text.len());
    let (word, rest) = (text.get(..end).unwrap_or_default(), skip(text, end));
    if word.is_empty() {
        let strange: String = text.chars().take(1).collect();
        return Err(Wrong::new(format!("{strange} has no meaning here")));
    }
    // The older way to write an instant, which the vendor's own examples show.
    if word.eq_ignore_ascii_case("datetime") && rest.starts_with('\'') {
        let (inner, rest) = quoted(rest)?;
        let Token::Text(inner) = inner else {
            return Err(Wrong::new("datetime needs a text"));
        };
        return match instant(&inner) {
            Some(instant) => Ok((Token::Instant(instant), rest)),
            None => Err(Wrong::new(format!("{inner} is no instant"))),
        };
    }
    let begins = word.chars().next().unwrap_or(' ');
    if begins.is_alphabetic() || begins == '_' {
        let token = if is_guid(word) {
            Token::Text(word.to_owned())
        } else {
            Token::Name(word.to_owned())
        };
        return Ok((token, rest));
    }
    if is_guid(word) {
        return Ok((Token::Text(word.to_owned()), rest));
    }
    if let Some(number) = number(word) {
        return Ok((Token::Number(number), rest));
    }
    match instant(word) {
        Some(instant) => Ok((Token::Instant(instant), rest)),
        None => Err(Wrong::new(format!("{word} is no literal"))),
    }
}

/// A number as OData writes it: sign, digits, and digits after a point.
fn number(word: &str) -> Option<f64> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let mut parts = digits.splitn(2, '.');
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let whole = parts.next().is_some_and(plain);
    let fraction = parts.next().is_none_or(plain);
    if whole && fraction {
        word.parse().ok()
    } else {
        None
    }
}

/// An instant; a date alone is its midnight, and a time without a zone is meant as UTC.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    if let Ok(time) = text.parse::<jiff::civil::DateTime>() {
        return time.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
    }
    let date: Date = text.parse().ok()?;
    date.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
}

fn is_guid(word: &str) -> bool {
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
        && word
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
