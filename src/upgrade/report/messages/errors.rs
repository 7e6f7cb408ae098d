//! What an error means that no step has a special meaning for.

use super::{sentence, verdict};
use crate::api::{Reason, TAKE_OVER_ANNOTATION};
use crate::bss::error::BssError;
use crate::upgrade::report::ReadyState;
use crate::upgrade::validated::ValidUpgrade;

/// What an error means that no step has a special meaning for.
pub(in crate::upgrade) fn of_error(error: &BssError, upgrade: &ValidUpgrade) -> ReadyState {
    let message = sentence(&error.to_string());
    let itself = "Nothing: the operator tries again by itself.";
    match error {
        BssError::Throttled { .. } => verdict(Reason::Throttled, message, itself),
        BssError::Unavailable { .. } => verdict(
            Reason::BssUnavailable,
            message,
            "The operator tries again by itself; see that the BSS can be reached from the cluster.",
        ),
        BssError::Withdrawn
        | BssError::OutcomeUnknown { .. }
        | BssError::Conflict { .. }
        | BssError::StaleEpoch { .. }
        | BssError::NotFound { .. }
        | BssError::Blocked(_) => verdict(Reason::ProgressingWithRetry, message, itself),
        BssError::AuthRejected | BssError::Forbidden { .. } => verdict(
            Reason::CredentialsRejected,
            message,
            "Put a valid token with all needed rights into the connection's Secret.",
        ),
        BssError::ClientRejected { .. } => verdict(
            Reason::CredentialsRejected,
            message,
            "Put the client's id and secret, and the scopes that it may ask for, in order; if the \
             provider wants them sent in another form, set clientAuthentication of \
             auth.oauth2ClientCredentials.",
        ),
        BssError::TokenEndpointAway { .. } => verdict(
            Reason::BssUnavailable,
            message,
            "The operator tries again by itself; see that the token endpoint can be reached from the \
             cluster.",
        ),
        BssError::HeldByAnother { holder } => verdict(
            Reason::ResellerClaimed,
            format!("The BSS says that another operator, {holder}, works on this reseller."),
            format!(
                "Make sure that the other operator has stopped for good, then take over: kubectl \
                 annotate tru {} -n {} {TAKE_OVER_ANNOTATION}={holder}",
                upgrade.name, upgrade.namespace
            ),
        ),
        BssError::Invalid(_) | BssError::Malformed { .. } => verdict(
            Reason::ContractViolated,
            message,
            "Mend the service in front of the BSS; docs/reference-contract.yaml says what is expected.",
        ),
        BssError::NoToken { .. } => verdict(
            Reason::ContractViolated,
            message,
            "See that the connection's auth.oauth2ClientCredentials.tokenUrl names a token endpoint \
             that issues bearer tokens to clients (RFC 6749, 4.4).",
        ),
        BssError::ManualStepNeeded { .. } | BssError::Unsupported { .. } => verdict(
            Reason::ContractViolated,
            message,
            "The BSS said that it does this itself when asked: its capabilities and its replies \
             have to agree.",
        ),
        BssError::Refused { .. } => verdict(
            Reason::ConnectionForbidden,
            message,
            "Do what the message says, or correct the connection's URL or tls, the Secret's allowed \
             hosts, or the operator's allowed address ranges.",
        ),
    }
}
