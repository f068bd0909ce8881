//! Runs of base64 lines: most octets of large mails are attachments in lines of one length, which say three octets in four. They
//! are kept as the octets that they stand for, a quarter less, and written again in a few nanoseconds a line.
//!
//! Only what is written again exactly as it was is taken for a line: whole groups of four letters of the standard alphabet, no
//! padding, CRLF. A last line that is shorter, or one with white space in it, is text like any other.

use std::sync::LazyLock;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use base64::engine::Simd as Letters;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use base64::engine::general_purpose::GeneralPurpose as Letters;
use base64::{Engine, engine::general_purpose::NO_PAD};
use memchr::memchr;

/// The standard alphabet, by the processor's widest registers where it has some.
static LETTERS: LazyLock<Letters> = LazyLock::new(letters);

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn letters() -> Letters {
    Letters::standard(NO_PAD)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn letters() -> Letters {
    Letters::new(&base64::alphabet::STANDARD, NO_PAD)
}

/// Lines of one length that stand behind each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Bytes of text before the first line.
    pub(super) text_before: u16,
    pub(super) lines: u16,
    /// Letters in a line: a multiple of four, its CRLF not counted.
    pub(super) width: u8,
}

impl Run {
    /// The bytes of its lines.
    pub(super) fn len(self) -> usize {
        usize::from(self.lines) * (usize::from(self.width) + 2)
    }

    /// The octets that its lines stand for.
    pub(super) fn octets(self) -> usize {
        usize::from(self.lines) * octets_of(self.width)
    }

    /// Whether [`write`] can write it.
    pub(super) fn is_valid(self) -> bool {
        self.width > 0 && self.width.is_multiple_of(4)
    }
}

/// A block taken apart.
#[derive(Debug, Default)]
pub(super) struct Split {
    pub(super) runs: Vec<Run>,
    /// All that is in no run.
    pub(super) text: Vec<u8>,
    /// What the lines of the runs stand for, one after the other.
    pub(super) octets: Vec<u8>,
}

/// Finds the runs in a block of at most 64 KiB. `None`: there are none.
pub(super) fn split(block: &[u8]) -> Option<Split> {
    let mut split = Split::default();
    let (mut text_from, mut line) = (0, 0);
    while split.runs.len() < MOST_RUNS
        && let Some(end) = memchr(b'\n', &block[line..]).map(|end| line + end + 1)
    {
        let lines = read_lines(&block[line..], end - line, &mut split.octets);
        if lines == 0 {
            line = end;
            continue;
        }
        let run = Run {
            // Before a line in a block there is less than the block.
            text_before: (line - text_from) as u16,
            lines,
            width: (end - line - 2) as u8,
        };
        split.text.extend_from_slice(&block[text_from..line]);
        split.runs.push(run);
        line += run.len();
        text_from = line;
    }
    split.text.extend_from_slice(&block[text_from..]);
    (!split.runs.is_empty()).then_some(split)
}

/// How many lines of `len` bytes `text` begins with; their octets are appended. Fewer than [`FEWEST_LINES`] count as none.
fn read_lines(text: &[u8], len: usize, octets: &mut Vec<u8>) -> u16 {
    let width = len.saturating_sub(2);
    if !(NARROWEST..=WIDEST).contains(&width) || !width.is_multiple_of(4) {
        return 0;
    }
    let start = octets.len();
    let mut room = [0; octets_of(u8::MAX) + 3];
    let room = &mut room[..octets_of(width as u8)];
    let mut lines = 0;
    for line in text.chunks_exact(len) {
        let is_line = line.ends_with(b"\r\n")
            && LETTERS.decode_slice(&line[..width], &mut *room) == Ok(room.len());
        if !is_line {
            break;
        }
        octets.extend_from_slice(room);
        lines += 1;
    }
    if lines < FEWEST_LINES {
        octets.truncate(start);
        return 0;
    }
    lines
}

