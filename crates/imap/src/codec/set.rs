//! Sets of sequence numbers or uids (RFC 9051 §9 `sequence-set`), as written.

/// A set as the client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SequenceSet {
    /// `$`: what the last `SEARCH RETURN (SAVE)` found (RFC 5182).
    Saved,
    /// Ranges as written, `None` = `*`. At least one; numbers are not zero.
    Ranges(Vec<(Option<u32>, Option<u32>)>),
}
