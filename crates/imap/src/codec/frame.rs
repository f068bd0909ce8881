//! Lines and literals to whole commands, within limits.

/// What a line announces at its end: `{n}`, `{n+}`, `~{n}`, `~{n+}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiteralSpec {
    /// Octets to come.
    pub size: u64,
    /// `+`: the client does not wait for a continuation (LITERAL+).
    pub non_sync: bool,
    /// `~`: a literal8 (RFC 3516), which may hold NUL.
    pub binary: bool,
}
