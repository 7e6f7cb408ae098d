//! Looking at the cluster, and telling what is seen there, wait behind no call to a BSS.

use futures::FutureExt as _;

use super::*;
use crate::controller::admission::Turn;

/// Every place from which the BSS of the upgrade may be called.
fn all_places(bench: &Bench) -> Vec<Turn<'_>> {
    let upgrade = bench.cluster.present();
    let admission = &bench.controller.context.admission;
    let one = || admission.turn(&upgrade, Lane::Bss).now_or_never();
    std::iter::from_fn(one).take(100).collect()
}

#[tokio::test]
async fn the_first_status_is_shown_while_calls_hang_and_the_call_waits_for_its_place() {
    let bench = bench();
    let taken = all_places(&bench);
    assert!(!taken.is_empty() && taken.len() < 100);
    let mut reconcile = Box::pin(bench.reconcile());
    let wait = Duration::from_millis(200);
    let ended = tokio::time::timeout(wait, &mut reconcile).await;
    assert!(ended.is_err(), "it waits for a place");
    let (reason, message, _) = bench.shown();
    assert_eq!(reason, "Progressing", "{message}");
    assert!(!bench.cluster.calls().contains(&"get claim"));
    drop(taken);
    reconcile.await;
    assert_eq!(bench.shown().0, "BssUnavailable", "it was called");
}

#[tokio::test]
async fn what_is_wrong_with_a_connection_is_told_while_calls_hang() {
    let bench = bench();
    let _taken = all_places(&bench);
    *bench.cluster.token.lock().unwrap() = None;
    let ended = tokio::time::timeout(Duration::from_secs(10), bench.reconcile()).await;
    assert!(ended.is_ok());
    assert_eq!(bench.shown().0, "DependencyNotReady");
}
