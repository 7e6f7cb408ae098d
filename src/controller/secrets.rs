//! What stands in a Secret, as people put it there: with the line break of `echo`, with a byte order
//! mark, with `Bearer` before the token. What the RFCs leave no doubt about is taken off; everything
//! else that cannot be right is a fault, said with the names of the Secret and of the key.
//!
//! Nothing of a value is ever repeated. Nothing here touches the cluster.

use secrecy::{ExposeSecret, SecretSlice, SecretString};

use crate::bss::transport::SHORTEST_SECRET;
use crate::cluster::port::SecretView;

/// What is wrong with a key of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The sentence that says it.
    pub(super) message: String,
    /// What to do.
    pub(super) next_action: String,
    /// Whether it is there at all.
    pub(super) kind: FaultKind,
}

/// Whether a value is missing or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    Missing,
    Wrong,
}

/// A key of a Secret, by both names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) secret: &'a str,
    pub(super) key: &'a str,
}

impl Place<'_> {
    /// The fault, from the end of a sentence that begins with the key.
    pub(super) fn wrong(self, fault: &str) -> Fault {
        let Self { secret, key } = self;
        Fault {
            message: format!("The key {key} of the Secret {secret} {fault}."),
            next_action: format!(
                "Correct the key {key} of the Secret {secret}; the operator reads it again within a \
                 minute."
            ),
            kind: FaultKind::Wrong,
        }
    }

    fn missing(self) -> Fault {
        let Self { secret, key } = self;
        Fault {
            message: format!("The Secret {secret} has no key {key}."),
            next_action: format!("Add the key {key} to the Secret {secret}."),
            kind: FaultKind::Missing,
        }
    }
}

/// The bytes under a key.
pub(super) fn bytes<'a>(
    secret: &'a SecretView,
    place: Place<'_>,
) -> Result<&'a SecretSlice<u8>, Fault> {
    secret.data.get(place.key).ok_or_else(|| place.missing())
}

/// A bearer token. RFC 6750, 2.1, leaves no doubt: a token holds no white space, so what surrounds it
/// is not a part of it, nor is the word `Bearer` before it.
pub(super) fn token(secret: &SecretView, place: Place<'_>) -> Result<SecretString, Fault> {
    let text = text(secret, place)?;
    let mut token = text.trim();
    if let Some((scheme, rest)) = token.split_once(char::is_whitespace)
        && scheme.eq_ignore_ascii_case("bearer")
    {
        token = rest.trim_start();
    }
    if token.eq_ignore_ascii_case("bearer") {
        return Err(place.wrong("holds the word Bearer and no token"));
    }
    let first = token.split_whitespace().next().unwrap_or_default();
    if token.contains(char::is_whitespace) {
        return Err(place.wrong(if is_header(first) {
            "holds a header and not only a token: put the bearer token there alone"
        } else {
            "holds white space within the token, which no bearer token does (RFC 6750, 2.1)"
        }));
    }
    visible(token, place)?;
    no_placeholder(token, place)?;
    if token.ends_with("\\n") || token.ends_with("\\r") {
        return Err(place.wrong(
            "ends with a backslash and a letter, which stand for a line break in other places and in no \
             token (RFC 6750, 2.1): take both off",
        ));
    }
    if token.starts_with(['"', '\'', '{']) {
        return Err(place.wrong(
            "begins with a quotation mark or a bracket, which no bearer token does: put the token \
             there alone",
        ));
    }
    if encoded_twice(token) {
        return Err(place.wrong(
            "holds a token that is encoded in base64 once more: put it into data encoded once, or \
             into stringData as it is",
        ));
    }
    confidential(token, place)
}

/// Whether the first word of several is that of a header, or of a scheme of one.
fn is_header(word: &str) -> bool {
    let word = word.trim_end_matches([':', '=']).to_ascii_lowercase();
    ["authorization", "bearer", "basic"].contains(&word.as_str())
}

/// Refuses the name of a value that a tool or a person was to put in its place.
fn no_placeholder(value: &str, place: Place<'_>) -> Result<(), Fault> {
    let named = |begin: &str, end: &str| {
        let inner = value
            .strip_prefix(begin)
            .and_then(|rest| rest.strip_suffix(end));
        let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.');
        inner.is_some_and(|inner| !inner.is_empty() && inner.chars().all(letter))
    };
    if named("${", "}") || named("$(", ")") || named("<", ">") || named("{{", "}}") {
        return Err(
            place.wrong("holds a placeholder that was not replaced: put the value itself there")
        );
    }
    Ok(())
}

