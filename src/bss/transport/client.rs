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

/// How much of a reply HTTP/2 may send ahead while nothing is read.
const AHEAD: u32 = 256 * 1024;

impl Recipe {
    fn make(&self, resolver: &PinnedResolver) -> Result<reqwest::Client, BssError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .https_only(self.https)
            .connect_timeout(self.connect)
            // Shorter than servers and proxies keep idle connections (2 s, 5 s, 60 s are usual), so that a
            // write is not sent into one that is just being closed: its outcome would be unknown.
            .pool_idle_timeout(Duration::from_millis(1500))
            .http2_initial_stream_window_size(AHEAD)
            .http2_initial_connection_window_size(AHEAD.saturating_mul(4))
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

#[cfg(test)]
mod tests {
    use super::super::guard::AllowedRanges;
    use super::super::resolver::Lookup;
    use super::*;
    use std::io;
    use std::net::IpAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Answers with its name, and keeps connections open for ever.
    async fn server(address: (&str, u16), name: &'static str) -> u16 {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut bytes = [0; 4096];
                    while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {
                        let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{name}");
                        stream.write_all(reply.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        port
    }

    /// The name leads to the addresses of this cell.
    fn client(leads_to: &Arc<Mutex<&'static str>>) -> Client {
        let leads_to = Arc::clone(leads_to);
        let lookup: Box<Lookup> = Box::new(move |_| {
            let text = *leads_to.lock().unwrap();
            Box::pin(async move {
                text.parse::<IpAddr>()
                    .map(|one| vec![one])
                    .map_err(io::Error::other)
            })
        });
        let guard = GuardedHost::new(AllowedRanges::parse(["127.0.0.0/8"]).unwrap());
        let looked = Looked::Host("bss.example".to_owned(), guard);
        let resolver = PinnedResolver::answering(looked, Duration::from_millis(200), lookup);
        let recipe = Recipe {
            https: false,
            connect: Duration::from_secs(2),
            route: Route::Direct,
            tls: None,
        };
        let client = recipe.make(&resolver).unwrap();
        Client {
            recipe,
            peer: Peer {
                authority: "bss.example:1".to_owned(),
                through: None,
                shown: None,
            },
            resolver,
            present: Mutex::new(Generation { client, number: 0 }),
        }
    }

    async fn ask(client: &Client, port: u16) -> Result<String, Failure> {
        let used = client.current().await?;
        let sent = used
            .client
            .get(format!("http://bss.example:{port}/"))
            .send();
        Ok(sent.await.unwrap().text().await.unwrap())
    }

    #[tokio::test]
    async fn a_connection_that_stands_does_not_keep_a_host_that_has_moved() {
        let port = server(("127.0.0.1", 0), "one").await;
        server(("127.0.0.2", port), "two").await;
        let leads_to = Arc::new(Mutex::new("127.0.0.1"));
        let client = client(&leads_to);
        let pause = || tokio::time::sleep(Duration::from_millis(250));
        assert_eq!(ask(&client, port).await.unwrap(), "one");
        *leads_to.lock().unwrap() = "127.0.0.2";
        assert_eq!(ask(&client, port).await.unwrap(), "one", "pinned");
        pause().await;
        assert_eq!(ask(&client, port).await.unwrap(), "two");
        // A name server that is away takes nothing away.
        *leads_to.lock().unwrap() = "no address";
        pause().await;
        assert_eq!(ask(&client, port).await.unwrap(), "two");
        // A name that leads inside does.
        *leads_to.lock().unwrap() = "10.0.0.1";
        pause().await;
        let refused = ask(&client, port).await.unwrap_err();
        assert!(matches!(refused, Failure::Refused(_)), "{refused:?}");
    }

    #[tokio::test]
    async fn a_connection_that_stopped_answering_is_given_up_at_once() {
        let port = server(("127.0.0.1", 0), "one").await;
        server(("127.0.0.2", port), "two").await;
        let leads_to = Arc::new(Mutex::new("127.0.0.1"));
        let client = client(&leads_to);
        assert_eq!(ask(&client, port).await.unwrap(), "one");
        *leads_to.lock().unwrap() = "127.0.0.2";
        let used = client.current().await.unwrap();
        client.lost(&used);
        let after = client.current().await.unwrap();
        assert_eq!(ask(&client, port).await.unwrap(), "two");
        // Others that were lost with it give up no newer one.
        client.lost(&used);
        assert_eq!(client.current().await.unwrap().number, after.number);
    }
}
