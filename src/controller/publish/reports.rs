//! The report pages of an upgrade: what is blocked, excluded, left to people or different. Touches the
//! cluster.
//!
//! Only what changed is written. What a kind of report tells is written only after this process has
//! looked at it; until then the pages of another process stay.

use std::time::Duration;

use futures::{StreamExt as _, stream};

use crate::api::{
    ConditionType, ReportKind, ReportRow, TenantResellerUpgrade, UpgradeReport, UpgradeReportSpec,
};
use crate::cluster::port::{Cluster, ClusterResult};
use crate::cluster::report_metadata;
use crate::controller::cache::{CacheEntry, PublishedReports};
use crate::controller::context::Scope;
use crate::controller::publish::Refusals;
use crate::upgrade::{BlockersTold, Known, Now, ValidUpgrade, report_rows};

/// Rows of a page, as the schema bounds them.
const PAGE_ROWS: usize = 1000;
/// The bytes that the rows of a page may have, as JSON: the rest of 256 KiB is for its metadata.
const PAGE_BYTES: usize = 248 * 1024;
/// Pages of a report.
const MAX_PAGES: usize = 8;
/// Pages that are written side by side: a large one takes the API server a tenth of a second.
const PAGES_AT_ONCE: usize = 4;
/// What is remembered of reports is compared with the API server after this long: longer than any
/// request can live that a dead process left under way.
const RESYNC_EVERY: Duration = Duration::from_mins(10);

/// When the pages are compared with what the API server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::controller) enum Resync {
    /// Now, whatever is remembered: no process may come back to them.
    Now,
    /// If they have to change, or after [`RESYNC_EVERY`].
    WhenDue,
}

/// The upgrade that is reported on.
pub(in crate::controller) struct Reported<'a, B> {
    pub(in crate::controller) upgrade: &'a TenantResellerUpgrade,
    pub(in crate::controller) valid: &'a ValidUpgrade,
    pub(in crate::controller) entry: &'a mut CacheEntry<B>,
}

impl<'a, B> Reported<'a, B> {
    /// The upgrade in work.
    pub(in crate::controller) fn of(scope: &'a mut Scope<'_, B>) -> Self {
        Self {
            upgrade: &scope.upgrade,
            valid: scope.valid,
            entry: scope.entry,
        }
    }
}

/// The pages of a kind of report.
type Pages = (ReportKind, Vec<UpgradeReportSpec>);

/// Writes the pages whose content changed and deletes those that are no longer needed.
///
/// To compare with the API server is a list call, so it is not done before every wait: what was found
/// or written is remembered by its digest. A write whose outcome is unknown is not remembered. A page
/// that a person changed or deleted, or that a late write of a dead process overwrote, is corrected
/// after [`RESYNC_EVERY`], with the last edit before the switch, or by the next process.
pub(in crate::controller) async fn reports<C: Cluster, B>(
    cluster: &C,
    reported: Reported<'_, B>,
    now: Now,
    resync: Resync,
) -> ClusterResult<()> {
    let Reported {
        upgrade,
        valid,
        entry,
    } = reported;
    let Some(wanted) = wanted(&entry.known, valid) else {
        return Ok(());
    };
    let digest = digest(&wanted);
    let remembered = entry.reports.take().filter(|published| {
        published.digest == digest
            && now.monotonic.saturating_sub(published.compared_at) < RESYNC_EVERY
            && resync == Resync::WhenDue
    });
    if remembered.is_some() {
        entry.reports = remembered;
        return Ok(());
    }
    write(cluster, upgrade, &mut entry.refusals, wanted).await?;
    entry.reports = Some(PublishedReports {
        digest,
        compared_at: now.monotonic,
    });
    Ok(())
}

/// The pages as they should be, of the kinds that this process has looked at.
fn wanted(known: &Known, valid: &ValidUpgrade) -> Option<Vec<Pages>> {
    let claim = known.fencing.claim.as_ref();
    // An upgrade that rests before it began has looked, and holds no record.
    let account = claim
        .map(|claim| claim.reseller_account_id.clone().into())
        .or_else(|| Some(known.bss.reseller.as_ref()?.account.clone()))?;
    let keys = valid.keys(&account);
    let tenant = claim.and_then(|claim| claim.tenant_id.clone().map(Into::into));
    let kinds = ReportKind::ALL.into_iter();
    let wanted: Vec<Pages> = kinds
        .filter(|kind| looked_at(*kind, known))
        .map(|kind| {
            let (rows, truncated) = report_rows(kind, known, &keys, tenant.as_ref());
            (kind, pages(kind, &rows, truncated))
        })
        .collect();
    (!wanted.is_empty()).then_some(wanted)
}

/// Brings the pages of these kinds to what is wanted.
async fn write<C: Cluster>(
    cluster: &C,
    upgrade: &TenantResellerUpgrade,
    refusals: &mut Refusals,
    wanted: Vec<Pages>,
) -> ClusterResult<()> {
    let mut there = cluster.reports_of(upgrade).await?;
    there.retain(|report| wanted.iter().any(|(kind, _)| *kind == report.spec.kind));
    let mut changed = Vec::new();
    for (kind, pages) in wanted {
        for page in pages {
            let suffix = format!("{}-{}", kind.as_str().to_lowercase(), page.page);
            let mut report = UpgradeReport::new("", page);
            report.metadata = report_metadata(upgrade, &suffix);
            let same = there
                .iter()
                .position(|old| old.metadata.name == report.metadata.name)
                .map(|found| there.swap_remove(found));
            if same.is_none_or(|old| old.spec != report.spec) {
                changed.push(report);
            }
        }
    }
    let written = changed.into_iter().map(|report| async move {
        let answer = cluster.apply_report(&report).await;
        (report, answer)
    });
    let mut written = stream::iter(written).buffered(PAGES_AT_ONCE);
    while let Some((report, answer)) = written.next().await {
        refusals.take(&object(&report), answer)?;
    }
    for old in &there {
        let deleted = cluster.delete_report(old).await;
        refusals.take(&object(old), deleted)?;
    }
    Ok(())
}

