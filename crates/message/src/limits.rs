//! What a scanner keeps of one message.

/// Bounds on what a [`Scanner`](crate::Scanner) keeps. Going over one is not an error: what lies beyond is counted in sizes
/// and lines, and left out of the [`Summary`](crate::Summary).
///
/// With the defaults an encoded summary stays below [`Summary::MAX_SCANNED`](crate::Summary::MAX_SCANNED).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Multipart and message/rfc822 levels that are opened; deeper ones are opaque leaves. At most [`Limits::MAX_DEPTH`] counts.
    pub depth: usize,
    /// Parts listed in one message.
    pub parts: usize,
    /// Bytes kept of one header field (unfolded value); the rest of the field is skipped.
    pub field_bytes: usize,
    /// Parameters kept of one field, RFC 2231 segments counted singly.
    pub params: usize,
    /// Addresses kept of one header list.
    pub addresses: usize,
    /// Bytes kept of all To, Cc and Bcc addresses of the message together.
    pub address_bytes: usize,
    /// Message ids kept of References: the first and the last ones.
    pub references: usize,
    /// Bytes kept of what the parts' headers say, all together: parameters, descriptions, envelopes of attached messages. Parts beyond
    /// are listed without.
    pub structure_bytes: usize,
}

impl Limits {
    /// No scanner goes deeper, whatever [`Limits::depth`] says: it bounds recursion over the tree.
    pub const MAX_DEPTH: usize = 100;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 50,
            parts: 2_500,
            field_bytes: 64 * 1024,
            params: 64,
            addresses: 2_000,
            address_bytes: 24 * 1024,
            references: 64,
            structure_bytes: 128 * 1024,
        }
    }
}
