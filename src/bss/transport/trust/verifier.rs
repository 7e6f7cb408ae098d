//! Whether the certificate of a server is trusted, and if not, why, in a sentence with the names and
//! the dates in it and with what to do. The decision is rustls's; here it is put into words.

use super::names::{Details, list};
use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use std::sync::Arc;
use thiserror::Error;

/// Why a certificate is not trusted: the end of a sentence that begins with *the certificate of* and
/// the host, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub(in super::super) struct CertificateRefused(String);

/// What is trusted, in words.
#[derive(Clone, Debug)]
pub(super) struct Trusted {
    /// The authorities of the connection's own bundle.
    pub(super) bundle: Vec<String>,
    /// Whether there is such a bundle, and whether those of the machine count beside it.
    pub(super) roots: Roots,
    /// What was left out of the bundle.
    pub(super) left_out: Arc<[String]>,
}

/// Which authorities count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// Those of the operator's machine.
    Machine,
    /// Those of a bundle.
    Bundle,
    /// Both.
    Both,
}

/// Verifies as rustls does, and says why not in words.
#[derive(Debug)]
pub(super) struct Explaining {
    pub(super) inner: Arc<WebPkiServerVerifier>,
    pub(super) trusted: Trusted,
}

impl ServerCertVerifier for Explaining {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        verified.map_err(|error| {
            let chain = Chain {
                own: Details::of(end_entity),
                others: intermediates.iter().map(|der| Details::of(der)).collect(),
                host: server_name.to_str().into_owned(),
                now: i64::try_from(now.as_secs())
                    .ok()
                    .and_then(|seconds| Timestamp::from_second(seconds).ok())
                    .unwrap_or_default(),
            };
            let refused = CertificateRefused(chain.why(&error, &self.trusted));
            Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refused))))
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// What a server showed.
struct Chain {
    own: Details,
    others: Vec<Details>,
    host: String,
    now: Timestamp,
}

impl Chain {
    fn why(&self, error: &Error, trusted: &Trusted) -> String {
        let own = &self.own;
        if own.authority {
            return format!(
                "is that of a certificate authority, {}, and not one of a server: have the \
                 authority issue a certificate for {}, and install that one on the server",
                own.subject, self.host
            );
        }
        if own.first_version {
            return "is of X.509 version 1, which cannot name a host: have one of version 3 issued"
                .to_owned();
        }
        if let Some(dates) = own.out_of_date(self.now) {
            return format!("{dates}: install one on the server that is valid now");
        }
        let Error::InvalidCertificate(why) = error else {
            return "cannot be verified".to_owned();
        };
        self.of_kind(why, trusted)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "rustls adds variants, and those of revocation lists are not used here"
    )]
    fn of_kind(&self, why: &CertificateError, trusted: &Trusted) -> String {
        let own = &self.own;
        match why {
            CertificateError::UnknownIssuer => self.unknown_issuer(trusted),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                self.another_host()
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => self.an_intermediate_out_of_date(),
            CertificateError::BadSignature => format!(
                "bears a signature that is not that of {}, its issuer: the key ca.crt may hold an \
                 older or newer authority of the same name",
                own.issuer
            ),
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                "is not meant for servers: its extended key usage lacks server authentication"
                    .to_owned()
            }
            CertificateError::Revoked => "was revoked by its issuer".to_owned(),
            CertificateError::BadEncoding => "cannot be read as an X.509 certificate".to_owned(),
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                "is signed with an algorithm that is not accepted (SHA-1, for example): have one \
                 issued with SHA-256"
                    .to_owned()
            }
            CertificateError::UnhandledCriticalExtension => {
                "has a critical extension that is not known here".to_owned()
            }
            // Variants of later versions of rustls, and those that concern revocation lists, which
            // are not used.
            _ => format!(
                "cannot be accepted (it is issued to {} by {})",
                own.subject, own.issuer
            ),
        }
    }

    fn another_host(&self) -> String {
        let host = &self.host;
        if self.own.hosts.is_empty() {
            return format!(
                "has no subject alternative name; its common name, {}, is not read (RFC 9525): have \
                 one issued that names {host} as a subject alternative name",
                self.own.subject
            );
        }
        format!(
            "names {} and not {host}: correct the host of the URL, or have one issued that names \
             {host}",
            list(&self.own.hosts)
        )
    }

    fn an_intermediate_out_of_date(&self) -> String {
        let mut others = self.others.iter();
        let found = others.find_map(|other| Some((other, other.out_of_date(self.now)?)));
        match found {
            Some((other, dates)) => format!(
                "rests on that of the intermediate authority {}, which {dates}: have the server \
                 send one that is valid now",
                other.subject
            ),
            None => "rests on a certificate that is not valid now".to_owned(),
        }
    }

    fn unknown_issuer(&self, trusted: &Trusted) -> String {
        let own = &self.own;
        let field = "caSecretRef";
        let known = match trusted.roots {
            Roots::Machine => "the authorities of the operator's machine".to_owned(),
            Roots::Bundle => format!("{}, the content of ca.crt", list(&trusted.bundle)),
            Roots::Both => format!(
                "{}, the content of ca.crt, and the authorities of the operator's machine",
                list(&trusted.bundle)
            ),
        };
        let left_out = if trusted.left_out.is_empty() {
            String::new()
        } else {
            format!(" (of ca.crt {} was left out)", list(&trusted.left_out))
        };
        if own.self_issued {
            return format!(
                "is self-signed, by {}, and trusted are {known}{left_out}: put this certificate into \
                 the key ca.crt of the Secret that tls.{field} names, or install one of an authority",
                own.subject
            );
        }
        format!(
            "is issued by {}, which does not lead to what is trusted: {known}{left_out}. Put the \
             authority's certificate into the key ca.crt of the Secret that tls.{field} names; if \
             {} is an intermediate authority, the server must send its certificate too",
            own.issuer, own.issuer
        )
    }
}
