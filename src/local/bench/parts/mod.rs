//! The parts of the bench, one file each. A part measures and answers tables and figures; what they mean
//! stands in `docs/benchmarks.md`.

pub(super) mod ceiling;
pub(super) mod crowd;
pub(super) mod endpoint;
pub(super) mod fairness;
pub(super) mod instructions;
pub(super) mod sizes;
