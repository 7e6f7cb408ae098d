//! The examples beside the fields that the operator writes are what the code writes. Examples beside
//! the fields of a spec that people write are theirs to choose.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tenant_reseller_operator::api::{
    BssConnectionSpec, ClaimHolder, ConditionType, Reason, ReportKind, ResellerClaimSpec,
};
use tenant_reseller_operator::bss::port::{
    BlockerReason, Invoicing, ItemKind, PriceListId, SourceId, TenantId, TenantSettings,
};
use tenant_reseller_operator::upgrade::{
    Approval, ClaimEdit, Finding, Findings, InventoryDigest, Keys, Known, apply_claim_edit,
    report_rows,
};

use super::schema::examples;

/// The examples of all kinds, by kind and path.
struct Examples(BTreeMap<String, String>);

impl Examples {
    fn at(&self, path: &str) -> &str {
        let example = self.0.get(path);
        example.unwrap_or_else(|| panic!("no example at {path}"))
    }

    /// Those of all fields of these names, wherever they are; at least so many.
    fn named(&self, names: &[&str], least: usize) -> Vec<(&str, &str)> {
        let found: Vec<(&str, &str)> = self
            .0
            .iter()
            .filter(|(path, _)| names.contains(&path.rsplit('.').next().unwrap()))
            .map(|(path, example)| (path.as_str(), example.as_str()))
            .collect();
        assert!(found.len() >= least, "{names:?}: {found:?}");
        found
    }
}

fn all() -> Examples {
    Examples(examples().into_iter().collect())
}

fn keys(examples: &Examples) -> Keys {
    Keys::new(
        examples.at("ResellerClaim.spec.bssIdentity"),
        &examples
            .at("ResellerClaim.spec.resellerAccountId")
            .trim_matches('"')
            .into(),
    )
}

/// A claim after some edits.
fn claim(edits: &[ClaimEdit]) -> ResellerClaimSpec {
    let holder = ClaimHolder {
        namespace: "resellers".to_owned(),
        name: "contoso".to_owned(),
        uid: "u-1".to_owned(),
    };
    let new = ResellerClaimSpec::new("acme".to_owned(), "10423".to_owned(), holder);
    edits.iter().fold(new, |claim, edit| {
        apply_claim_edit(edit, &claim, Timestamp::UNIX_EPOCH)
    })
}

/// The prefix of a digest, how many hexadecimal digits follow it, and what follows them.
fn shape(digest: &str) -> (&str, usize, Option<&str>) {
    let mut parts = digest.splitn(3, '-');
    let (prefix, digits) = (parts.next().unwrap(), parts.next().unwrap());
    assert!(digits.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')));
    (prefix, digits.len(), parts.next())
}

#[test]
fn an_inventory_has_a_digest_as_sweeps_make_it_over_all_that_it_counts() {
    let all = all();
    let count: u64 = ["customers", "subscriptions", "assets"]
        .iter()
        .map(|kind| all.at(&format!("TenantResellerUpgrade.status.inventory.{kind}")))
        .map(|count| count.parse::<u64>().unwrap())
        .sum();
    let made = InventoryDigest::default().text();
    let (prefix, digits, _) = shape(&made);
    for (path, example) in all.named(&["digest", "inventoryDigest"], 4) {
        let wanted = (prefix, digits, Some(count.to_string()));
        let (prefix, digits, counted) = shape(example);
        assert_eq!(
            (prefix, digits, counted.map(str::to_owned)),
            wanted,
            "{path}"
        );
    }
}

#[test]
fn the_settings_have_the_digest_of_the_settings_that_are_shown() {
    let all = all();
    let of = |field: &str| {
        let example = all.at(&format!("TenantResellerUpgrade.spec.tenant.{field}"));
        example.to_owned()
    };
    let settings = TenantSettings {
        price_list: PriceListId(of("priceList")),
        edition: of("edition"),
        language: of("language"),
        time_zone: of("timeZone"),
        date_format: of("dateFormat"),
        invoicing: Invoicing::Combined,
    };
    let request = keys(&all).tenant_request(&settings, "then").to_string();
    let digest = request.rsplit('/').nth(1).unwrap();
    let path = "ResellerClaim.spec.intents.createTenant.settingsDigest";
    assert_eq!(all.at(path), digest);
}

#[test]
fn words_are_those_that_the_code_writes() {
    let all = all();
    let automatic = Some(Approval::Automatic);
    let switched = claim(&[ClaimEdit::Activated {
        approval: automatic,
    }]);
    let approval = all.at("ResellerClaim.spec.approval");
    assert_eq!(Some(approval), switched.approval.as_deref());
    let told = claim(&[ClaimEdit::Tell {
        digest: InventoryDigest::default().text(),
        pricing: None,
    }]);
    let operation = all.at("ResellerClaim.spec.told.operation");
    assert_eq!(operation, told.told.unwrap().operation);

    for (path, milestone) in all.named(&["milestone"], 2) {
        let mut known = ConditionType::MILESTONES.into_iter();
        assert!(known.any(|known| known.as_str() == milestone), "{path}");
    }
    for (path, type_) in all.named(&["type"], 3) {
        let mut known = ConditionType::ALL.into_iter();
        assert!(known.any(|known| known.as_str() == type_), "{path}");
    }
    for (path, reason) in all.named(&["reason"], 6) {
        let item = path.contains(".rows[]") || path.contains(".failures[]");
        let known = if item {
            BlockerReason::CurrencyMismatch.as_str() == reason
        } else {
            Reason::ALL
                .into_iter()
                .any(|known| known.as_str() == reason)
        };
        assert!(known, "{path}: {reason}");
    }
    let adapter = all.at("BssConnection.status.adapter");
    assert!(BssConnectionSpec::ADAPTERS.contains(&adapter));
}

#[test]
fn a_row_of_a_report_is_as_one_is_made() {
    let all = all();
    let of = |field: &str| all.at(&format!("UpgradeReport.spec.rows[].{field}"));
    let reason = BlockerReason::CurrencyMismatch;
    let detail = all.at("TenantResellerUpgrade.status.failures[].examples[].detail");
    let mut known = Known::default();
    known.findings.blockers = Findings {
        rows: vec![Finding {
            reason: reason.into(),
            kind: ItemKind::Subscription.into(),
            source: SourceId::from(of("id")),
            detail: Some(detail.to_owned()),
        }],
        counts: [(reason.into(), 1)].into(),
    };
    let tenant = TenantId::from(all.at("ResellerClaim.spec.tenantId"));
    let (rows, _) = report_rows(ReportKind::Blockers, &known, &keys(&all), Some(&tenant));
    let row = &rows[0];
    assert_eq!(of("item"), row.item);
    assert_eq!(Some(of("businessKey")), row.business_key.as_deref());
    assert_eq!(of("verdict"), row.verdict);
    assert_eq!(of("reason"), row.reason);
    assert_eq!(of("remedy"), row.remedy);
}
