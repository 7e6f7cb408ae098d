//! An object as a cache keeps it: it may be unreadable for this version, and it is without what no decision
//! needs.
//!
//! What is not needed goes while the object is read, before it takes memory: managedFields are most of an
//! object, and kube-rs' own guard reads an object three times with all of them.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use kube::Resource;
use kube::api::ObjectMeta;
use serde::de::{DeserializeOwned, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::api::{
    BssConnection, ConditionList as _, ConditionType, CustomerPricing, FINALIZER,
    TenantResellerUpgrade, TenantResellerUpgradeStatus, TenantSpec,
};

/// `kubectl apply` keeps a whole copy of the object here.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// What annotations of the operator begin with.
const OWN: &str = "tenantreseller.io/";

/// An object that may be unreadable for this version: one that was written by a newer or older version must not
/// stop the others. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Guarded<K>(pub(super) Result<Arc<K>, Arc<Unreadable>>);

/// What is known of an object that this version cannot read.
#[derive(Clone, Debug)]
pub(super) struct Unreadable {
    pub(super) error: String,
    pub(super) metadata: ObjectMeta,
}

/// A kind that caches keep.
pub(super) trait Kept {
    /// Drops what no decision needs.
    fn trim(&mut self);
}

impl Kept for BssConnection {
    fn trim(&mut self) {}
}

impl Kept for CustomerPricing {
    fn trim(&mut self) {}
}

impl Kept for TenantResellerUpgrade {
    /// A finished upgrade that is observed and not held is never written again before it changes, and then it
    /// comes anew with all that it has. Until then its name, its version and the words that are counted are
    /// enough: most upgrades are finished ones.
    fn trim(&mut self) {
        let Some(status) = &mut self.status else {
            return;
        };
        let meta = &mut self.metadata;
        let mut finalizers = meta.finalizers.iter().flatten();
        let held = meta.deletion_timestamp.is_some() || finalizers.any(|name| name == FINALIZER);
        let observed = status.observed_generation == meta.generation;
        if held || !observed || !status.conditions.holds(ConditionType::Succeeded) {
            return;
        }
        let mut annotations = meta.annotations.take().unwrap_or_default();
        annotations.retain(|name, _| name.starts_with(OWN));
        *meta = ObjectMeta {
            name: meta.name.take(),
            namespace: meta.namespace.take(),
            uid: meta.uid.take(),
            generation: meta.generation,
            resource_version: meta.resource_version.take(),
            annotations: (!annotations.is_empty()).then_some(annotations),
            ..ObjectMeta::default()
        };
        let counted = [ConditionType::Ready, ConditionType::Succeeded].map(ConditionType::as_str);
        let conditions = std::mem::take(&mut status.conditions).into_iter();
        let conditions = conditions.filter(|each| counted.contains(&each.type_.as_str()));
        let conditions: Vec<_> = conditions.collect();
        let mut conditions: Vec<_> = conditions.into_boxed_slice().into_vec();
        for condition in &mut conditions {
            condition.message = String::new();
            condition.last_transition_time = String::new();
        }
        *status = TenantResellerUpgradeStatus {
            observed_generation: status.observed_generation,
            operator: status.operator.take(),
            phase: status.phase,
            conditions,
            ..TenantResellerUpgradeStatus::default()
        };
        let spec = &mut self.spec;
        spec.reseller.account_id = String::new();
        spec.reseller.expected_name = None;
        spec.pricing.default = None;
        spec.confirmed_copies = Vec::new();
        spec.tenant = TenantSpec {
            price_list: String::new(),
            edition: String::new(),
            language: String::new(),
            time_zone: String::new(),
            date_format: String::new(),
            invoicing: spec.tenant.invoicing,
        };
    }
}

impl<'de, K: DeserializeOwned + Kept> Deserialize<'de> for Guarded<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Pruned { object, .. } = Pruned::<Whole>::deserialize(deserializer)?;
        let object = Value::Object(object);
        match K::deserialize(&object) {
            Ok(mut object) => {
                object.trim();
                Ok(Self(Ok(Arc::new(object))))
            }
            Err(error) => {
                let metadata = object.get("metadata").unwrap_or(&Value::Null);
                let metadata = ObjectMeta::deserialize(metadata).map_err(D::Error::custom)?;
                let error = error.to_string();
                Ok(Self(Err(Arc::new(Unreadable { error, metadata }))))
            }
        }
    }
}

