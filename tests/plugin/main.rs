//! The plugin without a cluster.
