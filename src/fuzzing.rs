//! Doors for the fuzz targets in `fuzz/`, which are not more than a way in: what is behind them is
//! what runs. They are there for the fuzzer (`--cfg fuzzing`) and for the library's own tests, which
//! replay the corpus; no other build has them.

pub use crate::bss::adapters::reference::fuzzing::{Answer, Asked, PARSERS, Parser, refused};
pub use crate::bss::transport::fuzzing::{Token, token};
pub use crate::upgrade::fuzzing::{Merged, merge};

#[cfg(test)]
mod replay;
