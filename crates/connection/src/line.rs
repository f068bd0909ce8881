//! Lines out of a byte stream, within a limit.

use bytes::{Buf, Bytes, BytesMut};

/// What [`Connection::line`](crate::Connection::line) read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A line, without its CRLF or LF.
    Complete(Bytes),
    /// A line beyond the limit; it was thrown away, up to and with its end.
    TooLong(Cut),
}

/// What is kept of a line that was too long: who spoke, and whether it announces that more is to come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Its first octets, at most [`Cut::KEPT`].
    pub start: Bytes,
    /// Its last octets, at most [`Cut::KEPT`], without its CRLF or LF.
    pub end: Bytes,
}

impl Cut {
    /// An IMAP tag, or an announcement such as `~{18446744073709551615+}`, is well within this.
    pub const KEPT: usize = 64;

    fn begin(input: &[u8]) -> Self {
        Self {
            start: Bytes::copy_from_slice(&input[..input.len().min(Self::KEPT)]),
            end: Bytes::new(),
        }
    }

    /// Takes note of the octets that come next. One more than [`Self::KEPT`] is held, for the last may be the CR.
    fn take(&mut self, input: &[u8]) {
        let mut end = Vec::with_capacity(2 * (Self::KEPT + 1));
        end.extend_from_slice(&self.end);
        end.extend_from_slice(&input[input.len().saturating_sub(Self::KEPT + 1)..]);
        end.drain(..end.len().saturating_sub(Self::KEPT + 1));
        self.end = end.into();
    }

    fn finish(mut self) -> Self {
        if self.end.last() == Some(&b'\r') {
            self.end.truncate(self.end.len() - 1);
        }
        drop(self.end.split_to(self.end.len().saturating_sub(Self::KEPT)));
        self
    }
}

/// Takes the next line from `input`, if its end has come. `seen` is how far `input` was searched before; `skipping`
/// holds what is kept of a line that was too long, while we are inside it.
pub(crate) fn take(
    input: &mut BytesMut,
    skipping: &mut Option<Box<Cut>>,
    seen: &mut usize,
    limit: usize,
) -> Option<Line> {
    let Some(end) = memchr::memchr(b'\n', &input[*seen..]).map(|at| *seen + at) else {
        // One byte more than the limit may be the CR of a line that just fits.
        if skipping.is_some() || input.len() > limit + 1 {
            skipping
                .get_or_insert_with(|| Box::new(Cut::begin(input)))
                .take(input);
            input.clear();
            *seen = 0;
        } else {
            *seen = input.len();
        }
        return None;
    };
    let mut line = input.split_to(end);
    input.advance(1);
    *seen = 0;
    if let Some(mut cut) = skipping.take() {
        cut.take(&line);
        return Some(Line::TooLong(cut.finish()));
    }
    if line.last() == Some(&b'\r') {
        line.truncate(line.len() - 1);
    }
    if line.len() > limit {
        let mut cut = Cut::begin(&line);
        cut.take(&line);
        return Some(Line::TooLong(cut.finish()));
    }
    Some(Line::Complete(line.freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]], limit: usize) -> (Vec<Line>, usize) {
        let (mut input, mut skipping, mut seen) = (BytesMut::new(), None, 0);
        let (mut found, mut most) = (Vec::new(), 0);
        for chunk in chunks {
            input.extend_from_slice(chunk);
            while let Some(line) = take(&mut input, &mut skipping, &mut seen, limit) {
                found.push(line);
            }
            most = most.max(input.len());
        }
        (found, most)
    }

    fn complete(text: &'static str) -> Line {
        Line::Complete(Bytes::from_static(text.as_bytes()))
    }

    fn cut(start: &str, end: &str) -> Line {
        Line::TooLong(Cut {
            start: Bytes::copy_from_slice(start.as_bytes()),
            end: Bytes::copy_from_slice(end.as_bytes()),
        })
    }

    #[test]
    fn lines_end_with_crlf_or_a_lone_lf_wherever_the_chunks_are_cut() {
        let text = b"one\r\n\r\ntwo\nthree\rfour\r\n";
        let expected = vec![
            complete("one"),
            complete(""),
            complete("two"),
            complete("three\rfour"),
        ];
        for cut in 0..text.len() {
            assert_eq!(
                lines(&[&text[..cut], &text[cut..]], 100).0,
                expected,
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn a_line_at_the_limit_is_taken_and_one_byte_more_is_not() {
        assert_eq!(lines(&[b"12345\r\n"], 5).0, [complete("12345")]);
        assert_eq!(lines(&[b"12345\r", b"\n"], 5).0, [complete("12345")]);
        assert_eq!(
            lines(&[b"123456\r\nok\r\n"], 5).0,
            [cut("123456", "123456"), complete("ok")]
        );
    }

    #[test]
    fn of_a_line_that_is_too_long_its_two_ends_are_kept_wherever_the_chunks_are_cut() {
        let text = format!("a001 FETCH {} BODY {{17+}}\r\nok\r\n", "1,".repeat(100));
        let line = text.split_once("\r\n").unwrap().0;
        let expected = [
            cut(&line[..Cut::KEPT], &line[line.len() - Cut::KEPT..]),
            complete("ok"),
        ];
        for first in 0..text.len() {
            for second in (first..text.len()).step_by(7) {
                let chunks = [
                    &text.as_bytes()[..first],
                    &text.as_bytes()[first..second],
                    &text.as_bytes()[second..],
                ];
                assert_eq!(lines(&chunks, 80).0, expected, "cut at {first}, {second}");
            }
        }
    }

    /// fault 22: a 256 KiB line costs no memory beyond the limit, and the line after it is read as usual.
    #[test]
    fn an_endless_line_is_thrown_away_as_it_comes() {
        let chunk = [b'x'; 1024];
        let mut chunks: Vec<&[u8]> = vec![&chunk; 256];
        chunks.push(b"\r\nNOOP\r\n");
        let (found, most) = lines(&chunks, 512);
        let kept = "x".repeat(Cut::KEPT);
        assert_eq!(found, [cut(&kept, &kept), complete("NOOP")]);
        assert!(most <= 514, "{most} bytes kept");
    }
}
