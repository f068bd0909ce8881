//! The plainest IMAP client.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt::Display,
    io,
};

use crate::lines::Lines;

/// A session that has signed in.
#[derive(Debug)]
pub struct Client {
    lines: Lines,
    /// How many commands were ever sent.
    count: u32,
    /// What waits to be sent.
    queued: Vec<u8>,
    /// Commands that are not yet answered.
    asked: VecDeque<(String, u32)>,
}

impl Client {
    /// Connects and signs in with LOGIN.
    pub fn sign_in(address: &str, user: &str, password: &str) -> io::Result<Self> {
        let mut client = Self {
            lines: Lines::connect(address)?,
            count: 0,
            queued: Vec::new(),
            asked: VecDeque::new(),
        };
        let greeting = client.response()?;
        if !greeting.text.starts_with("* OK") {
            return Err(io::Error::other(greeting.text));
        }
        client.ok(&format!("LOGIN \"{user}\" \"{password}\""))?;
        Ok(client)
    }

    /// Puts a command into the queue.
    pub fn queue(&mut self, command: &str) {
        self.begin(command);
        self.queued.extend_from_slice(b"\r\n");
    }

    /// Puts an APPEND into the queue, of all `messages` (MULTIAPPEND) with their flags, as literals that do not wait (LITERAL+).
    pub fn queue_append(&mut self, mailbox: &str, messages: &[(Vec<u8>, String)]) {
        self.begin(&format!("APPEND \"{mailbox}\""));
        for (message, flags) in messages {
            let head = format!(" ({flags}) {{{}+}}\r\n", message.len());
            self.queued.extend_from_slice(head.as_bytes());
            self.queued.extend_from_slice(message);
        }
        self.queued.extend_from_slice(b"\r\n");
    }

    /// Sends an APPEND, waiting with each message until the server asks for it; its answer is still to be read.
    pub fn send_append(&mut self, mailbox: &str, messages: &[(Vec<u8>, String)]) -> io::Result<()> {
        self.begin(&format!("APPEND \"{mailbox}\""));
        for (message, flags) in messages {
            let head = format!(" ({flags}) {{{}}}\r\n", message.len());
            self.queued.extend_from_slice(head.as_bytes());
            self.flush()?;
            let go_ahead = self.response()?;
            if !go_ahead.text.starts_with('+') {
                return Err(io::Error::other(go_ahead.text));
            }
            self.queued.extend_from_slice(message);
        }
        self.queued.extend_from_slice(b"\r\n");
        self.flush()
    }

    /// Sends what is in the queue.
    pub fn flush(&mut self) -> io::Result<()> {
        let queued = std::mem::take(&mut self.queued);
        self.lines.send(&queued)
    }

    /// The answer to the command that was asked first of those not yet answered.
    pub fn answer(&mut self) -> io::Result<Answer> {
        let asked = self.asked.pop_front();
        let (command, number) = asked.ok_or_else(|| io::Error::other("nothing was asked"))?;
        let tag = format!("c{number} ");
        let mut untagged = Vec::new();
        loop {
            let response = self.response()?;
            if let Some(text) = response.text.strip_prefix(&tag) {
                return Ok(Answer {
                    command,
                    untagged,
                    tagged: text.to_owned(),
                });
            }
            if !response.text.starts_with("* ") {
                return Err(io::Error::other(response.text));
            }
            untagged.push(response);
        }
    }

    /// Sends a command and reads its answer, whatever it is.
    pub fn ask(&mut self, command: &str) -> io::Result<Answer> {
        self.queue(command);
        self.flush()?;
        self.answer()
    }

    /// Sends a command that must be answered by OK.
    pub fn ok(&mut self, command: &str) -> io::Result<Answer> {
        let answer = self.ask(command)?;
        if answer.is_ok() {
            Ok(answer)
        } else {
            Err(io::Error::other(format!("{command}: {}", answer.tagged)))
        }
    }

    /// The next line, whatever it is: in IDLE they come by themselves.
    pub fn line(&mut self) -> io::Result<String> {
        self.lines.line()
    }

    /// Idles until the server tells of a change.
    pub fn idle(&mut self) -> io::Result<()> {
        self.queue("IDLE");
        self.flush()?;
        loop {
            let line = self.line()?;
            if !line.starts_with('+') && !line.starts_with("* OK") {
                break;
            }
        }
        self.lines.send_line("DONE")?;
        self.answer().map(drop)
    }

    fn begin(&mut self, command: &str) {
        self.count += 1;
        self.asked.push_back((command.to_owned(), self.count));
        let line = format!("c{} {command}", self.count);
        self.queued.extend_from_slice(line.as_bytes());
    }

    /// Reads a response, with the literals in it.
    fn response(&mut self) -> io::Result<Response> {
        let mut response = Response::default();
        loop {
            response.text.push_str(&self.lines.line()?);
            let literal = response.text.strip_suffix('}');
            let Some(size) = literal.and_then(|text| text.rsplit_once('{')?.1.parse().ok()) else {
                return Ok(response);
            };
            response.literals.push(self.lines.octets(size)?);
        }
    }
}

