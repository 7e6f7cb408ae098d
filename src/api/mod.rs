//! The custom resources: their types, conditions and reasons.
//!
//! What users write and read in the cluster, group `tenantreseller.io/v1alpha1`. No I/O, no
//! clock, no decision; nothing here may know of any other folder.

mod claim;
mod conditions;
mod connection;
mod crd;
mod pricing;
mod reason;
mod report;
mod rules;
mod state;
mod upgrade;

pub use claim::{
    ActivationIntent, ClaimAcquisition, ClaimHolder, ClaimIntents, ClaimTold, CopiesIntent,
    CreateTenantIntent, ResellerClaim, ResellerClaimSpec, TimelineEntry,
};
pub use conditions::{Change, Condition, ConditionStatus, ConditionType, DesiredCondition, only};
pub use connection::*;
pub use crd::{CrdYamlError, crd_yaml, crds};
pub use pricing::{
    Billing, BillingAnchor, CustomerPricing, CustomerPricingSpec, CustomerPricingStatus,
    DeclaredPricing, PricingFailure, UpgradeRef,
};
pub use reason::{Reason, StateClass};
pub use report::{ReportKind, ReportRow, UpgradeReport, UpgradeReportSpec};
pub use state::{ConditionList, Summary, summary};
pub use upgrade::{
    ConfirmedCopy, ConnectionKind, ConnectionRef, FailureExample, FailureGroup, Inventory,
    Invoicing, KindProgress, Phase, PricingDefault, PricingPolicy, Progress, ResellerRef,
    TenantResellerUpgrade, TenantResellerUpgradeSpec, TenantResellerUpgradeStatus, TenantSpec,
    TenantView, WaitingFor, WhenMissing,
};

/// The API group.
pub const GROUP: &str = "tenantreseller.io";
/// The API version.
pub const VERSION: &str = "v1alpha1";
/// The finalizer that stands while the operator works on an upgrade.
pub const FINALIZER: &str = "tenantreseller.io/work-in-progress";
/// `"true"` suspends an upgrade without touching its spec.
pub const SUSPEND_ANNOTATION: &str = "tenantreseller.io/suspend";
/// A new value makes the operator look again at once.
pub const REQUESTED_AT_ANNOTATION: &str = "tenantreseller.io/requestedAt";
/// Names the holder whose hold on the reseller a person takes over.
pub const TAKE_OVER_ANNOTATION: &str = "tenantreseller.io/take-over";
/// Confirms the epoch at which the cluster was found to have gone back.
pub const CONFIRM_ANNOTATION: &str = "tenantreseller.io/confirm";
/// On a Secret: the hosts that its content may be sent to, separated by commas.
pub const ALLOWED_HOSTS_ANNOTATION: &str = "tenantreseller.io/allowed-hosts";
/// On a Secret with a client's id and secret: the token endpoints that they may be sent to, if those
/// are not the hosts of [`ALLOWED_HOSTS_ANNOTATION`].
pub const ALLOWED_TOKEN_HOSTS_ANNOTATION: &str = "tenantreseller.io/allowed-token-hosts";
