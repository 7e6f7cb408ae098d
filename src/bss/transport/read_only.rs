//! A transport for an adapter that writes nothing. What it sends is a GET, and the POST for a token that
//! comes before it: another request cannot be formed, whatever the adapter asks for.

use super::{Effect, Failure, Reply, ReplySize, Request, Rules, Settings, TRACEPARENT, Transport};
use crate::bss::error::BssError;
use crate::bss::limits::{Access, Limiter};
use reqwest::Method;
use reqwest::header::HeaderName;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A GET. It has no body, and no method to choose.
#[derive(Clone, Debug)]
pub struct Get<'a> {
    /// The path below the base URL; each segment is percent-encoded as a whole.
    pub path: &'a [&'a str],
    /// The query.
    pub query: Vec<(Cow<'static, str>, String)>,
    /// A header that goes along with it.
    pub header: (HeaderName, &'a str),
    /// How large its reply may be.
    pub reply: ReplySize,
    /// How long it may take as a whole.
    pub within: Duration,
}

/// Where a GET leads: scheme, host, port and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(reqwest::Url);

impl Place {
    /// The query of a URL that a reply gave, if the URL leads to this place. Such a URL is never called:
    /// credentials go to the place that the connection names.
    #[must_use]
    pub fn query_of(&self, url: &str) -> Option<Vec<(Cow<'static, str>, String)>> {
        // Servers also write links from the root of the host.
        let url = self.0.join(url).ok()?;
        let same = url.origin() == self.0.origin() && url.path() == self.0.path();
        same.then(|| {
            let pairs = url.query_pairs();
            let owned = pairs.map(|(name, value)| (name.into_owned().into(), value.into_owned()));
            owned.collect()
        })
    }
}

/// A connection to a BSS from which only GETs are sent.
pub struct ReadOnly {
    transport: Transport,
}

impl ReadOnly {
    /// Checks the connection and builds its client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`BssError::Refused`] if the URL, its host, its address, the credentials or the CA may not be
    /// used.
    pub fn new(settings: Settings, access: impl Into<Access>) -> Result<Self, BssError> {
        Ok(Self {
            transport: Transport::new(settings, access)?,
        })
    }

    /// Sends a GET, as [`Transport::call`] does.
    ///
    /// # Errors
    ///
    /// [`Failure`] says how far the request came.
    pub async fn get(&self, get: Get<'_>, rules: &impl Rules) -> Result<Reply, Failure> {
        let Get {
            path,
            query,
            header: (name, value),
            reply,
            within,
        } = get;
        let request = Request {
            method: Method::GET,
            path,
            query,
            effect: Effect::Read,
            headers: vec![
                (name, value.to_owned()),
                (TRACEPARENT, self.transport.trace()),
            ],
            body: None,
            reply,
            within: Some(within),
        };
        self.transport.call_by(&request, rules).await
    }

    /// Where a path leads.
    ///
    /// # Errors
    ///
    /// [`Failure::Unsendable`] if a URL cannot carry the path.
    pub fn place(&self, path: &[&str]) -> Result<Place, Failure> {
        self.transport.target.join(path, &[]).map(Place)
    }

    /// The limiter that all calls go through.
    #[must_use]
    pub fn limiter(&self) -> &Arc<Limiter> {
        self.transport.limiter()
    }

    /// Makes a text of the BSS fit for logs, events and status, without anything confidential.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        self.transport.clean(text)
    }
}

impl fmt::Debug for ReadOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadOnly").field(&self.transport).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_followed_by_its_query_only_and_only_at_its_own_place() {
        let place = Place("https://bss.example/api/accounts".parse().unwrap());
        let query = |url: &str| {
            let pairs = place.query_of(url)?;
            let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
            Some(pairs.collect::<Vec<_>>().join("&"))
        };
        for (url, expected) in [
            (
                "https://bss.example/api/accounts?page=2&$filter=id%20eq%201",
                Some("page=2&$filter=id eq 1"),
            ),
            (
                "https://BSS.example:443/api/accounts?page=2",
                Some("page=2"),
            ),
            ("/api/accounts?page=2", Some("page=2")),
            ("?page=2", Some("page=2")),
            ("https://evil.example/api/accounts?page=2", None),
            ("http://bss.example/api/accounts?page=2", None),
            ("https://bss.example:8443/api/accounts?page=2", None),
            ("https://bss.example/api/orders?page=2", None),
            ("//evil.example/api/accounts?page=2", None),
            ("https://", None),
        ] {
            assert_eq!(query(url).as_deref(), expected, "{url}");
        }
    }
}
