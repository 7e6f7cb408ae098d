//! Whom one host is trusted by, and by what certificate the operator proves itself to it.
//!
//! `bundle` reads certificate authorities and `client_certificate` a pair as people have them;
//! `verifier` says why a server's certificate is not trusted, with the names and dates from `names`.
//! Here they become the TLS settings of one client. Trust is per host: nothing is shared between
//! the BSS and its token endpoint.

mod bundle;
mod client_certificate;
mod names;
mod verifier;

pub use bundle::CaBundle;
pub use client_certificate::{ClientCertificate, PairFault, Part};
pub(super) use verifier::CertificateRefused;

use crate::bss::error::BssError;
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use verifier::{Explaining, Roots, Trusted};

/// Whether the authorities of the operator's machine count beside those of a bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MachineRoots {
    /// They do not.
    #[default]
    Excluded,
    /// They do.
    Included,
}

/// Whom to trust, and how to prove oneself. By default the authorities of the machine, and nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Authorities of the connection's own.
    pub ca: Option<CaBundle>,
    /// Whether those of the machine count beside them.
    pub machine_roots: MachineRoots,
    /// What the server is shown if it asks for a certificate.
    pub client_certificate: Option<ClientCertificate>,
}

/// What all TLS here is done with.
fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

/// The TLS settings of one client.
#[derive(Clone)]
pub(super) struct TlsSetup {
    pub(super) config: ClientConfig,
    pub(super) shown: Arc<Shown>,
}

impl Tls {
    /// The settings of a client.
    pub(super) fn setup(&self) -> Result<TlsSetup, BssError> {
        let refused = |detail: &str| BssError::Refused {
            detail: detail.to_owned(),
        };
        let provider = Arc::new(provider());
        let (store, trusted) = self.roots()?;
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone())
            .build()
            .map_err(|_| refused("TLS cannot be set up: no authority to trust"))?;
        let shown = Arc::new(Shown {
            certificate: self
                .client_certificate
                .as_ref()
                .map(|pair| Arc::clone(&pair.certified)),
            asked: AtomicBool::new(false),
        });
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|_| refused("TLS cannot be set up: neither version 1.2 nor 1.3"))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Explaining { inner, trusted }))
            .with_client_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesClientCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsSetup { config, shown })
    }

    fn roots(&self) -> Result<(RootCertStore, Trusted), BssError> {
        let mut store = RootCertStore::empty();
        let roots = match (&self.ca, self.machine_roots) {
            (None, _) => Roots::Machine,
            (Some(_), MachineRoots::Excluded) => Roots::Bundle,
            (Some(_), MachineRoots::Included) => Roots::Both,
        };
        if matches!(roots, Roots::Machine | Roots::Both) {
            let machine = rustls_native_certs::load_native_certs();
            // One that cannot be read does not take the others away.
            let _counts = store.add_parsable_certificates(machine.certs);
        }
        if store.is_empty() && roots == Roots::Machine {
            return Err(BssError::Refused {
                detail:
                    "TLS cannot be set up: the operator's machine has no authorities to trust; \
                         give the connection a CA (tls.caSecretRef)"
                        .to_owned(),
            });
        }
        if let Some(ca) = &self.ca {
            let _counts = store.add_parsable_certificates(ca.certificates.iter().cloned());
        }
        let trusted = Trusted {
            bundle: self.ca.as_ref().map(CaBundle::names).unwrap_or_default(),
            left_out: self
                .ca
                .as_ref()
                .map(|ca| Arc::clone(&ca.left_out))
                .unwrap_or_default(),
            roots,
        };
        Ok((store, trusted))
    }
}

/// The certificate that a server is shown, and whether it asked for one.
#[derive(Debug)]
pub(super) struct Shown {
    certificate: Option<Arc<CertifiedKey>>,
    /// The server asked for a certificate, and has answered nothing since.
    asked: AtomicBool,
}

impl Shown {
    /// Hears that the server has answered: whatever it was shown, it took it.
    pub(super) fn answered(&self) {
        self.asked.store(false, Ordering::Relaxed);
    }

    /// What to say of a connection that the server ended, as far as its certificate is concerned.
    pub(super) fn reproach(&self) -> Option<&'static str> {
        if !self.asked.load(Ordering::Relaxed) {
            return None;
        }
        Some(match self.certificate {
            None => {
                "the server asks for a client certificate, and the connection has none: name a \
                 Secret with tls.crt and tls.key in tls.clientCertificateSecretRef"
            }
            Some(_) => {
                "the server asked for a client certificate, and may not accept that of \
                 tls.clientCertificateSecretRef: see that its authority is one that the server \
                 trusts"
            }
        })
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.certificate.clone()
    }

    /// Always, so that the server's question is heard.
    fn has_certs(&self) -> bool {
        true
    }
}
