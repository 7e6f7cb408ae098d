//! A filter with its fields found and its literals fitted to them.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::lexer::{instant, tokens};
use super::parser::{Comparison, Condition, Function, Literal, parse};
use super::{Field, Kind, Wrong, find};

/// A condition on records of one collection.
#[derive(Clone, Debug)]
pub(in crate::sandbox::interworks) enum Filter {
    Or(Box<Filter>, Box<Filter>),
    And(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare {
        member: &'static str,
        how: Comparison,
        with: Literal,
    },
    Function {
        member: &'static str,
        name: Function,
        with: String,
    },
}

impl Filter {
    /// Reads a filter over the fields that a collection has.
    pub(in crate::sandbox::interworks) fn read(
        text: &str,
        fields: &[Field],
    ) -> Result<Self, Wrong> {
        bind(parse(tokens(text)?)?, fields)
    }

    /// Whether a record fulfils it.
    pub(in crate::sandbox::interworks) fn accepts(&self, record: &Map<String, Value>) -> bool {
        match self {
            Self::Or(left, right) => left.accepts(record) || right.accepts(record),
            Self::And(left, right) => left.accepts(record) && right.accepts(record),
            Self::Not(inner) => !inner.accepts(record),
            Self::Compare { member, how, with } => compares(at(record, member), *how, with),
            Self::Function { member, name, with } => {
                let Some(Value::String(text)) = at(record, member) else {
                    return false;
                };
                let (text, with) = (text.to_lowercase(), with.to_lowercase());
                match name {
                    Function::Contains => text.contains(&with),
                    Function::StartsWith => text.starts_with(&with),
                    Function::EndsWith => text.ends_with(&with),
                }
            }
        }
    }
}

/// A member of a record, or of an object within it: `account/id`.
pub(super) fn at<'r>(record: &'r Map<String, Value>, member: &str) -> Option<&'r Value> {
    match member.split_once('/') {
        None => record.get(member),
        Some((outer, inner)) => record.get(outer)?.get(inner),
    }
}

fn bind(condition: Condition, fields: &[Field]) -> Result<Filter, Wrong> {
    let both = |left: Condition, right: Condition| -> Result<_, Wrong> {
        Ok((
            Box::new(bind(left, fields)?),
            Box::new(bind(right, fields)?),
        ))
    };
    match condition {
        Condition::Or(left, right) => {
            both(*left, *right).map(|(left, right)| Filter::Or(left, right))
        }
        Condition::And(left, right) => {
            both(*left, *right).map(|(left, right)| Filter::And(left, right))
        }
        Condition::Not(inner) => Ok(Filter::Not(Box::new(bind(*inner, fields)?))),
        Condition::Compare { field, how, with } => {
            let found = find(fields, &field)?;
            let with = fitted(found, with)?;
            if matches!(with, Literal::Null | Literal::Bool(_))
                && !matches!(how, Comparison::Equal | Comparison::NotEqual)
            {
                return Err(Wrong::new(format!("{field} can only be equal or not")));
            }
            Ok(Filter::Compare {
                member: found.member,
                how,
                with,
            })
        }
        Condition::Function { name, field, with } => {
            let found = find(fields, &field)?;
            if found.kind != Kind::Text {
                return Err(Wrong::new(format!("{field} is no text")));
            }
            Ok(Filter::Function {
                member: found.member,
                name,
                with,
            })
        }
    }
}

/// A literal as the kind of a field wants it.
fn fitted(field: &Field, literal: Literal) -> Result<Literal, Wrong> {
    let fits = match (field.kind, &literal) {
        (_, Literal::Null)
        | (Kind::Text, Literal::Text(_))
        | (Kind::Number, Literal::Number(_))
        | (Kind::Bool, Literal::Bool(_))
        | (Kind::Instant, Literal::Instant(_)) => true,
        (Kind::Text | Kind::Number | Kind::Bool | Kind::Instant, _) => false,
    };
    if fits {
        Ok(literal)
    } else {
        let name = field.name;
        Err(Wrong::new(format!(
            "{name} cannot be compared with {literal:?}"
        )))
    }
}

fn compares(value: Option<&Value>, how: Comparison, with: &Literal) -> bool {
    let value = value.unwrap_or(&Value::Null);
    if value.is_null() || *with == Literal::Null {
        let equal = value.is_null() && *with == Literal::Null;
        // What is not there is neither greater nor smaller than anything.
        return match how {
            Comparison::Equal => equal,
            Comparison::NotEqual => !equal,
            Comparison::Greater
            | Comparison::GreaterOrEqual
            | Comparison::Less
            | Comparison::LessOrEqual => false,
        };
    }
    let order = match with {
        Literal::Text(with) => value.as_str().map(|text| text.cmp(with)),
        Literal::Number(with) => value.as_f64().and_then(|number| number.partial_cmp(with)),
        Literal::Bool(with) => value.as_bool().map(|truth| truth.cmp(with)),
        Literal::Instant(with) => stored(value).map(|instant| instant.cmp(with)),
        Literal::Null => None,
    };
    match (order, how) {
        (None, Comparison::NotEqual) => true,
        (None, _) => false,
        (Some(order), Comparison::Equal) => order == Ordering::Equal,
        (Some(order), Comparison::NotEqual) => order != Ordering::Equal,
        (Some(order), Comparison::Greater) => order == Ordering::Greater,
        (Some(order), Comparison::GreaterOrEqual) => order != Ordering::Less,
        (Some(order), Comparison::Less) => order == Ordering::Less,
        (Some(order), Comparison::LessOrEqual) => order != Ordering::Greater,
    }
}

fn stored(value: &Value) -> Option<Timestamp> {
    instant(value.as_str()?)
}
