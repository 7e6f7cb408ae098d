//! Replies that are no success: each has a class, and one that leaves a doubt about a write says so.
//!
//! The first line is `409 problem write`: status, media type, effect.

use super::{assert_fit, reply};
use serde_json::Value;
use tenant_reseller_operator::bss::BssError;
use tenant_reseller_operator::bss::transport::{Effect, Media};
use tenant_reseller_operator::fuzzing::refused;

/// Statuses that the connection counts as throttling.
const THROTTLES: [u16; 2] = [403, 503];
/// What says of a write that nothing was done.
const NOT_DONE: [&str; 12] = [
    "Throttled",
    "Unavailable",
    "AuthRejected",
    "Forbidden",
    "NotFound",
    "Conflict",
    "StaleEpoch",
    "HeldByAnother",
    "Blocked",
    "Invalid",
    "ManualStepNeeded",
    "Unsupported",
];
/// Most entries of a list in an error.
const MOST: usize = 50;

pub(super) fn run(data: &[u8]) {
    let (_, words) = reply(data);
    let effect = match words.first() {
        Some(&"read") => Effect::Read,
        _ => Effect::Write,
    };
    let error = refused(reply(data).0, &THROTTLES, effect);
    assert_eq!(error, refused(reply(data).0, &THROTTLES, effect));
    let (reply, _) = reply(data);
    let success = (200..300).contains(&reply.status);
    let Some(error) = error else {
        assert!(success && reply.media == Media::Json);
        return;
    };
    texts(&error).into_iter().for_each(assert_fit);
    let class = error.class();
    let doubt = ["Malformed", "OutcomeUnknown"].contains(&class);
    assert!(doubt || NOT_DONE.contains(&class), "{class}");
    assert_eq!(error.effect_unknown(), doubt);
    assert!(effect == Effect::Write || class != "OutcomeUnknown");
    assert!(reply.status != 429 || class == "Throttled", "{class}");
    if success {
        assert_eq!(class, "Malformed");
    }
    // Without a readable class a write is done or not, and it is not known which.
    let said = said(reply.media, &reply.body);
    let without_words =
        [401, 403, 429].contains(&reply.status) || THROTTLES.contains(&reply.status);
    if said.is_none() && !without_words && effect == Effect::Write {
        assert!(doubt, "{} is {class}", reply.status);
    }
    // What a reply says of itself is what it is taken for, or it broke the contract.
    if let (Some(said), false) = (&said, doubt || without_words) {
        let server = (500..600).contains(&reply.status) && class == "Unavailable";
        assert!(said == class || server, "{said} is taken for {class}");
    }
}

/// The class that the body names.
fn said(media: Media, body: &[u8]) -> Option<String> {
    if !matches!(media, Media::Json | Media::Problem) {
        return None;
    }
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get("class")?.as_str().map(str::to_owned)
}

fn texts(error: &BssError) -> Vec<&str> {
    match error {
        BssError::Unavailable { detail }
        | BssError::OutcomeUnknown { detail }
        | BssError::Conflict { detail }
        | BssError::Malformed { detail }
        | BssError::NoToken { detail }
        | BssError::Refused { detail } => vec![detail],
        BssError::NotFound { what } => vec![what],
        BssError::HeldByAnother { holder } => vec![holder],
        BssError::ManualStepNeeded { instruction } => vec![instruction],
        BssError::Blocked(tallies) => {
            assert!((1..=MOST).contains(&tallies.len()));
            assert!(tallies.iter().all(|tally| tally.examples.len() <= MOST));
            let examples = tallies.iter().flat_map(|tally| &tally.examples);
            examples.map(String::as_str).collect()
        }
        BssError::Invalid(fields) => {
            assert!((1..=MOST).contains(&fields.len()));
            assert!(fields.iter().all(|field| field.allowed.len() <= MOST));
            let texts = fields.iter().flat_map(|field| {
                let own = [field.field.as_str(), field.detail.as_str()];
                own.into_iter()
                    .chain(field.allowed.iter().map(String::as_str))
            });
            texts.collect()
        }
        BssError::Throttled { .. }
        | BssError::AuthRejected
        | BssError::ClientRejected { .. }
        | BssError::TokenEndpointAway { .. }
        | BssError::Forbidden { .. }
        | BssError::StaleEpoch { .. }
        | BssError::Unsupported { .. }
        | BssError::Cancelled => Vec::new(),
    }
}
