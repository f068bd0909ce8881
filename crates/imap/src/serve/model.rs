//! Many sessions on one mailbox at the same time, each with a client that believes every word it is told: after any history all clients
//! hold what the server holds, and none was told what it must not be told.

mod cut;
mod waiting;

use std::collections::BTreeMap;

use fieldpost_mailbox::{Flags, Row};

use crate::testing::{Client, Office, message};

/// What a client knows: the messages by sequence number less one, with uid and flags as far as it was told.
#[derive(Debug, Default)]
struct Known {
    messages: Vec<(Option<u32>, Option<String>)>,
    /// Whether it is told by VANISHED.
    qresync: bool,
}

impl Known {
    /// Takes a response in. `shifts`: messages may leave now.
    fn hear(&mut self, response: &str, shifts: bool) {
        let rest = response
            .strip_prefix("* ")
            .unwrap_or_else(|| panic!("{response}"));
        if let Some(set) = rest.strip_prefix("VANISHED ") {
            assert!(shifts && self.qresync, "{response} now");
            for uid in uids(set) {
                let at = self
                    .messages
                    .iter()
                    .position(|(known, _)| *known == Some(uid));
                // It may have gone before the client asked for its uid: then it is one of those without.
                let unknown = || self.messages.iter().rposition(|(known, _)| known.is_none());
                let at = at.or_else(unknown);
                self.messages
                    .remove(at.unwrap_or_else(|| panic!("{response}: no {uid} in {self:?}")));
            }
            return;
        }
        let Some((number, what)) = rest.split_once(' ') else {
            return;
        };
        let Ok(number) = number.parse::<usize>() else {
            return;
        };
        if what == "EXPUNGE" {
            assert!(shifts && !self.qresync, "{response} now");
            assert!(
                number <= self.messages.len(),
                "{response} of {}",
                self.messages.len()
            );
            self.messages.remove(number - 1);
        } else if what == "EXISTS" {
            assert!(
                number >= self.messages.len(),
                "{response} of {}",
                self.messages.len()
            );
            self.messages.resize(number, (None, None));
        } else if let Some(data) = what.strip_prefix("FETCH (") {
            assert!(
                number <= self.messages.len(),
                "{response} of {}",
                self.messages.len()
            );
            let (uid, flags) = &mut self.messages[number - 1];
            if let Some(told) = value(data, "UID ") {
                let told = told.parse().unwrap();
                assert!(
                    uid.is_none_or(|known| known == told),
                    "{response}: it was {uid:?}"
                );
                *uid = Some(told);
            }
            if let Some(start) = data.find("FLAGS (") {
                let told = &data[start + 7..];
                *flags = Some(sorted(&told[..told.find(')').unwrap()]));
            }
        }
    }
}

fn value<'a>(data: &'a str, name: &str) -> Option<&'a str> {
    let start = data.find(name)? + name.len();
    data[start..].split([' ', ')']).next()
}

fn uids(set: &str) -> Vec<u32> {
    set.split(',')
        .flat_map(|range| {
            let (one, other) = range.split_once(':').unwrap_or((range, range));
            one.parse::<u32>().unwrap()..=other.parse().unwrap()
        })
        .collect()
}

