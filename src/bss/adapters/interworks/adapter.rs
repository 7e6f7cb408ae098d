//! The adapter: its two sides, and the pages of a look that it serves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::client::Side;
use super::kept::Kept;
use super::look::{Found, Half, Look, Sides};
use super::options::{Options, Role, TenantDeclaration};
use super::pairing::Confirmed;
use super::reader::Want;
use crate::bss::error::{BssError, Cause};
use crate::bss::limits::{Access, Limiter};
use crate::bss::port::{AccountId, BssResult, Page, PageRequest, TenantId};
use crate::bss::transport::Settings;

/// interworks.cloud.
#[derive(Debug)]
pub struct InterworksBss {
    pub(super) distributor: Side,
    pub(super) tenant: Option<(TenantDeclaration, Side)>,
    pub(super) kept: Arc<Kept>,
    /// What a person confirmed where the records do not tell which is the copy of which.
    confirmed: Mutex<Arc<Confirmed>>,
}

impl InterworksBss {
    /// Checks the connection and builds its client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`BssError::Refused`] if the connection may not be used.
    pub fn new(
        options: Options,
        settings: Settings,
        access: Access,
        kept: Arc<Kept>,
    ) -> Result<Self, BssError> {
        if let Role::Tenant(_) = options.role {
            return Err(refused(
                "interworks.calibration is missing: spec.connectionRef has to lead to the distributor's \
                 BSS, and this connection leads to a tenant's",
            ));
        }
        let memory = kept.of_distributor(&options);
        Ok(Self {
            distributor: Side::new(options, settings, access, memory)?,
            tenant: None,
            kept,
            confirmed: Mutex::default(),
        })
    }

    /// The same, with the access to the tenant.
    ///
    /// # Errors
    ///
    /// As for [`InterworksBss::new`].
    pub fn with_tenant(
        self,
        options: Options,
        settings: Settings,
        access: Access,
    ) -> Result<Self, BssError> {
        let Role::Tenant(declared) = options.role.clone() else {
            return Err(refused(
                "interworks.tenant is missing: spec.tenantConnectionRef has to lead to a tenant's BSS, \
                 and this connection leads to the distributor's",
            ));
        };
        let memory = self.kept.of_tenant(&options);
        let side = Side::new(options, settings, access, memory)?;
        Ok(Self {
            tenant: Some((declared, side)),
            ..self
        })
    }

    /// The limiter of the calls to the distributor.
    #[must_use]
    pub fn limiter(&self) -> &Arc<Limiter> {
        self.distributor.limiter()
    }

    pub(super) fn options(&self) -> &Options {
        &self.distributor.options
    }

    pub(super) fn confirmed(&self) -> MutexGuard<'_, Arc<Confirmed>> {
        let confirmed = self.confirmed.lock();
        confirmed.unwrap_or_else(PoisonError::into_inner)
    }

    /// Both sides of one reseller, as far as they are at hand.
    async fn sides<'a>(&'a self, account: &'a AccountId) -> BssResult<Sides<'a>> {
        let tenant = match &self.tenant {
            None => None,
            Some((declared, side)) => {
                of_this_reseller(declared, account)?;
                Some((&declared.id, side))
            }
        };
        Ok(Sides {
            account,
            distributor: &self.distributor,
            tenant,
            marks: self.learnt().await?.marks,
            confirmed: Arc::clone(&self.confirmed()),
        })
    }

    /// A page of a look, which goes on as long as a call may work.
    pub(super) async fn look<T: Clone>(
        &self,
        account: &AccountId,
        (want, half): (Want, Half),
        page: &PageRequest,
        rows: impl Fn(&Found) -> &[T] + Send,
    ) -> BssResult<Page<T>> {
        let asked = Instant::now();
        let sides = self.sides(account).await?;
        let place = self.kept.look(account, want);
        let mut held = place.lock().await;
        let usable = match (&page.cursor, held.as_ref()) {
            (None, Some(look)) => look.can_begin(half, (page.freshness, asked)),
            (Some(cursor), Some(look)) if look.gave(cursor) => true,
            (Some(_), _) => {
                return Err(BssError::Conflict {
                    detail: "the listing was begun again meanwhile".to_owned(),
                });
            }
            (None, None) => false,
        };
        if !usable {
            let known = held.as_ref().map(Look::remembered).unwrap_or_default();
            *held = Some(Look::new(&sides, want, page.freshness, known));
        }
        let Some(look) = held.as_mut() else {
            return Err(BssError::Conflict {
                detail: "the listing was not begun".to_owned(),
            });
        };
        if page.cursor.is_none() {
            look.begin(half);
        }
        match look.go_on(&sides).await {
            Ok(None) => Ok(look.not_yet()),
            Ok(Some(found)) => {
                self.kept.keep(account, want, &found);
                Ok(look.page(rows(&found), page))
            }
            Err(error) => {
                if !passes(&error) {
                    *held = None;
                }
                Err(error)
            }
        }
    }

    /// What the last look found.
    pub(super) fn last(&self, account: &AccountId, want: Want) -> BssResult<Arc<Found>> {
        self.kept
            .found(account, want)
            .ok_or_else(|| BssError::Conflict {
                detail: "nothing was listed yet: the listing is read first".to_owned(),
            })
    }

    pub(super) fn at_tenant(&self, tenant: &TenantId) -> BssResult<(&TenantDeclaration, &Side)> {
        let at_hand = self
            .tenant
            .as_ref()
            .filter(|(declared, _)| declared.id == *tenant);
        let (declared, side) = at_hand.ok_or_else(|| BssError::NotFound {
            what: format!("a connection to the tenant {tenant}"),
        })?;
        Ok((declared, side))
    }
}

/// Whether a look is worth going on with after this error.
fn passes(error: &BssError) -> bool {
    match error.cause() {
        Cause::Moment | Cause::TokenEndpoint | Cause::Token | Cause::Credentials => true,
        Cause::Connection | Cause::Reply | Cause::Request => false,
    }
}

pub(super) fn refused(detail: &str) -> BssError {
    BssError::Refused {
        detail: detail.to_owned(),
    }
}

/// Refuses a tenant that is said to be another reseller's.
pub(super) fn of_this_reseller(declared: &TenantDeclaration, account: &AccountId) -> BssResult<()> {
    if declared.reseller == *account {
        return Ok(());
    }
    Err(refused(&format!(
        "the tenant's connection belongs to the reseller {} (interworks.tenant.resellerAccountId), and \
         the upgrade is that of {account}",
        declared.reseller
    )))
}
