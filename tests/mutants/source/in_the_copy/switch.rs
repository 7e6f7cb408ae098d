//! The switch of the copy of the sources.

pub(crate) use tenant_reseller_operator::mistakes::arm;

pub(crate) const IN_THE_COPY: bool = true;
