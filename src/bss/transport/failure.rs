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
    /// The caller cancelled it while it waited; nothing was sent.
    Cancelled,
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

/// Whether a request without a reply may be sent once more at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// The server has not begun on it: it is as if it had never been sent.
    Always,
    /// The connection ended before a reply began, as idle ones do at any moment. What only looks may be
    /// asked again (RFC 9110, 9.2.2); of a write it is not known whether it was done.
    IfRead,
    /// Nothing speaks for a better end.
    Never,
}

/// A request that got no reply.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) failure: Failure,
    pub(super) again: Again,
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            again: Again::Never,
        }
    }
}

pub(super) fn from_sending(error: &reqwest::Error) -> Unanswered {
    if let Some(how) = not_taken(error) {
        return Unanswered {
            failure: Failure::NotSent(how.to_owned()),
            again: Again::Always,
        };
    }
    let failure = why_not(error);
    let lost = matches!(failure, Failure::Lost(_)) && !error.is_timeout();
    Unanswered {
        again: if lost && ended(error) {
            Again::IfRead
        } else {
            Again::Never
        },
        failure,
    }
}

/// How a connection ended that had certainly not handed the request to the server.
fn not_taken(error: &reqwest::Error) -> Option<&'static str> {
    if let Some(stream) = cause::<h2::Error>(error)
        && stream.is_remote()
    {
        // A stream that ends so is beyond the last one that the server names (RFC 9113, 6.8): it was not
        // and will not be worked on, whatever the reason of the GOAWAY.
        if stream.is_go_away() {
            return Some("the server is closing its connections");
        }
        // RFC 9113, 8.7: closed before any processing.
        if stream.is_reset() && stream.reason() == Some(h2::Reason::REFUSED_STREAM) {
            return Some("the server takes no further request on this connection");
        }
    }
    let http = cause::<hyper::Error>(error)?;
    // It waited for a connection that was closed before a byte of it was written.
    (http.is_canceled() || http.is_closed())
        .then_some("the connection was closed while it was idle")
}

/// Whether the other side ended the connection, in whichever way.
fn ended(error: &reqwest::Error) -> bool {
    let incomplete = cause::<hyper::Error>(error).is_some_and(hyper::Error::is_incomplete_message);
    incomplete
        || cause::<io::Error>(error).is_some_and(|io| {
            matches!(
                io.kind(),
                io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::NotConnected
                    | io::ErrorKind::UnexpectedEof
            )
        })
}

fn why_not(error: &reqwest::Error) -> Failure {
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
