//! The commands that both servers are given, and how they are run.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
};

use crate::{
    client::{Client, Line},
    mails, normal,
};

/// One thing to do.
#[derive(Debug)]
pub struct Step {
    /// Line in `script.txt`.
    pub line: usize,
    /// What is said, as written there.
    pub command: String,
    /// Why the answers differ: a key of the table of reasons.
    pub reason: Option<String>,
}

/// Reads `script.txt`.
pub fn steps() -> Vec<Step> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/imap_beside_dovecot/script.txt"
    );
    let text = fs::read_to_string(path).unwrap();
    let mut steps: Vec<Step> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(reason) = line.strip_prefix("! ") {
            steps.last_mut().unwrap().reason = Some(reason.to_owned());
        } else if !line.is_empty() && !line.starts_with('#') {
            steps.push(Step {
                line: number + 1,
                command: line.to_owned(),
                reason: None,
            });
        }
    }
    steps
}

/// Who is spoken to.
pub struct Server {
    /// Host and port.
    pub address: String,
    /// Account.
    pub user: String,
    /// Its password.
    pub password: String,
}

/// Runs all of them; the normalised answer to each. Directions (`= heading`, `@…`) have empty answers.
pub fn run(server: &Server, steps: &[Step]) -> Vec<Vec<String>> {
    let mut run = Run {
        server,
        clients: HashMap::new(),
        signs_in: true,
        known: HashMap::new(),
    };
    steps
        .iter()
        .map(|step| {
            let lines = run.step(&step.command).unwrap_or_else(|error| {
                run.clients.clear();
                vec![format!("* SILENT {error}").into_bytes()]
            });

            normal::answer(&lines)
        })
        .collect()
}

struct Run<'a> {
    server: &'a Server,
    clients: HashMap<char, Client>,
    /// Whether new connections sign in.
    signs_in: bool,
    /// `UIDVALIDITY` and `HIGHESTMODSEQ` as last told, and what was saved of them.
    known: HashMap<String, String>,
}

