//! How replies are wrapped: a list in either of its two shapes, and one record alone or in an envelope. Pure.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The rows of a reply, with what it says about the rows that it does not hold.
#[derive(Debug)]
pub(super) struct Rows<T> {
    pub(super) all: Vec<T>,
    /// How many rows the whole listing has, if the reply tells.
    pub(super) total: Option<u64>,
    pub(super) next: Next,
}

/// What a reply says about the page after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A link leads there.
    Link(String),
    /// The reply has links, and none to a next page: it was the last one.
    End,
    /// The reply says nothing about it.
    Untold,
}

/// Reads a list in either of its two shapes.
pub(super) fn rows<T: DeserializeOwned>(body: &[u8]) -> Result<Rows<T>, String> {
    let value: Value =
        serde_json::from_slice(body).map_err(|_| "a reply that is no JSON".to_owned())?;
    match value {
        Value::Array(rows) => Ok(Rows {
            all: each(rows)?,
            total: None,
            next: Next::Untold,
        }),
        Value::Object(mut object) => {
            let Some(Value::Array(rows)) = object.remove("data") else {
                return Err("a list without an array \"data\"".to_owned());
            };
            let total = object
                .get("paging")
                .and_then(|paging| paging.get("totalRecords"))
                .and_then(number);
            let next = match object.get("links") {
                Some(Value::Object(links)) => match links.get("next") {
                    Some(Value::String(link)) if !link.trim().is_empty() => {
                        Next::Link(link.clone())
                    }
                    Some(Value::Null | Value::String(_)) | None => Next::End,
                    Some(_) => return Err("a link to the next page that is no text".to_owned()),
                },
                _ => Next::Untold,
            };
            Ok(Rows {
                all: each(rows)?,
                total,
                next,
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Err("a reply that is no list".to_owned())
        }
    }
}

/// Reads one record, alone or in an envelope.
pub(super) fn record<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let value: Value =
        serde_json::from_slice(body).map_err(|_| "a reply that is no JSON".to_owned())?;
    match value.get("data") {
        Some(inner) if inner.is_object() => one(inner.clone()),
        Some(_) | None => one(value),
    }
}

fn each<T: DeserializeOwned>(rows: Vec<Value>) -> Result<Vec<T>, String> {
    rows.into_iter().map(one).collect()
}

fn one<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        // The path holds names of fields, never a value.
        format!("a record whose field {} cannot be read", error.path())
    })
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
