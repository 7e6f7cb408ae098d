//! When what was seen of every upgrade, by one watch at the API server: the first status, and the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::runtime::watcher;
use kube::runtime::watcher::Event;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::local::error::{LocalError, LocalResult};

const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What happened to one upgrade, and when.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    /// When its creation was sent.
    pub(super) created: Option<Instant>,
    /// When the operator first said something of it.
    pub(super) told: Option<Instant>,
    /// When it had succeeded.
    pub(super) ended: Option<Instant>,
    /// The reason of `Ready`.
    pub(super) reason: String,
    /// The message of `Ready`.
    message: String,
    stalled: bool,
}

impl Track {
    fn saw(&mut self, object: &DynamicObject) {
        let now = Instant::now();
        let status = object.data.get("status");
        let conditions = status.and_then(|status| status.get("conditions")?.as_array());
        let of = |name: &str| {
            let mut all = conditions.into_iter().flatten();
            all.find(|each| each.get("type").and_then(Value::as_str) == Some(name))
        };
        let text = |condition: Option<&Value>, member: &str| {
            let value = condition.and_then(|condition| condition.get(member)?.as_str());
            value.unwrap_or_default().to_owned()
        };
        let ready = of("Ready");
        if ready.is_some() {
            self.told.get_or_insert(now);
        }
        if text(of("Succeeded"), "status") == "True" {
            self.ended.get_or_insert(now);
        }
        self.stalled = text(of("Stalled"), "status") == "True";
        self.reason = text(ready, "reason");
        self.message = text(ready, "message");
    }

    /// Seconds from its creation to its first status.
    pub(super) fn until_told(&self) -> Option<f64> {
        Some(self.told?.duration_since(self.created?).as_secs_f64())
    }

    /// Seconds from its creation to its end.
    pub(super) fn until_ended(&self) -> Option<f64> {
        Some(self.ended?.duration_since(self.created?).as_secs_f64())
    }
}

type All = BTreeMap<(String, String), Track>;

/// Watches all upgrades.
pub(super) struct Tracks {
    client: kube::Client,
    all: Arc<Mutex<All>>,
    changed: Arc<Notify>,
    watching: JoinHandle<()>,
}

