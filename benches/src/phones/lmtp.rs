//! Mails to the server by LMTP.

use std::time::Instant;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use super::{Options, Outcome};

/// A connection to an LMTP server.
pub struct Lmtp {
    stream: BufReader<TcpStream>,
}

impl Lmtp {
    /// Connects and says LHLO.
    pub async fn connect(options: &Options) -> Outcome<Self> {
        let stream = TcpStream::connect((options.host, options.lmtp)).await?;
        stream.set_nodelay(true)?;
        let mut lmtp = Self {
            stream: BufReader::new(stream),
        };
        lmtp.reply().await?;
        lmtp.say("LHLO bench.example.test\r\n").await?;
        lmtp.reply().await?;
        Ok(lmtp)
    }

    /// Delivers a mail; when its 250 came.
    pub async fn deliver(&mut self, to: &str, mail: &[u8]) -> Outcome<Instant> {
        let envelope = format!("MAIL FROM:<bench@example.test>\r\nRCPT TO:<{to}>\r\nDATA\r\n");
        self.say(&envelope).await?;
        for _ in 0..3 {
            self.reply().await?;
        }
        // No line of the corpus begins with a dot.
        self.stream.write_all(mail).await?;
        let end: &[u8] = if mail.ends_with(b"\r\n") {
            b".\r\n"
        } else {
            b"\r\n.\r\n"
        };
        self.stream.write_all(end).await?;
        self.stream.flush().await?;
        self.reply().await?;
        Ok(Instant::now())
    }

    async fn say(&mut self, line: &str) -> Outcome<()> {
        self.stream.write_all(line.as_bytes()).await?;
        self.stream.flush().await?;
        Ok(())
    }

    /// Reads a whole reply, which is to be a good one.
    async fn reply(&mut self) -> Outcome<()> {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err("LMTP: the server closed the connection".into());
            }
            if !line.starts_with(['2', '3']) {
                return Err(format!("LMTP: {}", line.trim_end()).into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}
