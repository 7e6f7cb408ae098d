//! `connections`: how each BSS is reached, what it promises, and which upgrades use it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams};

use super::cli::{ConnectionFlags, Output};
use super::error::Failure;
use super::fetch::Scope;
use super::kubeconfig::Cluster;
use super::list::as_list;
use super::look::{Look, Tone, counted, span};
use super::out::Out;
use super::report::eprint_line;
use super::table::{Cell, Table};
use super::view::{seconds, text};
use crate::api::{
    BssConnection, Condition, ConditionList as _, ConditionStatus, ConditionType,
    TenantResellerUpgrade,
};

/// What kubectl calls the kind.
const KIND: &str = "bssconnection.tenantreseller.io";
/// The conditions beside `Ready`.
const PARTS: [&str; 3] = ["Reachable", "Authenticated", "Conforming"];

/// A connection by namespace and name.
type Key = (String, String);
/// The upgrades that name each connection, and the present reason of each.
type Users = BTreeMap<Key, BTreeSet<(String, String)>>;

pub(super) async fn run(
    cluster: &Cluster,
    asked: &ConnectionFlags,
    out: Out,
) -> Result<ExitCode, Failure> {
    let scope = Scope::of(asked.all_namespaces);
    let connections = if let Some(name) = &asked.name {
        let api: Api<BssConnection> = cluster.api(Scope::Namespace);
        let doing = format!(
            "the connection {name} in the namespace {}",
            cluster.namespace
        );
        vec![api.get(name).await.map_err(Failure::api(doing))?]
    } else {
        let mut all: Vec<BssConnection> = Vec::new();
        cluster
            .pages(scope, ListParams::default(), "the connections", |page| {
                all.extend(page.into_iter().filter_map(|connection| connection.0.ok()));
                Ok(())
            })
            .await?;
        all
    };
    match asked.output {
        Some(Output::Json) => out.json(&as_list(&objects(&connections)?))?,
        Some(Output::Yaml) => out.yaml(&as_list(&objects(&connections)?))?,
        Some(Output::Name) => {
            for connection in &connections {
                out.text(&format!("{KIND}/{}\n", connection.name_any()))?;
            }
        }
        Some(Output::Wide) | None => {
            let users = users(cluster, scope).await?;
            match (&asked.name, connections.first()) {
                (Some(_), Some(connection)) => {
                    out.lines(&detail(connection, &users, out.look))?;
                }
                (_, Some(_)) => out.lines(&table(&connections, &users, asked, out.look))?,
                (_, None) => eprint_line("There are no connections."),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn objects(connections: &[BssConnection]) -> Result<Vec<serde_json::Value>, Failure> {
    connections
        .iter()
        .map(|connection| {
            serde_json::to_value(connection).map_err(|error| Failure::Format(Box::new(error)))
        })
        .collect()
}

/// Which upgrades use which connection, the tenant's own access included.
async fn users(cluster: &Cluster, scope: Scope) -> Result<Users, Failure> {
    let mut users = Users::new();
    cluster
        .pages::<TenantResellerUpgrade>(scope, ListParams::default(), "the upgrades", |page| {
            for upgrade in page.into_iter().filter_map(|upgrade| upgrade.0.ok()) {
                let namespace = upgrade.namespace().unwrap_or_default();
                let tenant = upgrade.spec.tenant_connection_ref.iter();
                for used in std::iter::once(&upgrade.spec.connection_ref).chain(tenant) {
                    let key = (namespace.clone(), used.name.clone());
                    let user = (upgrade.name_any(), reason(&upgrade));
                    users.entry(key).or_default().insert(user);
                }
            }
            Ok(())
        })
        .await?;
    Ok(users)
}

fn reason(upgrade: &TenantResellerUpgrade) -> String {
    let status = upgrade.status.as_ref();
    let ready = status.and_then(|status| status.conditions.condition(ConditionType::Ready));
    ready.map_or_else(|| "NotSeen".to_owned(), |ready| text(&ready.reason))
}

fn key(connection: &BssConnection) -> Key {
    (
        connection.namespace().unwrap_or_default(),
        connection.name_any(),
    )
}

fn condition<'a>(connection: &'a BssConnection, type_: &str) -> Option<&'a Condition> {
    let conditions = &connection.status.as_ref()?.conditions;
    conditions.iter().find(|condition| condition.type_ == type_)
}

fn health(condition: Option<&Condition>) -> (&'static str, Tone) {
    match condition.map(|condition| condition.status) {
        Some(ConditionStatus::True) => ("True", Tone::Good),
        Some(ConditionStatus::False) => ("False", Tone::Bad),
        Some(ConditionStatus::Unknown) => ("Unknown", Tone::Busy),
        None => ("-", Tone::Dim),
    }
}

fn url(connection: &BssConnection) -> String {
    connection
        .spec
        .adapter()
        .map(|adapter| text(adapter.url))
        .unwrap_or_default()
}

fn table(
    connections: &[BssConnection],
    users: &Users,
    asked: &ConnectionFlags,
    look: Look,
) -> Vec<String> {
    let wide = asked.output == Some(Output::Wide);
    let mut headings = Vec::new();
    if asked.all_namespaces {
        headings.push("NAMESPACE");
    }
    headings.extend([
        "NAME", "READY", "REASON", "ADAPTER", "IDENTITY", "UPGRADES", "AGE", "URL",
    ]);
    if wide {
        headings.push("MESSAGE");
    }
    let mut table = Table::new(look, headings, asked.no_headers);
    let now = Timestamp::now();
    let rows: Vec<Vec<Cell>> = connections
        .iter()
        .map(|connection| {
            let ready = condition(connection, ConditionType::Ready.as_str());
            let (word, tone) = health(ready);
            let used = users.get(&key(connection)).map_or(0, BTreeSet::len);
            let created = connection.metadata.creation_timestamp.as_ref();
            let age = created.map(|created| span(seconds(created.0, now)));
            let adapter = connection.spec.adapter().map(|adapter| adapter.name);
            let mut row = Vec::new();
            if asked.all_namespaces {
                row.push(Cell::maybe(connection.metadata.namespace.as_deref()));
            }
            row.extend([
                Cell::toned(connection.name_any(), Tone::Bold),
                Cell::toned(word, tone),
                Cell::new(ready.map(|ready| text(&ready.reason)).unwrap_or_default()),
                Cell::maybe(adapter),
                Cell::new(text(&connection.spec.identity)),
                Cell::new(used.to_string()),
                Cell::maybe(age.as_deref()),
                Cell::new(url(connection)),
            ]);
            if wide {
                row.push(Cell::new(
                    ready.map(|ready| text(&ready.message)).unwrap_or_default(),
                ));
            }
            row
        })
        .collect();
    table.lines(&rows)
}

/// One connection: its health, its promises, its limits, its upgrades.
fn detail(connection: &BssConnection, users: &Users, look: Look) -> Vec<String> {
    let (namespace, name) = key(connection);
    let bold = |title: &str| look.paint(Tone::Bold, title);
    let mut lines = vec![bold(&format!("{namespace}/{name}"))];
    let adapter = connection
        .spec
        .adapter()
        .map_or("none", |adapter| adapter.name);
    lines.push(look.cut(&format!(
        "{}, adapter {adapter}, {}",
        text(&connection.spec.identity),
        url(connection)
    )));
    lines.push(String::new());
    for type_ in std::iter::once(ConditionType::Ready.as_str()).chain(PARTS) {
        let condition = condition(connection, type_);
        let (word, tone) = health(condition);
        let said = condition.map(|said| format!("{}: {}", text(&said.reason), text(&said.message)));
        let word = look.paint(tone, &format!("{word:<7}"));
        lines.push(look.cut(&format!("{type_:<13} {word} {}", said.unwrap_or_default())));
    }
    let limits = &connection.spec.limits;
    lines.push(String::new());
    lines.push(bold("Limits:"));
    let learnt =
        |limit: Option<i32>| limit.map_or_else(|| "learnt".to_owned(), |limit| limit.to_string());
    lines.push(format!(
        "  requests a second: {}, at a time: {}, upgrades at a time: {}, seconds for a request: {}",
        learnt(limits.requests_per_second),
        learnt(limits.concurrency),
        limits.active_upgrades,
        limits.request_timeout_seconds
    ));
    let risks: Vec<&str> = connection
        .spec
        .accepted_risks
        .iter()
        .map(|risk| risk.as_str())
        .collect();
    if !risks.is_empty() {
        lines.push(look.paint(
            Tone::People,
            &format!("  accepted risks: {}", risks.join(", ")),
        ));
    }
    let capabilities = connection
        .status
        .as_ref()
        .map(|status| status.capabilities.as_slice());
    let capabilities = capabilities.unwrap_or_default();
    if !capabilities.is_empty() {
        lines.push(String::new());
        lines.push(bold("What it does and promises (docs/guarantees.md):"));
        for capability in capabilities {
            let tone = match capability.value.as_str() {
                "Automatic" | "Strong" | "Unique" => Tone::Good,
                "Unsupported" | "None" => Tone::Bad,
                _ => Tone::People,
            };
            let value = look.paint(tone, &text(&capability.value));
            lines.push(look.cut(&format!("  {:<24} {value}", text(&capability.name))));
        }
    }
    let used = users.get(&(namespace, name));
    let count = i64::try_from(used.map_or(0, BTreeSet::len)).unwrap_or(i64::MAX);
    lines.push(String::new());
    lines.push(bold(&format!("Used by {}:", counted(count, "upgrade"))));
    for (upgrade, reason) in used.into_iter().flatten() {
        lines.push(format!("  {upgrade:<24} {reason}"));
    }
    lines
}
