//! The strategy of the work with one BSS. Depending on what the BSS promises, the operator relies on a
//! promise, waits, asks for a person's help, accepts a risk as the connection says, or refuses.
//!
//! The table is that of `docs/guarantees.md`. It is asked before anything is written, so that what
//! would stop phase 4 stops phase 1.

use std::collections::BTreeMap;

use super::report::ReadyState;
use super::report::messages::ready_state;
use super::validated::Terms;
use crate::api::{Reason, Risk};
use crate::bss::port::{
    Capabilities, Keys, Mode, Promises, Strength, TenantAccess, Unseen, WriteOperation,
};

/// What happens before a copy is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Copying {
    /// It is sent: the BSS refuses a second one.
    Guarded,
    /// It is looked up, put on record, and sent only when nothing that was sent before can still
    /// take effect.
    LookUpFirst,
}

/// How writers are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fencing {
    /// By epochs of the BSS.
    Epochs,
    /// By nothing but the lease and people's care.
    SingleOperator,
    /// There is nothing to keep apart: people do every write.
    NothingToFence,
}

/// How the last sweep proves that it saw one state of the BSS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SnapshotProof {
    /// One revision on all pages.
    OneRevision,
    /// Two equal sweeps in a row.
    TwoEqualSweeps,
}

/// What keeps the inventory as it is between the last sweep and the activation of back ordering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActivationGuard {
    /// The BSS compares the revision.
    Compared,
    /// A person has disabled ordering.
    Frozen,
    /// Nothing; the risk is accepted.
    Unguarded,
}

/// How open orders are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Orders {
    /// They are listed.
    Listed,
    /// They are not; ordering rests, frozen by a person, until every order must have ended.
    QuietTime,
    /// They are not; the risk is accepted.
    Unseen,
}

/// Who does a writing operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Executor {
    /// The BSS, when asked.
    Bss,
    /// A person; the BSS says how when it is asked.
    PersonByInstruction,
    /// A person, because the BSS keeps no keys by which a repeat would be known.
    Person,
    /// A person, by the very act that activates back ordering.
    Switch,
}

/// How the operator works with one BSS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Strategy {
    /// Before a copy is sent.
    pub copying: Copying,
    /// Writers.
    pub fencing: Fencing,
    /// The last sweep.
    pub snapshot_proof: SnapshotProof,
    /// The activation of back ordering.
    pub activation_guard: ActivationGuard,
    /// Open orders.
    pub orders: Orders,
    /// Whether copies that were under way may land after the switch.
    pub off_guard: Strength,
    /// Who does what.
    pub executors: BTreeMap<WriteOperation, Executor>,
    /// Who may call the tenant's side.
    pub tenant_access: TenantAccess,
}

impl Strategy {
    /// How to work with this BSS, or why not.
    pub fn of(capabilities: &Capabilities, terms: &Terms) -> Result<Self, ReadyState> {
        let promises = &capabilities.promises;
        let accepts = |risk: Risk| terms.accepted.contains(&risk);
        let mut refused: Vec<String> = Vec::new();
        let executors = executors(capabilities, &mut refused);
        unseen_by_a_write(capabilities, &executors, &mut refused);
        let writes = |operation| executors.get(&operation) == Some(&Executor::Bss);
        let fencing = match promises.epochs {
            Strength::Strong => Fencing::Epochs,
            Strength::Weak if WriteOperation::ALL.into_iter().any(writes) => {
                Fencing::SingleOperator
            }
            Strength::Weak => Fencing::NothingToFence,
        };
        if fencing == Fencing::SingleOperator && !accepts(Risk::SingleOperator) {
            refused
                .push("it does not fence writers (acceptedRisks lacks SingleOperator)".to_owned());
        }
        if !refused.is_empty() {
            return Err(refusal(&refused));
        }
        let compares = compares(
            executors.get(&WriteOperation::ActivateBackOrdering),
            *promises,
        );
        let activation_guard = match (promises.revision, compares) {
            (Strength::Strong, Strength::Strong) => ActivationGuard::Compared,
            (_, _) if accepts(Risk::UnguardedSwitch) => ActivationGuard::Unguarded,
            (_, _) => ActivationGuard::Frozen,
        };
        let snapshot_proof = match promises.revision {
            Strength::Strong => SnapshotProof::OneRevision,
            Strength::Weak => SnapshotProof::TwoEqualSweeps,
        };
        let orders = match promises.orders {
            Strength::Strong => Orders::Listed,
            Strength::Weak if accepts(Risk::UnseenOrders) => Orders::Unseen,
            Strength::Weak => Orders::QuietTime,
        };
        let copies = [
            WriteOperation::CopyCustomers,
            WriteOperation::CopySubscriptions,
        ];
        // A copy that this operator sent can land after the switch only if it sends any.
        let off_guard = if copies.into_iter().any(writes) {
            promises.off_guard
        } else {
            Strength::Strong
        };
        let copying = match promises.keys {
            Keys::Unique => Copying::Guarded,
            Keys::Findable | Keys::None => Copying::LookUpFirst,
        };
        Ok(Self {
            copying,
            fencing,
            snapshot_proof,
            activation_guard,
            orders,
            off_guard,
            executors,
            tenant_access: capabilities.tenant_access,
        })
    }

