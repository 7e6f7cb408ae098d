//! `claims`: who upgraded which reseller, when, under which approval, on which inventory.

use std::process::ExitCode;

use kube::ResourceExt as _;
use kube::api::ListParams;
use serde_json::{Value, json};

use super::cli::{ClaimFlags, ClaimOutput};
use super::error::Failure;
use super::fetch::Scope;
use super::kubeconfig::Cluster;
use super::list::as_list;
use super::look::Tone;
use super::out::Out;
use super::report::eprint_line;
use super::table::{Cell, Table};
use super::view::text;
use crate::api::{GROUP, ResellerClaim, VERSION};

/// What kubectl calls the kind.
const KIND: &str = "resellerclaim.tenantreseller.io";

pub(super) async fn run(
    cluster: &Cluster,
    given: Option<&str>,
    asked: &ClaimFlags,
    out: Out,
) -> Result<ExitCode, Failure> {
    // Records lie in the namespace of the operator, which the reader need not know.
    let scope = Scope::of(given.is_none());
    let mut claims: Vec<ResellerClaim> = Vec::new();
    cluster
        .pages(scope, params(asked), "the records", |page| {
            for claim in page {
                match claim.0 {
                    Ok(claim) => claims.push(claim),
                    // An auditor must not take a part for the whole.
                    Err(unreadable) => {
                        let name = unreadable.metadata.name.unwrap_or_default();
                        return Err(Failure::Refused(text(&format!(
                            "the record {name} was written for another version: {}",
                            unreadable.error
                        ))));
                    }
                }
            }
            Ok(())
        })
        .await?;
    match asked.output {
        Some(ClaimOutput::Json) => out.json(&as_list(&whole(&claims)?))?,
        Some(ClaimOutput::Yaml) => out.yaml(&as_list(&whole(&claims)?))?,
        Some(ClaimOutput::Jsonl) => {
            for claim in &claims {
                out.text(&format!("{}\n", record(claim)))?;
            }
        }
        Some(ClaimOutput::Name) => {
            for claim in &claims {
                out.text(&format!("{KIND}/{}\n", claim.name_any()))?;
            }
        }
        Some(ClaimOutput::Wide) | None if claims.is_empty() => {
            eprint_line("There are no records.");
        }
        Some(ClaimOutput::Wide) | None => table(&claims, asked, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn params(asked: &ClaimFlags) -> ListParams {
    let reseller = asked
        .reseller
        .iter()
        .map(|account| ("spec.resellerAccountId", account));
    let identity = asked
        .identity
        .iter()
        .map(|identity| ("spec.bssIdentity", identity));
    let fields: Vec<String> = reseller
        .chain(identity)
        .map(|(field, value)| format!("{field}={}", escaped(value)))
        .collect();
    if fields.is_empty() {
        return ListParams::default();
    }
    ListParams::default().fields(&fields.join(","))
}

/// A value of a field selector, in which three characters have a meaning.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace(',', "\\,")
        .replace('=', "\\=")
}

fn whole(claims: &[ResellerClaim]) -> Result<Vec<Value>, Failure> {
    let claims = claims.iter().map(serde_json::to_value);
    claims
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::Format(Box::new(error)))
}

/// A record without what belongs to this cluster alone: it can be kept, compared and created again.
fn record(claim: &ResellerClaim) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "ResellerClaim",
        "metadata": { "name": claim.name_any() },
        "spec": claim.spec,
    })
}

fn table(claims: &[ResellerClaim], asked: &ClaimFlags, out: Out) -> Result<(), Failure> {
    let wide = asked.output == Some(ClaimOutput::Wide);
    let mut headings = vec![
        "IDENTITY",
        "RESELLER",
        "UPGRADE",
        "TENANT",
        "ACTIVATED",
        "BY",
    ];
    if wide {
        headings.extend(["INVENTORY", "EPOCH", "HOLDER-UID", "RECORD"]);
    }
    let mut table = Table::new(out.look, headings, asked.no_headers);
    let rows: Vec<Vec<Cell>> = claims
        .iter()
        .map(|claim| {
            let spec = &claim.spec;
            let maybe =
                |value: &Option<String>| Cell::new(value.as_deref().map(text).unwrap_or_default());
            let mut row = vec![
                Cell::new(text(&spec.bss_identity)),
                Cell::toned(text(&spec.reseller_account_id), Tone::Bold),
                Cell::new(format!("{}/{}", spec.holder.namespace, spec.holder.name)),
                maybe(&spec.tenant_id),
                maybe(&spec.activation_time),
                maybe(&spec.approval),
            ];
            if wide {
                let epoch = spec.epoch.map(|epoch| epoch.to_string());
                row.extend([
                    maybe(&spec.inventory_digest),
                    maybe(&epoch),
                    Cell::new(text(&spec.holder.uid)),
                    Cell::new(claim.name_any()),
                ]);
            }
            row
        })
        .collect();
    out.lines(&table.lines(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_a_selector_is_one_value() {
        assert_eq!(escaped("a,b=c\\"), "a\\,b\\=c\\\\");
    }
}
