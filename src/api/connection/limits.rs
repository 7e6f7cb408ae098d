//! How hard a connection's BSS may be asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How hard a BSS may be asked. A limit of requests that is not set is learnt: the operator finds out how many
/// the BSS answers without letting them wait. Of several connections of one namespace with one identity and one
/// scheme, host and port the strictest counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionLimits {
    /// How many requests a second the BSS gets at most. Without it there is no limit before the BSS answers that
    /// there are too many; then one is learnt. Example: `20`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub requests_per_second: Option<i32>,
    /// How many requests are under way at one time at most. Without it this is learnt: as many as the BSS answers
    /// about as fast as one alone, 64 at most. Example: `8`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub concurrency: Option<i32>,
    /// How long one request may take as a whole, in seconds. Deletion and the operator's own end
    /// wait no longer than this. Example: `30`
    #[serde(default = "default_request_timeout_seconds")]
    #[schemars(range(min = 1, max = 300))]
    pub request_timeout_seconds: i32,
    /// How long a request may live at most, proxies included, plus how far the BSS's reads lag
    /// behind its writes, in seconds. The operator waits this long where the BSS gives a promise
    /// only in its weak form. Example: `120`
    #[serde(default = "default_settle_seconds")]
    #[schemars(range(min = 1, max = 86400))]
    pub settle_seconds: i32,
    /// How long an accepted order may take to become a subscription, in seconds: the quiet time
    /// before the switch where the BSS cannot list open orders. Example: `7200`
    #[serde(default = "default_order_settle_seconds")]
    #[schemars(range(min = 1, max = 604_800))]
    pub order_settle_seconds: i32,
    /// How many upgrades of this namespace work on the BSS at one time at most; the others wait
    /// (`AwaitingTurn`), first come, first served. Of several connections of one namespace with one
    /// identity the strictest counts. Example: `5`
    #[serde(default = "default_active_upgrades")]
    #[schemars(range(min = 1, max = 1000))]
    pub active_upgrades: i32,
    /// The status codes that mean *too many requests, nothing was done*. Some systems say so with
    /// 403. A 5xx is none: it leaves in doubt whether something was done.
    /// Example: `[429]`
    #[serde(default = "default_throttle_status_codes")]
    #[schemars(length(min = 1, max = 4), extend("x-kubernetes-list-type" = "set"), inner(range(min = 400, max = 499)))]
    pub throttle_status_codes: Vec<i32>,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            requests_per_second: None,
            concurrency: None,
            request_timeout_seconds: default_request_timeout_seconds(),
            settle_seconds: default_settle_seconds(),
            order_settle_seconds: default_order_settle_seconds(),
            active_upgrades: default_active_upgrades(),
            throttle_status_codes: default_throttle_status_codes(),
        }
    }
}

fn default_request_timeout_seconds() -> i32 {
    30
}

fn default_settle_seconds() -> i32 {
    120
}

fn default_order_settle_seconds() -> i32 {
    7200
}

fn default_active_upgrades() -> i32 {
    5
}

fn default_throttle_status_codes() -> Vec<i32> {
    vec![429]
}
