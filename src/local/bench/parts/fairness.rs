//! Many upgrades on one endpoint: equal ones beside each other, and a small one beside a large one.

use std::time::Duration;

use futures::future::try_join_all;
use serde_json::Value;

use crate::local::bench::Bench;
use crate::local::bench::figures::ratio;
use crate::local::bench::measured::{Measured, Table, rounded};
use crate::local::bench::objects::Pricing;
use crate::local::bench::stage::{Bss, Load, Operator, Stage, account};
use crate::local::bench::statistics::{jain, percentile};
use crate::local::bench::tracks::Tracks;
use crate::local::bench::upgrade::{judged, limits};
use crate::local::error::{LocalError, LocalResult};
use crate::local::eventually::{Observation, eventually};

const BOUND: Duration = Duration::from_mins(15);

/// Both, for each version.
pub(in crate::local::bench) async fn run(bench: &mut Bench<'_>) -> LocalResult<Measured> {
    let mut measured = Measured::default();
    let mut equal = Table::new(
        "who | equal upgrades | items of each | first ended | last ended | Jain's index of their times",
    );
    let mut beside =
        Table::new("who | small | large | small alone | small beside large | times alone");
    for stage in &bench.stages {
        let name = stage.operator_name();
        let count = bench.scale.equal;
        bench
            .teller
            .step(&format!("{name}: {count} equal upgrades"))?;
        let times = equal_times(stage, count, bench.scale.equal_items).await?;
        let index = jain(&times).unwrap_or_default();
        let at = |share| percentile(&times, share).unwrap_or_default();
        bench.teller.fact(&format!("Jain's index {index:.3}"))?;
        measured.figure("Jain's index of equal upgrades", index);
        measured.figure("seconds until the last of equal upgrades", at(1.0));
        equal.row(vec![
            name.clone(),
            count.to_string(),
            bench.scale.equal_items.to_string(),
            format!("{:.1} s", at(0.0)),
            format!("{:.1} s", at(1.0)),
            format!("{index:.3}"),
        ]);
        let (small, large) = (bench.scale.small, bench.scale.large);
        bench
            .teller
            .step(&format!("{name}: {small} items beside {large}"))?;
        let alone = small_one(stage, (small, large), Large::Rests).await?;
        let together = small_one(stage, (small, large), Large::Copies).await?;
        let times_alone = ratio(together, alone);
        bench.teller.fact(&format!(
            "{alone:.2} s alone, {together:.2} s beside the large one"
        ))?;
        measured.figure("small beside large, times alone", times_alone);
        beside.row(vec![
            name,
            small.to_string(),
            large.to_string(),
            format!("{alone:.2} s"),
            format!("{together:.2} s"),
            rounded(times_alone),
        ]);
    }
    measured.table(equal);
    measured.table(beside);
    Ok(measured)
}

/// A sandbox, a connection to it and an operator.
struct Scene {
    tracks: Tracks,
    // Ended in this order.
    operator: Operator,
    bss: Bss,
}

impl Scene {
    async fn start(stage: &Stage, load: &Load, active: u16) -> LocalResult<Self> {
        let bss = stage.bss(load).await?;
        stage
            .connect(&load.name, (&bss, load), limits(active))
            .await?;
        Ok(Self {
            operator: stage.operator(&load.name).await?,
            tracks: Tracks::watch(&stage.client),
            bss,
        })
    }

    async fn create(&self, stage: &Stage, load: &Load, number: u32) -> LocalResult<()> {
        let name = format!("r{number}");
        let place = (load.name.as_str(), name.as_str());
        let upgrade = stage
            .examples
            .upgrade(place, &account(number), Pricing::Default);
        self.tracks.create(upgrade).await
    }

    async fn ended(&self, load: &Load, count: usize) -> LocalResult<()> {
        let what = ("the end of the upgrades", BOUND);
        let done = self
            .tracks
            .until((&load.name, count), |track| track.ended.is_some(), what)
            .await;
        done.map_err(|error| {
            LocalError::Unexpected(format!(
                "{}; the operator's last lines:\n{}",
                error.chain(),
                self.operator.process.tail()
            ))
        })
    }
}

async fn equal_times(stage: &Stage, count: u32, items: u32) -> LocalResult<Vec<f64>> {
    let load = Load::new("equal", items)
        .others(count.saturating_sub(1), items)
        .latency_ms(50);
    let active = u16::try_from(count).unwrap_or(u16::MAX);
    let scene = Scene::start(stage, &load, active).await?;
    try_join_all((0..count).map(|number| scene.create(stage, &load, number))).await?;
    scene
        .ended(&load, usize::try_from(count).unwrap_or(usize::MAX))
        .await?;
    let tracks = scene.tracks.of(&load.name);
    for number in 0..count {
        judged(&scene.bss.control, &account(number)).await?;
    }
    drop(scene);
    stage.remove(&load.name).await?;
    Ok(tracks
        .values()
        .filter_map(super::super::tracks::Track::until_ended)
        .collect())
}

/// What the large reseller beside the small one does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Large {
    Rests,
    Copies,
}

/// Seconds that the small one takes.
async fn small_one(stage: &Stage, (small, large): (u32, u32), beside: Large) -> LocalResult<f64> {
    let name = match beside {
        Large::Rests => "small-alone",
        Large::Copies => "small-beside",
    };
    let load = Load::new(name, large).others(1, small).latency_ms(50);
    let scene = Scene::start(stage, &load, 2).await?;
    if beside == Large::Copies {
        scene.create(stage, &load, 0).await?;
        eventually("copies of the large one", BOUND, || async {
            let overview = scene.bss.control.get("state").await?;
            let copied = overview
                .pointer("/subscriptions/copied")
                .and_then(Value::as_u64);
            Ok(Observation::when(copied > Some(0), copied))
        })
        .await?;
    }
    scene.create(stage, &load, 1).await?;
    let of_small = |tracks: &Tracks| tracks.of(&load.name).remove("r1").unwrap_or_default();
    let mut wanted = 1;
    while of_small(&scene.tracks).ended.is_none() {
        // The large one may end first.
        scene.ended(&load, wanted).await?;
        wanted = 2;
    }
    let seconds = of_small(&scene.tracks).until_ended().unwrap_or_default();
    judged(&scene.bss.control, &account(1)).await?;
    drop(scene);
    stage.remove(&load.name).await?;
    Ok(seconds)
}
