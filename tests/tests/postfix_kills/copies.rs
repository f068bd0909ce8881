//! The copies that arrived, and what their trace fields tell.

use std::collections::HashMap;

use fieldpost_tests::{Demo, pop3, postfix::Postfix};

use crate::mail;

/// A copy of a message.
#[derive(Clone, Debug)]
pub struct Copy {
    /// Its `Received` fields, the last one first.
    pub trace: Vec<Trace>,
}

/// What a `Received` field tells.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Trace {
    /// What the client called itself.
    pub from: String,
    /// The server.
    pub by: String,
    /// Its name for the transaction, or the message.
    pub id: String,
}

/// The copies in one mailbox, by the name of the try.
#[derive(Debug, Default)]
pub struct Copies(HashMap<String, Vec<Copy>>);

impl Copies {
    /// Those of a try.
    pub fn of(&self, name: &str) -> &[Copy] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Reads a message, and demands that it is whole. What is none of the test's is passed over.
    pub fn add(&mut self, message: &str) {
        let message = message.replace("\r\n", "\n");
        let (header, body) = message.split_once("\n\n").unwrap();
        let Some(name) = header
            .lines()
            .find_map(|line| line.strip_prefix("Subject: try "))
        else {
            return;
        };
        let number = name.split_once('.').unwrap().0.parse().unwrap();
        let sent = mail::text(name, number, "").replace("\r\n", "\n");
        assert_eq!(sent.split_once("\n\n").unwrap().1, body, "{name}");
        let unfolded = header.replace("\n\t", " ").replace("\n ", " ");
        let trace = unfolded
            .lines()
            .filter_map(|line| line.strip_prefix("Received: "))
            .map(Trace::read)
            .collect();
        self.0
            .entry(name.to_owned())
            .or_default()
            .push(Copy { trace });
    }
}

impl Trace {
    fn read(field: &str) -> Self {
        let mut trace = Self::default();
        let mut words = field.split_ascii_whitespace();
        while let Some(word) = words.next() {
            let place = match word {
                "from" => &mut trace.from,
                "by" => &mut trace.by,
                "id" => &mut trace.id,
                _ => continue,
            };
            if place.is_empty() {
                let word = words.next().unwrap_or_default();
                word.trim_end_matches(';').clone_into(place);
            }
        }
        trace
    }
}

/// The number in `lifeN.…`.
pub fn life(name: &str) -> usize {
    let number = name
        .strip_prefix("life")
        .and_then(|name| name.split('.').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("{name} tells no life"))
}

/// What the accounts have.
pub fn ours(demo: &Demo) -> [Copies; 2] {
    [0, 1].map(|account| {
        let (address, password) = demo.account(account);
        let mut client = pop3::Client::sign_in(&demo.address("pop3"), &address, &password).unwrap();
        let mut copies = Copies::default();
        for (number, _) in client.uidl().unwrap() {
            let message = client.retr(number).unwrap();
            copies.add(&String::from_utf8_lossy(&message));
        }
        client.quit().unwrap();
        copies
    })
}

/// What arrived behind, by address.
pub fn far(behind: &Postfix) -> HashMap<&'static str, Copies> {
    ["u1", "u2", "u3"]
        .into_iter()
        .zip(["u1@far.test", "u2@far.test", "u3@far.test"])
        .map(|(user, address)| {
            let mut copies = Copies::default();
            for message in behind.mail(user) {
                copies.add(&message);
            }
            (address, copies)
        })
        .collect()
}