/// Appends the lines of a valid run, whose octets are given.
fn write(run: Run, octets: &[u8], out: &mut Vec<u8>) {
    let width = usize::from(run.width);
    let mut room = [0; WRITTEN_AT_ONCE * u8::MAX as usize];
    for octets in octets.chunks(WRITTEN_AT_ONCE * octets_of(run.width)) {
        // There is room for all of them.
        let count = LETTERS.encode_slice(octets, &mut room).unwrap_or_default();
        for line in room[..count].chunks_exact(width) {
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// The text and the lines of a block, put together again. `None` where the parts do not fit each other.
pub(super) fn join(runs: &[Run], text: &[u8], octets: &[u8], len: usize) -> Option<Vec<u8>> {
    let of_runs: usize = runs.iter().copied().map(Run::len).sum();
    if of_runs + text.len() != len || !runs.iter().copied().all(Run::is_valid) {
        return None;
    }
    let mut out = Vec::with_capacity(len);
    let (mut text, mut octets) = (text, octets);
    for run in runs {
        let (before, rest) = text.split_at_checked(usize::from(run.text_before))?;
        let (lines, after) = octets.split_at_checked(run.octets())?;
        out.extend_from_slice(before);
        write(*run, lines, &mut out);
        (text, octets) = (rest, after);
    }
    out.extend_from_slice(text);
    octets.is_empty().then_some(out)
}

const fn octets_of(width: u8) -> usize {
    width as usize / 4 * 3
}

/// Runs in a block. A block has no more unless somebody wants it to, and the rest is text then.
pub(super) const MOST_RUNS: usize = 255;

/// Shorter runs are not worth their place in the table.
const FEWEST_LINES: u16 = 4;

/// Several lines in one go leave fewer letters that don't fill a register.
const WRITTEN_AT_ONCE: usize = 16;

/// Letters in a line. Mail has 76 (RFC 2045 §6.8) and 64 (RFC 7468 §2), some has 60 or 72.
const NARROWEST: usize = 40;
const WIDEST: usize = 252;

#[cfg(test)]
mod tests {
    use std::iter;

    use base64::engine::general_purpose::STANDARD_NO_PAD;
    use proptest::prelude::*;

    use super::*;

    fn together(split: &Split, len: usize) -> Option<Vec<u8>> {
        join(&split.runs, &split.text, &split.octets, len)
    }

    fn line(width: usize, seed: u8) -> String {
        let octets: Vec<u8> = (0..width / 4 * 3)
            .map(|at| (at as u8).wrapping_mul(37).wrapping_add(seed))
            .collect();
        STANDARD_NO_PAD.encode(octets) + "\r\n"
    }

    #[test]
    fn an_attachment_is_a_quarter_smaller() {
        let lines: String = (0..100).map(|seed| line(76, seed)).collect();
        let block = format!("Content-Transfer-Encoding: base64\r\n\r\n{lines}AAAA\r\n--b--\r\n");
        let split = split(block.as_bytes()).unwrap();
        let expected = Run {
            text_before: 37,
            lines: 100,
            width: 76,
        };
        assert_eq!(split.runs, [expected]);
        assert_eq!(split.octets.len(), 5700);
        assert_eq!(together(&split, block.len()).unwrap(), block.as_bytes());
    }

    #[test]
    fn what_would_not_come_back_as_it_was_is_text() {
        let good = line(76, 1).repeat(FEWEST_LINES.into());
        assert!(split(good.as_bytes()).is_some());
        let padded = good.replace("\r\n", "==\r\n");
        let url_safe = good.replace(['+', '/'], "-");
        for other in [
            good.replace("\r\n", "\n"),
            good.replace("\r\n", "\r\r\n"),
            good.replace("\r\n", " \r\n"),
            padded.replace("AA==", "=="),
            url_safe.replace('J', "_"),
            line(76, 1).repeat(3),
            line(76, 1) + &line(72, 1) + &line(76, 1) + &line(72, 1),
            line(36, 1).repeat(9),
        ] {
            assert!(split(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn more_runs_than_a_block_has_are_text() {
        let block = (line(40, 1).repeat(4) + "\r\n").repeat(300);
        let split = split(block.as_bytes()).unwrap();
        assert_eq!(split.runs.len(), MOST_RUNS);
        assert_eq!(together(&split, block.len()).unwrap(), block.as_bytes());
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let run = |text_before, lines, width| Run {
            text_before,
            lines,
            width,
        };
        assert!(join(&[run(1, 2, 4)], b"ab", &[0; 6], 14).is_some());
        for (runs, octets, len) in [
            (run(3, 2, 4), 6, 14),
            (run(1, 2, 4), 5, 14),
            (run(1, 2, 4), 7, 14),
            (run(1, 2, 4), 6, 13),
            (run(1, 2, 5), 6, 16),
            (run(1, 2, 0), 0, 6),
        ] {
            let joined = join(&[runs], b"ab", &[0; 300][..octets], len);
            assert!(joined.is_none(), "{runs:?} {octets} {len}");
        }
    }

    proptest! {
        #[test]
        fn every_block_comes_back(parts in prop::collection::vec(
            (0..5_usize, 0..12_usize, any::<u8>(), prop::sample::select(vec![40, 64, 76, 77, 252, 256])),
            0..20,
        )) {
            let mut block = Vec::new();
            for (kind, count, seed, width) in parts {
                match kind {
                    0 => block.extend(line(width, seed).repeat(count).into_bytes()),
                    1 => block.extend(iter::repeat_n(seed, count * 20)),
                    2 => block.extend(b"--b\r\n".repeat(count)),
                    // A line that is cut anywhere.
                    3 => block.extend(&line(width, seed).as_bytes()[..count.min(width)]),
                    _ => block.extend(b"\r\n"),
                }
            }
            if let Some(split) = split(&block) {
                prop_assert_eq!(together(&split, block.len()).unwrap(), block);
            }
        }
    }
}