/// Flags in an order of their own, `\Recent` aside, which is nobody's business here.
fn sorted(flags: &str) -> String {
    let mut flags: Vec<_> = flags
        .split_whitespace()
        .filter(|flag| *flag != "\\Recent")
        .collect();
    flags.sort_unstable();
    flags.join(" ")
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// One client: what it says next, and what it makes of the answer.
struct Actor {
    client: Client,
    known: Known,
    random: Random,
}

impl Actor {
    async fn act(&mut self, steps: usize) {
        for _ in 0..steps {
            let count = self.known.messages.len();
            let number = 1 + self.random.below(count);
            let other = 1 + self.random.below(count);
            let uid = 1 + self.random.below(40);
            let flag = self.random.of(&[
                "\\Seen",
                "\\Flagged",
                "\\Deleted",
                "\\Deleted",
                "$Work",
                "$Later",
            ]);
            let how = self.random.of(&[
                "+FLAGS",
                "-FLAGS",
                "FLAGS",
                "+FLAGS.SILENT",
                "-FLAGS.SILENT",
            ]);
            let command = match self.random.below(13) {
                0 => "NOOP".to_owned(),
                1 => "EXPUNGE".to_owned(),
                2 => "UID EXPUNGE 1:*".to_owned(),
                3 if count > 0 => format!("FETCH {number}:{other} (UID FLAGS)"),
                4 => format!("UID FETCH {uid}:* (FLAGS)"),
                5 | 6 if count > 0 => format!("STORE {number}:{other} {how} ({flag})"),
                7 => format!("UID STORE {uid}:* {how} ({flag})"),
                8 if count > 0 => format!("COPY {number} INBOX"),
                9 => format!(
                    "SEARCH {number}:* {}",
                    self.random.of(&["SEEN", "ALL", "DELETED"])
                ),
                10 => {
                    self.append().await;
                    continue;
                }
                11 => {
                    self.idle().await;
                    continue;
                }
                12 => format!("UID MOVE {uid} INBOX"),
                _ => "CHECK".to_owned(),
            };
            if let Some(flags) = command.contains("SILENT").then_some((how, flag)) {
                self.silent(&command, flags).await;
            } else {
                self.says(&command).await;
            }
        }
    }

    async fn says(&mut self, command: &str) {
        let (told, tagged) = self.client.asks(command).await;
        let by_number = ["FETCH", "STORE", "SEARCH"]
            .iter()
            .any(|verb| command.starts_with(verb));
        for response in &told {
            self.known.hear(response, !by_number);
        }
        let is_gone = tagged.starts_with("NO [EXPUNGEISSUED]");
        assert!(tagged.starts_with("OK") || is_gone, "{command}: {tagged}");
        self.look_at_new(&told).await;
    }

    /// After `.SILENT` a client takes the flags for set where it is told nothing else.
    async fn silent(&mut self, command: &str, (how, flag): (&str, &str)) {
        let before: Vec<_> = self.known.messages.clone();
        let set = command.split(' ').find(|word| word.contains(':')).unwrap();
        let (one, other) = set.split_once(':').unwrap();
        let by_uid = command.starts_with("UID");
        let one: u32 = one.parse().unwrap();
        let other: u32 = other.parse().unwrap_or(u32::MAX);
        let last = before.iter().filter_map(|(uid, _)| *uid).max().unwrap_or(0);
        let (low, high) = if by_uid && other == u32::MAX {
            (one.min(last), u32::MAX)
        } else {
            (one.min(other), one.max(other))
        };
        for (at, (uid, flags)) in self.known.messages.iter_mut().enumerate() {
            let place = if by_uid {
                uid.unwrap_or(0)
            } else {
                at as u32 + 1
            };
            if (low..=high).contains(&place)
                && let Some(flags) = flags
            {
                let mut set: Vec<&str> = flags
                    .split_whitespace()
                    .filter(|known| *known != flag)
                    .collect();
                if how.starts_with('+') {
                    set.push(flag);
                }
                *flags = sorted(&set.join(" "));
            }
        }
        self.says(command).await;
    }

    /// Asks for what the client knows nothing of.
    async fn look_at_new(&mut self, told: &[String]) {
        if !told.iter().any(|response| response.ends_with("EXISTS")) {
            return;
        }
        let Some(first) = self
            .known
            .messages
            .iter()
            .position(|(uid, _)| uid.is_none())
        else {
            return;
        };
        let (told, _) = self
            .client
            .asks(&format!("FETCH {}:* (UID FLAGS)", first + 1))
            .await;
        for response in &told {
            self.known.hear(response, false);
        }
        Box::pin(self.look_at_new(&told)).await;
    }

    async fn append(&mut self) {
        let text = message("appended", "x");
        self.client
            .sends(format!("p APPEND INBOX {{{}+}}\r\n{text}\r\n", text.len()))
            .await;
        let (told, tagged) = self.client.until("p").await;
        assert!(tagged.starts_with("OK"), "{tagged}");
        for response in &told {
            self.known.hear(response, true);
        }
        self.look_at_new(&told).await;
    }

    /// IDLE until something is heard, or at once ended.
    async fn idle(&mut self) {
        self.client.sends("i IDLE\r\nDONE\r\n").await;
        let (told, tagged) = self.client.until("i").await;
        assert_eq!(tagged, "OK Idle ended");
        for response in told.iter().filter(|response| !response.starts_with('+')) {
            self.known.hear(response, true);
        }
        self.look_at_new(&told).await;
    }
}

fn shown(row: &Row, keywords: &[String]) -> (u32, String) {
    let mut flags: Vec<&str> = [
        (Flags::SEEN, "\\Seen"),
        (Flags::FLAGGED, "\\Flagged"),
        (Flags::DELETED, "\\Deleted"),
    ]
    .into_iter()
    .filter(|(flag, _)| row.flags.contains(*flag))
    .map(|(_, name)| name)
    .collect();
    flags.extend(keywords.iter().map(String::as_str));
    (row.uid, sorted(&flags.join(" ")))
}

async fn round(seed: u64) {
    let office = Office::open().await;
    let mut random = Random(seed * 2 + 1);
    for number in 0..random.below(8) {
        office.deliver(message(&format!("m {number}"), "x")).await;
    }
    let mut actors = Vec::new();
    for number in 0..4 {
        let mut client = office.signed_in().await;
        let qresync = number % 2 == 1;
        if qresync {
            client.ok("ENABLE QRESYNC").await;
        }
        let mut known = Known {
            qresync,
            ..Known::default()
        };
        for response in client.ok("SELECT INBOX").await {
            known.hear(&response, true);
        }
        for response in client.ok("FETCH 1:* (UID FLAGS)").await {
            known.hear(&response, false);
        }
        actors.push(Actor {
            client,
            known,
            random: Random(random.below(usize::MAX / 2) as u64 * 2 + 1),
        });
    }
    let [one, two, three, four] = actors.as_mut_slice() else {
        unreachable!("four actors")
    };
    tokio::join!(one.act(25), two.act(25), three.act(25), four.act(25));
    let labels = office.mailbox.labels().await.unwrap();
    let view = office.mailbox.view(office.inbox).await.unwrap();
    let held: BTreeMap<u32, String> = view
        .rows()
        .map(|row| {
            let keywords: Vec<String> = labels.keywords(row.labels).map(str::to_owned).collect();
            shown(row, &keywords)
        })
        .collect();
    for (number, actor) in actors.iter_mut().enumerate() {
        actor.says("NOOP").await;
        actor.client.tells("NOOP", &[]).await;
        let known: Vec<(u32, String)> = actor
            .known
            .messages
            .iter()
            .map(|(uid, flags)| (uid.unwrap(), flags.clone().unwrap()))
            .collect();
        assert!(
            known
                .iter()
                .map(|(uid, flags)| (uid, flags))
                .eq(held.iter()),
            "seed {seed}, client {number}: {known:#?}, not {held:#?}"
        );
    }
}

#[tokio::test]
async fn all_clients_hold_what_the_server_holds() {
    let rounds = std::env::var("FIELDPOST_FAULT_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(20);
    for seed in 1..=rounds {
        Box::pin(round(seed)).await;
    }
}
