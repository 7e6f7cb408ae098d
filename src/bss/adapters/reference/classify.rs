//! What a reply that is no success means, and a request that got none.
//!
//! A pure table over (status, problem, effect). Status and class must fit together as the contract
//! pairs them; where they do not, the reply broke the contract. Of a write, only what says that
//! nothing was done is taken for that; all else leaves the outcome unknown.

use super::body;
use super::contract::{BlockerCount, ErrorClass, FieldProblem};
use super::problem::{Class, Problem};
use super::replies::blocker_reason;
use crate::bss::error::{BlockerTally, BssError, FieldError};
use crate::bss::port::Operation;
use crate::bss::transport::{Effect, Failure, Media, Reply, fit};
use std::time::Duration;

/// What was asked, as far as its errors are concerned.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) operation: Operation,
    /// What it was about: the path below the base URL.
    pub(super) subject: String,
    /// Which page of it, in words.
    pub(super) page: Option<String>,
}

impl Asked {
    pub(super) fn effect(&self) -> Effect {
        if self.operation.writes() {
            Effect::Write
        } else {
            Effect::Read
        }
    }
}

/// A reply that is no success.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The problem details, or what the reply has instead of them.
    pub(super) problem: Result<Problem, String>,
    pub(super) retry_after: Option<Duration>,
    /// Whether it means *too many requests*, whatever its status says.
    pub(super) throttled: bool,
}

/// Whether a reply means *too many requests*: 429 always, another status if the connection counts
/// it among those that do and the reply itself names no other class.
pub(super) fn throttles(reply: &Reply, statuses: &[u16]) -> bool {
    if reply.status == 429 {
        return true;
    }
    let names_another = || {
        let class = problem(reply.media, &reply.body).map_or(Class::Absent, |said| said.class);
        !matches!(class, Class::Absent | Class::Known(ErrorClass::Throttled))
    };
    statuses.contains(&reply.status) && !names_another()
}

/// The problem details of a reply, whichever of the two media types it has.
pub(super) fn problem(media: Media, body: &[u8]) -> Option<Problem> {
    match media {
        Media::Json | Media::Problem => Problem::read(body),
        Media::Markup | Media::Other | Media::Absent | Media::Encoded(_) => None,
    }
}

/// What a body is that is not the JSON which the contract asks for.
pub(super) fn not_json(media: Media, body: &[u8]) -> String {
    if body::is_markup(body) && !matches!(media, Media::Encoded(_)) {
        return "a page in HTML or XML instead of JSON; does a proxy or a login page answer in place \
                of the BSS?"
            .to_owned();
    }
    match media {
        Media::Encoded(coding) => format!(
            "a body in the content coding {coding}, which was not asked for and cannot be decoded; have \
             the BSS or its proxy send it without Content-Encoding"
        ),
        Media::Markup => {
            "a body whose Content-Type is that of a page in HTML or XML; it has to be \
                          application/json"
                .to_owned()
        }
        Media::Absent => "a body without a Content-Type; it has to be application/json".to_owned(),
        Media::Problem if Problem::read(body).is_some() => {
            "problem details, which only a refusal has".to_owned()
        }
        Media::Problem | Media::Json => "a body that is no JSON object".to_owned(),
        Media::Other => {
            "a body that is not JSON; its Content-Type has to be application/json".to_owned()
        }
    }
}

pub(super) fn refusal(refusal: Refusal, asked: &Asked) -> BssError {
    let Refusal {
        status,
        problem,
        retry_after,
        throttled,
    } = refusal;
    if throttled {
        return BssError::Throttled { after: retry_after };
    }
    match status {
        401 => BssError::AuthRejected,
        403 => BssError::Forbidden {
            operation: asked.operation,
            right: None,
        },
        500..=599 => server_side(status, problem, asked),
        _ => match problem {
            Ok(problem) => client_side(status, problem, asked),
            Err(instead) => malformed(format!(
                "status {status} without problem details: {instead}"
            )),
        },
    }
}

