//! Which element may stand where.
