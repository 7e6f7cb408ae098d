//! What the token endpoint's reply means (RFC 6749, 5.1 and 5.2). Pure.
//!
//! Nothing that the endpoint says is repeated but the error codes of the RFC: a reply of a login
//! server is the last thing to show in a status.

use super::super::credentials::{bearer, long_enough};
use super::super::exchange::{Media, Reply};
use super::super::failure::Failure;
use super::cache::Issued;
use super::{Endpoint, Grant};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

#[derive(Deserialize)]
struct Success {
    access_token: String,
    #[serde(default)]
    token_type: Value,
    #[serde(default)]
    expires_in: Value,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// The token, or why there is none.
pub(super) fn read(reply: &Reply, endpoint: &Endpoint<'_>) -> Result<Issued, Failure> {
    let name = endpoint.name;
    let nonsense =
        |detail: &str| Failure::TokenNonsense(format!("the token endpoint {name} {detail}"));
    let away = |detail: String| Failure::TokenAway(format!("the token endpoint {name} {detail}"));
    match reply.status {
        // Some servers refuse with a status that says success.
        200 | 201 if let Some(code) = code(reply) => refusal(endpoint, reply.status, Some(code)),
        200 | 201 => {
            let success = match serde_json::from_slice::<Success>(plain(&reply.body)) {
                Ok(success) => success,
                Err(_) if let Media::Encoded(coding) = reply.media => {
                    return Err(nonsense(&format!(
                        "answers in the content coding {coding}, which was not asked for and cannot be \
                         decoded"
                    )));
                }
                Err(_) if reply.media != Media::Json => {
                    return Err(nonsense("answers with something else than JSON"));
                }
                Err(_) => return Err(nonsense("answers without a token")),
            };
            issued(success).map_err(nonsense)
        }
        429 => Err(away("throttles".to_owned())),
        status @ (400 | 401 | 403) => refusal(endpoint, status, code(reply)),
        status @ 500.. => Err(away(format!("answers with status {status}"))),
        status => Err(nonsense(&format!("answers with status {status}"))),
    }
}

/// A refusal by its code.
fn refusal(endpoint: &Endpoint<'_>, status: u16, code: Option<&str>) -> Result<Issued, Failure> {
    let name = endpoint.name;
    let nonsense =
        |detail: &str| Failure::TokenNonsense(format!("the token endpoint {name} {detail}"));
    let away = |detail: String| Failure::TokenAway(format!("the token endpoint {name} {detail}"));
    let of_the_client = matches!(status, 401 | 403);
    Err(match code {
        Some("slow_down") => away("throttles".to_owned()),
        Some("temporarily_unavailable" | "server_error") => {
            away(format!("answers with status {status}"))
        }
        Some(code @ ("invalid_request" | "unsupported_grant_type" | "invalid_target"))
            if !of_the_client =>
        {
            nonsense(&format!("refuses the request: {code}"))
        }
        None if !of_the_client => nonsense("refuses the request and does not say why"),
        code => refused(endpoint, status, code),
    })
}

fn refused(endpoint: &Endpoint<'_>, status: u16, code: Option<&str>) -> Failure {
    let Endpoint {
        name,
        authentication,
        grant,
    } = endpoint;
    let said = match code {
        Some(code) => format!("{code}, status {status}"),
        None => format!("status {status}"),
    };
    let how = authentication.in_words();
    Failure::ClientRefused(match (grant, code) {
        // RFC 6749, 5.2: what the user has granted is not valid, which for this grant is the password.
        (Grant::Password { .. }, Some("invalid_grant")) => format!(
            "the token endpoint {name} does not accept the user name or the password ({said})"
        ),
        (Grant::Password { .. }, _) => format!(
            "the token endpoint {name} does not accept the client or the user ({said}); the client's \
             id and secret were sent {how}"
        ),
        (Grant::ClientCredentials, _) => format!(
            "the token endpoint {name} does not accept the client ({said}); its id and secret were \
             sent {how}"
        ),
    })
}

/// Without a byte order mark.
fn plain(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// A code of the RFCs, never the server's own text.
fn code(reply: &Reply) -> Option<&'static str> {
    const CODES: [&str; 11] = [
        "invalid_client",
        "unauthorized_client",
        "invalid_scope",
        "invalid_grant",
        "access_denied",
        "invalid_request",
        "unsupported_grant_type",
        // RFC 8707.
        "invalid_target",
        "server_error",
        "temporarily_unavailable",
        // RFC 8628.
        "slow_down",
    ];
    let refusal: Refusal = serde_json::from_slice(plain(&reply.body)).ok()?;
    let said = refusal.error.trim();
    CODES
        .into_iter()
        .find(|code| code.eq_ignore_ascii_case(said))
}

fn issued(success: Success) -> Result<Issued, &'static str> {
    let Success {
        access_token,
        token_type,
        expires_in,
    } = success;
    // Many servers leave the type out, and some call it by another name; what is of another type
    // cannot be sent as a bearer token.
    let bearer_type = token_type.as_str().is_none_or(|named| {
        let named = named.trim();
        named.eq_ignore_ascii_case("bearer") || named.eq_ignore_ascii_case("bearertoken")
    });
    if !bearer_type {
        return Err("issues tokens that are not bearer tokens");
    }
    let text = bare(&access_token)
        .ok_or("issues a token with white space within it")?
        .to_owned()
        .into();
    bearer(&text).map_err(|_| "issues a token that no header can carry")?;
    long_enough("the token", &text).map_err(|_| "issues a token of fewer than 8 characters")?;
    Ok(Issued {
        text,
        life: life(&expires_in),
    })
}