/// A page, as people name it.
fn object(report: &UpgradeReport) -> String {
    let name = report.metadata.name.as_deref().unwrap_or_default();
    format!("UpgradeReport {name}")
}

/// The digest of all pages. Pages that cannot be serialised cannot be sent either, which is an error of
/// its own.
fn digest(pages: &[Pages]) -> [u8; 32] {
    use sha2::{Digest as _, Sha256};
    let text = serde_json::to_vec(pages).unwrap_or_default();
    Sha256::digest(&text).into()
}

/// Whether this process has looked at what a kind of report tells.
fn looked_at(kind: ReportKind, known: &Known) -> bool {
    known.findings.looked_at_purchases
        || match kind {
            // After the switch nothing is blocked; what is missing then is a difference.
            ReportKind::Blockers => {
                known.findings.told != BlockersTold::Nothing
                    || known.reached(ConditionType::BackOrderingActivated)
            }
            ReportKind::Exclusions => false,
            // After the switch no step is left; a list that another process wrote goes.
            ReportKind::ManualSteps => {
                known.findings.manual.total() > 0
                    || known.reached(ConditionType::BackOrderingActivated)
            }
            ReportKind::Verification => {
                known.findings.differences.total() > 0 || known.reached(ConditionType::Verified)
            }
        }
}

/// As few pages as hold the rows, by their number and their bytes. What does not fit into the last
/// page is counted there.
fn pages(kind: ReportKind, rows: &[ReportRow], truncated: i64) -> Vec<UpgradeReportSpec> {
    let mut pages: Vec<UpgradeReportSpec> = Vec::new();
    let (mut kept, mut bytes) = (0_usize, PAGE_BYTES);
    for row in rows {
        // With the comma behind it. A row that cannot be serialised cannot be sent either.
        let size = serde_json::to_vec(row).map_or(PAGE_BYTES, |text| text.len().saturating_add(1));
        bytes = bytes.saturating_add(size);
        let fits =
            |page: &&mut UpgradeReportSpec| bytes <= PAGE_BYTES && page.rows.len() < PAGE_ROWS;
        if let Some(page) = pages.last_mut().filter(fits) {
            page.rows.push(row.clone());
            page.count = page.count.saturating_add(1);
        } else if pages.len() < MAX_PAGES {
            bytes = size;
            pages.push(UpgradeReportSpec {
                kind,
                page: i32::try_from(pages.len())
                    .unwrap_or(i32::MAX)
                    .saturating_add(1),
                count: 1,
                truncated: 0,
                rows: vec![row.clone()],
            });
        } else {
            break;
        }
        kept = kept.saturating_add(1);
    }
    let left_out = i64::try_from(rows.len().saturating_sub(kept)).unwrap_or(i64::MAX);
    if let Some(last) = pages.last_mut() {
        last.truncated = truncated.saturating_add(left_out);
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: usize, longest: bool) -> ReportRow {
        let text = |short: &str, max: usize| {
            if longest {
                "x".repeat(max)
            } else {
                short.to_owned()
            }
        };
        ReportRow {
            item: "subscription".to_owned(),
            id: format!("{n:05}{}", text("", 123)),
            business_key: Some(text("tru/acme/10423/t-7001/subscription/S-1", 1024)),
            verdict: text("Blocked", 32),
            reason: text("CurrencyMismatch", 64),
            remedy: text("Billed in USD.", 512),
        }
    }

    /// Whatever the rows, the pages keep to their bounds, hold the first rows in order, and say how
    /// many there are beyond them.
    #[test]
    fn pages_keep_their_bounds_and_tell_what_they_leave_out() {
        for (count, longest, beyond) in [
            (0, false, 0),
            (1, true, 0),
            (1000, false, 0),
            (1001, false, 3),
            (8000, false, 12_000),
            (8000, true, 12_000),
            (20_000, false, 5),
        ] {
            let rows: Vec<ReportRow> = (0..count).map(|n| row(n, longest)).collect();
            let pages = pages(ReportKind::Blockers, &rows, beyond);
            assert!(pages.len() <= MAX_PAGES);
            let mut kept = Vec::new();
            for (number, page) in (1..).zip(&pages) {
                assert_eq!(page.page, number);
                assert_eq!(usize::try_from(page.count).unwrap(), page.rows.len());
                assert!(page.rows.len() <= PAGE_ROWS);
                assert!(serde_json::to_vec(page).unwrap().len() <= PAGE_BYTES + 1024);
                kept.extend(page.rows.iter().cloned());
            }
            assert_eq!(kept, rows[..kept.len()]);
            let told: i64 = pages.iter().map(|page| page.truncated).sum();
            let all = i64::try_from(count).unwrap() + beyond;
            assert_eq!(
                told + i64::try_from(kept.len()).unwrap(),
                all * i64::from(count > 0)
            );
            if let Some((_, before)) = pages.split_last() {
                assert!(before.iter().all(|page| page.truncated == 0));
            }
        }
    }
}
