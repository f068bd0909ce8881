//! Writing an mbox file in the mboxrd format: lines that begin with `From `, after any number of `>`, get one `>` more,
//! so that reading takes exactly one away. Flags stand in Status and X-Status, as mutt and Dovecot write them.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use super::mail::Sink;
use crate::{
    exchange::{Failure, FailureKind},
    mail_stream::ItemHead,
};

/// Writes an mbox file.
pub struct Writer<W: Write = BufWriter<File>> {
    out: W,
    /// Where in a line the next byte stands: so many `>`, then so much of `From `; none = the line is decided.
    start: Option<Vec<u8>>,
    last: u8,
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
        Ok(Self::to(BufWriter::new(file)))
    }
}

impl<W: Write> Writer<W> {
    fn to(out: W) -> Self {
        Self {
            out,
            start: Some(Vec::new()),
            last: b'\n',
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

impl<W: Write + Finish> Sink for Writer<W> {
    fn begin(&mut self, head: &ItemHead) -> anyhow::Result<()> {
        let date =
            jiff::Timestamp::from_second(head.internal_date.unwrap_or(0)).unwrap_or_default();
        writeln!(
            self.out,
            "From MAILER-DAEMON {}",
            date.strftime("%a %b %e %H:%M:%S %Y")
        )?;
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
            writeln!(self.out, "X-Keywords: {}", head.keywords.join(" "))?;
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
        Ok(())
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        self.out.flush()?;
        Ok(self.out.sync()?)
    }
}

/// What makes written bytes durable.
pub trait Finish {
    /// To the disk.
    fn sync(&mut self) -> std::io::Result<()>;
}

impl Finish for BufWriter<File> {
    fn sync(&mut self) -> std::io::Result<()> {
        self.get_ref().sync_all()
    }
}

#[cfg(test)]
impl Finish for Vec<u8> {
    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const FROM: &[u8] = b"From ";

/// A line of nothing but `>` is not kept in memory for ever.
const LONG_LINE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_lines_are_quoted_and_line_ends_are_those_of_unix() {
        let mut writer = Writer::to(Vec::new());
        let head = ItemHead {
            flags: vec!["seen".into(), "flagged".into()],
            internal_date: Some(0),
            ..ItemHead::default()
        };
        writer.begin(&head).unwrap();
        for byte in b"Subject: x\r\n\r\nFrom me\r\n>From you\r\nFromage\r\n>>\r\na\rb" {
            writer.write(&[*byte]).unwrap();
        }
        writer.end().unwrap();
        writer.finish().unwrap();
        assert_eq!(
            String::from_utf8(writer.out).unwrap(),
            "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\nStatus: RO\nX-Status: F\n\
             Subject: x\n\n>From me\n>>From you\nFromage\n>>\na\rb\n\n"
        );
    }
}
