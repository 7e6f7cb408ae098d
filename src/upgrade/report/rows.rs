//! The rows of reports: what people read of single items. Pure, and bounded by what is kept of findings.

use super::{cut, messages};
use crate::api::{ReportKind, ReportRow};
use crate::bss::port::TenantId;
use crate::upgrade::keys::Keys;
use crate::upgrade::known::Known;
use crate::upgrade::sweep::tally::Finding;

/// The rows of a report, and how many were not kept.
#[must_use]
pub fn report_rows(
    kind: ReportKind,
    known: &Known,
    keys: &Keys,
    tenant: Option<&TenantId>,
) -> (Vec<ReportRow>, i64) {
    let (findings, verdict) = match kind {
        ReportKind::Blockers => (&known.findings.blockers, "Blocked"),
        ReportKind::Exclusions => (&known.findings.exclusions, "Excluded"),
        ReportKind::ManualSteps => (&known.findings.manual, "ToDo"),
        ReportKind::Verification => (&known.findings.differences, "Differs"),
    };
    let rows = findings
        .rows
        .iter()
        .map(|finding| row(finding, verdict, keys, tenant))
        .collect();
    (rows, findings.truncated())
}

fn row(finding: &Finding, verdict: &str, keys: &Keys, tenant: Option<&TenantId>) -> ReportRow {
    let Finding {
        reason,
        kind,
        source,
        detail,
    } = finding;
    let remedy = match (verdict, detail) {
        ("Blocked", Some(detail)) => {
            format!(
                "{} {}",
                messages::sentence(detail),
                messages::remedy(reason)
            )
        }
        ("Blocked", None) => messages::remedy(reason).to_owned(),
        ("Differs", _) => messages::difference_remedy(reason).to_owned(),
        ("ToDo", _) if *reason == "UpdateByHand" => {
            "Bring the copy up to its source, or complete it.".to_owned()
        }
        ("ToDo", _) if *reason == "MarkByHand" => {
            "Its copy is there: mark the account and its orders as back-ordering records."
                .to_owned()
        }
        ("ToDo", _) => "Copy it one to one, linked to its source.".to_owned(),
        (_, detail) => detail.clone().unwrap_or_default(),
    };
    ReportRow {
        item: kind.as_str().to_owned(),
        id: source.0.clone(),
        business_key: tenant
            .zip(kind.kind())
            .map(|(tenant, kind)| keys.item(tenant, kind, source).0),
        verdict: verdict.to_owned(),
        reason: (*reason).to_owned(),
        remedy: cut(&remedy, 512),
    }
}
