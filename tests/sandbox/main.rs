//! The sandbox's own rules, driven over HTTP and never through the operator: it is the judge of
//! every later test, so nothing about it is taken on trust.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::let_underscore_must_use,
    reason = "these modules are a test and no library: a panic is how it fails"
)]

mod activation;
mod checks;
mod contract;
mod corruptions;
mod customers;
mod faults;
mod fencing;
mod ids;
mod interworks;
mod judge;
mod listings;
mod locks;
mod manual;
mod resellers;
mod restart;
mod sides;
mod size;
mod subscriptions;
mod support;
mod tenant;
mod unseen;
mod weak;
