//! `list`: upgrades in a table, page by page as the API server hands them over.

use std::process::ExitCode;

use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{ListParams, ObjectMeta};
use kube::core::DeserializeGuard;
use serde_json::{Value, json};

use super::cli::{ListFlags, Output};
use super::error::Failure;
use super::fetch::Scope;
use super::kubeconfig::Cluster;
use super::look::{Tone, span};
use super::out::Out;
use super::report::eprint_line;
use super::table::{Cell, Table};
use super::view::{seconds, standing, text};
use super::words::Standing;
use crate::api::{
    Condition, ConditionList as _, ConditionStatus, ConditionType, Phase, TenantResellerUpgrade,
};

/// What kubectl calls the kind.
const KIND: &str = "tenantresellerupgrade.tenantreseller.io";

pub(super) async fn run(
    cluster: &Cluster,
    asked: &ListFlags,
    out: Out,
) -> Result<ExitCode, Failure> {
    let scope = Scope::of(asked.all_namespaces);
    let mut list = List {
        asked,
        out,
        now: Timestamp::now(),
        table: Table::new(out.look, headings(asked), asked.no_headers),
        objects: Vec::new(),
        shown: 0,
    };
    let of = params(asked);
    cluster
        .pages::<TenantResellerUpgrade>(scope, of, "the upgrades", |page| list.page(&page))
        .await?;
    list.end(cluster, scope)?;
    Ok(ExitCode::SUCCESS)
}

/// What the API server itself picks out. A selector of fields holds one value of each.
fn params(asked: &ListFlags) -> ListParams {
    let mut fields = Vec::new();
    if let [phase] = asked.phase.as_slice() {
        fields.push(format!("status.phase={phase}"));
    }
    if let Some(connection) = &asked.connection {
        fields.push(format!("spec.connectionRef.name={connection}"));
    }
    let mut of = ListParams::default();
    if !fields.is_empty() {
        of = of.fields(&fields.join(","));
    }
    if let Some(selector) = &asked.selector {
        of = of.labels(selector);
    }
    of
}

fn headings(asked: &ListFlags) -> Vec<&'static str> {
    let mut headings = Vec::new();
    if asked.all_namespaces {
        headings.push("NAMESPACE");
    }
    headings.extend([
        "NAME", "READY", "REASON", "PHASE", "PROGRESS", "FAILED", "FOR", "AGE",
    ]);
    if asked.output == Some(Output::Wide) {
        headings.extend(["RESELLER", "CONNECTION", "TENANT", "MESSAGE"]);
    }
    headings
}

/// A list under way.
struct List<'a> {
    asked: &'a ListFlags,
    out: Out,
    now: Timestamp,
    table: Table,
    /// Kept only where the output is one document.
    objects: Vec<Value>,
    shown: usize,
}

