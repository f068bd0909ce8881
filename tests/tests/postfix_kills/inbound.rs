//! From the Postfix in front to our mailboxes: each copy against what Postfix logged.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
};

use crate::{
    copies::{Copies, Copy, Trace, life},
    mail::{self, Ledger, Route, Try},
};

/// What Postfix logged of its deliveries, by its id of the message and the recipient.
#[derive(Debug, Default)]
pub struct Log {
    lives: Vec<Life>,
}

/// What it logged in one life.
#[derive(Debug, Default)]
struct Life {
    /// Deliveries that it saw the 250 of, with how many came before it in this life.
    sent: HashMap<(String, String), usize>,
    /// How often the connection was lost between the end of a message and its reply.
    lost: HashMap<(String, String), usize>,
}

impl Log {
    /// Reads what it said in each life.
    pub fn read(logs: &[Vec<String>]) -> Self {
        let mut lives = Vec::new();
        for lines in logs {
            let mut life = Life::default();
            for line in lines {
                assert!(!line.contains("status=bounced"), "{line}");
                let Some((head, tail)) = line.split_once(": to=<") else {
                    continue;
                };
                let id = head.rsplit(' ').next().unwrap().to_owned();
                let recipient = tail.split('>').next().unwrap().to_owned();
                let key = (id, recipient);
                if line.contains("status=sent (250 ") {
                    let before = life.sent.len();
                    assert!(life.sent.insert(key, before).is_none(), "twice: {line}");
                } else if line.contains("may be sent more than once") {
                    *life.lost.entry(key).or_default() += 1;
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
    copies: usize,
    doubled: usize,
    lost: usize,
    cut: usize,
    forgotten: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} copies, {} more than once; without a 250 at Postfix: {} (connection lost), {} (Postfix killed); forgotten by a killed Postfix: {}",
            self.copies, self.doubled, self.lost, self.cut, self.forgotten
        )
    }
}

/// Every acknowledged message is in its mailboxes; every 250 that Postfix saw is a copy; whatever is there beyond that is an attempt
/// whose reply Postfix never saw.
pub fn check(ledger: &Ledger, ours: &[Copies], group: &Copies, log: &Log) -> Figures {
    let mut figures = Figures::default();
    for (name, one) in &ledger.tries {
        let route = one.route();
        if route.is_submitted() {
            continue;
        }
        for (account, address) in route.here() {
            let copies = ours[*account].of(name);
            check_one(name, *one, address, copies, log, &mut figures);
        }
        if route == Route::Group {
            let arrived = as_they_came(group.of(name));
            check_one(name, *one, mail::GROUP, &arrived, log, &mut figures);
        }
    }
    figures
}

/// What came in for what went on from here, each once: however often we sent it, it came in once.
fn as_they_came(relayed: &[Copy]) -> Vec<Copy> {
    let traces: BTreeSet<&[Trace]> = relayed.iter().map(|copy| &copy.trace[1..]).collect();
    let copies = traces.into_iter().map(<[Trace]>::to_vec);
    copies.map(|trace| Copy { trace }).collect()
}

fn check_one(
    name: &str,
    one: Try,
    address: &str,
    copies: &[Copy],
    log: &Log,
    figures: &mut Figures,
) {
    let what = format!("{name}, {one:?}, for {address}: {copies:#?}");
    assert!(!one.is_acknowledged || !copies.is_empty(), "lost: {what}");
    let Some(first) = copies.first() else { return };
    // Our names for transactions begin anew with each of our lives, which `by` names.
    let transactions: HashSet<_> = copies.iter().map(|copy| &copy.trace[0]).collect();
    assert_eq!(transactions.len(), copies.len(), "twice for one: {what}");
    let id = &first.trace[1].id;
    assert!(copies.iter().all(|copy| copy.trace[1].id == *id), "{what}");
    let key = (id.clone(), address.to_owned());
    figures.copies += copies.len();
    figures.doubled += usize::from(copies.len() > 1);
    let mut seen = 0;
    for (at, of_log) in log.lives.iter().enumerate() {
        let there = copies
            .iter()
            .filter(|copy| life(&copy.trace[0].from) == at + 1);
        let there = there.count();
        let sent = of_log.sent.get(&key);
        let lost = of_log.lost.get(&key).copied().unwrap_or(0);
        let was_killed = at + 1 < log.lives.len();
        let replied = usize::from(sent.is_some());
        // What was under way at the end of a life has no line.
        let cut = usize::from(was_killed && sent.is_none());
        assert!(
            there >= replied,
            "a 250 without a copy in life {}: {what}",
            at + 1
        );
        assert!(
            there <= replied + lost + cut,
            "more copies than attempts without a 250 in life {}, {replied} {lost} {cut}: {what}",
            at + 1
        );
        let unseen = there - replied;
        figures.lost += unseen.min(lost);
        figures.cut += unseen.saturating_sub(lost);
        if let Some(before) = sent {
            seen += 1;
            // A later life may deliver again only what this one had no time to strike off its queue.
            let is_last = of_log.sent.len() - before <= AT_ONCE;
            let is_later = copies.iter().any(|copy| life(&copy.trace[0].from) > at + 1);
            assert!(
                !is_later || (was_killed && is_last),
                "after its 250: {what}"
            );
            figures.forgotten += usize::from(is_later);
        }
    }
    assert!(
        seen > 0 || !one.is_acknowledged || log.lives.len() > 1,
        "{what}"
    );
}

/// Deliveries to one destination that Postfix has under way at most (`default_destination_concurrency_limit`).
const AT_ONCE: usize = 20;