    /// Who does an operation.
    #[must_use]
    pub fn executor(&self, operation: WriteOperation) -> Executor {
        self.executors
            .get(&operation)
            .copied()
            .unwrap_or(Executor::Person)
    }

    /// Whether the act that activates back ordering copies the subscriptions too.
    #[must_use]
    pub fn copies_with_the_switch(&self) -> bool {
        self.executor(WriteOperation::CopySubscriptions) == Executor::Switch
    }

    /// Whether a person has to disable ordering before the switch.
    #[must_use]
    pub fn freezes(&self) -> bool {
        self.activation_guard == ActivationGuard::Frozen || self.orders == Orders::QuietTime
    }
}

/// Who does each writing operation. What the BSS does not support is added to what it is refused for.
fn executors(
    capabilities: &Capabilities,
    refused: &mut Vec<String>,
) -> BTreeMap<WriteOperation, Executor> {
    let mut executors = BTreeMap::new();
    for operation in WriteOperation::ALL {
        let mode = capabilities.operations.get(&operation);
        let keyed = !matches!(
            operation,
            WriteOperation::SetPricing | WriteOperation::ActivateBackOrdering
        );
        let executor = match mode.copied().unwrap_or(Mode::Unsupported) {
            Mode::Automatic if keyed && capabilities.promises.keys == Keys::None => {
                Executor::Person
            }
            Mode::Automatic => Executor::Bss,
            Mode::ManualStep => Executor::PersonByInstruction,
            Mode::WithSwitch if may_come_with_the_switch(operation, capabilities) => {
                Executor::Switch
            }
            Mode::WithSwitch => {
                refused.push(format!(
                    "{} is said to come with the switch, which holds of copySubscriptions alone, and \
                     only where activateBackOrdering is a manual step",
                    operation.as_str()
                ));
                continue;
            }
            // People set pricing options in the reseller's BSS anyway.
            Mode::Unsupported if operation == WriteOperation::SetPricing => Executor::Person,
            Mode::Unsupported => {
                refused.push(format!("{} is not supported", operation.as_str()));
                continue;
            }
        };
        executors.insert(operation, executor);
    }
    executors
}

/// Whether an operation may be done by the act that activates back ordering: the copying of subscriptions,
/// where a person activates.
fn may_come_with_the_switch(operation: WriteOperation, capabilities: &Capabilities) -> bool {
    let activation = capabilities
        .operations
        .get(&WriteOperation::ActivateBackOrdering);
    operation == WriteOperation::CopySubscriptions && activation == Some(&Mode::ManualStep)
}

/// What a write of the operator's rests on has to be shown: the options under which it copies (I-10), and the
/// mark that belongs to a copied account (I-4).
fn unseen_by_a_write(
    capabilities: &Capabilities,
    executors: &BTreeMap<WriteOperation, Executor>,
    refused: &mut Vec<String>,
) {
    for (fact, operation) in [
        (Unseen::PricingOptions, WriteOperation::CopySubscriptions),
        (Unseen::CustomerMark, WriteOperation::CopyCustomers),
    ] {
        let writes = executors.get(&operation) == Some(&Executor::Bss);
        if writes && capabilities.unseen.contains(&fact) {
            refused.push(format!(
                "it does not show {}, on which {} rests; make {} a manual step",
                fact.as_str(),
                operation.as_str(),
                operation.as_str()
            ));
        }
    }
}

