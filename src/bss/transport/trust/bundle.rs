//! A bundle of certificate authorities as people have it: PEM with comments in any encoding, with a
//! byte order mark, with line ends of another system, with keys and garbage beside the certificates,
//! or one certificate as DER. Pure.

use super::names::Details;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{PemObject, SectionKind};
use std::fmt;
use std::sync::Arc;

/// Certificate authorities that were read from a bundle; at least one of them can be used.
#[derive(Clone, PartialEq, Eq)]
pub struct CaBundle {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    /// What was left out, in words.
    pub(super) left_out: Arc<[String]>,
}

impl CaBundle {
    /// Reads the bundle.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as the end of a sentence that begins with its name. Nothing of what
    /// stands in it is repeated.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let bytes = plain(bytes);
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err("is empty".to_owned());
        }
        if bytes.first() == Some(&0x30) && !contains(&bytes, b"-----BEGIN ") {
            if is_pkcs12(&bytes) {
                return Err(
                    "is PKCS #12, which is not read: openssl pkcs12 -nokeys turns it into PEM"
                        .to_owned(),
                );
            }
            return Self::of(vec![CertificateDer::from(bytes)], Vec::new());
        }
        let (mut certificates, mut left_out, mut keys) = (Vec::new(), Vec::new(), 0_u32);
        for (nth, section) in sections(&bytes).into_iter().enumerate() {
            let nth = nth.saturating_add(1);
            match section {
                Ok((SectionKind::Certificate, der)) => {
                    certificates.push(CertificateDer::from(der));
                }
                Ok((
                    SectionKind::PrivateKey
                    | SectionKind::RsaPrivateKey
                    | SectionKind::EcPrivateKey,
                    _,
                )) => keys = keys.saturating_add(1),
                Ok(_) => left_out.push(format!("section {nth} is no certificate")),
                Err(()) => left_out.push(format!("section {nth} cannot be read as PEM")),
            }
        }
        if certificates.is_empty() {
            return Err(without_certificates(&bytes, keys));
        }
        Self::of(certificates, left_out)
    }

    fn of(
        certificates: Vec<CertificateDer<'static>>,
        mut left_out: Vec<String>,
    ) -> Result<Self, String> {
        let of_several = certificates.len() > 1;
        let mut usable = Vec::new();
        for (nth, certificate) in certificates.into_iter().enumerate() {
            if RootCertStore::empty().add(certificate.clone()).is_ok() {
                usable.push(certificate);
            } else {
                left_out.push(format!(
                    "certificate {} is no X.509 certificate that can be used",
                    nth.saturating_add(1)
                ));
            }
        }
        if usable.is_empty() {
            return Err(if of_several {
                "holds no X.509 certificate that can be used".to_owned()
            } else {
                "is no X.509 certificate that can be used".to_owned()
            });
        }
        Ok(Self {
            certificates: usable,
            left_out: left_out.into(),
        })
    }

    /// The names of the authorities.
    pub(super) fn names(&self) -> Vec<String> {
        let named = self.certificates.iter().map(|der| Details::of(der).subject);
        named.collect()
    }
}

/// A certificate in a log helps no reader.
impl fmt::Debug for CaBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CaBundle({})", self.certificates.len())
    }
}

/// The sections of a PEM text. One that cannot be read does not hide those behind it.
pub(super) fn sections(bytes: &[u8]) -> Vec<Result<(SectionKind, Vec<u8>), ()>> {
    let bytes = &in_lines(bytes)[..];
    let mut found = Vec::new();
    let mut section: Option<Vec<u8>> = None;
    for line in bytes.split(|byte| *byte == b'\n' || *byte == b'\r') {
        let line = line.trim_ascii();
        if line.starts_with(b"-----BEGIN ") {
            if section.is_some() {
                found.push(Err(()));
            }
            section = Some(Vec::new());
        }
        let Some(lines) = &mut section else { continue };
        if line.starts_with(b"-----") || line.contains(&b':') {
            // The label that certificates had before (RFC 7468, 5.1).
            lines.extend(replaced(
                line,
                b" X509 CERTIFICATE-----",
                b" CERTIFICATE-----",
            ));
        } else {
            lines.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
        }
        lines.push(b'\n');
        if line.starts_with(b"-----END ") {
            let whole = section.take().unwrap_or_default();
            found.push(<(SectionKind, Vec<u8>)>::from_pem_slice(&whole).map_err(|_| ()));
        }
    }
    if section.is_some() {
        found.push(Err(()));
    }
    found
}

