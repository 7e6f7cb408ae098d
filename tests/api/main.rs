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
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a test that meets what it does not expect fails; support is shared"
)]

#[path = "../support/kstatus.rs"]
mod kstatus;
#[path = "../support/mod.rs"]
mod support;

mod cluster;
mod crds;
mod operator;