/// Whether what was seen is compared at the switch. A person who presses a button compares nothing.
fn compares(switch: Option<&Executor>, promises: Promises) -> Strength {
    match switch {
        Some(Executor::Bss) => promises.compares,
        Some(Executor::PersonByInstruction | Executor::Person | Executor::Switch) | None => {
            Strength::Weak
        }
    }
}

fn refusal(refused: &[String]) -> ReadyState {
    ready_state(
        Reason::RiskNotAccepted,
        format!(
            "This BSS does not promise enough to be worked with: {}.",
            refused.join("; ")
        ),
        "Nothing is written. Read docs/guarantees.md: strengthen the BSS or the service in front \
         of it, or, where a risk is named, accept it in the connection's spec.acceptedRisks.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bss::port::{Cursors, DetailCalls};
    use std::collections::BTreeSet;

    fn capabilities(promises: Promises) -> Capabilities {
        Capabilities {
            operations: WriteOperation::ALL
                .into_iter()
                .map(|operation| (operation, Mode::Automatic))
                .collect(),
            promises,
            tenant_access: TenantAccess::Shared,
            unseen: BTreeSet::new(),
            cursors: Cursors::Lasting,
            detail_calls: DetailCalls::default(),
            largest_batch: 1,
            page_size: 1,
        }
    }

    fn terms(accepted: &[Risk]) -> Terms {
        Terms {
            accepted: accepted.iter().copied().collect::<BTreeSet<_>>(),
            ..Terms::default()
        }
    }

    fn every() -> Vec<Promises> {
        let both = [Strength::Strong, Strength::Weak];
        let mut all = Vec::new();
        for keys in [Keys::Unique, Keys::Findable, Keys::None] {
            for epochs in both {
                for revision in both {
                    for compares in both {
                        for orders in both {
                            for off_guard in both {
                                all.push(Promises {
                                    keys,
                                    epochs,
                                    revision,
                                    compares,
                                    orders,
                                    off_guard,
                                    items: Strength::Strong,
                                });
                            }
                        }
                    }
                }
            }
        }
        all
    }

    const RISKS: [Risk; 3] = [
        Risk::UnguardedSwitch,
        Risk::SingleOperator,
        Risk::UnseenOrders,
    ];

    /// Over every combination: a weak promise never passes as a strong one, and no risk is run
    /// that was not accepted.
    #[test]
    fn no_weakness_passes_unseen() {
        let mut combinations = 0;
        for promises in every() {
            for accepted in 0_u8..8 {
                let risks: Vec<Risk> = RISKS
                    .into_iter()
                    .enumerate()
                    .filter(|(bit, _)| accepted & (1 << bit) != 0)
                    .map(|(_, risk)| risk)
                    .collect();
                combinations += 1;
                let strategy = Strategy::of(&capabilities(promises), &terms(&risks));
                let fenced = promises.epochs == Strength::Strong;
                let Ok(strategy) = strategy else {
                    assert!(!fenced && !risks.contains(&Risk::SingleOperator));
                    continue;
                };
                assert!(fenced || risks.contains(&Risk::SingleOperator));
                assert_eq!(
                    strategy.copying == Copying::Guarded,
                    promises.keys == Keys::Unique
                );
                let compared =
                    promises.compares == Strength::Strong && promises.revision == Strength::Strong;
                assert_eq!(
                    strategy.activation_guard == ActivationGuard::Compared,
                    compared
                );
                if strategy.activation_guard == ActivationGuard::Unguarded {
                    assert!(risks.contains(&Risk::UnguardedSwitch));
                }
                if strategy.orders == Orders::Unseen {
                    assert!(risks.contains(&Risk::UnseenOrders));
                }
                assert_eq!(
                    strategy.orders == Orders::Listed,
                    promises.orders == Strength::Strong
                );
                assert_eq!(
                    strategy.snapshot_proof == SnapshotProof::OneRevision,
                    promises.revision == Strength::Strong
                );
                let by_hand = strategy.executor(WriteOperation::CopyCustomers) == Executor::Person;
                assert_eq!(by_hand, promises.keys == Keys::None);
            }
        }
        assert_eq!(combinations, 3 * 32 * 8);
    }

    #[test]
    fn what_is_not_supported_is_refused_but_pricing() {
        for operation in WriteOperation::ALL {
            let mut weak = capabilities(every()[0]);
            weak.operations.insert(operation, Mode::Unsupported);
            let refused = Strategy::of(&weak, &terms(&RISKS)).is_err();
            assert_eq!(refused, operation != WriteOperation::SetPricing);
        }
    }
}
