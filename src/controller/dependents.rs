//! What is written beside the upgrade's own status: report pages, the status of pricing objects
//! and of the connection. Touches the cluster; all of it only on change.

use std::time::Duration;

use super::memory::{Life, Name, Reported};
use crate::api::{
    BssConnection, BssConnectionStatus, CapabilityStatus, ConditionStatus, ConditionType,
    CustomerPricing, CustomerPricingStatus, PricingFailure, Reason, ReportKind, ReportRow,
    TenantResellerUpgrade, UpgradeReport, UpgradeReportSpec, only,
};
use crate::bss::port::{
    Capabilities, Keys as KeyPromise, Mode, PricingOutcome, SourceId, Strength,
};
use crate::cluster::port::{Cluster, ClusterResult};
use crate::cluster::report_metadata;
use crate::upgrade::{BlockersTold, Now, Observed, ValidUpgrade, report_rows};

/// Rows of a page, as the schema bounds them.
const PAGE_ROWS: usize = 1000;
/// The bytes that the rows of a page may have, as JSON: the rest of 256 KiB is for its metadata.
const PAGE_BYTES: usize = 248 * 1024;
/// Pages of a report.
const MAX_PAGES: usize = 8;
/// What is remembered of reports is compared with the API server after so long: longer than any
/// request lives that a dead process left on its way.
const COMPARED_EVERY: Duration = Duration::from_mins(10);
/// The types of condition that a connection carries.
const OF_A_CONNECTION: [&str; 4] = ["Reachable", "Authenticated", "Conforming", "Ready"];

/// Whether what was written is compared with what the API server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    /// It is, whatever is remembered: nobody may come back to it.
    Now,
    /// It is if the pages have to change, or after a while.
    WhenDue,
}

/// Writes the pages whose content changed and deletes those that are no longer needed.
///
/// A look at the API server is a list, so it is not taken at every rest: what was found or written is
/// remembered by its digest. What is not known of a write is not remembered. A page that somebody
/// else changed or deleted, or that a write of a dead process overwrote, is mended after
/// [`COMPARED_EVERY`], at the last word before the switch, or by the next process.
pub(super) async fn reports<C: Cluster, B>(
    cluster: &C,
    (upgrade, valid): (&TenantResellerUpgrade, &ValidUpgrade),
    life: &mut Life<B>,
    (now, compare): (Now, Compare),
) -> ClusterResult<()> {
    let observed = &life.observed;
    let known: Vec<ReportKind> = ReportKind::ALL
        .into_iter()
        .filter(|kind| looked(*kind, observed))
        .collect();
    if known.is_empty() {
        return Ok(());
    }
    let Some(reseller) = observed
        .claim
        .as_ref()
        .map(|claim| claim.reseller_account_id.clone())
    else {
        return Ok(());
    };
    let keys = valid.keys(&reseller.into());
    let tenant = observed
        .claim
        .as_ref()
        .and_then(|claim| claim.tenant_id.clone())
        .map(Into::into);
    let mut wanted = Vec::new();
    for kind in &known {
        let (rows, truncated) = report_rows(*kind, observed, &keys, tenant.as_ref());
        wanted.push((*kind, pages(*kind, &rows, truncated)));
    }
    let digest = digest(&wanted);
    let remembered = life.reports.take().filter(|reported| {
        reported.digest == digest
            && now.monotonic.saturating_sub(reported.at) < COMPARED_EVERY
            && compare == Compare::WhenDue
    });
    if remembered.is_some() {
        life.reports = remembered;
        return Ok(());
    }
    let mut there = cluster.reports_of(upgrade).await?;
    there.retain(|report| known.contains(&report.spec.kind));
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
                cluster.apply_report(&report).await?;
            }
        }
    }
    for old in &there {
        cluster.delete_report(old).await?;
    }
    life.reports = Some(Reported {
        digest,
        at: now.monotonic,
    });
    Ok(())
}

/// The digest of all pages. Those that cannot be measured cannot be sent either, which is an error of
/// its own.
fn digest(pages: &[(ReportKind, Vec<UpgradeReportSpec>)]) -> [u8; 32] {
    use sha2::{Digest as _, Sha256};
    let text = serde_json::to_vec(pages).unwrap_or_default();
    Sha256::digest(&text).into()
}

/// Whether this process has looked at what the reports of a kind tell. What another one wrote stays
/// until then.
fn looked(kind: ReportKind, observed: &Observed) -> bool {
    observed.looked_at_purchases
        || match kind {
            // Nothing stands before a switch that is on; what is missing then is a difference.
            ReportKind::Blockers => {
                observed.told != BlockersTold::Nothing
                    || observed.reached(ConditionType::BackOrderingActivated)
            }
            ReportKind::Exclusions => false,
            ReportKind::ManualSteps => observed.manual.total() > 0,
            ReportKind::Verification => {
                observed.differences.total() > 0 || observed.reached(ConditionType::Verified)
            }
        }
}

