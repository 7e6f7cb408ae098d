//! What the API server shows of an upgrade, as JSON, and every status that was ever seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use futures::{StreamExt as _, pin_mut};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams, WatchEvent, WatchParams};
use serde_json::{Value, json};
use tenant_reseller_operator::api::{
    BssConnection, ConditionType, CustomerPricing, TenantResellerUpgrade,
};

use crate::crds::{self, Objects as _};
use support::kstatus;

/// An upgrade at a moment.
#[derive(Clone, Debug)]
pub(super) struct View(pub(super) Value);

impl View {
    pub(super) fn condition(&self, type_: &str) -> Option<&Value> {
        let conditions = self.0.pointer("/status/conditions")?.as_array()?;
        conditions.iter().find(|c| c["type"] == type_)
    }

    pub(super) fn is(&self, type_: &str) -> bool {
        self.condition(type_).is_some_and(|c| c["status"] == "True")
    }

    /// The reason of `Ready`.
    pub(super) fn reason(&self) -> &str {
        self.condition("Ready")
            .and_then(|c| c["reason"].as_str())
            .unwrap_or_default()
    }

    /// The message of `Ready`.
    pub(super) fn message(&self) -> &str {
        self.condition("Ready")
            .and_then(|c| c["message"].as_str())
            .unwrap_or_default()
    }

