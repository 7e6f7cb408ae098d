//! Kubeconfig files: one token, one server, nothing else.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;

use super::error::{LocalError, LocalResult};

/// What a kubeconfig says.
#[derive(Clone, Debug)]
pub struct Access<'a> {
    /// `https://127.0.0.1:port`.
    pub server: &'a str,
    /// The certificate to trust, a file.
    pub authority: &'a Path,
    /// The bearer token.
    pub token: &'a str,
    /// The namespace that kubectl uses when none is given.
    pub namespace: &'a str,
}

/// Writes a kubeconfig, readable by this user only. It is JSON, which is YAML too.
pub fn write(file: &Path, access: &Access<'_>) -> LocalResult<PathBuf> {
    let value = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "local", "cluster": {
            "server": access.server,
            "certificate-authority": access.authority,
        }}],
        "users": [{ "name": "local", "user": { "token": access.token } }],
        "contexts": [{ "name": "local", "context": {
            "cluster": "local", "user": "local", "namespace": access.namespace,
        }}],
        "current-context": "local",
    });
    File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut open| open.write_all(format!("{value:#}\n").as_bytes()))
        .map_err(LocalError::io("writing", file))?;
    Ok(file.to_path_buf())
}

/// A client from a kubeconfig file. It belongs to the runtime that it is made in. It does not
/// retry: callers that wait for something look again by themselves and want to see what happened.
pub async fn client(file: &Path) -> LocalResult<kube::Client> {
    let read =
        Kubeconfig::read_from(file).map_err(|error| LocalError::Kubeconfig(Box::new(error)))?;
    let mut config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .map_err(|error| LocalError::Kubeconfig(Box::new(error)))?;
    config.default_retry = false;
    config.proxy_url = None;
    kube::Client::try_from(config).map_err(LocalError::kube("making a client"))
}
