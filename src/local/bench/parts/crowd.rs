//! A process that has much to keep: thousands of finished upgrades, thousands that wait for people, hundreds
//! that work. Memory, idle processor time, the first status of a burst, a start, a kill.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::local::bench::measured::{Measured, Table, mebibytes, rounded};
use crate::local::bench::objects::{Limits, Pricing};
use crate::local::bench::stage::{Bss, Load, Operator, Stage, account};
use crate::local::bench::statistics::percentile;
use crate::local::bench::tracks::{Track, Tracks, resource};
use crate::local::bench::upgrade::limits;
use crate::local::bench::{Bench, Crowd, Teller, meter};
use crate::local::demo::world::until_ready;
use crate::local::error::{LocalError, LocalResult};
use crate::local::eventually::{Observation, eventually};

const BOUND: Duration = Duration::from_mins(8);
/// Requests to the API server at a time while the crowd is made.
const AT_ONCE: usize = 32;
const FINISHED: &str = "finished";
const WAITING: &str = "waiting";
const RUNNING: &str = "running";

/// What the working ones may ask at a time.
const WORKING: Limits = Limits {
    concurrency: 32,
    active_upgrades: 1000,
};

/// Everything, for each version, on a control plane of its own that ends with this part.
pub(in crate::local::bench) async fn run(bench: &mut Bench<'_>) -> LocalResult<Measured> {
    let mut measured = Measured::default();
    let mut table = Table::new("who | what | figure");
    let crowd = bench.scale.crowd;
    let versions: Vec<_> = bench
        .stages
        .iter()
        .map(|stage| stage.version.clone())
        .collect();
    for version in versions {
        let stage = Stage::start(version).await?;
        let who = stage.operator_name();
        let mut told = Told {
            rows: Vec::new(),
            teller: &mut bench.teller,
        };
        let looked = look(&stage, crowd, &mut told).await;
        for Row {
            what,
            figure,
            shown,
        } in told.rows
        {
            measured.figure(&what, figure);
            table.row(vec![who.clone(), what, shown]);
        }
        stage.plane.supervisor().end();
        looked?;
    }
    measured.table(table);
    Ok(measured)
}

struct Row {
    what: String,
    figure: f64,
    shown: String,
}

/// What was found so far, told as it is found.
struct Told<'a, 'b> {
    rows: Vec<Row>,
    teller: &'a mut Teller<'b>,
}

impl Told<'_, '_> {
    fn add(&mut self, what: &str, figure: f64, shown: String) -> LocalResult<()> {
        self.teller.fact(&format!("{what}: {shown}"))?;
        self.rows.push(Row {
            what: what.to_owned(),
            figure,
            shown,
        });
        Ok(())
    }

    fn memory(&mut self, what: &str, kibibytes: u32) -> LocalResult<()> {
        let what = format!("memory, {what}");
        self.add(&what, f64::from(kibibytes) / 1024.0, mebibytes(kibibytes))
    }

    fn seconds(&mut self, what: &str, seconds: f64) -> LocalResult<()> {
        self.add(what, seconds, format!("{} s", rounded(seconds)))
    }

    async fn idle(&mut self, what: &str, operator: &Operator, crowd: Crowd) -> LocalResult<()> {
        let cores = meter::cores(&operator.process, crowd.idle_for).await?;
        let what = format!("idle processor, {what}");
        self.add(&what, cores, format!("{} cores", rounded(cores)))
    }
}

