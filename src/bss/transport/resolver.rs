//! A name is resolved, every address is checked, and then they are pinned for a minute: a name that
//! leads elsewhere in the meantime (rebinding) changes nothing, and a host that has moved is found
//! again. After a connection failed the name is resolved again at once.

use super::guard::{AddressRefused, GuardedHost};
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The terms of a pin.
#[derive(Clone, Copy, Debug)]
struct Terms {
    /// How long addresses are used without being looked up and checked again.
    pinned: Duration,
    /// After a look-up that failed, the next one while connections stand.
    patience: Duration,
}

const USUAL: Terms = Terms {
    pinned: Duration::from_secs(60),
    patience: Duration::from_secs(10),
};
/// A look-up takes no longer.
const BOUND: Duration = Duration::from_secs(10);

pub(super) type Lookup =
    dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The resolver of one client, which knows one name only.
#[derive(Clone)]
pub(super) struct PinnedResolver {
    shared: Arc<Shared>,
}

/// Whose addresses are looked up.
#[derive(Clone, Debug)]
pub(super) enum Looked {
    /// Those of the host, which the guard checks.
    Host(String, GuardedHost),
    /// Those of the proxy that the administrator chose.
    Proxy(String),
}

impl Looked {
    fn name(&self) -> &str {
        match self {
            Self::Host(name, _) | Self::Proxy(name) => name,
        }
    }

    fn check(&self, address: IpAddr) -> Result<(), AddressRefused> {
        match self {
            Self::Host(_, guard) => guard.check(address),
            Self::Proxy(_) => Ok(()),
        }
    }
}

struct Shared {
    looked: Looked,
    lookup: Box<Lookup>,
    terms: Terms,
    pinned: Mutex<Option<Pinned>>,
    /// Held by the call that looks up again while connections stand.
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug)]
struct Pinned {
    addresses: Vec<IpAddr>,
    until: Instant,
}

/// What became of the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewed {
    /// They are those of before, or could not be looked up now.
    Same,
    /// They are others: what is connected is connected to the former ones.
    Moved,
}

impl PinnedResolver {
    /// With the system's resolver.
    pub(super) fn new(looked: Looked) -> Self {
        Self::with(looked, Box::new(|name| Box::pin(system(name))), USUAL)
    }

    fn with(looked: Looked, lookup: Box<Lookup>, terms: Terms) -> Self {
        Self {
            shared: Arc::new(Shared {
                looked,
                lookup,
                terms,
                pinned: Mutex::default(),
                renewing: tokio::sync::Mutex::new(()),
            }),
        }
    }

    /// With answers for a test, and pins that last for so long.
    #[cfg(test)]
    pub(super) fn answering(looked: Looked, pinned: Duration, lookup: Box<Lookup>) -> Self {
        let terms = Terms {
            pinned,
            patience: pinned,
        };
        Self::with(looked, lookup, terms)
    }

    /// Looks the name up again if its addresses were pinned a minute ago. One caller does; the others
    /// go on meanwhile. A name server that does not answer is no reason to give up connections that
    /// stand.
    pub(super) async fn renew(&self) -> Result<Renewed, AddressRefused> {
        let shared = &self.shared;
        let before = shared.pinned().clone();
        let Some(before) = before.filter(|pinned| pinned.until <= Instant::now()) else {
            return Ok(Renewed::Same);
        };
        let Ok(_renewing) = shared.renewing.try_lock() else {
            return Ok(Renewed::Same);
        };
        match shared.look_up().await {
            Ok(found) => {
                let moved = !same(&found.addresses, &before.addresses);
                *shared.pinned() = Some(found);
                Ok(if moved { Renewed::Moved } else { Renewed::Same })
            }
            Err(LookupFailed::Refused(refused)) => {
                *shared.pinned() = None;
                Err(refused)
            }
            Err(LookupFailed::Away(_)) => {
                if let (Some(pinned), Some(until)) = (
                    &mut *shared.pinned(),
                    Instant::now().checked_add(shared.terms.patience),
                ) {
                    pinned.until = until;
                }
                Ok(Renewed::Same)
            }
        }
    }

    /// A connection failed: the next one is made to where the name leads then.
    pub(super) fn forget(&self) {
        *self.shared.pinned() = None;
    }
}

fn same(some: &[IpAddr], others: &[IpAddr]) -> bool {
    let sorted = |addresses: &[IpAddr]| {
        let mut addresses = addresses.to_vec();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    };
    sorted(some) == sorted(others)
}

async fn system(name: String) -> io::Result<Vec<IpAddr>> {
    let addresses = tokio::net::lookup_host((name, 0)).await?;
    Ok(addresses.map(|address| address.ip()).collect())
}

enum LookupFailed {
    Refused(AddressRefused),
    Away(io::Error),
}

