//! What a connection logs in with.

use super::failure::Failure;
use super::oauth::{Token, TokenSource};
use crate::bss::error::BssError;
use crate::bss::limits::Figures;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// Nothing that has fewer characters is used as a token or a client's secret: it would stand in many
/// other words by chance, and could not be kept out of what people read without hiding parts of them.
pub const SHORTEST_SECRET: usize = 8;
/// What has so many characters stands nowhere by chance.
const LONG_SECRET: usize = 16;

/// Refuses what is too short to be kept secret. Names it, and never repeats it.
pub(super) fn long_enough(what: &str, secret: &SecretString) -> Result<(), BssError> {
    if secret.expose_secret().trim().chars().count() >= SHORTEST_SECRET {
        return Ok(());
    }
    Err(BssError::Refused {
        detail: format!(
            "{what} has fewer than {SHORTEST_SECRET} characters, too few to be kept out of logs and \
             messages"
        ),
    })
}

/// The text without the secret: a long one wherever it stands, a short one where it stands alone and
/// not as a part of another word.
pub(super) fn hidden(text: &str, secret: &SecretString) -> String {
    const HIDDEN: &str = "[hidden]";
    let secret = secret.expose_secret();
    if secret.is_empty() {
        return text.to_owned();
    }
    if secret.chars().count() >= LONG_SECRET {
        return text.replace(secret, HIDDEN);
    }
    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (first, last) = (secret.chars().next(), secret.chars().next_back());
    let mut seen = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(secret) {
        seen.push_str(before);
        let mut back = seen.chars().rev();
        let (one, two) = (back.next(), back.next());
        // A letter behind a backslash is no letter: JSON within JSON has such line ends.
        let begins_a_word = !letter(first) || !letter(one) || two == Some('\\');
        let ends_a_word = !letter(last) || !letter(after.chars().next());
        seen.push_str(if begins_a_word && ends_a_word {
            HIDDEN
        } else {
            secret
        });
        rest = after;
    }
    seen.push_str(rest);
    seen
}

/// How to log in.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A bearer token that lasts.
    Bearer(SecretString),
    /// Tokens that are fetched and renewed.
    OAuth(Arc<TokenSource>),
}

/// What goes into one request.
pub(super) struct Login {
    pub(super) header: HeaderValue,
    /// The fetched token behind it, if it is one.
    pub(super) token: Option<Token>,
}

impl Credentials {
    /// Refuses what can never be sent.
    pub(super) fn check(&self) -> Result<(), BssError> {
        match self {
            Self::Bearer(token) => {
                bearer(token).map(drop)?;
                long_enough("the token", token)
            }
            Self::OAuth(_) => Ok(()),
        }
    }

    /// What to log in with now. May ask the token endpoint, never the BSS; that is counted among the
    /// figures.
    pub(super) async fn login(&self, figures: &Figures) -> Result<Login, Failure> {
        let unsendable = |_| Failure::Unsendable("the token".to_owned());
        match self {
            Self::Bearer(token) => Ok(Login {
                header: bearer(token).map_err(unsendable)?,
                token: None,
            }),
            Self::OAuth(source) => {
                let token = source.token(figures).await?;
                Ok(Login {
                    header: bearer(&token.text).map_err(unsendable)?,
                    token: Some(token),
                })
            }
        }
    }

    /// The BSS did not accept the login: whether another one can be had.
    pub(super) fn another(&self, refused: &Login) -> bool {
        match (self, &refused.token) {
            (Self::OAuth(source), Some(token)) => source.reject(token),
            (Self::OAuth(_) | Self::Bearer(_), _) => false,
        }
    }

    /// The text without what must not be seen.
    pub(super) fn hide(&self, text: &str) -> String {
        match self {
            Self::Bearer(token) => hidden(text, token),
            Self::OAuth(source) => source.hide(text),
        }
    }
}

/// The header for a bearer token.
pub(super) fn bearer(token: &SecretString) -> Result<HeaderValue, BssError> {
    let text = token.expose_secret();
    let refused = |detail: &str| BssError::Refused {
        detail: detail.to_owned(),
    };
    if text.trim().is_empty() {
        return Err(refused("the token is empty"));
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {text}"))
        .map_err(|_| refused("the token holds characters that a header cannot carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hides(text: &str, secret: &str) -> String {
        hidden(text, &secret.to_owned().into())
    }

    #[test]
    fn only_whole_occurrences_of_a_short_secret_are_hidden() {
        let hides = |text: &str| hides(text, "customer");
        assert_eq!(hides("no customers found"), "no customers found");
        assert_eq!(
            hides("copyCustomers: subcustomer"),
            "copyCustomers: subcustomer"
        );
        assert_eq!(hides("Bearer customer"), "Bearer [hidden]");
        assert_eq!(hides("customer"), "[hidden]");
        assert_eq!(
            hides("?token=customer&of=customers, 'customer'."),
            "?token=[hidden]&of=customers, '[hidden]'."
        );
        assert_eq!(hides(r"said:\ncustomer\n"), r"said:\n[hidden]\n");
    }

    #[test]
    fn a_long_secret_is_hidden_wherever_it_stands() {
        let secret = "s3cr3t-t0ken-that-nobody-may-see";
        assert_eq!(
            hides(&format!("x{secret}y {secret}{secret}"), secret),
            "x[hidden]y [hidden][hidden]"
        );
        assert_eq!(hides("nothing", ""), "nothing");
        // Its own edges are no letters: whatever is beside it, it stands alone.
        assert_eq!(hides("a-t0ken-=b", "-t0ken-="), "a[hidden]b");
    }

    #[test]
    fn what_is_short_is_refused_and_not_repeated() {
        for short in ["t", "1234567", " 1234567\t"] {
            let refused = Credentials::Bearer(short.to_owned().into()).check();
            let said = refused.unwrap_err().to_string();
            assert!(said.contains("the token") && said.contains('8'), "{said}");
            assert!(!said.contains("1234567"), "{said}");
        }
        let long = Credentials::Bearer("12345678".to_owned().into());
        assert_eq!(long.check(), Ok(()));
    }
}
