//! kill -9 at random while LMTP, POP3, IMAP and ActiveSync write: every acknowledged message, flag, copy, move and deletion is
//! there, no unique id means two messages, a client that comes back is told what it needs, and `fsck` finds nothing.
//!
//! `FIELDPOST_KILL_ROUNDS` kills (20 unless told; the full run is 200).

#![allow(clippy::unwrap_used)]

mod checker;
mod mail;
mod phones;
mod reader;
mod registry;
mod state;
mod writer;

use std::{
    collections::BTreeMap,
    io,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use fieldpost_tests::{Demo, programs};

const ACCOUNTS: usize = 2;
/// LMTP clients an account.
const DELIVERERS: usize = 2;
/// IMAP sessions an account that write.
const SESSIONS: usize = 3;

/// What all clients of one account were told.
#[derive(Default)]
struct Account {
    mail: Mutex<mail::Ledger>,
    sessions: Vec<Mutex<writer::Ledger>>,
    registry: Mutex<registry::Registry>,
    phones: Vec<Mutex<phones::Ledger>>,
}

#[test]
fn nothing_acknowledged_is_lost_to_kill_9() {
    let rounds = std::env::var("FIELDPOST_KILL_ROUNDS").map_or(20, |text| text.parse().unwrap());
    let mut random = Random(0x5eed_f1e1);
    let directory = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(directory.path());
    let accounts: Vec<Arc<Account>> = (0..ACCOUNTS)
        .map(|number| {
            let mut account = writer::prepare(&demo, number);
            account.phones = phones::prepare(&demo, number);
            Arc::new(account)
        })
        .collect();
    let serial = Arc::new(AtomicU64::new(0));
    for round in 0..rounds {
        // The moment is an event, not a time: the server dies with the n-th command or answer on its way.
        let fatal = 1 + random.below(MOST_EVENTS) as usize;
        write_until_killed(&mut demo, &accounts, &serial, fatal, round);
        if round % 5 == 4 {
            fsck(&demo);
        }
        demo.start_again();
        println!("round {round}: killed with event {fatal}");
        for (number, account) in accounts.iter().enumerate() {
            mail::check(&demo, number, &mut account.mail.lock().unwrap(), round);
            // Some phones are behind by several kills.
            let is_last = round + 1 == rounds;
            let whose_turn = |phone| is_last || phone as u64 == round % (2 * phones::PHONES as u64);
            phones::check(&demo, number, &account.phones, whose_turn);
            checker::check(&demo, number, account, round);
        }
    }
    demo.stop();
    fsck(&demo);
    let mut kept = 0;
    let mut tallies: BTreeMap<&str, writer::Tally> = BTreeMap::new();
    for account in &accounts {
        kept += account.mail.lock().unwrap().there.len();
        for session in &account.sessions {
            for (name, tally) in &session.lock().unwrap().tallies {
                let all = tallies.entry(name).or_default();
                all.acknowledged += tally.acknowledged;
                all.happened += tally.happened;
                all.dropped += tally.dropped;
            }
        }
    }
    println!(
        "{rounds} kills, {} deliveries begun, {kept} messages kept",
        serial.load(Ordering::Relaxed)
    );
    for (name, tally) in &tallies {
        println!("{name}: {tally:?}");
    }
    let phones = accounts.iter().flat_map(|account| &account.phones);
    let told: Vec<phones::Tally> = phones.map(|phone| phone.lock().unwrap().tally).collect();
    println!("phones: {told:?}");
    // A key may be refused after a kill; where that is the rule nothing is kept.
    let is_kept = |tally: &phones::Tally| tally.refused_keys * 10 <= tally.answers;
    assert!(told.iter().all(is_kept), "{told:?}");
    assert!(rounds < 20 || told.iter().all(|tally| tally.deeds > 0 && tally.pings > 0));
    assert!(kept > 0, "nothing was ever acknowledged");
    let is_tried = |name: &str| {
        tallies
            .get(name)
            .is_some_and(|tally| tally.acknowledged > 0)
    };
    assert!(rounds < 20 || COMMANDS.iter().all(|name| is_tried(name)));
}

/// Lets the clients write and kills the server when `fatal` events have come.
fn write_until_killed(
    demo: &mut Demo,
    accounts: &[Arc<Account>],
    serial: &Arc<AtomicU64>,
    fatal: usize,
    round: u64,
) {
    let (tell, told) = mpsc::channel();
    let events = Events {
        count: Arc::default(),
        fatal,
        tell,
        dead: Arc::default(),
    };
    let mut clients = Vec::new();
    let mut start = |client: Client| {
        let events = events.clone();
        clients.push(thread::spawn(move || {
            let result = client(&events);
            // That the connection breaks is what is waited for, but not before.
            assert!(result.is_ok() || events.is_over(), "{result:?}");
        }));
    };
    for (number, account) in accounts.iter().enumerate() {
        let user = demo.account(number);
        for _ in 0..DELIVERERS {
            let (lmtp, user) = (demo.address("lmtp"), user.clone());
            let (account, serial) = (account.clone(), serial.clone());
            start(Box::new(move |events| {
                mail::deliver(&lmtp, &user.0, &account.mail, &serial, events)
            }));
        }
        let (pop3, at, by) = (demo.address("pop3"), account.clone(), user.clone());
        start(Box::new(move |events| {
            mail::delete(&pop3, &by, &at.mail, events)
        }));
        for session in 0..SESSIONS {
            let (imap, account, user) = (demo.address("imap"), account.clone(), user.clone());
            let random = Random(round * 100 + (number * SESSIONS + session) as u64);
            start(Box::new(move |events| {
                writer::write(&imap, &user, &account, session, random, events)
            }));
        }
        for phone in 0..phones::PHONES {
            let account = account.clone();
            let random = Random(round * 1000 + (number * phones::PHONES + phone) as u64);
            start(Box::new(move |events| {
                phones::synchronise(&account.phones[phone], random, events)
            }));
        }
        let (imap, account) = (demo.address("imap"), account.clone());
        start(Box::new(move |events| {
            reader::read(&imap, &user, &account.registry, events)
        }));
    }
    let dead = events.dead.clone();
    // If no client is left, there is nothing to wait for.
    drop(events);
    let is_killed_in_time = told.recv().is_ok();
    demo.kill();
    dead.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().unwrap();
    }
    assert!(is_killed_in_time, "all clients stopped before the server");
}

