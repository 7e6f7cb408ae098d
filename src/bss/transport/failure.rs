//! How far a request came that got no reply.

use super::Effect;
use super::guard::AddressRefused;
use super::trust::{CertificateRefused, Shown};
use crate::bss::error::{BssError, FieldError};
use crate::bss::limits::{Deferred, PauseReason};
use rustls::{AlertDescription, CertificateError};
use std::error::Error;
use std::io;
use std::sync::Arc;

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
    /// The token endpoint does not accept the client; nothing was sent to the BSS. Says how it was
    /// asked, and what it answered.
    ClientRefused(String),
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

    /// What became of the request, in the classes of the port.
    #[must_use]
    pub fn into_error(self, effect: Effect) -> BssError {
        let malformed = |detail: String| BssError::Malformed { detail };
        match self {
            Self::Unsendable(part) => BssError::Invalid(vec![FieldError {
                field: part,
                detail: "cannot be sent".to_owned(),
                allowed: Vec::new(),
            }]),
            Self::Deferred(deferred) => match deferred.reason {
                PauseReason::Throttled => BssError::Throttled {
                    after: Some(deferred.after),
                },
                PauseReason::Unavailable => BssError::Unavailable {
                    // No number: a message that changes with every look is a status write with every look.
                    detail: "it was away a moment ago, and is left alone for a while".to_owned(),
                },
            },
            Self::Cancelled => BssError::Cancelled,
            Self::ClientRefused(detail) => BssError::ClientRejected { detail },
            Self::TokenAway(detail) => BssError::TokenEndpointAway { detail },
            Self::TokenNonsense(detail) => BssError::NoToken { detail },
            Self::Refused(detail) => BssError::Refused { detail },
            Self::NotSent(detail) => BssError::Unavailable { detail },
            Self::Lost(detail) => of_lost(effect, detail),
            Self::NoRoom => of_lost(
                effect,
                "the reply was not read in time, because large replies of the same namespace or \
                 server took the memory that there is for them"
                    .to_owned(),
            ),
            Self::Redirected(status) => malformed(format!("a redirect ({status})")),
            Self::TooLarge(limit) => malformed(format!("a reply of more than {limit} bytes")),
        }
    }

    /// Whether the BSS saw nothing of the request. A connection that failed is counted as a request.
    #[must_use]
    pub fn was_not_sent(&self) -> bool {
        matches!(
            self,
            Self::Deferred(_)
                | Self::Unsendable(_)
                | Self::Cancelled
                | Self::ClientRefused(_)
                | Self::TokenNonsense(_)
                | Self::TokenAway(_)
        )
    }
}

fn of_lost(effect: Effect, detail: String) -> BssError {
    match effect {
        Effect::Read => BssError::Unavailable { detail },
        Effect::Write => BssError::OutcomeUnknown { detail },
    }
}

/// Who is at the other end.
pub(super) struct Peer {
    /// Its host and port.
    pub(super) authority: String,
    /// The proxy that leads there, if one does.
    pub(super) through: Option<String>,
    /// The certificate that it is shown.
    pub(super) shown: Option<Arc<Shown>>,
}

impl Peer {
    /// Hears that it has answered a request.
    pub(super) fn answered(&self) {
        if let Some(shown) = &self.shown {
            shown.answered();
        }
    }

    /// What to say of its connections that end without a reply, as far as certificates are concerned.
    fn reproach(&self) -> Option<&'static str> {
        self.shown.as_ref().and_then(|shown| shown.reproach())
    }
}

