//! The cluster's own state goes back, or is lost from sight: etcd restored from an older snapshot,
//! a watch whose place is forgotten.
//!
//! These tests have control planes of their own: what they do concerns every object in them.

use serde_json::json;
use tenant_reseller_operator::local::{Revisions, Snapshot};

use super::bss::Data;
use super::view::{History, View};
use super::world::{NAME, Options, World, own_plane};

fn some() -> Options {
    Options {
        data: Data {
            subscriptions: 40,
            ..Data::default()
        },
        ..Options::default()
    }
}

impl World {
    /// Holds the upgrade at an operation.
    async fn hold_at(&self, operation: &str) {
        let rule = json!({ "operation": operation, "kind": "Unavailable503" });
        self.bss.faults(json!([rule])).await;
    }

    /// Lets it go on until it is held at a later operation, and there a person suspends it.
    async fn suspended_at(&self, operation: &str) {
        self.hold_at(operation).await;
        self.bss.struck(0, 1).await;
        self.patch(json!({ "spec": { "suspend": true } })).await;
        self.until_reason("Suspended").await;
    }

    /// What was seen so far was checked; what follows begins anew with what is there then.
    pub(super) fn watch_anew(&mut self, namespace: &str) {
        self.history = History::watch(&self.client, namespace);
    }

    /// Waits until it asks a person, and sees that it waits for the answer.
    async fn asks(&self) -> View {
        self.bss.faults(json!([])).await;
        let view = self.until_reason("AwaitingConfirmation").await;
        let writes = self.bss.writes().await;
        self.heartbeats(3).await;
        assert_eq!(self.bss.writes().await, writes, "it did not wait");
        assert_eq!(self.bss.state().await["backOrdering"], "Off");
        assert!(!view.is("BackOrderingActivated"), "{:#}", view.0);
        view
    }

    /// Does what the status says, word by word.
    pub(super) async fn confirmed(&self, view: &View) {
        let said = view.text("/status/waitingFor/nextAction");
        let command = said.split_once("kubectl ").unwrap().1;
        assert!(command.contains("tenantreseller.io/confirm="), "{said}");
        let arguments: Vec<&str> = command.split_whitespace().collect();
        self.plane.kubectl().unwrap().run(arguments).await.unwrap();
    }
}

/// Puts the snapshot back under the operators of these worlds.
async fn restored(worlds: &mut [&mut World], snapshot: &Snapshot, revisions: Revisions) {
    for world in &mut *worlds {
        world.holds().await;
        world.watch_anew("nowhere");
    }
    let plane = worlds[0].plane;
    plane.restore(snapshot, revisions).await.unwrap();
    for world in worlds {
        let view = world.view().await;
        assert_eq!(view.0["spec"]["suspend"], false, "{:#}", view.0);
        let namespace = world.namespace.clone();
        world.watch_anew(&namespace);
    }
}

/// Snapshots of phases 1, 2 and 3, put back in phases 2, 3 and 4 under operators that are started
/// again afterwards. A suspension is lost with what came between.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_an_earlier_phase_brings_a_question_before_the_switch() {
    let plane = own_plane(Vec::new()).await;
    let mut first = World::on(plane, "restore1", some()).await;
    let mut second = World::on(plane, "restore2", some()).await;
    let mut third = World::on(plane, "restore3", some()).await;
    for (world, held) in [
        (&first, "createTenant"),
        (&second, "copyCustomers"),
        (&third, "copySubscriptions"),
    ] {
        world.hold_at(held).await;
        world.begin().await;
        world.bss.struck(0, 1).await;
    }
    let snapshot = plane.snapshot("early").await.unwrap();

    // A new version is rolled out, and with it an epoch is issued that the snapshot does not know.
    for (world, later) in [
        (&mut first, "setPricing"),
        (&mut second, "copySubscriptions"),
        (&mut third, "activateBackOrdering"),
    ] {
        world.kill().await;
        world.suspended_at(later).await;
        world.operator.kill().unwrap();
    }
    let mut worlds = [&mut first, &mut second, &mut third];
    restored(&mut worlds, &snapshot, Revisions::Again).await;
    for world in &mut worlds {
        world.operator.start_again().unwrap();
    }
    for world in worlds {
        world.ready().await;
        let view = world.asks().await;
        world.confirmed(&view).await;
        world.ends_well().await;
    }
}

