//! What people read lives here: the state of `Ready`, status, messages, rows of reports. This folder may
//! see all of the decision core. It must not change what is known, and nothing that it composes is read
//! back: no decision rests on it.

pub(super) mod messages;
mod ready;
mod rows;
mod status;

use crate::legible::legible;

pub use messages::sentence;
pub use ready::ReadyState;
pub use rows::report_rows;
pub use status::{Draft, compose};

/// What people see of a text, in one line and cut to so many bytes.
fn line(text: &str, bytes: usize) -> String {
    cut(&legible(text), bytes)
}

/// The text, or as much of it as the bytes hold, up to a whole letter.
#[must_use]
pub fn cut(text: &str, bytes: usize) -> String {
    let end = (0..=bytes.min(text.len()))
        .rev()
        .find(|i| text.is_char_boundary(*i))
        .unwrap_or(0);
    text.get(..end).unwrap_or_default().to_owned()
}
