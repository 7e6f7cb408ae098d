//! Tests on a real kube-apiserver and etcd.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
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
