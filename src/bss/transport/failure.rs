//! How far a request came that got no reply.

use super::guard::AddressRefused;
use crate::bss::error::BssError;
use crate::bss::limits::Deferred;
use std::error::Error;
use std::io;

/// Why there is no reply. No text in here comes from the BSS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The request cannot be formed; nothing was sent. Names the part.
    Unsendable(String),
    /// The limiter holds it back; nothing was sent.
    Deferred(Deferred),
    /// The caller took it back while it waited; nothing was sent.
    Withdrawn,
    /// Address guard or TLS trust; nothing was sent.
    Refused(String),
    /// The token endpoint does not accept the client; nothing was sent to the BSS.
    CredentialsRefused,
    /// The token endpoint gave no usable token; nothing was sent to the BSS.
    TokenNonsense(String),
    /// The token endpoint cannot be asked at present; nothing was sent to the BSS.
    TokenAway(String),
    /// No connection; nothing was sent.
    NotSent(String),
    /// The request was or may have been sent; the reply was lost.
    Lost(String),
    /// The reply was not read in time, because other replies took the memory that there is for them. It
    /// says nothing about the BSS.
    NoRoom,
    /// A redirect, which is never followed.
    Redirected(u16),
    /// The reply is larger than so many bytes.
    TooLarge(usize),
}

impl Failure {
    pub(super) fn lost(detail: &str) -> Self {
        Self::Lost(detail.to_owned())
    }
}

pub(super) fn from_building(error: &reqwest::Error) -> BssError {
    let detail = match cause::<rustls::Error>(error) {
        Some(tls) => format!("TLS cannot be set up: {tls}"),
        None => "TLS cannot be set up: no usable roots of trust; give the connection a CA".into(),
    };
    BssError::Refused { detail }
}

pub(super) fn from_sending(error: &reqwest::Error) -> Failure {
    if let Some(refused) = cause::<AddressRefused>(error) {
        return Failure::Refused(refused.to_string());
    }
    if !error.is_connect() {
        return Failure::Lost(seen("the connection broke", error));
    }
    match cause::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(why)) => Failure::Refused(format!(
            "the certificate of the BSS is not trusted ({why:?}); does the connection name the \
             right CA?"
        )),
        Some(tls) => Failure::NotSent(format!("TLS handshake: {tls}")),
        None if error.is_timeout() => Failure::NotSent("no connection in time".to_owned()),
        None if error.is_dns() => Failure::NotSent("the name of its host is not known".to_owned()),
        None => Failure::NotSent(seen("no connection", error)),
    }
}

pub(super) fn from_reading(error: &reqwest::Error) -> Failure {
    Failure::Lost(seen("the reply was cut", error))
}

fn seen(what: &str, error: &reqwest::Error) -> String {
    match cause::<io::Error>(error) {
        Some(io) => format!("{what}: {}", io.kind()),
        None => what.to_owned(),
    }
}

/// The first cause of that type. I/O errors hide theirs from `source`.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(present) = next {
        if let Some(found) = present.downcast_ref::<E>() {
            return Some(found);
        }
        next = match present
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => present.source(),
        };
    }
    None
}
