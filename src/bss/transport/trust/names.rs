//! What people know a certificate by: its names and its dates. Nothing is verified here.

use crate::legible::legible;
use jiff::Timestamp;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name, X509Version};

/// No name is longer in a message, and no list of them.
const LONGEST: usize = 80;
const MOST: usize = 5;

/// A certificate's names and dates. Of one that cannot be read, nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) self_issued: bool,
    pub(super) authority: bool,
    pub(super) first_version: bool,
    /// The hosts that it names.
    pub(super) hosts: Vec<String>,
    pub(super) not_before: Option<Timestamp>,
    pub(super) not_after: Option<Timestamp>,
}

impl Details {
    pub(super) fn of(der: &[u8]) -> Self {
        let Ok((_, certificate)) = X509Certificate::from_der(der) else {
            return Self {
                subject: "a certificate that cannot be read".to_owned(),
                ..Self::default()
            };
        };
        let time = |at: x509_parser::time::ASN1Time| Timestamp::from_second(at.timestamp()).ok();
        let validity = certificate.validity();
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names
            .into_iter()
            .flat_map(|names| &names.value.general_names);
        Self {
            subject: name(certificate.subject()),
            issuer: name(certificate.issuer()),
            self_issued: certificate.subject().as_raw() == certificate.issuer().as_raw(),
            authority: certificate.is_ca(),
            first_version: certificate.version() != X509Version::V3,
            hosts: names.filter_map(host).collect(),
            not_before: time(validity.not_before),
            not_after: time(validity.not_after),
        }
    }

    /// Whether it has run out at this time, or does not hold yet.
    pub(super) fn out_of_date(&self, now: Timestamp) -> Option<String> {
        if let Some(end) = self.not_after.filter(|end| *end < now) {
            return Some(format!("expired on {}", day(end)));
        }
        let begin = self.not_before.filter(|begin| *begin > now)?;
        Some(format!("is not valid before {}", day(begin)))
    }
}

/// A time as people read it.
fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The common name if there is one, else the whole name.
fn name(name: &X509Name<'_>) -> String {
    let common = name.iter_common_name().next();
    let common = common
        .and_then(|name| name.as_str().ok())
        .map(str::to_owned);
    let whole = common.unwrap_or_else(|| name.to_string());
    if whole.trim().is_empty() {
        return "a name that is empty".to_owned();
    }
    format!("\"{}\"", cut(&whole))
}

fn cut(text: &str) -> String {
    legible(text).chars().take(LONGEST).collect()
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(host) => Some(cut(host)),
        GeneralName::IPAddress(bytes) => {
            if let Ok(four) = <[u8; 4]>::try_from(*bytes) {
                return Some(std::net::Ipv4Addr::from(four).to_string());
            }
            let sixteen = <[u8; 16]>::try_from(*bytes).ok()?;
            Some(std::net::Ipv6Addr::from(sixteen).to_string())
        }
        GeneralName::OtherName(..)
        | GeneralName::RFC822Name(_)
        | GeneralName::X400Address(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EDIPartyName(_)
        | GeneralName::URI(_)
        | GeneralName::RegisteredID(_)
        | GeneralName::Invalid(..) => None,
    }
}

/// The first few of several names.
pub(super) fn list(names: &[String]) -> String {
    let shown = names
        .iter()
        .take(MOST)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_certificate_cannot_look_like_another_one() {
        assert_eq!(cut("bss\u{202e}moc.live\u{200b}\u{feff}"), "bssmoc.live");
        assert_eq!(cut("a\r\nb"), "a  b");
        assert_eq!(cut(&"x".repeat(5000)).len(), LONGEST);
    }
}
