//! Who the BSS is, what it can do, the reseller, its epochs; the tenant, requested once and
//! observed while it is queued.

use tenant_reseller_operator::bss::BssResult;
use tenant_reseller_operator::bss::error::{BlockerTally, BssError, FieldError};
use tenant_reseller_operator::bss::port::{
    AccountId, Acquisition, BackOrdering, BlockerReason, BusinessKey, Capabilities, Cursors,
    DetailCalls, EarlierEpoch, Epoch, IssuedEpoch, Keys, Operation, OperationId, OperationState,
    RequestKey, Reseller, ResellerKind, Strength, Tenant, TenantCreation, TenantSettings,
    TenantStatus, Unseen, WriteOperation,
};

use super::Attempts;
use super::records::{Maker, TenantRow};
use super::refusals::{Known, conflict, invalid, not_found, problem};
use super::world::World;
use super::wrong::Wrong;

const OFFERED: [(&str, &[&str]); 4] = [
    ("settings.edition", &["Essential", "Premium", "Enterprise"]),
    ("settings.language", &["en-GB", "en-US", "de-DE", "el-GR"]),
    (
        "settings.timeZone",
        &["Europe/Athens", "Europe/Berlin", "UTC"],
    ),
    ("settings.dateFormat", &["dd/MM/yyyy", "yyyy-MM-dd"]),
];

impl World {
    /// The BSS's own lasting name.
    pub fn identity(&mut self) -> BssResult<Option<String>> {
        self.settle();
        Ok(Some("acme".to_owned()))
    }

    /// What it can do and promises.
    pub fn capabilities(&mut self) -> BssResult<Capabilities> {
        self.settle();
        Ok(Capabilities {
            operations: self.switches.modes.clone(),
            promises: self.switches.promises,
            tenant_access: self.switches.tenant_access,
            unseen: self.switches.unseen.clone(),
            cursors: match self.switches.promises.revision {
                Strength::Strong => Cursors::Lasting,
                Strength::Weak => Cursors::OfOneReading,
            },
            detail_calls: DetailCalls::default(),
            largest_batch: self.switches.largest_batch,
            page_size: self.switches.page_size,
        })
    }

    /// A reseller account.
    pub fn reseller(&mut self, account: &AccountId) -> BssResult<Reseller> {
        self.settle();
        self.known(account)?;
        Ok(Reseller {
            account: self.reseller.clone(),
            name: "Contoso Ltd".to_owned(),
            kind: self.kind,
            ordering_enabled: self.ordering_enabled,
            currency: "EUR".to_owned(),
            tenant: self.seen_tenant(),
            back_ordering: if self.on {
                BackOrdering::On
            } else {
                BackOrdering::Off
            },
        })
    }

    /// A new fencing epoch for the reseller.
    pub fn acquire(
        &mut self,
        account: &AccountId,
        asked: Acquisition<'_>,
    ) -> BssResult<IssuedEpoch> {
        let Acquisition {
            id,
            holder,
            take_over,
        } = asked;
        self.settle();
        if !self.switches.fenced() {
            return Err(BssError::Unsupported {
                operation: Operation::AcquireEpoch,
            });
        }
        if holder.is_empty() {
            return Err(invalid("holder", "is shorter than 1 characters"));
        }
        self.known(account)?;
        if let Some(present) = &self.holder
            && present != holder
            && take_over != Some(present.as_str())
        {
            return Err(BssError::HeldByAnother {
                holder: present.clone(),
            });
        }
        let previous = Epoch(self.epoch);
        self.epoch += 1;
        self.holder = Some(holder.to_owned());
        let issued = IssuedEpoch {
            epoch: Epoch(self.epoch),
            previous,
            earlier: self.issued.iter().cloned().collect(),
        };
        if self.switches.attempts == Attempts::Known {
            self.issued.push_front(EarlierEpoch {
                epoch: issued.epoch,
                acquisition: Some(id.clone()),
            });
            self.issued.truncate(16);
        }
        Ok(issued)
    }

    /// The reseller's tenant, if it has one that can be seen.
    pub fn tenant(&mut self, account: &AccountId) -> BssResult<Option<Tenant>> {
        self.settle();
        self.known(account)?;
        let seen = self.seen_tenant();
        Ok(seen.map(|id| self.shown_tenant(&self.tenants[&id].tenant)))
    }