fn server_side(status: u16, problem: Result<Problem, String>, asked: &Asked) -> BssError {
    let problem = problem.ok();
    let class = problem
        .as_ref()
        .map_or(Class::Absent, |problem| problem.class);
    match (status, class, problem) {
        (503, Class::Known(ErrorClass::Unavailable), Some(problem)) => BssError::Unavailable {
            detail: text(&problem),
        },
        (501, Class::Known(ErrorClass::Unsupported), _) => BssError::Unsupported {
            operation: asked.operation,
        },
        (501, Class::Known(ErrorClass::ManualStepNeeded), Some(problem)) => {
            match problem.instruction {
                Some(instruction) => BssError::ManualStepNeeded { instruction },
                None => malformed("a manual step without an instruction".to_owned()),
            }
        }
        (_, _, problem) => {
            let said = problem.as_ref().and_then(Problem::words);
            let said = said.map(|words| format!(": {words}")).unwrap_or_default();
            Failure::Lost(format!("status {status}{said}")).into_error(asked.effect())
        }
    }
}

fn client_side(status: u16, problem: Problem, asked: &Asked) -> BssError {
    let Class::Known(class) = problem.class else {
        return malformed(format!(
            "status {status} with problem details without a class of the contract{}",
            said(&problem)
        ));
    };
    match (status, class) {
        (404, ErrorClass::NotFound) => BssError::NotFound {
            what: quoted(&asked.subject),
        },
        (409, ErrorClass::Conflict) => BssError::Conflict {
            detail: text(&problem),
        },
        (409, ErrorClass::StaleEpoch) => match problem.highest_epoch {
            Some(highest) => BssError::StaleEpoch { highest },
            None => malformed(format!(
                "a stale epoch without the highest one{}",
                said(&problem)
            )),
        },
        (409, ErrorClass::HeldByAnother) => match problem.holder {
            Some(ref holder) => BssError::HeldByAnother {
                holder: holder.clone(),
            },
            None => malformed(format!(
                "held by another without the holder{}",
                said(&problem)
            )),
        },
        (409, ErrorClass::Blocked) if !problem.blockers.is_empty() => {
            BssError::Blocked(problem.blockers.into_iter().map(tally).collect())
        }
        (413 | 422, ErrorClass::Invalid) if !problem.fields.is_empty() => {
            BssError::Invalid(problem.fields.into_iter().map(field).collect())
        }
        (409, ErrorClass::Blocked) => malformed(format!(
            "a refusal as Blocked without a reason of the contract{}",
            said(&problem)
        )),
        (413 | 422, ErrorClass::Invalid) => malformed(format!(
            "a refusal as Invalid that names no field{}",
            said(&problem)
        )),
        (_, class) => malformed(format!(
            "status {status} with the class {class:?}{}",
            said(&problem)
        )),
    }
}

/// What became of a request without a reply.
pub(super) fn failure(failure: Failure, effect: Effect) -> BssError {
    failure.into_error(effect)
}

pub(super) fn malformed(detail: String) -> BssError {
    BssError::Malformed { detail }
}

/// What the server says for people, behind what is wrong with its reply.
fn said(problem: &Problem) -> String {
    let words = problem.words();
    words.map(|words| format!(": {words}")).unwrap_or_default()
}

fn text(problem: &Problem) -> String {
    let words = problem.words().unwrap_or("it does not say why");
    words.to_owned()
}

fn tally(count: BlockerCount) -> BlockerTally {
    let BlockerCount {
        reason,
        count,
        examples,
    } = count;
    BlockerTally {
        reason: blocker_reason(reason),
        count,
        examples,
    }
}

fn field(problem: FieldProblem) -> FieldError {
    let FieldProblem {
        field,
        detail,
        allowed,
    } = problem;
    FieldError {
        field,
        detail,
        allowed,
    }
}

/// An id as people read it: within quotes, because it may hold blanks or be empty, without control
/// characters, and not longer than an id is.
pub(super) fn quoted(id: &impl std::fmt::Display) -> String {
    const LONGEST: usize = 128;
    let text = fit(&id.to_string());
    let cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() {
        format!("\"{cut}...\"")
    } else {
        format!("\"{cut}\"")
    }
}