/// As few pages as hold the rows, by their number and their bytes. What does not fit into the last
/// page is counted there.
fn pages(kind: ReportKind, rows: &[ReportRow], truncated: i64) -> Vec<UpgradeReportSpec> {
    let mut pages: Vec<UpgradeReportSpec> = Vec::new();
    let (mut kept, mut bytes) = (0_usize, PAGE_BYTES);
    for row in rows {
        // With the comma behind it. A row that cannot be measured is one that cannot be sent.
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

/// Writes the status of every pricing object of the upgrade.
pub(super) async fn pricing<C: Cluster>(
    cluster: &C,
    objects: &[CustomerPricing],
    valid: &ValidUpgrade,
    observed: &Observed,
    now: Now,
) -> ClusterResult<()> {
    let closed = observed.reached(ConditionType::SubscriptionsCopied);
    for object in objects {
        let generation = object.metadata.generation.unwrap_or_default();
        let before = status_of(object);
        let already_closed = before
            .conditions
            .iter()
            .any(|c| c.reason == Reason::Closed.as_str());
        if already_closed && before.observed_generation == Some(generation) {
            continue;
        }
        let status = pricing_status(object, (valid, observed), closed, now);
        if status != before {
            cluster.apply_pricing_status(object, &status).await?;
        }
    }
    Ok(())
}

/// The status as the operator wrote it.
fn status_of(object: &CustomerPricing) -> CustomerPricingStatus {
    let mut status = object.status.clone().unwrap_or_default();
    only(&mut status.conditions, &[ConditionType::Ready.as_str()]);
    status
}

fn pricing_status(
    object: &CustomerPricing,
    (valid, observed): (&ValidUpgrade, &Observed),
    closed: bool,
    now: Now,
) -> CustomerPricingStatus {
    let before = status_of(object);
    let generation = object.metadata.generation.unwrap_or_default();
    let mut status = CustomerPricingStatus {
        observed_generation: Some(generation),
        conditions: before.conditions,
        declared: i64::try_from(object.spec.customers.len()).unwrap_or(i64::MAX),
        ..CustomerPricingStatus::default()
    };
    let mut open = 0_i64;
    for customer in &object.spec.customers {
        let id = SourceId(customer.account_id.trim().to_owned());
        match fate(&id, valid, observed) {
            Fate::Applied => status.applied = status.applied.saturating_add(1),
            Fate::Open => open = open.saturating_add(1),
            Fate::Failed(detail) => {
                status.failed = status.failed.saturating_add(1);
                if status.failures.len() < 10 {
                    let account_id = customer.account_id.clone();
                    status.failures.push(PricingFailure { account_id, detail });
                }
            }
        }
    }
    let (ready, reason, message) = if closed {
        (
            ConditionStatus::True,
            Reason::Closed,
            "The subscriptions were copied: later changes are made in the reseller's BSS.",
        )
    } else if status.failed > 0 {
        (
            ConditionStatus::False,
            Reason::ItemsFailed,
            "Some options could not be applied; status.failures names the first of them.",
        )
    } else if open > 0 {
        (ConditionStatus::False, Reason::Pending, "Not applied yet.")
    } else {
        (ConditionStatus::True, Reason::Ready, "Applied.")
    };
    let _change =
        ready_condition(ready, reason, message).set(&mut status.conditions, generation, now.wall);
    status
}

enum Fate {
    Applied,
    Open,
    Failed(String),
}

fn fate(customer: &SourceId, valid: &ValidUpgrade, observed: &Observed) -> Fate {
    if let Some(objects) = valid.declared_twice.get(customer) {
        return Fate::Failed(format!(
            "Declared by {}: none of them is applied. Leave the customer in one of them.",
            objects.join(" and ")
        ));
    }
    let declared = valid.declared.get(customer);
    match observed.applied.get(customer) {
        Some((options, outcome)) if declared.is_some_and(|d| d.options == *options) => {
            match outcome {
                PricingOutcome::Written | PricingOutcome::Unchanged => Fate::Applied,
                PricingOutcome::Differs(fields) => Fate::Failed(format!(
                    "Other options are set in the reseller's BSS and stand ({}). Change the \
                     object to them, or change them there.",
                    fields.join(", ")
                )),
                PricingOutcome::Failed(why) => Fate::Failed(why.clone()),
                PricingOutcome::Unknown => Fate::Open,
            }
        }
        Some(_) | None => Fate::Open,
    }
}

/// Writes the connection's status, as far as something is known of it.
pub(super) async fn connection<C: Cluster, B>(
    cluster: &C,
    connection: &BssConnection,
    life: &Life<B>,
    trouble: Option<(Reason, &str)>,
    now: Now,
) -> ClusterResult<()> {
    let Some(found) = found(&life.observed, trouble) else {
        return Ok(());
    };
    let mut before = connection.status.clone().unwrap_or_default();
    only(&mut before.conditions, &OF_A_CONNECTION);
    let generation = connection.metadata.generation.unwrap_or_default();
    let mut status = BssConnectionStatus {
        observed_generation: Some(generation),
        adapter: Some(connection.spec.adapter().name.to_owned()),
        // What the BSS tells, never what the connection declares.
        identity: match &life.name {
            Name::Told(told) => told.clone(),
            Name::NotAsked => before.identity.clone(),
        },
        capabilities: life
            .observed
            .capabilities
            .as_ref()
            .map_or_else(|| before.capabilities.clone(), capabilities),
        conditions: before.conditions.clone(),
    };
    let mut all = ConditionStatus::True;
    let [reachable, authenticated, conforming, ready] = OF_A_CONNECTION;
    for (name, condition) in [
        (reachable, found.reachable),
        (authenticated, found.authenticated),
        (conforming, found.conforming),
    ] {
        if condition != ConditionStatus::True {
            all = ConditionStatus::False;
        }
        let (reason, message) = if condition == ConditionStatus::True {
            (Reason::Ready, "All is well.")
        } else {
            (found.reason, found.message.as_str())
        };
        set_named(
            &mut status,
            name,
            (condition, reason, message),
            generation,
            now,
        );
    }
    set_named(
        &mut status,
        ready,
        (all, found.reason, &found.message),
        generation,
        now,
    );
    if status != before {
        cluster.apply_connection_status(connection, &status).await?;
    }
    Ok(())
}

struct Found {
    reachable: ConditionStatus,
    authenticated: ConditionStatus,
    conforming: ConditionStatus,
    reason: Reason,
    message: String,
}

fn found(observed: &Observed, trouble: Option<(Reason, &str)>) -> Option<Found> {
    use ConditionStatus::{False, True, Unknown};
    let standing = observed
        .trouble
        .as_ref()
        .map(|trouble| &trouble.verdict)
        .or(observed.verdict.as_ref())
        .map(|verdict| (verdict.reason, verdict.message.as_str()));
    let (reachable, authenticated, conforming, reason, message) = match trouble.or(standing) {
        Some((reason @ (Reason::BssUnavailable | Reason::ConnectionForbidden), message)) => {
            (False, Unknown, Unknown, reason, message)
        }
        Some((reason @ Reason::CredentialsRejected, message)) => {
            (True, False, Unknown, reason, message)
        }
        Some((
            reason
            @ (Reason::ContractViolated | Reason::IdentityMismatch | Reason::RiskNotAccepted),
            message,
        )) => (True, True, False, reason, message),
        _ if observed.capabilities.is_some() => (True, True, True, Reason::Ready, "All is well."),
        _ => return None,
    };
    Some(Found {
        reachable,
        authenticated,
        conforming,
        reason,
        message: message.to_owned(),
    })
}

fn capabilities(capabilities: &Capabilities) -> Vec<CapabilityStatus> {
    let entry = |name: &str, value: &str| CapabilityStatus {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let mut list: Vec<CapabilityStatus> = capabilities
        .operations
        .iter()
        .map(|(operation, mode)| {
            let mode = match mode {
                Mode::Automatic => "Automatic",
                Mode::ManualStep => "ManualStep",
                Mode::Unsupported => "Unsupported",
            };
            entry(operation.as_str(), mode)
        })
        .collect();
    let promises = &capabilities.promises;
    let keys = match promises.keys {
        KeyPromise::Unique => "Unique",
        KeyPromise::Findable => "Findable",
        KeyPromise::None => "None",
    };
    list.push(entry("keys", keys));
    for (name, strength) in [
        ("epochs", promises.epochs),
        ("revision", promises.revision),
        ("compares", promises.compares),
        ("orders", promises.orders),
        ("offGuard", promises.off_guard),
    ] {
        let strength = match strength {
            Strength::Strong => "Strong",
            Strength::Weak => "Weak",
        };
        list.push(entry(name, strength));
    }
    list
}

fn set_named(
    status: &mut BssConnectionStatus,
    name: &str,
    (condition, reason, message): (ConditionStatus, Reason, &str),
    generation: i64,
    now: Now,
) {
    // Reuses the rules of `Ready` under the connection's own names.
    let mut one: Vec<crate::api::Condition> = status
        .conditions
        .iter()
        .filter(|c| c.type_ == name)
        .cloned()
        .map(|mut c| {
            ConditionType::Ready.as_str().clone_into(&mut c.type_);
            c
        })
        .collect();
    let _change = ready_condition(condition, reason, message).set(&mut one, generation, now.wall);
    status.conditions.retain(|c| c.type_ != name);
    status.conditions.extend(one.into_iter().map(|mut c| {
        name.clone_into(&mut c.type_);
        c
    }));
}

fn ready_condition(
    status: ConditionStatus,
    reason: Reason,
    message: &str,
) -> crate::api::DesiredCondition {
    crate::api::DesiredCondition {
        type_: ConditionType::Ready,
        status,
        reason,
        message: message.to_owned(),
    }
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