    /// A tenant without what this BSS does not show.
    fn shown_tenant(&self, tenant: &Tenant) -> Tenant {
        let mut shown = tenant.clone();
        for fact in &self.switches.unseen {
            let settings = &mut shown.settings;
            match fact {
                Unseen::PriceList => settings.price_list = None,
                Unseen::Edition => settings.edition = None,
                Unseen::Language => settings.language = None,
                Unseen::TimeZone => settings.time_zone = None,
                Unseen::DateFormat => settings.date_format = None,
                Unseen::Invoicing => settings.invoicing = None,
                Unseen::TenantCurrency => shown.currency = None,
                Unseen::Sync
                | Unseen::CustomerMark
                | Unseen::PurchaseMark
                | Unseen::PricingOptions
                | Unseen::PurchaseChecks => {}
            }
        }
        shown
    }

    /// The state of a long-running operation.
    pub fn operation(&mut self, id: &OperationId) -> BssResult<OperationState> {
        self.settle();
        Ok(self
            .operations
            .get(id)
            .cloned()
            .unwrap_or(OperationState::Gone))
    }

    /// Requests a tenant.
    pub fn create_tenant(
        &mut self,
        account: &AccountId,
        epoch: Option<Epoch>,
        request: &RequestKey,
        key: &BusinessKey,
        settings: &TenantSettings,
    ) -> BssResult<TenantCreation> {
        self.settle();
        let fingerprint = format!("create {key} {settings:?}");
        self.keyed(request, fingerprint.clone(), |world| {
            world.automatic(WriteOperation::CreateTenant, &format!("{settings:?}"))?;
            world.carried(epoch)?;
            world.known(account)?;
            world.guard(epoch)?;
            world.create(epoch, (request, fingerprint), key, settings)
        })
    }

    fn create(
        &mut self,
        epoch: Option<Epoch>,
        (request, fingerprint): (&RequestKey, String),
        key: &BusinessKey,
        settings: &TenantSettings,
    ) -> BssResult<TenantCreation> {
        if let Some(known) = self.request_keys.get(request) {
            if known.operation != WriteOperation::CreateTenant || known.fingerprint != fingerprint {
                return Err(conflict("the request key was used for another request"));
            }
            // Where the business key finds nothing, the request key does, as long as it is known.
            let same = |row: &&TenantRow| {
                row.operation == known.began && row.tenant.status != TenantStatus::MarkedAsDeleted
            };
            if !self.switches.unique()
                && let Some(row) = self.tenants.values().find(same)
            {
                return Ok(present(row));
            }
        }
        if !self.does(Wrong::MakesSecondTenant)
            && let Some(found) = self.repeated(key, settings)?
        {
            return Ok(found);
        }
        self.refuse_settings(settings)?;
        self.refuse_blocked()?;
        let operation = self.new_operation();
        self.operations
            .insert(operation.clone(), OperationState::Running);
        let known = Known {
            operation: WriteOperation::CreateTenant,
            fingerprint,
            began: Some(operation.clone()),
            since: self.known_since(),
        };
        self.request_keys.insert(request.clone(), known);
        let ready = Some(self.now + self.switches.tenant_queue);
        let stored = (self.switches.promises.keys != Keys::None).then(|| key.clone());
        self.insert_tenant(
            settings,
            (stored, Maker::Operator),
            ready,
            Some(operation.clone()),
        );
        self.judge_effect("createTenant", epoch);
        self.judge_tenant();
        Ok(TenantCreation::Started(operation))
    }

    /// Stores a tenant and its catalogue; the price list is there.
    pub(super) fn insert_tenant(
        &mut self,
        settings: &TenantSettings,
        (business_key, by): (Option<BusinessKey>, Maker),
        ready: Option<std::time::Duration>,
        operation: Option<OperationId>,
    ) {
        let id = self.new_tenant();
        let list = &self.price_lists[&settings.price_list];
        let row = TenantRow {
            tenant: Tenant {
                id: id.clone(),
                url: Some(format!(
                    "https://{}.tenants.example",
                    id.as_str().to_lowercase()
                )),
                settings: settings.clone().into(),
                currency: Some(list.currency.to_owned()),
                business_key,
                status: if ready.is_some() {
                    TenantStatus::InProgress
                } else {
                    TenantStatus::Active
                },
            },
            operation,
            ready,
            made: self.made_now(),
            by,
            catalogue: list.catalogue.clone(),
        };
        self.tenants.insert(id, row);
    }

