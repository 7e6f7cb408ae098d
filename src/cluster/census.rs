//! The upgrades, counted for the metrics: by phase, class and reason of `Ready` and connection, and for how
//! long they have been so. Whatever the cluster holds, there are only so many series: the words are those
//! of the API, and the connections are the first few; the others are one.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::api::{ConditionType, KindProgress, Phase, Reason, StateClass, TenantResellerUpgrade};

/// So many connections have series of their own. Each has about a dozen.
pub const MOST_CONNECTIONS: usize = 50;
/// The word for all others.
pub const OTHER_CONNECTIONS: &str = "others";

/// Upgrades of one phase, class and connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InPhase {
    /// The phase.
    pub phase: &'static str,
    /// The class of the reason.
    pub class: &'static str,
    /// Namespace and name of the connection.
    pub connection: String,
}

/// Upgrades of one reason and connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OfReason {
    /// The reason of `Ready`.
    pub reason: &'static str,
    /// Its class.
    pub class: &'static str,
    /// Namespace and name of the connection.
    pub connection: String,
}

/// How many upgrades there are of one reason, and for how long the one has been so that was so first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub upgrades: u64,
    /// The longest time in seconds without another phase, another reason or progress.
    pub unchanged: u64,
}

/// All of them at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By phase.
    pub in_phase: BTreeMap<InPhase, u64>,
    /// By reason.
    pub of_reason: BTreeMap<OfReason, Count>,
}

/// Remembers from count to count what upgrades looked like and which connections have series.
#[derive(Debug, Default)]
pub struct Census {
    looks: HashMap<String, Seen>,
    connections: Vec<String>,
}

/// How an upgrade looked, and since when.
#[derive(Debug)]
struct Seen {
    look: Look,
    since: Timestamp,
}

/// What must change for an upgrade to have moved.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Look {
    phase: &'static str,
    reason: &'static str,
    copied: i64,
    milestones: usize,
}

impl Look {
    /// Whether it works, or tries to. Between these reasons an upgrade goes to and fro as calls fail and
    /// are repeated, which is no progress.
    fn works(&self) -> bool {
        let working = [
            Reason::Progressing,
            Reason::ProgressingWithRetry,
            Reason::Throttled,
        ];
        working.iter().any(|reason| reason.as_str() == self.reason)
    }

    fn is_as(&self, before: &Self) -> bool {
        let at_one = (self.phase, self.copied, self.milestones)
            == (before.phase, before.copied, before.milestones);
        at_one && (self.reason == before.reason || (self.works() && before.works()))
    }
}

/// One upgrade as the watch saw it; `None` is one that this version cannot read.
pub type Counted<'a> = (&'a str, Option<&'a TenantResellerUpgrade>);

impl Census {
    /// Counts them.
    pub fn take<'a>(
        &mut self,
        upgrades: impl Iterator<Item = Counted<'a>>,
        now: Timestamp,
    ) -> Counts {
        let mut found: Vec<(String, Look, &'static str, Timestamp)> = Vec::new();
        let mut before = std::mem::take(&mut self.looks);
        for (uid, upgrade) in upgrades {
            let (connection, look, class) = looked_at(upgrade);
            let since = match before.remove(uid) {
                Some(seen) if look.is_as(&seen.look) => seen.since,
                Some(_) => now,
                // Of a wait the status says since when it lasts; of work it is known from now on.
                None if look.works() => now,
                None => waits_since(upgrade).unwrap_or(now),
            };
            let seen = Seen {
                look: look.clone(),
                since,
            };
            self.looks.insert(uid.to_owned(), seen);
            found.push((connection, look, class, since));
        }
        self.name_connections(found.iter().map(|(connection, ..)| connection));
        let mut counts = Counts::default();
        for (connection, look, class, since) in found {
            let connection = self.shown(connection);
            let in_phase = InPhase {
                phase: look.phase,
                class,
                connection: connection.clone(),
            };
            let count = counts.in_phase.entry(in_phase).or_default();
            *count = count.saturating_add(1);
            let of_reason = OfReason {
                reason: look.reason,
                class,
                connection,
            };
            let count = counts.of_reason.entry(of_reason).or_default();
            count.upgrades = count.upgrades.saturating_add(1);
            let unchanged = now.duration_since(since).as_secs();
            let unchanged = u64::try_from(unchanged).unwrap_or_default();
            count.unchanged = count.unchanged.max(unchanged);
        }
        counts
    }

    /// A connection keeps its series for as long as an upgrade names it, so that one that comes later takes
    /// none from it.
    fn name_connections<'a>(&mut self, there: impl Iterator<Item = &'a String>) {
        let mut there: Vec<&String> = there.collect();
        there.sort();
        there.dedup();
        self.connections
            .retain(|kept| there.binary_search(&kept).is_ok());
        for connection in there {
            if self.connections.len() >= MOST_CONNECTIONS {
                return;
            }
            if !self.connections.contains(connection) {
                self.connections.push(connection.clone());
            }
        }
    }

    fn shown(&self, connection: String) -> String {
        if self.connections.contains(&connection) {
            connection
        } else {
            OTHER_CONNECTIONS.to_owned()
        }
    }
}

