//! Misoperation, generated from the definitions: at every stage of an upgrade every property that people
//! write is set to other values, to wrong ones, to its bounds, to null, and removed; what the upgrade
//! refers to is deleted and made again; and two write at once. Each time the API server or the operator
//! refuses in words or goes on; once the former value is back the upgrade is at its stage again by itself;
//! and at the end nothing was lost or repeated, by the ledgers.
//!
//! A test run deals the values out, so that no two stages get the same ones; `MISOPERATE_TURN=1` and so on
//! deal them otherwise. `MISOPERATE=all` takes all of them at every stage.

mod other_specs;
mod page;
mod stages;
mod values;

use std::time::Instant;

use futures::{StreamExt as _, stream};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tenant_reseller_operator::api::{Reason, StateClass};

use self::other_specs::others;
pub(super) use self::page::commit;
use self::stages::{Stage, declared};
use self::values::Trial;
use super::view::View;
use super::world::{NAME, World, until};

const REQUESTED: &str = "tenantreseller.io/requestedAt";

/// What people write, by kind and name.
const WRITTEN: [(&str, &str); 3] = [
    ("TenantResellerUpgrade", NAME),
    ("BssConnection", "distributor"),
    ("CustomerPricing", "prices"),
];

/// A test run takes one of so many values at each stage; so many turns take all.
const DEALT: usize = 20;

/// Upgrades that are misoperated side by side.
const AT_ONCE: usize = 8;

/// How much is tried.
#[derive(Clone, Copy)]
enum Extent {
    /// Some of the values at each stage: which ones, the turn says.
    Dealt(usize),
    /// Every value at every stage.
    All,
}

impl Extent {
    fn of_the_environment() -> Self {
        if std::env::var("MISOPERATE").is_ok_and(|word| word == "all") {
            return Self::All;
        }
        let turn = std::env::var("MISOPERATE_TURN").ok();
        Self::Dealt(turn.and_then(|turn| turn.parse().ok()).unwrap_or_default())
    }

    /// In how many parts a stage is gone through, side by side. Where copies go on, a look takes a whole
    /// time slice.
    fn parts(self, stage: Stage) -> usize {
        match self {
            Self::All if !stage.is_at_rest() => 4,
            Self::All | Self::Dealt(_) => 1,
        }
    }

    /// Whether this value is tried in this part of a stage.
    fn takes(self, number: usize, (stage, part): (Stage, usize)) -> bool {
        match self {
            Self::All => number % self.parts(stage) == part,
            Self::Dealt(turn) => (number + turn) % DEALT == stage.place(),
        }
    }

    /// Whether what has this number is deleted and made again.
    fn deletes(self, number: usize, stage: Stage) -> bool {
        match self {
            Self::All => true,
            Self::Dealt(turn) => (number + turn + stage.place()).is_multiple_of(4),
        }
    }

    /// How many items are there to copy where copies go on.
    fn items(self) -> u32 {
        match self {
            Self::All => 600,
            Self::Dealt(_) => 400,
        }
    }
}

/// What one stage went through.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Values.
    tried: u32,
    /// Of them refused by the API server.
    refused: u32,
    /// Of them taken.
    taken: u32,
    /// Of those that were taken: the operator stopped and said what to do.
    stopped: u32,
    /// Times that the upgrade was at its stage again by itself.
    recovered: u32,
    /// Objects deleted and made again.
    made_again: u32,
    /// Upgrades: where copies go on, one comes to its end before all is tried, and the next one begins.
    upgrades: u32,
    /// Writes of two at once.
    at_once: u32,
    seconds: u64,
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |sum, part| Self {
            tried: sum.tried + part.tried,
            refused: sum.refused + part.refused,
            taken: sum.taken + part.taken,
            stopped: sum.stopped + part.stopped,
            recovered: sum.recovered + part.recovered,
            made_again: sum.made_again + part.made_again,
            upgrades: sum.upgrades + part.upgrades,
            at_once: sum.at_once + part.at_once,
            seconds: sum.seconds.max(part.seconds),
        })
    }
}

