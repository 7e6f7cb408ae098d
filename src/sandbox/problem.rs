//! Refusals: what the sandbox answers instead of a success.

use crate::bss::adapters::reference::contract::{
    BlockerCount, BlockerReason, ErrorClass, FieldProblem, Problem,
};

/// Why a request was not done. Whatever carries one was rolled back.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A reply of the contract.
    Problem(Box<Problem>),
    /// The store failed.
    Store(rusqlite::Error),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error)
    }
}

impl Refusal {
    /// A plain refusal of a class, with the status that belongs to it.
    pub(crate) fn of(class: ErrorClass, detail: impl Into<String>) -> Self {
        Self::Problem(Box::new(problem(class, detail)))
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::of(ErrorClass::NotFound, detail)
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::of(ErrorClass::Conflict, detail)
    }

    pub(crate) fn invalid(fields: Vec<FieldProblem>) -> Self {
        let mut problem = problem(ErrorClass::Invalid, "the request is wrong");
        problem.fields = fields;
        problem.fields.truncate(50);
        Self::Problem(Box::new(problem))
    }

    pub(crate) fn invalid_field(field: &str, detail: impl Into<String>) -> Self {
        Self::invalid(vec![field_problem(field, detail)])
    }

    pub(crate) fn blocked(blockers: Vec<BlockerCount>, detail: impl Into<String>) -> Self {
        let mut problem = problem(ErrorClass::Blocked, detail);
        problem.blockers = blockers;
        Self::Problem(Box::new(problem))
    }

    pub(crate) fn blocked_by(reason: BlockerReason, example: &str) -> Self {
        let count = BlockerCount {
            reason,
            count: 1,
            examples: vec![example.to_owned()],
        };
        Self::blocked(vec![count], "it must not be done as things are")
    }

    pub(crate) fn stale_epoch(highest: u64) -> Self {
        let mut problem = problem(ErrorClass::StaleEpoch, "a later epoch was issued");
        problem.highest_epoch = Some(highest);
        Self::Problem(Box::new(problem))
    }

    pub(crate) fn held_by(holder: &str) -> Self {
        let mut problem = problem(ErrorClass::HeldByAnother, "the reseller is held by another");
        problem.holder = Some(holder.to_owned());
        Self::Problem(Box::new(problem))
    }

    pub(crate) fn manual_step(instruction: &str) -> Self {
        let mut problem = problem(ErrorClass::ManualStepNeeded, "a person does this on screen");
        problem.instruction = Some(shorten(instruction, 1024));
        Self::Problem(Box::new(problem))
    }

    pub(crate) fn too_large() -> Self {
        let mut problem = problem(ErrorClass::Invalid, "the request body is too large");
        problem.status = 413;
        problem.fields = vec![field_problem("body", "is too large")];
        Self::Problem(Box::new(problem))
    }

    /// The reply that it becomes.
    pub(crate) fn into_problem(self) -> Box<Problem> {
        match self {
            Self::Problem(problem) => problem,
            Self::Store(error) => {
                tracing::error!(%error, "the store failed");
                Box::new(problem(ErrorClass::Internal, "the store failed"))
            }
        }
    }
}

/// A field that is wrong.
pub(crate) fn field_problem(field: &str, detail: impl Into<String>) -> FieldProblem {
    FieldProblem {
        field: shorten(field, 256),
        detail: shorten(&detail.into(), 512),
        allowed: vec![],
    }
}

/// A text of at most `most` characters.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// A problem with the status and title of its class.
pub(crate) fn problem(class: ErrorClass, detail: impl Into<String>) -> Problem {
    let (status, title) = match class {
        ErrorClass::Throttled => (429, "Too many requests"),
        ErrorClass::Unavailable => (503, "Not available"),
        ErrorClass::AuthRejected => (401, "Credentials not accepted"),
        ErrorClass::Forbidden => (403, "Not allowed"),
        ErrorClass::NotFound => (404, "Not found"),
        ErrorClass::Conflict => (409, "Conflict"),
        ErrorClass::StaleEpoch => (409, "Stale epoch"),
        ErrorClass::HeldByAnother => (409, "Held by another"),
        ErrorClass::Blocked => (409, "Blocked"),
        ErrorClass::Invalid => (422, "Invalid request"),
        ErrorClass::ManualStepNeeded => (501, "A person has to do it"),
        ErrorClass::Unsupported => (501, "Not supported"),
        ErrorClass::Internal => (500, "Internal error"),
    };
    Problem {
        problem_type: "about:blank".to_owned(),
        title: title.to_owned(),
        status,
        detail: Some(shorten(&detail.into(), 1024)),
        class,
        fields: vec![],
        blockers: vec![],
        highest_epoch: None,
        holder: None,
        instruction: None,
    }
}
