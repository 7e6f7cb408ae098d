//! Certificates: read from files, or made by an authority of the sandbox's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Transport;

/// What can go wrong with certificates.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{0}")]
    File(PathBuf, #[source] std::io::Error),
    /// A file is no PEM of the kind that it should be.
    #[error("{0} is not the PEM file that it should be")]
    Pem(PathBuf, #[source] rustls::pki_types::pem::Error),
    /// Certificate and key do not fit each other, or the library refuses them.
    #[error("the certificate cannot be used")]
    Unusable(#[from] rustls::Error),
    /// A certificate cannot be made.
    #[error("no certificate can be made")]
    Making(#[from] rcgen::Error),
}

/// The TLS configuration that a transport asks for; none for plain HTTP.
pub(super) fn server_config(transport: &Transport) -> Result<Option<Arc<ServerConfig>>, TlsError> {
    match transport {
        Transport::InsecureHttp => Ok(None),
        Transport::Files { certificate, key } => load(certificate, key).map(Some),
        Transport::SelfSigned { folder, hosts } => {
            let (certificate, key) = (folder.join("server.crt"), folder.join("server.key"));
            // After a restart clients still trust the authority of before.
            if !(certificate.exists() && key.exists() && folder.join("ca.crt").exists()) {
                make(folder, hosts)?;
            }
            load(&certificate, &key).map(Some)
        }
    }
}

fn load(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let bytes = read(certificate)?;
    let chain = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TlsError::Pem(certificate.to_owned(), error))?;
    let key_der = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|error| TlsError::Pem(key.to_owned(), error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::File(path.to_owned(), error))
}

fn write(path: &Path, text: &str) -> Result<(), TlsError> {
    fs::write(path, text).map_err(|error| TlsError::File(path.to_owned(), error))
}

fn make(folder: &Path, hosts: &[String]) -> Result<(), TlsError> {
    fs::create_dir_all(folder).map_err(|error| TlsError::File(folder.to_owned(), error))?;
    let mut authority = CertificateParams::new(Vec::<String>::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority
        .distinguished_name
        .push(DnType::CommonName, "bss-sandbox authority");
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);
    let mut server = CertificateParams::new(hosts.to_vec())?;
    server
        .distinguished_name
        .push(DnType::CommonName, "bss-sandbox");
    let server_key = KeyPair::generate()?;
    let server_certificate = server.signed_by(&server_key, &issuer)?;
    write(&folder.join("server.key"), &server_key.serialize_pem())?;
    write(&folder.join("server.crt"), &server_certificate.pem())?;
    write(&folder.join("ca.crt"), &authority_certificate.pem())
}
