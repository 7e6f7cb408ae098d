//! `/oauth2/token`: OAuth 2 client credentials (RFC 6749, 4.4), and the tokens issued there.
//!
//! It knows clients and tokens only, nothing of the contract. Replies have the RFC's own form, not
//! the contract's.

use std::fmt::Write;

use rusqlite::params;
use serde_json::{Value, json};

use super::config::OAuthClient;
use super::problem::Refusal;
use super::store::{Store, Tx};
use super::world::purchases::digest;

/// Which of the two sides a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The distributor's.
    Distributor,
    /// The tenant's own.
    Tenant,
}

/// A request for a token.
#[derive(Clone, Debug)]
pub(super) struct TokenRequest {
    pub(super) method: String,
    pub(super) authorization: Option<String>,
    pub(super) body: Vec<u8>,
}

/// The answer: a status and a JSON body.
pub(super) struct TokenReply {
    pub(super) status: u16,
    pub(super) body: Value,
}

fn refused(status: u16, error: &str) -> TokenReply {
    TokenReply {
        status,
        body: json!({ "error": error }),
    }
}

/// Counts a request, whatever becomes of it.
pub(super) fn count(store: &Store) -> Result<(), Refusal> {
    store.transact(|tx| Ok(tx.next("oauthRequests").map(drop)?))
}

/// Issues a token, or says why not.
pub(super) fn issue(
    store: &Store,
    clients: &[OAuthClient],
    request: &TokenRequest,
) -> Result<TokenReply, Refusal> {
    store.transact(|tx| {
        let reply = decide(tx, clients, request)?;
        if reply.status != 200 {
            tx.next("oauthRefused")?;
        }
        Ok(reply)
    })
}

fn decide(
    tx: &Tx<'_>,
    clients: &[OAuthClient],
    request: &TokenRequest,
) -> rusqlite::Result<TokenReply> {
    if request.method != "POST" {
        return Ok(refused(405, "invalid_request"));
    }
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&request.body)
        .into_owned()
        .collect();
    let member = |name: &str| {
        let mut found = form.iter().filter(|(known, _)| known == name);
        // A parameter that comes twice is none.
        found.next().filter(|_| found.next().is_none())
    };
    let value = |name: &str| member(name).map(|(_, value)| value.clone());
    let basic = request.authorization.as_deref().map(basic);
    let given = match (basic, value("client_id"), value("client_secret")) {
        (Some(Some(pair)), None, None) => Some(pair),
        (None, Some(id), Some(secret)) => Some((id, secret)),
        // Two ways at once, or half of one.
        (Some(_) | None, _, _) => None,
    };
    let client = given.and_then(|(id, secret)| {
        clients
            .iter()
            .find(|client| client.id == id && client.secret == secret)
    });
    let Some(client) = client else {
        return Ok(refused(401, "invalid_client"));
    };
    match value("grant_type").as_deref() {
        Some("client_credentials") => {}
        Some(_) => return Ok(refused(400, "unsupported_grant_type")),
        None => return Ok(refused(400, "invalid_request")),
    }
    let wanted = value("scope").unwrap_or_else(|| client.scopes.join(" "));
    if !wanted
        .split(' ')
        .all(|scope| client.scopes.iter().any(|known| known == scope))
    {
        return Ok(refused(400, "invalid_scope"));
    }
    let Some(token) = secret() else {
        return Ok(refused(500, "server_error"));
    };
    let seconds = tx.switches.token_seconds;
    let expires = tx
        .now
        .saturating_add(i64::from(seconds).saturating_mul(1000));
    // Only a digest is kept: the file itself is no credential.
    tx.run(
        "INSERT INTO oauth_tokens VALUES (?1, ?2, ?3)",
        params![digest(&token), client.tenant, expires],
    )?;
    tx.next("oauthIssued")?;
    Ok(TokenReply {
        status: 200,
        body: json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": seconds,
            "scope": wanted,
        }),
    })
}

/// The side that an issued token opens, unless it has expired.
pub(super) fn side_of(store: &Store, token: &str) -> Result<Option<Side>, Refusal> {
    store.transact(|tx| {
        let tenant: Option<bool> = tx.one(
            "SELECT tenant FROM oauth_tokens WHERE digest = ?1 AND expires_ms > ?2",
            params![digest(token), tx.now],
            |row| row.get(0),
        )?;
        Ok(tenant.map(|tenant| {
            if tenant {
                Side::Tenant
            } else {
                Side::Distributor
            }
        }))
    })
}

/// Ends every issued token at once.
pub(super) fn revoke(tx: &Tx<'_>) -> Result<Value, Refusal> {
    let revoked = tx.run("DELETE FROM oauth_tokens WHERE expires_ms > ?1", [tx.now])?;
    Ok(json!({ "revoked": revoked }))
}

/// What happened at the endpoint so far.
pub(super) fn overview(tx: &Tx<'_>) -> rusqlite::Result<Value> {
    let counter = |name: &str| tx.number("SELECT value FROM counters WHERE name = ?1", [name]);
    Ok(json!({
        "requests": counter("oauthRequests")?,
        "issued": counter("oauthIssued")?,
        "refused": counter("oauthRefused")?,
    }))
}

pub(super) fn secret() -> Option<String> {
    let mut bytes = [0_u8; 24];
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.secure_random.fill(&mut bytes).ok()?;
    let mut text = String::with_capacity(48);
    for byte in bytes {
        write!(text, "{byte:02x}").ok()?;
    }
    Some(text)
}

/// User and password of HTTP Basic, each form-encoded as RFC 6749 2.3.1 wants it.
pub(super) fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(base64(encoded.trim())?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |text: &str| {
        let pair = format!("v={text}");
        url::form_urlencoded::parse(pair.as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
    };
    Some((decode(id)?, decode(secret)?))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| -> Option<u32> {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let place = ALPHABET.iter().position(|known| *known == byte)?;
        u32::try_from(place).ok()
    };
    let mut bytes = Vec::new();
    for group in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = group
            .iter()
            .try_fold(0_u32, |bits, byte| Some((bits << 6) | digit(*byte)?))?;
        let missing = 4_usize.saturating_sub(group.len());
        let whole = (bits << (6_u32.checked_mul(u32::try_from(missing).ok()?)?)).to_be_bytes();
        let length = 3_usize.checked_sub(missing).filter(|length| *length > 0)?;
        bytes.extend(whole.iter().skip(1).take(length));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_read_as_the_rfc_writes_them() {
        let read = |text: &str| basic(text);
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(read("Basic YTpi"), pair("a", "b"));
        assert_eq!(read("basic YTpiYw=="), pair("a", "bc"));
        assert_eq!(read("Basic YTpiY2Q="), pair("a", "bcd"));
        assert_eq!(read("Basic YSUzQTpiJTI1"), pair("a:", "b%"));
        for wrong in ["Basic", "Bearer YTpi", "Basic Y", "Basic YQ==", "Basic ***"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
