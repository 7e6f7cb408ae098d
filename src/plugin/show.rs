//! `status` and `explain`: one upgrade, read by name.

use std::process::ExitCode;

use jiff::Timestamp;

use super::cli::{OneFlags, Whole};
use super::error::Failure;
use super::kubeconfig::Cluster;
use super::out::Out;
use super::view::{View, view};
use super::{explain as explained, render};

pub(super) async fn status(
    cluster: &Cluster,
    asked: &OneFlags,
    out: Out,
) -> Result<ExitCode, Failure> {
    let view = read(cluster, &asked.name).await?;
    match asked.output {
        Some(Whole::Json) => out.json(&view)?,
        Some(Whole::Yaml) => out.yaml(&view)?,
        None => out.text(&render::status(&view, out.look))?,
    }
    Ok(view.standing.exit_code())
}

pub(super) async fn explain(
    cluster: &Cluster,
    asked: &OneFlags,
    out: Out,
) -> Result<ExitCode, Failure> {
    let view = read(cluster, &asked.name).await?;
    match asked.output {
        Some(Whole::Json) => out.json(&view)?,
        Some(Whole::Yaml) => out.yaml(&view)?,
        None => out.text(&explained::explain(&view, out.look))?,
    }
    Ok(view.standing.exit_code())
}

/// The upgrade by its name; its reports and events at the same time.
async fn read(cluster: &Cluster, name: &str) -> Result<View, Failure> {
    let upgrade = cluster.upgrade(name).await?;
    let (reports, events) = futures::join!(cluster.reports(&upgrade), cluster.events(&upgrade));
    Ok(view(&upgrade, &events, &reports?, Timestamp::now()))
}
