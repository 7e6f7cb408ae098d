//! Faults on demand. A rule names an operation, what goes wrong, how often and how likely; each
//! firing is counted and kept, so that a test can prove that its fault happened.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::problem::Refusal;
use super::store::{Store, from_json, to_json};
use super::world::random::Random;
use crate::bss::adapters::reference::contract::Operation;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) enum Fault {
    /// 429 without an effect, with `Retry-After` if `retryAfterSeconds` is given.
    #[serde(rename_all = "camelCase")]
    Throttle {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u32>,
    },
    /// 503 of the class `Unavailable`, without an effect.
    Unavailable503,
    /// 500 of the class `Internal`. With `afterEffect` the effect happens first.
    #[serde(rename_all = "camelCase")]
    Error500 {
        #[serde(default)]
        after_effect: bool,
    },
    /// The effect happens, then the connection is closed without a reply.
    LoseReplyAfterEffect,
    /// The connection is closed without a reply now; the effect happens later.
    #[serde(rename_all = "camelCase")]
    LateEffect { delay_ms: u64 },
    /// The effect happens; the reply is cut in the middle of its body.
    CutBody,
    /// The effect happens; the reply is an HTML page.
    WrongContentType,
    /// The effect happens; the reply's body grows to this many bytes.
    Oversized {
        #[serde(default = "sixteen_mebibytes")]
        bytes: u64,
    },
    /// The effect happens; the reply comes byte by byte.
    #[serde(rename_all = "camelCase")]
    SlowBytes { delay_ms: u64 },
    /// The request waits before it is looked at.
    Latency { ms: u64 },
    /// A page of a listing says that the next page begins where this one began.
    DuplicatePage,
    /// 401, without an effect: a token, or a client of the token endpoint, that is not accepted.
    Unauthorized401,
    /// The effect happens; the reply is JSON of another kind.
    WrongJson,
    /// 307 to another address, without an effect.
    Redirect { to: String },
}

fn sixteen_mebibytes() -> u64 {
    16 * 1024 * 1024
}

/// The name of the token endpoint.
const TOKEN_ENDPOINT: &str = "requestToken";

/// When what goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rule {
    /// An operation's name, `*` for every operation of the contract, or `requestToken` for the token
    /// endpoint.
    pub(crate) operation: String,
    /// Only for requests about this reseller or its tenants; for all if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account_id: Option<String>,
    /// What happens.
    pub(crate) kind: Fault,
    /// How many times at most; always if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u64>,
    /// How likely at each request, 0 to 1; drawn from `seed`.
    #[serde(default = "certain")]
    pub(crate) probability: f64,
    /// The seed of the draws.
    #[serde(default)]
    pub(crate) seed: u64,
}

fn certain() -> f64 {
    1.0
}

/// A rule with what became of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Standing {
    #[serde(flatten)]
    pub(crate) rule: Rule,
    /// How many requests it could have hit.
    pub(crate) matched: u64,
    /// How many it hit.
    pub(crate) fired: u64,
}

/// The rules in force.
pub(crate) struct Faults {
    rules: Mutex<Vec<Standing>>,
    any: AtomicBool,
}

impl Faults {
    /// Reads the rules that were in force when the sandbox ended.
    pub(crate) fn load(store: &Store) -> Result<Self, Refusal> {
        let rows: Vec<(String, u64, u64)> = store.transact(|tx| {
            Ok(tx.all(
                "SELECT rule, matched, fired FROM faults ORDER BY id",
                [],
                |row| {
                    let counts: (i64, i64) = (row.get(1)?, row.get(2)?);
                    Ok((
                        row.get(0)?,
                        u64::try_from(counts.0).unwrap_or(0),
                        u64::try_from(counts.1).unwrap_or(0),
                    ))
                },
            )?)
        })?;
        let mut rules = Vec::with_capacity(rows.len());
        for (rule, matched, fired) in rows {
            rules.push(Standing {
                rule: from_json(&rule)?,
                matched,
                fired,
            });
        }
        let any = AtomicBool::new(!rules.is_empty());
        Ok(Self {
            rules: Mutex::new(rules),
            any,
        })
    }