/// The connection of an upgrade, how it looks, and the class of its reason.
fn looked_at(upgrade: Option<&TenantResellerUpgrade>) -> (String, Look, &'static str) {
    let Some(upgrade) = upgrade else {
        let look = Look {
            phase: "Unreadable",
            reason: "Unreadable",
            copied: 0,
            milestones: 0,
        };
        return (OTHER_CONNECTIONS.to_owned(), look, "Unreadable");
    };
    let namespace = upgrade.metadata.namespace.as_deref().unwrap_or_default();
    let connection = format!("{namespace}/{}", upgrade.spec.connection_ref.name);
    let status = upgrade.status.as_ref();
    let phase = status.and_then(|status| status.phase);
    let (reason, class) = reason_and_class(upgrade);
    let progress = status.and_then(|status| status.progress.as_ref());
    let copied = progress.map_or(0, |progress| {
        let kinds = [
            &progress.customers,
            &progress.subscriptions,
            &progress.assets,
        ];
        kinds
            .iter()
            .fold(0_i64, |sum, KindProgress { copied, .. }| {
                sum.saturating_add(*copied)
            })
    });
    let look = Look {
        phase: phase.unwrap_or(Phase::Pending).as_str(),
        reason,
        copied,
        milestones: status.map_or(0, |status| status.timeline.len()),
    };
    (connection, look, class)
}

/// The reason of `Ready`, as a word of this version.
fn reason_and_class(upgrade: &TenantResellerUpgrade) -> (&'static str, &'static str) {
    let status = upgrade.status.as_ref();
    let ready = status.and_then(|status| {
        let ready = ConditionType::Ready.as_str();
        status.conditions.iter().find(|c| c.type_ == ready)
    });
    let Some(ready) = ready else {
        return ("Unseen", "Unseen");
    };
    let mut known = Reason::ALL.into_iter();
    let known = known.find(|reason| reason.as_str() == ready.reason);
    let class = known.and_then(|reason| reason.class().map(|class| (reason, class)));
    class.map_or(("Unknown", "Unknown"), |(reason, class)| {
        (reason.as_str(), word(class))
    })
}

/// The class, as the label has it.
fn word(class: StateClass) -> &'static str {
    match class {
        StateClass::Working => "Working",
        StateClass::WaitsByItself => "WaitsByItself",
        StateClass::WaitsForPeople => "WaitsForPeople",
        StateClass::Suspended => "Suspended",
        StateClass::MustFix => "MustFix",
        StateClass::Done => "Done",
        StateClass::DoneWithDifferences => "DoneWithDifferences",
        StateClass::Deleting => "Deleting",
    }
}

