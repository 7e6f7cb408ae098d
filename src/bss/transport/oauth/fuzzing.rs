//! What the fuzz targets see of this folder: a reply of the token endpoint, read and kept. A
//! normal build has none of it.

use super::super::credentials::bearer;
use super::super::exchange::Reply;
use super::super::failure::Failure;
use super::cache::{Cache, NoToken, Step};
use super::{ClientAuthentication, Endpoint, Grant, answer};
use secrecy::ExposeSecret;
use std::time::Duration;

/// A token that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its text.
    pub text: String,
    /// The header that carries it.
    pub header: Vec<u8>,
    /// Whether it is used at once, and whether still after a day.
    pub used: (bool, bool),
}

/// Reads a reply of the token endpoint, and keeps the token at this time.
///
/// # Errors
///
/// Why there is no token.
pub fn token(reply: &Reply, endpoint: &str, now: Duration) -> Result<Token, Failure> {
    let mut cache = Cache::default();
    let endpoint = Endpoint {
        name: endpoint,
        authentication: ClientAuthentication::Basic,
        grant: &Grant::ClientCredentials,
    };
    let read = answer::read(reply, &endpoint).map_err(|failure| NoToken {
        failure,
        after: reply.retry_after,
    });
    let token = cache.land(read, now)?;
    let header = bearer(&token.text).map_err(|error| Failure::Lost(error.to_string()))?;
    let later = now.saturating_add(Duration::from_hours(24));
    let usable = |at| matches!(cache.step(at), Step::Use(_) | Step::Renew(_));
    Ok(Token {
        text: token.text.expose_secret().to_owned(),
        header: header.as_bytes().to_vec(),
        used: (usable(now), usable(later)),
    })
}