/// Whether the upgrade is the same as before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stays {
    AsItWas,
    InAnother,
}

/// One upgrade at one stage.
struct Walk {
    stage: Stage,
    part: usize,
    extent: Extent,
    world: World,
    /// Writes at the BSS when the stage was reached.
    written: usize,
    looks: u32,
    tally: Tally,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_property_that_people_write_harms_an_upgrade_at_any_stage() {
    let extent = Extent::of_the_environment();
    let parts = Stage::ALL.into_iter();
    let parts = parts.flat_map(|stage| (0..extent.parts(stage)).map(move |part| (stage, part)));
    let all: Vec<(Stage, Tally)> = stream::iter(parts)
        .map(|(stage, part)| async move { (stage, Walk::goes(stage, part, extent).await) })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let tallies = Stage::ALL.map(|stage| {
        let parts = all.iter().filter(|(other, _)| *other == stage);
        (stage, parts.map(|(_, tally)| *tally).sum())
    });
    print!("{}", page::table(&tallies));
    let all: Tally = tallies.iter().map(|(_, tally)| *tally).sum();
    assert!(
        all.tried > 160 && all.refused > 80 && all.taken > 8,
        "{all:?}"
    );
    for (stage, tally) in &tallies {
        assert!(
            tally.tried > 10 && tally.recovered > 0,
            "{stage:?}: {tally:?}"
        );
    }
    if let Ok(file) = std::env::var("PAGE") {
        std::fs::write(file, page::page(&tallies)).unwrap();
    }
}

impl Walk {
    async fn goes(stage: Stage, part: usize, extent: Extent) -> Tally {
        let began = Instant::now();
        let world = stage.begin(extent.items(), &format!("{part}-1")).await;
        let mut walk = Self {
            stage,
            part,
            extent,
            written: stage.written(&world).await,
            world,
            looks: 0,
            tally: Tally::default(),
        };
        walk.tally.upgrades = 1;
        for (kind, name) in WRITTEN {
            walk.tries_values(kind, name).await;
        }
        walk.deletes_and_makes_again().await;
        walk.two_write_at_once().await;
        walk.ends_well().await;
        walk.tally.seconds = began.elapsed().as_secs();
        walk.tally
    }

    async fn ends_well(&self) {
        let stage = self.stage;
        if stage.is_at_rest() {
            let now = stage.written(&self.world).await;
            let before = self.written;
            assert_eq!(now, before, "{stage:?}: something was written at the BSS");
        }
        stage.ends_well(&self.world).await;
    }

    /// Where copies go on, the stage may be over: then another upgrade takes its place.
    async fn stays(&mut self) -> Stays {
        if self.stage.is_at_rest() || self.stage.stands(&self.world.view().await) {
            return Stays::AsItWas;
        }
        self.ends_well().await;
        self.tally.upgrades += 1;
        let number = format!("{}-{}", self.part, self.tally.upgrades);
        self.world = self.stage.begin(self.extent.items(), &number).await;
        Stays::InAnother
    }

    async fn tries_values(&mut self, kind: &'static str, name: &str) {
        let mut number = 0;
        let (mut before, mut trials) = self.trials(kind, name).await;
        while number < trials.len() {
            if self.extent.takes(number, (self.stage, self.part)) {
                if self.stays().await == Stays::InAnother {
                    (before, trials) = self.trials(kind, name).await;
                }
                self.tries(name, &before, &trials[number]).await;
            }
            number += 1;
        }
    }

    /// The spec as it is, and what is tried with it.
    async fn trials(&self, kind: &'static str, name: &str) -> (Value, Vec<Trial>) {
        let there = self.world.api(kind).get(name).await.unwrap();
        let before = there.data["spec"].clone();
        let mut trials = values::of_properties(kind, &before);
        let others = others(self.stage, &self.world, kind).await;
        trials.extend(values::of_specs(kind, &before, &others));
        (before, trials)
    }

