//! A real control plane: etcd, kube-apiserver, kube-controller-manager, on loopback, with free
//! ports and a folder of its own.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use tokio::sync::Mutex;

use super::error::{LocalError, LocalResult};
use super::eventually::{Observation, eventually};
use super::kubeconfig::{self, Access};
use super::ports;
use super::process::{Ending, Process, ProcessSpec, Rank};
use super::project;
use super::store::{Revisions, Snapshot, Store};
use super::supervisor::{Supervisor, random_hex};
use super::tool::Tool;

/// Ports are found first and bound later: another process may be quicker.
const ATTEMPTS: usize = 3;
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long a token is valid unless asked otherwise.
const TOKEN_LIFE: Duration = Duration::from_hours(1);

/// How to start a control plane.
#[derive(Clone, Debug)]
pub struct ControlPlaneOptions {
    /// The folder with the programs; by default where `hack/control-plane/build` put them.
    pub programs: Option<PathBuf>,
    /// How long each part may take until it is ready.
    pub ready_within: Duration,
    /// More arguments for kube-apiserver.
    pub api_server_arguments: Vec<String>,
}

impl Default for ControlPlaneOptions {
    fn default() -> Self {
        Self {
            programs: None,
            ready_within: Duration::from_mins(1),
            api_server_arguments: Vec::new(),
        }
    }
}

/// A running control plane. However its owner ends, by SIGKILL too, it ends with it: what was
/// started through its [`Supervisor`] first, then the API server, etcd last.
#[derive(Debug)]
pub struct ControlPlane {
    programs: PathBuf,
    server: String,
    authority: PathBuf,
    kubeconfig: PathBuf,
    ready_within: Duration,
    // Fields are dropped in this order.
    controllers: Process,
    store: Mutex<Store>,
    supervisor: Supervisor,
}

impl ControlPlane {
    /// Starts one and waits until it is ready: `/readyz` answers, and the controller manager has
    /// made the first service account.
    pub async fn start(options: ControlPlaneOptions) -> LocalResult<Self> {
        let programs = match &options.programs {
            Some(programs) => programs.clone(),
            None => project::control_plane_programs()?,
        };
        let mut attempt: usize = 1;
        loop {
            match Self::start_once(&programs, &options).await {
                Err(LocalError::Ended { tail, .. })
                    if attempt < ATTEMPTS && tail.contains("address already in use") =>
                {
                    attempt = attempt.saturating_add(1);
                }
                outcome => return outcome,
            }
        }
    }

    async fn start_once(programs: &Path, options: &ControlPlaneOptions) -> LocalResult<Self> {
        let supervisor = Supervisor::new()?;
        let folder = supervisor.subfolder("control-plane")?;
        let [etcd_client, etcd_peer, secure] = ports::free()?;
        let server = format!("https://127.0.0.1:{secure}");
        let authority = folder.join("certificates/apiserver.crt");
        let token = random_hex()?;
        let access = Access {
            server: &server,
            authority: &authority,
            token: &token,
            namespace: "default",
        };
        let kubeconfig = kubeconfig::write(&folder.join("admin.kubeconfig"), &access)?;
        let keys = ServiceAccountKeys::write(&folder)?;
        let tokens = folder.join("tokens.csv");
        fs::write(&tokens, format!("{token},admin,admin,system:masters\n"))
            .map_err(LocalError::io("writing", &tokens))?;

        let ready_within = options.ready_within;
        let mut etcd = supervisor.start(etcd(programs, &folder, etcd_client, etcd_peer))?;
        let mut api_server = supervisor.start(
            kube_apiserver(programs, &folder, secure, etcd_client)
                .arg(flag("--service-account-issuer", format!("{server}/")))
                .arg(flag("--service-account-key-file", keys.public.display()))
                .arg(flag(
                    "--service-account-signing-key-file",
                    keys.private.display(),
                ))
                .arg(flag("--token-auth-file", tokens.display()))
                .args(options.api_server_arguments.iter().cloned()),
        )?;
        let ready = ApiServerReady {
            kubeconfig: &kubeconfig,
            authority: &authority,
            within: ready_within,
        };
        ready.wait(&mut api_server, &mut etcd).await?;
        let mut controllers =
            supervisor.start(kube_controller_manager(programs, &kubeconfig, &keys))?;
        wait_for_controllers(&mut controllers, &kubeconfig, ready_within).await?;
        Ok(Self {
            programs: programs.to_path_buf(),
            server,
            authority,
            kubeconfig,
            ready_within,
            controllers,
            store: Mutex::new(Store {
                api_server,
                etcd,
                data: folder.join("etcd"),
                url: format!("http://127.0.0.1:{etcd_client}"),
            }),
            supervisor,
        })
    }

    /// Starts and ends further processes together with this control plane.
    #[must_use]
    pub fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    /// The URL of the API server.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The kubeconfig of the administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client for the administrator. It belongs to the runtime that it is made in, so each test
    /// makes its own.
    pub async fn client(&self) -> LocalResult<kube::Client> {
        kubeconfig::client(&self.kubeconfig).await
    }

