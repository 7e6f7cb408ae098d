//! The rows of reports: what people read of single items. Pure, and bounded by what is kept of findings.

use super::{line, messages};
use crate::api::{ReportKind, ReportRow};
use crate::bss::port::TenantId;
use crate::legible::legible;
use crate::upgrade::keys::Keys;
use crate::upgrade::known::Known;
use crate::upgrade::sweep::findings::Finding;

/// The rows of a report, and how many were not kept.
#[must_use]
pub fn report_rows(
    kind: ReportKind,
    known: &Known,
    keys: &Keys,
    tenant: Option<&TenantId>,
) -> (Vec<ReportRow>, i64) {
    let findings = match kind {
        ReportKind::Blockers => &known.findings.blockers,
        ReportKind::Exclusions => &known.findings.exclusions,
        ReportKind::ManualSteps => &known.findings.manual,
        ReportKind::Verification => &known.findings.differences,
    };
    let rows = findings
        .rows
        .iter()
        .map(|finding| row(finding, kind, keys, tenant))
        .collect();
    (rows, findings.truncated())
}

/// What a report says of all its rows.
fn verdict(kind: ReportKind) -> &'static str {
    match kind {
        ReportKind::Blockers => "Blocked",
        ReportKind::Exclusions => "Excluded",
        ReportKind::ManualSteps => "ToDo",
        ReportKind::Verification => "Differs",
    }
}

fn row(finding: &Finding, report: ReportKind, keys: &Keys, tenant: Option<&TenantId>) -> ReportRow {
    let Finding {
        reason,
        kind,
        source,
        detail,
    } = finding;
    let remedy = messages::remedy(*reason);
    let remedy = match (report, detail) {
        (ReportKind::Blockers, Some(detail)) => {
            format!("{} {remedy}", messages::sentence(detail))
        }
        (ReportKind::Blockers, None) | (ReportKind::Verification | ReportKind::ManualSteps, _) => {
            remedy.to_owned()
        }
        (ReportKind::Exclusions, detail) => detail.clone().unwrap_or_default(),
    };
    ReportRow {
        item: kind.as_str().to_owned(),
        // The business key has it byte by byte.
        id: legible(&source.0),
        business_key: tenant
            .zip(kind.kind())
            .map(|(tenant, kind)| keys.item(tenant, kind, source).0),
        verdict: verdict(report).to_owned(),
        reason: reason.as_str().to_owned(),
        remedy: line(&remedy, 512),
    }
}