/// A PEM text whose line breaks became blanks (a folded text of YAML) or a backslash and an `n` (a text of
/// JSON, an environment variable), in lines again. No other text is changed in a way that matters.
fn in_lines(bytes: &[u8]) -> Vec<u8> {
    let mut rest = bytes;
    let written = contains(bytes, b"-----\\n") || contains(bytes, b"-----\\r");
    let unescaped;
    if written {
        unescaped = replaced(&replaced(bytes, b"\\r", b""), b"\\n", b"\n");
        rest = &unescaped;
    }
    let mut lines = Vec::new();
    while let Some((&first, tail)) = rest.split_first() {
        let marked = rest.starts_with(b"-----BEGIN ") || rest.starts_with(b"-----END ");
        if let Some((mark, after)) = marked.then(|| mark(rest)).flatten() {
            lines.push(b'\n');
            lines.extend_from_slice(mark);
            lines.push(b'\n');
            rest = after;
        } else {
            lines.push(first);
            rest = tail;
        }
    }
    lines
}

/// The line `-----BEGIN ...-----` that a text begins with, and what comes behind it.
fn mark(text: &[u8]) -> Option<(&[u8], &[u8])> {
    const MARK: &[u8] = b"-----";
    /// No label is longer.
    const LONGEST: usize = 80;
    let label = text.get(MARK.len()..)?.iter().take(LONGEST);
    let label: Vec<u8> = label
        .take_while(|byte| !matches!(byte, b'\n' | b'\r'))
        .copied()
        .collect();
    let closing = label
        .windows(MARK.len())
        .position(|window| window == MARK)?;
    text.split_at_checked(closing.saturating_add(MARK.len().saturating_mul(2)))
}

fn replaced(bytes: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(what) {
            result.extend_from_slice(with);
            rest = after;
        } else {
            result.push(first);
            rest = tail;
        }
    }
    result
}

/// RFC 7292, 4: a sequence that begins with the version 3.
fn is_pkcs12(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0x30, 0x82, _, _, 0x02, 0x01, 0x03, ..] | [0x30, 0x80, 0x02, 0x01, 0x03, ..]
    )
}

/// The text without a byte order mark, in an encoding of which ASCII is a part.
pub(super) fn plain(bytes: &[u8]) -> Vec<u8> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        String::from_utf16_lossy(&units.collect::<Vec<u16>>()).into_bytes()
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => rest.to_vec(),
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => bytes.to_vec(),
    }
}

pub(super) fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn without_certificates(bytes: &[u8], keys: u32) -> String {
    // What "-----BEGIN" becomes in base64.
    const BEGIN_ENCODED: &[u8] = b"LS0tLS1CRUdJ";
    if keys > 0 {
        return "holds a private key and no certificate".to_owned();
    }
    if contains(bytes, b"-----BEGIN PKCS7-----") {
        return "holds PKCS #7, which is not read: openssl pkcs7 -print_certs turns it into PEM"
            .to_owned();
    }
    if bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) {
        return "is a key store of Java, which is not read: keytool -exportcert -rfc turns one of its \
                certificates into PEM"
            .to_owned();
    }
    if contains(bytes, b"-----BEGIN CERTIFICATE REQUEST-----")
        || contains(bytes, b"-----BEGIN PUBLIC KEY-----")
    {
        return "holds a request for a certificate or a public key, and no certificate".to_owned();
    }
    if contains(bytes, b"-----BEGIN TRUSTED CERTIFICATE-----") {
        return "holds a certificate in the form of OpenSSL, which is not read: openssl x509 turns \
                it into PEM"
            .to_owned();
    }
    if bytes.trim_ascii().starts_with(BEGIN_ENCODED) {
        return "is encoded in base64 twice: put it into data encoded once, or into stringData as \
                it is"
            .to_owned();
    }
    if contains(bytes, b"-----BEGIN CERTIFICATE-----") {
        return "holds a certificate whose text is cut or damaged".to_owned();
    }
    "holds no certificate: it must be PEM (-----BEGIN CERTIFICATE-----) or one certificate as DER"
        .to_owned()
}
