//! Whose BSS a login opens.

use rusqlite::params;

use crate::sandbox::config::InterworksLogin;
use crate::sandbox::store::Tx;
use crate::sandbox::world::purchases::digest;

/// One BSS of the vendor's installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Organisation {
    /// The distributor's.
    Distributor,
    /// A tenant's own.
    Tenant {
        /// The tenant.
        id: String,
        /// The reseller whose tenant it is, as the distributor names it.
        reseller: String,
        /// Where it is suspended, nothing is answered.
        suspended: bool,
    },
}

/// The organisation of a login. A tenant that is still queued, or deleted, has none.
pub(super) fn of(tx: &Tx<'_>, login: &InterworksLogin) -> rusqlite::Result<Option<Organisation>> {
    let Some(reseller) = &login.reseller else {
        return Ok(Some(Organisation::Distributor));
    };
    tx.one(
        "SELECT id, status = 'Suspended' FROM tenants
         WHERE reseller_id = ?1 AND status IN ('Active', 'Suspended')",
        [reseller],
        |row| {
            Ok(Organisation::Tenant {
                id: row.get(0)?,
                reseller: reseller.clone(),
                suspended: row.get(1)?,
            })
        },
    )
}

/// The login that a token was issued to, unless it has expired.
pub(super) fn login_of<'l>(
    tx: &Tx<'_>,
    logins: &'l [InterworksLogin],
    token: &str,
) -> rusqlite::Result<Option<&'l InterworksLogin>> {
    let user: Option<(String, String)> = tx.one(
        "SELECT client, user FROM vendor_tokens WHERE digest = ?1 AND expires_ms > ?2",
        params![digest(token), tx.now],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(user.and_then(|(client, user)| {
        logins
            .iter()
            .find(|login| login.client_id == client && login.user == user)
    }))
}
