//! Writing an mbox file in the mboxrd format: lines that begin with `From `, after any number of `>`, get one `>` more,
//! so that reading takes exactly one away. Flags stand in Status and X-Status, uids in X-IMAPbase and X-UID, as mutt and
//! Dovecot write them; POP3's unique-ids in X-UIDL.
//!
//! A message may have fields of these names of its own. So each begins with `X-Fieldpost-Fields: N`, which says that the
//! N fields behind it are ours and all others the message's: reading takes away what writing added, and no more.

use std::{
    fs::File,
    io::{BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::mail::Sink;
use crate::{
    command::import::source::{Origin, SourceFolder},
    exchange::{Failure, FailureKind},
    mail_stream::ItemHead,
};

/// Writes an mbox file.
pub struct Writer<W: Write = BufWriter<File>> {
    out: W,
    /// Where in a line the next byte stands: so many `>`, then so much of `From `; none = the line is decided.
    start: Option<Vec<u8>>,
    last: u8,
    /// Where the message under way begins in the file.
    begun: Option<u64>,
    count: u64,
    path: PathBuf,
}

impl Writer {
    /// A new file; one that exists is not touched.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        use std::os::unix::fs::OpenOptionsExt;
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| {
                let kind = if error.kind() == std::io::ErrorKind::AlreadyExists {
                    FailureKind::Exists
                } else {
                    FailureKind::Failed
                };
                Failure::new(kind, format!("{}: {error}", path.display()))
            })?;
        Ok(Self::to(BufWriter::new(file), path))
    }
}

impl<W: Write> Writer<W> {
    fn to(out: W, path: &Path) -> Self {
        Self {
            out,
            start: Some(Vec::new()),
            last: b'\n',
            begun: None,
            count: 0,
            path: path.to_owned(),
        }
    }

    fn put(&mut self, byte: u8) -> std::io::Result<()> {
        if let Some(start) = &mut self.start {
            let quotes = start.iter().take_while(|byte| **byte == b'>').count();
            let within = start.len() - quotes;
            let fits = byte == FROM[within] || (byte == b'>' && within == 0);
            if fits {
                start.push(byte);
                if start.ends_with(FROM) {
                    self.out.write_all(b">")?;
                    self.out.write_all(start)?;
                    self.start = None;
                } else if start.len() > LONG_LINE {
                    self.out.write_all(start)?;
                    self.start = None;
                }
                self.last = byte;
                return Ok(());
            }
            self.out.write_all(start)?;
            self.start = None;
        }
        self.out.write_all(&[byte])?;
        self.last = byte;
        if byte == b'\n' {
            self.start = Some(Vec::new());
        }
        Ok(())
    }
}

impl<W: Write + Target> Sink for Writer<W> {
    fn begin(&mut self, head: &ItemHead, origin: &Origin) -> anyhow::Result<()> {
        self.begun = Some(self.out.position()?);
        let date =
            jiff::Timestamp::from_second(head.internal_date.unwrap_or(0)).unwrap_or_default();
        writeln!(
            self.out,
            "From MAILER-DAEMON {}",
            date.strftime("%a %b %e %H:%M:%S %Y")
        )?;
        // The folder's uids stand in its first message.
        let base = origin.uids.filter(|_| self.count == 0);
        let fields = 2
            + u8::from(base.is_some())
            + u8::from(origin.uid.is_some())
            + u8::from(!head.keywords.is_empty())
            + u8::from(origin.uidl.is_some());
        writeln!(self.out, "{FIELDS}: {fields}")?;
        if let Some(uids) = base {
            let last = uids.next.saturating_sub(1);
            writeln!(self.out, "X-IMAPbase: {} {last:010}", uids.validity)?;
        }
        if let Some(uid) = origin.uid {
            writeln!(self.out, "X-UID: {uid}")?;
        }
        let has = |flag: &str| head.flags.iter().any(|one| one == flag);
        writeln!(self.out, "Status: {}O", if has("seen") { "R" } else { "" })?;
        let extended: String = [
            ("answered", 'A'),
            ("flagged", 'F'),
            ("draft", 'T'),
            ("deleted", 'D'),
        ]
        .iter()
        .filter(|(flag, _)| has(flag))
        .map(|(_, letter)| *letter)
        .collect();
        writeln!(self.out, "X-Status: {extended}")?;
        if !head.keywords.is_empty() {
            // In an order that does not depend on which of them the account learnt first.
            let mut keywords: Vec<&str> = head.keywords.iter().map(String::as_str).collect();
            keywords.sort_unstable();
            writeln!(self.out, "X-Keywords: {}", keywords.join(" "))?;
        }
        if let Some(uidl) = &origin.uidl {
            writeln!(self.out, "X-UIDL: {uidl}")?;
        }
        self.start = Some(Vec::new());
        self.last = b'\n';
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let mut bytes = bytes;
        while let Some((byte, rest)) = bytes.split_first() {
            if self.last == b'\r' && *byte != b'\n' {
                // A lone CR stays.
                self.put(b'\r')?;
            }
            if *byte == b'\r' {
                self.last = b'\r';
            } else {
                self.put(*byte)?;
            }
            bytes = rest;
        }
        Ok(())
    }

