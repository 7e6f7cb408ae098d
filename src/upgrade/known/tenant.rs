//! The tenant, from the request on.

use crate::api::ResellerClaimSpec;
use crate::bss::port::Tenant;
use crate::upgrade::sweep::preflight::PreflightState;

/// The tenant, and what is known before it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct KnownTenant {
    /// The tenant, if it was looked at in this stage; the inner `None` is *there is none*.
    pub seen: Option<Option<Tenant>>,
    /// Whether a tenant was requested and it is not known what came of it: on record when this process
    /// began, or the reply was lost.
    pub creation_unknown: Option<bool>,
    /// An operation that was started and is not on record yet.
    pub started: Option<crate::bss::port::OperationId>,
    /// The look at what the price list permits, before the tenant exists.
    pub preflight: PreflightState,
}

impl KnownTenant {
    /// Takes in what the record says of a request. One that is gone from the record without this
    /// process's doing may still have been sent: the cluster's state may have gone back.
    pub(in crate::upgrade) fn on_record(&mut self, record: &ResellerClaimSpec, dropped: bool) {
        let creation = record.intents.create_tenant.as_ref();
        let unknown = creation.is_some_and(|intent| intent.operation_id.is_none());
        let struck = creation.is_some() || record.tenant_id.is_some() || dropped;
        if self.creation_unknown.is_none() || (!unknown && struck) {
            self.creation_unknown = Some(unknown);
        }
    }
}