/// Works until its connection breaks.
type Client = Box<dyn FnOnce(&Events) -> io::Result<()> + Send>;

/// What happens at the clients; one of it is the server's end.
#[derive(Clone)]
struct Events {
    count: Arc<AtomicUsize>,
    fatal: usize,
    tell: mpsc::Sender<()>,
    dead: Arc<AtomicBool>,
}

impl Events {
    /// A command is on its way, or an answer has come.
    fn count(&self) {
        if self.count.fetch_add(1, Ordering::Relaxed) + 1 == self.fatal {
            let _ = self.tell.send(());
        }
    }

    /// Whether the server may be dead.
    fn is_over(&self) -> bool {
        self.count.load(Ordering::Relaxed) >= self.fatal
    }

    fn go_on(&self) -> bool {
        !self.dead.load(Ordering::Relaxed)
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

/// From one to 200 KB, so that bodies lie both beside their commit and in segments of their own. The octets follow from the id.
fn message(id: &str) -> Vec<u8> {
    let mut random = Random(id.bytes().fold(1u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(byte))
    }));
    let lines = match random.below(10) {
        0 => 3000,
        1..4 => 300,
        _ => 10,
    };
    // IMAP's are many, and read whole after each kill.
    let lines = if id.ends_with(mail::DELIVERED) {
        lines
    } else {
        lines / 5
    };
    let mut text = format!(
        "From: a@kill9.test\r\nTo: b@kill9.test\r\nSubject: kill {id}\r\nMessage-ID: {id}\r\n\r\n"
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

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        (!from.is_empty()).then(|| &from[self.below(from.len() as u64) as usize])
    }
}

/// The server lives for so many events at most.
const MOST_EVENTS: u64 = 500;

/// What a run of the usual length must have tried.
const COMMANDS: [&str; 10] = [
    "APPEND",
    "MULTIAPPEND",
    "STORE",
    "COPY",
    "MOVE",
    "EXPUNGE",
    "UID EXPUNGE",
    "CREATE",
    "RENAME",
    "DELETE",
];