    fn end(&mut self) -> anyhow::Result<()> {
        if let Some(start) = self.start.take() {
            let within = !start.is_empty();
            self.out.write_all(&start)?;
            if within {
                self.out.write_all(b"\n")?;
            }
        } else {
            self.out.write_all(b"\n")?;
        }
        // The empty line that stands before the next From line.
        self.out.write_all(b"\n")?;
        self.begun = None;
        self.count += 1;
        Ok(())
    }

    fn void(&mut self) -> anyhow::Result<()> {
        if let Some(begun) = self.begun.take() {
            self.out.cut(begun)?;
        }
        Ok(())
    }

    fn finish(&mut self, _: &[SourceFolder]) -> anyhow::Result<Vec<String>> {
        self.out.flush()?;
        self.out.sync()?;
        Ok(Vec::new())
    }

    fn give_up(&mut self) -> anyhow::Result<()> {
        self.void()?;
        if self.count == 0 {
            std::fs::remove_file(&self.path)?;
        }
        Ok(())
    }
}

/// What messages are written to.
pub trait Target {
    /// Where the next byte goes.
    fn position(&mut self) -> std::io::Result<u64>;
    /// Takes back what was written from `position` on.
    fn cut(&mut self, position: u64) -> std::io::Result<()>;
    /// To the disk.
    fn sync(&mut self) -> std::io::Result<()>;
}

impl Target for BufWriter<File> {
    fn position(&mut self) -> std::io::Result<u64> {
        self.stream_position()
    }

    fn cut(&mut self, position: u64) -> std::io::Result<()> {
        self.seek(SeekFrom::Start(position))?;
        self.get_ref().set_len(position)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.get_ref().sync_all()
    }
}

#[cfg(test)]
impl Target for Vec<u8> {
    fn position(&mut self) -> std::io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn cut(&mut self, position: u64) -> std::io::Result<()> {
        self.truncate(usize::try_from(position).unwrap());
        Ok(())
    }

    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The field that says how many of those behind it are not the message's own.
pub const FIELDS: &str = "X-Fieldpost-Fields";

const FROM: &[u8] = b"From ";

/// A line of nothing but `>` is not kept in memory for ever.
const LONG_LINE: usize = 4096;

/// One message as it stands in a file.
#[cfg(test)]
pub fn mbox_of(head: &ItemHead, message: &[u8]) -> Vec<u8> {
    let mut writer = Writer::to(Vec::new(), Path::new(""));
    writer.begin(head, &Origin::default()).unwrap();
    writer.write(message).unwrap();
    writer.end().unwrap();
    writer.out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_lines_are_quoted_and_line_ends_are_those_of_unix() {
        let mut writer = Writer::to(Vec::new(), Path::new(""));
        let head = ItemHead {
            flags: vec!["seen".into(), "flagged".into()],
            internal_date: Some(0),
            ..ItemHead::default()
        };
        writer.begin(&head, &Origin::default()).unwrap();
        for byte in b"Subject: x\r\n\r\nFrom me\r\n>From you\r\nFromage\r\n>>\r\na\rb" {
            writer.write(&[*byte]).unwrap();
        }
        writer.end().unwrap();
        writer.finish(&[]).unwrap();
        assert_eq!(
            String::from_utf8(writer.out).unwrap(),
            "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\nX-Fieldpost-Fields: 2\nStatus: RO\nX-Status: F\n\
             Subject: x\n\n>From me\n>>From you\nFromage\n>>\na\rb\n\n"
        );
    }

    #[test]
    fn a_message_that_is_called_off_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.mbox");
        let mut writer = Writer::create(&path).unwrap();
        let head = ItemHead::default();
        for text in ["one", "two"] {
            writer.begin(&head, &Origin::default()).unwrap();
            writer.write(text.as_bytes()).unwrap();
            writer.end().unwrap();
            writer.begin(&head, &Origin::default()).unwrap();
            writer.write(b"Subject: half a mess").unwrap();
            writer.void().unwrap();
        }
        writer.finish(&[]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("half"), "{text}");
        assert!(text.ends_with("two\n\n"), "{text}");
        assert_eq!(text.matches("From MAILER-DAEMON").count(), 2);
        // With mail in it the file stays; without, it goes.
        writer.give_up().unwrap();
        assert!(path.exists());
        let other = directory.path().join("y.mbox");
        let mut writer = Writer::create(&other).unwrap();
        writer.begin(&head, &Origin::default()).unwrap();
        writer.give_up().unwrap();
        assert!(!other.exists());
    }
}
