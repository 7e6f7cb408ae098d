//! The loop around the election: the API server, the clock, and what the others see.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, ResourceExt};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::election::{Action, Election, Heard, Moment, Record, Timings, TimingsError};
use crate::cluster::error::bounded;
use crate::cluster::kubernetes::WRITE_MANAGER;
use crate::cluster::port::{ClusterError, ClusterResult};

/// Which lease, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseSettings {
    /// The lease's namespace: the operator's own.
    pub namespace: String,
    /// The lease's name.
    pub name: String,
    /// This process. Unique among all processes that ever run at a time: see [`process_identity`].
    pub identity: String,
    /// How long things last.
    pub timings: Timings,
}

/// A name for this process that no other one has: the pod's (or host's) name and something random.
///
/// The random part makes a restarted process wait for the lease of its predecessor, like any other
/// candidate: under the same name it could lead while a call of the former still runs.
#[must_use]
pub fn process_identity(instance: &str) -> String {
    let random = RandomState::new().hash_one((std::process::id(), Timestamp::now()));
    format!("{instance}_{random:016x}")
}

/// What can be seen of the election.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseView {
    /// Grows whenever this process begins to lead.
    pub term: u64,
    /// Who holds the lease, as heard last.
    pub holder: Option<String>,
    /// What keeps this process from taking part, in words.
    pub failure: Option<String>,
    /// Grows whenever the lease is of an older version than it was before: etcd was put back.
    pub went_back: u64,
}

/// The question whether this process leads, to be asked before every effect. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Leadership {
    valid_until: Arc<RwLock<Option<Instant>>>,
    view: watch::Receiver<LeaseView>,
}

impl Leadership {
    /// Whether this process leads at this moment. It is judged by the clock alone: an elector that hangs
    /// cannot keep it true.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.valid_until()
            .is_some_and(|until| Instant::now() < until)
    }

    /// Counts how often this process began to lead.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.view.borrow().term
    }

    /// Until when this process may believe that it leads, if nothing more is heard.
    #[must_use]
    pub fn valid_until(&self) -> Option<Instant> {
        *self
            .valid_until
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What can be seen of the election; changes can be awaited.
    #[must_use]
    pub fn view(&self) -> watch::Receiver<LeaseView> {
        self.view.clone()
    }

    /// A leadership that never ends and that no other process disputes: for a single process without a
    /// lease, and for tests.
    #[must_use]
    pub fn undisputed() -> Self {
        let far = Instant::now().checked_add(Duration::from_hours(24 * 365));
        Self {
            valid_until: Arc::new(RwLock::new(far)),
            view: watch::channel(LeaseView {
                term: 1,
                ..LeaseView::default()
            })
            .1,
        }
    }
}

/// Takes part in the election.
pub struct Elector {
    api: Api<Lease>,
    settings: LeaseSettings,
    origin: Instant,
    valid_until: Arc<RwLock<Option<Instant>>>,
    view: watch::Sender<LeaseView>,
    /// The lease as it was heard last, to be written back changed.
    last: Option<Lease>,
    /// The version that it had then.
    version: Option<u64>,
}

impl Elector {
    /// Prepares to take part; [`Elector::run`] does it.
    pub fn new(
        client: Client,
        settings: LeaseSettings,
    ) -> Result<(Self, Leadership), TimingsError> {
        settings.timings.checked()?;
        let valid_until = Arc::new(RwLock::new(None));
        let (sender, receiver) = watch::channel(LeaseView::default());
        let elector = Self {
            api: Api::namespaced(client, &settings.namespace),
            settings,
            origin: Instant::now(),
            valid_until: Arc::clone(&valid_until),
            view: sender,
            last: None,
            version: None,
        };
        let leadership = Leadership {
            valid_until,
            view: receiver,
        };
        Ok((elector, leadership))
    }

