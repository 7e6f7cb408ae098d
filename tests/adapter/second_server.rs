//! The suite against the example server: a second implementation, written from the published
//! document alone. What only the sandbox and the adapter agree upon comes to light here.

use super::settings;
use super::suite::{Action, World, run};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tenant_reseller_operator::bss::port::{
    AccountId, BillingDay, Invoicing, PricingOptions, TenantSettings,
};
use tenant_reseller_operator::bss::transport::Settings;

const TOKEN: &str = "test-operator-token";
const ADMIN_TOKEN: &str = "test-admin-token";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/reference-server")
}

fn python(script: &str) -> Command {
    let mut command = Command::new("python3");
    // Nothing is left behind in the folder of the sources.
    command.arg("-B").arg(folder().join(script));
    command
}

/// What was started, or nothing if this machine has no Python: only a developer's may lack it.
fn started<T>(result: std::io::Result<T>) -> Option<T> {
    match result {
        Ok(running) => Some(running),
        Err(error) if error.kind() == ErrorKind::NotFound && !in_ci() => {
            println!("not examined: there is no python3 on this machine");
            None
        }
        Err(error) => panic!("python3 cannot be started: {error}"),
    }
}

fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// The server's process, which ends together with this value: also when a test fails.
struct Process {
    child: Child,
    folder: TempDir,
}

impl Process {
    fn start() -> Option<Self> {
        let logs = TempDir::new().unwrap();
        let log = File::create(logs.path().join("log")).unwrap();
        let mut command = python("server.py");
        command
            .args(["--listen", "127.0.0.1:0", "--queue-seconds", "0.2"])
            .args(["--token", TOKEN, "--admin-token", ADMIN_TOKEN])
            .arg("--seed-data")
            .arg(folder().join("example-data.json"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let child = started(command.spawn())?;
        Some(Self {
            child,
            folder: logs,
        })
    }

    /// Where it listens, as it says itself.
    async fn url(&mut self) -> String {
        let output = self.child.stdout.take().unwrap();
        // If this takes too long the panic ends the process, and with it the reading thread.
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line).map(|_| line)
        });
        let line = tokio::time::timeout(Duration::from_secs(30), line);
        let line = line.await.expect("does not become ready").unwrap().unwrap();
        let url = line.trim_end().strip_prefix("listening on ");
        url.unwrap_or_else(|| panic!("said {line:?} instead of where it listens"))
            .to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("log"));
            eprintln!("the server's log:\n{}", log.unwrap_or_default());
        }
    }
}

struct SecondServer {
    url: String,
    control: reqwest::Client,
    _process: Process,
}

impl SecondServer {
    async fn start() -> Option<Self> {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let mut process = Process::start()?;
        Some(Self {
            url: process.url().await,
            control: reqwest::Client::new(),
            _process: process,
        })
    }
}

impl World for SecondServer {
    fn settings(&self) -> Settings {
        settings(&self.url, TOKEN)
    }

    fn reseller(&self) -> AccountId {
        "10423".into()
    }

    fn tenant_settings(&self) -> TenantSettings {
        TenantSettings {
            price_list: "PL-RESELLER-EUR".into(),
            edition: "Premium".to_owned(),
            language: "el".to_owned(),
            time_zone: "Europe/Athens".to_owned(),
            date_format: "yyyy-MM-dd".to_owned(),
            invoicing: Invoicing::Combined,
        }
    }

    fn pricing(&self) -> PricingOptions {
        PricingOptions {
            price_list: "PL-RETAIL".into(),
            billing: BillingDay::Day(1),
            payment_method: "DirectDebit".to_owned(),
            invoicing: Invoicing::Combined,
            credit_limit: None,
        }
    }

    async fn action(&self, action: Action) {
        let address = self.url.trim_end_matches("/tenant-reseller/v1");
        let url = format!("{address}/admin/orders");
        let request = match action {
            Action::OrderPending => self
                .control
                .post(url)
                .body(r#"{"id":"O-pending","customerId":"20002"}"#),
            Action::CancelOrders => self.control.delete(url).body(r#"{"reseller":"10423"}"#),
        };
        let reply = request.bearer_auth(ADMIN_TOKEN).send().await.unwrap();
        assert!(
            reply.status().is_success(),
            "{action:?}: {}",
            reply.text().await.unwrap()
        );
    }
}

#[tokio::test]
async fn a_whole_upgrade() {
    if let Some(server) = SecondServer::start().await {
        run(&server).await;
    }
}

#[test]
fn it_passes_its_own_tests() {
    let Some(output) = started(python("test_server.py").stdin(Stdio::null()).output()) else {
        return;
    };
    let Output { status, stderr, .. } = output;
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{said}");
    assert!(!said.contains("Ran 0 tests"), "{said}");
}
