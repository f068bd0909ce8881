//! The plainest SMTP client.

use std::io;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::lines::Lines;

/// A connection that has said EHLO.
#[derive(Debug)]
pub struct Client {
    lines: Lines,
}

impl Client {
    /// Connects and says EHLO.
    pub fn connect(address: &str) -> io::Result<Self> {
        let mut client = Self {
            lines: Lines::connect(address)?,
        };
        client.reply("220")?;
        client.command("EHLO client.test", "250")?;
        Ok(client)
    }

    /// Signs in with PLAIN.
    pub fn sign_in(&mut self, user: &str, password: &str) -> io::Result<()> {
        let credentials = STANDARD.encode(format!("\0{user}\0{password}"));
        self.command(&format!("AUTH PLAIN {credentials}"), "235")?;
        Ok(())
    }

    /// Sends one message, with these parameters of MAIL; the reply that acknowledges it. Whatever is refused is an error that carries the
    /// reply.
    pub fn send(
        &mut self,
        sender: &str,
        parameters: &str,
        recipients: &[&str],
        message: &str,
    ) -> io::Result<String> {
        let mail = format!("MAIL FROM:<{sender}> {parameters}");
        self.command(mail.trim_end(), "250")?;
        for recipient in recipients {
            self.command(&format!("RCPT TO:<{recipient}>"), "250")?;
        }
        self.command("DATA", "354")?;
        let stuffed = message.replace("\r\n.", "\r\n..");
        self.command(&format!("{stuffed}."), "250")
    }

    /// Sends a line; its reply, which must begin with `code`.
    pub fn command(&mut self, command: &str, code: &str) -> io::Result<String> {
        self.lines.send_line(command)?;
        self.reply(code)
    }

    /// Reads a reply, which must begin with `code`; the last line of it.
    fn reply(&mut self, code: &str) -> io::Result<String> {
        loop {
            let line = self.lines.line()?;
            if !line.starts_with(code) {
                return Err(io::Error::other(line));
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line);
            }
        }
    }
}
