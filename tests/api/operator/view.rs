//! What the API server shows of an upgrade, as JSON, and every status that was ever seen.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use futures::{StreamExt as _, pin_mut};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, WatchEvent, WatchParams};
use serde_json::Value;
use tenant_reseller_operator::api::TenantResellerUpgrade;

use crate::kstatus;

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

/// Watches all upgrades of a namespace and keeps every object that it saw, and when.
pub(super) struct History {
    seen: Arc<Mutex<Vec<(Instant, Value)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for History {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl History {
    pub(super) fn watch(client: kube::Client, namespace: &str) -> Self {
        let kind = ApiResource::erase::<TenantResellerUpgrade>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(client, namespace, &kind);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&seen);
        // From the beginning: the namespace is new, so that nothing is missed.
        let task = tokio::spawn(async move {
            let mut version = "0".to_owned();
            loop {
                let Ok(stream) = api.watch(&WatchParams::default(), &version).await else {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                };
                pin_mut!(stream);
                while let Some(Ok(event)) = stream.next().await {
                    if let WatchEvent::Added(object)
                    | WatchEvent::Modified(object)
                    | WatchEvent::Deleted(object) = event
                    {
                        version = object.metadata.resource_version.clone().unwrap();
                        let value = serde_json::to_value(object).unwrap();
                        keep.lock().unwrap().push((Instant::now(), value));
                    }
                }
            }
        });
        Self { seen, task }
    }

    /// All objects seen so far.
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

    /// Every status obeys the conventions, milestones never went back, and nothing secret was
    /// shown.
    pub(super) fn assert_conventions(&self, secrets: &[&str]) {
        let all = self.all();
        assert!(!all.is_empty(), "nothing was watched");
        let mut reached: BTreeSet<(String, String)> = BTreeSet::new();
        for object in &all {
            let text = object.to_string();
            for secret in secrets {
                assert!(!text.contains(secret), "a secret is shown: {object:#}");
            }
            if object.pointer("/status/conditions").is_none() {
                assert_eq!(object["status"]["observedGeneration"], -1, "{object:#}");
                continue;
            }
            kstatus::assert_conventions(object);
            let status = object["status"].to_string();
            assert!(status.len() <= 16 * 1024, "{} bytes", status.len());
            let view = View(object.clone());
            let uid = view.text("/metadata/uid").to_owned();
            for milestone in MILESTONES {
                let key = (uid.clone(), milestone.to_owned());
                if view.is(milestone) {
                    reached.insert(key);
                } else {
                    assert!(!reached.contains(&key), "{milestone} went back: {object:#}");
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

pub(super) const MILESTONES: [&str; 5] = [
    "TenantCreated",
    "CustomersCopied",
    "PricingReady",
    "SubscriptionsCopied",
    "BackOrderingActivated",
];
