//! UTF-7 (RFC 2152), which old Microsoft programs sent. Not IMAP's variant.

/// Text of the whole of `bytes`.
pub(super) fn decode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    Decoder::default().push(bytes, true, &mut out);
    out
}

/// Decodes piece by piece.
#[derive(Default)]
pub(super) struct Decoder {
    /// Inside `+…-`, and whether a base64 character was seen there.
    shifted: bool,
    any: bool,
    bits: u32,
    count: u32,
    high: Option<u16>,
}

impl Decoder {
    pub(super) fn push(&mut self, input: &[u8], last: bool, out: &mut String) {
        for &byte in input {
            if self.shifted {
                match value(byte) {
                    Some(value) => {
                        self.any = true;
                        self.bits = (self.bits << 6 | value) & 0x3f_ffff;
                        self.count += 6;
                        if self.count >= 16 {
                            self.count -= 16;
                            self.unit((self.bits >> self.count) as u16, out);
                        }
                        continue;
                    }
                    None => {
                        self.unshift(out);
                        if byte == b'-' {
                            if !self.any {
                                out.push('+');
                            }
                            continue;
                        }
                    }
                }
            }
            match byte {
                b'+' => {
                    self.shifted = true;
                    self.any = false;
                }
                0..0x80 => out.push(byte as char),
                _ => out.push(char::REPLACEMENT_CHARACTER),
            }
        }
        if last {
            self.unshift(out);
        }
    }

    fn unit(&mut self, unit: u16, out: &mut String) {
        let pair = match self.high.take() {
            Some(high) => [Some(high), Some(unit)],
            None if (0xd800..0xdc00).contains(&unit) => {
                self.high = Some(unit);
                return;
            }
            None => [Some(unit), None],
        };
        for decoded in char::decode_utf16(pair.into_iter().flatten()) {
            out.push(decoded.unwrap_or(char::REPLACEMENT_CHARACTER));
        }
    }

    fn unshift(&mut self, out: &mut String) {
        if self.high.take().is_some() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
        self.shifted = false;
        self.bits = 0;
        self.count = 0;
    }
}

fn value(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}
