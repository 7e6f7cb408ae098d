//! One upgrade by the operator, from its creation to `Succeeded`, measured.

use std::time::Duration;

use serde_json::Value;

use super::Teller;
use super::figures::{Calls, Readings};
use super::meter::{self, Meter};
use super::objects::{Limits, Pricing};
use super::stage::{Bss, CONCURRENCY, Load, Stage, account};
use super::tracks::Tracks;
use crate::local::demo::sandbox_control::SandboxControl;
use crate::local::error::{LocalError, LocalResult};

/// The operation that copies subscriptions.
pub(super) const COPY: &str = "copySubscriptions";
/// No upgrade here takes longer unless something is wrong.
const BOUND: Duration = Duration::from_mins(40);
/// The only upgrade of a run.
const NAME: &str = "contoso";

/// What one upgrade took.
pub(super) struct Upgraded {
    /// From its creation to `Succeeded`.
    pub(super) seconds: f64,
    /// Peak, in KiB.
    pub(super) memory: u32,
    /// All calls of the operator.
    pub(super) calls: Calls,
    pub(super) readings: Readings,
    pub(super) bss: Bss,
}

/// What one connection to a sandbox allows while one upgrade is measured.
pub(super) fn limits(active_upgrades: u16) -> Limits {
    Limits {
        concurrency: CONCURRENCY,
        active_upgrades,
    }
}

/// A sandbox, an operator, one upgrade.
pub(super) async fn run(
    stage: &Stage,
    load: &Load,
    teller: &mut Teller<'_>,
) -> LocalResult<Upgraded> {
    let bss = stage.bss(load).await?;
    stage.connect(&load.name, (&bss, load), limits(1)).await?;
    let operator = stage.operator(&load.name).await?;
    let meter = Meter::start(operator.health_port)?;
    let tracks = Tracks::watch(&stage.client);
    let place = (load.name.as_str(), NAME);
    let upgrade = stage.examples.upgrade(place, &account(0), Pricing::Default);
    tracks.create(upgrade).await?;
    let ended = tracks
        .until(
            (&load.name, 1),
            |track| track.ended.is_some(),
            ("the end of the upgrade", BOUND),
        )
        .await;
    if let Err(error) = ended {
        teller.narrator.line("\nThe operator's last lines:")?;
        teller.narrator.line(&operator.process.tail())?;
        return Err(error);
    }
    let track = tracks.of(&load.name).remove(NAME).unwrap_or_default();
    let seconds = track.until_ended().unwrap_or_default();
    let (calls, readings) = meter.end().await?;
    let memory = meter::peak(&operator.process)?;
    drop(operator);
    judged(&bss.control, &account(0)).await?;
    stage.remove(&load.name).await?;
    teller.fact(&format!(
        "{}: {seconds:.2} s, {:.0} calls",
        stage.operator_name(),
        calls.total()
    ))?;
    Ok(Upgraded {
        seconds,
        memory,
        calls,
        readings,
        bss,
    })
}

/// A figure counts only if the work was done: the sandbox's judge has nothing to say against it, and
/// everything eligible is copied.
pub(super) async fn judged(control: &SandboxControl, account: &str) -> LocalResult<()> {
    let verdict = control.get(&format!("judge?accountId={account}")).await?;
    let figure = |name: &str| verdict.get(name).and_then(Value::as_i64).unwrap_or(-1);
    let wrong: Vec<&str> = [
        "duplicated",
        "lost",
        "orphaned",
        "differing",
        "halfMarked",
        "sales",
    ]
    .into_iter()
    .filter(|name| figure(name) != 0)
    .collect();
    if wrong.is_empty() && figure("activations") == 1 && figure("copied") == figure("eligible") {
        return Ok(());
    }
    Err(LocalError::Unexpected(format!(
        "the sandbox's judge does not agree with the end of {account}: {verdict}"
    )))
}
