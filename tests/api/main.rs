//! Tests on a real kube-apiserver and etcd.

#[path = "../support/kstatus.rs"]
mod kstatus;
#[path = "../support/mod.rs"]
mod support;

mod crds;
