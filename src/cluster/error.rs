//! Errors of kube-rs in the words of the port, and the bound that every call gets.

use std::error::Error;
use std::time::Duration;

use kube::core::Status;

use super::asked::heard;
use super::port::{ClusterError, ClusterResult};

/// Awaits a call, but not longer than `bound`: the client's own time-outs cover a silent
/// connection, not one that trickles.
pub(super) async fn bounded<T>(
    bound: Duration,
    call: impl Future<Output = Result<T, kube::Error>>,
) -> ClusterResult<T> {
    let (answer, asked) = heard(tokio::time::timeout(bound, call)).await;
    match answer {
        Ok(answer) => answer.map_err(|error| match (translate(error), asked) {
            (ClusterError::Unavailable(said), Some(after)) => ClusterError::Busy { said, after },
            (error, _) => error,
        }),
        Err(_elapsed) => Err(ClusterError::Unavailable(format!(
            "no answer within {bound:?}"
        ))),
    }
}

/// Says what kube-rs reports in the words of the port.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that `map_err` wants"
)]
pub(super) fn translate(error: kube::Error) -> ClusterError {
    if let kube::Error::Api(status) = &error {
        return of_status(status);
    }
    ClusterError::Unavailable(chain(&error))
}

fn of_status(status: &Status) -> ClusterError {
    let said = || status.message.clone();
    match status.code {
        // Without a status object the path itself is unknown, that is a kind that is not served:
        // saying "gone" then would let a missing CRD look like a deleted object.
        404 if status.reason == "NotFound" && names_an_object(status) => ClusterError::Gone,
        404 => ClusterError::Unavailable(format!(
            "the API server does not serve this path ({}); are the CRDs installed?",
            status.message
        )),
        409 if status.is_already_exists() => ClusterError::Exists,
        409 => ClusterError::Conflict,
        401 | 403 => ClusterError::Forbidden(said()),
        400 | 413 | 422 => ClusterError::Invalid(said()),
        code => {
            let said = format!("{code}: {}", status.message);
            match asks_to_wait(status) {
                Some(after) => ClusterError::Busy { said, after },
                None => ClusterError::Unavailable(said),
            }
        }
    }
}

/// What its `Retry-After` asks for, which it repeats in the status that it answers with.
fn asks_to_wait(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)))
}

/// The API server names the missing object in its answer; for a path that it does not know it
/// answers with plain text, or with a status without a name.
fn names_an_object(status: &Status) -> bool {
    status.details.as_ref().is_some_and(|d| !d.name.is_empty())
}

/// An error with its causes, each once.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use kube::core::response::StatusDetails;

    use super::*;

    fn status(code: u16, reason: &str, name: &str) -> kube::Error {
        kube::Error::Api(
            Status::failure("said", reason)
                .with_code(code)
                .with_details(StatusDetails {
                    name: name.to_owned(),
                    group: String::new(),
                    kind: String::new(),
                    uid: String::new(),
                    causes: Vec::new(),
                    retry_after_seconds: 0,
                })
                .boxed(),
        )
    }

    #[test]
    fn each_answer_has_its_word() {
        let word = |code, reason, name| format!("{:?}", translate(status(code, reason, name)));
        assert_eq!(word(404, "NotFound", "contoso"), "Gone");
        assert_eq!(word(409, "Conflict", "contoso"), "Conflict");
        assert_eq!(word(409, "AlreadyExists", "contoso"), "Exists");
        assert_eq!(word(403, "Forbidden", "contoso"), "Forbidden(\"said\")");
        assert_eq!(word(401, "Unauthorized", ""), "Forbidden(\"said\")");
        assert_eq!(word(422, "Invalid", "contoso"), "Invalid(\"said\")");
        assert_eq!(
            word(503, "ServiceUnavailable", ""),
            "Unavailable(\"503: said\")"
        );
        assert_eq!(
            word(429, "TooManyRequests", ""),
            "Unavailable(\"429: said\")"
        );
    }

    #[test]
    fn a_wait_that_the_api_server_asks_for_is_heard() {
        let mut error = status(429, "TooManyRequests", "");
        if let kube::Error::Api(status) = &mut error {
            status
                .details
                .as_mut()
                .expect("details")
                .retry_after_seconds = 17;
        }
        let ClusterError::Busy { said, after } = translate(error) else {
            panic!("it asked for a pause");
        };
        assert_eq!(
            (said.as_str(), after),
            ("429: said", Duration::from_secs(17))
        );
    }

    #[test]
    fn a_kind_that_is_not_served_is_not_a_missing_object() {
        let plain = kube::Error::Api(
            Status::failure("404 page not found", "Failed to parse error data")
                .with_code(404)
                .boxed(),
        );
        assert!(
            matches!(translate(plain), ClusterError::Unavailable(said) if said.contains("CRDs"))
        );
    }

    #[tokio::test]
    async fn a_call_that_never_answers_ends() {
        let answer: ClusterResult<()> =
            bounded(Duration::from_millis(10), std::future::pending()).await;
        assert!(matches!(answer, Err(ClusterError::Unavailable(said)) if said.contains("10ms")));
    }
}
