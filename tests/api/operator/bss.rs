//! The sandbox of a test: a process over TLS, and its control API.

use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, Client, Method};
use serde_json::{Value, json};
use tenant_reseller_operator::local::{ControlPlane, Process, ProcessSpec, Rank, ports};

use super::world::until;

/// How the sandbox's world is made.
#[derive(Clone, Debug)]
pub(super) struct Data {
    pub(super) customers: u32,
    pub(super) subscriptions: u32,
    pub(super) defects: &'static str,
    pub(super) tenant_queue_ms: u32,
    pub(super) order_ms: u32,
    /// Switches in their weak form, as `--weak` takes them.
    pub(super) weak: &'static [&'static str],
    /// Further options of the sandbox.
    pub(super) more: Vec<String>,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            customers: 12,
            subscriptions: 40,
            defects: "none",
            tenant_queue_ms: 300,
            order_ms: 0,
            weak: &[],
            more: Vec::new(),
        }
    }
}

/// A running sandbox. Dropped, it ends.
pub(super) struct Bss {
    process: Process,
    /// How it was started.
    spec: ProcessSpec,
    http: Client,
    /// Without a path.
    pub(super) url: String,
    /// The operator's token.
    pub(super) token: String,
    control_token: String,
    /// PEM.
    pub(super) authority: String,
    pub(super) identity: String,
}

impl Bss {
    /// Host and port, as a Secret allows them.
    pub(super) fn authority_of_url(&self) -> &str {
        self.url.trim_start_matches("https://")
    }

    /// Starts one whose world, tokens and identity carry the test's label.
    pub(super) async fn start(plane: &ControlPlane, label: &str, data: &Data) -> Self {
        let supervisor = plane.supervisor();
        // A port that it keeps when it is started again.
        let [port] = ports::free().unwrap();
        let name = format!("bss-{label}");
        let folder = supervisor.subfolder(&name).unwrap();
        let token = format!("contract-secret-of-{label}");
        let control_token = format!("control-secret-of-{label}");
        let identity = format!("acme-{label}");
        let flag = |name: &str, value: &dyn std::fmt::Display| format!("--{name}={value}");
        let spec = ProcessSpec::new(&name, env!("CARGO_BIN_EXE_bss-sandbox"))
            .arg(flag("listen", &format!("127.0.0.1:{port}")))
            .arg(flag("database", &folder.join("bss.sqlite").display()))
            .arg(flag("self-signed", &folder.display()))
            .arg(flag("identity", &identity))
            .arg(flag("customers", &data.customers))
            .arg(flag("subscriptions", &data.subscriptions))
            .arg(flag("defects", &data.defects))
            .arg(flag("tenant-queue-ms", &data.tenant_queue_ms))
            .arg(flag("order-ms", &data.order_ms))
            .args((!data.weak.is_empty()).then(|| flag("weak", &data.weak.join(","))))
            .args(&data.more)
            .env("BSS_SANDBOX_TOKEN", &token)
            .env("BSS_SANDBOX_CONTROL_TOKEN", &control_token)
            .rank(Rank::Client);
        let mut process = supervisor.start(spec.clone()).unwrap();
        let url = process
            .wait_for_line("its address", Duration::from_secs(30), |line| {
                line.strip_prefix("listening on ").map(str::to_owned)
            })
            .await
            .unwrap();
        let authority = read(&folder.join("ca.crt"));
        let certificate = Certificate::from_pem(authority.as_bytes()).unwrap();
        let http = Client::builder()
            .tls_certs_only([certificate])
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        Self {
            process,
            spec,
            http,
            url,
            token,
            control_token,
            authority,
            identity,
        }
    }

