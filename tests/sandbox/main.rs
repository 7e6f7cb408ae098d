//! The sandbox's own rules, driven over HTTP.
