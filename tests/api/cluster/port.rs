//! Status, finalizer, claim and Secret: what the port promises to a reconcile.

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use secrecy::ExposeSecret;
use serde_json::json;
use tenant_reseller_operator::api::{
    ClaimHolder, FINALIZER, Phase, ResellerClaim, TenantResellerUpgrade, WaitingFor,
};
use tenant_reseller_operator::cluster::Installation;
use tenant_reseller_operator::cluster::port::{Cluster, ClusterError, Finalizer};

use super::{clients, create_upgrade, status, world};

#[tokio::test]
async fn status_is_written_from_a_present_view_only() {
    let (namespace, cluster) = world("status").await;
    let seen = create_upgrade(&namespace, "contoso").await;
    let mut wanted = status(Phase::PricingGate);
    wanted.waiting_for = Some(WaitingFor {
        reason: "AwaitingPricing".into(),
        next_action: "set pricing options".into(),
        since: "2026-01-01T00:00:00Z".into(),
        next_attempt_time: None,
    });
    let written = cluster.apply_status(&seen, &wanted).await.expect("written");
    assert_eq!(written.status.as_ref(), Some(&wanted));
    assert_ne!(written.resource_version(), seen.resource_version());
    assert_eq!(written.managed_fields(), [], "pruned");

    // What was seen before is stale now.
    let stale = cluster.apply_status(&seen, &status(Phase::Done)).await;
    assert!(matches!(stale, Err(ClusterError::Conflict)), "{stale:?}");

    // What was returned is present, and what is left out is gone.
    let bare = status(Phase::SubscriptionCopy);
    let again = cluster.apply_status(&written, &bare).await.expect("again");
    assert_eq!(again.status.as_ref(), Some(&bare));
    let live = cluster.upgrade(&namespace.name, "contoso").await;
    assert_eq!(live.expect("live").expect("there").status, Some(bare));

    // The manager is the operator's own.
    let api = namespace.api::<TenantResellerUpgrade>();
    let raw = api.get("contoso").await.expect("there");
    let managers: Vec<_> = raw
        .managed_fields()
        .iter()
        .filter(|entry| entry.subresource.as_deref() == Some("status"))
        .map(|entry| entry.manager.as_deref())
        .collect();
    assert_eq!(managers, [Some("tenant-reseller-operator/status")]);
}

#[tokio::test]
async fn a_successor_gets_nothing_that_was_meant_for_its_predecessor() {
    let (namespace, cluster) = world("successor").await;
    let name = &namespace.name;
    let first = create_upgrade(&namespace, "contoso").await;
    let api = namespace.api::<TenantResellerUpgrade>();
    let how = DeleteParams::default();
    api.delete("contoso", &how).await.expect("deleted");
    let gone = cluster.apply_status(&first, &status(Phase::Done)).await;
    assert!(matches!(gone, Err(ClusterError::Gone)), "{gone:?}");
    let gone = cluster.set_finalizer(&first, Finalizer::Present).await;
    assert!(matches!(gone, Err(ClusterError::Gone)), "{gone:?}");
    let none = cluster.upgrade(name, "contoso").await.expect("an answer");
    assert_eq!(none, None);

    let second = create_upgrade(&namespace, "contoso").await;
    let wrong = cluster.apply_status(&first, &status(Phase::Done)).await;
    assert!(matches!(wrong, Err(ClusterError::Conflict)), "{wrong:?}");
    let wrong = cluster.set_finalizer(&first, Finalizer::Present).await;
    assert!(matches!(wrong, Err(ClusterError::Conflict)), "{wrong:?}");
    let live = api.get("contoso").await.expect("there");
    assert_eq!(live.resource_version(), second.resource_version());
}

#[tokio::test]
async fn a_status_that_the_schema_refuses_is_invalid() {
    let (namespace, cluster) = world("refused").await;
    let seen = create_upgrade(&namespace, "contoso").await;
    let mut wrong = status(Phase::Pending);
    wrong.last_handled_reconcile_at = Some("x".repeat(129));
    let refused = cluster.apply_status(&seen, &wrong).await;
    let Err(ClusterError::Invalid(said)) = &refused else {
        panic!("{refused:?}");
    };
    assert!(said.contains("lastHandledReconcileAt"), "{said}");
}

