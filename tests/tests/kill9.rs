//! kill -9 at random while LMTP and POP3 write: every acknowledged message and deletion is there, no unique id means two
//! messages, and `fsck` finds nothing.
//!
//! `FIELDPOST_KILL_ROUNDS` kills (20 unless told; the full run is 200).

#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use fieldpost_tests::{Demo, lmtp, pop3, programs};

const WRITERS: usize = 4;

/// What the clients were told about one account, over all rounds.
#[derive(Default)]
struct Ledger {
    /// Acknowledged deliveries, and not acknowledged as deleted.
    there: BTreeSet<String>,
    /// Deliveries that were under way when the server died: there or not, but never twice.
    open: BTreeSet<String>,
    /// Acknowledged deletions.
    gone: BTreeSet<String>,
    /// Deletions whose QUIT was under way when the server died.
    maybe_gone: BTreeSet<String>,
    /// Which message each unique id has ever meant.
    uids: HashMap<String, String>,
}

#[test]
fn nothing_acknowledged_is_lost_to_kill_9() {
    let rounds = std::env::var("FIELDPOST_KILL_ROUNDS").map_or(20, |text| text.parse().unwrap());
    let mut random = Random(0x5eed_f1e1);
    let directory = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(directory.path());
    let ledgers: Vec<Arc<Mutex<Ledger>>> = (0..2).map(|_| Arc::default()).collect();
    let serial = Arc::new(AtomicU64::new(0));
    for round in 0..rounds {
        // The moment is an event, not a time: the server dies with the n-th answer on its way.
        let fatal = 1 + random.below(60) as usize;
        write_until_killed(&mut demo, &ledgers, &serial, fatal);
        if round % 5 == 4 {
            fsck(&demo);
        }
        demo.start_again();
        for (number, ledger) in ledgers.iter().enumerate() {
            check(&demo, number, &mut ledger.lock().unwrap(), round);
        }
    }
    demo.stop();
    fsck(&demo);
    let kept: usize = ledgers
        .iter()
        .map(|ledger| ledger.lock().unwrap().there.len())
        .sum();
    println!(
        "{rounds} kills, {} deliveries begun, {kept} messages kept",
        serial.load(Ordering::Relaxed)
    );
    assert!(kept > 0, "nothing was ever acknowledged");
}

/// Lets the clients write and kills the server when `fatal` answers have come.
fn write_until_killed(
    demo: &mut Demo,
    ledgers: &[Arc<Mutex<Ledger>>],
    serial: &Arc<AtomicU64>,
    fatal: usize,
) {
    let answers = Arc::new(AtomicUsize::new(0));
    let dead = Arc::new(AtomicBool::new(false));
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let mut clients = Vec::new();
    for writer in 0..WRITERS {
        let account = writer % 2;
        let ledger = Arc::clone(&ledgers[account]);
        let (lmtp, recipient) = (demo.address("lmtp"), demo.account(account).0);
        let (serial, answers, dead, tell) =
            (serial.clone(), answers.clone(), dead.clone(), tell.clone());
        clients.push(thread::spawn(move || {
            let Ok(mut client) = lmtp::Client::connect(&lmtp) else {
                return;
            };
            while !dead.load(Ordering::Relaxed) {
                let id = format!("<{}@kill9.test>", serial.fetch_add(1, Ordering::Relaxed));
                ledger.lock().unwrap().open.insert(id.clone());
                let message = message(&id);
                match client.deliver("sender@kill9.test", &[&recipient], &message) {
                    Ok(replies) if replies[0].starts_with("250") => {
                        let mut ledger = ledger.lock().unwrap();
                        ledger.open.remove(&id);
                        ledger.there.insert(id);
                    }
                    Ok(replies) => panic!("{replies:?}"),
                    Err(_) => return,
                }
                count(&answers, fatal, &tell);
            }
        }));
    }
    for (account, ledger) in ledgers.iter().enumerate() {
        let (pop3, (user, password)) = (demo.address("pop3"), demo.account(account));
        let ledger = Arc::clone(ledger);
        let (answers, dead, tell) = (answers.clone(), dead.clone(), tell.clone());
        clients.push(thread::spawn(move || {
            while !dead.load(Ordering::Relaxed) {
                if delete_some(&pop3, &user, &password, &ledger).is_err() {
                    return;
                }
                count(&answers, fatal, &tell);
            }
        }));
    }
    told.recv().unwrap();
    demo.kill();
    dead.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().unwrap();
    }
}

fn count(answers: &AtomicUsize, fatal: usize, tell: &std::sync::mpsc::Sender<()>) {
    if answers.fetch_add(1, Ordering::Relaxed) + 1 == fatal {
        let _ = tell.send(());
    }
}

/// One POP3 session that deletes up to three of our messages.
fn delete_some(
    pop3: &str,
    user: &str,
    password: &str,
    ledger: &Mutex<Ledger>,
) -> std::io::Result<()> {
    let mut client = pop3::Client::sign_in(pop3, user, password)?;
    let known = ledger.lock().unwrap().uids.clone();
    let mut chosen = Vec::new();
    for (number, uid) in client.uidl()? {
        if chosen.len() == 3 {
            break;
        }
        // Messages seen in an earlier round, so that the deletion's fate can be told from the delivery's.
        if let Some(id) = known.get(&uid).filter(|id| id.ends_with("kill9.test>")) {
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
fn check(demo: &Demo, account: usize, ledger: &mut Ledger, round: u64) {
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
        *seen.entry(id).or_default() += 1;
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

fn fsck(demo: &Demo) {
    let config = demo.directory().join("fieldpost.toml");
    let output = programs::run(
        "fieldpost",
        Command::new(programs::fieldpost())
            .args(["fsck", "--config"])
            .arg(config),
    );
    programs::succeeded(&output);
}

/// From one to 200 KB, so that bodies lie both beside their commit and in segments of their own.
fn message(id: &str) -> Vec<u8> {
    let mut random = Random(id.bytes().fold(1u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(byte))
    }));
    let lines = match random.below(10) {
        0 => 3000,
        1..4 => 300,
        _ => 10,
    };
    let mut text = format!(
        "From: a@kill9.test\r\nTo: b@kill9.test\r\nSubject: kill\r\nMessage-ID: {id}\r\n\r\n"
    );
    for line in 0..lines {
        text.extend([
            &format!("{line} {:016x}{:016x}", random.next(), random.next()),
            "\r\n.dots lead here\r\n",
        ]);
    }
    text.into_bytes()
}

fn message_id(header: &[u8]) -> String {
    let header = String::from_utf8_lossy(header);
    let field = header.lines().find_map(|line| {
        line.strip_prefix("Message-ID: ")
            .or(line.strip_prefix("Message-Id: "))
    });
    field
        .unwrap_or_else(|| panic!("no Message-ID in {header}"))
        .trim()
        .to_owned()
}

/// splitmix64: the same kills for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
