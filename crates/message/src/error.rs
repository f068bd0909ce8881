//! What can be wrong with a stored summary. Mail itself is never an error: see [`Scanner`](crate::Scanner).

use thiserror::Error;

/// Why an encoded [`Summary`](crate::Summary) was refused.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// Written by a program with another idea of the format.
    #[error("summary has format version {0}, this program reads version {1}")]
    SummaryVersion(u8, u8),
    /// Longer than any summary that this crate writes.
    #[error("summary of {0} bytes is longer than the limit")]
    SummaryTooLong(usize),
    /// A length or a count points past the end.
    #[error("summary ends early")]
    SummaryTruncated,
    /// Bytes follow the last field.
    #[error("summary has trailing bytes")]
    SummaryTrailing,
    /// A field holds what the encoder never writes; the text names the field.
    #[error("summary is damaged: {0}")]
    SummaryDamaged(&'static str),
}