/// A server's response: its text, in which `{size}` stands for a literal, and the literals.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The text.
    pub text: String,
    /// The literals, in order.
    pub literals: Vec<Vec<u8>>,
}

/// All that came in answer to a command.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The command, without its literals.
    pub command: String,
    /// What came before the tagged response.
    pub untagged: Vec<Response>,
    /// The tagged response, behind the tag.
    pub tagged: String,
}

impl Answer {
    /// Whether the tagged response is OK.
    pub fn is_ok(&self) -> bool {
        self.tagged.starts_with("OK")
    }

    /// What a response code of this name says, tagged or not: `1 2:3` of `[APPENDUID 1 2:3]`.
    pub fn code(&self, name: &str) -> Option<&str> {
        let texts = self.untagged.iter().map(|response| &response.text);
        let mut texts = texts.chain([&self.tagged]);
        let name = format!("[{name} ");
        texts.find_map(|text| Some(text.split_once(&name)?.1.split_once(']')?.0))
    }

    /// The number in a response code.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.code(name)?.parse().ok()
    }

    /// Validity and uids of `[APPENDUID …]`.
    pub fn append_uid(&self) -> Option<(u32, Vec<u32>)> {
        let (validity, uids) = self.code("APPENDUID")?.split_once(' ')?;
        Some((validity.parse().ok()?, set(uids)?))
    }

    /// Validity of the target, uids in the source and uids in the target of `[COPYUID …]`.
    pub fn copy_uid(&self) -> Option<(u32, Vec<u32>, Vec<u32>)> {
        let mut parts = self.code("COPYUID")?.split(' ');
        Some((
            parts.next()?.parse().ok()?,
            set(parts.next()?)?,
            set(parts.next()?)?,
        ))
    }

    /// The FETCH responses.
    pub fn fetched(&self) -> impl Iterator<Item = Fetched> {
        self.untagged.iter().filter_map(Fetched::read)
    }

    /// The uids of VANISHED responses, `(EARLIER)` or not.
    pub fn vanished(&self) -> BTreeSet<u32> {
        let text = |response: &Response| {
            let text = response.text.strip_prefix("* VANISHED ")?.to_owned();
            set(text.strip_prefix("(EARLIER) ").unwrap_or(&text))
        };
        self.untagged.iter().filter_map(text).flatten().collect()
    }

    /// The value behind `name` in a STATUS response.
    pub fn status(&self, name: &str) -> Option<&str> {
        let mut responses = self.untagged.iter();
        let status = responses.find(|response| response.text.starts_with("* STATUS "))?;
        let mut words = status.text.split_once(" (")?.1.split(' ');
        words.find(|word| *word == name)?;
        // MAILBOXID has its value in parentheses of its own.
        Some(words.next()?.trim_matches(['(', ')']))
    }

    /// The names of LIST responses that can be selected.
    pub fn listed(&self) -> Vec<String> {
        let name = |response: &Response| {
            let (attributes, name) = response
                .text
                .strip_prefix("* LIST (")?
                .split_once(") \"/\" ")?;
            let is_there =
                !attributes.contains("\\Nonexistent") && !attributes.contains("\\Noselect");
            is_there.then(|| name.trim_matches('"').to_owned())
        };
        self.untagged.iter().filter_map(name).collect()
    }
}

/// A FETCH response.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// The sequence number.
    pub number: u32,
    /// `UID`
    pub uid: Option<u32>,
    /// `FLAGS`, without `\Recent`
    pub flags: Option<BTreeSet<String>>,
    /// `MODSEQ`
    pub mod_seq: Option<u64>,
    /// The one literal: `BODY[]`
    pub body: Option<Vec<u8>>,
}

impl Fetched {
    fn read(response: &Response) -> Option<Self> {
        let (number, items) = response.text.strip_prefix("* ")?.split_once(" FETCH (")?;
        let behind = |name: &str| Some(items.split_once(name)?.1);
        let number_behind = |name: &str| {
            let digits = behind(name)?;
            let end = digits.find(|octet: char| !octet.is_ascii_digit());
            digits[..end?].parse::<u64>().ok()
        };
        let flags = behind("FLAGS (").and_then(|flags| flags.split_once(')'));
        Some(Self {
            number: number.parse().ok()?,
            uid: number_behind("UID ").map(|uid| uid as u32),
            flags: flags.map(|(flags, _)| {
                let flags = flags.split(' ').filter(|flag| !flag.is_empty());
                flags
                    .filter(|flag| *flag != "\\Recent")
                    .map(str::to_owned)
                    .collect()
            }),
            mod_seq: number_behind("MODSEQ ("),
            body: response.literals.first().cloned(),
        })
    }
}

/// The numbers of a set such as `1:3,7`, in the order they are written.
pub fn set(text: &str) -> Option<Vec<u32>> {
    let mut numbers = Vec::new();
    for range in text.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        numbers.extend(first.parse::<u32>().ok()?..=last.parse().ok()?);
    }
    Some(numbers)
}

/// Numbers as a set, one by one.
pub fn write_set<N: Display>(numbers: impl IntoIterator<Item = N>) -> String {
    let numbers: Vec<String> = numbers
        .into_iter()
        .map(|number| number.to_string())
        .collect();
    numbers.join(",")
}
