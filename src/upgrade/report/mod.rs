//! What people read lives here: the state of `Ready`, status, messages, rows of reports. This folder may
//! see all of the decision core. It must not change what is known, and nothing that it composes is read
//! back: no decision rests on it.

pub(super) mod messages;
mod ready;
mod rows;
mod status;

pub use messages::sentence;
pub use ready::ReadyState;
pub use rows::report_rows;
pub use status::{Draft, compose};

/// A text in one line: what ends a line or cannot be printed becomes a space, and what is longer is cut.
fn line(text: &str, bytes: usize) -> String {
    let cut = cut(text, bytes);
    cut.replace(char::is_control, " ")
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
