//! Text as searches and sorts compare it: `i;unicode-casemap` (RFC 5051), and white space collapsed.
//!
//! Each character is decomposed and put in upper case on its own, so that it does not matter where a stream of text is
//! cut: `É` becomes `E` and an accent, and is found by `é` and by `e`. White space of any kind and length is one space, so that a
//! phrase is found where a line was broken in it.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use unicode_normalization::char::decompose_compatible;

/// Appends `text`, folded. White space at its start is part of that which `out` ends with.
pub(super) fn fold(text: &str, out: &mut Vec<u8>) {
    let mut rest = text;
    while !rest.is_empty() {
        let ascii = rest
            .bytes()
            .position(|byte| !byte.is_ascii())
            .unwrap_or(rest.len());
        let (run, tail) = rest.split_at(ascii);
        fold_ascii(run.as_bytes(), out);
        rest = tail;
        let mut chars = rest.chars();
        while let Some(char) = chars.next().filter(|char| !char.is_ascii()) {
            fold_char(char, out);
            rest = chars.as_str();
        }
    }
}

/// A text that is looked for.
pub(super) struct Needle {
    finder: Finder<'static>,
    length: usize,
}

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        let mut folded = Vec::with_capacity(text.len());
        fold(text, &mut folded);
        Self {
            length: folded.len(),
            finder: Finder::new(&folded).into_owned(),
        }
    }

    /// How many bytes it has, folded.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Whether it is in a folded text.
    pub(super) fn is_in(&self, folded: &[u8]) -> bool {
        self.finder.find(folded).is_some()
    }
}

fn fold_ascii(run: &[u8], out: &mut Vec<u8>) {
    let mut before = out.last().copied().unwrap_or(0);
    let start = out.len();
    out.resize(start + run.len(), 0);
    let mut length = 0;
    let target = &mut out[start..];
    for byte in run {
        let folded = ASCII[usize::from(*byte & 0x7f)];
        target[length] = folded;
        length += usize::from(folded != b' ' || before != b' ');
        before = folded;
    }
    out.truncate(start + length);
}

fn fold_char(char: char, out: &mut Vec<u8>) {
    let simple = match COMMON.get(char as usize) {
        Some(folded) => char::from_u32(*folded),
        // Ideographs have neither case nor parts.
        None => ('\u{4e00}'..='\u{9fff}').contains(&char).then_some(char),
    };
    match simple {
        Some('\0') | None => fold_any(char, &mut |folded| push(folded, out)),
        Some(folded) => push(folded, out),
    }
}

fn push(folded: char, out: &mut Vec<u8>) {
    if !folded.is_whitespace() {
        out.extend_from_slice(folded.encode_utf8(&mut [0; 4]).as_bytes());
    } else if out.last() != Some(&b' ') {
        out.push(b' ');
    }
}

fn fold_any(char: char, emit: &mut impl FnMut(char)) {
    decompose_compatible(char, |part| part.to_uppercase().for_each(&mut *emit));
}

const ASCII: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'\t'..=b'\r' => b' ',
            other => other.to_ascii_uppercase(),
        };
        byte += 1;
    }
    table
};

/// What the characters of the European and the near Eastern scripts fold to; 0: to more than one character.
static COMMON: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let fold_one = |code| {
        let mut folded = 0;
        let mut count = 0;
        let char = char::from_u32(code).unwrap_or_default();
        fold_any(char, &mut |part| {
            folded = part as u32;
            count += 1;
        });
        if count == 1 { folded } else { 0 }
    };
    (0..0x700).map(fold_one).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        let mut out = Vec::new();
        fold(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_looks_alike_folds_alike() {
        for (one, other) in [
            ("Straße", "STRASSE"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("Привет", "ПРИВЕТ"),
            ("ﬁne", "FINE"),
            ("e\u{301}", "É"),
            ("Å", "\u{212b}"),
            ("ＡＢＣ", "abc"),
            ("a \t\r\n b", "A B"),
            ("a\u{a0}\u{3000} b", "a b"),
            ("日本語", "日本語"),
            ("ガ", "カ\u{3099}"),
            ("가", "\u{1100}\u{1161}"),
        ] {
            assert_eq!(folded(one), folded(other));
        }
        assert_eq!(folded("\u{7f}Az[`{_"), "\u{7f}AZ[`{_");
        assert_ne!(folded("a"), folded("b"));
    }

    #[test]
    fn it_does_not_matter_where_text_is_cut() {
        let text = "Ein  Stück \r\n\tÄpfel, ½ ﬃ \u{3000} 한국어 — ça";
        let whole = folded(text);
        for cut in (0..=text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            let mut out = Vec::new();
            fold(&text[..cut], &mut out);
            fold(&text[cut..], &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), whole);
        }
        assert!(Needle::new("STÜCK äpfel").is_in(whole.as_bytes()));
        assert!(!Needle::new("stückchen").is_in(whole.as_bytes()));
        assert_eq!(Needle::new("").len(), 0);
    }
}
