//! One act on several upgrades, one after another: each is shown, asked for and written by itself. What is
//! refused for one of them does not stop the others.

use std::process::ExitCode;

use kube::ResourceExt as _;
use kube::api::ListParams;
use kube::core::DeserializeGuard;

use super::cli::{ActFlags, ManyFlags};
use super::error::{Failure, chain};
use super::fetch::Scope;
use super::kubeconfig::Cluster;
use super::report::eprint_line;
use super::view::{standing, text};
use super::words::Standing;
use crate::api::TenantResellerUpgrade;

/// Does it with each upgrade that is meant. `act` answers whether it was written: a person may say no.
pub(super) async fn each(
    cluster: &Cluster,
    asked: &ManyFlags,
    act: impl AsyncFn(ActFlags) -> Result<bool, Failure>,
) -> Result<ExitCode, Failure> {
    let names = names(cluster, asked).await?;
    if let [one] = names.as_slice() {
        return act(asked.act(one)).await.map(code);
    }
    let mut all = true;
    let mut failures = Vec::new();
    for name in &names {
        match act(asked.act(name)).await {
            Ok(written) => all = all && written,
            Err(failure) if failure.is_silent() => return Err(failure),
            Err(failure) => {
                eprint_line(&text(&format!("error: {name}: {}", chain(&failure))));
                failures.push(failure);
            }
        }
    }
    if failures.is_empty() {
        return Ok(code(all));
    }
    let left = format!(
        "{} of {} upgrades were left as they are",
        failures.len(),
        names.len()
    );
    let by_people = |failure: &Failure| matches!(failure, Failure::PersonMustAct(_));
    Err(if failures.iter().all(by_people) {
        Failure::PersonMustAct(left)
    } else {
        Failure::Refused(left)
    })
}

fn code(written: bool) -> ExitCode {
    if written {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The names that are meant, each once.
async fn names(cluster: &Cluster, asked: &ManyFlags) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = Vec::new();
    if !asked.name.is_empty() {
        for name in &asked.name {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        return Ok(names);
    }
    let mut of = ListParams::default();
    if let Some(connection) = &asked.connection {
        of = of.fields(&format!("spec.connectionRef.name={connection}"));
    }
    cluster
        .pages::<TenantResellerUpgrade>(Scope::Namespace, of, "the upgrades", |page| {
            names.extend(page.iter().filter_map(open));
            Ok(())
        })
        .await?;
    if names.is_empty() {
        return Err(Failure::Refused(format!(
            "no upgrade that is not complete was found in the namespace {}",
            cluster.namespace
        )));
    }
    Ok(names)
}

/// The name of an upgrade that is not complete. One that this version cannot read may be under way.
fn open(object: &DeserializeGuard<TenantResellerUpgrade>) -> Option<String> {
    match &object.0 {
        Ok(upgrade) => match standing(upgrade) {
            Standing::Done | Standing::Failed => None,
            Standing::PersonMustAct | Standing::Working => Some(upgrade.name_any()),
        },
        Err(unreadable) => unreadable.metadata.name.clone(),
    }
}
