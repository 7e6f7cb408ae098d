//! The error classes of the port: exhaustive, and each says what may be done next.

use super::operation::Operation;
use super::port::BlockerReason;
use std::time::Duration;
use thiserror::Error;

/// Why a call to a BSS did not give what was asked for.
///
/// No variant carries credentials, headers or reply bodies: these errors end up in logs, events
/// and status.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Error)]
pub enum BssError {
    /// Too many requests. Nothing was done; the limiter has slowed the endpoint down already.
    #[error("the BSS throttles")]
    Throttled {
        /// How long the BSS asked to wait, if it said.
        after: Option<Duration>,
    },
    /// The BSS is not available: connection refused, name not resolved, or it said so itself.
    /// Nothing was done.
    #[error("the BSS is not available: {detail}")]
    Unavailable {
        /// What was seen.
        detail: String,
    },
    /// The request may or may not have taken effect, now or later: look up before anything else.
    #[error("the outcome is unknown: {detail}")]
    OutcomeUnknown {
        /// What was seen.
        detail: String,
    },
    /// The credentials were not accepted.
    #[error("the BSS rejects the credentials")]
    AuthRejected,
    /// The token endpoint does not accept the client. Nothing was sent to the BSS.
    #[error("no token to log in with: {detail}")]
    ClientRejected {
        /// Which endpoint, how it was asked, and what it answered.
        detail: String,
    },
    /// The token endpoint cannot be asked at present. Nothing was sent to the BSS.
    #[error("no token to log in with: {detail}")]
    TokenEndpointAway {
        /// Which endpoint, and what was seen.
        detail: String,
    },
    /// The credentials do not allow this operation.
    #[error("the BSS forbids {operation}{}", lacking(right.as_deref()))]
    Forbidden {
        /// Which.
        operation: Operation,
        /// The right that is missing, where the adapter can tell.
        right: Option<String>,
    },
    /// There is no such thing.
    #[error("not found: {what}")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// Something differs from what the request expected; nothing was done.
    #[error("conflict: {detail}")]
    Conflict {
        /// What differs.
        detail: String,
    },
    /// The epoch is older than the highest one issued; nothing was done.
    #[error("the epoch is stale; the highest is {highest}")]
    StaleEpoch {
        /// The highest epoch issued.
        highest: u64,
    },
    /// The reseller is held by another operator.
    #[error("the reseller is held by {holder}")]
    HeldByAnother {
        /// The present holder.
        holder: String,
    },
    /// It must not be done as things are; nothing was done.
    #[error("blocked: {}", summary(.0))]
    Blocked(Vec<BlockerTally>),
    /// The request is wrong; nothing was done.
    #[error("invalid: {}", fields(.0))]
    Invalid(Vec<FieldError>),
    /// A person has to do it.
    #[error("a person has to do it: {instruction}")]
    ManualStepNeeded {
        /// How.
        instruction: String,
    },
    /// The BSS cannot do it.
    #[error("the BSS does not support {operation}")]
    Unsupported {
        /// Which.
        operation: Operation,
    },
    /// The reply broke the contract: size, media type, schema. Of a write this says nothing about
    /// the effect, so it is handled like an unknown outcome there.
    #[error("the reply broke the contract: {detail}")]
    Malformed {
        /// How.
        detail: String,
    },
    /// No usable token was to be had to log in with. Nothing was sent to the BSS.
    #[error("no token to log in with: {detail}")]
    NoToken {
        /// What the token endpoint did.
        detail: String,
    },
    /// The caller cancelled the request while it waited for its turn. Nothing was sent, and nothing
    /// is wrong with the BSS.
    #[error("taken back before it was sent")]
    Cancelled,
    /// The connection itself may not be used: address guard, allowed hosts, TLS trust.
    #[error("the connection is refused here: {detail}")]
    Refused {
        /// Why.
        detail: String,
    },
}

/// Blockers of one reason, counted, as a refusal names them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlockerTally {
    /// The reason.
    pub reason: BlockerReason,
    /// How many records it concerns.
    pub count: u32,
    /// Ids of the first few.
    pub examples: Vec<String>,
}

/// A field that a BSS refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldError {
    /// Which.
    pub field: String,
    /// What is wrong.
    pub detail: String,
    /// What is allowed, where it can be listed.
    pub allowed: Vec<String>,
}

/// What stands in the way of a call that failed: it decides how long to try again, and whether other calls can
/// go well meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The BSS, or the network, at this moment.
    Moment,
    /// The token endpoint, at this moment.
    TokenEndpoint,
    /// What the token endpoint answers.
    Token,
    /// The credentials.
    Credentials,
    /// The connection: it may not be used.
    Connection,
    /// The form of the reply.
    Reply,
    /// What the BSS says of this request.
    Request,
}

impl BssError {
    /// What stands in the way.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Throttled { .. }
            | Self::Unavailable { .. }
            | Self::OutcomeUnknown { .. }
            | Self::Cancelled => Cause::Moment,
            Self::TokenEndpointAway { .. } => Cause::TokenEndpoint,
            Self::NoToken { .. } => Cause::Token,
            Self::AuthRejected | Self::ClientRejected { .. } => Cause::Credentials,
            Self::Refused { .. } => Cause::Connection,
            Self::Malformed { .. } => Cause::Reply,
            Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Conflict { .. }
            | Self::StaleEpoch { .. }
            | Self::HeldByAnother { .. }
            | Self::Blocked(_)
            | Self::Invalid(_)
            | Self::ManualStepNeeded { .. }
            | Self::Unsupported { .. } => Cause::Request,
        }
    }

    /// Whether a write that ended so may have taken effect, now or later.
    #[must_use]
    pub fn effect_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. } | Self::Malformed { .. })
    }

    /// The class, as metrics and logs name it.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::Throttled { .. } => "Throttled",
            Self::Unavailable { .. } | Self::TokenEndpointAway { .. } => "Unavailable",
            Self::OutcomeUnknown { .. } => "OutcomeUnknown",
            Self::AuthRejected | Self::ClientRejected { .. } => "AuthRejected",
            Self::Forbidden { .. } => "Forbidden",
            Self::NotFound { .. } => "NotFound",
            Self::Conflict { .. } => "Conflict",
            Self::StaleEpoch { .. } => "StaleEpoch",
            Self::HeldByAnother { .. } => "HeldByAnother",
            Self::Blocked(_) => "Blocked",
            Self::Invalid(_) => "Invalid",
            Self::ManualStepNeeded { .. } => "ManualStepNeeded",
            Self::Unsupported { .. } => "Unsupported",
            Self::Malformed { .. } | Self::NoToken { .. } => "Malformed",
            // The label of the metrics stays as it was published.
            Self::Cancelled => "Cancelled",
            Self::Refused { .. } => "Refused",
        }
    }
}

fn lacking(right: Option<&str>) -> String {
    right.map_or_else(String::new, |right| format!(": {right}"))
}

fn summary(tallies: &[BlockerTally]) -> String {
    let parts: Vec<String> = tallies
        .iter()
        .map(|t| format!("{} ({})", t.reason.as_str(), t.count))
        .collect();
    parts.join(", ")
}

fn fields(fields: &[FieldError]) -> String {
    let parts: Vec<String> = fields
        .iter()
        .map(|f| {
            if f.allowed.is_empty() {
                format!("{}: {}", f.field, f.detail)
            } else {
                format!(
                    "{}: {} (allowed: {})",
                    f.field,
                    f.detail,
                    f.allowed.join(", ")
                )
            }
        })
        .collect();
    parts.join("; ")
}
