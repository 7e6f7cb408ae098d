//! The way out of the cluster: direct, or through the proxy that the administrator names.
//!
//! Through a proxy it is the proxy that resolves the name. The guard then refuses what a host's own
//! text shows to be internal, and the rest is the proxy's to refuse. The address of the proxy is the
//! administrator's choice and is not checked.

use super::guard::{AllowedRanges, GuardedHost};
use super::target::Target;
use crate::bss::error::BssError;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// The proxy for BSSs and token endpoints, and the hosts that are reached without it.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    proxy: Option<Proxy>,
    without: Vec<Exception>,
}

#[derive(Clone)]
struct Proxy {
    /// With the user and the password, if it has them.
    url: SecretString,
    host: String,
    authority: String,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.authority)
    }
}

/// An entry of the list of hosts that are reached without the proxy.
#[derive(Clone, Debug)]
enum Exception {
    Everything,
    /// A host, and those below it.
    Host(String, Option<u16>),
    Range(AllowedRanges),
}

impl Proxies {
    /// Reads the URL of the proxy and the list of exceptions.
    ///
    /// # Errors
    ///
    /// Text for the administrator. The URL may hold a password, and is not repeated.
    pub fn read(proxy: Option<&str>, without: &[String]) -> Result<Self, String> {
        let proxy = proxy.map(str::trim).filter(|text| !text.is_empty());
        let without = without.iter().flat_map(|text| text.split(','));
        Ok(Self {
            proxy: proxy.map(Proxy::read).transpose()?,
            without: without.filter_map(Exception::read).collect(),
        })
    }

    /// The proxy, for people.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.proxy.as_ref().map(|proxy| proxy.authority.as_str())
    }

    /// The way to a target, if the guard lets it through.
    pub(super) fn route(&self, target: &Target, guard: &GuardedHost) -> Result<Route, BssError> {
        guard.check_literal(target.literal_address())?;
        let proxy = self.proxy.as_ref();
        let Some(proxy) = proxy.filter(|_| !self.without.iter().any(|one| one.covers(target)))
        else {
            return Ok(Route::Direct);
        };
        if inside(&target.host()) {
            return Err(BssError::Refused {
                detail: format!(
                    "{} is a name of the cluster or of the machine itself, which no proxy is asked \
                     for; an administrator may name it among the hosts that are reached without the \
                     proxy",
                    target.host()
                ),
            });
        }
        Ok(Route::Proxy {
            url: proxy.url.clone(),
            host: proxy.host.clone(),
            authority: proxy.authority.clone(),
        })
    }
}

impl Proxy {
    fn read(text: &str) -> Result<Self, String> {
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let wrong = "it must be the URL of an HTTP proxy, such as http://proxy.example.com:3128";
        let url = Url::parse(&with_scheme).map_err(|_| wrong.to_owned())?;
        if url.scheme() != "http" {
            return Err(format!(
                "{wrong}; what is sent through it is encrypted up to the BSS all the same"
            ));
        }
        let host = url.host_str().ok_or(wrong)?.to_owned();
        let port = url.port_or_known_default().unwrap_or(80);
        Ok(Self {
            authority: format!("{host}:{port}"),
            host,
            url: url.to_string().into(),
        })
    }
}

impl Exception {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if text.is_empty() {
            return None;
        }
        if text == "*" {
            return Some(Self::Everything);
        }
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if let Ok(range) = AllowedRanges::parse([bare]) {
            return Some(Self::Range(range));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => match port.parse() {
                Ok(port) => (host, Some(port)),
                Err(_) => (text.as_str(), None),
            },
            None => (text.as_str(), None),
        };
        let host = host.trim_start_matches('*').trim_start_matches('.');
        Some(Self::Host(host.to_owned(), port))
    }

    fn covers(&self, target: &Target) -> bool {
        match self {
            Self::Everything => true,
            Self::Range(range) => target
                .literal_address()
                .is_some_and(|address| range.contain(address)),
            Self::Host(host, port) => {
                let asked = target.host();
                let below = asked.strip_suffix(host.as_str());
                let named = below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                named && port.is_none_or(|port| target.port() == port)
            }
        }
    }
}

/// Names that lead to this machine, to its cluster or to the metadata of its cloud, by convention.
fn inside(host: &str) -> bool {
    const NAMES: [&str; 6] = [
        "localhost",
        "cluster.local",
        "svc",
        "localdomain",
        "metadata.google.internal",
        "kubernetes.default",
    ];
    let host = host.trim_end_matches('.');
    NAMES.iter().any(|name| {
        let below = host.strip_suffix(name);
        below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// The way to one host.
#[derive(Clone)]
pub(super) enum Route {
    /// To an address of the host.
    Direct,
    /// Through a proxy, which resolves the name.
    Proxy {
        url: SecretString,
        host: String,
        authority: String,
    },
}

impl Route {
    /// The name that is looked up here, if it is not an address.
    pub(super) fn proxy_host(&self) -> Option<&str> {
        match self {
            Self::Proxy { host, .. } => Some(host),
            Self::Direct => None,
        }
    }

    /// For people: where it leads through.
    pub(super) fn through(&self) -> Option<&str> {
        match self {
            Self::Proxy { authority, .. } => Some(authority),
            Self::Direct => None,
        }
    }

    /// For the client.
    pub(super) fn applied(
        &self,
        builder: reqwest::ClientBuilder,
    ) -> Result<reqwest::ClientBuilder, BssError> {
        match self {
            Self::Direct => Ok(builder.no_proxy()),
            Self::Proxy { url, .. } => {
                let proxy =
                    reqwest::Proxy::all(url.expose_secret()).map_err(|_| BssError::Refused {
                        detail: "the URL of the operator's proxy cannot be used".to_owned(),
                    })?;
                Ok(builder.no_proxy().proxy(proxy))
            }
        }
    }
}
