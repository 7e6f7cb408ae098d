//! `version`: of the plugin, of the API server, of the operator.

use std::process::ExitCode;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, ListParams};
use serde::Serialize;

use super::cli::{VersionFlags, Whole};
use super::error::Failure;
use super::kubeconfig::Cluster;
use super::out::Out;
use super::view::text;
use crate::api::{GROUP, VERSION};

/// By what the chart's Deployment is found.
const OPERATOR: &str = "app.kubernetes.io/name=tenant-reseller-operator";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    plugin: &'static str,
    api: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_server: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    operators: Vec<Operator>,
}

#[derive(Debug, Serialize)]
struct Operator {
    namespace: String,
    version: String,
}

impl Versions {
    fn own() -> Self {
        Self {
            plugin: env!("CARGO_PKG_VERSION"),
            api: format!("{GROUP}/{VERSION}"),
            api_server: None,
            operators: Vec::new(),
        }
    }
}

pub(super) fn client(asked: &VersionFlags, out: Out) -> Result<ExitCode, Failure> {
    show(&Versions::own(), asked, out)
}

pub(super) async fn run(
    cluster: &Cluster,
    asked: &VersionFlags,
    out: Out,
) -> Result<ExitCode, Failure> {
    let server = cluster.client.apiserver_version().await;
    let server = server.map_err(Failure::api("the version of the API server"))?;
    // Who may not read Deployments sees the rest.
    let deployments: Api<Deployment> = Api::all(cluster.client.clone());
    let found = deployments
        .list(&ListParams::default().labels(OPERATOR))
        .await;
    let operators = found.map(|list| list.items).unwrap_or_default();
    let versions = Versions {
        api_server: Some(text(&server.git_version)),
        operators: operators.iter().map(operator).collect(),
        ..Versions::own()
    };
    show(&versions, asked, out)
}

fn operator(deployment: &Deployment) -> Operator {
    let labels = deployment.metadata.labels.as_ref();
    let version = labels.and_then(|labels| labels.get("app.kubernetes.io/version"));
    Operator {
        namespace: deployment.metadata.namespace.clone().unwrap_or_default(),
        version: version.map_or_else(|| "unknown".to_owned(), |version| text(version)),
    }
}

fn show(versions: &Versions, asked: &VersionFlags, out: Out) -> Result<ExitCode, Failure> {
    match asked.output {
        Some(Whole::Json) => out.json(versions)?,
        Some(Whole::Yaml) => out.yaml(versions)?,
        None => {
            let mut lines = vec![
                format!("plugin:     {}", versions.plugin),
                format!("api:        {}", versions.api),
            ];
            let server = versions.api_server.iter();
            lines.extend(server.map(|version| format!("API server: {version}")));
            lines.extend(versions.operators.iter().map(|operator| {
                format!("operator:   {} in {}", operator.version, operator.namespace)
            }));
            out.lines(&lines)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
