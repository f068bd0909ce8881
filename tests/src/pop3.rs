//! The plainest POP3 client.

use std::io;

use crate::lines::Lines;

/// A session in the TRANSACTION state.
#[derive(Debug)]
pub struct Client {
    lines: Lines,
}

impl Client {
    /// Connects and signs in with USER and PASS.
    pub fn sign_in(address: &str, user: &str, password: &str) -> io::Result<Self> {
        let mut client = Self {
            lines: Lines::connect(address)?,
        };
        ok(client.lines.line()?)?;
        client.command(&format!("USER {user}"))?;
        client.command(&format!("PASS {password}"))?;
        Ok(client)
    }

    /// Sends a command; its one-line answer behind `+OK`, or an error that carries the `-ERR` line.
    pub fn command(&mut self, command: &str) -> io::Result<String> {
        self.lines.send_line(command)?;
        ok(self.lines.line()?)
    }

    /// UIDL: (number, unique id) of every message.
    pub fn uidl(&mut self) -> io::Result<Vec<(u32, String)>> {
        self.command("UIDL")?;
        let listing = String::from_utf8_lossy(&self.lines.dotted()?).into_owned();
        listing
            .lines()
            .map(|line| {
                let (number, uid) = line.split_once(' ').ok_or(io::ErrorKind::InvalidData)?;
                Ok((
                    number.parse().map_err(|_| io::ErrorKind::InvalidData)?,
                    uid.to_owned(),
                ))
            })
            .collect()
    }

    /// RETR: the whole message.
    pub fn retr(&mut self, number: u32) -> io::Result<Vec<u8>> {
        self.command(&format!("RETR {number}"))?;
        self.lines.dotted()
    }

    /// TOP: the header and `lines` of the body.
    pub fn top(&mut self, number: u32, lines: u32) -> io::Result<Vec<u8>> {
        self.command(&format!("TOP {number} {lines}"))?;
        self.lines.dotted()
    }

    /// TOP of all messages at once, pipelined; the answers in order.
    pub fn tops(&mut self, numbers: &[u32]) -> io::Result<Vec<Vec<u8>>> {
        let mut answers = Vec::with_capacity(numbers.len());
        for some in numbers.chunks(50) {
            let mut commands = String::new();
            for number in some {
                commands.extend(["TOP ", &number.to_string(), " 0\r\n"]);
            }
            self.lines.send(commands.as_bytes())?;
            for _ in some {
                ok(self.lines.line()?)?;
                answers.push(self.lines.dotted()?);
            }
        }
        Ok(answers)
    }

    /// Goes without QUIT, and waits until the server has noticed.
    pub fn hang_up(self) -> io::Result<()> {
        self.lines.hang_up()
    }

    /// QUIT: the deletions become real when this returns `Ok`.
    pub fn quit(mut self) -> io::Result<()> {
        self.command("QUIT").map(drop)
    }
}

fn ok(line: String) -> io::Result<String> {
    match line.strip_prefix("+OK") {
        Some(rest) => Ok(rest.trim_start().to_owned()),
        None => Err(io::Error::other(line)),
    }
}
