//! What is read from the API server: single objects by name, lists in pages.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams};
use kube::core::DeserializeGuard;
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::error::Failure;
use super::kubeconfig::Cluster;
use crate::api::{TenantResellerUpgrade, UpgradeReport};

/// Objects of a page, as kubectl asks for them.
const PAGE: u32 = 500;
/// Objects of the first page: the first lines are to be there before a person wonders.
const FIRST_PAGE: u32 = 50;
/// The label by which the reports of an upgrade are found.
const UPGRADE_UID_LABEL: &str = "tenantreseller.io/upgrade-uid";

/// How often a question is asked that the API server has no time for yet.
const TRIES: u32 = 5;
/// Between two of these times, unless the API server names a longer one.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest that is waited, whatever it names.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Asks, and asks again where the API server says that it is too early (429), as kubectl does.
async fn patient<T, Asked>(ask: impl Fn() -> Asked) -> kube::Result<T>
where
    Asked: Future<Output = kube::Result<T>>,
{
    for _ in 1..TRIES {
        match ask().await {
            Err(kube::Error::Api(status)) if status.code == 429 => {
                let named = status.details.as_ref().map(|it| it.retry_after_seconds);
                let named = Duration::from_secs(named.map_or(0, u64::from));
                tokio::time::sleep(named.clamp(PAUSE, LONGEST_PAUSE)).await;
            }
            answer => return answer,
        }
    }
    ask().await
}

/// Where objects are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// In the namespace of the flags or the context.
    Namespace,
    /// In all namespaces.
    All,
}

impl Scope {
    pub(super) fn of(all_namespaces: bool) -> Self {
        if all_namespaces {
            Self::All
        } else {
            Self::Namespace
        }
    }
}

impl Cluster {
    /// The API of a kind.
    pub(super) fn api<K>(&self, scope: Scope) -> Api<K>
    where
        K: Resource<Scope = kube::core::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        match scope {
            Scope::Namespace => Api::namespaced(self.client.clone(), &self.namespace),
            Scope::All => Api::all(self.client.clone()),
        }
    }

    /// One upgrade, by name.
    pub(super) async fn upgrade(&self, name: &str) -> Result<TenantResellerUpgrade, Failure> {
        let api: Api<TenantResellerUpgrade> = self.api(Scope::Namespace);
        let doing = format!("the upgrade {name} in the namespace {}", self.namespace);
        patient(|| api.get(name)).await.map_err(Failure::api(doing))
    }

    /// What the operator reported of one upgrade.
    pub(super) async fn reports(
        &self,
        upgrade: &TenantResellerUpgrade,
    ) -> Result<Vec<UpgradeReport>, Failure> {
        let uid = upgrade.uid().unwrap_or_default();
        let of = ListParams::default().labels(&format!("{UPGRADE_UID_LABEL}={uid}"));
        let mut reports: Vec<UpgradeReport> = Vec::new();
        self.pages(Scope::Namespace, of, "the reports", |page| {
            reports.extend(page.into_iter().filter_map(|report| report.0.ok()));
            Ok(())
        })
        .await?;
        reports.sort_by_key(|report| (report.spec.kind, report.spec.page));
        Ok(reports)
    }

    /// The events about one upgrade. Events are a courtesy: who may not read them sees the rest.
    pub(super) async fn events(&self, upgrade: &TenantResellerUpgrade) -> Vec<Event> {
        let uid = upgrade.uid().unwrap_or_default();
        let of = ListParams::default().fields(&format!("regarding.uid={uid}"));
        let api: Api<Event> = self.api(Scope::Namespace);
        api.list(&of)
            .await
            .map(|list| list.items)
            .unwrap_or_default()
    }

    /// Reads a list page by page, and hands each page over as it comes. An object that this version
    /// cannot read is handed over as such, and does not stop the others.
    pub(super) async fn pages<K>(
        &self,
        scope: Scope,
        of: ListParams,
        what: &str,
        mut take: impl FnMut(Vec<DeserializeGuard<K>>) -> Result<(), Failure>,
    ) -> Result<(), Failure>
    where
        K: Resource<Scope = kube::core::NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        K::DynamicType: Default,
    {
        let api: Api<DeserializeGuard<K>> = match scope {
            Scope::Namespace => Api::namespaced(self.client.clone(), &self.namespace),
            Scope::All => Api::all(self.client.clone()),
        };
        let mut of = of.limit(FIRST_PAGE);
        loop {
            let page = patient(|| api.list(&of)).await;
            let page = page.map_err(Failure::api(what))?;
            let next = page.metadata.continue_.filter(|token| !token.is_empty());
            take(page.items)?;
            match next {
                Some(token) => {
                    of.continue_token = Some(token);
                    of.limit = Some(PAGE);
                }
                None => return Ok(()),
            }
        }
    }
}
