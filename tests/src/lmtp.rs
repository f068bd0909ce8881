//! The plainest LMTP client.

use std::io;

use crate::lines::Lines;

/// A connection that has said LHLO.
#[derive(Debug)]
pub struct Client {
    lines: Lines,
}

impl Client {
    /// Connects and says LHLO.
    pub fn connect(address: &str) -> io::Result<Self> {
        let mut client = Self {
            lines: Lines::connect(address)?,
        };
        client.reply()?;
        client.command("LHLO client.test")?;
        Ok(client)
    }

    /// Sends one message to `recipients`; the final reply for each.
    pub fn deliver(
        &mut self,
        sender: &str,
        recipients: &[&str],
        message: &[u8],
    ) -> io::Result<Vec<String>> {
        self.command(&format!("MAIL FROM:<{sender}>"))?;
        let mut accepted = 0;
        let mut replies = Vec::new();
        for recipient in recipients {
            let reply = self.command(&format!("RCPT TO:<{recipient}>"))?;
            if reply.starts_with('2') {
                accepted += 1;
            } else {
                replies.push(reply);
            }
        }
        if accepted == 0 {
            return Ok(replies);
        }
        self.command("DATA")?;
        self.lines.send(&stuffed(message))?;
        for _ in 0..accepted {
            replies.push(self.reply()?);
        }
        Ok(replies)
    }

    /// Sends a command and reads its reply; the last line of it.
    pub fn command(&mut self, command: &str) -> io::Result<String> {
        self.lines.send_line(command)?;
        self.reply()
    }

    /// Reads a reply; the last line of it.
    pub fn reply(&mut self) -> io::Result<String> {
        loop {
            let line = self.lines.line()?;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line);
            }
        }
    }
}

/// A message as DATA carries it: dots doubled at the start of lines, and the final dot.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 16);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}