    /// Writes a value, looks, and writes the former one.
    async fn tries(&mut self, name: &str, before: &Value, trial: &Trial) {
        let what = format!("{:?}, {}", self.stage, trial.told());
        self.tally.tried += 1;
        if let Err(said) = replace(&self.world, trial.kind, name, &trial.spec).await {
            self.tally.refused += 1;
            let mut path = trial.path.iter();
            let named = path.any(|name| said.contains(name.as_str())) || trial.path.is_empty();
            assert!(named, "{what}: the API server says {said}");
            return;
        }
        self.tally.taken += 1;
        let view = self.looked_at(&what).await;
        self.in_words(&view, &what);
        replace(&self.world, trial.kind, name, before)
            .await
            .unwrap();
        self.recovers(&what).await;
    }

    /// What is shown while something is wrong tells what to do, and promises nothing.
    fn in_words(&mut self, view: &View, what: &str) {
        assert!(!view.message().is_empty(), "{what}: {:#}", view.0);
        let goes_on = match self.stage {
            Stage::Suspended => view.is("Suspended"),
            Stage::Succeeded => view.is("Succeeded"),
            Stage::CopyingCustomers | Stage::CopyingSubscriptions => true,
            Stage::CreatingTenant
            | Stage::PricingGate
            | Stage::WaitingForPerson
            | Stage::Comparing => !view.is("Succeeded"),
        };
        assert!(goes_on, "{what}: {:#}", view.0);
        let reason = Reason::ALL
            .into_iter()
            .find(|reason| reason.as_str() == view.reason());
        let class = reason.and_then(Reason::class);
        let must_fix = class == Some(StateClass::MustFix);
        if must_fix || view.reason() == "DependencyNotReady" {
            self.tally.stopped += 1;
            assert!(!view.next_action().is_empty(), "{what}: {:#}", view.0);
        }
    }

    /// Waits until the operator has taken a look at what is there now.
    async fn looked_at(&mut self, what: &str) -> View {
        let world = &self.world;
        if self.stage == Stage::Succeeded {
            // A finished upgrade is looked at when its own spec changes, and never asked to hurry.
            world.heartbeats(1).await;
            return world.view().await;
        }
        self.looks += 1;
        let asked = format!("look-{}", self.looks);
        world.annotate(REQUESTED, Some(&asked)).await;
        let stage = self.stage;
        world
            .until(&format!("a look after {what}"), |view| {
                // Where copies go on, a slow machine lets the upgrade come to its end; then it is not
                // asked to hurry any more.
                let over = !stage.is_at_rest() && view.is("Succeeded");
                over || view.text("/status/lastHandledReconcileAt") == asked
            })
            .await
    }

    /// The upgrade is at its stage again, without being asked.
    async fn recovers(&mut self, what: &str) {
        let stage = self.stage;
        let awaited = format!("an upgrade that is well after {what}");
        self.world.until(&awaited, |view| stage.is_well(view)).await;
        self.tally.recovered += 1;
    }

