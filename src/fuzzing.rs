//! Doors for the fuzz targets in `fuzz/`, which are not more than a way in: what is behind them is
//! what runs. A release has none of them.

pub use crate::bss::reference::fuzzing::{Answer, Asked, PARSERS, Parser, refused};
pub use crate::bss::transport::fuzzing::{Token, token};
pub use crate::upgrade::fuzzing::{Merged, merge};
