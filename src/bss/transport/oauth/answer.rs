//! What the token endpoint's reply means (RFC 6749, 5.1 and 5.2). Pure.
//!
//! Nothing that the endpoint says is repeated but the error codes of the RFC: a reply of a login
//! server is the last thing to show in a status.

use super::super::credentials::{bearer, long_enough};
use super::super::exchange::{Media, Reply};
use super::super::failure::Failure;
use super::cache::Issued;
use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
struct Success {
    access_token: String,
    token_type: String,
    #[serde(default)]
    expires_in: Option<Seconds>,
}

/// Some servers write the number as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// The token, or why there is none. `endpoint` names where it was asked for.
pub(super) fn read(reply: &Reply, endpoint: &str) -> Result<Issued, Failure> {
    let nonsense =
        |detail: &str| Failure::TokenNonsense(format!("the token endpoint {endpoint} {detail}"));
    let away =
        |detail: String| Failure::TokenAway(format!("the token endpoint {endpoint} {detail}"));
    match reply.status {
        200 => {
            if reply.media != Media::Json {
                return Err(nonsense("answers with something else than JSON"));
            }
            let success: Success = serde_json::from_slice(&reply.body)
                .map_err(|_| nonsense("answers without a token"))?;
            issued(success).map_err(nonsense)
        }
        401 | 403 => Err(Failure::CredentialsRefused),
        400 => match code(reply) {
            Some(
                "invalid_client"
                | "unauthorized_client"
                | "invalid_scope"
                | "invalid_grant"
                | "access_denied",
            ) => Err(Failure::CredentialsRefused),
            Some(code) => Err(nonsense(&format!("refuses the request: {code}"))),
            None => Err(nonsense("refuses the request and does not say why")),
        },
        429 => Err(away("throttles".to_owned())),
        status @ 500.. => Err(away(format!("answers with status {status}"))),
        status => Err(nonsense(&format!("answers with status {status}"))),
    }
}

/// A code of the RFC, never the server's own text.
fn code(reply: &Reply) -> Option<&'static str> {
    const CODES: [&str; 7] = [
        "invalid_client",
        "unauthorized_client",
        "invalid_scope",
        "invalid_grant",
        "access_denied",
        "invalid_request",
        "unsupported_grant_type",
    ];
    let refusal: Refusal = serde_json::from_slice(&reply.body).ok()?;
    CODES.into_iter().find(|code| *code == refusal.error)
}

fn issued(success: Success) -> Result<Issued, &'static str> {
    let Success {
        access_token,
        token_type,
        expires_in,
    } = success;
    if !token_type.eq_ignore_ascii_case("bearer") {
        return Err("issues tokens that are not bearer tokens");
    }
    let text = access_token.into();
    bearer(&text).map_err(|_| "issues a token that no header can carry")?;
    long_enough("the token", &text).map_err(|_| "issues a token of fewer than 8 characters")?;
    let life = match expires_in {
        None => None,
        Some(Seconds::Number(seconds)) => Some(seconds),
        Some(Seconds::Text(text)) => Some(
            text.parse()
                .map_err(|_| "does not say when its token expires")?,
        ),
    };
    Ok(Issued {
        text,
        life: life.map(Duration::from_secs),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn reply(status: u16, media: Media, body: &str) -> Reply {
        Reply {
            status,
            media,
            retry_after: None,
            throttled: false,
            body: body.as_bytes().to_vec(),
        }
    }

    fn told(status: u16, body: &str) -> String {
        match read(&reply(status, Media::Json, body), "login:443") {
            Ok(issued) => format!("{} for {:?}", issued.text.expose_secret(), issued.life),
            Err(failure) => format!("{failure:?}"),
        }
    }

    #[test]
    fn tokens_with_and_without_a_life() {
        for (more, life) in [
            ("", "None"),
            (r#","expires_in":60"#, "Some(60s)"),
            (
                r#","expires_in":"60","scope":"a","refresh_token":"r""#,
                "Some(60s)",
            ),
            (r#","expires_in":null"#, "None"),
        ] {
            for kind in ["Bearer", "bearer", "BEARER"] {
                let body = format!(r#"{{"access_token":"token-one","token_type":"{kind}"{more}}}"#);
                assert_eq!(told(200, &body), format!("token-one for {life}"));
            }
        }
    }

    #[test]
    fn what_is_no_token_is_named_and_never_repeated() {
        let nonsense =
            |detail: &str| format!("TokenNonsense(\"the token endpoint login:443 {detail}\")");
        let away = |detail: &str| format!("TokenAway(\"the token endpoint login:443 {detail}\")");
        let without = "answers without a token";
        for (status, body, expected) in [
            (200, "", nonsense(without)),
            (200, "[1]", nonsense(without)),
            (200, r#"{"unexpected":true}"#, nonsense(without)),
            (200, r#"{"access_token":"secret"}"#, nonsense(without)),
            (
                200,
                r#"{"access_token":"secret","token_type":"mac"}"#,
                nonsense("issues tokens that are not bearer tokens"),
            ),
            (
                200,
                r#"{"access_token":" ","token_type":"Bearer"}"#,
                nonsense("issues a token that no header can carry"),
            ),
            (
                200,
                r#"{"access_token":"sec\nret","token_type":"Bearer"}"#,
                nonsense("issues a token that no header can carry"),
            ),
            (
                200,
                r#"{"access_token":"s","token_type":"Bearer"}"#,
                nonsense("issues a token of fewer than 8 characters"),
            ),
            (
                200,
                r#"{"access_token":"the-secret","token_type":"Bearer","expires_in":"soon"}"#,
                nonsense("does not say when its token expires"),
            ),
            (
                200,
                r#"{"access_token":"secret","token_type":"Bearer","expires_in":-1}"#,
                nonsense(without),
            ),
            (401, "", "CredentialsRefused".to_owned()),
            (403, "secret", "CredentialsRefused".to_owned()),
            (
                400,
                r#"{"error":"invalid_client"}"#,
                "CredentialsRefused".to_owned(),
            ),
            (
                400,
                r#"{"error":"invalid_scope"}"#,
                "CredentialsRefused".to_owned(),
            ),
            (
                400,
                r#"{"error":"unsupported_grant_type","error_description":"secret"}"#,
                nonsense("refuses the request: unsupported_grant_type"),
            ),
            (
                400,
                r#"{"error":"secret"}"#,
                nonsense("refuses the request and does not say why"),
            ),
            (404, "secret", nonsense("answers with status 404")),
            (201, "{}", nonsense("answers with status 201")),
            (429, "secret", away("throttles")),
            (500, "secret", away("answers with status 500")),
            (503, "secret", away("answers with status 503")),
        ] {
            assert_eq!(told(status, body), expected, "{status} {body}");
        }
        let page = reply(
            200,
            Media::Other,
            r#"{"access_token":"t","token_type":"Bearer"}"#,
        );
        let failure = read(&page, "login:443").unwrap_err();
        assert_eq!(
            format!("{failure:?}"),
            nonsense("answers with something else than JSON")
        );
    }
}
