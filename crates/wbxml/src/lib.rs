//! WBXML 1.3 and the 26 ActiveSync code pages: bytes in, tokens out.
//!
//! Floor: the lowest, beside `message`, `store` and `connection`. It does no I/O and reads no clock.
//!
//! The room is empty: it is furnished together with `activesync`.
