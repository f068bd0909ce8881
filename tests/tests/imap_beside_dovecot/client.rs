//! The plainest IMAP client: sends a command with its literals, gathers the answer line by line.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// A line of an answer, its literals included, without the last CRLF.
pub type Line = Vec<u8>;

/// One connection.
pub struct Client {
    stream: BufReader<TcpStream>,
    count: u32,
}

impl Client {
    /// Connects and reads the greeting.
    pub fn connect(address: &str) -> io::Result<(Self, Line)> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(40)))?;
        let mut client = Self {
            stream: BufReader::new(stream),
            count: 0,
        };
        let greeting = client.line()?;
        Ok((client, greeting))
    }

    /// Sends `command` with a tag, waiting where a literal asks for it; the lines of the answer, the tagged one last. Where the server
    /// closes, the last line is `closed`; where it waits for more (`IDLE`), it is the continuation.
    pub fn command(&mut self, command: &[u8]) -> io::Result<Vec<Line>> {
        self.count += 1;
        let tag = format!("t{}", self.count);
        let mut bytes = format!("{tag} ").into_bytes();
        bytes.extend(command);
        bytes.extend(b"\r\n");
        self.exchange(&bytes)
    }

    /// Sends bytes as they are, up to where the server must say `+` first, and so on.
    pub fn exchange(&mut self, bytes: &[u8]) -> io::Result<Vec<Line>> {
        let mut lines = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = wait_point(rest).unwrap_or(rest.len());
            if self.stream.get_mut().write_all(&rest[..end]).is_err() {
                lines.push(b"closed".to_vec());
                return Ok(lines);
            }
            rest = &rest[end..];
            if self.gather(&mut lines)? || rest.is_empty() {
                return Ok(lines);
            }
            // The continuation itself, between literals, says nothing.
            lines.pop();
        }
        Ok(lines)
    }

    /// Lines up to and including the first one that contains `word`.
    pub fn until(&mut self, word: &str) -> io::Result<Vec<Line>> {
        let mut lines = Vec::new();
        loop {
            let line = self.line()?;
            let found = String::from_utf8_lossy(&line).contains(word);
            lines.push(line);
            if found {
                return Ok(lines);
            }
        }
    }

    /// `true`: the tagged answer came, or the end. `false`: a continuation.
    fn gather(&mut self, lines: &mut Vec<Line>) -> io::Result<bool> {
        loop {
            let line = match self.line() {
                Ok(line) => line,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                Err(_) => b"closed".to_vec(),
            };
            let tagged = !matches!(line.first(), Some(b'*' | b'+'));
            let end = tagged || line == b"closed" || line.starts_with(b"* BAD");
            let more = line.first() == Some(&b'+');
            lines.push(line);
            if end || more {
                return Ok(end);
            }
        }
    }

    fn line(&mut self) -> io::Result<Line> {
        let mut line = Vec::new();
        loop {
            if self.stream.read_until(b'\n', &mut line)? == 0 || !line.ends_with(b"\r\n") {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            line.truncate(line.len() - 2);
            // Now and then a server says in IDLE that it is there: that is no answer.
            if line.starts_with(b"* OK Still here") {
                line.clear();
                continue;
            }
            let Some(length) = literal(&line) else {
                return Ok(line);
            };
            line.extend(b"\r\n");
            let start = line.len();
            line.resize(start + length, 0);
            self.stream.read_exact(&mut line[start..])?;
        }
    }
}

/// The length of the literal that the line ends with.
fn literal(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}")?;
    let open = line.iter().rposition(|byte| *byte == b'{')?;
    str::from_utf8(&line[open + 1..]).ok()?.parse().ok()
}

/// Whether the line ends with a literal that the server must agree to.
fn asks_first(line: &[u8]) -> bool {
    let Some(line) = line.strip_suffix(b"}") else {
        return false;
    };
    let digits = line
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    digits > 0 && line[..line.len() - digits].ends_with(b"{")
}

/// Behind the first `{n}` CRLF: where the server must answer before more is sent.
fn wait_point(bytes: &[u8]) -> Option<usize> {
    let mut start = 0;
    while let Some(at) = bytes[start..].windows(2).position(|pair| pair == b"\r\n") {
        let end = start + at;
        let line = &bytes[start..end];
        if asks_first(line) {
            return Some(end + 2);
        }
        let skipped = line
            .strip_suffix(b"+}")
            .and_then(|line| {
                let open = line.iter().rposition(|byte| *byte == b'{')?;
                str::from_utf8(&line[open + 1..])
                    .ok()?
                    .parse::<usize>()
                    .ok()
            })
            .unwrap_or(0);
        start = (end + 2 + skipped).min(bytes.len());
    }
    None
}