fn waits_since(upgrade: Option<&TenantResellerUpgrade>) -> Option<Timestamp> {
    let waiting = upgrade?.status.as_ref()?.waiting_for.as_ref()?;
    waiting.since.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn upgrade(name: &str, connection: &str, status: &Value) -> TenantResellerUpgrade {
        serde_json::from_value(json!({
            "apiVersion": "tenantreseller.io/v1alpha1", "kind": "TenantResellerUpgrade",
            "metadata": { "name": name, "namespace": "resellers", "uid": name },
            "spec": {
                "connectionRef": { "kind": "BssConnection", "name": connection },
                "reseller": { "accountId": format!("account-{name}") },
                "tenant": {
                    "priceList": "PL", "edition": "Premium", "language": "en-GB",
                    "timeZone": "Europe/Athens", "dateFormat": "dd/MM/yyyy", "invoicing": "Combined",
                },
            },
            "status": status,
        }))
        .expect("an upgrade")
    }

    fn waits(reason: &str, since: &str, copied: i64) -> Value {
        json!({
            "phase": "CustomerCopy",
            "conditions": [{
                "type": "Ready", "status": "False", "reason": reason, "message": "m",
                "lastTransitionTime": since, "observedGeneration": 1,
            }],
            "progress": { "customers": { "eligible": 9, "copied": copied } },
            "waitingFor": { "reason": reason, "nextAction": "a", "since": since },
        })
    }

    fn taken(census: &mut Census, all: &[TenantResellerUpgrade], now: &str) -> Counts {
        let uid = |upgrade: &TenantResellerUpgrade| upgrade.metadata.uid.clone().expect("a uid");
        let all: Vec<_> = all.iter().map(|one| (uid(one), one)).collect();
        let all = all.iter().map(|(uid, one)| (uid.as_str(), Some(*one)));
        census.take(all, now.parse().expect("a time"))
    }

    fn of_reason(reason: &'static str, class: &'static str) -> OfReason {
        OfReason {
            reason,
            class,
            connection: "resellers/distributor".to_owned(),
        }
    }

    #[test]
    fn an_upgrade_is_unchanged_until_its_reason_or_its_progress_moves() {
        let mut census = Census::default();
        let pricing = of_reason("AwaitingPricing", "WaitsForPeople");
        let throttled = of_reason("Throttled", "WaitsByItself");
        let works = of_reason("Progressing", "Working");
        let waiting = |copied| waits("AwaitingPricing", "2026-12-05T20:00:00Z", copied);
        let refused = waits("Throttled", "2026-12-05T20:00:00Z", 2);
        // A call that is repeated again and again is no progress.
        let repeated = waits("Progressing", "2026-12-05T22:02:00Z", 2);
        for (status, now, key, unchanged) in [
            // A process that begins takes the status's word for it.
            (waiting(1), "2026-12-05T21:00:00Z", &pricing, 3600),
            (waiting(1), "2026-12-05T22:00:00Z", &pricing, 7200),
            (waiting(2), "2026-12-05T22:00:10Z", &pricing, 0),
            (refused.clone(), "2026-12-05T22:00:40Z", &throttled, 0),
            (refused, "2026-12-05T22:01:40Z", &throttled, 60),
            (repeated, "2026-12-05T22:02:40Z", &works, 120),
        ] {
            let counts = taken(&mut census, &[upgrade("a", "distributor", &status)], now);
            assert_eq!(counts.of_reason.len(), 1, "{counts:?}");
            let upgrades = 1;
            let count = Count {
                upgrades,
                unchanged,
            };
            assert_eq!(counts.of_reason[key], count, "{now}");
        }
    }

    #[test]
    fn the_words_of_another_version_and_an_unreadable_upgrade_have_their_own() {
        let mut census = Census::default();
        let odd = upgrade(
            "a",
            "distributor",
            &waits("Gezeitenwechsel", "yesterday", 0),
        );
        let unseen = upgrade("b", "distributor", &json!({}));
        let all = [("a", Some(&odd)), ("b", Some(&unseen)), ("c", None)];
        let counts = census.take(all.into_iter(), Timestamp::UNIX_EPOCH);
        let reasons: Vec<_> = counts.of_reason.keys().map(|key| key.reason).collect();
        assert_eq!(reasons, ["Unknown", "Unreadable", "Unseen"]);
    }

    /// However many upgrades there are and whatever their connections are called.
    #[test]
    fn ten_thousand_upgrades_make_few_series_and_name_no_account() {
        let reasons: Vec<Reason> = Reason::ALL
            .into_iter()
            .filter(|r| r.class().is_some())
            .collect();
        let all: Vec<TenantResellerUpgrade> = (0..10_000_usize)
            .map(|n| {
                let reason = reasons[n % 7].as_str();
                let status = waits(reason, "2026-12-05T20:00:00Z", 0);
                // Half of them have one connection each, by the reseller's account.
                let own = format!("to-account-{n}");
                let connection = if n % 2 == 0 { "distributor" } else { &own };
                upgrade(&n.to_string(), connection, &status)
            })
            .collect();
        let mut census = Census::default();
        let counts = taken(&mut census, &all, "2026-12-05T21:00:00Z");
        let upgrades: u64 = counts.of_reason.values().map(|count| count.upgrades).sum();
        assert_eq!(
            (upgrades, counts.in_phase.values().sum::<u64>()),
            (10_000, 10_000)
        );
        let series = counts.of_reason.len() + counts.in_phase.len();
        assert!(series <= (MOST_CONNECTIONS + 1) * (7 + 8), "{series}");
        assert!(!format!("{counts:?}").contains("account-1042\""));
        // Who has a series keeps it, although another name would come first.
        let kept = census.connections.clone();
        let mut more = all.clone();
        more.push(upgrade(
            "x",
            "aaa",
            &waits("Throttled", "2026-12-05T20:00:00Z", 0),
        ));
        taken(&mut census, &more, "2026-12-05T21:00:30Z");
        assert_eq!(census.connections, kept);
        assert_eq!(census.looks.len(), 10_001);
        taken(&mut census, &more[10_000..], "2026-12-05T21:01:00Z");
        assert_eq!(census.connections, ["resellers/aaa"]);
        assert_eq!(census.looks.len(), 1, "what is gone is forgotten");
    }
}
