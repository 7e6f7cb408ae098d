//! Which mistake this copy of the sources makes at the moment.
#![allow(missing_docs, reason = "this file is compiled in the copy alone")]

use std::cell::Cell;

thread_local! {
    static ARMED: Cell<Option<&'static str>> = const { Cell::new(None) };
}

#[must_use]
pub fn on(mistake: &str) -> bool {
    ARMED.get() == Some(mistake)
}

pub fn arm(mistake: Option<&'static str>) {
    ARMED.set(mistake);
}