    /// Ends it with SIGKILL and starts it again, on its file and its port.
    pub(super) async fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.start_again().unwrap();
        self.back().await;
    }

    /// Takes another token from now on, and the former no more.
    pub(super) async fn rotate(&mut self, token: &str) {
        token.clone_into(&mut self.token);
        let spec = self.spec.clone().env("BSS_SANDBOX_TOKEN", token);
        self.process.kill().unwrap();
        self.process.start_again_as(spec).unwrap();
        self.back().await;
    }

    async fn back(&self) {
        until("the BSS is back", || async {
            let reply = self
                .http
                .get(format!("{}/control/v1/state", self.url))
                .bearer_auth(&self.control_token)
                .send()
                .await;
            (reply.is_ok(), format!("{reply:?}"))
        })
        .await;
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self
            .http
            .request(method, format!("{}/control/v1/{path}", self.url))
            .bearer_auth(&self.control_token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let reply = request.send().await.unwrap();
        let status = reply.status().as_u16();
        (status, reply.json().await.unwrap_or(Value::Null))
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    /// An action that has to be granted.
    pub(super) async fn act(&self, path: &str, body: Value) -> Value {
        let (status, body) = self.try_act(path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {body}");
        body
    }

    /// Something that is set.
    pub(super) async fn put(&self, path: &str, body: Value) {
        let (status, answer) = self.call(Method::PUT, path, Some(body)).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
    }

    /// An action that may be refused.
    pub(super) async fn try_act(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(super) async fn state(&self) -> Value {
        self.get("state").await
    }

    /// A number of the overview.
    pub(super) async fn count(&self, pointer: &str) -> u64 {
        let state = self.state().await;
        let found = state.pointer(pointer).and_then(Value::as_u64);
        found.unwrap_or_else(|| panic!("no {pointer} in {state:#}"))
    }

    pub(super) async fn faults(&self, rules: Value) {
        let (status, body) = self
            .call(Method::PUT, "faults", Some(json!({ "rules": rules })))
            .await;
        assert_eq!(status, 200, "{body}");
    }

    /// How often each rule struck, in the order of the rules.
    pub(super) async fn fired(&self) -> Vec<u64> {
        let faults = self.get("faults").await;
        let rules = faults["rules"].as_array().unwrap();
        rules
            .iter()
            .map(|rule| rule["fired"].as_u64().unwrap())
            .collect()
    }

    /// Waits until the rule has struck so often.
    pub(super) async fn struck(&self, rule: usize, times: u64) {
        until("the fault strikes", || async {
            let fired = self.fired().await;
            (fired[rule] >= times, format!("{fired:?}"))
        })
        .await;
    }

    /// All lines of the audit list with this operation.
    pub(super) async fn audit(&self, operation: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut after = 0;
        loop {
            let page = self
                .get(&format!("audit?operation={operation}&after={after}"))
                .await;
            all.extend(page["entries"].as_array().unwrap().iter().cloned());
            match page["next"].as_u64() {
                Some(next) => after = next,
                None => return all,
            }
        }
    }

    /// The source ids whose copies were made, each as often as it was, sorted.
    pub(super) async fn created(&self, operation: &str) -> Vec<String> {
        let mut ids: Vec<String> = self
            .audit(operation)
            .await
            .iter()
            .filter(|line| line["outcome"] == "Created")
            .map(|line| line["sourceId"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    }

    /// Two billing cycles on, and the judgement: nothing doubled, nothing lost, one activation.
    pub(super) async fn judged_clean(&self) {
        self.ledgers_clean().await;
        self.effects_once().await;
        assert_eq!(self.effects("createTenant", "Accepted").await, 1);
        assert_eq!(self.effects("activateBackOrdering", "Activated").await, 1);
    }

    /// The same by the ledgers and tables alone, whether the operator or people did it.
    pub(super) async fn ledgers_clean(&self) {
        self.act("run-billing-cycles", json!({ "count": 2 })).await;
        let judged = self.get("judge").await;
        let eligible = judged["eligible"].as_u64().unwrap();
        assert!(eligible > 0, "{judged:#}");
        for (figure, wanted) in [
            ("copied", eligible),
            ("duplicated", 0),
            ("lost", 0),
            ("doubleCharges", 0),
            ("missingCharges", 0),
            ("chargesAfterCancellation", 0),
            ("differingCharges", 0),
            ("vendorProvisionings", 0),
            ("orders", 0),
            ("mails", 0),
            ("halfMarked", 0),
            ("activations", 1),
            ("periodsAfterActivation", 2),
        ] {
            assert_eq!(judged[figure], wanted, "{figure}: {judged:#}");
        }
        assert_eq!(self.state().await["kind"], "Tenant");
    }

    /// Nothing was created twice.
    pub(super) async fn effects_once(&self) {
        for operation in ["copyCustomers", "copySubscriptions"] {
            let created = self.created(operation).await;
            let mut once = created.clone();
            once.dedup();
            assert_eq!(created, once, "{operation}");
        }
    }

    /// How many effects of an operation are the operator's own.
    pub(super) async fn by_operator(&self, operation: &str) -> usize {
        let lines = self.audit(operation).await;
        lines
            .iter()
            .filter(|line| line["actor"] == "Operator")
            .filter(|line| {
                let outcome = line["outcome"].as_str().unwrap_or_default();
                ["Accepted", "Created", "Updated", "Written", "Activated"].contains(&outcome)
            })
            .count()
    }

    /// How often an operation had this outcome.
    pub(super) async fn effects(&self, operation: &str, outcome: &str) -> usize {
        let lines = self.audit(operation).await;
        lines
            .iter()
            .filter(|line| line["outcome"] == outcome)
            .count()
    }

    /// How many lines the audit list has of the operator's writes.
    pub(super) async fn writes(&self) -> usize {
        let mut all = 0;
        for operation in [
            "createTenant",
            "copyCustomers",
            "setPricing",
            "copySubscriptions",
            "activateBackOrdering",
        ] {
            all += self.audit(operation).await.len();
        }
        all
    }
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}
