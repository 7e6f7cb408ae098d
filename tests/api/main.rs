//! Tests on a real kube-apiserver and etcd.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "a test that meets what it does not expect fails; support is shared"
)]

#[path = "../support/mod.rs"]
mod support;

mod cluster;
