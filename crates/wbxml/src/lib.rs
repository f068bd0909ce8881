//! WBXML 1.3 codec and the 26 ActiveSync code pages: bytes in, tokens out.
