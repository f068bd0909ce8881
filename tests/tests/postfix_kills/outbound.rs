//! From our queue to the Postfix behind: each copy there against what we logged.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use fieldpost_tests::queue;

use crate::{
    copies::{Copies, Copy, Trace, life},
    mail::{Ledger, Try},
};

/// Connections to the smarthost at once.
pub const CONNECTIONS: usize = 6;

/// What we logged of the queue.
#[derive(Debug, Default)]
pub struct Log {
    lives: Vec<Life>,
}

/// What we logged in one life.
#[derive(Debug, Default)]
struct Life {
    /// By the next hop's id: the entry that went, and how many went before it in this life.
    relayed: HashMap<String, (String, usize)>,
    /// How often the connection failed under an entry and a recipient.
    broken: HashMap<(String, String), usize>,
}

impl Log {
    /// Reads what it said in each life.
    pub fn read(logs: &[Vec<String>]) -> Self {
        let mut lives = Vec::new();
        for lines in logs {
            let mut life = Life::default();
            for line in lines.iter().filter_map(|line| queue::Line::read(line)) {
                match line.message() {
                    "relayed" => {
                        let before = life.relayed.len();
                        let id = line.field("reply").rsplit(' ').next().unwrap();
                        life.relayed.insert(id.to_owned(), (line.entry(), before));
                    }
                    queue::AGAIN if line.field("refusal").contains("4.4.2") => {
                        let key = (line.entry(), line.field("recipient").to_owned());
                        *life.broken.entry(key).or_default() += 1;
                    }
                    queue::AGAIN | "delivered from the queue" => {}
                    _ => panic!("{line:?}"),
                }
            }
            lives.push(life);
        }
        Self { lives }
    }
}

/// What the copies came to.
#[derive(Debug, Default)]
pub struct Figures {
    messages: usize,
    doubled: usize,
    lost: usize,
    cut: usize,
    forgotten: usize,
    again: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} transactions, {} tries more than once; without a reply to us: {} (connection lost), {} (we were killed); \
             killed before we had written the reply down: {}; put twice into a Maildir by a killed Postfix: {}",
            self.messages, self.doubled, self.lost, self.cut, self.forgotten, self.again
        )
    }
}

/// Every acknowledged message is there; every reply that we saw is one there; and what is there beyond that is an attempt whose reply we
/// did not see, or had no time to write down.
pub fn check(ledger: &Ledger, far: &HashMap<&'static str, Copies>, log: &Log) -> Figures {
    let mut figures = Figures::default();
    let mut arrived = HashSet::new();
    for (name, one) in &ledger.tries {
        if let Some(address) = one.route().far() {
            let copies = far[address].of(name);
            arrived.extend(copies.iter().map(|copy| copy.trace[0].id.as_str()));
            assert!(
                !one.is_acknowledged || !copies.is_empty(),
                "lost: {name}, {one:?}, for {address}"
            );
            // What came in several times is sent on as often.
            let mut transactions: BTreeMap<&Trace, Vec<&Copy>> = BTreeMap::new();
            for copy in copies {
                transactions.entry(&copy.trace[1]).or_default().push(copy);
            }
            let came_once = transactions.len() <= 1;
            assert!(
                came_once || !one.route().is_submitted(),
                "submitted once: {copies:#?}"
            );
            for copies in transactions.values() {
                check_one(name, *one, address, copies, log, &mut figures);
            }
        }
    }
    for life in &log.lives {
        for (id, (entry, _)) in &life.relayed {
            // Entries that were delivered here have no such id.
            assert!(
                id.is_empty() || arrived.contains(id.as_str()),
                "{entry} became {id}, and is not there"
            );
        }
    }
    figures
}

fn check_one(
    name: &str,
    one: Try,
    address: &str,
    copies: &[&Copy],
    log: &Log,
    figures: &mut Figures,
) {
    let what = format!("{name}, {one:?}, for {address}: {copies:#?}");
    // A Postfix that is killed may put one message into the Maildir twice.
    let transactions: HashSet<(usize, &str)> = copies
        .iter()
        .map(|copy| (life(&copy.trace[0].from), copy.trace[0].id.as_str()))
        .collect();
    figures.messages += transactions.len();
    figures.again += copies.len() - transactions.len();
    figures.doubled += usize::from(transactions.len() > 1);
    let known = |life: &usize, id: &str| log.lives[life - 1].relayed.get(id);
    let entry = transactions
        .iter()
        .find_map(|(life, id)| Some(known(life, id)?.0.clone()));
    for (at, of_log) in log.lives.iter().enumerate() {
        let here = || transactions.iter().filter(|(life, _)| *life == at + 1);
        let replied: Vec<usize> = here()
            .filter_map(|(life, id)| Some(known(life, id)?.1))
            .collect();
        let key = (entry.clone().unwrap_or_default(), address.to_owned());
        let broken = of_log.broken.get(&key).copied().unwrap_or(0);
        let was_killed = at + 1 < log.lives.len();
        let cut = usize::from(was_killed && replied.is_empty());
        assert!(
            replied.len() <= 1,
            "after its reply, in life {}: {what}",
            at + 1
        );
        let unseen = here().count() - replied.len();
        assert!(
            unseen <= broken + cut,
            "more than attempts without a reply in life {}, {broken} {cut}: {what}",
            at + 1
        );
        figures.lost += unseen.min(broken);
        figures.cut += unseen.saturating_sub(broken);
        if let [before] = replied[..] {
            let is_later = transactions.iter().any(|(life, _)| *life > at + 1);
            let is_last = of_log.relayed.len() - before <= UNWRITTEN;
            assert!(
                !is_later || (was_killed && is_last),
                "after its reply: {what}"
            );
            figures.forgotten += usize::from(is_later);
        }
    }
}

/// Replies that may wait for the disk at once.
const UNWRITTEN: usize = 16 * CONNECTIONS;
