//! Events about upgrades, `events.k8s.io/v1`.
//!
//! kube-rs' own recorder compares everything but the note and repeats the first note for ever, so
//! that later, different causes never show. Here a series is only what is equal in every word.
//!
//! Events are sent beside the work, never before it: those of one upgrade in their order, and those of a few
//! upgrades side by side.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Client, Resource, ResourceExt};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, Span};

use super::error::bounded;
use super::kubernetes::WRITE_MANAGER;
use super::port::{ClusterError, ClusterResult, Event, EventKind};
use crate::api::TenantResellerUpgrade;

/// An event must not hold those that follow it up for long.
const BOUND: Duration = Duration::from_secs(5);
/// A repeat after so long is told anew. Shorter than the hour that API servers keep events.
const SERIES: Duration = Duration::from_mins(30);
/// Series that are remembered; the oldest are forgotten first.
const REMEMBERED: usize = 1024;
/// What the API server accepts as a note, and as the name of an instance.
const NOTE_BYTES: usize = 1024;
const INSTANCE_BYTES: usize = 128;

/// Equal in every word.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    uid: String,
    kind: &'static str,
    reason: &'static str,
    note: String,
}

#[derive(Clone, Debug)]
struct Series {
    event: String,
    count: i32,
    last: Instant,
}

/// The events of so many upgrades are sent side by side.
const SIDE_BY_SIDE: usize = 2;
/// So many events of one upgrade wait to be sent; what comes on top of them is logged alone.
const WAITING: usize = 64;

/// An event that waits to be sent.
struct Told {
    about: ObjectReference,
    key: Key,
    at: Timestamp,
    /// The reconcile that tells it.
    span: Span,
}