pub(super) fn from_building() -> BssError {
    BssError::Refused {
        detail: "the HTTP client cannot be set up".to_owned(),
    }
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

pub(super) fn from_sending(error: &reqwest::Error, peer: &Peer) -> Unanswered {
    if let Some(how) = not_taken(error) {
        // With TLS 1.3 a server refuses the certificate after the handshake is over here. Where its
        // end of the connection is seen before a byte of the request was written, the alert is lost.
        return Unanswered {
            failure: Failure::NotSent(with(how.to_owned(), peer.reproach())),
            again: Again::Always,
        };
    }
    let failure = why_not(error, peer);
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
        .then_some("the connection was closed before the request was written")
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

fn why_not(error: &reqwest::Error, peer: &Peer) -> Failure {
    if let Some(refused) = cause::<AddressRefused>(error) {
        return Failure::Refused(refused.to_string());
    }
    let tls = cause::<rustls::Error>(error);
    if let Some(failure) = tls.and_then(|tls| not_trusted(tls, peer)) {
        return failure;
    }
    let reproach = peer.reproach();
    if !error.is_connect() {
        let said = seen("the connection broke", error);
        return Failure::Lost(with(said, reproach));
    }
    let detail = match (tls, &peer.through) {
        (Some(tls), _) => handshake(tls).to_owned(),
        (None, Some(proxy)) => without_tunnel(error, peer, proxy),
        (None, None) if error.is_timeout() => "no connection in time".to_owned(),
        (None, None) if error.is_dns() => "the name of its host is not known".to_owned(),
        (None, None) => seen("no connection", error),
    };
    Failure::NotSent(with(detail, reproach))
}

fn with(said: String, reproach: Option<&str>) -> String {
    match reproach {
        Some(reproach) => format!("{said}; {reproach}"),
        None => said,
    }
}

/// What one side does not accept of the other's certificate. The server refuses that of the client
/// before it reads a request, although with TLS 1.3 its word may come after the request was sent.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "rustls adds variants, and those that mean nothing here are many"
)]
fn not_trusted(tls: &rustls::Error, peer: &Peer) -> Option<Failure> {
    let host = &peer.authority;
    match tls {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
            let refused = other.0.downcast_ref::<CertificateRefused>()?;
            Some(Failure::Refused(format!(
                "the certificate of {host} {refused}"
            )))
        }
        rustls::Error::InvalidCertificate(_) => Some(Failure::Refused(format!(
            "the certificate of {host} cannot be verified"
        ))),
        rustls::Error::AlertReceived(alert) => {
            let said = refused_by_server(*alert)?;
            Some(Failure::Refused(format!("{host} {said}")))
        }
        // A kind of failure that concerns no certificate.
        _ => None,
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "rustls adds variants, and those that mean nothing here are many"
)]
fn refused_by_server(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            "asks for a client certificate: name a Secret with tls.crt and tls.key in \
             tls.clientCertificateSecretRef"
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => {
            "does not accept the client certificate of tls.clientCertificateSecretRef: see that its \
             authority is one that the server trusts, and that tls.crt holds the intermediate \
             certificates too"
        }
        AlertDescription::CertificateExpired => {
            "says that the client certificate of tls.clientCertificateSecretRef has expired"
        }
        AlertDescription::CertificateRevoked => {
            "says that the client certificate of tls.clientCertificateSecretRef was revoked"
        }
        // Alerts that concern no certificate of ours.
        _ => return None,
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "rustls adds variants, and those that mean nothing here are many"
)]
fn handshake(tls: &rustls::Error) -> &'static str {
    match tls {
        rustls::Error::InvalidMessage(_) => {
            "the TLS handshake failed: what answers at this port does not speak TLS"
        }
        rustls::Error::AlertReceived(
            AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity,
        )
        | rustls::Error::PeerIncompatible(_) => {
            "the TLS handshake failed: the server needs to offer TLS 1.2 or 1.3 with a common cipher \
             suite"
        }
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            "the TLS handshake failed: the server does not know the host by this name"
        }
        rustls::Error::AlertReceived(_) => "the TLS handshake failed: the server ended it",
        // rustls has many kinds for broken servers, which mean nothing to who reads a status.
        _ => "the TLS handshake failed",
    }
}

/// What hyper says of a tunnel has a type of its own that is not public; its words are fixed.
fn without_tunnel(error: &reqwest::Error, peer: &Peer, proxy: &str) -> String {
    let mut causes = Vec::new();
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(present) = next {
        causes.push(present.to_string());
        next = present.source();
    }
    let said = |words: &str| causes.iter().any(|cause| cause.contains(words));
    let host = &peer.authority;
    if said("proxy authorization required") {
        return format!(
            "the proxy {proxy} asks for a user and a password: an administrator writes them into \
             the operator's --https-proxy"
        );
    }
    if said("tunnel error: unsuccessful") || said("unexpected end of file") {
        return format!(
            "the proxy {proxy} does not open a way to {host}: it may forbid the host, not know its \
             name, or not reach it"
        );
    }
    seen(&format!("the proxy {proxy} cannot be reached"), error)
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