impl List<'_> {
    fn page(&mut self, page: &[DeserializeGuard<TenantResellerUpgrade>]) -> Result<(), Failure> {
        let mut rows = Vec::new();
        for object in page {
            let upgrade = match &object.0 {
                Ok(upgrade) if self.wanted(upgrade) => upgrade,
                Ok(_) => continue,
                Err(unreadable) => {
                    let name = place(&unreadable.metadata);
                    eprint_line(&text(&format!(
                        "{name} was written for another version and is left out: {}",
                        unreadable.error
                    )));
                    continue;
                }
            };
            self.shown = self.shown.saturating_add(1);
            match self.asked.output {
                Some(Output::Json | Output::Yaml) => {
                    let object = serde_json::to_value(upgrade);
                    self.objects
                        .push(object.map_err(|error| Failure::Format(Box::new(error)))?);
                }
                Some(Output::Name) => self.out.text(&format!("{KIND}/{}\n", upgrade.name_any()))?,
                Some(Output::Wide) | None => rows.push(self.row(upgrade)),
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        self.out.lines(&self.table.lines(&rows))
    }

    fn wanted(&self, upgrade: &TenantResellerUpgrade) -> bool {
        let ListFlags {
            phase,
            reason,
            needs_action,
            ..
        } = self.asked;
        let any = |wanted: &[String], is: Option<&str>| {
            wanted.is_empty() || is.is_some_and(|is| wanted.iter().any(|wanted| wanted == is))
        };
        let status = upgrade.status.as_ref();
        let is = status.and_then(|status| status.phase).map(Phase::as_str);
        any(phase, is)
            && any(reason, ready(upgrade).map(|ready| ready.reason.as_str()))
            && (!needs_action || standing(upgrade) == Standing::PersonMustAct)
    }

    fn row(&self, upgrade: &TenantResellerUpgrade) -> Vec<Cell> {
        let status = upgrade.status.as_ref();
        let progress = status.and_then(|status| status.progress.as_ref());
        let ready = ready(upgrade);
        let word = ready.map(|ready| match ready.status {
            ConditionStatus::True => "True",
            ConditionStatus::False => "False",
            ConditionStatus::Unknown => "Unknown",
        });
        let tone = match standing(upgrade) {
            Standing::Done => Tone::Good,
            Standing::Failed => Tone::Bad,
            Standing::PersonMustAct => Tone::People,
            Standing::Working => Tone::Busy,
        };
        let since = status.and_then(|status| status.waiting_for.as_ref());
        let since = since.and_then(|waiting| super::view::instant(&waiting.since));
        let since = since.map(|since| span(seconds(since, self.now)));
        let created = upgrade.metadata.creation_timestamp.as_ref();
        let age = created.map(|created| span(seconds(created.0, self.now)));
        let failed = progress.map(|progress| progress.failed.to_string());
        let reason = ready.map_or_else(|| "NotSeen".to_owned(), |ready| text(&ready.reason));
        let mut row = Vec::new();
        if self.asked.all_namespaces {
            row.push(Cell::maybe(upgrade.metadata.namespace.as_deref()));
        }
        row.extend([
            Cell::toned(upgrade.name_any(), Tone::Bold),
            Cell::maybe(word),
            Cell::toned(reason, tone),
            Cell::maybe(status.and_then(|status| status.phase).map(Phase::as_str)),
            Cell::new(
                progress
                    .map(|progress| text(&progress.display))
                    .unwrap_or_default(),
            ),
            Cell::maybe(failed.as_deref()),
            Cell::maybe(since.as_deref()),
            Cell::maybe(age.as_deref()),
        ]);
        if self.asked.output == Some(Output::Wide) {
            let tenant = status.and_then(|status| status.tenant.as_ref()?.id.as_deref());
            row.extend([
                Cell::new(text(&upgrade.spec.reseller.account_id)),
                Cell::new(&upgrade.spec.connection_ref.name),
                Cell::new(tenant.map(text).unwrap_or_default()),
                Cell::new(ready.map(|ready| text(&ready.message)).unwrap_or_default()),
            ]);
        }
        row
    }

    fn end(self, cluster: &Cluster, scope: Scope) -> Result<(), Failure> {
        let Self {
            asked,
            out,
            objects,
            shown,
            ..
        } = self;
        match asked.output {
            Some(Output::Json) => return out.json(&as_list(&objects)),
            Some(Output::Yaml) => return out.yaml(&as_list(&objects)),
            Some(Output::Name | Output::Wide) | None => {}
        }
        if shown == 0 {
            let place = match scope {
                Scope::All => "in any namespace".to_owned(),
                Scope::Namespace => format!("in the namespace {}", cluster.namespace),
            };
            eprint_line(&format!("No such upgrade was found {place}."));
        }
        Ok(())
    }
}

/// Objects as kubectl prints several.
pub(super) fn as_list(objects: &[Value]) -> Value {
    json!({ "apiVersion": "v1", "kind": "List", "metadata": {}, "items": objects })
}

fn ready(upgrade: &TenantResellerUpgrade) -> Option<&Condition> {
    upgrade
        .status
        .as_ref()?
        .conditions
        .condition(ConditionType::Ready)
}

fn place(metadata: &ObjectMeta) -> String {
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let name = metadata.name.as_deref().unwrap_or_default();
    format!("{namespace}/{name}")
}