    /// kubectl as the administrator.
    pub fn kubectl(&self) -> LocalResult<Tool> {
        self.tool("kubectl")
    }

    /// helm as the administrator.
    pub fn helm(&self) -> LocalResult<Tool> {
        self.tool("helm")
    }

    /// Where one of its programs lies, for people who want to call it.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    fn tool(&self, name: &str) -> LocalResult<Tool> {
        Ok(Tool::new(
            self.program(name),
            self.kubeconfig.clone(),
            self.supervisor.subfolder("home")?,
        ))
    }

    /// A token of a service account, by the `TokenRequest` API: what a pod would be given.
    pub async fn token_for(&self, namespace: &str, service_account: &str) -> LocalResult<String> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client().await?, namespace);
        let request = TokenRequest {
            spec: TokenRequestSpec {
                expiration_seconds: i64::try_from(TOKEN_LIFE.as_secs()).ok(),
                ..TokenRequestSpec::default()
            },
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(service_account, &kube::api::PostParams::default(), &request)
            .await
            .map_err(LocalError::kube(format!(
                "asking for a token of {namespace}/{service_account}"
            )))?;
        answer
            .status
            .map(|status| status.token)
            .ok_or_else(|| LocalError::Unexpected("the API server sent no token".into()))
    }

    /// A kubeconfig that holds a token of the service account and nothing more.
    pub async fn kubeconfig_for(
        &self,
        namespace: &str,
        service_account: &str,
    ) -> LocalResult<PathBuf> {
        let token = self.token_for(namespace, service_account).await?;
        let file = self
            .supervisor
            .subfolder("kubeconfigs")?
            .join(format!("{namespace}.{service_account}"));
        let access = Access {
            server: &self.server,
            authority: &self.authority,
            token: &token,
            namespace,
        };
        kubeconfig::write(&file, &access)
    }

    /// Ends the API server alone, within its grace. etcd keeps the data.
    pub async fn stop_api_server(&self) -> LocalResult<Ending> {
        self.store.lock().await.api_server.terminate().await
    }

    /// Starts the API server again, on the same port and data, and waits until it is ready.
    pub async fn start_api_server(&self) -> LocalResult<()> {
        self.serve(&mut *self.store.lock().await).await
    }

    /// Stops the API server where it stands (SIGSTOP): connections stay open, nothing is answered.
    pub async fn pause_api_server(&self) -> LocalResult<()> {
        self.store.lock().await.api_server.pause().await
    }

    /// Lets it go on, and answer late what it was asked meanwhile.
    pub async fn resume_api_server(&self) -> LocalResult<()> {
        self.store.lock().await.api_server.resume()
    }

    async fn serve(&self, store: &mut Store) -> LocalResult<()> {
        store.api_server.start_again()?;
        let ready = ApiServerReady {
            kubeconfig: &self.kubeconfig,
            authority: &self.authority,
            within: self.ready_within,
        };
        ready.wait(&mut store.api_server, &mut store.etcd).await
    }

    /// Copies the data of etcd as a disk's snapshot would: it stands still meanwhile, and no client
    /// loses its connection.
    pub async fn snapshot(&self, name: &str) -> LocalResult<Snapshot> {
        let folder = self.supervisor.subfolder("snapshots")?.join(name);
        self.store.lock().await.snapshot(folder).await
    }

    /// Puts older data in the place of etcd's: all that came after the snapshot never was.
    pub async fn restore(&self, snapshot: &Snapshot, revisions: Revisions) -> LocalResult<()> {
        let mut store = self.store.lock().await;
        store.put_back(snapshot, revisions).await?;
        self.serve(&mut store).await
    }

    /// Lets etcd forget all history: a watch from an older version is refused (410).
    pub async fn compact(&self) -> LocalResult<()> {
        self.store.lock().await.compact().await
    }

    /// The process numbers of controller manager, API server and etcd, as far as they run.
    pub fn pids(&mut self) -> Vec<u32> {
        let store = self.store.get_mut();
        [&self.controllers, &store.api_server, &store.etcd]
            .into_iter()
            .filter_map(Process::pid)
            .collect()
    }

    /// An error with its last lines if a part has ended by itself.
    pub fn expect_running(&mut self) -> LocalResult<()> {
        let store = self.store.get_mut();
        store.etcd.expect_running()?;
        store.api_server.expect_running()?;
        self.controllers.expect_running()
    }

    /// Ends it, and everything that was started through its supervisor, and removes its folder.
    pub fn stop(self) {
        self.supervisor.end();
    }
}

/// The pair of keys that signs and checks the tokens of service accounts.
struct ServiceAccountKeys {
    private: PathBuf,
    public: PathBuf,
}

