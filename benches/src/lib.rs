//! Side-by-side runs against peers; see docs/performance.md.

pub mod phones;
