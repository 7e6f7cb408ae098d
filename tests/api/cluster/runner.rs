//! The runner over real watches: what begins a reconcile, and what it survives.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;
use tenant_reseller_operator::api::{BssConnection, CustomerPricing, TenantResellerUpgrade};
use tenant_reseller_operator::cluster::census::Census;
use tenant_reseller_operator::cluster::lease::Leadership;
use tenant_reseller_operator::cluster::{Clients, Requeue, Runner, Scope, Watches, crds};
use tenant_reseller_operator::local::{
    ControlPlane, ControlPlaneOptions, LocalResult, Observation, eventually,
};
use tokio_util::sync::CancellationToken;

use super::election::Candidate;
use super::{SOON, clients, create_upgrade, install_crds, upgrade_json};
use support::control_plane::{self, TestNamespace};

/// The names of the upgrades that were reconciled, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn note(&self, upgrade: &TenantResellerUpgrade) {
        self.0.lock().expect("no panic").push(upgrade.name_any());
    }

    fn count(&self, name: &str) -> usize {
        let seen = self.0.lock().expect("no panic");
        seen.iter().filter(|seen| *seen == name).count()
    }

    async fn more_than(&self, name: &str, before: usize, why: &str) -> usize {
        eventually(why, SOON, || async {
            let count = self.count(name);
            Ok(Observation::when(count > before, count))
        })
        .await
        .expect(why)
    }

    /// Waits until no reconcile follows any more: what comes next has a cause of its own.
    async fn quiet(&self, name: &str) -> usize {
        loop {
            let count = self.count(name);
            tokio::time::sleep(Duration::from_millis(300)).await;
            if self.count(name) == count {
                return count;
            }
        }
    }
}

fn connection(namespace: &str, requests_per_second: i32) -> BssConnection {
    named_connection(namespace, "distributor", requests_per_second)
}

fn named_connection(namespace: &str, name: &str, requests_per_second: i32) -> BssConnection {
    serde_json::from_value(json!({
        "apiVersion": "tenantreseller.io/v1alpha1",
        "kind": "BssConnection",
        "metadata": { "name": name, "namespace": namespace },
        "spec": {
            "identity": "acme",
            "reference": { "url": "https://bss.example.com/v1" },
            "auth": { "bearer": { "secretRef": { "name": "credentials" } } },
            "limits": { "requestsPerSecond": requests_per_second },
        },
    }))
    .expect("a connection")
}

fn pricing(namespace: &str) -> CustomerPricing {
    serde_json::from_value(json!({
        "apiVersion": "tenantreseller.io/v1alpha1",
        "kind": "CustomerPricing",
        "metadata": { "name": "prices", "namespace": namespace },
        "spec": {
            "upgradeRef": { "name": "contoso" },
            "customers": [{
                "accountId": "20001",
                "priceList": "PL-RETAIL",
                "billing": { "day": 1 },
                "paymentMethod": "Invoice",
                "invoicing": "Combined",
            }],
        },
    }))
    .expect("pricing")
}

/// The connection to the tenant wakes the upgrades that name it, and no other.
async fn a_tenants_connection(namespace: &TestNamespace, seen: &Seen) {
    let quiet = seen.quiet("contoso").await;
    let tenants = json!({ "spec": { "tenantConnectionRef": { "name": "contoso-tenant" } } });
    namespace
        .api::<TenantResellerUpgrade>()
        .patch("contoso", &PatchParams::default(), &Patch::Merge(&tenants))
        .await
        .expect("changed");
    seen.more_than("contoso", quiet, "it names a connection to its tenant")
        .await;
    let (quiet, others) = (seen.quiet("contoso").await, seen.quiet("fabrikam").await);
    namespace
        .api::<BssConnection>()
        .create(
            &PostParams::default(),
            &named_connection(&namespace.name, "contoso-tenant", 20),
        )
        .await
        .expect("made");
    seen.more_than("contoso", quiet, "its tenant's connection appears")
        .await;
    assert_eq!(
        seen.count("fabrikam"),
        others,
        "no other object is woken by it"
    );
}