impl Shared {
    fn pinned(&self) -> MutexGuard<'_, Option<Pinned>> {
        self.pinned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, BoxError> {
        if name != self.looked.name() {
            return Err(io::Error::other("another host than the connection's").into());
        }
        let pinned = self.pinned().clone();
        if let Some(pinned) = pinned.filter(|pinned| pinned.until > Instant::now()) {
            return Ok(pinned.addresses);
        }
        match self.look_up().await {
            Ok(found) => {
                let addresses = found.addresses.clone();
                *self.pinned() = Some(found);
                Ok(addresses)
            }
            Err(LookupFailed::Refused(refused)) => Err(refused.into()),
            Err(LookupFailed::Away(error)) => Err(error.into()),
        }
    }

    async fn look_up(&self) -> Result<Pinned, LookupFailed> {
        let asked = timeout(BOUND, (self.lookup)(self.looked.name().to_owned())).await;
        let asked = asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let addresses = asked.map_err(LookupFailed::Away)?;
        if addresses.is_empty() {
            return Err(LookupFailed::Away(io::ErrorKind::NotFound.into()));
        }
        // One internal address among good ones is enough to refuse: that is not set up by chance.
        for address in &addresses {
            self.looked.check(*address).map_err(LookupFailed::Refused)?;
        }
        let now = Instant::now();
        Ok(Pinned {
            addresses,
            until: now.checked_add(self.terms.pinned).unwrap_or(now),
        })
    }
}

impl Resolve for PinnedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let addresses = shared.addresses(name.as_str()).await?;
            let sockets = addresses
                .into_iter()
                .map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(sockets) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::guard::AllowedRanges;
    use super::*;

    /// Answers in turn; an empty one is a name server that does not answer.
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
        let guard = GuardedHost::new(AllowedRanges::none());
        let terms = Terms {
            pinned: Duration::from_millis(300),
            patience: Duration::from_millis(100),
        };
        PinnedResolver::with(Looked::Host("bss.example".to_owned(), guard), lookup, terms)
    }

    async fn after(millis: u64) {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }

    async fn ask(resolver: &PinnedResolver, name: &str) -> Result<Vec<String>, BoxError> {
        let addresses = resolver.resolve(name.parse().unwrap()).await?;
        Ok(addresses.map(|address| address.ip().to_string()).collect())
    }

    #[tokio::test]
    async fn a_name_is_pinned_for_a_minute_and_then_looked_up_again() {
        let resolver = resolver(&[&["8.8.8.8", "8.8.4.4"], &["9.9.9.9"], &["9.9.9.9"]]);
        for _ in 0..3 {
            assert_eq!(
                ask(&resolver, "bss.example").await.unwrap(),
                ["8.8.8.8", "8.8.4.4"]
            );
        }
        assert!(ask(&resolver, "other.example").await.is_err());
        after(301).await;
        assert_eq!(ask(&resolver, "bss.example").await.unwrap(), ["9.9.9.9"]);
        // A connection failed: at once.
        resolver.forget();
        assert_eq!(ask(&resolver, "bss.example").await.unwrap(), ["9.9.9.9"]);
        assert!(ask(&resolver, "bss.example").await.is_ok(), "pinned again");
    }

    #[tokio::test]
    async fn one_internal_address_refuses_all_and_is_not_pinned() {
        let resolver = resolver(&[&["8.8.8.8", "::ffff:10.0.0.1"], &[], &["8.8.8.8"]]);
        let error = ask(&resolver, "bss.example").await.unwrap_err();
        assert!(error.downcast_ref::<AddressRefused>().is_some(), "{error}");
        assert!(ask(&resolver, "bss.example").await.is_err());
        assert_eq!(ask(&resolver, "bss.example").await.unwrap(), ["8.8.8.8"]);
    }

    #[tokio::test]
    async fn connections_that_stand_are_given_up_when_the_name_leads_elsewhere() {
        let resolver = resolver(&[
            &["8.8.8.8", "8.8.4.4"],
            &["8.8.4.4", "8.8.8.8"],
            &[],
            &["9.9.9.9"],
            &["10.0.0.1"],
        ]);
        let minute = || after(301);
        assert_eq!(resolver.renew().await, Ok(Renewed::Same), "nothing pinned");
        ask(&resolver, "bss.example").await.unwrap();
        assert_eq!(resolver.renew().await, Ok(Renewed::Same), "still pinned");
        minute().await;
        assert_eq!(
            resolver.renew().await,
            Ok(Renewed::Same),
            "in another order"
        );
        minute().await;
        assert_eq!(resolver.renew().await, Ok(Renewed::Same), "no answer");
        after(101).await;
        assert_eq!(resolver.renew().await, Ok(Renewed::Moved));
        minute().await;
        assert!(resolver.renew().await.is_err(), "it leads inside now");
    }
}
