//! What replies look like: the fields that docs/adapters/interworks.md lists, and no others. Every field
//! but the id may be absent. Pure.
//!
//! Numbers and texts stand for each other in this API (an id is a number here and a text there), so that
//! both are read as text.

use serde::de::Deserializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A text, a number or a truth value as text; blank is absent.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.as_ref().and_then(word))
}

/// The same, of a thing that may also be an object with a name.
fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value
        .as_ref()
        .and_then(|value| word(value.get("name").unwrap_or(value))))
}

fn word(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// A thing that may be null.
fn or_nothing<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = Value::deserialize(deserializer)?;
    match &value {
        Value::String(_) | Value::Number(_) => word(&value),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
    .ok_or_else(|| serde::de::Error::custom("no id"))
}

/// A truth value, which may be written as text.
fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    let word = value.as_ref().and_then(word);
    Ok(
        match word.map(|word| word.to_ascii_lowercase()).as_deref() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) | None => None,
        },
    )
}

/// What has an id.
pub(super) trait Identified {
    fn id(&self) -> &str;
}

macro_rules! identified {
    ($($kind:ty),*) => {$(
        impl Identified for $kind {
            fn id(&self) -> &str {
                &self.id
            }
        }
    )*};
}

identified!(
    Account,
    Subscription,
    Asset,
    Held,
    Product,
    PriceList,
    PriceListItem
);

/// A reference to another record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Reference {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
}

/// A product as other records name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct ProductReference {
    #[serde(default, deserialize_with = "text")]
    pub(super) code: Option<String>,
    #[serde(default, deserialize_with = "named")]
    pub(super) system: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Account {
    #[serde(deserialize_with = "id")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) code: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) registration_number: Option<String>,
    #[serde(default, rename = "billToAccount")]
    bill_to: Option<Reference>,
    #[serde(default, deserialize_with = "text")]
    bill_to_account_id: Option<String>,
    #[serde(default, deserialize_with = "truth")]
    ordering_enabled: Option<bool>,
    #[serde(default, deserialize_with = "truth")]
    enable_ordering: Option<bool>,
    #[serde(default, deserialize_with = "named")]
    transaction_currency: Option<String>,
    #[serde(default, deserialize_with = "named")]
    currency: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) is_network_reseller: Option<String>,
    #[serde(default, deserialize_with = "named")]
    pub(super) reseller_type: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) reselling_enabled: Option<String>,
    #[serde(default, deserialize_with = "truth")]
    pub(super) is_back_ordering: Option<bool>,
    #[serde(default, deserialize_with = "text")]
    pub(super) updated_at: Option<String>,
    /// What the operator reads of it by a name that the connection gives, and the pricing options.
    #[serde(flatten)]
    others: serde_json::Map<String, Value>,
}

impl Account {
    pub(super) fn bill_to(&self) -> Option<&str> {
        let object = self.bill_to.as_ref();
        let inner = object.and_then(|reference| reference.id.as_deref());
        inner.or(self.bill_to_account_id.as_deref())
    }

    pub(super) fn may_order(&self) -> Option<bool> {
        self.ordering_enabled.or(self.enable_ordering)
    }

    pub(super) fn currency(&self) -> Option<&str> {
        self.transaction_currency
            .as_deref()
            .or(self.currency.as_deref())
    }

    /// A field by its name; of an object its name or its id.
    pub(super) fn other(&self, name: &str) -> Option<String> {
        let value = self.others.get(name)?;
        let inner = |key| value.get(key).and_then(word);
        word(value)
            .or_else(|| inner("name"))
            .or_else(|| inner("id"))
    }