impl ServiceAccountKeys {
    fn write(folder: &Path) -> LocalResult<Self> {
        let key = rcgen::KeyPair::generate()
            .map_err(|error| LocalError::Unexpected(format!("making a key: {error}")))?;
        let keys = Self {
            private: folder.join("service-accounts.key"),
            public: folder.join("service-accounts.pub"),
        };
        fs::write(&keys.private, key.serialize_pem())
            .map_err(LocalError::io("writing", &keys.private))?;
        fs::write(&keys.public, key.public_key_pem())
            .map_err(LocalError::io("writing", &keys.public))?;
        Ok(keys)
    }
}

fn flag(name: &str, value: impl Display) -> String {
    format!("{name}={value}")
}

fn etcd(programs: &Path, folder: &Path, client: u16, peer: u16) -> ProcessSpec {
    let client = format!("http://127.0.0.1:{client}");
    let peer = format!("http://127.0.0.1:{peer}");
    ProcessSpec::new("etcd", programs.join("etcd"))
        .arg(flag("--data-dir", folder.join("etcd").display()))
        // The data lives as long as the run: no reason to wait for the disk.
        .arg("--unsafe-no-fsync")
        .arg(flag("--listen-client-urls", &client))
        .arg(flag("--advertise-client-urls", &client))
        .arg(flag("--listen-peer-urls", &peer))
        .arg(flag("--initial-advertise-peer-urls", &peer))
        .arg(flag("--initial-cluster", format!("default={peer}")))
        .rank(Rank::Store)
}

fn kube_apiserver(programs: &Path, folder: &Path, secure: u16, etcd: u16) -> ProcessSpec {
    ProcessSpec::new("kube-apiserver", programs.join("kube-apiserver"))
        .arg(flag("--etcd-servers", format!("http://127.0.0.1:{etcd}")))
        .arg(flag("--cert-dir", folder.join("certificates").display()))
        .arg(flag("--secure-port", secure))
        .args([
            "--bind-address=127.0.0.1",
            "--service-cluster-ip-range=10.0.0.0/24",
        ])
        .arg("--authorization-mode=RBAC")
        // Built from modules it has no version of its own, and says so in a form that helm cannot read.
        .arg("--version=v0.0.0-master+local")
        // It would refuse pods without a mounted token; there are no pods here.
        .arg("--disable-admission-plugins=ServiceAccount")
        .rank(Rank::ApiServer)
        .grace(Duration::from_secs(10))
}

fn kube_controller_manager(
    programs: &Path,
    kubeconfig: &Path,
    keys: &ServiceAccountKeys,
) -> ProcessSpec {
    ProcessSpec::new(
        "kube-controller-manager",
        programs.join("kube-controller-manager"),
    )
    .arg(flag("--kubeconfig", kubeconfig.display()))
    .arg(
        "--controllers=namespace-controller,garbage-collector-controller,serviceaccount-controller",
    )
    .arg(flag(
        "--service-account-private-key-file",
        keys.private.display(),
    ))
    .args(["--leader-elect=false", "--secure-port=0"])
    .rank(Rank::Client)
}

struct ApiServerReady<'a> {
    kubeconfig: &'a Path,
    authority: &'a Path,
    within: Duration,
}

impl ApiServerReady<'_> {
    async fn wait(&self, api_server: &mut Process, etcd: &mut Process) -> LocalResult<()> {
        let deadline = Instant::now().checked_add(self.within);
        loop {
            // Whichever part ended is the one to show.
            etcd.expect_running()?;
            api_server.expect_running()?;
            if self.authority.exists() && self.is_ready().await {
                return Ok(());
            }
            if deadline.is_none_or(|deadline| Instant::now() >= deadline) {
                return Err(api_server.not_ready("/readyz", self.within));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The certificate may be half written, the port closed, the answer an error: all of it means
    /// *not yet*, and the log tells why if it stays so.
    async fn is_ready(&self) -> bool {
        let Ok(client) = kubeconfig::client(self.kubeconfig).await else {
            return false;
        };
        let Ok(request) = axum::http::Request::get("/readyz").body(Vec::new()) else {
            return false;
        };
        let call = tokio::time::timeout(Duration::from_secs(5), client.request_text(request));
        matches!(call.await, Ok(Ok(text)) if text == "ok")
    }
}

/// The controller manager has no port that tells; what it does first tells.
async fn wait_for_controllers(
    controllers: &mut Process,
    kubeconfig: &Path,
    within: Duration,
) -> LocalResult<()> {
    let accounts: Api<ServiceAccount> =
        Api::namespaced(kubeconfig::client(kubeconfig).await?, "default");
    let seen = eventually("the service account default/default", within, || async {
        let account = accounts
            .get_opt("default")
            .await
            .map_err(LocalError::kube("reading a service account"))?;
        Ok(Observation::when(account.is_some(), ()))
    });
    let outcome = tokio::select! {
        outcome = seen => outcome,
        error = controllers.ended() => return Err(error),
    };
    outcome.map_err(|_| controllers.not_ready("the first service account", within))
}
