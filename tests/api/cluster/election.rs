//! Two candidates for one lease on a real API server.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use tenant_reseller_operator::cluster::Clients;
use tenant_reseller_operator::cluster::lease::{
    Elector, Leadership, LeaseSettings, Timings, process_identity,
};
use tenant_reseller_operator::local::{Observation, eventually};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{SOON, clients};
use support::control_plane;

pub(super) const QUICK: Timings = Timings {
    duration: Duration::from_secs(3),
    renew_deadline: Duration::from_secs(2),
    retry_period: Duration::from_millis(300),
};

pub(super) struct Candidate {
    pub(super) leadership: Leadership,
    pub(super) stop: CancellationToken,
    pub(super) running: JoinHandle<()>,
    pub(super) identity: String,
}

impl Candidate {
    pub(super) fn start(clients: &Clients, namespace: &str, name: &str) -> Self {
        let settings = LeaseSettings {
            namespace: namespace.to_owned(),
            name: "operator".to_owned(),
            identity: process_identity(name),
            timings: QUICK,
        };
        let identity = settings.identity.clone();
        let (elector, leadership) =
            Elector::new(clients.calls.clone(), settings).expect("the timings are sound");
        let stop = CancellationToken::new();
        Self {
            leadership,
            running: tokio::spawn(elector.run(stop.clone())),
            stop,
            identity,
        }
    }

    pub(super) async fn leads_within(&self, within: Duration) -> Duration {
        let began = Instant::now();
        eventually("it leads", within, || async {
            let view = self.leadership.view().borrow().clone();
            Ok(Observation::when(self.leadership.leads(), view))
        })
        .await
        .expect("it leads");
        began.elapsed()
    }
}

async fn lease(api: &Api<Lease>) -> (Option<String>, Option<i32>) {
    let spec = api
        .get("operator")
        .await
        .expect("there")
        .spec
        .expect("a spec");
    (spec.holder_identity, spec.lease_transitions)
}

#[tokio::test]
async fn one_leads_until_it_is_killed_and_a_release_is_followed_at_once() {
    let namespace = control_plane::namespace("election").await;
    let clients = clients(namespace.plane.kubeconfig()).await;
    let api = namespace.api::<Lease>();
    let first = Candidate::start(&clients, &namespace.name, "first");
    first.leads_within(SOON).await;
    assert_eq!(lease(&api).await, (Some(first.identity.clone()), Some(0)));
    let second = Candidate::start(&clients, &namespace.name, "second");
    // For longer than the lease lasts the first one keeps it.
    let watched = Instant::now();
    while watched.elapsed() < Duration::from_secs(5) {
        assert!(first.leadership.leads() && !second.leadership.leads());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(
        first.leadership.view().borrow().term,
        1,
        "never lost in between"
    );

    // Killed: it neither renews nor releases. It stops believing before the other begins.
    first.running.abort();
    let killed = Instant::now();
    let overlap = async {
        while !second.leadership.leads() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        first.leadership.leads()
    };
    let overlap = tokio::time::timeout(SOON, overlap)
        .await
        .expect("the second leads");
    assert!(!overlap, "both believed to lead");
    assert!(
        killed.elapsed() >= Duration::from_secs(2),
        "it waited for the lease to expire"
    );
    assert_eq!(lease(&api).await, (Some(second.identity.clone()), Some(1)));

    // Released: the next candidate does not wait for it to expire.
    let third = Candidate::start(&clients, &namespace.name, "third");
    eventually("the third sees who leads", SOON, || async {
        let holder = third.leadership.view().borrow().holder.clone();
        Ok(Observation::when(
            holder.as_ref() == Some(&second.identity),
            holder,
        ))
    })
    .await
    .expect("seen");
    second.stop.cancel();
    second.running.await.expect("ended");
    assert!(!second.leadership.leads());
    let waited = third.leads_within(SOON).await;
    assert!(waited < Duration::from_secs(2), "{waited:?}");
    assert_eq!(lease(&api).await, (Some(third.identity.clone()), Some(2)));
    third.stop.cancel();
    third.running.await.expect("ended");
    assert_eq!(lease(&api).await.0.as_deref(), Some(""));
}

#[tokio::test]
async fn without_rbac_nobody_leads_and_it_is_said() {
    let namespace = control_plane::namespace("election-rbac").await;
    namespace
        .kubectl(&["create", "serviceaccount", "nobody"])
        .await
        .expect("made");
    let kubeconfig = namespace
        .plane
        .kubeconfig_for(&namespace.name, "nobody")
        .await;
    let clients = clients(&kubeconfig.expect("a kubeconfig")).await;
    let candidate = Candidate::start(&clients, &namespace.name, "forbidden");
    let failure = eventually("it says what is missing", SOON, || async {
        Ok(match candidate.leadership.view().borrow().failure.clone() {
            Some(failure) => Observation::Done(failure),
            None => Observation::NotYet("no failure".into()),
        })
    })
    .await
    .expect("said");
    assert!(
        failure.contains("RBAC must grant get, create and update of leases"),
        "{failure}"
    );
    assert!(!candidate.leadership.leads());
    candidate.stop.cancel();
    candidate.running.await.expect("ended");
}