    /// What is there already: the answer to a repeated request, or the reason against a new one.
    fn repeated(
        &self,
        key: &BusinessKey,
        settings: &TenantSettings,
    ) -> BssResult<Option<TenantCreation>> {
        let keyed = |row: &&TenantRow| row.tenant.business_key.as_ref() == Some(key);
        // A BSS that only stores its keys does not look at them when it creates.
        if self.switches.unique()
            && let Some(found) = self.tenants.values().find(keyed)
        {
            if found.settings() != *settings {
                return Err(conflict("a tenant with this key and other settings exists"));
            }
            if found.tenant.status == TenantStatus::MarkedAsDeleted {
                return Err(conflict(
                    "the tenant that was made under this key was deleted",
                ));
            }
            return Ok(Some(present(found)));
        }
        if self.live_tenant().is_some() {
            return Err(conflict("the reseller has another tenant"));
        }
        if self.key_is_taken(key) {
            return Err(conflict("the business key belongs to another record"));
        }
        Ok(None)
    }

    /// A key names one record, of whatever kind, where keys are unique.
    pub(super) fn key_is_taken(&self, key: &BusinessKey) -> bool {
        self.switches.unique()
            && (self
                .copies
                .values()
                .any(|row| row.key.as_ref() == Some(key))
                || self
                    .tenants
                    .values()
                    .any(|row| row.tenant.business_key.as_ref() == Some(key)))
    }

    fn refuse_settings(&self, settings: &TenantSettings) -> BssResult<()> {
        let mut wrong: Vec<FieldError> = Vec::new();
        let found = self.price_lists.get(&settings.price_list);
        if !found.is_some_and(|list| list.active) {
            let active = self.price_lists.iter().filter(|(_, list)| list.active);
            wrong.push(FieldError {
                allowed: active.map(|(id, _)| id.0.clone()).collect(),
                ..problem("settings.priceList", "is not an active price list")
            });
        }
        let given = [
            &settings.edition,
            &settings.language,
            &settings.time_zone,
            &settings.date_format,
        ];
        for ((field, allowed), value) in OFFERED.into_iter().zip(given) {
            if !allowed.contains(&value.as_str()) {
                wrong.push(FieldError {
                    allowed: allowed.iter().map(|word| (*word).to_owned()).collect(),
                    ..problem(field, "is not offered")
                });
            }
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(BssError::Invalid(wrong))
        }
    }

    fn refuse_blocked(&self) -> BssResult<()> {
        let reasons = [
            (
                BlockerReason::ResellerNotBasic,
                self.kind != ResellerKind::Basic,
            ),
            (BlockerReason::OrderingDisabled, !self.ordering_enabled),
        ];
        let tallies: Vec<BlockerTally> = reasons
            .into_iter()
            .filter(|(_, holds)| *holds)
            .map(|(reason, _)| BlockerTally {
                reason,
                count: 1,
                examples: vec![self.reseller.0.clone()],
            })
            .collect();
        if tallies.is_empty() {
            Ok(())
        } else {
            Err(BssError::Blocked(tallies))
        }
    }

    /// The live tenant, or that there is none.
    pub(super) fn some_tenant(&mut self) -> BssResult<&mut TenantRow> {
        let live = |row: &&mut TenantRow| row.tenant.status != TenantStatus::MarkedAsDeleted;
        let found = self.tenants.values_mut().find(live);
        found.ok_or_else(|| not_found("the reseller has no tenant"))
    }
}

fn present(row: &TenantRow) -> TenantCreation {
    match (row.tenant.status, &row.operation) {
        (TenantStatus::InProgress, Some(operation)) => TenantCreation::Started(operation.clone()),
        _ => TenantCreation::Done(Box::new(row.tenant.clone())),
    }
}
