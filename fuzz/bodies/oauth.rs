//! Replies of a token endpoint: a token fits a header and is not used for ever; a refusal repeats
//! nothing that the endpoint said.
//!
//! The first line is `200 json`: status and media type.

use super::reply;
use std::time::Duration;
use tenant_reseller_operator::bss::transport::{Failure, Media};
use tenant_reseller_operator::fuzzing::token;

const ENDPOINT: &str = "login:443";
/// All that is ever said of a reply, but for its status.
const SAID: [&str; 11] = [
    "answers with something else than JSON",
    "answers without a token",
    "issues tokens that are not bearer tokens",
    "issues a token with white space within it",
    "issues a token that no header can carry",
    "issues a token of fewer than 8 characters",
    "does not say when its token expires",
    "refuses the request: invalid_request",
    "refuses the request: unsupported_grant_type",
    "refuses the request: invalid_target",
    "refuses the request and does not say why",
];

pub(super) fn run(data: &[u8]) {
    let (reply, _) = reply(data);
    // The last moment of the clock is a moment too.
    for now in [Duration::from_secs(7), Duration::MAX] {
        let result = token(&reply, ENDPOINT, now);
        assert_eq!(result, token(&reply, ENDPOINT, now));
        match result {
            Ok(token) => {
                assert_eq!((reply.status, reply.media), (200, Media::Json));
                assert!(!token.text.trim().is_empty());
                assert_eq!(token.header, format!("Bearer {}", token.text).into_bytes());
                assert!(!token.header.iter().any(|byte| b"\r\n\0".contains(byte)));
                assert!(!token.used.1, "used for longer than a day");
            }
            Err(Failure::ClientRefused(_)) => {
                // Some endpoints refuse with status 200 and a code.
                assert!(
                    [200, 400, 401, 403].contains(&reply.status),
                    "{}",
                    reply.status
                );
            }
            Err(Failure::TokenNonsense(detail)) => assert_own_words(&detail, reply.status),
            Err(Failure::TokenAway(detail)) => {
                // A code may say that it is away, whatever the status.
                let by_code = [200, 400, 401, 403].contains(&reply.status);
                assert!(reply.status == 429 || reply.status >= 500 || by_code);
                assert_own_words(&detail, reply.status);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

fn assert_own_words(detail: &str, status: u16) {
    let said = detail.strip_prefix(&format!("the token endpoint {ENDPOINT} "));
    let said = said.expect("the endpoint is named");
    let own = said == "throttles" || said == format!("answers with status {status}");
    assert!(own || SAID.contains(&said), "{detail}");
}
