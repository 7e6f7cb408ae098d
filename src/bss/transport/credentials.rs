//! What a connection logs in with.

use super::failure::Failure;
use super::hidden;
use super::oauth::{Token, TokenSource};
use crate::bss::error::BssError;
use crate::bss::limits::Figures;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

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
            Self::Bearer(token) => bearer(token).map(drop),
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
            (Self::OAuth(source), Some(token)) => {
                source.reject(token);
                true
            }
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
