//! Tests on a real kube-apiserver and etcd.

#[path = "../support/mod.rs"]
mod support;

mod cluster;
