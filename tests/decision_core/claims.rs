//! From whom a claim may be taken.

use serde_json::json;
use tenant_reseller_operator::api::{ClaimHolder, TenantResellerUpgrade};
use tenant_reseller_operator::upgrade::may_take_over;

/// A claim is free when its holder is gone, and not while it is there.
#[test]
fn a_live_holder_keeps_its_claim() {
    let holder = ClaimHolder {
        namespace: "resellers".to_owned(),
        name: "contoso".to_owned(),
        uid: "uid-1".to_owned(),
    };
    let live = |uid: &str| -> TenantResellerUpgrade {
        let spec = json!({
            "connectionRef": { "kind": "BssConnection", "name": "distributor" },
            "reseller": { "accountId": "10423" },
            "tenant": {
                "priceList": "PL", "edition": "Premium", "language": "en-GB",
                "timeZone": "Europe/Athens", "dateFormat": "dd/MM/yyyy", "invoicing": "Combined",
            },
        });
        let mut upgrade =
            TenantResellerUpgrade::new("contoso", serde_json::from_value(spec).unwrap());
        upgrade.metadata.uid = Some(uid.to_owned());
        upgrade
    };
    assert!(may_take_over(&holder, None), "it is gone");
    assert!(
        may_take_over(&holder, Some(&live("uid-2"))),
        "it is another one"
    );
    assert!(!may_take_over(&holder, Some(&live("uid-1"))), "it is there");
}
