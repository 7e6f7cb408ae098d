//! The project's own HTTP contract, for distributors who put a small service in front of their BSS.
//!
//! `contract` holds the wire types, `openapi` the published document generated from them, `client`
//! the adapter that implements the port: `requests` and `replies` translate, `batch` matches results
//! with what was asked, `body` reads JSON and `problem` problem details, `classify` tells what a refusal means. The sandbox shares `contract` and
//! nothing else.

mod batch;
mod body;
mod classify;
pub mod client;
pub mod contract;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod openapi;
mod problem;
mod replies;
mod requests;

pub use client::ReferenceBss;