/// Publishes events: best effort, bounded in time and number.
pub struct Recorder {
    sender: Arc<Sender>,
    /// What waits, by the uid of the upgrade. One is there for as long as a task sends from it.
    waiting: Arc<Mutex<HashMap<String, VecDeque<Told>>>>,
    side_by_side: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Recorder {
    /// A recorder that signs as `instance`, the name of the pod.
    #[must_use]
    pub fn new(client: Client, instance: String) -> Self {
        Self {
            sender: Arc::new(Sender {
                client,
                instance: cut(instance, INSTANCE_BYTES),
                series: Mutex::default(),
            }),
            waiting: Arc::default(),
            side_by_side: Arc::new(Semaphore::new(SIDE_BY_SIDE)),
            tasks: TaskTracker::new(),
        }
    }

    /// Publishes an event about an upgrade, or counts it if it repeats one word by word. It is sent soon, after
    /// those of the same upgrade that were published before. A failure is logged and forgotten.
    pub fn publish(&self, about: &TenantResellerUpgrade, event: Event) {
        let about = regarding(about);
        let uid = about.uid.clone().unwrap_or_default();
        let told = Told {
            key: Key {
                uid: uid.clone(),
                kind: match event.kind {
                    EventKind::Normal => "Normal",
                    EventKind::Warning => "Warning",
                },
                reason: event.reason.as_str(),
                note: cut(event.note, NOTE_BYTES),
            },
            about,
            at: Timestamp::now(),
            span: Span::current(),
        };
        let mut waiting = lock(&self.waiting);
        if let Some(waiting) = waiting.get_mut(&uid) {
            if waiting.len() < WAITING {
                waiting.push_back(told);
            } else {
                tracing::warn!(
                    reason = told.key.reason,
                    "event not published: too many wait"
                );
            }
            return;
        }
        waiting.insert(uid.clone(), VecDeque::from([told]));
        drop(waiting);
        let (sender, waiting) = (Arc::clone(&self.sender), Arc::clone(&self.waiting));
        let side_by_side = Arc::clone(&self.side_by_side);
        self.tasks.spawn(async move {
            // It is never closed.
            let _turn = side_by_side.acquire().await;
            while let Some(told) = next(&waiting, &uid) {
                let span = told.span.clone();
                sender.publish(told).instrument(span).await;
            }
        });
    }

    /// Waits until everything that was published is sent, at most so long.
    pub async fn sent(&self, bound: Duration) {
        self.tasks.close();
        // What is not sent by then stands in the log.
        let _in_time = timeout(bound, self.tasks.wait()).await;
        self.tasks.reopen();
    }
}

/// The next event of an upgrade. Where there is none, the next one that is published begins a task of its own.
fn next(waiting: &Mutex<HashMap<String, VecDeque<Told>>>, uid: &str) -> Option<Told> {
    let mut waiting = lock(waiting);
    let next = waiting.get_mut(uid).and_then(VecDeque::pop_front);
    if next.is_none() {
        waiting.remove(uid);
    }
    next
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends one event after the other.
struct Sender {
    client: Client,
    instance: String,
    series: Mutex<HashMap<Key, Series>>,
}

impl Sender {
    async fn publish(&self, told: Told) {
        let Told { about, key, at, .. } = told;
        let namespace = about.namespace.as_deref().unwrap_or("default");
        let api: Api<v1::Event> = Api::namespaced(self.client.clone(), namespace);
        match self.send(&api, &about, (&key, at)).await {
            Ok(series) => self.remember(key, series),
            Err(error) => tracing::warn!(reason = key.reason, %error, "event not published"),
        }
    }

    async fn send(
        &self,
        api: &Api<v1::Event>,
        about: &ObjectReference,
        (key, at): (&Key, Timestamp),
    ) -> ClusterResult<Series> {
        // Taken out while the call runs: two equal events at a time then make two events, which is
        // harmless, and nothing is locked over a call.
        if let Some(mut series) = self.recall(key) {
            series.count = series.count.saturating_add(1);
            series.last = Instant::now();
            match self.repeat(api, &series, at).await {
                Ok(()) => return Ok(series),
                // It expired in the API server meanwhile.
                Err(ClusterError::Gone) => {}
                Err(error) => return Err(error),
            }
        }
        self.tell(api, about, (key, at)).await
    }

    async fn repeat(
        &self,
        api: &Api<v1::Event>,
        series: &Series,
        at: Timestamp,
    ) -> ClusterResult<()> {
        let patch = json!({
            "series": {
                "count": series.count,
                "lastObservedTime": MicroTime(at),
            },
        });
        let how = PatchParams {
            field_manager: Some(WRITE_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        bounded(BOUND, api.patch(&series.event, &how, &Patch::Merge(&patch)))
            .await
            .map(drop)
    }

    async fn tell(
        &self,
        api: &Api<v1::Event>,
        about: &ObjectReference,
        (key, at): (&Key, Timestamp),
    ) -> ClusterResult<Series> {
        let event = v1::Event {
            metadata: ObjectMeta {
                name: Some(self.name(about, key)),
                namespace: about.namespace.clone(),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(at)),
            reporting_controller: Some(WRITE_MANAGER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            action: Some("Upgrade".to_owned()),
            reason: Some(key.reason.to_owned()),
            note: Some(key.note.clone()),
            type_: Some(key.kind.to_owned()),
            regarding: Some(about.clone()),
            ..v1::Event::default()
        };
        let how = PostParams {
            field_manager: Some(WRITE_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let made = bounded(BOUND, api.create(&how, &event)).await?;
        Ok(Series {
            event: made.name_any(),
            count: 1,
            last: Instant::now(),
        })
    }

    /// The upgrade's name and something that no other event has.
    fn name(&self, about: &ObjectReference, key: &Key) -> String {
        let series = lock(&self.series);
        let unique = series.hasher().hash_one((key, Timestamp::now()));
        let name = about.name.as_deref().unwrap_or_default();
        let head: String = name.chars().take(200).collect();
        format!("{}.{unique:016x}", head.trim_end_matches(['.', '-']))
    }

    fn recall(&self, key: &Key) -> Option<Series> {
        let mut series = lock(&self.series);
        series
            .remove(key)
            .filter(|series| series.last.elapsed() < SERIES)
    }

    fn remember(&self, key: Key, told: Series) {
        let mut series = lock(&self.series);
        if series.len() >= REMEMBERED {
            series.retain(|_, series| series.last.elapsed() < SERIES);
        }
        if series.len() >= REMEMBERED
            && let Some(oldest) = series
                .iter()
                .min_by_key(|(_, series)| series.last)
                .map(|(key, _)| key.clone())
        {
            series.remove(&oldest);
        }
        series.insert(key, told);
    }
}

fn regarding(about: &TenantResellerUpgrade) -> ObjectReference {
    ObjectReference {
        api_version: Some(TenantResellerUpgrade::api_version(&()).into_owned()),
        kind: Some(TenantResellerUpgrade::kind(&()).into_owned()),
        namespace: about.namespace(),
        name: about.metadata.name.clone(),
        uid: about.uid(),
        resource_version: about.resource_version(),
        ..ObjectReference::default()
    }
}

/// Cuts a text to at most `bytes` bytes on a character boundary.
fn cut(mut text: String, bytes: usize) -> String {
    let end = text.floor_char_boundary(bytes);
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_cut_between_characters() {
        assert_eq!(cut("short".into(), 1024), "short");
        let cut = cut("é".repeat(600), 1023);
        assert_eq!((cut.len(), cut.chars().count()), (1022, 511));
    }
}
