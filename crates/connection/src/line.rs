//! Lines out of a byte stream, within a limit.

use bytes::{Buf, Bytes, BytesMut};

/// What [`Connection::line`](crate::Connection::line) read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A line, without its CRLF or LF.
    Complete(Bytes),
    /// A line beyond the limit; it was thrown away, up to and with its end.
    TooLong,
}

/// Takes the next line from `input`, if its end has come. `seen` is how far `input` was searched before; `skipping`
/// says that we are inside a line that was too long.
pub(crate) fn take(
    input: &mut BytesMut,
    skipping: &mut bool,
    seen: &mut usize,
    limit: usize,
) -> Option<Line> {
    let Some(end) = memchr::memchr(b'\n', &input[*seen..]).map(|at| *seen + at) else {
        // One byte more than the limit may be the CR of a line that just fits.
        if *skipping || input.len() > limit + 1 {
            *skipping = true;
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
    if line.last() == Some(&b'\r') {
        line.truncate(line.len() - 1);
    }
    if std::mem::take(skipping) || line.len() > limit {
        return Some(Line::TooLong);
    }
    Some(Line::Complete(line.freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]], limit: usize) -> (Vec<Line>, usize) {
        let (mut input, mut skipping, mut seen) = (BytesMut::new(), false, 0);
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
            [Line::TooLong, complete("ok")]
        );
    }

    /// fault 22: a 256 KiB line costs no memory beyond the limit, and the line after it is read as usual.
    #[test]
    fn an_endless_line_is_thrown_away_as_it_comes() {
        let chunk = [b'x'; 1024];
        let mut chunks: Vec<&[u8]> = vec![&chunk; 256];
        chunks.push(b"\r\nNOOP\r\n");
        let (found, most) = lines(&chunks, 512);
        assert_eq!(found, [Line::TooLong, complete("NOOP")]);
        assert!(most <= 514, "{most} bytes kept");
    }
}