    /// Replaces all rules.
    pub(crate) fn replace(&self, store: &Store, rules: Vec<Rule>) -> Result<(), Refusal> {
        for rule in &rules {
            let known = ["*", TOKEN_ENDPOINT].contains(&rule.operation.as_str())
                || Operation::ALL
                    .iter()
                    .any(|operation| operation.as_str() == rule.operation);
            if !known {
                return Err(Refusal::invalid_field(
                    "operation",
                    "there is no such operation",
                ));
            }
            if !(0.0..=1.0).contains(&rule.probability) {
                return Err(Refusal::invalid_field(
                    "probability",
                    "is not between 0 and 1",
                ));
            }
        }
        let mut standing = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        store.transact(|tx| {
            tx.run("DELETE FROM faults", [])?;
            for rule in &rules {
                tx.run(
                    "INSERT INTO faults (rule, matched, fired) VALUES (?1, 0, 0)",
                    [to_json(rule)?],
                )?;
            }
            Ok(())
        })?;
        *standing = rules
            .into_iter()
            .map(|rule| Standing {
                rule,
                matched: 0,
                fired: 0,
            })
            .collect();
        self.any.store(!standing.is_empty(), Ordering::Release);
        Ok(())
    }

    /// All rules with their counts.
    pub(crate) fn standing(&self) -> Vec<Standing> {
        self.rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether any rule is in force; cheap enough to ask for every request.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Whether it matters which reseller a request is about.
    pub(crate) fn any_of_one_reseller(&self) -> bool {
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules
            .iter()
            .any(|standing| standing.rule.account_id.is_some())
    }

    /// What goes wrong with this request (no operation: one to the token endpoint) about this reseller:
    /// any latency, and at most one other fault.
    pub(crate) fn draw(
        &self,
        store: &Store,
        operation: Option<Operation>,
        account: Option<&str>,
    ) -> Result<Vec<Fault>, Refusal> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let mut drawn: Vec<Fault> = Vec::new();
        let mut changed = Vec::new();
        for (index, standing) in rules.iter_mut().enumerate() {
            let latency = matches!(standing.rule.kind, Fault::Latency { .. });
            let struck = drawn
                .iter()
                .any(|fault| !matches!(fault, Fault::Latency { .. }));
            let spent = standing
                .rule
                .times
                .is_some_and(|times| standing.fired >= times);
            let theirs = standing.rule.is_about(account);
            if spent || !theirs || !standing.rule.applies_to(operation) || (struck && !latency) {
                continue;
            }
            standing.matched = standing.matched.saturating_add(1);
            if standing.happens() {
                standing.fired = standing.fired.saturating_add(1);
                drawn.push(standing.rule.kind.clone());
                changed.push((index, standing.matched, standing.fired));
            }
        }
        if !changed.is_empty() {
            store.transact(|tx| {
                for (index, matched, fired) in &changed {
                    tx.run(
                        "UPDATE faults SET matched = ?2, fired = ?3
                         WHERE id = (SELECT id FROM faults ORDER BY id LIMIT 1 OFFSET ?1)",
                        params![
                            i64::try_from(*index).unwrap_or(0),
                            i64::try_from(*matched).unwrap_or(0),
                            i64::try_from(*fired).unwrap_or(0),
                        ],
                    )?;
                }
                Ok(())
            })?;
        }
        Ok(drawn)
    }
}

impl Rule {
    fn is_about(&self, account: Option<&str>) -> bool {
        self.account_id
            .as_deref()
            .is_none_or(|wanted| account == Some(wanted))
    }

    fn applies_to(&self, operation: Option<Operation>) -> bool {
        let Some(operation) = operation else {
            return self.operation == TOKEN_ENDPOINT && self.kind != Fault::DuplicatePage;
        };
        let listing = matches!(
            operation,
            Operation::ListCustomers
                | Operation::ListSubscriptions
                | Operation::ListOpenOrders
                | Operation::ListCopies
        );
        // A page can only be repeated where there are pages: elsewhere the rule waits.
        (self.operation == "*" || self.operation == operation.as_str())
            && (self.kind != Fault::DuplicatePage || listing)
    }
}

impl Standing {
    /// Draws for the request that was just matched.
    fn happens(&self) -> bool {
        let draw = self.rule.seed ^ self.matched.wrapping_mul(0x2545_f491_4f6c_dd1d);
        self.rule.probability >= 1.0 || Random::new(draw).happens(self.rule.probability)
    }
}
