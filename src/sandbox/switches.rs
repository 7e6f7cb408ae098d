//! Every promise of the contract as a switch, and the weaknesses that no capability names.
//!
//! The strong form of each is the default. The weak form is weak in earnest: what the promise would
//! have prevented does happen, and the judge sees it. Switches are data: nothing here may know of
//! the store, of HTTP or of an operation's rules.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::interworks::InterworksSwitches;
use crate::bss::adapters::reference::contract::{
    ComparePromise, DetailCalls, EpochPromise, ItemPromise, KeyPromise, LinkKind, OffGuardPromise,
    OperationMode, OperationModes, OrderPromise, Promises, RevisionPromise, TenantAccess, Unseen,
};

/// What the screens of the BSS let people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Screens {
    /// The same rules as the contract: sources must be active and fit, accounts must be the
    /// reseller's.
    Guarded,
    /// They take whatever is typed: cancelled sources, purchases that do not fit, other resellers'
    /// records.
    Careless,
}

/// When a copied account gets its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Marks {
    /// In the same step as its copy.
    WithCopy,
    /// In a second step: by the next copy request for it, or after `markDelayMs`.
    Later,
}

/// The switches of a sandbox. In JSON all members are camelCase; durations are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Switches {
    /// What is done with business keys. `Findable` and `None` make another record for each request
    /// that names no present copy; with `None` no key is kept.
    pub keys: KeyPromise,
    /// Whether epochs are issued and compared.
    pub epochs: EpochPromise,
    /// Whether pages carry the inventory revision.
    pub revision: RevisionPromise,
    /// Whether the switch examines anything before it switches.
    pub compares: ComparePromise,
    /// Whether open orders can be seen, by a listing or by the switch.
    pub orders: OrderPromise,
    /// Whether copies are refused once back ordering is On.
    pub off_guard: OffGuardPromise,
    /// Whether a write of an item compares its source and its copy. Without it, what is there is
    /// overwritten.
    #[serde(default)]
    pub items: ItemPromise,
    /// How each write is carried out.
    pub operations: OperationModes,
    /// Who may call the operations below `/tenants`.
    pub tenant_access: TenantAccess,
    /// A refusal is stored under its request key, and given again for an equal one.
    pub replayed_refusals: bool,
    /// How long a request key is known; for ever if `null`.
    pub request_key_ms: Option<u32>,
    /// How long a new tenant or copy cannot be seen yet. Needs `revision: None`.
    pub lag_ms: u32,
    /// When a copied account gets its mark.
    pub marks: Marks,
    /// With `marks: Later`: after how long it comes by itself; never if `null`.
    pub mark_delay_ms: Option<u32>,
    /// Cursors are offsets, so that a listing skips and repeats while records come and go. Needs
    /// `revision: None`.
    pub offset_paging: bool,
    /// How long a token from the token endpoint is good, in seconds.
    pub token_seconds: u32,
    /// It does not tell its identity, as if it had none.
    pub nameless: bool,
    /// What the screens let people do.
    pub screens: Screens,
    /// The facts that no reply shows.
    #[serde(default)]
    pub unseen: BTreeSet<Unseen>,
    /// What a fresh look is said to cost.
    #[serde(default)]
    pub detail_calls: Option<DetailCalls>,
    /// How the BSS knows the source of a copy. `Inferred` needs `keys: None`.
    #[serde(default)]
    pub links: LinkKind,
    /// What the vendor's face is like.
    #[serde(default)]
    pub interworks: InterworksSwitches,
}

impl Default for Switches {
    fn default() -> Self {
        let automatic = OperationMode::Automatic;
        Self {
            keys: KeyPromise::Unique,
            epochs: EpochPromise::Issued,
            revision: RevisionPromise::Carried,
            compares: ComparePromise::Atomic,
            orders: OrderPromise::Listed,
            off_guard: OffGuardPromise::Atomic,
            operations: OperationModes {
                create_tenant: automatic,
                copy_customers: automatic,
                set_pricing: automatic,
                copy_subscriptions: automatic,
                activate_back_ordering: automatic,
            },
            tenant_access: TenantAccess::Shared,
            replayed_refusals: false,
            request_key_ms: None,
            lag_ms: 0,
            marks: Marks::WithCopy,
            mark_delay_ms: None,
            offset_paging: false,
            token_seconds: 3600,
            nameless: false,
            screens: Screens::Guarded,
            items: ItemPromise::Compared,
            unseen: BTreeSet::new(),
            detail_calls: None,
            links: LinkKind::Stored,
            interworks: InterworksSwitches::default(),
        }
    }
}

impl Switches {
    /// The same with the members of a JSON object changed; what it leaves out stays.
    pub fn with(&self, changes: &Value) -> Result<Self, String> {
        self.changed(std::iter::once(changes.clone()))
    }