impl Run<'_> {
    fn step(&mut self, text: &str) -> std::io::Result<Vec<Line>> {
        if let Some(heading) = text.strip_prefix("= ") {
            self.clients.clear();
            self.signs_in = !heading.ends_with("(not signed in)");
            return Ok(Vec::new());
        }
        if let Some(name) = text.strip_prefix("@save ") {
            let value = self.known.get("M").cloned().unwrap_or_default();
            self.known.insert(name.to_owned(), value);
            return Ok(Vec::new());
        }
        if text == "@tidy" {
            self.tidy()?;
            return Ok(Vec::new());
        }
        if text == "@empty" {
            self.signs_in = true;
            self.clients.clear();
            let client = self.client('a')?;
            for command in [
                "SELECT INBOX",
                "STORE 1:* +FLAGS.SILENT (\\Deleted)",
                "CLOSE",
            ] {
                client.command(command.as_bytes())?;
            }
            return Ok(Vec::new());
        }
        let (which, text) = match text.strip_prefix("b: ") {
            Some(rest) => ('b', rest),
            None => ('a', text),
        };
        let command = self.filled(text);
        let client = self.client(which)?;
        let lines = if let Some(word) = text.strip_prefix("@until ") {
            client.until(word)?
        } else if let Some(rest) = command.strip_prefix(b"@raw ") {
            client.exchange(rest)?
        } else if text == "DONE" {
            client.exchange(b"DONE\r\n")?
        } else if text == "IDLE" {
            client.exchange(b"idle IDLE\r\n")?
        } else {
            client.command(&command)?
        };
        self.learn(&lines);
        let last = lines.last().map(Vec::as_slice).unwrap_or_default();
        let ok = String::from_utf8_lossy(last).contains(" OK");
        if last == b"closed" || text == "LOGOUT" {
            self.clients.remove(&which);
        } else if text.starts_with("APPEND ") && !ok {
            // Whether the rest of the command is taken for commands shows at once.
            let client = self.client(which)?;
            let next = client.exchange(b"next NOOP\r\n")?;
            if next.last().is_none_or(|last| !last.starts_with(b"next OK")) {
                self.clients.remove(&which);
                return Ok([lines, vec![b"* OUT OF STEP".to_vec()]].concat());
            }
        }
        Ok(lines)
    }

    /// Deletes every mailbox that is no special one, children first, and ends all subscriptions.
    fn tidy(&mut self) -> std::io::Result<()> {
        const SPECIAL: [&str; 6] = ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"];
        let client = self.client('a')?;
        let mut names = BTreeSet::new();
        for line in client.command(b"LIST \"\" *")? {
            let line = String::from_utf8_lossy(&line).into_owned();
            if let Some((_, name)) = line.split_once("\"/\" ") {
                names.insert(name.trim_matches('"').to_owned());
            }
        }
        for name in names.iter().rev() {
            client.command(format!("UNSUBSCRIBE \"{name}\"").as_bytes())?;
            if !SPECIAL.contains(&name.as_str()) {
                client.command(format!("DELETE \"{name}\"").as_bytes())?;
            }
        }
        Ok(())
    }

    fn client(&mut self, which: char) -> std::io::Result<&mut Client> {
        if !self.clients.contains_key(&which) {
            let (mut client, _) = Client::connect(&self.server.address)?;
            if !self.signs_in {
                return Ok(self.clients.entry(which).or_insert(client));
            }
            let login = format!(
                "LOGIN {} {}",
                self.server.user,
                quoted(&self.server.password)
            );
            let answer = client.command(login.as_bytes())?;
            let last = String::from_utf8_lossy(answer.last().unwrap()).into_owned();
            assert!(last.contains(" OK"), "{last}");
            self.clients.insert(which, client);
        }
        Ok(self.clients.get_mut(&which).unwrap())
    }

    fn learn(&mut self, lines: &[Line]) {
        for line in lines {
            let text = String::from_utf8_lossy(line).into_owned();
            for (name, key) in [("UIDVALIDITY ", "V"), ("HIGHESTMODSEQ ", "M")] {
                if let Some((_, rest)) = text.split_once(name) {
                    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
                    self.known.insert(key.to_owned(), number);
                }
            }
        }
    }

    /// With `⏎` for CRLF, `«hex»` for octets, `$mail(name)` for a literal, `$V`, `$M` and saved names for what the server told.
    fn filled(&self, text: &str) -> Vec<u8> {
        let mut filled = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let after = &rest[first.len_utf8()..];
            rest = after;
            match first {
                '⏎' => filled.extend(b"\r\n"),
                '«' => {
                    let (hex, after) = after.split_once('»').unwrap();
                    for pair in hex.as_bytes().chunks(2) {
                        filled.push(u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap());
                    }
                    rest = after;
                }
                '$' if after.starts_with("mail(") => {
                    let (name, after) = after[5..].split_once(')').unwrap();
                    let mail = mails::mail(name);
                    filled.extend(format!("{{{}}}\r\n", mail.len()).bytes());
                    filled.extend(mail);
                    rest = after;
                }
                '$' if after.starts_with("user") => {
                    filled.extend(self.server.user.bytes());
                    rest = &after[4..];
                }
                '$' if after.starts_with("password") => {
                    filled.extend(quoted(&self.server.password).bytes());
                    rest = &after[8..];
                }
                '$' if is_variable(after) => {
                    let value = self
                        .known
                        .get(&after[..1])
                        .unwrap_or_else(|| panic!("{text}: unknown"));
                    filled.extend(value.bytes());
                    rest = &after[1..];
                }
                other => filled.extend(other.to_string().bytes()),
            }
        }
        filled
    }
}

/// One capital letter.
fn is_variable(text: &str) -> bool {
    let mut characters = text.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_uppercase())
        && !characters.next().is_some_and(char::is_alphabetic)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
