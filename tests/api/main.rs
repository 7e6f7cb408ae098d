//! Tests on a real kube-apiserver and etcd.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests, which clippy does not take for tests"
)]

#[path = "../support/kstatus.rs"]
mod kstatus;
#[path = "../support/mod.rs"]
mod support;

mod crds;
