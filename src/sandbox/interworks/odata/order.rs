//! `$orderby`.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::evaluate::at;
use super::{Field, Wrong, find};

/// By which fields records are ordered.
#[derive(Clone, Debug, Default)]
pub(in crate::sandbox::interworks) struct Order(Vec<(&'static str, Direction)>);

#[derive(Clone, Copy, Debug)]
enum Direction {
    Ascending,
    Descending,
}

impl Order {
    /// Reads `name desc,createdAt` over the fields that the collection may be ordered by.
    pub(in crate::sandbox::interworks) fn read(
        text: &str,
        fields: &[Field],
    ) -> Result<Self, Wrong> {
        let mut keys = Vec::new();
        for part in text.split(',') {
            let mut words = part.split_whitespace();
            let name = words.next().unwrap_or_default();
            let field = find(fields, name)?;
            let direction = match words.next() {
                None | Some("asc") => Direction::Ascending,
                Some("desc") => Direction::Descending,
                Some(word) => return Err(Wrong::new(format!("{word} is no direction"))),
            };
            if let Some(word) = words.next() {
                return Err(Wrong::new(format!("{word} comes after the end")));
            }
            keys.push((field.member, direction));
        }
        Ok(Self(keys))
    }

    pub(in crate::sandbox::interworks) fn compare(
        &self,
        left: &Map<String, Value>,
        right: &Map<String, Value>,
    ) -> Ordering {
        for (member, direction) in &self.0 {
            let order = values(at(left, member), at(right, member));
            let order = match direction {
                Direction::Ascending => order,
                Direction::Descending => order.reverse(),
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }
}

fn values(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => left
            .as_f64()
            .partial_cmp(&right.as_f64())
            .unwrap_or(Ordering::Equal),
        (left, right) => {
            let text = |value: Option<&Value>| {
                value
                    .and_then(Value::as_str)
                    .map(str::to_lowercase)
                    .unwrap_or_default()
            };
            text(left).cmp(&text(right))
        }
    }
}
