//! LMTP and POP3 clients, and what they were told.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use fieldpost_tests::{Demo, lmtp, pop3};

use crate::{Events, message, message_id};

/// What the clients were told about one account, over all rounds.
#[derive(Default)]
pub struct Ledger {
    /// Acknowledged deliveries, and not acknowledged as deleted.
    pub there: BTreeSet<String>,
    /// Deliveries that were under way when the server died: there or not, but never twice.
    open: BTreeSet<String>,
    /// Acknowledged deletions.
    gone: BTreeSet<String>,
    /// Deletions whose QUIT was under way when the server died.
    maybe_gone: BTreeSet<String>,
    /// Which message each unique id has ever meant.
    uids: HashMap<String, String>,
}

/// Delivers one message after the other.
pub fn deliver(
    lmtp: &str,
    recipient: &str,
    ledger: &Mutex<Ledger>,
    serial: &AtomicU64,
    events: &Events,
) -> io::Result<()> {
    let mut client = lmtp::Client::connect(lmtp)?;
    while events.go_on() {
        let id = format!("<{}{DELIVERED}", serial.fetch_add(1, Ordering::Relaxed));
        ledger.lock().unwrap().open.insert(id.clone());
        let replies = client.deliver("sender@kill9.test", &[recipient], &message(&id))?;
        assert!(replies[0].starts_with("250"), "{replies:?}");
        let mut ledger = ledger.lock().unwrap();
        ledger.open.remove(&id);
        ledger.there.insert(id);
        drop(ledger);
        events.count();
    }
    Ok(())
}

/// Deletes what an earlier round has seen, in one POP3 session after the other.
pub fn delete(
    pop3: &str,
    (user, password): &(String, String),
    ledger: &Mutex<Ledger>,
    events: &Events,
) -> io::Result<()> {
    while events.go_on() {
        delete_some(pop3, user, password, ledger)?;
        events.count();
    }
    Ok(())
}

/// One POP3 session that deletes up to ten of the delivered messages.
fn delete_some(pop3: &str, user: &str, password: &str, ledger: &Mutex<Ledger>) -> io::Result<()> {
    let mut client = pop3::Client::sign_in(pop3, user, password)?;
    let known = ledger.lock().unwrap().uids.clone();
    let mut chosen = Vec::new();
    for (number, uid) in client.uidl()? {
        if chosen.len() == 10 {
            break;
        }
        // Messages seen in an earlier round, so that the deletion's fate can be told from the delivery's.
        if let Some(id) = known.get(&uid).filter(|id| id.ends_with(DELIVERED)) {
            client.command(&format!("DELE {number}"))?;
            chosen.push(id.clone());
        }
    }
    ledger
        .lock()
        .unwrap()
        .maybe_gone
        .extend(chosen.iter().cloned());
    client.quit()?;
    let mut ledger = ledger.lock().unwrap();
    for id in chosen {
        ledger.maybe_gone.remove(&id);
        ledger.there.remove(&id);
        ledger.gone.insert(id);
    }
    Ok(())
}

/// Compares what a POP3 client sees with what the clients were told.
pub fn check(demo: &Demo, account: usize, ledger: &mut Ledger, round: u64) {
    let (user, password) = demo.account(account);
    let mut client = pop3::Client::sign_in(&demo.address("pop3"), &user, &password).unwrap();
    let listing = client.uidl().unwrap();
    let numbers: Vec<u32> = listing.iter().map(|(number, _)| *number).collect();
    let headers = client.tops(&numbers).unwrap();
    client.quit().unwrap();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for ((_, uid), header) in listing.into_iter().zip(headers) {
        let id = message_id(&header);
        let meant = ledger.uids.entry(uid.clone()).or_insert_with(|| id.clone());
        assert_eq!(
            *meant, id,
            "round {round}: unique id {uid} means another message than before"
        );
        // Others are in IMAP's ledger.
        if id.ends_with(DELIVERED) {
            *seen.entry(id).or_default() += 1;
        }
    }
    for (id, times) in &seen {
        assert_eq!(*times, 1, "round {round}: {id} is there {times} times");
        assert!(
            !ledger.gone.contains(id),
            "round {round}: {id} came back from the dead"
        );
    }
    for id in &ledger.there {
        let excused = ledger.maybe_gone.contains(id);
        assert!(
            seen.contains_key(id) || excused,
            "round {round}: {id} was acknowledged and is lost"
        );
    }
    // What was open is now known, one way or the other.
    for id in std::mem::take(&mut ledger.open) {
        if seen.contains_key(&id) {
            ledger.there.insert(id);
        }
    }
    for id in std::mem::take(&mut ledger.maybe_gone) {
        if !seen.contains_key(&id) {
            ledger.there.remove(&id);
            ledger.gone.insert(id);
        }
    }
}

/// How the Message-IDs of deliveries end.
pub const DELIVERED: &str = "@kill9.test>";
