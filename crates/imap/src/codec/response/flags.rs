//! Flags and keywords in responses (RFC 9051 §7.3.5, §7.5.2 FLAGS, RFC 7162 MODSEQ).

use bytes::BytesMut;
use fieldpost_mailbox::{Flags, Labels, Row};

use super::number::write_number;

/// The system flags in the order in which they are written.
const SYSTEM: [(Flags, &str); 5] = [
    (Flags::ANSWERED, "\\Answered"),
    (Flags::FLAGGED, "\\Flagged"),
    (Flags::DELETED, "\\Deleted"),
    (Flags::SEEN, "\\Seen"),
    (Flags::DRAFT, "\\Draft"),
];

/// What an unasked FETCH response about flags holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// `UID`
    pub uid: bool,
    /// `MODSEQ`
    pub mod_seq: bool,
    /// From this uid on a message is `\Recent`.
    pub recent_from: u32,
}

impl Update {
    /// `* number FETCH (UID … FLAGS (…) MODSEQ (…))`
    pub fn write(self, number: u32, row: &Row, labels: &Labels, out: &mut BytesMut) {
        self.begin(number, row, out);
        out.extend_from_slice(b"FLAGS ");
        write_flags(out, row, labels, self.recent_from);
        if self.mod_seq {
            out.extend_from_slice(b" ");
            write_mod_seq(out, row);
        }
        out.extend_from_slice(b")\r\n");
    }

    /// `* number FETCH (UID … MODSEQ (…))`, for a client that knows the flags (RFC 7162 §3.1.3).
    pub fn write_mod_seq(self, number: u32, row: &Row, out: &mut BytesMut) {
        self.begin(number, row, out);
        write_mod_seq(out, row);
        out.extend_from_slice(b")\r\n");
    }

    fn begin(self, number: u32, row: &Row, out: &mut BytesMut) {
        out.extend_from_slice(b"* ");
        write_number(out, number.into());
        out.extend_from_slice(b" FETCH (");
        if self.uid {
            out.extend_from_slice(b"UID ");
            write_number(out, row.uid.into());
            out.extend_from_slice(b" ");
        }
    }
}

/// `(\Seen $Junk)`
pub fn write_flags(out: &mut BytesMut, row: &Row, labels: &Labels, recent_from: u32) {
    out.extend_from_slice(b"(");
    let mut separator: &[u8] = b"";
    let mut word = |word: &str| {
        out.extend_from_slice(separator);
        out.extend_from_slice(word.as_bytes());
        separator = b" ";
    };
    if row.flags != Flags::EMPTY {
        for (flag, name) in SYSTEM {
            if row.flags.contains(flag) {
                word(name);
            }
        }
    }
    if !row.labels.is_empty() {
        labels.keywords(row.labels).for_each(&mut word);
    }
    if row.uid >= recent_from {
        word("\\Recent");
    }
    out.extend_from_slice(b")");
}

/// `MODSEQ (n)`
pub fn write_mod_seq(out: &mut BytesMut, row: &Row) {
    out.extend_from_slice(b"MODSEQ (");
    write_number(out, row.mod_seq);
    out.extend_from_slice(b")");
}

/// All flags that a message of the account may have, without parentheses.
pub fn known(labels: &Labels) -> String {
    let system = SYSTEM.iter().map(|(_, name)| *name);
    let all: Vec<_> = system.chain(labels.keywords(labels.all())).collect();
    all.join(" ")
}

/// The flags that can be set here; `\*` if new keywords can be made.
pub fn permanent(labels: &Labels, read_only: bool) -> String {
    if read_only {
        return String::new();
    }
    let mut all = known(labels);
    if labels.has_room() {
        all.push_str(" \\*");
    }
    all
}