impl Drop for Tracks {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// The kind of the upgrades.
pub(super) fn resource() -> ApiResource {
    let gvk = GroupVersionKind::gvk("tenantreseller.io", "v1alpha1", "TenantResellerUpgrade");
    ApiResource::from_gvk_with_plural(&gvk, "tenantresellerupgrades")
}

impl Tracks {
    /// Begins to watch.
    pub(super) fn watch(client: &kube::Client) -> Self {
        let all: Arc<Mutex<All>> = Arc::default();
        let changed = Arc::new(Notify::new());
        let upgrades: Api<DynamicObject> = Api::all_with(client.clone(), &resource());
        let (seen, told) = (Arc::clone(&all), Arc::clone(&changed));
        let watching = tokio::spawn(async move {
            let events = watcher(upgrades, watcher::Config::default());
            let mut events = std::pin::pin!(events);
            // An error is followed by another attempt: the watcher lists again by itself.
            loop {
                match events.try_next().await {
                    Ok(Some(Event::Apply(object) | Event::InitApply(object))) => {
                        let metadata = &object.metadata;
                        let name = metadata.name.clone().unwrap_or_default();
                        let key = (metadata.namespace.clone().unwrap_or_default(), name);
                        locked(&seen).entry(key).or_default().saw(&object);
                        told.notify_waiters();
                    }
                    Ok(Some(Event::Delete(_) | Event::Init | Event::InitDone)) => {}
                    Ok(None) => return,
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        });
        Self {
            client: client.clone(),
            all,
            changed,
            watching,
        }
    }

    /// Creates an upgrade, and remembers when.
    pub(super) async fn create(&self, upgrade: Value) -> LocalResult<()> {
        let object: DynamicObject = serde_json::from_value(upgrade)
            .map_err(|error| LocalError::Unexpected(format!("an upgrade is none: {error}")))?;
        let namespace = object.metadata.namespace.clone().unwrap_or_default();
        let name = object.metadata.name.clone().unwrap_or_default();
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &namespace, &resource());
        let key = (namespace, name);
        locked(&self.all).entry(key).or_default().created = Some(Instant::now());
        api.create(&PostParams::default(), &object)
            .await
            .map_err(LocalError::kube("creating an upgrade"))?;
        Ok(())
    }

    /// All upgrades of a namespace as they were last seen, by name.
    pub(super) fn of(&self, namespace: &str) -> BTreeMap<String, Track> {
        let all = locked(&self.all);
        all.iter()
            .filter(|((place, _), _)| place == namespace)
            .map(|((_, name), track)| (name.clone(), track.clone()))
            .collect()
    }

    /// How many upgrades of a namespace are as they are wanted; an error if one of them needs a person to fix
    /// something. Nothing is copied: there may be thousands, and a look comes with every event.
    fn count(&self, namespace: &str, wanted: impl Fn(&Track) -> bool) -> LocalResult<usize> {
        let all = locked(&self.all);
        let mut done: usize = 0;
        for ((_, name), track) in all.iter().filter(|((place, _), _)| place == namespace) {
            if track.stalled {
                return Err(LocalError::Unexpected(format!(
                    "{namespace}/{name} needs a person: {}: {}",
                    track.reason, track.message
                )));
            }
            done = done.saturating_add(usize::from(wanted(track)));
        }
        Ok(done)
    }

    /// How many there are of each reason.
    fn reasons(&self, namespace: &str) -> BTreeMap<String, u32> {
        let mut reasons: BTreeMap<String, u32> = BTreeMap::new();
        for track in self.of(namespace).into_values() {
            let count = reasons.entry(track.reason).or_default();
            *count = count.saturating_add(1);
        }
        reasons
    }

    /// Waits until so many upgrades of a namespace are as they are wanted; an error after the bound, or as
    /// soon as one of them needs a person to fix something.
    pub(super) async fn until(
        &self,
        (namespace, count): (&str, usize),
        wanted: impl Fn(&Track) -> bool,
        (what, bound): (&str, Duration),
    ) -> LocalResult<()> {
        let began = Instant::now();
        loop {
            // Asked for before the look: what comes in between wakes it.
            let changed = self.changed.notified();
            let done = self.count(namespace, &wanted)?;
            if done >= count {
                return Ok(());
            }
            let left = bound.saturating_sub(began.elapsed());
            if left.is_zero() {
                let reasons = self.reasons(namespace);
                return Err(LocalError::NotObserved {
                    awaited: what.to_owned(),
                    within: bound,
                    last: format!("{done} of {count}; by reason {reasons:?}"),
                });
            }
            // The bound is looked at above, whichever of the two it was.
            let _changed_or_late = tokio::time::timeout(left, changed).await;
            // The moments are those of the events; many events are one look.
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

fn locked(all: &Mutex<All>) -> MutexGuard<'_, All> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(status: &Value) -> DynamicObject {
        serde_json::from_value(json!({ "apiVersion": "tenantreseller.io/v1alpha1",
            "kind": "TenantResellerUpgrade", "metadata": { "name": "u" }, "status": status }))
        .unwrap()
    }

    #[test]
    fn the_first_status_and_the_end_are_remembered_once() {
        let mut track = Track {
            created: Some(Instant::now()),
            ..Track::default()
        };
        // What the definition itself gives a new object is no word of the operator.
        track.saw(&object(&json!({ "observedGeneration": -1 })));
        assert_eq!(track.until_told(), None);
        let ready = json!({ "type": "Ready", "status": "Unknown", "reason": "Progressing" });
        track.saw(&object(&json!({ "conditions": [ready] })));
        let told = track.until_told();
        assert!(told.is_some() && track.until_ended().is_none());
        assert_eq!(track.reason, "Progressing");
        let done = json!({ "type": "Succeeded", "status": "True", "reason": "Succeeded" });
        track.saw(&object(&json!({ "conditions": [ready, done] })));
        assert_eq!(track.until_told(), told);
        assert!(track.until_ended() >= told);
    }
}