/// The id of a client.
pub(super) fn client_id(secret: &SecretView, place: Place<'_>) -> Result<SecretString, Fault> {
    Ok(client(secret, place)?.into())
}

/// The secret of a client.
pub(super) fn client_secret(secret: &SecretView, place: Place<'_>) -> Result<SecretString, Fault> {
    let text = client(secret, place)?;
    no_placeholder(&text, place)?;
    if encoded_twice(&text) {
        return Err(place.wrong(
            "holds a value that is encoded in base64 once more: put it into data encoded once, or \
             into stringData as it is",
        ));
    }
    confidential(&text, place)
}

/// Of visible characters and blanks (RFC 6749, appendix A.1 and A.2): line breaks and tabs around it
/// are not a part of it. Blanks may be, so those at its ends are left to people.
fn client(secret: &SecretView, place: Place<'_>) -> Result<String, Fault> {
    let text = text(secret, place)?;
    let value = text.trim_matches(|c: char| c.is_control());
    if value.starts_with(' ') || value.ends_with(' ') {
        return Err(place.wrong(
            "begins or ends with a blank: take it off; it is not taken off here, because RFC 6749 \
             would allow it",
        ));
    }
    visible(value, place)?;
    Ok(value.to_owned())
}

/// The text under a key, not blank, without a byte order mark.
fn text(secret: &SecretView, place: Place<'_>) -> Result<String, Fault> {
    let bytes = bytes(secret, place)?.expose_secret();
    if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        return Err(place.wrong("is text in UTF-16: write it in ASCII or UTF-8"));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| place.wrong("holds bytes that are no text (neither ASCII nor UTF-8)"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if bytes.is_empty() {
        return Err(place.wrong("is empty"));
    }
    if text.trim().is_empty() {
        return Err(place.wrong("holds nothing but white space"));
    }
    Ok(text.to_owned())
}

/// Refuses what is not printable ASCII. Its place is told, because one cannot see it.
fn visible(value: &str, place: Place<'_>) -> Result<(), Fault> {
    let strange = value.chars().position(|c| !matches!(c, ' '..='~'));
    let Some(at) = strange else { return Ok(()) };
    let nth = at.saturating_add(1);
    let control = value.chars().nth(at).is_some_and(char::is_control);
    Err(place.wrong(&if control {
        format!("holds a line break or another control character, as character {nth}")
    } else {
        format!("holds a character that is not of printable ASCII, as character {nth}")
    }))
}

/// A value that no person may see. A very short one would occur in ordinary words by chance, and could
/// not be kept out of messages without hiding parts of those.
fn confidential(value: &str, place: Place<'_>) -> Result<SecretString, Fault> {
    if value.chars().count() >= SHORTEST_SECRET {
        return Ok(value.to_owned().into());
    }
    let Place { secret, key } = place;
    Err(Fault {
        next_action: format!(
            "Put the whole value into the key {key} of the Secret {secret}; if it really is that \
             short, have a longer one issued."
        ),
        ..place.wrong(&format!(
            "holds fewer than {SHORTEST_SECRET} characters, too few to be kept out of logs and \
             messages"
        ))
    })
}

/// Whether the text is beyond doubt the base64 of what was meant: what it stands for ends with a line
/// break, as `echo` writes it, or is a header or a JSON Web Token. Tokens that are base64 of something
/// else by themselves are common.
fn encoded_twice(text: &str) -> bool {
    let Some(bytes) = base64(text) else {
        return false;
    };
    let Ok(inner) = String::from_utf8(bytes) else {
        return false;
    };
    let Some(bare) = inner.strip_suffix('\n') else {
        let word = inner.split_whitespace().next().unwrap_or_default();
        let token = inner.starts_with("eyJ") && inner.matches('.').count() == 2;
        return token || (word.eq_ignore_ascii_case("bearer") && word.len() < inner.len());
    };
    let bare = bare.strip_suffix('\r').unwrap_or(bare);
    !bare.is_empty() && bare.chars().all(|c| matches!(c, ' '..='~'))
}

/// Whether the text may be the base64 of what was meant: what it stands for is a printable text. Some
/// providers issue such values, so it is worth a word only once the value was refused.
pub(super) fn may_be_encoded_twice(value: &str) -> bool {
    const SHORTEST: usize = 6;
    base64(value).is_some_and(|bytes| {
        bytes.len() >= SHORTEST && bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
    })
}

fn base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || digits.is_empty() {
        return None;
    }
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in digits.bytes() {
        let place = ALPHABET.iter().position(|known| *known == byte)?;
        bits = (bits << 6) | u32::try_from(place).ok()?;
        held = held.saturating_add(6);
        if held >= 8 {
            held = held.saturating_sub(8);
            bytes.push(u8::try_from((bits >> held) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const PLACE: Place<'_> = Place {
        secret: "credentials",
        key: "token",
    };

    type Reader = fn(&SecretView, Place<'_>) -> Result<SecretString, Fault>;

    fn read(reader: Reader, bytes: &[u8]) -> Result<String, String> {
        let view = SecretView {
            annotations: BTreeMap::new(),
            data: BTreeMap::from([("token".to_owned(), bytes.to_vec().into())]),
            resource_version: String::new(),
        };
        let value = reader(&view, PLACE).map_err(|fault| {
            let said = format!("{} {}", fault.message, fault.next_action);
            assert!(!said.contains("s3cr3t"), "{said}");
            assert!(
                said.contains("the key token of the Secret credentials"),
                "{said}"
            );
            let fault = fault
                .message
                .strip_prefix("The key token of the Secret credentials ");
            fault.unwrap().to_owned()
        })?;
        Ok(value.expose_secret().to_owned())
    }

    #[test]
    fn base64_of_a_printable_text_is_in_doubt_and_no_other_value() {
        for (value, doubtful) in [
            ("czNjcjN0LXQwa2Vu", true),
            ("czNjcjN0LXQwa2VuLTE=", true),
            ("s3cr3t-t0ken-one", false),
            ("czNj", false),
            ("q8V2ZyPw0uFh3kXtLmNb7A==", false),
            ("", false),
        ] {
            assert_eq!(may_be_encoded_twice(value), doubtful, "{value}");
        }
    }

    #[test]
    fn a_token_is_found_in_what_people_write() {
        for written in [
            &b"s3cr3t-t0ken"[..],
            b"s3cr3t-t0ken\n",
            b"s3cr3t-t0ken\r\n",
            b"\n s3cr3t-t0ken\t \n\n",
            b"\xef\xbb\xbfs3cr3t-t0ken\r\n",
            b"Bearer s3cr3t-t0ken",
            b"bearer  s3cr3t-t0ken\n",
            b"BEARER\ts3cr3t-t0ken",
            b"\xc2\xa0s3cr3t-t0ken\xc2\xa0",
        ] {
            let found = read(token, written);
            assert_eq!(found.as_deref(), Ok("s3cr3t-t0ken"), "{written:?}");
        }
        // Base64 by itself, of something else or even of words.
        for whole in [
            "MTIzNDU2Nzg5MGFi",
            "aWQ6YS1zM2NyM3Q=",
            "abc|s3cr3t+/=",
            "eyJh.eyJi.c2ln",
        ] {
            assert_eq!(read(token, whole.as_bytes()).as_deref(), Ok(whole));
        }
    }

    #[test]
    fn what_is_no_token_is_named_by_its_fault() {
        for (written, fault) in [
            (&b""[..], "is empty"),
            (b" \r\n", "holds nothing but white space"),
            (b"\xef\xbb\xbf", "holds nothing but white space"),
            (b"Bearer", "holds the word Bearer and no token"),
            (b"Bearer \n", "holds the word Bearer and no token"),
            (b"Authorization: Bearer s3cr3t-t0ken", "holds a header"),
            (b"Basic czNjcjN0", "holds a header"),
            (b"Bearer: s3cr3t-t0ken", "holds a header"),
            (b"Authorization=Bearer s3cr3t-t0ken", "holds white space"),
            (b"Bearer Bearer s3cr3t-t0ken", "holds a header"),
            (b"Token s3cr3t-t0ken", "holds white space within the token"),
            (b"${s3cr3t_TOKEN}", "holds a placeholder"),
            (b"$(cat s3cr3t.txt)", "holds white space"),
            (b"$(s3cr3t_TOKEN)\n", "holds a placeholder"),
            (b"<s3cr3t-token>", "holds a placeholder"),
            (b"{{s3cr3t}}", "holds a placeholder"),
            (b"s3cr3t-t0ken\\n", "ends with a backslash and a letter"),
            (
                b"s3cr3t-t0ken\\r\\n\n",
                "ends with a backslash and a letter",
            ),
            (
                b"\xe2\x80\x9cs3cr3t-t0ken\xe2\x80\x9d",
                "not of printable ASCII, as character 1",
            ),
            (
                b"s\x003\x00c\x00r\x003\x00t\x00",
                "control character, as character 2",
            ),
            (b"s3cr3t t0ken", "holds white space within the token"),
            (b"s3cr3t-\nt0ken", "holds white space within the token"),
            (
                b"s3cr3t-t0k\xc3\xa9n",
                "not of printable ASCII, as character 11",
            ),
            (b"s3cr3t\x00t0ken", "control character, as character 7"),
            (
                b"\xe2\x80\x8bs3cr3t-t0ken",
                "not of printable ASCII, as character 1",
            ),
            (b"s3cr3t\xff\xfe", "holds bytes that are no text"),
            (b"\xff\xfes\x003\x00", "is text in UTF-16"),
            (b"\"s3cr3t-t0ken\"", "begins with a quotation mark"),
            (
                b"{\"token\":\"s3cr3t-t0ken\"}",
                "begins with a quotation mark or a bracket",
            ),
            (b"s3cr3t", "holds fewer than 8 characters"),
            // echo s3cr3t-t0ken | base64, and a JSON Web Token, and a header.
            (b"czNjcjN0LXQwa2VuCg==\n", "encoded in base64 once more"),
            (b"ZXlKaC5leUppLmMybG4=", "encoded in base64 once more"),
            (
                b"QmVhcmVyIHMzY3IzdC10MGtlbg==",
                "encoded in base64 once more",
            ),
        ] {
            let said = read(token, written).unwrap_err();
            assert!(said.contains(fault), "{written:?}: {said}");
        }
    }

    #[test]
    fn a_clients_id_and_secret_are_taken_as_the_rfc_allows_them() {
        for (written, whole) in [
            (&b"s3cr3t of %the client"[..], "s3cr3t of %the client"),
            (b"s3cr3t-s3cr3t\n", "s3cr3t-s3cr3t"),
            (b"\t\xef\xbb\xbfs3cr3t", ""),
            (b"\xef\xbb\xbfs3cr3t-s3cr3t\r\n", "s3cr3t-s3cr3t"),
            (b"\"s3cr3t~\"", "\"s3cr3t~\""),
            // A backslash may be in a secret, and so may brackets.
            (b"s3cr3t-s3cr3t\\n", "s3cr3t-s3cr3t\\n"),
            (b"<s3cr3t~s3cr3t>", "<s3cr3t~s3cr3t>"),
        ] {
            let read = read(client_secret, written);
            assert_eq!(read.unwrap_or_default(), whole, "{written:?}");
        }
        for (written, fault) in [
            (&b" s3cr3t-s3cr3t"[..], "begins or ends with a blank"),
            (b"s3cr3t-s3cr3t \n", "begins or ends with a blank"),
            (b"${s3cr3t of the client}", "holds a placeholder"),
            (b"<s3cr3t-s3cr3t>\n", "holds a placeholder"),
            (b"s3cr3t\ns3cr3t", "control character, as character 7"),
            (
                b"s3cr3t\xc3\xa9s3cr3t",
                "not of printable ASCII, as character 7",
            ),
            (b"s3cr3t\n", "holds fewer than 8 characters"),
            (b"czNjcjN0LXQwa2VuCg==", "encoded in base64 once more"),
            (b"\n\n", "holds nothing but white space"),
        ] {
            let said = read(client_secret, written).unwrap_err();
            assert!(said.contains(fault), "{written:?}: {said}");
        }
        assert_eq!(
            read(client_id, b"id\n").as_deref(),
            Ok("id"),
            "an id is not secret"
        );
    }
}
