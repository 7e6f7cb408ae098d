//! Takes a cloud distributor's reseller from *Basic reseller* to *tenant reseller*.
//!
//! Dependencies point one way: [`api`] and [`bss::port`] know nothing else; [`upgrade`], the pure decision core,
//! sees those two; the adapters in [`bss`] never see the cluster or an upgrade; [`bss::adapters`] translates what
//! a connection says of its adapter; [`controller`] is the only place where all sides meet. A test checks the arrows.

pub mod api;
pub mod bss;
pub mod cli;
pub mod cluster;
pub mod controller;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod legible;
#[cfg(feature = "local")]
pub mod local;
pub mod observe;
pub mod operator;
#[cfg(feature = "plugin")]
pub mod plugin;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod spans;
pub mod upgrade;

// The bodies of the fuzz targets name this crate as the fuzzer's programs do.
#[cfg(test)]
extern crate self as tenant_reseller_operator;
