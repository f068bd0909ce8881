//! How far `TOP` reaches into a message: the header, the empty line after it, and so many lines (RFC 1939 §7).

/// Counts header octets, then body lines, over the chunks of one message.
#[derive(Clone, Copy, Debug)]
pub struct TopLimit {
    /// Octets of the header and its empty line still to come.
    header: u64,
    /// Lines of the body still wanted.
    lines: u64,
}

impl TopLimit {
    /// `header_len` octets (the empty line counted in), then `lines` lines.
    pub fn new(header_len: u64, lines: u64) -> Self {
        Self {
            header: header_len,
            lines,
        }
    }

    /// Whether nothing more is wanted.
    pub fn reached(&self) -> bool {
        self.header == 0 && self.lines == 0
    }

    /// How many octets at the start of this chunk are wanted.
    pub fn admit(&mut self, chunk: &[u8]) -> usize {
        let header = usize::try_from(self.header)
            .unwrap_or(usize::MAX)
            .min(chunk.len());
        self.header -= header as u64;
        let mut admitted = header;
        if self.header > 0 {
            return admitted;
        }
        for at in memchr::memchr_iter(b'\n', &chunk[header..]) {
            if self.lines == 0 {
                return admitted;
            }
            self.lines -= 1;
            admitted = header + at + 1;
        }
        if self.lines == 0 {
            admitted
        } else {
            chunk.len()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn top(message: &[u8], chunk: usize, header_len: u64, lines: u64) -> Vec<u8> {
        let mut limit = TopLimit::new(header_len, lines);
        let mut out = Vec::new();
        for chunk in message.chunks(chunk) {
            if limit.reached() {
                break;
            }
            let admitted = limit.admit(chunk);
            out.extend_from_slice(&chunk[..admitted]);
        }
        out
    }

    #[test]
    fn header_and_lines() {
        let message = b"A: b\r\n\r\none\r\ntwo\r\nthree";
        for chunk in 1..=message.len() {
            assert_eq!(top(message, chunk, 8, 0), b"A: b\r\n\r\n");
            assert_eq!(top(message, chunk, 8, 1), b"A: b\r\n\r\none\r\n");
            assert_eq!(top(message, chunk, 8, 2), b"A: b\r\n\r\none\r\ntwo\r\n");
            assert_eq!(top(message, chunk, 8, 3), message);
            assert_eq!(top(message, chunk, 8, u64::MAX), message);
        }
    }

    proptest! {
        #[test]
        fn matches_the_naive_count(
            header in prop::collection::vec(any::<u8>(), 0..40),
            body in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'x')], 0..60),
            lines in 0..10_usize,
            chunk in 1..70_usize,
        ) {
            let mut expected = header.clone();
            for line in body.split_inclusive(|octet| *octet == b'\n').take(lines) {
                expected.extend_from_slice(line);
            }
            let message = [&header[..], &body].concat();
            prop_assert_eq!(top(&message, chunk, header.len() as u64, lines as u64), expected);
        }
    }
}
