//! A socket read by lines: what the plain clients stand on.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

/// A TCP connection read by CRLF lines, with a deadline on every read.
#[derive(Debug)]
pub struct Lines {
    stream: BufReader<TcpStream>,
}

impl Lines {
    /// Connects to `address`.
    pub fn connect(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// The next line, without its end.
    pub fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        String::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    /// The lines up to a lone dot, unstuffed, as bytes with CRLF line ends.
    pub fn dotted(&mut self) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let start = all.len();
            self.stream.read_until(b'\n', &mut all)?;
            if !all.ends_with(b"\n") || all.len() == start {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if &all[start..] == b".\r\n" {
                all.truncate(start);
                return Ok(all);
            }
            if all[start] == b'.' {
                all.remove(start);
            }
        }
    }

    /// The next `size` octets.
    pub fn octets(&mut self, size: usize) -> io::Result<Vec<u8>> {
        let mut octets = vec![0; size];
        self.stream.read_exact(&mut octets)?;
        Ok(octets)
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Sends a line.
    pub fn send_line(&mut self, line: &str) -> io::Result<()> {
        self.send(format!("{line}\r\n").as_bytes())
    }

    /// Goes without a word; ends when the server has noticed and closed, too.
    pub fn hang_up(mut self) -> io::Result<()> {
        self.stream.get_mut().shutdown(Shutdown::Write)?;
        self.rest().map(drop)
    }

    /// All that comes until the server closes.
    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        self.stream.read_to_end(&mut all)?;
        Ok(all)
    }
}
