//! Names are resolved once per connection, every address is checked, and then they are pinned: a
//! name that leads elsewhere later (rebinding) changes nothing.

use super::guard::GuardedHost;
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::sync::OnceCell;

type Lookup = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The resolver of one connection, which knows one name only.
pub(super) struct PinnedResolver {
    shared: Arc<Shared>,
}

struct Shared {
    host: GuardedHost,
    lookup: Box<Lookup>,
    pinned: OnceCell<(String, Vec<IpAddr>)>,
}

impl PinnedResolver {
    /// With the system's resolver.
    pub(super) fn new(host: GuardedHost) -> Self {
        Self::with(host, Box::new(|name| Box::pin(system(name))))
    }

    fn with(host: GuardedHost, lookup: Box<Lookup>) -> Self {
        Self {
            shared: Arc::new(Shared {
                host,
                lookup,
                pinned: OnceCell::new(),
            }),
        }
    }
}

async fn system(name: String) -> io::Result<Vec<IpAddr>> {
    let addresses = tokio::net::lookup_host((name, 0)).await?;
    Ok(addresses.map(|address| address.ip()).collect())
}

impl Shared {
    async fn addresses(&self, name: String) -> Result<Vec<IpAddr>, BoxError> {
        let (pinned, addresses) = self.pinned.get_or_try_init(|| self.look_up(&name)).await?;
        if *pinned != name {
            return Err(io::Error::other("another host than the connection's").into());
        }
        Ok(addresses.clone())
    }

    async fn look_up(&self, name: &str) -> Result<(String, Vec<IpAddr>), BoxError> {
        let addresses = (self.lookup)(name.to_owned()).await?;
        if addresses.is_empty() {
            return Err(io::Error::from(io::ErrorKind::NotFound).into());
        }
        // One internal address among good ones is enough to refuse: that is not set up by chance.
        for address in &addresses {
            self.host.check(*address)?;
        }
        Ok((name.to_owned(), addresses))
    }
}

impl Resolve for PinnedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let addresses = shared.addresses(name.as_str().to_owned()).await?;
            let sockets = addresses
                .into_iter()
                .map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(sockets) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::guard::{AddressRefused, AllowedRanges};
    use super::*;
    use std::sync::Mutex;

    fn resolver(answers: &[&[&str]]) -> PinnedResolver {
        let mut answers: Vec<Vec<IpAddr>> = answers
            .iter()
            .map(|answer| {
                answer
                    .iter()
                    .map(|address| address.parse().unwrap())
                    .collect()
            })
            .collect();
        answers.reverse();
        let answers = Mutex::new(answers);
        let lookup: Box<Lookup> = Box::new(move |_| {
            let next = answers.lock().unwrap().pop();
            Box::pin(async move { next.ok_or_else(|| io::Error::other("asked too often")) })
        });
        PinnedResolver::with(GuardedHost::new(AllowedRanges::none()), lookup)
    }

    async fn ask(resolver: &PinnedResolver, name: &str) -> Result<Vec<String>, BoxError> {
        let addresses = resolver.resolve(name.parse().unwrap()).await?;
        Ok(addresses.map(|address| address.ip().to_string()).collect())
    }

    #[tokio::test]
    async fn a_name_is_asked_for_once_and_pinned() {
        let resolver = resolver(&[&["8.8.8.8", "8.8.4.4"], &["127.0.0.1"]]);
        for _ in 0..3 {
            assert_eq!(
                ask(&resolver, "bss.example").await.unwrap(),
                ["8.8.8.8", "8.8.4.4"]
            );
        }
        assert!(ask(&resolver, "other.example").await.is_err());
    }

    #[tokio::test]
    async fn one_internal_address_refuses_all_and_is_not_pinned() {
        let resolver = resolver(&[&["8.8.8.8", "::ffff:10.0.0.1"], &[], &["8.8.8.8"]]);
        let error = ask(&resolver, "bss.example").await.unwrap_err();
        assert!(error.downcast_ref::<AddressRefused>().is_some(), "{error}");
        assert!(ask(&resolver, "bss.example").await.is_err());
        assert_eq!(ask(&resolver, "bss.example").await.unwrap(), ["8.8.8.8"]);
    }
}
