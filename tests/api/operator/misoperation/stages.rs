//! Where an upgrade can be when a person writes to it: how each stage is reached and held, how it is told, and
//! how it ends.

use serde_json::{Value, json};
use tenant_reseller_operator::api::{Reason, StateClass};

use super::super::bss::Data;
use super::super::view::View;
use super::super::world::{NAME, World, until};

const SUSPEND: &str = "tenantreseller.io/suspend";

/// The operations that write.
const WRITES: [&str; 5] = [
    "createTenant",
    "copyCustomers",
    "setPricing",
    "copySubscriptions",
    "activateBackOrdering",
];

/// How long each copy takes where one after the other is held.
const COPY_MS: u32 = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    CreatingTenant,
    CopyingCustomers,
    PricingGate,
    CopyingSubscriptions,
    WaitingForPerson,
    Suspended,
    Comparing,
    Succeeded,
}

impl Stage {
    pub(super) const ALL: [Self; 8] = [
        Self::CreatingTenant,
        Self::CopyingCustomers,
        Self::PricingGate,
        Self::CopyingSubscriptions,
        Self::WaitingForPerson,
        Self::Suspended,
        Self::Comparing,
        Self::Succeeded,
    ];

    /// Its number among all.
    pub(super) fn place(self) -> usize {
        Self::ALL
            .into_iter()
            .position(|other| other == self)
            .unwrap()
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::CreatingTenant => "misoperated-tenant",
            Self::CopyingCustomers => "misoperated-customers",
            Self::PricingGate => "misoperated-pricing",
            Self::CopyingSubscriptions => "misoperated-copies",
            Self::WaitingForPerson => "misoperated-waiting",
            Self::Suspended => "misoperated-suspended",
            Self::Comparing => "misoperated-comparing",
            Self::Succeeded => "misoperated-done",
        }
    }

    /// The stage, and what holds it there.
    pub(super) fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::CreatingTenant => (
                "creating the tenant",
                "the tenant is requested, and stays in the BSS's queue",
            ),
            Self::CopyingCustomers => (
                "copying customers",
                "one customer a request, each request takes 500 ms; copies go on meanwhile",
            ),
            Self::PricingGate => ("pricing gate", "no customer has pricing options"),
            Self::CopyingSubscriptions => (
                "copying subscriptions",
                "one item a request, each request takes 500 ms; copies go on meanwhile",
            ),
            Self::WaitingForPerson => (
                "waiting for a person",
                "ordering is frozen, and a person is told to press the switch",
            ),
            Self::Suspended => (
                "suspended",
                "by the annotation, in the middle of copying subscriptions",
            ),
            Self::Comparing => (
                "comparing after the switch",
                "the listing of subscriptions gets 500",
            ),
            Self::Succeeded => ("after the end", "the upgrade is Succeeded"),
        }
    }

    /// Whether a person does the switch.
    fn by_hand(self) -> bool {
        matches!(self, Self::WaitingForPerson | Self::Comparing)
    }

    /// Whether nothing is written at the BSS while the stage is held.
    pub(super) fn is_at_rest(self) -> bool {
        !matches!(self, Self::CopyingCustomers | Self::CopyingSubscriptions)
    }

    /// What the operator has written at the BSS: everything that it sent where it must send nothing, and
    /// what had an effect elsewhere. Options for a customer that is not there are sent, and refused.
    pub(super) async fn written(self, world: &World) -> usize {
        if matches!(self, Self::Suspended | Self::Succeeded) {
            return world.bss.writes().await;
        }
        let mut all = 0;
        for operation in WRITES {
            all += world.bss.by_operator(operation).await;
        }
        all
    }

    /// Whether the copies of customers can have got pricing options already.
    pub(super) fn has_pricing(self) -> bool {
        match self {
            Self::CreatingTenant | Self::CopyingCustomers | Self::PricingGate => false,
            Self::CopyingSubscriptions
            | Self::WaitingForPerson
            | Self::Suspended
            | Self::Comparing
            | Self::Succeeded => true,
        }
    }

    /// As many items as a walk lasts.
    fn data(self, items: u32) -> Data {
        let one_by_one = vec!["--largest-batch=1".to_owned()];
        match self {
            Self::CopyingCustomers => Data {
                customers: items,
                more: one_by_one,
                ..Data::default()
            },
            Self::CopyingSubscriptions | Self::Suspended => Data {
                subscriptions: items,
                more: one_by_one,
                ..Data::default()
            },
            Self::WaitingForPerson | Self::Comparing => Data {
                weak: &["operations.activateBackOrdering=ManualStep"],
                ..Data::default()
            },
            Self::CreatingTenant => Data {
                tenant_queue_ms: 3_600_000,
                ..Data::default()
            },
            Self::PricingGate | Self::Succeeded => Data::default(),
        }
    }

    fn connection(self, world: &World) -> Value {
        if self.by_hand() {
            return world.weak_connection(&[]);
        }
        let mut connection = world.connection();
        if !self.is_at_rest() || self == Self::Suspended {
            connection["spec"]["limits"]["concurrency"] = json!(1);
        }
        connection
    }

    /// A world that has come to this stage and stays there.
    pub(super) async fn begin(self, items: u32, number: &str) -> World {
        let label = format!("{}-{number}", self.label());
        let world = World::of(&label, self.data(items)).await;
        let slow = |operation: &str| json!([{ "operation": operation, "kind": { "Latency": { "ms": COPY_MS } } }]);
        match self {
            Self::CopyingCustomers => world.bss.faults(slow("copyCustomers")).await,
            Self::CopyingSubscriptions | Self::Suspended => {
                world.bss.faults(slow("copySubscriptions")).await;
            }
            Self::CreatingTenant
            | Self::PricingGate
            | Self::WaitingForPerson
            | Self::Comparing
            | Self::Succeeded => {}
        }
        let upgrade = if self == Self::PricingGate {
            world.waiting_upgrade()
        } else {
            world.upgrade()
        };
        let token = world.bss.token.clone();
        world
            .apply(&[
                world.credentials(&token),
                world.authority(),
                self.connection(&world),
                declared(&world, "prices", "no-such-customer"),
                upgrade,
            ])
            .await;
        self.reach(&world).await;
        world
    }

    async fn reach(self, world: &World) {
        match self {
            Self::CopyingCustomers | Self::CopyingSubscriptions => world.bss.struck(0, 2).await,
            Self::Suspended => {
                world.bss.struck(0, 2).await;
                world.annotate(SUSPEND, Some("true")).await;
            }
            Self::WaitingForPerson | Self::Comparing => {
                world
                    .until("ordering has to rest", |view| {
                        view.next_action().contains("Disable ordering")
                    })
                    .await;
                let rests = json!({ "enabled": false });
                world.bss.act("staff/ordering", rests).await;
                if self == Self::Comparing {
                    world
                        .until("the switch by hand", |view| {
                            Self::WaitingForPerson.stands(view)
                        })
                        .await;
                    let broken =
                        json!([{ "operation": "listSubscriptions", "kind": { "Error500": {} } }]);
                    world.bss.faults(broken).await;
                    press(world).await;
                }
            }
            // The request is on record before it is sent.
            Self::CreatingTenant => {
                until("the tenant is requested", || async {
                    let requested = world.bss.by_operator("createTenant").await;
                    (requested == 1, format!("{requested} requests"))
                })
                .await;
            }
            Self::PricingGate | Self::Succeeded => {}
        }
        world
            .until(self.label(), |view| self.stands(view) && self.is_well(view))
            .await;
    }

    /// Whether the upgrade is at this stage.
    pub(super) fn stands(self, view: &View) -> bool {
        match self {
            Self::CreatingTenant => {
                !view.text("/status/tenant/requestedTime").is_empty() && !view.is("TenantCreated")
            }
            Self::CopyingCustomers => view.is("TenantCreated") && !view.is("CustomersCopied"),
            Self::PricingGate => view.reason() == "AwaitingPricing",
            Self::CopyingSubscriptions => {
                view.is("PricingReady") && !view.is("SubscriptionsCopied")
            }
            Self::WaitingForPerson => {
                view.reason() == "AwaitingManualStep"
                    && view.message().contains("activate back ordering")
            }
            Self::Suspended => view.is("Suspended") && !view.is("SubscriptionsCopied"),
            Self::Comparing => view.is("BackOrderingActivated") && !view.is("Verified"),
            Self::Succeeded => view.is("Succeeded") && view.is("Ready"),
        }
    }

    /// Whether nothing has to be mended by people.
    pub(super) fn is_well(self, view: &View) -> bool {
        let reason = Reason::ALL
            .into_iter()
            .find(|reason| reason.as_str() == view.reason());
        let class = reason.and_then(Reason::class);
        let fits: &[StateClass] = match self {
            Self::Suspended => &[StateClass::Suspended],
            Self::Succeeded => &[StateClass::Done],
            Self::PricingGate | Self::WaitingForPerson => &[StateClass::WaitsForPeople],
            Self::CreatingTenant | Self::Comparing => {
                &[StateClass::Working, StateClass::WaitsByItself]
            }
            Self::CopyingCustomers | Self::CopyingSubscriptions => &[
                StateClass::Working,
                StateClass::WaitsByItself,
                StateClass::Done,
            ],
        };
        // Where copies go on, the upgrade may go on to its end.
        (self.stands(view) || !self.is_at_rest())
            && class.is_some_and(|class| fits.contains(&class))
            && view.reason() != "DependencyNotReady"
            // Nothing is asked while an upgrade rests, not even whether it is acceptable.
            && (view.is("Accepted") || self == Self::Suspended)
            && view.number("/status/observedGeneration") == view.number("/metadata/generation")
    }

    /// Takes away what holds the stage; the upgrade comes to its end, and the ledgers are clean.
    pub(super) async fn ends_well(self, world: &World) {
        world.bss.faults(json!([])).await;
        match self {
            Self::PricingGate => world.apply(&[world.upgrade()]).await,
            Self::WaitingForPerson => press(world).await,
            Self::Suspended => world.annotate(SUSPEND, None).await,
            Self::CreatingTenant => {
                let finish = json!({ "action": "FinishCreation" });
                world.bss.act("staff/tenant", finish).await;
            }
            Self::CopyingCustomers
            | Self::CopyingSubscriptions
            | Self::Comparing
            | Self::Succeeded => {}
        }
        if self.by_hand() {
            world.until_succeeded().await;
            world.bss.ledgers_clean().await;
            world.bss.effects_once().await;
            world.holds().await;
        } else {
            world.ends_well().await;
        }
    }
}

/// The staff presses the switch.
async fn press(world: &World) {
    let button = "staff/activate-back-ordering";
    world.bss.act(button, json!({})).await;
}

/// Pricing options that are declared for one customer.
pub(super) fn declared(world: &World, name: &str, customer: &str) -> Value {
    json!({
        "apiVersion": "tenantreseller.io/v1alpha1", "kind": "CustomerPricing",
        "metadata": { "name": name, "namespace": world.namespace },
        "spec": { "upgradeRef": { "name": NAME }, "customers": [{
            "accountId": customer, "priceList": "PL-RETAIL", "billing": { "day": 1 },
            "paymentMethod": "Invoice", "invoicing": "Combined", "creditLimit": "5000.00",
        }] },
    })
}
