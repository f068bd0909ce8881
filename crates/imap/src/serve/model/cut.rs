//! The power fails while sessions write: what was answered with OK is there afterwards, and each command that was not answered
//! has happened whole or not at all.

use std::{fmt::Write as _, sync::Arc};

use fieldpost_store::{
    disk::faulty::{Fault, FaultyDisk},
    embedded::{EmbeddedStore, IndexKind, Settings},
};

use super::{Random, sorted};
use crate::testing::{Client, Office, message};

/// Two mailboxes: the messages of each in the order of their uids, by number, with their flags.
#[derive(Clone, Debug, Default, PartialEq)]
struct Held([Vec<(u32, String)>; 2]);

/// A client that has two mailboxes of its own.
struct Writer {
    number: usize,
    client: Client,
    /// What was answered with OK.
    sure: Held,
    /// What there is if the last command happened though it was not answered.
    perhaps: Option<Held>,
    random: Random,
    next: u32,
}

impl Writer {
    async fn begin(office: &Office, number: usize, seed: u64) -> Self {
        let mut client = office.signed_in().await;
        for half in ["A", "B"] {
            client.ok(&format!("CREATE {half}{number}")).await;
        }
        client.ok(&format!("SELECT A{number}")).await;
        Self {
            number,
            client,
            sure: Held::default(),
            perhaps: None,
            random: Random(seed * 8 + number as u64 + 1),
            next: 0,
        }
    }

    /// Writes until something is not answered with OK, or for so many commands.
    async fn act(mut self, steps: usize) -> Self {
        for _ in 0..steps {
            let mut after = self.sure.clone();
            let number = self.number;
            let [here, there] = &mut after.0;
            let which = self.random.below(here.len());
            let place = which + 1;
            let command = match self.random.below(6) {
                0 if !here.is_empty() => {
                    here[which].1 = "\\Flagged".to_owned();
                    format!("STORE {place} FLAGS (\\Flagged)")
                }
                1 if !here.is_empty() => {
                    let (message, flags) = here[which].clone();
                    there.push((message, flags));
                    format!("COPY {place} B{number}")
                }
                2 if !here.is_empty() => {
                    there.push(here.remove(which));
                    format!("MOVE {place} B{number}")
                }
                3 if !here.is_empty() => {
                    // Two commits, and two commands: the second takes away all that is marked.
                    here[which].1 = "\\Deleted".to_owned();
                    format!("STORE {place} FLAGS (\\Deleted)")
                }
                4 if !here.is_empty() => {
                    here.retain(|(_, flags)| flags != "\\Deleted");
                    "EXPUNGE".to_owned()
                }
                _ => {
                    // Two messages at once are there both or not at all.
                    let mut command = format!("APPEND A{number}");
                    for _ in 0..=self.random.below(2) {
                        let text = message(&self.next.to_string(), "x");
                        let size = text.len();
                        let _ = write!(command, " (\\Seen) {{{size}+}}\r\n{text}");
                        here.push((self.next, "\\Seen".to_owned()));
                        self.next += 1;
                    }
                    command
                }
            };
            let (_, answer) = self.client.asks(&command).await;
            if !answer.starts_with("OK") {
                assert!(answer.starts_with("NO ["), "{command}: {answer}");
                self.perhaps = Some(after);
                return self;
            }
            self.sure = after;
        }
        self
    }
}

async fn held(office: &Office, number: usize) -> Held {
    let mut client = office.signed_in().await;
    let mut held = Held::default();
    for (half, into) in ["A", "B"].into_iter().zip(&mut held.0) {
        client.ok(&format!("SELECT {half}{number}")).await;
        let told = client
            .ok("UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            .await;
        for response in told {
            let flags = response.split_once("FLAGS (").unwrap().1;
            let subject = response.split_once("Subject: ").unwrap().1;
            into.push((
                subject.split("\r\n").next().unwrap().parse().unwrap(),
                sorted(flags.split(')').next().unwrap()),
            ));
        }
    }
    held
}

async fn round(seed: u64) -> bool {
    let disk = FaultyDisk::new(seed);
    let open = |disk: &FaultyDisk| {
        let settings = Settings {
            index: IndexKind::Memory,
            segment_bytes: 64 * 1024,
            inline_limit: 200,
            reserve_bytes: 0,
            background: false,
            ..Settings::default()
        };
        EmbeddedStore::open_on(Arc::new(disk.clone()), settings).unwrap()
    };
    let office = Office::over(open(&disk), |_| ()).await;
    let mut writers = Vec::new();
    for number in 0..3 {
        writers.push(Writer::begin(&office, number, seed).await);
    }
    disk.inject(seed * 7 % 150, Fault::Crash);
    let acting: Vec<_> = writers
        .into_iter()
        .map(|writer| tokio::spawn(writer.act(60)))
        .collect();
    let mut writers = Vec::new();
    for writer in acting {
        writers.push(writer.await.unwrap());
    }
    drop(office);
    let office = Office::over(open(&disk.power_cut()), |_| ()).await;
    for writer in &writers {
        let held = held(&office, writer.number).await;
        assert!(
            held == writer.sure || Some(&held) == writer.perhaps.as_ref(),
            "seed {seed}: {held:#?}\nnot {:#?}\nand not {:#?}",
            writer.sure,
            writer.perhaps
        );
    }
    writers.iter().any(|writer| writer.perhaps.is_some())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_power_cut_while_sessions_write() {
    let rounds = std::env::var("FIELDPOST_FAULT_ROUNDS").map_or(20, |text| text.parse().unwrap());
    let mut cut_short = 0;
    for seed in 1..=rounds {
        cut_short += u64::from(Box::pin(round(seed)).await);
    }
    assert!(cut_short > rounds / 2, "the power hardly ever failed");
}
