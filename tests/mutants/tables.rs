//! Tables: what a pure function answers, for mistakes that no run can show.

use tenant_reseller_operator::bss::port::ItemKind;
use tenant_reseller_operator::upgrade::Keys;

/// What is copied into two tenants has two keys, and each names its tenant.
pub(crate) fn keys_name_the_tenant() {
    let keys = Keys::new("acme", &"10423".into());
    let key = |tenant: &str| keys.item(&tenant.into(), ItemKind::Asset, &"p1".into()).0;
    assert_eq!(key("T1"), "tru/acme/10423/T1/asset/p1");
    assert_eq!(key("T2"), "tru/acme/10423/T2/asset/p1");
}