async fn look(stage: &Stage, crowd: Crowd, told: &mut Told<'_, '_>) -> LocalResult<()> {
    told.teller.step(&format!(
        "{}: {} finished, {} waiting, {} working",
        stage.operator_name(),
        crowd.finished,
        crowd.waiting,
        crowd.running
    ))?;
    finished(stage, crowd.finished).await?;
    let all = crowd.waiting.saturating_add(crowd.running);
    let load = Load::new("crowd", crowd.items)
        .others(all.saturating_sub(1), crowd.items)
        .latency_ms(50);
    let bss = stage.bss(&load).await?;
    for namespace in [WAITING, RUNNING] {
        stage.connect(namespace, (&bss, &load), WORKING).await?;
    }
    let began = Instant::now();
    let mut operator = stage.operator("crowd").await?;
    told.seconds(
        "ready after a start beside the finished ones",
        began.elapsed().as_secs_f64(),
    )?;
    told.idle("finished ones", &operator, crowd).await?;
    told.memory("finished ones", meter::resident(&operator.process)?)?;
    let tracks = Tracks::watch(&stage.client);
    waiting(stage, &tracks, crowd, told).await?;
    told.idle("finished and waiting ones", &operator, crowd)
        .await?;
    told.memory(
        "finished and waiting ones",
        meter::resident(&operator.process)?,
    )?;
    burst(stage, &tracks, crowd, told).await?;
    told.memory(
        "finished, waiting and working ones",
        meter::resident(&operator.process)?,
    )?;
    told.memory("the most so far", meter::peak(&operator.process)?)?;
    killed(&bss, &tracks, (&mut operator, crowd), told).await
}

