//! The cluster port: the few verbs that a reconcile needs of Kubernetes.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretSlice;
use thiserror::Error;

use crate::api::{
    BssConnection, BssConnectionStatus, CustomerPricing, CustomerPricingStatus, Reason,
    ResellerClaim, TenantResellerUpgrade, TenantResellerUpgradeStatus, UpgradeReport,
};

/// Why a call to the cluster failed.
#[derive(Clone, Debug, Error)]
pub enum ClusterError {
    /// The object changed since it was read (409, or a uid that is another): read again.
    #[error("the object changed meanwhile")]
    Conflict,
    /// An object of that name exists already.
    #[error("it exists already")]
    Exists,
    /// The object is gone.
    #[error("it is gone")]
    Gone,
    /// The API server forbids it: RBAC.
    #[error("the API server forbids it: {0}")]
    Forbidden(String),
    /// The API server refuses the object: schema, CEL, admission.
    #[error("the API server refuses it: {0}")]
    Invalid(String),
    /// Anything else, time-outs included: nothing is known about the effect of a write.
    #[error("the API server did not answer as expected: {0}")]
    Unavailable(String),
    /// The same, and the API server says how long it wants to be left alone.
    #[error("the API server asks for a pause: {said}")]
    Busy {
        /// What it said.
        said: String,
        /// How long.
        after: Duration,
    },
}

impl ClusterError {
    /// Every class.
    pub const CLASSES: [&'static str; 7] = [
        "Conflict",
        "Exists",
        "Gone",
        "Forbidden",
        "Invalid",
        "Unavailable",
        "Busy",
    ];

    /// The class, as metrics name it.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::Conflict => "Conflict",
            Self::Exists => "Exists",
            Self::Gone => "Gone",
            Self::Forbidden(_) => "Forbidden",
            Self::Invalid(_) => "Invalid",
            Self::Unavailable(_) => "Unavailable",
            Self::Busy { .. } => "Busy",
        }
    }
}

/// What every call answers.
pub type ClusterResult<T> = Result<T, ClusterError>;

/// A Secret, read by name. Its values cannot be printed.
#[derive(Clone, Debug)]
pub struct SecretView {
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its data, as it is there: text of any encoding, or none.
    pub data: BTreeMap<String, SecretSlice<u8>>,
    /// Its resource version.
    pub resource_version: String,
}

/// Whether an event is news or trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// News.
    Normal,
    /// Trouble.
    Warning,
}

/// An event about an upgrade. No secrets, no personal data, nothing that exists only here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// News or trouble.
    pub kind: EventKind,
    /// Reason, from the same words as the conditions.
    pub reason: Reason,
    /// What the operator did or waits for, at most 1 kB; longer notes are cut.
    pub note: String,
}

/// Whether the finalizer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finalizer {
    /// It holds the object.
    Present,
    /// It does not.
    Absent,
}

/// The cluster, as far as a reconcile needs it. Every call is bounded in time.
///
/// Status and claim writes carry the uid and resource version of the object that they were
/// computed from, so that a write from a stale view is a [`ClusterError::Conflict`].
pub trait Cluster: Send + Sync + 'static {
    /// A live read of an upgrade (never from a cache).
    fn upgrade(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = ClusterResult<Option<TenantResellerUpgrade>>> + Send;

    /// The upgrade as the watch saw it last: cheap, possibly old. `None` if it is gone.
    fn latest(&self, namespace: &str, name: &str) -> Option<Arc<TenantResellerUpgrade>>;

    /// A connection as the watch saw it last.
    fn connection(&self, namespace: &str, name: &str) -> Option<BssConnection>;

    /// A Secret, read live by name.
    fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = ClusterResult<Option<SecretView>>> + Send;

    /// The pricing objects of a namespace that this version cannot read, by name. Any of them may refer to
    /// any upgrade there.
    fn unreadable_pricing(&self, namespace: &str) -> Vec<String>;

    /// Whether this version can read a connection. One that does not exist can be read.
    fn connection_is_readable(&self, namespace: &str, name: &str) -> bool;

    /// All pricing objects that refer to an upgrade, by name.
    fn pricing_of(
        &self,
        namespace: &str,
        upgrade: &str,
    ) -> impl Future<Output = ClusterResult<Vec<CustomerPricing>>> + Send;

    /// A claim in the operator's own namespace, read live.
    fn claim(
        &self,
        name: &str,
    ) -> impl Future<Output = ClusterResult<Option<ResellerClaim>>> + Send;

    /// Creates a claim; [`ClusterError::Exists`] if there is one of that name.
    fn create_claim(
        &self,
        claim: &ResellerClaim,
    ) -> impl Future<Output = ClusterResult<ResellerClaim>> + Send;

    /// Replaces a claim; its resource version must be the present one.
    fn replace_claim(
        &self,
        claim: &ResellerClaim,
    ) -> impl Future<Output = ClusterResult<ResellerClaim>> + Send;

    /// Writes an upgrade's status, by server-side apply with uid and resource version of `seen`.
    fn apply_status(
        &self,
        seen: &TenantResellerUpgrade,
        status: &TenantResellerUpgradeStatus,
    ) -> impl Future<Output = ClusterResult<TenantResellerUpgrade>> + Send;

    /// Writes a connection's status.
    fn apply_connection_status(
        &self,
        seen: &BssConnection,
        status: &BssConnectionStatus,
    ) -> impl Future<Output = ClusterResult<()>> + Send;

    /// Writes a pricing object's status.
    fn apply_pricing_status(
        &self,
        seen: &CustomerPricing,
        status: &CustomerPricingStatus,
    ) -> impl Future<Output = ClusterResult<()>> + Send;

    /// The report pages owned by an upgrade.
    fn reports_of(
        &self,
        upgrade: &TenantResellerUpgrade,
    ) -> impl Future<Output = ClusterResult<Vec<UpgradeReport>>> + Send;

    /// Creates a report page or replaces its content.
    fn apply_report(
        &self,
        report: &UpgradeReport,
    ) -> impl Future<Output = ClusterResult<()>> + Send;

    /// Deletes a report page.
    fn delete_report(
        &self,
        report: &UpgradeReport,
    ) -> impl Future<Output = ClusterResult<()>> + Send;

    /// Adds or removes the operator's finalizer, guarded by uid and resource version.
    fn set_finalizer(
        &self,
        seen: &TenantResellerUpgrade,
        wanted: Finalizer,
    ) -> impl Future<Output = ClusterResult<TenantResellerUpgrade>> + Send;

    /// Publishes an event about an upgrade. Best effort: a lost event loses nothing.
    fn publish(
        &self,
        about: &TenantResellerUpgrade,
        event: Event,
    ) -> impl Future<Output = ()> + Send;

    /// Whether this process holds the lease at this moment. Asked before every effect.
    fn leads(&self) -> bool;

    /// Counts how often this process began to lead. A reconcile is bound to the term in which it began:
    /// in a later one another process may have led in between.
    fn term(&self) -> u64;

    /// The uid of the operator's own namespace: the first part of the holder in `acquire`.
    fn installation(&self) -> &str;
}