/// The token without what surrounds it. It holds no white space (RFC 6750, 2.1), so that a line break at
/// its end is no part of it, nor is the word `Bearer` before it.
fn bare(token: &str) -> Option<&str> {
    let token = token.trim();
    let token = match token.split_once(char::is_whitespace) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim_start(),
        Some(_) | None => token,
    };
    (!token.contains(char::is_whitespace)).then_some(token)
}

/// A number, whole or not, or one that is written as a text. Of a life that cannot be read nothing is
/// known.
fn life(expires_in: &Value) -> Option<Duration> {
    let seconds = match expires_in {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    // What is larger than a Duration is more than any bound of ours.
    Duration::try_from_secs_f64(seconds)
        .ok()
        .or((seconds > 0.0).then_some(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::super::exchange::Challenge;
    use super::super::ClientAuthentication;
    use super::*;
    use secrecy::ExposeSecret;

    fn reply(status: u16, media: Media, body: &str) -> Reply {
        Reply {
            status,
            media,
            retry_after: None,
            throttled: false,
            challenge: Challenge::None,
            body: body.as_bytes().to_vec(),
        }
    }

    fn endpoint() -> Endpoint<'static> {
        Endpoint {
            name: "login:443",
            authentication: ClientAuthentication::Body,
            grant: &Grant::ClientCredentials,
        }
    }

    #[test]
    fn a_refused_password_is_told_from_a_refused_client() {
        let grant = Grant::Password {
            user: "the-user".to_owned().into(),
            password: "s3cr3t-of-the-user".to_owned().into(),
        };
        let asked = Endpoint {
            name: "login:443",
            authentication: ClientAuthentication::Basic,
            grant: &grant,
        };
        let refused = |code: &str| {
            let body = format!(r#"{{"error":"{code}","error_description":"s3cr3t-of-the-user"}}"#);
            let failure = read(&reply(400, Media::Json, &body), &asked).unwrap_err();
            let Failure::ClientRefused(said) = failure else {
                panic!("{failure:?}");
            };
            said
        };
        assert_eq!(
            refused("invalid_grant"),
            "the token endpoint login:443 does not accept the user name or the password \
             (invalid_grant, status 400)"
        );
        assert_eq!(
            refused("invalid_client"),
            "the token endpoint login:443 does not accept the client or the user (invalid_client, \
             status 400); the client's id and secret were sent in HTTP Basic, form-encoded \
             (clientAuthentication: Basic)"
        );
    }

    fn told(status: u16, body: &str) -> String {
        match read(&reply(status, Media::Json, body), &endpoint()) {
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
            (r#","expires_in":3600.0"#, "Some(3600s)"),
            (r#","expires_in":"3600.5""#, "Some(3600.5s)"),
            (
                r#","expires_in":1e300"#,
                "Some(18446744073709551615.999999999s)",
            ),
            (r#","expires_in":-1"#, "None"),
            (r#","expires_in":"soon""#, "None"),
            (r#","expires_in":0"#, "Some(0ns)"),
            (r#","expires_in":" 60 ""#, "Some(60s)"),
            (r#","expires_in":"3600s""#, "None"),
            (r#","expires_in":"1e3""#, "Some(1000s)"),
            (r#","expires_in":"NaN""#, "None"),
            (
                r#","expires_in":"inf""#,
                "Some(18446744073709551615.999999999s)",
            ),
            (r#","expires_in":[60]"#, "None"),
            (r#","expires_in":{}"#, "None"),
        ] {
            for kind in [
                r#","token_type":"Bearer""#,
                r#","token_type":"bearer""#,
                r#","token_type":"BEARER""#,
                r#","token_type":"BearerToken""#,
                r#","token_type":null"#,
                "",
            ] {
                let body = format!(r#"{{"access_token":"token-one"{kind}{more}}}"#);
                assert_eq!(told(200, &body), format!("token-one for {life}"), "{body}");
                let marked = format!("\u{feff}{body}");
                assert_eq!(told(200, &marked), format!("token-one for {life}"));
            }
        }
    }

    const WITHOUT: &str = "answers without a token";

    fn nonsense(detail: &str) -> String {
        format!("TokenNonsense(\"the token endpoint login:443 {detail}\")")
    }

    fn away(detail: &str) -> String {
        format!("TokenAway(\"the token endpoint login:443 {detail}\")")
    }

    fn refused(said: &str) -> String {
        format!(
            "ClientRefused(\"the token endpoint login:443 does not accept the client ({said}); its id \
             and secret were sent in the body (clientAuthentication: Body)\")"
        )
    }

    #[test]
    fn odd_refusals_and_tokens_are_read_as_far_as_they_go() {
        for (status, body, expected) in [
            (
                200,
                r#"{"access_token":"sec\u0001ret-secret"}"#,
                nonsense("issues a token that no header can carry"),
            ),
            (
                200,
                r#"{"access_token":"Basic secret-secret"}"#,
                nonsense("issues a token with white space within it"),
            ),
            (
                200,
                r#"{"error":"invalid_client","error_description":"secret"}"#,
                refused("invalid_client, status 200"),
            ),
            (200, r#"{"error":"slow_down"}"#, away("throttles")),
            (200, r#"{"error":"secret"}"#, nonsense(WITHOUT)),
            (
                200,
                r#"{"data":{"access_token":"token-one"}}"#,
                nonsense(WITHOUT),
            ),
            (
                401,
                r#"{"error":" Invalid_Client\n"}"#,
                refused("invalid_client, status 401"),
            ),
            (
                400,
                r#"{"error":{"code":"invalid_client"}}"#,
                nonsense("refuses the request and does not say why"),
            ),
        ] {
            assert_eq!(told(status, body), expected, "{status} {body}");
        }
        for written in [
            r"token-one\n",
            " token-one ",
            "Bearer token-one",
            r"bearer\ttoken-one",
        ] {
            let body = format!(r#"{{"access_token":"{written}"}}"#);
            assert_eq!(told(200, &body), "token-one for None", "{written}");
        }
    }

    #[test]
    fn what_is_no_token_is_named_and_never_repeated() {
        let without = WITHOUT;
        for (status, body, expected) in [
            (200, "", nonsense(without)),
            (200, "[1]", nonsense(without)),
            (200, r#"{"unexpected":true}"#, nonsense(without)),
            (200, r#"{"access_token":7}"#, nonsense(without)),
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
                nonsense("issues a token with white space within it"),
            ),
            (
                200,
                r#"{"access_token":"s","token_type":"Bearer"}"#,
                nonsense("issues a token of fewer than 8 characters"),
            ),
            (401, "", refused("status 401")),
            (403, "secret", refused("status 403")),
            (401, r#"{"error":"secret"}"#, refused("status 401")),
            (
                401,
                r#"{"error":"invalid_client","error_description":"secret"}"#,
                refused("invalid_client, status 401"),
            ),
            (
                400,
                r#"{"error":"invalid_client"}"#,
                refused("invalid_client, status 400"),
            ),
            (
                400,
                r#"{"error":"invalid_scope"}"#,
                refused("invalid_scope, status 400"),
            ),
            (400, r#"{"error":"slow_down"}"#, away("throttles")),
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
            (201, "{}", nonsense(without)),
            (204, "", nonsense("answers with status 204")),
            (429, "secret", away("throttles")),
            (500, "secret", away("answers with status 500")),
            (503, "secret", away("answers with status 503")),
        ] {
            assert_eq!(told(status, body), expected, "{status} {body}");
        }
        let page = reply(200, Media::Other, "<html>secret</html>");
        let failure = read(&page, &endpoint()).unwrap_err();
        assert_eq!(
            format!("{failure:?}"),
            nonsense("answers with something else than JSON")
        );
        // Some servers forget to say that it is JSON.
        let unnamed = reply(200, Media::Other, r#"{"access_token":"token-one"}"#);
        assert!(read(&unnamed, &endpoint()).is_ok());
    }
}
