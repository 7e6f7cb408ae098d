//! How a sandbox is started.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::switches::Switches;

/// Which defects the seeded world has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defects {
    /// None: everything that is active could be copied at once.
    None,
    /// Some purchases with a wrong currency, a missing add-on, a missing billing cycle.
    Demo,
    /// So many purchases (all, if there are fewer) have one of the three each.
    Blocked(u32),
}

/// How the ids look that the world gives to its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ids {
    /// Short and readable: `10423`, `SUB-1234577`.
    #[default]
    Usual,
    /// As long as the contract allows: 128 characters of four bytes each.
    Longest,
}

impl Ids {
    /// The id for a record whose usual id is this one.
    #[must_use]
    pub fn of(self, usual: &str) -> String {
        match self {
            Self::Usual => usual.to_owned(),
            Self::Longest => longest(usual),
        }
    }
}

/// A character of the ideographs beyond U+20000 for each of an ASCII text, and filled up in front as a
/// number is with zeros: two ids of one length keep their order.
fn longest(usual: &str) -> String {
    const LENGTH: usize = 128;
    let filler = LENGTH.saturating_sub(usual.len());
    std::iter::repeat_n(b'0', filler)
        .chain(usual.bytes())
        .filter_map(|byte| char::from_u32(0x20000 | u32::from(byte)))
        .collect()
}

/// How much a reseller has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Its customers; at least 1.
    pub customers: u32,
    /// Active subscriptions and assets of its customers together.
    pub subscriptions: u32,
}

/// How the server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Plain HTTP. Only for tests on loopback.
    InsecureHttp,
    /// TLS with a certificate and a key from PEM files.
    Files {
        /// The certificate chain.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// TLS with a certificate authority of its own, kept in a folder (`ca.crt`, `server.crt`,
    /// `server.key`) and used again after a restart.
    SelfSigned {
        /// The folder.
        folder: PathBuf,
        /// Names and addresses in the certificate.
        hosts: Vec<String>,
    },
}

/// A client of the token endpoint.
#[derive(Clone)]
pub struct OAuthClient {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// What it may ask for, and gets if it asks for nothing.
    pub scopes: Vec<String>,
    /// Its tokens open the tenant's side, not the distributor's.
    pub tenant: bool,
}

/// A user of the vendor's API, and the client that it logs in through.
#[derive(Clone)]
pub struct InterworksLogin {
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// The user.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// The reseller whose tenant it opens; the distributor's organisation if there is none.
    pub reseller: Option<String>,
}

/// The options of a sandbox. Seed, sizes, defects and switches count only while the file is new.
#[derive(Clone)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The SQLite file. It holds everything.
    pub database: PathBuf,
    /// The token that the reference contract asks for.
    pub token: String,
    /// The token of the tenants' own side: good for the operations below `/tenants` alone.
    pub tenant_token: Option<String>,
    /// Who may ask for tokens at `/oauth2/token`; they are good beside the two fixed ones.
    pub oauth_clients: Vec<OAuthClient>,
    /// Who may log in at the vendor's face; without any it is not served.
    pub interworks_logins: Vec<InterworksLogin>,
    /// The token that the control API asks for.
    pub control_token: String,
    /// The BSS's own name.
    pub identity: String,
    /// How its ids look. Counts while the file is new; later the file knows.
    pub ids: Ids,
    /// The seed that customers and purchases are made from.
    pub seed: u64,
    /// How many customers the reseller has; at least 1.
    pub customers: u32,
    /// How many active subscriptions and assets its customers have together.
    pub subscriptions: u32,
    /// How many resellers there are to upgrade, each with customers and purchases of its own; at
    /// least 1. The first is account 10423, the others are 100001, 100002 and so on.
    pub resellers: u32,
    /// How much each of the others has; as much as the first if this is none.
    pub others: Option<Size>,
    /// Which defects some of them have.
    pub defects: Defects,
    /// How long a tenant is queued.
    pub tenant_queue: Duration,
    /// How long a Storefront order is pending.
    pub order_time: Duration,
    /// The most items of a batch, 1 to 500.
    pub largest_batch: u16,
    /// How long each request of the contract takes at least: the half of it passes before it is looked
    /// at, and the reply is not sent before all of it is over.
    pub latency: Duration,
    /// How strong its promises are while the file is new; later the file knows.
    pub switches: Switches,
    /// How the server is reached.
    pub transport: Transport,
}

impl Config {
    /// A small world over plain HTTP on a free loopback port: where a test starts from.
    #[must_use]
    pub fn for_tests(database: PathBuf) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            database,
            token: "test-token".to_owned(),
            tenant_token: Some("test-tenant-token".to_owned()),
            oauth_clients: vec![],
            interworks_logins: vec![],
            control_token: "test-control-token".to_owned(),
            identity: "acme-distribution".to_owned(),
            ids: Ids::Usual,
            seed: 1,
            customers: 6,
            subscriptions: 12,
            resellers: 1,
            others: None,
            defects: Defects::None,
            tenant_queue: Duration::ZERO,
            order_time: Duration::ZERO,
            largest_batch: 100,
            latency: Duration::ZERO,
            switches: Switches::default(),
            transport: Transport::InsecureHttp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_ids_are_at_the_bounds_of_the_contract_and_keep_their_order() {
        let (first, second) = (Ids::Longest.of("20001"), Ids::Longest.of("20002"));
        for id in [&first, &second, &Ids::Longest.of("SUB-1234577")] {
            assert_eq!((id.chars().count(), id.len()), (128, 512));
        }
        assert!(first < second);
        assert_ne!(Ids::Longest.of("1"), Ids::Longest.of("op-1"));
        assert_eq!(Ids::Usual.of("20001"), "20001");
    }
}