    /// Takes part until `stop`, then releases the lease. Stop it only after the work that needs
    /// the lease has ended: the others may begin at once.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut election = Election::new(self.settings.identity.clone(), self.settings.timings);
        let mut heard = Heard::Nothing;
        loop {
            let action = election.step(heard, self.now());
            self.show(&election);
            heard = tokio::select! {
                () = stop.cancelled() => break,
                heard = self.perform(action) => heard,
            };
        }
        election.resign();
        self.show(&election);
        self.release().await;
    }

    fn now(&self) -> Moment {
        self.origin.elapsed()
    }

    /// A call that takes longer than half the time that a leader has leaves no time for another.
    fn bound(&self) -> Duration {
        let deadline = self.settings.timings.renew_deadline;
        deadline.checked_div(2).unwrap_or(deadline)
    }

    fn show(&self, election: &Election) {
        let until = election
            .valid_until()
            .and_then(|moment| self.origin.checked_add(moment));
        *self
            .valid_until
            .write()
            .unwrap_or_else(PoisonError::into_inner) = until;
        self.view.send_if_modified(|view| {
            let (term, holder) = (election.term(), election.holder().map(str::to_owned));
            let changed = view.term != term || view.holder != holder;
            if view.term != term {
                tracing::info!(lease = self.settings.name, term, "this process leads");
            } else if view.holder != holder {
                let holder = holder.as_deref().unwrap_or("nobody");
                tracing::info!(
                    lease = self.settings.name,
                    holder,
                    "the lease changed hands"
                );
            }
            view.term = term;
            view.holder = holder;
            changed
        });
    }

    async fn perform(&mut self, action: Action) -> Heard {
        match action {
            Action::Sleep(rest) => {
                tokio::time::sleep(rest).await;
                Heard::Nothing
            }
            Action::Read => {
                let name = self.settings.name.clone();
                let api = self.api.clone();
                match self.heard(bounded(self.bound(), api.get(&name)).await) {
                    Ok(record) => Heard::Lease(record),
                    Err(ClusterError::Gone) => Heard::Absent,
                    Err(_) => Heard::Failed,
                }
            }
            Action::Create => {
                let lease = Lease {
                    metadata: ObjectMeta {
                        name: Some(self.settings.name.clone()),
                        namespace: Some(self.settings.namespace.clone()),
                        ..ObjectMeta::default()
                    },
                    spec: Some(self.ours(None, 0)),
                };
                let api = self.api.clone();
                let answer = bounded(self.bound(), api.create(&by_us(), &lease)).await;
                self.written(answer)
            }
            Action::Take { transitions } => self.replace(None, transitions).await,
            Action::Renew => {
                let (since, transitions) = match self.last.as_ref().and_then(|l| l.spec.as_ref()) {
                    Some(spec) => (
                        spec.acquire_time.clone(),
                        spec.lease_transitions.unwrap_or_default(),
                    ),
                    None => return Heard::Refused,
                };
                self.replace(since, transitions).await
            }
        }
    }

    async fn replace(&mut self, since: Option<MicroTime>, transitions: i32) -> Heard {
        let Some(mut lease) = self.last.clone() else {
            return Heard::Refused;
        };
        lease.spec = Some(self.ours(since, transitions));
        let api = self.api.clone();
        let name = &self.settings.name;
        let answer = bounded(self.bound(), api.replace(name, &by_us(), &lease)).await;
        self.written(answer)
    }

    fn ours(&self, since: Option<MicroTime>, transitions: i32) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        let seconds = self.settings.timings.duration.as_secs();
        LeaseSpec {
            holder_identity: Some(self.settings.identity.clone()),
            lease_duration_seconds: Some(i32::try_from(seconds).unwrap_or(i32::MAX)),
            acquire_time: Some(since.unwrap_or_else(|| now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }

    fn written(&mut self, answer: ClusterResult<Lease>) -> Heard {
        match self.heard(answer) {
            Ok(record) => Heard::Written(record),
            Err(ClusterError::Conflict | ClusterError::Exists | ClusterError::Gone) => {
                Heard::Refused
            }
            Err(_) => Heard::Failed,
        }
    }

    /// Remembers a lease and shows a failure.
    fn heard(&mut self, answer: ClusterResult<Lease>) -> ClusterResult<Record> {
        let failure = match &answer {
            Ok(_) | Err(ClusterError::Conflict | ClusterError::Exists | ClusterError::Gone) => None,
            Err(ClusterError::Forbidden(said)) => Some(format!(
                "RBAC must grant get, create and update of leases.coordination.k8s.io in {}: {said}",
                self.settings.namespace
            )),
            Err(
                error @ (ClusterError::Invalid(_)
                | ClusterError::Unavailable(_)
                | ClusterError::Busy { .. }),
            ) => Some(error.to_string()),
        };
        self.view.send_if_modified(|view| {
            let changed = view.failure != failure;
            if changed && let Some(failure) = &failure {
                tracing::warn!(
                    lease = self.settings.name,
                    failure,
                    "the lease is out of reach"
                );
            }
            view.failure.clone_from(&failure);
            changed
        });
        let lease = answer?;
        let record = record(&lease);
        self.notice(&record.version);
        self.last = Some(lease);
        Ok(record)
    }

    /// Versions of one etcd only grow. One that does not tells what no watch would: a watch from a
    /// revision that is not there yet hears nothing, and fails at nothing.
    fn notice(&mut self, version: &str) {
        // A version that is no number says nothing.
        let Ok(version) = version.parse() else { return };
        let before = self.version.replace(version);
        if before.is_some_and(|before| version < before) {
            tracing::warn!(
                lease = self.settings.name,
                before,
                version,
                "the cluster's state went back; everything is listed anew"
            );
            self.view
                .send_modify(|view| view.went_back = view.went_back.saturating_add(1));
        }
    }

    /// Gives the lease back, so that the next one need not wait. Best effort: it expires anyway.
    async fn release(&mut self) {
        let (name, api) = (self.settings.name.clone(), self.api.clone());
        let Ok(mut lease) = bounded(self.bound(), api.get(&name)).await else {
            return;
        };
        if record(&lease).holder.as_deref() != Some(&self.settings.identity) {
            return;
        }
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
            spec.renew_time = Some(MicroTime(Timestamp::now()));
        }
        match bounded(self.bound(), api.replace(&name, &by_us(), &lease)).await {
            Ok(_) => tracing::info!(lease = name, "the lease was released"),
            Err(error) => {
                tracing::warn!(lease = name, %error, "the lease was not released; it will expire");
            }
        }
    }
}

fn record(lease: &Lease) -> Record {
    let spec = lease.spec.as_ref();
    let seconds = spec
        .and_then(|s| s.lease_duration_seconds)
        .and_then(|s| u64::try_from(s).ok());
    Record {
        version: lease.resource_version().unwrap_or_default(),
        holder: spec
            .and_then(|s| s.holder_identity.clone())
            .filter(|holder| !holder.is_empty()),
        duration: seconds.map(Duration::from_secs),
        transitions: spec.and_then(|s| s.lease_transitions).unwrap_or_default(),
    }
}

fn by_us() -> PostParams {
    PostParams {
        field_manager: Some(WRITE_MANAGER.to_owned()),
        ..PostParams::default()
    }
}
