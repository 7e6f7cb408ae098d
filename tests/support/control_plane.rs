//! What the tests on a real API server share: one control plane per test binary, a namespace per
//! test.
//!
//! The control plane is never stopped by a test and never by this code: it ends with the process
//! of the test binary, by its guardian. A test that stops parts of it starts one of its own.

use std::sync::atomic::{AtomicU32, Ordering};

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::PostParams;
use tenant_reseller_operator::local::{
    ControlPlane, ControlPlaneOptions, LocalError, LocalResult, Tool,
};
use tokio::sync::OnceCell;

/// The shared control plane. The first test that asks starts it, the others wait; if it does not
/// start, every test fails at once with the same reason.
pub async fn control_plane() -> &'static ControlPlane {
    static SHARED: OnceCell<Result<ControlPlane, String>> = OnceCell::const_new();
    let shared = SHARED
        .get_or_init(|| async {
            // One TLS provider in the process; an error means that there is one already.
            let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
            ControlPlane::start(ControlPlaneOptions::default())
                .await
                .map_err(|error| error.chain())
        })
        .await;
    match shared {
        Ok(plane) => plane,
        Err(reason) => panic!("no control plane: {reason}"),
    }
}

/// A namespace that no other test uses.
pub struct TestNamespace {
    /// The shared control plane.
    pub plane: &'static ControlPlane,
    /// The namespace's name.
    pub name: String,
    /// A client of the administrator, made in this test's runtime.
    pub client: kube::Client,
}

/// Makes a namespace for a test, on the shared control plane. The label is for people who read
/// logs: lower case, digits and dashes.
pub async fn namespace(label: &str) -> TestNamespace {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let plane = control_plane().await;
    let name = format!("{label}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    made(plane, name)
        .await
        .unwrap_or_else(|error| panic!("a namespace for {label}: {}", error.chain()))
}

async fn made(plane: &'static ControlPlane, name: String) -> LocalResult<TestNamespace> {
    let client = plane.client().await?;
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some(name.clone());
    Api::<Namespace>::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await
        .map_err(LocalError::kube("making a namespace"))?;
    Ok(TestNamespace {
        plane,
        name,
        client,
    })
}

impl TestNamespace {
    /// An API of a namespaced kind in this namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Runs kubectl in this namespace, and answers its standard output.
    pub async fn kubectl(&self, arguments: &[&str]) -> LocalResult<String> {
        self.tool()?.run(self.in_namespace(arguments)).await
    }

    /// Applies manifests in this namespace. What the API server refuses is the error.
    pub async fn apply(&self, manifests: &str) -> LocalResult<String> {
        let arguments = self.in_namespace(&["apply", "-f", "-"]);
        self.tool()?.run_with_input(arguments, manifests).await
    }

    fn tool(&self) -> LocalResult<Tool> {
        self.plane.kubectl()
    }

    fn in_namespace(&self, arguments: &[&str]) -> Vec<String> {
        ["-n", &self.name]
            .iter()
            .chain(arguments)
            .map(|&argument| argument.to_owned())
            .collect()
    }
}
