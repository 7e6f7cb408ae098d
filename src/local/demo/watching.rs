//! Waiting for what a story tells: until the API server or the sandbox shows it, or the time is over, or
//! the operator ends.

use std::time::Duration;

use super::sandbox_actors::Census;
use super::upgrade_view::{UpgradeReader, UpgradeView};
use super::world::World;
use crate::local::error::LocalResult;
use crate::local::eventually::{Observation, eventually};

/// Waits until the upgrade looks as told.
pub(super) async fn until(
    world: &mut World,
    reader: &UpgradeReader,
    (awaited, within): (&str, Duration),
    accept: impl Fn(&UpgradeView) -> bool,
) -> LocalResult<UpgradeView> {
    let seen = eventually(awaited, within, || async {
        let view = reader.read().await?;
        Ok(if accept(&view) {
            Observation::Done(view)
        } else {
            Observation::NotYet(view.summary())
        })
    });
    tokio::select! {
        seen = seen => seen,
        error = world.operator.ended() => Err(error),
    }
}

/// Waits until the sandbox's tables look as told.
pub(super) async fn counted(
    world: &mut World,
    (awaited, within): (&str, Duration),
    accept: impl Fn(&Census) -> bool,
) -> LocalResult<Census> {
    let control = world.control.clone();
    let seen = eventually(awaited, within, || async {
        let census = control.census().await?;
        Ok(Observation::when(accept(&census), census))
    });
    tokio::select! {
        seen = seen => seen,
        error = world.operator.ended() => Err(error),
    }
}