#[tokio::test]
async fn a_reconcile_begins_when_something_that_matters_changes() {
    let namespace = control_plane::namespace("runner").await;
    let clients = clients(namespace.plane.kubeconfig()).await;
    install_crds(&clients, |_| {}).await;
    let name = namespace.name.as_str();
    let watches = Watches::new(&clients, &Scope::of([name]));
    let (stores, seen, gone) = (watches.stores(), Seen::default(), Seen::default());
    // Many wait for the caches at once, as reconciles do: every one of them is woken.
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let (stores, name) = (stores.clone(), name.to_owned());
            tokio::spawn(async move { stores.filled(&name).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let runner = Runner::new(watches, Leadership::undisputed());
    let (waker, forgotten) = (runner.waker(), gone.clone());
    let runner = runner.on_gone(move |uid| forgotten.0.lock().expect("no panic").push(uid.into()));
    let (noting, stop) = (seen.clone(), CancellationToken::new());
    let running = tokio::spawn(runner.run(
        move |upgrade| {
            noting.note(&upgrade);
            async { Requeue::Await }
        },
        stop.clone(),
    ));

    let upgrade = create_upgrade(&namespace, "contoso").await;
    create_upgrade(&namespace, "fabrikam").await;
    seen.more_than("contoso", 0, "an upgrade that appears is reconciled")
        .await;
    assert!(clients.watch_health.awaited().is_empty(), "ready");
    for waiting in waiting {
        let filled = tokio::time::timeout(SOON, waiting).await;
        assert!(filled.expect("woken").expect("no panic"));
    }

    let quiet = seen.quiet("contoso").await;
    let connections = namespace.api::<BssConnection>();
    let made = connections
        .create(&PostParams::default(), &connection(name, 20))
        .await;
    made.expect("made");
    let after = seen
        .more_than("contoso", quiet, "its connection appears")
        .await;
    let seen_connection = stores.connection(name, "distributor").expect("cached");
    assert_eq!(seen_connection.spec.limits.requests_per_second, Some(20));
    let faster = json!({ "spec": { "limits": { "requestsPerSecond": 40 } } });
    connections
        .patch(
            "distributor",
            &PatchParams::default(),
            &Patch::Merge(&faster),
        )
        .await
        .expect("changed");
    seen.more_than("contoso", after, "its connection changes")
        .await;
    let quiet = seen.quiet("contoso").await;
    connections
        .delete("distributor", &DeleteParams::default())
        .await
        .expect("deleted");
    seen.more_than("contoso", quiet, "its connection goes")
        .await;
    assert_eq!(stores.connection(name, "distributor"), None);

    a_tenants_connection(&namespace, &seen).await;

    let (quiet, others) = (seen.quiet("contoso").await, seen.count("fabrikam"));
    namespace
        .api::<CustomerPricing>()
        .create(&PostParams::default(), &pricing(name))
        .await
        .expect("made");
    seen.more_than("contoso", quiet, "its pricing appears")
        .await;
    assert_eq!(stores.pricing_of(name, "contoso").len(), 1);
    assert_eq!(stores.pricing_of(name, "fabrikam").len(), 0);
    assert_eq!(
        seen.count("fabrikam"),
        others,
        "no other object is woken by it"
    );

    let quiet = seen.quiet("contoso").await;
    waker.wake(name, "contoso");
    seen.more_than("contoso", quiet, "a change wakes it").await;

    let upgrades = namespace.api::<TenantResellerUpgrade>();
    upgrades
        .delete("contoso", &DeleteParams::default())
        .await
        .expect("deleted");
    gone.more_than(
        &upgrade.uid().expect("a uid"),
        0,
        "who is gone is forgotten",
    )
    .await;
    let counts = stores.count(&mut Census::default(), Timestamp::now());
    assert_eq!(counts.in_phase.values().sum::<u64>(), 1);
    stop.cancel();
    tokio::time::timeout(SOON, running)
        .await
        .expect("it ends")
        .expect("no panic");
}

#[tokio::test]
async fn a_panic_ends_one_reconcile_only_and_a_running_one_is_awaited() {
    let namespace = control_plane::namespace("panic").await;
    let clients = clients(namespace.plane.kubeconfig()).await;
    install_crds(&clients, |_| {}).await;
    let watches = Watches::new(&clients, &Scope::of([&namespace.name]));
    let runner = Runner::new(watches, Leadership::undisputed());
    let (seen, reconciles, stop) = (
        Seen::default(),
        runner.reconciles(),
        CancellationToken::new(),
    );
    let slow_ended = Arc::new(AtomicBool::new(false));
    let (noting, ending) = (seen.clone(), Arc::clone(&slow_ended));
    let running = tokio::spawn(runner.run(
        move |upgrade| {
            noting.note(&upgrade);
            let ending = Arc::clone(&ending);
            async move {
                match upgrade.name_any().as_str() {
                    "poison" => panic!("a defect"),
                    "slow" => {
                        tokio::time::sleep(Duration::from_secs(2)).await;
                        ending.store(true, Ordering::SeqCst);
                        Requeue::Await
                    }
                    _ => Requeue::After(Duration::from_millis(100)),
                }
            }
        },
        stop.clone(),
    ));
    create_upgrade(&namespace, "poison").await;
    create_upgrade(&namespace, "healthy").await;
    seen.more_than("healthy", 5, "the others go on, again and again")
        .await;
    seen.more_than("poison", 1, "it is tried again").await;
    assert!(seen.count("poison") < 5, "with a rest in between");
    create_upgrade(&namespace, "slow").await;
    seen.more_than("slow", 0, "it runs").await;
    assert!(
        reconciles.stillest().is_some(),
        "a running reconcile is counted"
    );
    stop.cancel();
    tokio::time::timeout(SOON, running)
        .await
        .expect("it ends")
        .expect("no panic");
    assert!(
        slow_ended.load(Ordering::SeqCst),
        "the running reconcile was awaited"
    );
    assert_eq!(reconciles.count(), 0);
}

/// One control plane of its own, because it is stopped and its CRDs are missing at first.
#[tokio::test]
async fn waits_for_crds_survives_the_api_server_and_an_object_of_another_version() {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let plane = ControlPlane::start(ControlPlaneOptions::default())
        .await
        .expect("started");
    let clients = clients(plane.kubeconfig()).await;
    let (awaited, stop) = (crds::KindsAwaited::default(), CancellationToken::new());
    let waiting = {
        let (client, awaited, stop) = (clients.calls.clone(), awaited.clone(), stop.clone());
        tokio::spawn(async move { crds::wait(&client, &awaited, &stop).await })
    };
    says(&awaited, "tenantresellerupgrades.tenantreseller.io").await;

    let candidate = Candidate::start(&clients, "default", "only");
    let seen = Seen::default();
    let runner = Runner::new(
        Watches::new(&clients, &Scope::Cluster),
        candidate.leadership.clone(),
    );
    let running = {
        let seen = seen.clone();
        let reconcile = move |upgrade: Arc<TenantResellerUpgrade>| {
            seen.note(&upgrade);
            async { Requeue::Await }
        };
        tokio::spawn(runner.run(reconcile, stop.clone()))
    };
    pulse_says(&clients, "are the CRDs installed?").await;
    install_crds(&clients, accept_phases_of_another_version).await;
    tokio::time::timeout(SOON, waiting)
        .await
        .expect("no longer awaited")
        .expect("no panic");
    ready(&clients).await;

    // Written by a version that knows more phases than this one.
    let upgrades: Api<TenantResellerUpgrade> = Api::namespaced(clients.calls.clone(), "default");
    create(&upgrades, "newer").await;
    seen.more_than("newer", 0, "readable at first").await;
    let newer = json!({ "status": { "phase": "Verification" } });
    let how = PatchParams::default();
    let dynamic: Api<kube::core::DynamicObject> = Api::namespaced_with(
        clients.calls.clone(),
        "default",
        &kube::core::ApiResource::erase::<TenantResellerUpgrade>(&()),
    );
    dynamic
        .patch_status("newer", &how, &Patch::Merge(&newer))
        .await
        .expect("the CRD allows it");
    create(&upgrades, "contoso").await;
    seen.more_than("contoso", 0, "the others go on").await;

    candidate.leads_within(SOON).await;
    let before = seen.quiet("contoso").await;
    plane.stop_api_server().await.expect("stopped");
    eventually("without the API server no process leads", SOON, || async {
        Ok(Observation::when(!candidate.leadership.leads(), "leads"))
    })
    .await
    .expect("the lease lapses by itself");
    plane.start_api_server().await.expect("started again");
    candidate.leads_within(SOON).await;
    assert_eq!(candidate.leadership.view().borrow().term, 2, "a new term");
    seen.more_than("contoso", before, "who begins to lead looks at everything")
        .await;
    create(&upgrades, "fabrikam").await;
    seen.more_than("fabrikam", 0, "the watch goes on").await;
    ready(&clients).await;

    stop.cancel();
    tokio::time::timeout(SOON, running)
        .await
        .expect("it ends")
        .expect("no panic");
    candidate.stop.cancel();
    candidate.running.await.expect("released");
    plane.stop();
}

/// A standby keeps its caches warm and begins no reconcile.
#[tokio::test]
async fn a_standby_begins_no_reconcile_until_it_leads() {
    let namespace = control_plane::namespace("standby").await;
    let clients = clients(namespace.plane.kubeconfig()).await;
    install_crds(&clients, |_| {}).await;
    let leader = Candidate::start(&clients, &namespace.name, "leader");
    leader.leads_within(SOON).await;
    let standby = Candidate::start(&clients, &namespace.name, "standby");
    let watches = Watches::new(&clients, &Scope::of([&namespace.name]));
    let stores = watches.stores();
    let runner = Runner::new(watches, standby.leadership.clone());
    let (count, stop) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
    let counting = Arc::clone(&count);
    let running = tokio::spawn(runner.run(
        move |_| {
            counting.fetch_add(1, Ordering::SeqCst);
            async { Requeue::Await }
        },
        stop.clone(),
    ));
    create_upgrade(&namespace, "contoso").await;
    eventually("the cache is warm", SOON, || async {
        let cached = stores.upgrade(&namespace.name, "contoso");
        Ok(Observation::when(cached.is_some(), cached))
    })
    .await
    .expect("cached");
    assert_eq!(count.load(Ordering::SeqCst), 0);
    leader.stop.cancel();
    leader.running.await.expect("released");
    eventually("the new leader looks at every upgrade", SOON, || async {
        let reconciles = count.load(Ordering::SeqCst);
        Ok(Observation::when(
            reconciles > 0 && standby.leadership.leads(),
            reconciles,
        ))
    })
    .await
    .expect("a reconcile");
    stop.cancel();
    running.await.expect("no panic");
    standby.stop.cancel();
    standby.running.await.expect("released");
}

fn accept_phases_of_another_version(crd: &mut serde_json::Value) {
    for phase in ["/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/phase/enum"]
    {
        if let Some(words) = crd
            .pointer_mut(phase)
            .and_then(|words| words.as_array_mut())
        {
            words.push("Verification".into());
        }
    }
}

async fn create(api: &Api<TenantResellerUpgrade>, name: &str) {
    let wanted = serde_json::from_value(upgrade_json(name, "default")).expect("an upgrade");
    api.create(&PostParams::default(), &wanted)
        .await
        .expect("created");
}

async fn says(awaited: &crds::KindsAwaited, words: &str) {
    eventually(words, SOON, || async {
        let said = awaited.awaited().unwrap_or_default();
        LocalResult::Ok(Observation::when(said.contains(words), said))
    })
    .await
    .expect("it says what is awaited");
}

async fn pulse_says(clients: &Clients, words: &str) {
    eventually(words, SOON, || async {
        let said = clients.watch_health.awaited().join("; ");
        Ok(Observation::when(said.contains(words), said))
    })
    .await
    .expect("it says what is awaited");
}

async fn ready(clients: &Clients) {
    eventually("ready", SOON, || async {
        let said = clients.watch_health.awaited();
        Ok(Observation::when(said.is_empty(), said))
    })
    .await
    .expect("ready");
}
