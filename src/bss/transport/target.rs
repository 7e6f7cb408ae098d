//! Where a connection leads, and whether it may.

use super::failure::Failure;
use crate::bss::error::BssError;
use reqwest::Url;
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

/// A checked base URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    url: Url,
}

impl Target {
    pub(super) fn new(text: &str, cleartext: Cleartext) -> Result<Self, BssError> {
        let mut url = Url::parse(text).map_err(|_| refused("the URL is not one"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("the URL holds credentials"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refused("the URL has a query or a fragment"));
        }
        if url.host().is_none() {
            return Err(refused("the URL has no host"));
        }
        let target = Self { url: url.clone() };
        let loopback = target
            .literal_address()
            .is_some_and(|address| address.is_loopback());
        match (url.scheme(), cleartext) {
            ("https", _) => {}
            ("http", Cleartext::OnLoopback) if loopback => {}
            _ => return Err(refused("the URL must begin with https://")),
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self { url })
    }

    /// Refuses a host that the Secret does not name. Entries are `host` (any port) or `host:port`.
    pub(super) fn require_allowed(&self, allowed: &str) -> Result<(), BssError> {
        let host = self.host();
        let with_port = self.authority();
        let mut entries = allowed
            .split(',')
            .map(|entry| entry.trim().to_ascii_lowercase());
        if entries.any(|entry| !entry.is_empty() && (entry == host || entry == with_port)) {
            return Ok(());
        }
        Err(refused(&format!(
            "the Secret does not allow the host {with_port}"
        )))
    }

    /// Host and port, for people.
    pub(super) fn authority(&self) -> String {
        let port = self.url.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", self.host())
    }

    fn host(&self) -> String {
        self.url.host_str().unwrap_or_default().to_ascii_lowercase()
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

    /// The URL of an operation. A segment is one segment whatever is in it.
    pub(super) fn join(
        &self,
        path: &[&str],
        query: &[(&'static str, String)],
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
        for allowed in [
            "bss.example",
            "a.example, Bss.Example:8443",
            "bss.example:8443",
        ] {
            assert!(target.require_allowed(allowed).is_ok(), "{allowed}");
        }
        for not in [
            "",
            ",",
            "example",
            "evil-bss.example",
            "bss.example:443",
            "*",
            "bss.example.",
        ] {
            assert!(target.require_allowed(not).is_err(), "{not}");
        }
        let usual = Target::new("https://bss.example", Cleartext::Refused).unwrap();
        assert!(usual.require_allowed("bss.example:443").is_ok());
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
            .join(&["identity"], &[("cursor", "a&b=c".to_owned())])
            .unwrap();
        assert_eq!(
            url.as_str(),
            "https://bss.example/identity?cursor=a%26b%3Dc"
        );
    }
}
