//! The certificate by which a client proves who it is, with its key, as they stand in a Secret of the
//! type `kubernetes.io/tls`. Pure.

use super::bundle::{contains, plain, sections};
use super::names::Details;
use super::provider;
use jiff::Timestamp;
use rustls::Error;
use rustls::pki_types::pem::SectionKind;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use rustls::sign::CertifiedKey;
use secrecy::{ExposeSecret, SecretSlice};
use std::fmt;
use std::sync::Arc;

/// The part of the pair that is at fault, by its key in the Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `tls.crt`.
    Certificate,
    /// `tls.key`.
    Key,
}

impl Part {
    /// The key in the Secret.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Certificate => "tls.crt",
            Self::Key => "tls.key",
        }
    }
}

/// Why a pair cannot be used: the part at fault, and the end of a sentence that begins with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairFault {
    /// The part.
    pub part: Part,
    /// What is wrong with it. Nothing of what stands in it is repeated.
    pub fault: String,
}

/// A certificate with its key, which fit together.
#[derive(Clone)]
pub struct ClientCertificate {
    pub(super) certified: Arc<CertifiedKey>,
    /// What it was made of, to tell it from another one.
    key: SecretSlice<u8>,
}

impl PartialEq for ClientCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.certified.cert == other.certified.cert
            && self.key.expose_secret() == other.key.expose_secret()
    }
}

impl Eq for ClientCertificate {}

/// Its key is never shown.
impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate")
    }
}

impl ClientCertificate {
    /// Reads the pair.
    ///
    /// # Errors
    ///
    /// [`PairFault`] names the part and what is wrong with it, its dates included.
    pub fn read(
        certificate: &SecretSlice<u8>,
        key: &SecretSlice<u8>,
        now: Timestamp,
    ) -> Result<Self, PairFault> {
        let wrong = |part, fault: &str| PairFault {
            part,
            fault: fault.to_owned(),
        };
        let chain =
            chain(certificate.expose_secret()).map_err(|fault| wrong(Part::Certificate, fault))?;
        let first = chain
            .first()
            .map(|der| Details::of(der))
            .unwrap_or_default();
        let private = private_key(key.expose_secret()).map_err(|fault| wrong(Part::Key, fault))?;
        let signing = provider()
            .key_provider
            .load_private_key(private)
            .map_err(|_| {
                wrong(
                    Part::Key,
                    "holds a private key of a kind that is not supported",
                )
            })?;
        let certified = CertifiedKey::new(chain, signing);
        match certified.keys_match() {
            // A key that does not tell its public half is tried as it is.
            Ok(()) | Err(Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(Error::InconsistentKeys(_)) => {
                return Err(wrong(
                    Part::Key,
                    "is not the key of the first certificate in tls.crt",
                ));
            }
            Err(_) => {
                return Err(wrong(
                    Part::Certificate,
                    "begins with something that is no X.509 certificate",
                ));
            }
        }
        if let Some(fault) = first.out_of_date(now) {
            return Err(PairFault {
                part: Part::Certificate,
                fault: format!("holds the certificate of {}, which {fault}", first.subject),
            });
        }
        Ok(Self {
            certified: Arc::new(certified),
            key: key.clone(),
        })
    }
}

fn chain(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let bytes = plain(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("is empty");
    }
    let mut chain = Vec::new();
    for section in sections(&bytes) {
        match section {
            Ok((SectionKind::Certificate, der)) => chain.push(CertificateDer::from(der)),
            Ok(_) => {}
            Err(()) => return Err("holds a section that cannot be read as PEM"),
        }
    }
    if chain.is_empty() {
        return Err("holds no certificate: it must be PEM (-----BEGIN CERTIFICATE-----)");
    }
    Ok(chain)
}

fn private_key(bytes: &[u8]) -> Result<PrivateKeyDer<'static>, &'static str> {
    let bytes = plain(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("is empty");
    }
    if contains(&bytes, b"ENCRYPTED") {
        return Err("holds an encrypted private key: put it there without a passphrase");
    }
    let mut damaged = false;
    for section in sections(&bytes) {
        match section {
            Ok((SectionKind::PrivateKey, der)) => return Ok(PrivatePkcs8KeyDer::from(der).into()),
            Ok((SectionKind::RsaPrivateKey, der)) => {
                return Ok(PrivatePkcs1KeyDer::from(der).into());
            }
            Ok((SectionKind::EcPrivateKey, der)) => return Ok(PrivateSec1KeyDer::from(der).into()),
            Ok(_) => {}
            Err(()) => damaged = true,
        }
    }
    Err(if damaged {
        "holds a private key whose text is cut or damaged"
    } else {
        "holds no private key: it must be PEM (-----BEGIN PRIVATE KEY-----)"
    })
}