/// Upgrades that have succeeded: one did, the others are like it in everything but the name.
async fn finished(stage: &Stage, count: u32) -> LocalResult<()> {
    let load = Load::new(FINISHED, 10);
    let bss = stage.bss(&load).await?;
    stage.connect(FINISHED, (&bss, &load), limits(1)).await?;
    let operator = stage.operator(FINISHED).await?;
    let tracks = Tracks::watch(&stage.client);
    let upgrade = |name: &str| {
        let place = (FINISHED, name);
        stage.examples.upgrade(place, &account(0), Pricing::Default)
    };
    tracks.create(upgrade("first")).await?;
    let ended = |track: &Track| track.ended.is_some();
    let what = ("the end of the first upgrade", BOUND);
    tracks.until((FINISHED, 1), ended, what).await?;
    // Its last words come with a later write than its end.
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(operator);
    let api: Api<DynamicObject> = Api::namespaced_with(stage.client.clone(), FINISHED, &resource());
    let first = api
        .get("first")
        .await
        .map_err(LocalError::kube("reading the first upgrade"))?;
    let status = json!({ "status": first.data.get("status") });
    stream::iter(1..count)
        .map(|number| {
            let (api, status, name) = (api.clone(), status.clone(), format!("f{number:05}"));
            let upgrade = upgrade(&name);
            async move { like_it(&api, (&name, upgrade), &status).await }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

async fn like_it(
    api: &Api<DynamicObject>,
    (name, upgrade): (&str, Value),
    status: &Value,
) -> LocalResult<()> {
    let object: DynamicObject = serde_json::from_value(upgrade)
        .map_err(|error| LocalError::Unexpected(format!("an upgrade is none: {error}")))?;
    let doing = || LocalError::kube("making a finished upgrade");
    api.create(&PostParams::default(), &object)
        .await
        .map_err(doing())?;
    api.patch_status(name, &PatchParams::default(), &Patch::Merge(status))
        .await
        .map_err(doing())?;
    Ok(())
}

/// Upgrades that wait for people to set pricing options.
async fn waiting(
    stage: &Stage,
    tracks: &Tracks,
    crowd: Crowd,
    told: &mut Told<'_, '_>,
) -> LocalResult<()> {
    let began = Instant::now();
    stream::iter(0..crowd.waiting)
        .map(|number| async move {
            let name = format!("w{number:05}");
            let place = (WAITING, name.as_str());
            let account = account(number);
            let upgrade = stage.examples.upgrade(place, &account, Pricing::Wait);
            tracks.create(upgrade).await
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    let count = usize::try_from(crowd.waiting).unwrap_or(usize::MAX);
    let waits = |track: &Track| track.reason == "AwaitingPricing";
    let what = ("all of them to wait for pricing options", BOUND);
    match tracks.until((WAITING, count), waits, what).await {
        // How many do is a figure too: nothing that follows needs all of them.
        Err(error @ LocalError::NotObserved { .. }) => {
            let seen = tracks.of(WAITING).values().filter(|one| waits(one)).count();
            let seen = u32::try_from(seen).map_or(f64::INFINITY, f64::from);
            told.add("waiting ones that came to wait", seen, error.chain())
        }
        Err(error) => Err(error),
        Ok(()) => told.seconds("until all waiting ones wait", began.elapsed().as_secs_f64()),
    }
}

/// Upgrades that are created one after the other within some seconds, and when each is told something.
async fn burst(
    stage: &Stage,
    tracks: &Tracks,
    crowd: Crowd,
    told: &mut Told<'_, '_>,
) -> LocalResult<()> {
    let pause = crowd
        .burst_over
        .checked_div(crowd.running.max(1))
        .unwrap_or_default();
    let mut next = tokio::time::interval(pause.max(Duration::from_millis(1)));
    let upgrades = (0..crowd.running).map(|number| {
        let name = format!("r{number:05}");
        let account = account(number.saturating_add(crowd.waiting));
        let place = (RUNNING, name.as_str());
        stage.examples.upgrade(place, &account, Pricing::Default)
    });
    let mut sent = futures::stream::FuturesUnordered::new();
    for upgrade in upgrades {
        next.tick().await;
        sent.push(tracks.create(upgrade));
        // Those that were sent before go on meanwhile.
        while let Some(Some(done)) = futures::FutureExt::now_or_never(sent.next()) {
            done?;
        }
    }
    sent.try_collect::<Vec<()>>().await?;
    let count = usize::try_from(crowd.running).unwrap_or(usize::MAX);
    let what = ("the first status of all of the burst", BOUND);
    tracks
        .until((RUNNING, count), |track| track.told.is_some(), what)
        .await?;
    let times: Vec<f64> = tracks
        .of(RUNNING)
        .values()
        .filter_map(Track::until_told)
        .collect();
    for (share, name) in [(0.5, "P50"), (0.99, "P99")] {
        let seconds = percentile(&times, share).unwrap_or_default();
        told.seconds(&format!("first status of a burst, {name}"), seconds)?;
    }
    Ok(())
}

/// The operator is killed while the burst works; when it is ready again, and when it has asked the BSS about
/// every reseller that was not finished.
async fn killed(
    bss: &Bss,
    tracks: &Tracks,
    (operator, crowd): (&mut Operator, Crowd),
    told: &mut Told<'_, '_>,
) -> LocalResult<()> {
    operator.process.kill()?;
    let (began, at) = (Instant::now(), jiff::Timestamp::now().as_millisecond());
    // One that ended just before is seen to have ended a moment later.
    let unfinished = || -> BTreeSet<String> {
        let running = tracks.of(RUNNING).into_iter();
        let running = running.filter(|(_, track)| track.ended.is_none());
        running
            .filter_map(|(name, _)| name.strip_prefix('r')?.parse::<u32>().ok())
            .map(|number| account(number.saturating_add(crowd.waiting)))
            .collect()
    };
    let at_work = unfinished().len();
    told.teller
        .fact(&format!("killed with {at_work} at work"))?;
    operator.process.start_again()?;
    until_ready(&mut operator.process, operator.health_port).await?;
    told.seconds("ready after a kill", began.elapsed().as_secs_f64())?;
    eventually("a look at every reseller", BOUND, || async {
        let calls = bss.control.get(&format!("calls?after={at}")).await?;
        let calls = calls.get("resellers").and_then(Value::as_object);
        let seen = |account: &String| calls.is_some_and(|calls| calls.contains_key(account));
        let missing: Vec<String> = unfinished().into_iter().filter(|one| !seen(one)).collect();
        let (left, first) = (missing.len(), missing.first().cloned());
        Ok(Observation::when(left == 0, (left, first)))
    })
    .await?;
    told.seconds(
        "all working ones looked at again after a kill",
        began.elapsed().as_secs_f64(),
    )?;
    let held = meter::resident(&operator.process)?;
    told.memory("after the kill", held)
}
