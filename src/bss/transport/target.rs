//! Where a connection leads, and whether it may.

use super::allowed::AllowedHosts;
use super::failure::Failure;
use crate::bss::error::BssError;
use reqwest::Url;
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use url::Host;

/// Whether a URL without TLS is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleartext {
    /// Never.
    Refused,
    /// For tests: to a literal loopback address only (which the address guard must allow as well).
    OnLoopback,
}

/// A checked URL.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Target {
    url: Url,
}

impl Target {
    /// A base URL, which paths and queries are appended to.
    pub(super) fn new(text: &str, cleartext: Cleartext) -> Result<Self, BssError> {
        let target = Self::endpoint(text, cleartext)?;
        if target.url.query().is_some() {
            return Err(refused("the URL has a query"));
        }
        Ok(target)
    }

    /// The URL of one resource, which may have a query.
    pub(super) fn endpoint(text: &str, cleartext: Cleartext) -> Result<Self, BssError> {
        let url = Url::parse(text).map_err(|_| refused("the URL is not one"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("the URL holds credentials"));
        }
        if url.fragment().is_some() {
            return Err(refused("the URL has a fragment"));
        }
        if url.host().is_none() {
            return Err(refused("the URL has no host"));
        }
        let target = Self { url };
        let url = &target.url;
        let loopback = target
            .literal_address()
            .is_some_and(|address| address.is_loopback());
        match (url.scheme(), cleartext) {
            ("https", _) => {}
            ("http", Cleartext::OnLoopback) if loopback => {}
            _ => return Err(refused("the URL must begin with https://")),
        }
        Ok(target)
    }

    /// Refuses a host that the Secret does not name.
    pub(super) fn require_allowed(&self, allowed: &str) -> Result<(), BssError> {
        if AllowedHosts::read(allowed).allow_url(&self.url) {
            return Ok(());
        }
        Err(refused(&format!(
            "the Secret does not allow {} (a host alone means port 443)",
            self.authority()
        )))
    }

    /// Host and port, for people.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host(), self.port())
    }

    pub(super) fn host(&self) -> String {
        self.url.host_str().unwrap_or_default().to_ascii_lowercase()
    }

    pub(super) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    pub(super) fn literal_address(&self) -> Option<IpAddr> {
        match self.url.host()? {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        }
    }

    pub(super) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The names of the parameters in the query.
    pub(super) fn parameters(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.url.query_pairs().map(|(name, _)| name)
    }

    /// The URL without its query, for logs.
    pub(super) fn shown(&self) -> Url {
        let mut url = self.url.clone();
        url.set_query(None);
        url
    }

    /// The URL of an operation. A segment is one segment whatever is in it.
    pub(super) fn join(
        &self,
        path: &[&str],
        query: &[(Cow<'static, str>, String)],
    ) -> Result<Url, Failure> {
        let mut url = self.url.clone();
        {
            let mut segments = url
                .path_segments_mut()
                .map_err(|()| Failure::Unsendable("the path".to_owned()))?;
            segments.pop_if_empty();
            for segment in path {
                // A URL cannot carry these as names: they would lead to another operation. Tabs
                // and line breaks it leaves out, so that ".\t." would be "..".
                let nameless = matches!(*segment, "" | "." | "..");
                if nameless || segment.chars().any(char::is_control) {
                    return Err(Failure::Unsendable(format!("the id {segment:?}")));
                }
                segments.push(segment);
            }
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}

/// Without the query, which may hold what is not for logs.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.shown())
    }
}

fn refused(detail: &str) -> BssError {
    BssError::Refused {
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_urls_with_tls_and_without_credentials() {
        for wrong in [
            "",
            "bss.example",
            "http://bss.example/v1",
            "http://127.0.0.1/v1",
            "ftp://bss.example",
            "https://user@bss.example",
            "https://user:secret@bss.example",
            "https://bss.example/v1?token=secret",
            "https://bss.example/v1#a",
            "file:///etc/passwd",
        ] {
            let error = Target::new(wrong, Cleartext::Refused).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        assert!(Target::new("http://127.0.0.1:80", Cleartext::OnLoopback).is_ok());
        assert!(Target::new("http://[::1]:80", Cleartext::OnLoopback).is_ok());
        assert!(Target::new("http://localhost", Cleartext::OnLoopback).is_err());
        assert!(Target::new("http://10.0.0.1", Cleartext::OnLoopback).is_err());
    }

    #[test]
    fn the_secret_names_its_hosts() {
        let target = Target::new("https://BSS.example:8443/v1", Cleartext::Refused).unwrap();
        assert_eq!(
            target.require_allowed("a.example, Bss.Example:8443"),
            Ok(())
        );
        let refused = target.require_allowed("bss.example").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the connection is refused here: the Secret does not allow bss.example:8443 (a host \
             alone means port 443)"
        );
    }

    #[test]
    fn a_url_is_used_as_it_was_written() {
        for written in [
            "https://login.example/o/token/",
            "https://login.example/o/token",
            "https://login.example/o/token//",
            "https://login.example/",
        ] {
            let target = Target::new(written, Cleartext::Refused).unwrap();
            assert_eq!(target.url().as_str(), written);
        }
    }

    #[test]
    fn the_url_of_a_resource_keeps_its_query_and_does_not_show_it() {
        for written in [
            "https://login.example/token?api-version=2&code=s3cr3t-t0ken",
            "https://login.example/token?tenant=a%2Fb&empty",
            "https://login.example/token?",
        ] {
            let target = Target::endpoint(written, Cleartext::Refused).unwrap();
            assert_eq!(target.url().as_str(), written);
            assert_eq!(format!("{target:?}"), "https://login.example/token");
        }
        for wrong in [
            "https://login.example/token?a=b#c",
            "https://id:secret@login.example/token?a=b",
        ] {
            assert!(Target::endpoint(wrong, Cleartext::Refused).is_err());
        }
    }

    #[test]
    fn ids_stay_one_segment() {
        for base in ["https://bss.example/v1", "https://bss.example/v1/"] {
            let target = Target::new(base, Cleartext::Refused).unwrap();
            let url = target
                .join(&["resellers", "a/b?c#d %é", "tenant"], &[])
                .unwrap();
            assert_eq!(
                url.as_str(),
                "https://bss.example/v1/resellers/a%2Fb%3Fc%23d%20%25%C3%A9/tenant"
            );
            for wrong in ["", ".", "..", "a\tb", ".\t.", "a\n"] {
                assert!(target.join(&["resellers", wrong, "tenant"], &[]).is_err());
            }
        }
        let root = Target::new("https://bss.example", Cleartext::Refused).unwrap();
        let url = root
            .join(&["identity"], &[("cursor".into(), "a&b=c".to_owned())])
            .unwrap();
        assert_eq!(
            url.as_str(),
            "https://bss.example/identity?cursor=a%26b%3Dc"
        );
    }
}
