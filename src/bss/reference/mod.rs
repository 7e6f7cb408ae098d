//! The project's own HTTP contract, for whoever puts a small service in front of its BSS.
//!
//! `contract` holds the wire types, `openapi` the published document generated from them, `client`
//! the adapter that implements the port. The sandbox shares `contract` and nothing else.

pub mod contract;
pub mod openapi;
