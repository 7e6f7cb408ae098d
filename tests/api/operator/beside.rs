//! A second operator process beside a world's own, and what each of them tells of itself.

use tenant_reseller_operator::local::{Process, ports};

use super::world::{World, ready, until};

const PREFIX: &str = "tenant_reseller_operator_";

/// The sum of the figures whose line begins like that; 0 where there is none.
pub(super) async fn figure(health: &str, line: &str) -> u64 {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let reply = http.get(format!("{health}/metrics")).send().await.unwrap();
    let text = reply.text().await.unwrap();
    text.lines()
        .filter(|found| found.starts_with(&format!("{PREFIX}{line}")))
        .map(|found| found.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}

/// Waits until an operator leads.
pub(super) async fn leads(health: &str) {
    until("it leads", || async {
        let held = figure(health, "leader").await;
        (held == 1, format!("leader {held}"))
    })
    .await;
}

/// An operator of the same account and lease. Dropped, it ends.
pub(super) struct Beside {
    pub(super) process: Process,
    pub(super) health: String,
}

impl World {
    /// Waits until the world's own operator leads, and starts another one that has to follow.
    pub(super) async fn followed(&self) -> Beside {
        leads(&self.health).await;
        let [port] = ports::free().unwrap();
        let name = format!("follower-{}", self.namespace);
        let spec = self.run.spec(&name, "operator-1", port);
        let process = self.plane.supervisor().start(spec).unwrap();
        let health = format!("http://127.0.0.1:{port}");
        ready(&health, &process).await;
        assert_eq!(figure(&health, "leader").await, 0, "both lead");
        Beside { process, health }
    }
}

impl Beside {
    /// What has to hold of its log at the end of every test.
    pub(super) fn holds(&self) {
        let log = std::fs::read_to_string(self.process.log()).unwrap();
        for wrong in [
            "panicked",
            "orbidden by RBAC",
            "is forbidden",
            "contract-secret-of",
        ] {
            assert!(!log.contains(wrong), "{wrong}:\n{log}");
        }
    }
}