/// Names the operation in an error, and what it was about where that is not said yet. A BSS that is
/// away or throttles is so for all operations: it keeps one text, so that a status does not change
/// with whichever of many calls fails first. The log names those, with their trace ids.
pub(super) fn named(error: BssError, asked: &Asked) -> BssError {
    let name = asked.operation;
    let about = || format!("{name} of {}", quoted(&asked.subject));
    let page = asked.page.as_deref();
    let page = || page.map(|page| format!(" ({page})")).unwrap_or_default();
    match error {
        BssError::NotFound { what } => BssError::NotFound {
            what: format!("{what} ({name})"),
        },
        BssError::Conflict { detail } => BssError::Conflict {
            detail: format!("{name}: {detail}"),
        },
        BssError::OutcomeUnknown { detail } => BssError::OutcomeUnknown {
            detail: format!("{}: {detail}", about()),
        },
        BssError::Malformed { detail } => BssError::Malformed {
            detail: format!("{}{}: {detail}", about(), page()),
        },
        BssError::Throttled { .. }
        | BssError::Unavailable { .. }
        | BssError::AuthRejected
        | BssError::ClientRejected { .. }
        | BssError::TokenEndpointAway { .. }
        | BssError::Forbidden { .. }
        | BssError::StaleEpoch { .. }
        | BssError::HeldByAnother { .. }
        | BssError::Blocked(_)
        | BssError::Invalid(_)
        | BssError::ManualStepNeeded { .. }
        | BssError::Unsupported { .. }
        | BssError::NoToken { .. }
        | BssError::Cancelled
        | BssError::Refused { .. } => error,
    }
}

