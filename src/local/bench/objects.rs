//! The objects of a run: the project's own examples, moved to a namespace of the run.

use serde_json::{Value, json};

use crate::local::demo::manifests::{self, Target};
use crate::local::error::{LocalError, LocalResult};
use crate::local::tool::Tool;

use super::version::Version;

/// What a connection allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Calls at a time.
    pub(super) concurrency: u16,
    /// Upgrades that may write at a time.
    pub(super) active_upgrades: u16,
}

/// What an upgrade does about customers without pricing options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pricing {
    /// They get the default ones: nothing waits for people.
    Default,
    /// It waits for people.
    Wait,
}

/// More than this machine can ask: the concurrency is what limits.
const REQUESTS_PER_SECOND: u32 = 10_000;

/// The examples that runs are made from.
#[derive(Clone, Debug)]
pub(super) struct Examples {
    connection: Vec<Value>,
    upgrade: Value,
    default_pricing: Value,
}

impl Examples {
    /// Reads those of a version.
    pub(super) async fn read(version: &Version, kubectl: &Tool) -> LocalResult<Self> {
        let file = |name: &str| version.file("examples").join(name);
        let connection = manifests::read(kubectl, &file("connection.yaml")).await?;
        let upgrade = manifests::read(kubectl, &file("upgrade.yaml")).await?;
        let pricing = manifests::read(kubectl, &file("upgrade-default-pricing.yaml")).await?;
        let of_kind = |objects: Vec<Value>| {
            let mut upgrades = objects
                .into_iter()
                .filter(|object| kind(object) == "TenantResellerUpgrade");
            upgrades.next()
        };
        let default_pricing = of_kind(pricing)
            .and_then(|object| object.pointer("/spec/pricing").cloned())
            .ok_or_else(|| unlike("spec.pricing"))?;
        Ok(Self {
            connection,
            upgrade: of_kind(upgrade).ok_or_else(|| unlike("an upgrade"))?,
            default_pricing,
        })
    }

    /// A namespace with a connection to a BSS of this identity and its Secrets.
    pub(super) fn connection(
        &self,
        namespace: &str,
        (target, identity): (&Target, &str),
        limits: Limits,
    ) -> Vec<Value> {
        let mut objects = self.connection.clone();
        manifests::point_at(&mut objects, target);
        for object in &mut objects {
            let kind = kind(object).to_owned();
            let place = if kind == "Namespace" {
                "/metadata/name"
            } else {
                "/metadata/namespace"
            };
            if let Some(told) = object.pointer_mut(place) {
                *told = json!(namespace);
            }
            if kind != "BssConnection" {
                continue;
            }
            if let Some(spec) = object.pointer_mut("/spec").and_then(Value::as_object_mut) {
                spec.insert("identity".into(), json!(identity));
                let limits = json!({
                    "concurrency": limits.concurrency,
                    "requestsPerSecond": REQUESTS_PER_SECOND,
                    "requestTimeoutSeconds": 30,
                    "activeUpgrades": limits.active_upgrades,
                });
                spec.insert("limits".into(), limits);
            }
        }
        objects
    }

    /// An upgrade of a reseller.
    pub(super) fn upgrade(
        &self,
        (namespace, name): (&str, &str),
        account: &str,
        pricing: Pricing,
    ) -> Value {
        let mut upgrade = self.upgrade.clone();
        if let Some(metadata) = upgrade
            .pointer_mut("/metadata")
            .and_then(Value::as_object_mut)
        {
            metadata.insert("namespace".into(), json!(namespace));
            metadata.insert("name".into(), json!(name));
        }
        if let Some(spec) = upgrade.pointer_mut("/spec").and_then(Value::as_object_mut) {
            spec.insert("reseller".into(), json!({ "accountId": account }));
            if pricing == Pricing::Default {
                spec.insert("pricing".into(), self.default_pricing.clone());
            }
        }
        upgrade
    }
}

fn kind(object: &Value) -> &str {
    object
        .pointer("/kind")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn unlike(what: &str) -> LocalError {
    LocalError::Unexpected(format!("examples/ hold no {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> Examples {
        Examples {
            connection: vec![
                json!({"kind": "Namespace", "metadata": {"name": "resellers"}}),
                json!({"kind": "Secret", "metadata": {"name": "s", "namespace": "resellers"},
                    "stringData": {"token": "replace-me"}}),
                json!({"kind": "BssConnection", "metadata": {"name": "c", "namespace": "resellers"},
                    "spec": {"identity": "acme", "limits": {"requestsPerSecond": 20},
                        "reference": {"url": "https://bss.example.com/tenant-reseller/v1"}}}),
            ],
            upgrade: json!({"kind": "TenantResellerUpgrade",
                "metadata": {"name": "u", "namespace": "resellers"},
                "spec": {"reseller": {"accountId": "10423", "expectedName": "Contoso Ltd"},
                    "pricing": {"whenMissing": "Wait"}}}),
            default_pricing: json!({"whenMissing": "UseDefault"}),
        }
    }

    #[test]
    fn a_connection_is_moved_and_limited_by_concurrency_alone() {
        let target = Target {
            url: "https://127.0.0.1:4711".into(),
            token: "T".into(),
            authority: "PEM".into(),
            logins: None,
        };
        let limits = Limits {
            concurrency: 8,
            active_upgrades: 50,
        };
        assert_eq!(
            examples().connection("bench-1", (&target, "bss-1"), limits),
            [
                json!({"kind": "Namespace", "metadata": {"name": "bench-1"}}),
                json!({"kind": "Secret", "metadata": {"name": "s", "namespace": "bench-1"},
                    "stringData": {"token": "T"}}),
                json!({"kind": "BssConnection", "metadata": {"name": "c", "namespace": "bench-1"},
                    "spec": {"identity": "bss-1",
                        "reference": {"url": "https://127.0.0.1:4711/tenant-reseller/v1"},
                        "limits": {"concurrency": 8, "requestsPerSecond": 10_000,
                            "requestTimeoutSeconds": 30, "activeUpgrades": 50}}}),
            ]
        );
    }

    #[test]
    fn an_upgrade_is_of_the_reseller_that_is_named() {
        let made = |pricing| examples().upgrade(("bench-1", "r7"), "100007", pricing);
        let expected = |pricing: &str| {
            json!({"kind": "TenantResellerUpgrade",
                "metadata": {"name": "r7", "namespace": "bench-1"},
                "spec": {"reseller": {"accountId": "100007"}, "pricing": {"whenMissing": pricing}}})
        };
        assert_eq!(made(Pricing::Default), expected("UseDefault"));
        assert_eq!(made(Pricing::Wait), expected("Wait"));
    }
}