#[tokio::test]
async fn the_finalizer_stands_and_falls() {
    let (namespace, cluster) = world("finalizer").await;
    let api = namespace.api::<TenantResellerUpgrade>();
    let how = PatchParams::default();
    let seen = create_upgrade(&namespace, "contoso").await;
    // The finalizer of another controller is left alone.
    let theirs = json!({ "metadata": { "finalizers": ["example.com/theirs"] } });
    let later = api.patch("contoso", &how, &Patch::Merge(&theirs)).await;
    let later = later.expect("patched");
    let stale = cluster.set_finalizer(&seen, Finalizer::Present).await;
    assert!(matches!(stale, Err(ClusterError::Conflict)), "{stale:?}");
    let held = cluster.set_finalizer(&later, Finalizer::Present).await;
    let held = held.expect("added");
    assert_eq!(held.finalizers(), ["example.com/theirs", FINALIZER]);
    let same = cluster.set_finalizer(&held, Finalizer::Present).await;
    let same = same.expect("nothing to do");
    assert_eq!(same.resource_version(), held.resource_version());

    let deleted = api.delete("contoso", &DeleteParams::default()).await;
    deleted.expect("deleting");
    let live = cluster.upgrade(&namespace.name, "contoso").await;
    let deleting = live.expect("live").expect("held by the finalizers");
    assert!(deleting.metadata.deletion_timestamp.is_some());
    let freed = cluster.set_finalizer(&deleting, Finalizer::Absent).await;
    let freed = freed.expect("removed");
    assert_eq!(freed.finalizers(), ["example.com/theirs"]);
    // None may be added any more.
    let late = cluster.set_finalizer(&freed, Finalizer::Present).await;
    assert!(matches!(late, Err(ClusterError::Invalid(_))), "{late:?}");
    let free = json!({ "metadata": { "finalizers": [] } });
    let let_go = api.patch("contoso", &how, &Patch::Merge(&free)).await;
    let_go.expect("let go");
    let none = cluster.upgrade(&namespace.name, "contoso").await;
    assert_eq!(none.expect("an answer"), None);
}

fn claim(name: &str, holder: &str) -> ResellerClaim {
    let spec = json!({
        "bssIdentity": "acme",
        "resellerAccountId": "10423",
        "holder": { "namespace": "resellers", "name": holder, "uid": "u-1" },
    });
    ResellerClaim::new(name, serde_json::from_value(spec).expect("a claim"))
}

#[tokio::test]
async fn a_claim_is_taken_once_and_changed_from_a_present_view_only() {
    let (_namespace, cluster) = world("claim").await;
    assert_eq!(cluster.claim("c").await.expect("an answer"), None);
    let taken = cluster.create_claim(&claim("c", "first")).await;
    let second = cluster.create_claim(&claim("c", "second")).await;
    assert!(matches!(second, Err(ClusterError::Exists)), "{second:?}");

    let mut changed = taken.expect("taken");
    changed.spec.epoch = Some(7);
    let written = cluster.replace_claim(&changed).await.expect("changed");
    assert_eq!(written.spec.epoch, Some(7));
    let stale = cluster.replace_claim(&changed).await;
    assert!(matches!(stale, Err(ClusterError::Conflict)), "{stale:?}");
    let mut next = written;
    next.spec.holder = ClaimHolder {
        namespace: "resellers".into(),
        name: "second".into(),
        uid: "u-2".into(),
    };
    let replaced = cluster.replace_claim(&next).await;
    replaced.expect("what was returned is present");
    let live = cluster.claim("c").await.expect("an answer");
    assert_eq!(live.expect("there").spec.holder.name, "second");

    let unguarded = cluster.replace_claim(&claim("c", "third")).await;
    assert!(
        matches!(unguarded, Err(ClusterError::Invalid(_))),
        "{unguarded:?}"
    );
    let mut missing = next;
    missing.metadata.name = Some("never-there".into());
    let missing = cluster.replace_claim(&missing).await;
    assert!(matches!(missing, Err(ClusterError::Gone)), "{missing:?}");
}

#[tokio::test]
async fn a_secret_is_read_by_name() {
    let (namespace, cluster) = world("secret").await;
    let name = &namespace.name;
    let none = cluster.secret(name, "s").await.expect("an answer");
    assert!(none.is_none());
    let secret: Secret = serde_json::from_value(json!({
        "metadata": { "name": "s", "annotations": { "tenantreseller.io/allowed-hosts": "a,b" } },
        "stringData": { "token": "hunter2" },
    }))
    .expect("a secret");
    let api = namespace.api::<Secret>();
    let made = api.create(&PostParams::default(), &secret).await;
    let read = cluster.secret(name, "s").await.expect("an answer");
    let read = read.expect("there");
    assert_eq!(read.data["token"].expose_secret(), b"hunter2");
    assert_eq!(read.annotations["tenantreseller.io/allowed-hosts"], "a,b");
    let version = made.expect("made").resource_version();
    assert_eq!(Some(read.resource_version), version);
}

#[tokio::test]
async fn what_rbac_forbids_is_said() {
    let (namespace, _) = world("rbac").await;
    let made = namespace.kubectl(&["create", "serviceaccount", "nobody"]);
    made.await.expect("made");
    let kubeconfig = namespace.plane.kubeconfig_for(&namespace.name, "nobody");
    let clients = clients(&kubeconfig.await.expect("a kubeconfig")).await;
    let refused = Installation::look_up(&clients, &namespace.name, "operator-0").await;
    let Err(ClusterError::Forbidden(said)) = &refused else {
        panic!("{refused:?}");
    };
    assert!(said.contains("nobody"), "{said}");
}
