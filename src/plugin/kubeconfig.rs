//! Which cluster, as whom: the flags of kubectl, taken as kubectl takes them.

use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::cli::ClusterFlags;
use super::error::Failure;

/// The cluster, and the namespace that is meant.
#[derive(Clone)]
pub(super) struct Cluster {
    /// A client for single calls.
    pub(super) client: Client,
    /// The namespace of the flag, of the context, or `default`.
    pub(super) namespace: String,
}

/// How long the connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// A little more than a watch lasts before the API server ends it.
const WATCH: Duration = Duration::from_secs(310);

/// How long a silence of the API server is borne.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// As long as a request may take.
    Call,
    /// As long as a watch may have nothing to tell.
    Watch,
}

/// Connects as the flags say, for single calls. Nothing is sent yet.
pub(super) async fn connect(flags: &ClusterFlags) -> Result<Cluster, Failure> {
    connect_with(flags, Patience::Call).await
}

/// The same, with more patience.
pub(super) async fn connect_with(
    flags: &ClusterFlags,
    patience: Patience,
) -> Result<Cluster, Failure> {
    let mut config = config(flags).await?;
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = match patience {
        Patience::Call => (!flags.request_timeout.is_zero()).then_some(flags.request_timeout),
        Patience::Watch => Some(WATCH),
    };
    act_as(&mut config, flags)?;
    reach_loopback_directly(&mut config);
    let namespace = flags
        .namespace
        .clone()
        .unwrap_or_else(|| config.default_namespace.clone());
    let client = Client::try_from(config).map_err(|error| Failure::Kubeconfig(Box::new(error)))?;
    Ok(Cluster { client, namespace })
}

async fn config(flags: &ClusterFlags) -> Result<Config, Failure> {
    let options = KubeConfigOptions {
        context: flags.context.clone(),
        cluster: flags.cluster.clone(),
        user: flags.user.clone(),
    };
    let failed = |error| Failure::Kubeconfig(Box::new(error));
    if let Some(file) = &flags.kubeconfig {
        let read = Kubeconfig::read_from(file).map_err(failed)?;
        return Config::from_custom_kubeconfig(read, &options)
            .await
            .map_err(failed);
    }
    match Config::from_kubeconfig(&options).await {
        Ok(config) => Ok(config),
        // A pod has no kubeconfig, and a service account instead, unless more was asked for.
        Err(error) => {
            let chosen = options.context.is_some()
                || options.cluster.is_some()
                || options.user.is_some()
                || std::env::var_os("KUBECONFIG").is_some();
            match Config::incluster() {
                Ok(config) if !chosen => Ok(config),
                Ok(_) | Err(_) => Err(failed(error)),
            }
        }
    }
}

fn act_as(config: &mut Config, flags: &ClusterFlags) -> Result<(), Failure> {
    if flags.act_as.is_none() && (!flags.as_group.is_empty() || flags.as_uid.is_some()) {
        return Err(Failure::Usage(
            "--as-group and --as-uid need --as: there is no acting as a group alone".to_owned(),
        ));
    }
    if let Some(user) = &flags.act_as {
        config.auth_info.impersonate = Some(user.clone());
        // Whom the kubeconfig acts as is another user.
        config.auth_info.impersonate_uid.clone_from(&flags.as_uid);
        config.auth_info.impersonate_groups =
            (!flags.as_group.is_empty()).then(|| flags.as_group.clone());
        config.auth_info.impersonate_user_extra = None;
    }
    Ok(())
}

/// HTTPS_PROXY does not concern this machine itself: kubectl has it so.
fn reach_loopback_directly(config: &mut Config) {
    let host = config.cluster_url.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = bare
        .parse::<std::net::IpAddr>()
        .map_or(bare == "localhost", |address| address.is_loopback());
    if loopback {
        config.proxy_url = None;
    }
}
