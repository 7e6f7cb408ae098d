//! The limits of a BSS, as connections declare them.

use std::num::{NonZeroU16, NonZeroU32};

/// No more calls a second, where none are declared.
const FASTEST: NonZeroU32 = NonZeroU32::MIN.saturating_add(9_999);
/// No more calls at once, where none are declared.
const MOST_AT_ONCE: NonZeroU16 = NonZeroU16::MIN.saturating_add(63);

/// The limits of a BSS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Calls per second.
    pub per_second: NonZeroU32,
    /// Calls at once.
    pub concurrency: NonZeroU16,
}

impl Settings {
    /// How many calls may go at once after a rest: a tenth of a second's worth, 1 to 10.
    #[must_use]
    pub fn burst(self) -> u32 {
        (self.per_second.get() / 10).clamp(1, 10)
    }

    /// The stricter of the two in each figure.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        Self {
            per_second: self.per_second.min(other.per_second),
            concurrency: self.concurrency.min(other.concurrency),
        }
    }
}

/// The limits that connections declare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Calls per second.
    pub per_second: Option<NonZeroU32>,
    /// Calls at once.
    pub concurrency: Option<NonZeroU16>,
}

impl Declared {
    /// The stricter of the two in each figure. What one of them does not declare, the other does.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        fn lesser<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            }
        }
        Self {
            per_second: lesser(self.per_second, other.per_second),
            concurrency: lesser(self.concurrency, other.concurrency),
        }
    }

    /// What is never exceeded. Limits that are learnt stay below the greatest that may be declared.
    #[must_use]
    pub fn bounds(self) -> Settings {
        Settings {
            per_second: self.per_second.unwrap_or(FASTEST),
            concurrency: self.concurrency.unwrap_or(MOST_AT_ONCE),
        }
    }
}

impl From<Settings> for Declared {
    fn from(settings: Settings) -> Self {
        Self {
            per_second: Some(settings.per_second),
            concurrency: Some(settings.concurrency),
        }
    }
}
