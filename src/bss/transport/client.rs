//! The client of one host. It is made anew when the host's addresses change and when a connection
//! stopped answering, so that a host that has moved is found again while the process lives.

use super::Timeouts;
use super::failure::{Failure, Peer, from_building};
use super::guard::GuardedHost;
use super::resolver::{Looked, PinnedResolver, Renewed};
use super::route::{Proxies, Route};
use super::target::Target;
use super::trust::{Tls, TlsSetup};
use crate::bss::error::BssError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const USER_AGENT: &str = concat!("tenant-reseller-operator/", env!("CARGO_PKG_VERSION"));

/// How a host is reached.
pub(super) struct Reach<'a> {
    pub(super) target: &'a Target,
    pub(super) guard: GuardedHost,
    pub(super) tls: &'a Tls,
    pub(super) proxies: &'a Proxies,
    pub(super) timeouts: Timeouts,
}

/// A client that renews itself.
pub(super) struct Client {
    recipe: Recipe,
    peer: Peer,
    resolver: PinnedResolver,
    present: Mutex<Generation>,
}

/// A client, told from its predecessors.
#[derive(Clone)]
pub(super) struct Generation {
    pub(super) client: reqwest::Client,
    number: u64,
}

/// What every generation is made of.
struct Recipe {
    https: bool,
    connect: Duration,
    route: Route,
    tls: Option<TlsSetup>,
}

impl Client {
    /// Checks the way and makes the first generation. Nothing is sent.
    pub(super) fn new(reach: Reach<'_>) -> Result<Self, BssError> {
        let Reach {
            target,
            guard,
            tls,
            proxies,
            timeouts,
        } = reach;
        let route = proxies.route(target, &guard)?;
        let looked = match route.proxy_host() {
            Some(proxy) => Looked::Proxy(proxy.to_owned()),
            None => Looked::Host(target.host(), guard),
        };
        let tls = target.is_https().then(|| tls.setup()).transpose()?;
        let peer = Peer {
            authority: target.authority(),
            through: route.through().map(str::to_owned),
            shown: tls.as_ref().map(|tls| Arc::clone(&tls.shown)),
        };
        let recipe = Recipe {
            https: target.is_https(),
            connect: timeouts.connect,
            route,
            tls,
        };
        let resolver = PinnedResolver::new(looked);
        let client = recipe.make(&resolver)?;
        Ok(Self {
            recipe,
            peer,
            resolver,
            present: Mutex::new(Generation { client, number: 0 }),
        })
    }

    /// Who is at the other end, for what is said about it.
    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The client to use now. Once a minute the name is looked up and its addresses are checked
    /// again, also while connections stand.
    pub(super) async fn current(&self) -> Result<Generation, Failure> {
        match self.resolver.renew().await {
            Ok(Renewed::Same) => Ok(self.present().clone()),
            Ok(Renewed::Moved) => Ok(self.next()),
            Err(refused) => {
                // What is connected leads where it may not lead any more.
                self.next();
                Err(Failure::Refused(refused.to_string()))
            }
        }
    }

    /// No connection could be made: the next one asks the name server first.
    pub(super) fn not_connected(&self) {
        self.resolver.forget();
    }

    /// A connection of this generation stopped answering: none of them is used again.
    pub(super) fn lost(&self, used: &Generation) {
        self.resolver.forget();
        let stale = self.present().number == used.number;
        if stale {
            self.next();
        }
    }

    fn next(&self) -> Generation {
        let made = self.recipe.make(&self.resolver);
        let mut present = self.present();
        // It was made of the same before; should it fail all the same, the former one stays.
        if let Ok(client) = made {
            *present = Generation {
                client,
                number: present.number.wrapping_add(1),
            };
        }
        present.clone()
    }

    fn present(&self) -> MutexGuard<'_, Generation> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recipe {
    fn make(&self, resolver: &PinnedResolver) -> Result<reqwest::Client, BssError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .https_only(self.https)
            .connect_timeout(self.connect)
            // Shorter than servers and proxies keep idle connections, so that a write is rarely sent
            // into one that is just being closed.
            .pool_idle_timeout(Duration::from_secs(15))
            .dns_resolver(resolver.clone());
        if let Some(tls) = &self.tls {
            builder = builder.tls_backend_preconfigured(tls.config.clone());
        } else {
            // Nothing is encrypted, and nothing is trusted.
            builder = builder.tls_certs_only(std::iter::empty());
        }
        let builder = self.route.applied(builder)?;
        builder.build().map_err(|_| from_building())
    }
}
