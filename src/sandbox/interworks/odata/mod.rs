//! `$filter` and `$orderby`, read as OData 4.01 writes them, and applied to records.
//!
//! Here are grammar and comparison only: which fields a collection has, and which of them may be
//! ordered by, its own file says. What is not known is an error, never a filter that lets all pass.

mod evaluate;
mod lexer;
mod order;
mod parser;
#[cfg(test)]
mod tests;

pub(super) use self::evaluate::Filter;
pub(super) use self::order::Order;

/// What a field holds, and so with which literals it may be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// An instant.
    Instant,
}

/// A field that may stand in a filter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// Its name; upper and lower case are one.
    pub(super) name: &'static str,
    /// Where the value lies in a record.
    pub(super) member: &'static str,
    pub(super) kind: Kind,
}

impl Field {
    pub(super) const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            member: name,
            kind,
        }
    }
}

/// Why a query is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Wrong(pub(super) String);

impl Wrong {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

fn find<'f>(fields: &'f [Field], name: &str) -> Result<&'f Field, Wrong> {
    fields
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| Wrong::new(format!("there is no field {name} to filter or order by")))
}