/// Applies `clean` to every text that the BSS had a hand in. Exhaustive, so that a new variant
/// cannot bring an uncleaned one.
pub(super) fn cleaned(error: BssError, clean: impl Fn(&str) -> String) -> BssError {
    const MOST: usize = 50;
    let all = |texts: Vec<String>| texts.iter().take(MOST).map(|text| clean(text)).collect();
    match error {
        BssError::Throttled { after } => BssError::Throttled { after },
        BssError::Unavailable { detail } => BssError::Unavailable {
            detail: clean(&detail),
        },
        BssError::OutcomeUnknown { detail } => BssError::OutcomeUnknown {
            detail: clean(&detail),
        },
        BssError::AuthRejected => BssError::AuthRejected,
        BssError::ClientRejected { detail } => BssError::ClientRejected {
            detail: clean(&detail),
        },
        BssError::TokenEndpointAway { detail } => BssError::TokenEndpointAway {
            detail: clean(&detail),
        },
        BssError::Forbidden { operation, right } => BssError::Forbidden {
            operation,
            right: right.map(|right| clean(&right)),
        },
        BssError::NotFound { what } => BssError::NotFound { what: clean(&what) },
        BssError::Conflict { detail } => BssError::Conflict {
            detail: clean(&detail),
        },
        BssError::StaleEpoch { highest } => BssError::StaleEpoch { highest },
        BssError::HeldByAnother { holder } => BssError::HeldByAnother {
            holder: clean(&holder),
        },
        BssError::Blocked(tallies) => {
            let cleaned = tallies.into_iter().take(MOST).map(|tally| {
                let BlockerTally {
                    reason,
                    count,
                    examples,
                } = tally;
                BlockerTally {
                    reason,
                    count,
                    examples: all(examples),
                }
            });
            BssError::Blocked(cleaned.collect())
        }
        BssError::Invalid(fields) => {
            let cleaned = fields.into_iter().take(MOST).map(|problem| {
                let FieldError {
                    field,
                    detail,
                    allowed,
                } = problem;
                FieldError {
                    field: clean(&field),
                    detail: clean(&detail),
                    allowed: all(allowed),
                }
            });
            BssError::Invalid(cleaned.collect())
        }
        BssError::ManualStepNeeded { instruction } => BssError::ManualStepNeeded {
            instruction: clean(&instruction),
        },
        BssError::Unsupported { operation } => BssError::Unsupported { operation },
        BssError::Malformed { detail } => BssError::Malformed {
            detail: clean(&detail),
        },
        BssError::NoToken { detail } => BssError::NoToken {
            detail: clean(&detail),
        },
        BssError::Cancelled => BssError::Cancelled,
        BssError::Refused { detail } => BssError::Refused {
            detail: clean(&detail),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bss::limits::PauseReason;

    const CLASSES: [ErrorClass; 13] = [
        ErrorClass::Throttled,
        ErrorClass::Unavailable,
        ErrorClass::AuthRejected,
        ErrorClass::Forbidden,
        ErrorClass::NotFound,
        ErrorClass::Conflict,
        ErrorClass::StaleEpoch,
        ErrorClass::HeldByAnother,
        ErrorClass::Blocked,
        ErrorClass::Invalid,
        ErrorClass::ManualStepNeeded,
        ErrorClass::Unsupported,
        ErrorClass::Internal,
    ];

    fn problem(status: u16, class: ErrorClass) -> Problem {
        let body = serde_json::json!({
            "title": "t", "status": status, "class": class, "detail": "d",
            "fields": [{"field": "settings.edition", "detail": "no", "allowed": ["Premium"]}],
            "blockers": [{"reason": "NotCopied", "count": 3, "examples": ["S-1"]}],
            "highestEpoch": 9, "holder": "h", "instruction": "press",
        });
        Problem::read(body.to_string().as_bytes()).unwrap()
    }

    fn asked(effect: Effect) -> Asked {
        Asked {
            operation: match effect {
                Effect::Read => Operation::ListCopies,
                Effect::Write => Operation::CopyCustomers,
            },
            subject: "tenant T-1".to_owned(),
            page: None,
        }
    }

    fn class(status: u16, class: Option<ErrorClass>, effect: Effect) -> &'static str {
        let problem = class.map(|class| problem(status, class));
        let problem = problem.ok_or_else(|| "nothing".to_owned());
        refusal(
            Refusal {
                status,
                problem,
                retry_after: None,
                throttled: status == 429,
            },
            &asked(effect),
        )
        .class()
    }

    #[test]
    fn the_whole_table() {
        let fitting = [
            (404, ErrorClass::NotFound, "NotFound"),
            (409, ErrorClass::Conflict, "Conflict"),
            (409, ErrorClass::StaleEpoch, "StaleEpoch"),
            (409, ErrorClass::HeldByAnother, "HeldByAnother"),
            (409, ErrorClass::Blocked, "Blocked"),
            (422, ErrorClass::Invalid, "Invalid"),
            (413, ErrorClass::Invalid, "Invalid"),
            (501, ErrorClass::ManualStepNeeded, "ManualStepNeeded"),
            (501, ErrorClass::Unsupported, "Unsupported"),
            (503, ErrorClass::Unavailable, "Unavailable"),
        ];
        for status in 100..=599_u16 {
            for given in CLASSES.map(Some).into_iter().chain([None]) {
                for effect in [Effect::Read, Effect::Write] {
                    let fit = fitting
                        .iter()
                        .find(|(s, c, _)| *s == status && Some(*c) == given);
                    let expected = match (status, fit, effect) {
                        (401, ..) => "AuthRejected",
                        (403, ..) => "Forbidden",
                        (429, ..) => "Throttled",
                        (_, Some((_, _, expected)), _) => expected,
                        (500.., None, Effect::Read) => "Unavailable",
                        (500.., None, Effect::Write) => "OutcomeUnknown",
                        (_, None, _) => "Malformed",
                    };
                    assert_eq!(class(status, given, effect), expected, "{status} {given:?}");
                }
            }
        }
    }

    #[test]
    fn what_a_refusal_must_name_is_named_or_it_broke_the_contract() {
        let write = asked(Effect::Write);
        for (status, class) in [
            (409, ErrorClass::StaleEpoch),
            (409, ErrorClass::HeldByAnother),
            (409, ErrorClass::Blocked),
            (422, ErrorClass::Invalid),
            (501, ErrorClass::ManualStepNeeded),
        ] {
            let mut problem = problem(status, class);
            problem.highest_epoch = None;
            problem.holder = None;
            problem.instruction = None;
            problem.blockers.clear();
            problem.fields.clear();
            let refused = Refusal {
                status,
                problem: Ok(problem),
                retry_after: None,
                throttled: false,
            };
            let refused = refusal(refused, &write);
            assert_eq!(refused.class(), "Malformed", "{class:?}");
            // What people need to find it is not lost.
            if status != 501 {
                assert!(refused.to_string().ends_with(": d"), "{refused}");
            }
        }
    }

    #[test]
    fn an_error_quotes_what_it_speaks_of() {
        let listing = Asked {
            operation: Operation::ListCustomers,
            subject: "resellers/10 423/customers".to_owned(),
            page: Some("the page after \"C-1\"".to_owned()),
        };
        let said = |error| named(error, &listing).to_string();
        assert_eq!(
            said(malformed("no result for \"\"".to_owned())),
            "the reply broke the contract: listCustomers of \"resellers/10 423/customers\" (the page \
             after \"C-1\"): no result for \"\""
        );
        let gone = refusal(
            Refusal {
                status: 404,
                problem: Ok(problem(404, ErrorClass::NotFound)),
                retry_after: None,
                throttled: false,
            },
            &listing,
        );
        assert_eq!(
            said(gone),
            "not found: \"resellers/10 423/customers\" (listCustomers)"
        );
        let lost = failure(Failure::Lost("no reply in time".to_owned()), Effect::Write);
        assert_eq!(
            named(lost, &asked(Effect::Write)).to_string(),
            "the outcome is unknown: copyCustomers of \"tenant T-1\": no reply in time"
        );
        assert_eq!(quoted(&"AS/100 %"), "\"AS/100 %\"");
        assert_eq!(quoted(&" le\nad"), "\" le ad\"");
        assert_eq!(
            quoted(&"x".repeat(500)),
            format!("\"{}...\"", "x".repeat(128))
        );
    }

    #[test]
    fn being_away_keeps_one_text() {
        let away = |asked: &Asked, status| {
            let refused = Refusal {
                status,
                problem: Err("nothing".to_owned()),
                retry_after: None,
                throttled: false,
            };
            named(refusal(refused, asked), asked)
        };
        let mut other = asked(Effect::Read);
        other.operation = Operation::ListCustomers;
        assert_eq!(away(&asked(Effect::Read), 502), away(&other, 502));
        let left = |seconds| {
            let deferred = crate::bss::limits::Deferred {
                reason: PauseReason::Unavailable,
                after: Duration::from_secs(seconds),
            };
            failure(Failure::Deferred(deferred), Effect::Read)
        };
        assert_eq!(left(3), left(17), "no number that changes");
    }

    #[test]
    fn only_what_was_not_sent_is_known_not_to_be_done() {
        let unknown = |f: Failure| failure(f, Effect::Write).effect_unknown();
        assert!(unknown(Failure::Lost(String::new())));
        assert!(unknown(Failure::Redirected(302)));
        assert!(unknown(Failure::TooLarge(1)));
        assert!(!unknown(Failure::NotSent(String::new())));
        assert!(!unknown(Failure::Cancelled));
        assert!(!unknown(Failure::ClientRefused(String::new())));
        assert!(!unknown(Failure::TokenAway(String::new())));
        assert!(!unknown(Failure::TokenNonsense(String::new())));
        assert!(!unknown(Failure::Refused(String::new())));
        assert!(!unknown(Failure::Unsendable(String::new())));
        let lost = failure(Failure::Lost("cut".to_owned()), Effect::Read);
        assert_eq!(lost.class(), "Unavailable");
    }
}
