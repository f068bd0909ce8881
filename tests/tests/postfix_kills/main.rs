//! A real Postfix in front, which hands mail over by LMTP, and another behind, the smarthost. Mail comes in at the one, is submitted
//! to us and leaves through the other, while all three are killed at random.
//!
//! Every try to send carries a name of its own, and every copy tells in its trace fields which life of which program took it, in which
//! transaction. So each copy is held against what the logs say of that life: what was acknowledged is there, and is there twice only
//! where the reply to the first was lost.
//!
//! `FIELDPOST_KILL_ROUNDS` kills (5 unless told), `FIELDPOST_KILL_MESSAGES` messages (60 a kill); the full run is 60 and 10,000.
#![allow(clippy::unwrap_used)]

mod copies;
mod inbound;
mod mail;
mod notices;
mod outbound;
mod writers;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Mutex, mpsc},
};

use fieldpost_tests::{
    Demo, Log, Restarts,
    postfix::{Postfix, Role},
    queue,
};
use mail::Ledger;
use writers::Entrances;

/// Mail's way: in at `front` or by submission, out at `behind`.
struct Chain {
    demo: Demo,
    front: Postfix,
    behind: Postfix,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Victim {
    Ours,
    Front,
    Behind,
}

impl Chain {
    fn open(home: &Path) -> Self {
        // Postfix's processes are users of their own.
        fs::set_permissions(home, fs::Permissions::from_mode(0o755)).unwrap();
        let directory = home.join("demo");
        let demo = Demo::start_with(&directory, |base| {
            let ca = directory.join("tls/ca.crt").display().to_string();
            [
                ("SERVER__HOSTNAME", "life{life}.demo.test".to_owned()),
                ("LOG__LEVEL", "info".to_owned()),
                ("LOG__FORMAT", "json".to_owned()),
                ("RELAY__SMARTHOST", format!("localhost:{}", base + BEHIND)),
                ("RELAY__CA_FILE", ca),
                ("RELAY__FIRST_RETRY", "1s".to_owned()),
                ("RELAY__LONGEST_RETRY", "2s".to_owned()),
                ("RELAY__CONNECTIONS", outbound::CONNECTIONS.to_string()),
                ("SUBMISSION__MESSAGES_PER_HOUR", "0".to_owned()),
                ("SUBMISSION__RECIPIENTS_PER_HOUR", "0".to_owned()),
            ]
            .into()
        });
        let (alice, bob) = (demo.account(0).0, demo.account(1).0);
        demo.fieldpost(&["account", "set", &bob, "--add-alias", mail::ALIAS]);
        let mut group = vec!["group", "add", mail::GROUP];
        for member in [&alice, &bob, mail::FAR_MEMBER] {
            group.extend(["--member", member]);
        }
        demo.fieldpost(&group);
        let [front, behind] = ["front", "behind"].map(|name| home.join(name));
        for home in [&front, &behind] {
            fs::create_dir(home).unwrap();
        }
        let lmtp = demo.address("lmtp");
        let smarthost = Role::Smarthost {
            certificate: directory.join("tls/server.crt"),
            key: directory.join("tls/server.key"),
        };
        Self {
            front: Postfix::start(&front, demo.port_base() + FRONT, &Role::Front { lmtp }),
            behind: Postfix::start(&behind, demo.port_base() + BEHIND, &smarthost),
            demo,
        }
    }

    fn entrances(&self) -> Entrances {
        Entrances {
            front: self.front.address(),
            submission: self.demo.address("submission"),
            alice: self.demo.account(0),
        }
    }

    fn kill(&mut self, victims: &[Victim]) {
        for victim in victims {
            match victim {
                Victim::Ours => self.demo.kill(),
                Victim::Front => self.front.kill(),
                Victim::Behind => self.behind.kill(),
            }
        }
        for victim in victims {
            match victim {
                Victim::Ours => {
                    self.demo.start_again();
                    // What could not be delivered meanwhile is delivered now.
                    self.front.flush();
                }
                Victim::Front => self.front.start_again(),
                Victim::Behind => self.behind.start_again(),
            }
        }
    }

    /// Waits until all queues are empty, first the one in front.
    fn drained(&mut self) {
        self.front.drained();
        queue::drained(&mut self.demo);
        self.behind.drained();
    }
}

#[test]
fn kills_on_all_sides_lose_nothing_and_double_nothing_that_was_replied_to() {
    let rounds: u32 = from_environment("FIELDPOST_KILL_ROUNDS", 5);
    let messages: u32 = from_environment("FIELDPOST_KILL_MESSAGES", 60 * rounds);
    let home = tempfile::tempdir().unwrap();
    let mut chain = Chain::open(home.path());
    let entrances = chain.entrances();
    let ledger: Mutex<Ledger> = Mutex::default();
    let restarts = Restarts::default();
    let mut random = Random(0x5eed_f1e1);
    let mut killed = Vec::new();
    std::thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        writers::start(scope, messages, &entrances, &ledger, &restarts, &tell);
        drop(tell);
        for round in 0..rounds {
            // The moment is an event, not a time: that so many more messages are acknowledged, a few of them left for the rounds to come.
            let most = u64::from(2 * messages / (rounds + 2)).max(1);
            let wanted = 1 + random.below(most) as usize;
            if told.iter().take(wanted).count() < wanted {
                break;
            }
            let victims = victims(round, &mut random);
            chain.kill(&victims);
            restarts.one_more();
            killed.push(victims);
        }
        told.iter().for_each(drop);
    });
    chain.drained();

    let ledger = ledger.into_inner().unwrap();
    assert_eq!(ledger.acknowledged(), messages);
    let far = copies::far(&chain.behind);
    let ours = copies::ours(&chain.demo);
    let front = inbound::Log::read(&said(chain.front.logs()));
    let relay = outbound::Log::read(&said(chain.demo.logs()));
    let inbound = inbound::check(&ledger, &ours, &far[mail::FAR_MEMBER], &front);
    let outbound = outbound::check(&ledger, &far, &relay);
    mail::check_submitted_here(&ledger, &ours);
    let kills = |victim| {
        killed
            .iter()
            .flatten()
            .filter(|one| **one == victim)
            .count()
    };
    println!(
        "{messages} messages, {} tries; kills: {} ours, {} in front, {} behind\n\
         in by LMTP: {inbound}\nout to the smarthost: {outbound}",
        ledger.tries.len(),
        kills(Victim::Ours),
        kills(Victim::Front),
        kills(Victim::Behind),
    );
    assert!(!killed.is_empty(), "nothing was killed");
}

fn said(logs: &[Log]) -> Vec<Vec<String>> {
    logs.iter().map(Log::lines).collect()
}

/// Who dies: each of the three first, then mostly we, at times with a neighbour.
fn victims(round: u32, random: &mut Random) -> Vec<Victim> {
    match (round, random.below(8)) {
        (1, _) | (3.., 3..5) => vec![Victim::Front],
        (2, _) | (3.., 5) => vec![Victim::Behind],
        (3.., 6) => vec![Victim::Front, Victim::Ours],
        (3.., 7..) => vec![Victim::Behind, Victim::Ours],
        _ => vec![Victim::Ours],
    }
}

fn from_environment(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// splitmix64: the same kills for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// Where the two listen, above the demo's base.
const FRONT: u16 = 25;
const BEHIND: u16 = 26;