    /// What the upgrade refers to is deleted and made again, and an object comes that disagrees with
    /// another one.
    async fn deletes_and_makes_again(&mut self) {
        for (number, kind) in ["BssConnection", "CustomerPricing"].into_iter().enumerate() {
            if !self.extent.deletes(number, self.stage) {
                continue;
            }
            self.stays().await;
            let (_, name) = WRITTEN.into_iter().find(|(of, _)| *of == kind).unwrap();
            let there = self.world.api(kind).get(name).await.unwrap();
            let again = json!({
                "apiVersion": "tenantreseller.io/v1alpha1", "kind": kind,
                "metadata": { "name": name, "namespace": self.world.namespace },
                "spec": there.data["spec"],
            });
            self.without(kind, name).await;
            let what = format!("{:?}, {kind} {name} deleted", self.stage);
            let view = self.looked_at(&what).await;
            self.in_words(&view, &what);
            let told = !matches!(self.stage, Stage::Suspended | Stage::Succeeded);
            if kind == "BssConnection" && told {
                assert_eq!(view.reason(), "DependencyNotReady", "{what}: {:#}", view.0);
                assert!(view.message().contains(name), "{what}: {}", view.message());
            }
            self.world.apply(&[again]).await;
            self.recovers(&what).await;
            self.tally.made_again += 1;
        }
        let token = self.world.bss.token.clone();
        let secrets = [self.world.credentials(&token), self.world.authority()];
        for (number, secret) in secrets.into_iter().enumerate() {
            if !self.extent.deletes(number + 2, self.stage) {
                continue;
            }
            self.stays().await;
            let name = secret["metadata"]["name"].as_str().unwrap().to_owned();
            self.world.kubectl(&["delete", "secret", &name]).await;
            let what = format!("{:?}, Secret {name} deleted", self.stage);
            let view = self.looked_at(&what).await;
            self.in_words(&view, &what);
            self.world.apply(&[secret]).await;
            self.recovers(&what).await;
            self.tally.made_again += 1;
        }
        let second = declared(&self.world, "second", "no-such-customer");
        self.world.apply(&[second]).await;
        let what = format!("{:?}, a customer in two objects", self.stage);
        let view = self.looked_at(&what).await;
        self.in_words(&view, &what);
        self.without("CustomerPricing", "second").await;
        self.recovers(&what).await;
    }

    async fn without(&self, kind: &str, name: &str) {
        let api = self.world.api(kind);
        api.delete(name, &DeleteParams::default()).await.unwrap();
        until("it is gone", || async {
            let there = api.get_opt(name).await.unwrap();
            (there.is_none(), format!("{there:?}"))
        })
        .await;
    }

    /// Two people, or a person and GitOps, write against each other.
    async fn two_write_at_once(&mut self) {
        const EACH: u32 = 25;
        let world = &self.world;
        let how = &PatchParams::default();
        let (upgrades, connections) = (&world.upgrades(), &world.api("BssConnection"));
        let before = connections.get("distributor").await.unwrap().data["spec"].clone();
        let writes = |suspend: bool, rate: u32| async move {
            for n in 0..EACH {
                let patch = json!({
                    "metadata": { "annotations": { REQUESTED: format!("{suspend}-{n}") } },
                    "spec": { "suspend": suspend },
                });
                let patch = Patch::Merge(&patch);
                upgrades.patch(NAME, how, &patch).await.unwrap();
                let patch = json!({ "spec": { "limits": { "requestsPerSecond": rate } } });
                let patch = Patch::Merge(&patch);
                connections.patch("distributor", how, &patch).await.unwrap();
            }
        };
        futures::future::join(writes(true, 150), writes(false, 250)).await;
        world.patch(json!({ "spec": { "suspend": false } })).await;
        replace(world, "BssConnection", "distributor", &before)
            .await
            .unwrap();
        self.tally.at_once += 4 * EACH;
        let what = format!("{:?}, two writers at once", self.stage);
        self.recovers(&what).await;
    }
}

/// Writes a spec as an editor does: the whole object as it is, with another spec.
async fn replace(world: &World, kind: &str, name: &str, spec: &Value) -> Result<(), String> {
    let api = world.api(kind);
    for _ in 0..20 {
        let mut there = api.get(name).await.unwrap();
        there.data["spec"] = spec.clone();
        match api.replace(name, &PostParams::default(), &there).await {
            Ok(_) => return Ok(()),
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(kube::Error::Api(status)) => return Err(status.message.clone()),
            Err(error) => panic!("{error}"),
        }
    }
    panic!("{kind} {name} always changes meanwhile");
}
