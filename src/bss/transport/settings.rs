//! What a connection declares of the way to its BSS.

use std::time::Duration;

use super::credentials::Credentials;
use super::guard::AllowedRanges;
use super::route::Proxies;
use super::target::Cleartext;
use super::trust::Tls;

/// How long a call may take, its wait for a permit not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands: name, TCP and TLS.
    pub connect: Duration,
    /// From then on until the reply's headers are there.
    pub first_byte: Duration,
    /// From the beginning until the last byte of the reply.
    pub whole: Duration,
}

impl Timeouts {
    /// Time-outs for a connection whose requests may take so long as a whole.
    #[must_use]
    pub fn within(whole: Duration) -> Self {
        Self {
            connect: whole.min(Duration::from_secs(10)),
            first_byte: whole,
            whole,
        }
    }
}

/// What a connection declares.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The base URL of the BSS.
    pub url: String,
    /// How to log in.
    pub credentials: Credentials,
    /// Whom to trust, and how to prove oneself.
    pub tls: Tls,
    /// The way out.
    pub proxies: Proxies,
    /// The value of the Secret's annotation: hosts that it may be sent to.
    pub allowed_hosts: String,
    /// Address ranges that the administrator allows although they are internal.
    pub allowed_ranges: AllowedRanges,
    /// Whether a URL without TLS is accepted.
    pub cleartext: Cleartext,
    /// The status codes that mean *too many requests*, besides 429.
    pub throttle_statuses: Vec<u16>,
    /// Time-outs.
    pub timeouts: Timeouts,
    /// The largest reply that is read, in bytes.
    pub reply_limit: usize,
}

impl Settings {
    /// The largest reply that is read unless told otherwise: 8 MiB.
    pub const REPLY_LIMIT: usize = 8 * 1024 * 1024;
}
