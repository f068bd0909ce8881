//! What is wrong with bytes that claim to be WBXML.

/// Why bytes are not the WBXML that ActiveSync uses. Offsets count bytes from the start of the document.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// It ends in the middle: of the header, a string, opaque data, or with elements still open.
    #[error("the document ends too early, at byte {0}")]
    Truncated(usize),
    /// The first byte names no version from 1.1 to 1.3.
    #[error("WBXML version byte {0:#04x} is not one of 1.1 to 1.3")]
    WbxmlVersion(u8),
    /// Neither UTF-8 (106) nor unknown (0); the number is the charset's MIBenum.
    #[error("charset {0} is not UTF-8")]
    Charset(u32),
    /// A multi-byte integer of more than 5 bytes or 32 bits.
    #[error("the integer at byte {0} has no end or more than 32 bits")]
    Integer(usize),
    /// The string table is longer than the document.
    #[error("a string table of {0} bytes reaches beyond the document")]
    StringTable(u32),
    /// A reference into the string table (STR_T), which ActiveSync does not use (MS-ASWBXML_R656).
    #[error("a string table reference at byte {0}")]
    StringTableReference(usize),
    /// A tag with attributes, which ActiveSync does not use (MS-ASWBXML_R656).
    #[error("an element with attributes at byte {0}")]
    Attributes(usize),
    /// ENTITY, PI, LITERAL or an extension, which ActiveSync does not use (MS-ASWBXML_R655, R656).
    #[error("global token {token:#04x} at byte {offset} is not used in ActiveSync")]
    Unsupported {
        /// The token.
        token: u8,
        /// Where it stands.
        offset: usize,
    },
    /// An END, a string or opaque data outside the root element.
    #[error("content outside the root element at byte {0}")]
    OutsideRoot(usize),
    /// The document is larger than [`crate::Limits::document`] allows; the number is its size in bytes.
    #[error("a document of {0} bytes is too large")]
    DocumentLimit(usize),
    /// Elements are nested deeper than [`crate::Limits::depth`] allows.
    #[error("elements are nested too deeply at byte {0}")]
    DepthLimit(usize),
    /// A string is longer than [`crate::Limits::string`] allows.
    #[error("the string at byte {0} is too long")]
    StringLimit(usize),
    /// Opaque data is longer than [`crate::Limits::opaque`] allows.
    #[error("the opaque data at byte {0} is too long")]
    OpaqueLimit(usize),
    /// There are more elements and pieces of content than [`crate::Limits::elements`] allows.
    #[error("too many elements at byte {0}")]
    ElementLimit(usize),
}