    pub(super) fn text(&self, pointer: &str) -> &str {
        self.0
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(super) fn number(&self, pointer: &str) -> i64 {
        let found = self.0.pointer(pointer).and_then(Value::as_i64);
        found.unwrap_or_else(|| panic!("no {pointer} in {:#}", self.0))
    }

    /// What the status asks people to do.
    pub(super) fn next_action(&self) -> &str {
        self.text("/status/waitingFor/nextAction")
    }

    /// Failures by reason with their counts, sorted.
    pub(super) fn failures(&self) -> Vec<(String, i64)> {
        let mut failures: Vec<(String, i64)> = self.groups().map(counted).collect();
        failures.sort();
        failures
    }

    /// The ids that the examples of one reason name.
    pub(super) fn named(&self, reason: &str) -> Vec<String> {
        self.groups()
            .filter(|group| group["reason"] == reason)
            .filter_map(|group| group["examples"].as_array())
            .flatten()
            .map(|example| example["id"].as_str().unwrap().to_owned())
            .collect()
    }

    fn groups(&self) -> impl Iterator<Item = &Value> {
        let groups = self.0.pointer("/status/failures").and_then(Value::as_array);
        groups.into_iter().flatten()
    }

    pub(super) fn summary(&self) -> String {
        format!(
            "{} {}: {} | {} | {}",
            self.text("/status/phase"),
            self.reason(),
            self.message(),
            self.next_action(),
            self.text("/status/progress/display"),
        )
    }
}

fn counted(group: &Value) -> (String, i64) {
    (
        group["reason"].as_str().unwrap().to_owned(),
        group["count"].as_i64().unwrap(),
    )
}

/// Whether two states of an upgrade differ in nothing but figures and what is made of them.
pub(super) fn same_but_figures(before: &Value, after: &Value) -> bool {
    let bare = |object: &Value| {
        let mut status = object["status"].clone();
        if let Some(members) = status.as_object_mut() {
            for figure in ["progress", "failures", "inventory"] {
                members.remove(figure);
            }
        }
        if let Some(waiting) = status.get_mut("waitingFor").and_then(Value::as_object_mut) {
            waiting.insert("nextAction".to_owned(), Value::Null);
            waiting.remove("nextAttemptTime");
        }
        status
    };
    bare(before) == bare(after)
}

/// What one watch saw, and when.
type Seen = Arc<Mutex<Vec<(Instant, Value)>>>;

/// Watches all upgrades, connections and pricing objects of a namespace and keeps every state of
/// them that it saw. Each is checked in the end, whether the test asks for it or not.
pub(super) struct History {
    seen: Seen,
    beside: Vec<Seen>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Drop for History {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        // A test that failed already has its reason.
        if !std::thread::panicking() {
            self.assert_conventions(&[]);
        }
    }
}

fn watched<K>(
    client: kube::Client,
    namespace: &str,
    mut version: String,
) -> (Seen, tokio::task::JoinHandle<()>)
where
    K: kube::Resource<DynamicType = ()>,
{
    let kind = ApiResource::erase::<K>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(client, namespace, &kind);
    let seen = Seen::default();
    let keep = Arc::clone(&seen);
    let task = tokio::spawn(async move {
        loop {
            let watch = api.watch(&WatchParams::default(), &version).await;
            let mut gone = matches!(&watch, Err(kube::Error::Api(status)) if status.code == GONE);
            if let Ok(stream) = watch {
                pin_mut!(stream);
                while let Some(Ok(event)) = stream.next().await {
                    match event {
                        WatchEvent::Added(object)
                        | WatchEvent::Modified(object)
                        | WatchEvent::Deleted(object) => {
                            version = object.metadata.resource_version.clone().unwrap();
                            keep_state(&keep, object);
                        }
                        WatchEvent::Bookmark(_) => {}
                        WatchEvent::Error(status) => gone = status.code == GONE,
                    }
                }
            }
            if gone {
                // The API server has forgotten what followed that version: what is there now, and
                // on from there. A test that must see every state does not outlive its history.
                if let Ok(list) = api.list(&ListParams::default()).await {
                    version = list.metadata.resource_version.unwrap();
                    for object in list.items {
                        keep_state(&keep, object);
                    }
                }
            } else {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    });
    (seen, task)
}

/// *Gone*: a version that the API server does not know any more.
const GONE: u16 = 410;

fn keep_state(seen: &Seen, object: DynamicObject) {
    let version = object.metadata.resource_version.clone();
    let mut seen = seen.lock().unwrap();
    let known = |(_, old): &(Instant, Value)| old["metadata"]["resourceVersion"] == json!(version);
    if !seen.iter().any(known) {
        seen.push((Instant::now(), serde_json::to_value(object).unwrap()));
    }
}

impl History {
    /// From the beginning: the namespace is new, so that nothing is missed.
    pub(super) fn watch(client: &kube::Client, namespace: &str) -> Self {
        Self::watch_from(client, namespace, "0")
    }

    /// What followed a version.
    fn watch_from(client: &kube::Client, namespace: &str, version: &str) -> Self {
        let from = || (client.clone(), version.to_owned());
        let (client, version) = from();
        let (seen, upgrades) = watched::<TenantResellerUpgrade>(client, namespace, version);
        let (client, version) = from();
        let (connections, of_connections) = watched::<BssConnection>(client, namespace, version);
        let (client, version) = from();
        let (prices, of_prices) = watched::<CustomerPricing>(client, namespace, version);
        Self {
            seen,
            beside: vec![connections, prices],
            tasks: vec![upgrades, of_connections, of_prices],
        }
    }

    /// Whether this very state of an upgrade was seen.
    pub(super) fn has(&self, version: &str) -> bool {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .any(|(_, object)| object["metadata"]["resourceVersion"] == version)
    }

    /// All states of upgrades seen so far.
    pub(super) fn all(&self) -> Vec<Value> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|(_, object)| object.clone()).collect()
    }

    /// The states of an upgrade that differ from the one before in their status, and when the news
    /// of them came.
    pub(super) fn writes(&self, name: &str) -> Vec<(Instant, Value)> {
        let mut writes: Vec<(Instant, Value)> = Vec::new();
        for (at, object) in self.seen.lock().unwrap().iter() {
            let is_new = writes
                .last()
                .is_none_or(|(_, before)| before["status"] != object["status"]);
            if object["metadata"]["name"] == name && is_new {
                writes.push((*at, object.clone()));
            }
        }
        writes
    }

    /// The reasons of `Ready` that an upgrade went through, repeats left out.
    pub(super) fn reasons(&self, name: &str) -> Vec<String> {
        let mut reasons: Vec<String> = Vec::new();
        for object in self.all() {
            let view = View(object);
            if view.text("/metadata/name") == name
                && !view.reason().is_empty()
                && reasons.last().is_none_or(|last| last != view.reason())
            {
                reasons.push(view.reason().to_owned());
            }
        }
        reasons
    }

    /// Every status that was ever written obeys the conventions and is read by tools as the state
    /// table says, follows from the one before, has no milestone that went back, and shows nothing
    /// secret.
    pub(super) fn assert_conventions(&self, secrets: &[&str]) {
        let mut beside = Vec::new();
        for seen in &self.beside {
            beside.extend(
                seen.lock()
                    .unwrap()
                    .iter()
                    .map(|(_, object)| object.clone()),
            );
        }
        let all = self.all();
        let mut latest: BTreeMap<String, &Value> = BTreeMap::new();
        let mut reached: BTreeSet<(String, &str)> = BTreeSet::new();
        for (object, is_upgrade) in all
            .iter()
            .map(|object| (object, true))
            .chain(beside.iter().map(|object| (object, false)))
        {
            let text = object.to_string();
            for secret in secrets {
                assert!(!text.contains(secret), "a secret is shown: {object:#}");
            }
            let view = View(object.clone());
            let uid = view.text("/metadata/uid").to_owned();
            if let Some(before) = latest.insert(uid.clone(), object) {
                kstatus::assert_follows(before, object);
            }
            // Another writer may have been there before the operator.
            if view.condition("Ready").is_none() {
                assert_eq!(object["status"]["observedGeneration"], -1, "{object:#}");
                continue;
            }
            let status = object["status"].to_string();
            assert!(status.len() <= 16 * 1024, "{} bytes", status.len());
            if !is_upgrade {
                // Not where a person wrote a newer spec that was not looked at yet.
                if object["status"]["observedGeneration"] == object["metadata"]["generation"] {
                    kstatus::assert_conventions(object);
                }
                continue;
            }
            kstatus::assert_state(object);
            for milestone in ConditionType::MILESTONES {
                let key = (uid.clone(), milestone.as_str());
                if view.is(milestone.as_str()) {
                    reached.insert(key);
                } else {
                    assert!(!reached.contains(&key), "{key:?} went back: {object:#}");
                }
            }
        }
    }

    /// All of it in lines, for whoever looks for a reason.
    pub(super) fn told(&self) -> String {
        let mut text = String::new();
        for object in self.all() {
            let view = View(object);
            let _always = writeln!(
                text,
                "{} {}",
                view.text("/metadata/resourceVersion"),
                view.summary()
            );
        }
        text
    }
}

pub(super) const MILESTONES: [&str; 6] = [
    "TenantCreated",
    "CustomersCopied",
    "PricingReady",
    "SubscriptionsCopied",
    "BackOrderingActivated",
    "Verified",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_history_whose_version_is_forgotten_begins_anew() {
    let namespace = crds::namespace("forgotten").await;
    namespace.create(&crds::upgrade("before")).await.unwrap();
    // Older than the definitions, and so than all that the API server remembers of them.
    let forgotten = "1";
    let api = namespace.of("TenantResellerUpgrade");
    let told = match api.watch(&WatchParams::default(), forgotten).await {
        Err(error) => format!("{error:?}"),
        Ok(stream) => {
            pin_mut!(stream);
            format!("{:?}", stream.next().await)
        }
    };
    assert!(told.contains("410"), "{told}");
    let history = History::watch_from(&namespace.client, &namespace.name, forgotten);
    let names = || -> BTreeSet<String> {
        let all = history.all().into_iter();
        all.map(|object| object["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    };
    super::world::until("what is there is seen", || async {
        (names().contains("before"), format!("{:?}", names()))
    })
    .await;
    namespace.create(&crds::upgrade("after")).await.unwrap();
    super::world::until("what follows is seen", || async {
        (names().contains("after"), format!("{:?}", names()))
    })
    .await;
}
