//! Clients that really wait in IDLE, on the store of every day, where commits, what is told of them, and the waiting run on
//! threads of their own: every change is told within a bound, one at a time, so that no later one makes up for it.

use std::sync::Arc;

use fieldpost_store::{
    disk::FaultyDisk,
    embedded::{EmbeddedStore, IndexKind, Settings},
};

use super::{Known, Random, sorted};
use crate::testing::{Client, Office, message};

/// A client in IDLE.
struct Waiting {
    client: Client,
    known: Known,
}

impl Waiting {
    async fn begin(office: &Office, qresync: bool) -> Self {
        let mut client = office.signed_in().await;
        let mut known = Known {
            qresync,
            ..Known::default()
        };
        if qresync {
            client.ok("ENABLE QRESYNC").await;
        }
        for response in client.ok("SELECT INBOX").await {
            known.hear(&response, true);
        }
        client.sends("i IDLE\r\n").await;
        assert!(client.line().await.starts_with('+'));
        Self { client, known }
    }

    /// Hears what is told until it is so; a client that is not told waits in vain, and that is an error.
    async fn until(&mut self, is_so: impl Fn(&Known) -> bool) {
        while !is_so(&self.known) {
            let response = self.client.line().await;
            self.known.hear(&response, true);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_waiting_client_is_told_of_every_change() {
    let changes =
        std::env::var("FIELDPOST_FAULT_ROUNDS").map_or(20, |text| text.parse().unwrap()) * 20;
    let settings = Settings {
        index: IndexKind::Memory,
        background: false,
        ..Settings::default()
    };
    let store = EmbeddedStore::open_on(Arc::new(FaultyDisk::new(1)), settings).unwrap();
    let office = Office::over(store, |_| ()).await;
    let mut waiting = Vec::new();
    for number in 0..4 {
        waiting.push(Waiting::begin(&office, number % 2 == 1).await);
    }
    let mut writer = office.selected().await;
    let mut random = Random(7);
    let mut count = 0;
    for number in 0..changes {
        let mut arrived = None;
        let flagged = match random.below(4) {
            0 if count > 0 => {
                let which = 1 + random.below(count);
                writer
                    .ok(&format!("STORE {which} +FLAGS.SILENT (\\Deleted)"))
                    .await;
                writer.ok("EXPUNGE").await;
                count -= 1;
                None
            }
            1 if count > 0 => {
                let which = 1 + random.below(count);
                let flag = format!("$Change{}", number % 50);
                writer.ok(&format!("STORE {which} FLAGS ({flag})")).await;
                Some((which, sorted(&flag)))
            }
            _ => {
                arrived = Some(office.deliver(message(&format!("m {number}"), "x")).await);
                writer.ok("NOOP").await;
                count += 1;
                None
            }
        };
        for one in &mut waiting {
            one.until(|known| {
                known.messages.len() == count
                    && flagged.as_ref().is_none_or(|(which, flags)| {
                        known.messages[which - 1].1.as_ref() == Some(flags)
                    })
            })
            .await;
            if arrived.is_some()
                && let Some(last) = one.known.messages.last_mut()
            {
                // As by a FETCH, for which it would have to leave IDLE.
                last.0 = arrived;
            }
        }
    }
}
