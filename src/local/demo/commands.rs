//! How the project's own programs are started: the one place that knows their arguments.

use std::path::Path;
use std::time::Duration;

use crate::local::error::LocalResult;
use crate::local::process::{ProcessSpec, Rank};
use crate::local::project;

/// What the sandbox is seeded with.
#[derive(Clone, Copy, Debug)]
pub(in crate::local) struct Data {
    /// Customers of the reseller.
    pub(in crate::local) customers: u32,
    /// Subscriptions and assets of those that are to be copied or block.
    pub(in crate::local) subscriptions: u32,
    /// Decides everything random.
    pub(in crate::local) seed: u64,
}

/// A user of the vendor's API, and its client.
#[derive(Clone, Debug)]
pub(in crate::local) struct Login {
    /// The client's id.
    pub(in crate::local) client: String,
    /// The client's secret.
    pub(in crate::local) secret: String,
    /// The user.
    pub(in crate::local) user: String,
    /// The user's password.
    pub(in crate::local) password: String,
}

/// The logins of both sides.
#[derive(Clone, Debug)]
pub(in crate::local) struct Logins {
    /// The distributor's.
    pub(in crate::local) distributor: Login,
    /// That of the reseller's tenant.
    pub(in crate::local) tenant: Login,
}

impl Login {
    fn written(&self) -> String {
        format!(
            "{}:{}:{}:{}",
            self.client, self.secret, self.user, self.password
        )
    }
}

/// The account whose tenant the second login opens: the seeded reseller.
const RESELLER: &str = "10423";

/// The switches of a BSS to which only people can write, and which promises nothing.
pub(in crate::local) const BY_HAND: &[&str] = &[
    "operations.createTenant=ManualStep",
    "operations.copyCustomers=ManualStep",
    "operations.setPricing=ManualStep",
    "operations.copySubscriptions=WithSwitch",
    "operations.activateBackOrdering=ManualStep",
    "keys=None",
    "links=Inferred",
    "epochs=None",
    "revision=None",
    "compares=None",
    "items=None",
    "offGuard=None",
];

/// What the sandbox is protected with.
#[derive(Clone)]
pub(in crate::local) struct Tokens {
    /// For the vendor's API, if the sandbox speaks it.
    pub(in crate::local) logins: Option<Logins>,
    /// For the reference contract: the operator's.
    pub(in crate::local) contract: String,
    /// For the control API: the demo's own.
    pub(in crate::local) control: String,
}

/// The sandbox, over TLS on a free port, with its data and its authority (`ca.crt`) in a folder.
pub(in crate::local) fn sandbox(
    folder: &Path,
    tokens: &Tokens,
    data: Data,
) -> LocalResult<ProcessSpec> {
    let mut spec = ProcessSpec::new("bss-sandbox", project::program("bss-sandbox")?)
        .arg("--listen=127.0.0.1:0")
        .arg(format!(
            "--database={}",
            folder.join("bss.sqlite").display()
        ))
        .arg(format!("--self-signed={}", folder.display()))
        // Not as arguments, which every user of the machine can read.
        .env("BSS_SANDBOX_TOKEN", &tokens.contract)
        .env("BSS_SANDBOX_CONTROL_TOKEN", &tokens.control)
        .arg(format!("--customers={}", data.customers))
        .arg(format!("--subscriptions={}", data.subscriptions))
        .arg(format!("--seed={}", data.seed))
        // Small enough that there is a middle of the copy for things to happen in.
        .arg(format!(
            "--largest-batch={}",
            data.subscriptions.div_ceil(40).clamp(2, 100)
        ))
        .rank(Rank::Client);
    if let Some(logins) = &tokens.logins {
        let tenant = format!("{}:{RESELLER}", logins.tenant.written());
        spec = spec
            .env("BSS_SANDBOX_INTERWORKS_LOGIN", logins.distributor.written())
            .env("BSS_SANDBOX_INTERWORKS_TENANT_LOGIN", tenant);
    }
    Ok(spec)
}

/// What the operator is started with.
#[derive(Clone, Copy, Debug)]
pub(in crate::local) struct OperatorPlace<'a> {
    /// A kubeconfig with a token of the chart's service account and nothing more.
    pub(in crate::local) kubeconfig: &'a Path,
    /// The namespace that it was installed to.
    pub(in crate::local) namespace: &'a str,
    /// Where its health server listens.
    pub(in crate::local) health_port: u16,
}

/// The operator, as a process of this machine instead of a pod.
pub(in crate::local) fn operator(place: OperatorPlace<'_>) -> LocalResult<ProcessSpec> {
    let program = project::program("tenant-reseller-operator")?;
    Ok(ProcessSpec::new("operator", program)
        .arg("run")
        // The sandbox is on loopback, which the address guard refuses otherwise.
        .arg("--allow-address=127.0.0.0/8")
        .arg(format!("--health-listen=127.0.0.1:{}", place.health_port))
        // People answer within seconds here, not within minutes.
        .arg("--recheck-seconds=1")
        .arg("--poll-seconds=1")
        // A successor of an operator that was killed waits for its lease.
        .arg("--lease-seconds=3")
        .env("KUBECONFIG", place.kubeconfig)
        .env("POD_NAMESPACE", place.namespace)
        .env("POD_NAME", "operator-0")
        .rank(Rank::Outer)
        .grace(Duration::from_secs(10)))
}
