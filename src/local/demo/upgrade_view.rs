//! What the API server shows of an upgrade, read as JSON: the demo sees what any user sees, and
//! shares no type with the operator that could hide a difference.

use std::time::Duration;

use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::{GroupVersionKind, ObjectList};
use serde_json::Value;

use crate::local::error::{LocalError, LocalResult};

const GROUP: &str = "tenantreseller.io";
const VERSION: &str = "v1alpha1";

/// One upgrade as the API server shows it at a moment.
#[derive(Clone, Debug)]
pub(in crate::local) struct UpgradeView {
    status: Value,
}

/// Reads one upgrade and its reports.
#[derive(Clone)]
pub(in crate::local) struct UpgradeReader {
    upgrades: Api<DynamicObject>,
    reports: Api<DynamicObject>,
    name: String,
}

fn kind(kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, VERSION, kind), plural)
}

impl UpgradeReader {
    /// For an upgrade in a namespace.
    pub(in crate::local) fn new(client: &kube::Client, namespace: &str, name: &str) -> Self {
        let upgrade = kind("TenantResellerUpgrade", "tenantresellerupgrades");
        let report = kind("UpgradeReport", "upgradereports");
        Self {
            upgrades: Api::namespaced_with(client.clone(), namespace, &upgrade),
            reports: Api::namespaced_with(client.clone(), namespace, &report),
            name: name.to_owned(),
        }
    }

    /// The upgrade as it is now.
    pub(in crate::local) async fn read(&self) -> LocalResult<UpgradeView> {
        let object = self
            .upgrades
            .get(&self.name)
            .await
            .map_err(LocalError::kube("reading the upgrade"))?;
        let status = object.data.get("status").cloned().unwrap_or_default();
        Ok(UpgradeView { status })
    }

    /// All reports. An API server that just learnt of the kind asks to come back.
    async fn reports(&self) -> LocalResult<ObjectList<DynamicObject>> {
        let doing = || LocalError::kube("listing reports");
        for _ in 0..10 {
            match self.reports.list(&ListParams::default()).await {
                Err(kube::Error::Api(status)) if status.code == 429 => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                answer => return answer.map_err(doing()),
            }
        }
        self.reports
            .list(&ListParams::default())
            .await
            .map_err(doing())
    }

    /// The rows of all pages of one kind of report about the upgrade.
    pub(in crate::local) async fn report_rows(&self, report_kind: &str) -> LocalResult<Vec<Value>> {
        let list = self.reports().await?;
        let owned = list.items.iter().filter(|report| {
            let owners = report.metadata.owner_references.iter().flatten();
            owners.into_iter().any(|owner| owner.name == self.name)
                && text(&report.data, "/spec/kind") == Some(report_kind)
        });
        Ok(owned
            .flat_map(|report| {
                let rows = report.data.pointer("/spec/rows").and_then(Value::as_array);
                rows.cloned().unwrap_or_default()
            })
            .collect())
    }
}

impl UpgradeView {
    fn condition(&self, kind: &str) -> Option<&Value> {
        let conditions = self.status.pointer("/conditions")?.as_array()?;
        conditions
            .iter()
            .find(|condition| text(condition, "/type") == Some(kind))
    }

    /// Whether a condition is True.
    pub(in crate::local) fn is(&self, kind: &str) -> bool {
        self.condition(kind)
            .is_some_and(|condition| text(condition, "/status") == Some("True"))
    }

    /// The reason of a condition.
    pub(in crate::local) fn reason(&self, kind: &str) -> Option<&str> {
        text(self.condition(kind)?, "/reason")
    }

    /// The message of a condition.
    pub(in crate::local) fn message(&self, kind: &str) -> &str {
        self.condition(kind)
            .and_then(|condition| text(condition, "/message"))
            .unwrap_or_default()
    }

    /// The phase.
    pub(in crate::local) fn phase(&self) -> &str {
        text(&self.status, "/phase").unwrap_or("none")
    }

    /// What the operator asks people to do.
    pub(in crate::local) fn next_action(&self) -> &str {
        text(&self.status, "/waitingFor/nextAction").unwrap_or_default()
    }

    /// How far it is, as kubectl shows it.
    pub(in crate::local) fn display(&self) -> &str {
        text(&self.status, "/progress/display").unwrap_or_default()
    }

    /// Failures by reason, with their counts.
    pub(in crate::local) fn failures(&self) -> Vec<(String, u64)> {
        let groups = self.status.pointer("/failures").and_then(Value::as_array);
        groups
            .into_iter()
            .flatten()
            .filter_map(|group| {
                let reason = text(group, "/reason")?.to_owned();
                let count = group.pointer("/count")?.as_u64()?;
                Some((reason, count))
            })
            .collect()
    }

    /// The ids that the examples of failures of one reason name.
    pub(in crate::local) fn named(&self, reason: &str) -> Vec<&str> {
        let groups = self.status.pointer("/failures").and_then(Value::as_array);
        let group = groups
            .into_iter()
            .flatten()
            .find(|group| text(group, "/reason") == Some(reason));
        let examples = group.and_then(|group| group.pointer("/examples")?.as_array());
        examples
            .into_iter()
            .flatten()
            .filter_map(|example| text(example, "/id"))
            .collect()
    }

    /// The whole in one line, for the error when a wait is over.
    pub(in crate::local) fn summary(&self) -> String {
        format!(
            "phase {}, Ready {}: {} {}",
            self.phase(),
            self.reason("Ready").unwrap_or("unset"),
            self.message("Ready"),
            self.next_action(),
        )
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_upgrade_that_nobody_saw_shows_nothing_as_done() {
        let view = UpgradeView {
            status: json!({ "observedGeneration": -1 }),
        };
        assert!(!view.is("TenantCreated"));
        assert_eq!(view.reason("Ready"), None);
        assert_eq!(view.phase(), "none");
        assert_eq!(view.display(), "");
        assert!(view.failures().is_empty());
    }

    #[test]
    fn it_reads_what_the_operator_wrote() {
        let view = UpgradeView {
            status: json!({
                "phase": "PricingGate",
                "conditions": [
                    { "type": "TenantCreated", "status": "True", "reason": "Completed" },
                    { "type": "Ready", "status": "False", "reason": "AwaitingPricing",
                      "message": "customers lack pricing options" },
                ],
                "waitingFor": { "nextAction": "set them" },
                "failures": [{ "reason": "CurrencyMismatch", "count": 3, "examples": [{ "id": "S-7" }] }],
                "progress": { "display": "7/120" },
            }),
        };
        assert!(view.is("TenantCreated"));
        assert!(!view.is("Ready"));
        assert_eq!(view.reason("Ready"), Some("AwaitingPricing"));
        assert_eq!(view.failures(), [("CurrencyMismatch".to_owned(), 3)]);
        assert_eq!(view.named("CurrencyMismatch"), ["S-7"]);
        assert!(view.named("OrphanedCopy").is_empty());
        assert_eq!(view.display(), "7/120");
        assert_eq!(
            view.summary(),
            "phase PricingGate, Ready AwaitingPricing: customers lack pricing options set them"
        );
    }
}