    /// The same with some switches changed by `name=value`, for example `keys=Findable`, `lagMs=200`
    /// or `operations.copyCustomers=ManualStep`.
    pub fn with_texts<T: AsRef<str>>(&self, texts: &[T]) -> Result<Self, String> {
        let changes: Result<Vec<Value>, String> =
            texts.iter().map(|text| change(text.as_ref())).collect();
        self.changed(changes?)
    }

    fn changed(&self, changes: impl IntoIterator<Item = Value>) -> Result<Self, String> {
        let mut all = serde_json::to_value(self).map_err(|error| error.to_string())?;
        for change in changes {
            merge(&mut all, &change, "")?;
        }
        let switches: Self = serde_json::from_value(all).map_err(|error| error.to_string())?;
        switches.honest()?;
        Ok(switches)
    }

    /// A false promise would be a defect of the sandbox, not a weak BSS.
    fn honest(&self) -> Result<(), String> {
        let moves = self.offset_paging || self.lag_ms > 0;
        if moves && self.revision == RevisionPromise::Carried {
            return Err("offsetPaging and lagMs need revision: None".to_owned());
        }
        if self.links == LinkKind::Inferred && self.keys != KeyPromise::None {
            return Err("links: Inferred needs keys: None".to_owned());
        }
        self.possible()
    }

    /// What the contract rules out.
    fn possible(&self) -> Result<(), String> {
        let OperationModes {
            create_tenant,
            copy_customers,
            set_pricing,
            copy_subscriptions,
            activate_back_ordering,
        } = &self.operations;
        let switched = &OperationMode::WithSwitch;
        let others = [
            create_tenant,
            copy_customers,
            set_pricing,
            activate_back_ordering,
        ];
        if others.contains(&switched) {
            return Err("only copySubscriptions can be WithSwitch".to_owned());
        }
        if copy_subscriptions == switched && *activate_back_ordering != OperationMode::ManualStep {
            let told = "copySubscriptions: WithSwitch needs activateBackOrdering: ManualStep";
            return Err(told.to_owned());
        }
        let automatic = &OperationMode::Automatic;
        if self.unseen.contains(&Unseen::CustomerMark) && copy_customers == automatic {
            return Err("unseen CustomerMark needs copyCustomers by hand".to_owned());
        }
        if self.unseen.contains(&Unseen::PricingOptions) && copy_subscriptions == automatic {
            return Err("unseen PricingOptions needs copySubscriptions by hand".to_owned());
        }
        Ok(())
    }

    pub(super) fn promises(&self) -> Promises {
        Promises {
            keys: self.keys,
            epochs: self.epochs,
            revision: self.revision,
            compares: self.compares,
            orders: self.orders,
            off_guard: self.off_guard,
            items: self.items,
        }
    }

    /// Whether a second record of a key or of a source is refused.
    pub(super) fn unique(&self) -> bool {
        self.keys == KeyPromise::Unique
    }

    /// The business key as it is stored.
    pub(super) fn stored_key<'a>(&self, key: &'a str) -> Option<&'a str> {
        (self.keys != KeyPromise::None).then_some(key)
    }
}

/// The JSON object behind `a.b=value`.
fn change(text: &str) -> Result<Value, String> {
    let (path, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text} is not NAME=VALUE"))?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok(path.rsplit('.').fold(value, |inner, name| {
        Value::Object(std::iter::once((name.to_owned(), inner)).collect())
    }))
}

fn merge(into: &mut Value, changes: &Value, path: &str) -> Result<(), String> {
    match (into, changes) {
        (Value::Object(known), Value::Object(changes)) => {
            for (name, change) in changes {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                let member = known
                    .get_mut(name)
                    .ok_or_else(|| format!("there is no switch {path}"))?;
                merge(member, change, &path)?;
            }
            Ok(())
        }
        (Value::Object(_), _) => Err(format!("{path} has to be an object")),
        (member, change) => {
            *member = change.clone();
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_leaves_out_stays() {
        let weak = Switches::default()
            .with_texts(&["keys=Findable", "operations.copyCustomers=ManualStep"])
            .unwrap();
        let mut expected = Switches {
            keys: KeyPromise::Findable,
            ..Switches::default()
        };
        expected.operations.copy_customers = OperationMode::ManualStep;
        assert_eq!(weak, expected);
    }

    #[test]
    fn unknown_words_and_false_promises_are_refused() {
        let strong = Switches::default();
        for wrong in [
            "key=None",
            "keys=Perhaps",
            "operations.identity=ManualStep",
            "operations=ManualStep",
            "lagMs=-1",
            "lagMs=10",
            "offsetPaging=true",
            "keys",
        ] {
            assert!(strong.with_texts(&[wrong]).is_err(), "{wrong}");
        }
        let weak = strong
            .with_texts(&["lagMs=10", "revision=None", "requestKeyMs=5"])
            .unwrap();
        assert_eq!((weak.lag_ms, weak.request_key_ms), (10, Some(5)));
    }
}