/// A map of JSON without what `P` leaves out.
struct Pruned<P> {
    object: Map<String, Value>,
    part: PhantomData<P>,
}

/// A part of an object.
trait Part {
    /// Reads one member; none if it is left out.
    fn member<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Option<Value>, A::Error>;
}

/// The object itself.
struct Whole;
/// Its metadata.
struct Metadata;
/// The annotations.
struct Annotations;

impl Part for Whole {
    fn member<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Option<Value>, A::Error> {
        if name == "metadata" {
            let metadata: Pruned<Metadata> = map.next_value()?;
            return Ok(Some(Value::Object(metadata.object)));
        }
        map.next_value().map(Some)
    }
}

impl Part for Metadata {
    fn member<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Option<Value>, A::Error> {
        match name {
            "managedFields" => map.next_value::<IgnoredAny>().map(|_| None),
            "annotations" => {
                let annotations: Option<Pruned<Annotations>> = map.next_value()?;
                Ok(annotations.map(|annotations| Value::Object(annotations.object)))
            }
            _ => map.next_value().map(Some),
        }
    }
}

impl Part for Annotations {
    fn member<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Option<Value>, A::Error> {
        if name == LAST_APPLIED {
            return map.next_value::<IgnoredAny>().map(|_| None);
        }
        map.next_value().map(Some)
    }
}

impl<'de, P: Part> Deserialize<'de> for Pruned<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reads(PhantomData))
    }
}

struct Reads<P>(PhantomData<P>);

impl<'de, P: Part> Visitor<'de> for Reads<P> {
    type Value = Pruned<P>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pruned<P>, A::Error> {
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if let Some(value) = P::member(&name, &mut map)? {
                object.insert(name, value);
            }
        }
        Ok(Pruned {
            object,
            part: PhantomData,
        })
    }
}