    /// Whether the reply has the field, be it empty.
    pub(super) fn shows(&self, name: &str) -> bool {
        self.others.contains_key(name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SyncOption {
    #[serde(default, deserialize_with = "text")]
    pub(super) system_code: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) external_id: Option<String>,
    #[serde(default, deserialize_with = "named")]
    pub(super) status: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subscription {
    #[serde(deserialize_with = "id")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "or_nothing")]
    pub(super) account: Reference,
    #[serde(default, deserialize_with = "or_nothing")]
    pub(super) billing_to: Reference,
    #[serde(default, deserialize_with = "named")]
    pub(super) status: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) quantity: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) external_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    start_date: Option<String>,
    #[serde(default, deserialize_with = "text")]
    activation_date: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub(super) product: ProductReference,
    #[serde(default, deserialize_with = "named")]
    product_type: Option<String>,
    #[serde(default, deserialize_with = "named")]
    pub(super) billing_cycle: Option<String>,
    #[serde(default, deserialize_with = "named")]
    pub(super) currency: Option<String>,
    #[serde(default, deserialize_with = "truth")]
    pub(super) is_trial: Option<bool>,
    #[serde(default, deserialize_with = "truth")]
    pub(super) is_back_ordering: Option<bool>,
    #[serde(default, deserialize_with = "text")]
    pub(super) bundle_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) updated_at: Option<String>,
}

impl Subscription {
    pub(super) fn start(&self) -> Option<&str> {
        self.start_date
            .as_deref()
            .or(self.activation_date.as_deref())
    }

    pub(super) fn system(&self) -> Option<&str> {
        self.product
            .system
            .as_deref()
            .or(self.product_type.as_deref())
    }

    /// Whether a row of a list lacks something that the record itself may have.
    pub(super) fn lacks_a_field(&self) -> bool {
        let needed = [
            self.status.is_some(),
            self.quantity.is_some(),
            self.external_id.is_some(),
            self.start().is_some(),
            self.product.code.is_some(),
            self.system().is_some(),
            self.billing_cycle.is_some(),
            self.account.id.is_some(),
        ];
        needed.contains(&false)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct AddOn {
    #[serde(default, deserialize_with = "or_nothing")]
    pub(super) product: ProductReference,
    #[serde(default, deserialize_with = "text")]
    pub(super) quantity: Option<String>,
    #[serde(default, deserialize_with = "named")]
    pub(super) status: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asset {
    #[serde(deserialize_with = "id")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "or_nothing")]
    account: Reference,
    #[serde(default, deserialize_with = "or_nothing")]
    customer: Reference,
    #[serde(default, deserialize_with = "or_nothing")]
    pub(super) billing_to: Reference,
    #[serde(default, deserialize_with = "named")]
    pub(super) status: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) quantity: Option<String>,
    #[serde(default, deserialize_with = "text")]
    external_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    serial_number: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub(super) product: ProductReference,
    #[serde(default, deserialize_with = "text")]
    pub(super) start_date: Option<String>,
    #[serde(default, deserialize_with = "named")]
    pub(super) currency: Option<String>,
    #[serde(default, deserialize_with = "truth")]
    pub(super) is_back_ordering: Option<bool>,
    #[serde(default, deserialize_with = "text")]
    pub(super) updated_at: Option<String>,
}

impl Asset {
    pub(super) fn owner(&self) -> Option<&str> {
        self.account.id.as_deref().or(self.customer.id.as_deref())
    }

    pub(super) fn external(&self) -> Option<&str> {
        self.external_id
            .as_deref()
            .or(self.serial_number.as_deref())
    }
}

/// A bundle or an order: whose it is, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Held {
    #[serde(deserialize_with = "id")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "or_nothing")]
    pub(super) account: Reference,
    #[serde(default, deserialize_with = "or_nothing")]
    pub(super) billing_to: Reference,
    #[serde(default, deserialize_with = "named")]
    pub(super) status: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Product {
    #[serde(deserialize_with = "id")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) code: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct PriceList {
    #[serde(deserialize_with = "id")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "named")]
    pub(super) currency: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PriceListItem {
    #[serde(deserialize_with = "id")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "or_nothing")]
    pub(super) product: ProductReference,
    #[serde(default, deserialize_with = "named")]
    pub(super) billing_cycle: Option<String>,
}
