//! Looks at one upgrade until it has succeeded: the operator's metrics with their moments, its
//! memory, the copies in the sandbox's audit list.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use super::figures::{Calls, Readings, peak_memory};
use super::stage::{Load, Operator};
use crate::local::demo::narrator::Narrator;
use crate::local::demo::sandbox_control::SandboxControl;
use crate::local::demo::upgrade_view::UpgradeReader;
use crate::local::error::{LocalError, LocalResult};

/// No upgrade here takes longer unless something is wrong.
const BOUND: Duration = Duration::from_mins(10);
const READ_EVERY: Duration = Duration::from_millis(200);
/// The status is read at every so many readings of the metrics.
const LOOK_EVERY: u32 = 5;

/// What was seen of one upgrade.
pub(super) struct Seen {
    pub(super) readings: Readings,
    pub(super) last: Calls,
    /// Peak, in KiB.
    pub(super) memory: u32,
    pub(super) seconds: f64,
}

/// Reads on until the upgrade has succeeded.
pub(super) async fn to_the_end(
    operator: &mut Operator,
    reader: &UpgradeReader,
    load: &Load,
    narrator: &mut Narrator<std::io::Stdout>,
) -> LocalResult<Seen> {
    let http = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .build()
        .map_err(LocalError::http("preparing to read the metrics"))?;
    let url = format!("http://127.0.0.1:{}/metrics", operator.health_port);
    let began = Instant::now();
    let mut readings = Readings::default();
    for round in 0_u32.. {
        operator.process.expect_running()?;
        let last = metrics(&http, &url).await?;
        readings.push(Timestamp::now().as_millisecond(), last.clone());
        if round.is_multiple_of(LOOK_EVERY) {
            let view = reader.read().await?;
            if view.is("Succeeded") {
                // After it: what was done in the meantime counts too.
                let last = metrics(&http, &url).await?;
                readings.push(Timestamp::now().as_millisecond(), last.clone());
                narrator.end_progress();
                return Ok(Seen {
                    readings,
                    last,
                    memory: memory(operator)?,
                    seconds: began.elapsed().as_secs_f64(),
                });
            }
            if began.elapsed() > BOUND {
                return Err(LocalError::NotObserved {
                    awaited: format!("the end of the upgrade {}", load.name),
                    within: BOUND,
                    last: view.summary(),
                });
            }
            let copies = last.by_operation.get(COPY).copied().unwrap_or(0.0);
            // Windows end with smaller batches: there may be more calls than whole batches.
            let all = u64::from(load.items.div_ceil(u32::from(load.batch)));
            narrator.progress("copy calls", count(copies).min(all), all)?;
        }
        tokio::time::sleep(READ_EVERY).await;
    }
    Err(LocalError::Unexpected("the readings ran out".into()))
}

/// The operation that copies subscriptions.
pub(super) const COPY: &str = "copySubscriptions";

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of calls, shown as progress only"
)]
fn count(value: f64) -> u64 {
    value as u64
}

async fn metrics(http: &reqwest::Client, url: &str) -> LocalResult<Calls> {
    let doing = || LocalError::http("reading the operator's metrics");
    let reply = http.get(url).send().await.map_err(doing())?;
    let reply = reply.error_for_status().map_err(doing())?;
    Ok(Calls::parse(&reply.text().await.map_err(doing())?))
}

fn memory(operator: &Operator) -> LocalResult<u32> {
    let pid = operator
        .process
        .pid()
        .ok_or_else(|| LocalError::Unexpected("the operator does not run".into()))?;
    let file = std::path::PathBuf::from(format!("/proc/{pid}/status"));
    let status = std::fs::read_to_string(&file).map_err(LocalError::io("reading", &file))?;
    peak_memory(&status)
        .ok_or_else(|| LocalError::Unexpected(format!("{} names no VmHWM", file.display())))
}

/// The moments of the first and of the last copy, in milliseconds since 1970, and how many items
/// were copied, by the audit list of the BSS.
pub(super) async fn copies(control: &SandboxControl) -> LocalResult<(i64, i64, u32)> {
    let (mut first, mut last, mut copied) = (None, None, 0_u32);
    let mut after = 0;
    loop {
        let page = control
            .get(&format!("audit?operation={COPY}&after={after}"))
            .await?;
        let entries = page.get("entries").and_then(Value::as_array);
        for entry in entries.ok_or_else(|| strange("entries"))? {
            if entry.get("outcome").and_then(Value::as_str) != Some("Created") {
                continue;
            }
            let time = entry.get("time").and_then(Value::as_str);
            let time: Timestamp = time
                .and_then(|time| time.parse().ok())
                .ok_or_else(|| strange("time"))?;
            let time = time.as_millisecond();
            first = first.or(Some(time));
            last = Some(time);
            copied = copied.saturating_add(1);
        }
        match page.get("next").and_then(Value::as_u64) {
            Some(next) => after = next,
            None => break,
        }
    }
    let (Some(first), Some(last)) = (first, last) else {
        return Err(LocalError::Unexpected("nothing was copied".into()));
    };
    Ok((first, last, copied))
}

fn strange(member: &str) -> LocalError {
    LocalError::Unexpected(format!("the sandbox's audit list shows no {member}"))
}