impl<K: Resource + Clone> Resource for Guarded<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dt: &K::DynamicType) -> Cow<'_, str> {
        K::kind(dt)
    }

    fn group(dt: &K::DynamicType) -> Cow<'_, str> {
        K::group(dt)
    }

    fn version(dt: &K::DynamicType) -> Cow<'_, str> {
        K::version(dt)
    }

    fn plural(dt: &K::DynamicType) -> Cow<'_, str> {
        K::plural(dt)
    }

    fn meta(&self) -> &ObjectMeta {
        match &self.0 {
            Ok(object) => object.meta(),
            Err(unreadable) => &unreadable.metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match &mut self.0 {
            Ok(object) => Arc::make_mut(object).meta_mut(),
            Err(unreadable) => &mut Arc::make_mut(unreadable).metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::ResourceExt as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_kubectl_and_the_api_server_keep_for_themselves_is_left_out() {
        let object: Guarded<BssConnection> = serde_json::from_value(json!({
            "apiVersion": "tenantreseller.io/v1alpha1",
            "kind": "BssConnection",
            "metadata": {
                "name": "distributor",
                "labels": { "team": "a" },
                "managedFields": [{ "manager": "kubectl", "fieldsV1": { "f:spec": {} } }],
                "annotations": { LAST_APPLIED: "{}", "mine": "kept" },
            },
        }))
        .expect("metadata is readable");
        let unreadable = object.0.as_ref().expect_err("it has no spec");
        assert!(unreadable.error.contains("spec"), "{}", unreadable.error);
        assert_eq!(object.managed_fields(), []);
        assert_eq!(object.labels()["team"], "a");
        assert_eq!(
            object.annotations().iter().collect::<Vec<_>>(),
            [(&"mine".to_owned(), &"kept".to_owned())]
        );
    }

    #[test]
    fn an_object_without_readable_metadata_is_an_error() {
        for metadata in [json!("x"), json!(null), json!({ "name": 7 })] {
            let object = json!({ "kind": "BssConnection", "metadata": metadata });
            serde_json::from_value::<Guarded<BssConnection>>(object).unwrap_err();
        }
    }

    fn upgrade(change: impl FnOnce(&mut Value)) -> TenantResellerUpgrade {
        let condition = |name: &str, reason: &str| {
            json!({ "type": name, "status": "True", "reason": reason, "message": "m",
                "lastTransitionTime": "2026-12-05T20:00:00Z", "observedGeneration": 2 })
        };
        let mut upgrade = json!({
            "apiVersion": "tenantreseller.io/v1alpha1", "kind": "TenantResellerUpgrade",
            "metadata": { "name": "contoso", "namespace": "resellers", "uid": "u", "generation": 2,
                "resourceVersion": "9", "labels": { "team": "a" },
                "annotations": { "mine": "gone", "tenantreseller.io/take-over": "other" } },
            "spec": {
                "connectionRef": { "kind": "BssConnection", "name": "distributor" },
                "reseller": { "accountId": "10423" },
                "tenant": { "priceList": "PL", "edition": "Premium", "language": "en-GB",
                    "timeZone": "Europe/Athens", "dateFormat": "dd/MM/yyyy", "invoicing": "Combined" },
            },
            "status": {
                "observedGeneration": 2, "operator": "this", "phase": "Done",
                "conditions": [condition("Verified", "Completed"), condition("Ready", "Succeeded"),
                    condition("Succeeded", "Succeeded")],
                "timeline": [{ "milestone": "Verified", "items": 3 }],
            },
        });
        change(&mut upgrade);
        let upgrade: Guarded<TenantResellerUpgrade> =
            serde_json::from_value(upgrade).expect("an object");
        Arc::unwrap_or_clone(upgrade.0.expect("a readable one"))
    }

    #[test]
    fn of_a_finished_upgrade_the_words_that_are_counted_are_kept() {
        let kept = upgrade(|_| {});
        assert_eq!(kept.spec.connection_ref.name, "distributor");
        assert_eq!(
            (kept.name_any(), kept.uid(), kept.resource_version()),
            ("contoso".into(), Some("u".into()), Some("9".into()))
        );
        let annotations: Vec<_> = kept.annotations().keys().collect();
        assert_eq!(annotations, ["tenantreseller.io/take-over"]);
        let status = kept.status.expect("a status");
        assert_eq!(status.operator.as_deref(), Some("this"));
        let conditions = status.conditions.iter();
        let conditions: Vec<_> = conditions.map(|c| (&*c.type_, &*c.reason)).collect();
        assert_eq!(
            conditions,
            [("Ready", "Succeeded"), ("Succeeded", "Succeeded")]
        );
        assert_eq!(
            (status.timeline, kept.spec.tenant.edition),
            (vec![], String::new())
        );
    }

    /// Whatever the operator will write to again must be whole.
    #[test]
    fn an_upgrade_that_is_not_finished_observed_and_let_go_is_kept_whole() {
        let changes: [fn(&mut Value); 5] = [
            |upgrade| upgrade["metadata"]["generation"] = json!(3),
            |upgrade| upgrade["metadata"]["finalizers"] = json!([FINALIZER]),
            |upgrade| upgrade["metadata"]["deletionTimestamp"] = json!("2026-12-05T20:00:00Z"),
            |upgrade| upgrade["status"]["conditions"][2]["status"] = json!("Unknown"),
            |upgrade| upgrade["status"]["observedGeneration"] = json!(1),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let kept = upgrade(change);
            assert_eq!(kept.spec.tenant.edition, "Premium", "{number}");
            assert_eq!(kept.labels()["team"], "a", "{number}");
            let status = kept.status.expect("a status");
            assert_eq!((status.conditions.len(), status.timeline.len()), (3, 1));
        }
    }
}
