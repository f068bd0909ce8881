//! Base subject: what stays of a subject when marks of replies and forwards are off (RFC 5256 §2.1).

use std::borrow::Cow;

/// See [`base_subject`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BaseSubject {
    /// The base, case as written; sorting and threading compare it without regard to case.
    pub text: String,
    /// Whether a mark of a reply or a forward was taken off.
    pub is_reply_or_forward: bool,
}

/// The base of a decoded subject, by the steps of RFC 5256 §2.1. Time is linear: all steps cut slices.
pub fn base_subject(decoded: &str) -> BaseSubject {
    // Step 1: white space to single spaces.
    let collapsed = if is_collapsed(decoded) {
        Cow::Borrowed(decoded)
    } else {
        Cow::Owned(decoded.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let mut rest = &*collapsed;
    let mut marked = false;
    loop {
        // Step 2: trailers.
        rest = rest.trim_end();
        while let Some(shorter) = strip_suffix_ignore_case(rest, "(fwd)") {
            rest = shorter.trim_end();
            marked = true;
        }
        // Steps 3 to 5: leaders, and blobs as long as something is left.
        loop {
            rest = rest.trim_start();
            if let Some(shorter) = strip_leader(rest) {
                rest = shorter;
                marked = true;
            } else {
                // No leader follows the blobs here, so none follows fewer of them: all go at once.
                while let Some(shorter) = strip_blob(rest)
                    && !shorter.trim().is_empty()
                {
                    rest = shorter;
                }
                break;
            }
        }
        // Step 6: `[fwd: … ]` around the whole.
        match strip_prefix_ignore_case(rest, "[fwd:").and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => {
                rest = inner;
                marked = true;
            }
            None => break,
        }
    }
    BaseSubject {
        text: rest.trim().to_owned(),
        is_reply_or_forward: marked,
    }
}

/// Whether all white space is single spaces between words, as in most subjects; beyond ASCII nobody looks.
fn is_collapsed(text: &str) -> bool {
    let mut before = b' ';
    for byte in text.bytes() {
        let is_space = byte == b' ' || (9..=13).contains(&byte);
        if !byte.is_ascii() || (is_space && (byte != b' ' || before == b' ')) {
            return false;
        }
        before = byte;
    }
    before != b' '
}

/// `*subj-blob ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"`
fn strip_leader(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix(':') {
        return Some(rest);
    }
    let mut rest = text;
    while let Some(shorter) = strip_blob(rest) {
        rest = shorter;
    }
    let rest = strip_prefix_ignore_case(rest, "re")
        .or_else(|| strip_prefix_ignore_case(rest, "fwd"))
        .or_else(|| strip_prefix_ignore_case(rest, "fw"))?
        .trim_start();
    strip_blob(rest).unwrap_or(rest).strip_prefix(':')
}

/// `"[" *BLOBCHAR "]" *WSP`
fn strip_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    Some(inner[end..].strip_prefix(']')?.trim_start())
}

fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn strip_suffix_ignore_case<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(suffix.len())?;
    let (rest, tail) = text.split_at_checked(at)?;
    tail.eq_ignore_ascii_case(suffix).then_some(rest)
}

#[cfg(test)]
mod tests;