/// The operator goes on running while etcd is away and comes back with older data, and what it
/// had done meanwhile includes the switch in one of the two.
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_goes_on_running_sees_that_the_state_went_back() {
    let plane = own_plane(Vec::new()).await;
    let mut before = World::on(plane, "restorelive", some()).await;
    let mut after = World::on(plane, "restoreswitched", some()).await;
    for world in [&before, &after] {
        world.hold_at("copyCustomers").await;
        world.begin().await;
        world.bss.struck(0, 1).await;
    }
    let snapshot = plane.snapshot("early").await.unwrap();
    before.kill().await;
    before.suspended_at("activateBackOrdering").await;
    after.bss.faults(json!([])).await;
    after.until_succeeded().await;

    let mut worlds = [&mut before, &mut after];
    restored(&mut worlds, &snapshot, Revisions::PassedOver).await;
    let view = before.asks().await;
    before.confirmed(&view).await;
    for world in [&before, &after] {
        // Nothing irreversible was left to do after the switch, and nothing to ask.
        world.until_succeeded().await;
        world.bss.judged_clean().await;
        world.history.assert_conventions(&[]);
    }
    let asked = after.history.reasons(NAME);
    assert!(
        !asked.contains(&"AwaitingConfirmation".to_owned()),
        "{asked:?}"
    );
}

/// An upgrade held in phase 2, and the snapshot of that.
async fn gone_on(label: &str) -> (World, Snapshot) {
    let plane = own_plane(Vec::new()).await;
    let world = World::on(plane, label, some()).await;
    world.hold_at("copyCustomers").await;
    world.begin().await;
    world.bss.struck(0, 1).await;
    let snapshot = plane.snapshot("early").await.unwrap();
    (world, snapshot)
}

/// An upgrade that waits for a confirmation, because the cluster's state went back.
pub(super) async fn gone_back(world: &mut World) {
    world.hold_at("copyCustomers").await;
    world.begin().await;
    world.bss.struck(0, 1).await;
    let snapshot = world.plane.snapshot("early").await.unwrap();
    world.suspended_at("activateBackOrdering").await;
    world.operator.kill().unwrap();
    restored(&mut [world], &snapshot, Revisions::Again).await;
    world.operator.start_again().unwrap();
    world.ready().await;
    world.bss.faults(json!([])).await;
    world.until_reason("AwaitingConfirmation").await;
}

/// No operator was started and no lease changed hands between snapshot and restore: the suspension
/// itself had an epoch issued that the snapshot does not know.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_the_same_epoch_brings_a_question_too() {
    let (mut world, snapshot) = gone_on("restoresame").await;
    world.suspended_at("activateBackOrdering").await;
    world.operator.kill().unwrap();
    restored(&mut [&mut world], &snapshot, Revisions::Again).await;
    world.operator.start_again().unwrap();
    world.ready().await;
    let view = world.asks().await;
    world.confirmed(&view).await;
    world.ends_well().await;
}

/// The files were copied back and nothing more: the place where the operator's watch stands comes
/// only later again, and the lease tells.
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_goes_on_running_hears_when_revisions_are_given_out_again() {
    let (mut world, snapshot) = gone_on("restoredeaf").await;
    world.kill().await;
    world.suspended_at("activateBackOrdering").await;
    restored(&mut [&mut world], &snapshot, Revisions::Again).await;
    let view = world.asks().await;
    world.confirmed(&view).await;
    world.until_succeeded().await;
    world.bss.judged_clean().await;
}

/// While the operator stands still, etcd forgets what it watched and the API server starts anew:
/// its watches are sent away, and what a person changed meanwhile is seen by a new list.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_behind_a_forgotten_watch_is_seen() {
    let plane = own_plane(Vec::new()).await;
    let mut world = World::on(plane, "forgotten", some()).await;
    world.hold_at("copySubscriptions").await;
    world.begin().await;
    world.bss.struck(0, 1).await;
    world.operator.pause().await.unwrap();
    world.patch(json!({ "spec": { "suspend": true } })).await;
    plane.compact().await.unwrap();
    plane.stop_api_server().await.unwrap();
    plane.start_api_server().await.unwrap();
    // The test's own watch was sent away as well.
    world.watch_anew("forgotten");
    world.bss.faults(json!([])).await;
    world.operator.resume().unwrap();
    world.until_reason("Suspended").await;
    let log = world.log();
    assert!(log.contains("has forgotten where the watch was"), "{log}");
    assert_eq!(world.bss.state().await["backOrdering"], "Off");
    world.patch(json!({ "spec": { "suspend": false } })).await;
    world.ends_well().await;
}
