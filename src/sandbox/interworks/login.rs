//! `/oauth/token`: the password grant of OAuth 2 (RFC 6749, 4.3). The client's id and secret come in
//! HTTP Basic and nowhere else.

use rusqlite::params;
use serde_json::{Value, json};

use super::organisation;
use super::{Face, Reply};
use crate::sandbox::oauth;
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::{Store, Tx};
use crate::sandbox::world::purchases::digest;

/// A request for a token.
#[derive(Clone, Debug)]
pub(super) struct TokenRequest {
    pub(super) method: String,
    pub(super) authorization: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) body: Vec<u8>,
}

fn refused(status: u16, error: &str) -> Reply {
    Reply {
        status,
        body: json!({ "error": error }),
    }
}

/// Issues a token, or says why not.
pub(super) fn issue(store: &Store, face: &Face, request: &TokenRequest) -> Result<Reply, Refusal> {
    store.transact(|tx| {
        super::calls::count(tx, &request.method, "/oauth/token")?;
        Ok(decide(tx, face, request)?)
    })
}

fn decide(tx: &Tx<'_>, face: &Face, request: &TokenRequest) -> rusqlite::Result<Reply> {
    if request.method != "POST" {
        return Ok(refused(405, "invalid_request"));
    }
    let form = request.content_type.as_deref().unwrap_or_default();
    if !form.starts_with("application/x-www-form-urlencoded") {
        return Ok(refused(400, "invalid_request"));
    }
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&request.body)
        .into_owned()
        .collect();
    let value = |name: &str| {
        let mut found = form.iter().filter(|(known, _)| known == name);
        // A parameter that comes twice is none.
        found
            .next()
            .filter(|_| found.next().is_none())
            .map(|(_, value)| value.as_str())
    };
    let pair = request.authorization.as_deref().and_then(oauth::basic);
    let in_body = value("client_id").is_some() || value("client_secret").is_some();
    let Some((id, secret)) = pair.filter(|_| !in_body) else {
        return Ok(refused(401, "invalid_client"));
    };
    let mut logins = face
        .logins
        .iter()
        .filter(|login| login.client_id == id && login.client_secret == secret)
        .peekable();
    if logins.peek().is_none() {
        return Ok(refused(401, "invalid_client"));
    }
    match value("grant_type") {
        Some("password") => {}
        Some(_) => return Ok(refused(400, "unsupported_grant_type")),
        None => return Ok(refused(400, "invalid_request")),
    }
    let (Some(user), Some(password)) = (value("username"), value("password")) else {
        return Ok(refused(400, "invalid_request"));
    };
    let Some(login) = logins.find(|login| login.user == user && login.password == password) else {
        return Ok(refused(400, "invalid_grant"));
    };
    if organisation::of(tx, login)?.is_none() {
        return Ok(refused(400, "invalid_grant"));
    }
    let Some(token) = oauth::secret() else {
        return Ok(refused(500, "server_error"));
    };
    let seconds = tx.switches.interworks.token_seconds;
    let life = i64::from(seconds).saturating_mul(1000);
    // Only a digest is kept: the file itself is no credential.
    tx.run(
        "INSERT INTO vendor_tokens VALUES (?1, ?2, ?3, ?4)",
        params![
            digest(&token),
            login.client_id,
            login.user,
            tx.now.saturating_add(life)
        ],
    )?;
    Ok(Reply {
        status: 200,
        body: json!({ "access_token": token, "token_type": "bearer", "expires_in": seconds }),
    })
}

/// A person logs in with a user of the API: its tokens end.
pub(in crate::sandbox) fn end_sessions(tx: &Tx<'_>, user: Option<&str>) -> Result<Value, Refusal> {
    let ended = tx.run(
        "DELETE FROM vendor_tokens WHERE ?1 IS NULL OR user = ?1",
        [user],
    )?;
    Ok(json!({ "ended": ended }))
}
