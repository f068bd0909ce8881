//! Phones that synchronise while others write, and keep what they were told: with its last key each goes on after a kill, or
//! repeats the request that was not answered, and must never be told what can't be true.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Mutex,
};

use fieldpost_tests::{
    Demo,
    collection::{Collection, Deed, Held, Told},
    hierarchy::Hierarchy,
    imap,
    phone::{Access, Phone},
};

use crate::{Events, Random, message};

/// What one phone was told, over all rounds.
pub struct Ledger {
    name: String,
    phone: Phone,
    hierarchy: Hierarchy,
    inbox: Collection,
    /// A folder where IMAP sessions copy, move and expunge.
    shared: Collection,
    /// Mails that nobody else touches, by Message-ID: as they must be by all that was answered.
    own: BTreeMap<String, Fate>,
    /// What was not answered before the key was refused: done or not.
    open: Vec<(String, Deed)>,
    serial: u64,
    pub tally: Tally,
}

/// How often a phone was told something.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub answers: usize,
    /// Requests that came again after a kill.
    pub repeated: usize,
    pub refused_keys: usize,
    pub deeds: usize,
    pub pings: usize,
    pub folder_lists: usize,
}

/// What has become of a mail.
#[derive(Clone, Debug, PartialEq)]
struct Fate {
    place: Place,
    is_read: bool,
    is_flagged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Inbox,
    Trash,
    Gone,
}

/// Mails by Message-ID, with `\Seen` and `\Flagged`; sorted.
type Rows = Vec<(String, bool, bool)>;

/// New phones of an account, before anything is killed.
pub fn prepare(demo: &Demo, account: usize) -> Vec<Mutex<Ledger>> {
    let mut ledgers: Vec<Ledger> = (0..PHONES)
        .map(|number| {
            let name = format!("p{number}");
            let mut phone = Phone::new(Access::new(demo, account, &name).unwrap()).unwrap();
            let mut hierarchy = Hierarchy::default();
            phone.sync_folders(&mut hierarchy).unwrap();
            Ledger {
                inbox: Collection::new(&hierarchy.id("Inbox")),
                shared: Collection::new(&hierarchy.id(SHARED)),
                name,
                phone,
                hierarchy,
                own: BTreeMap::new(),
                open: Vec::new(),
                serial: 0,
                tally: Tally::default(),
            }
        })
        .collect();
    let mut imap = sign_in(demo, account);
    for ledger in &mut ledgers {
        ledger.top_up(&mut imap);
    }
    ledgers.into_iter().map(Mutex::new).collect()
}

/// Synchronises until the server dies.
pub fn synchronise(ledger: &Mutex<Ledger>, mut random: Random, events: &Events) -> io::Result<()> {
    let mut ledger = ledger.lock().unwrap();
    // The connection of the last round is dead.
    ledger.phone = ledger.phone.beside();
    ledger.tally.repeated += usize::from(!ledger.inbox.pending.is_empty());
    while events.go_on() {
        events.count();
        ledger.step(&mut random).map_err(must_be_the_connections)?;
        events.count();
    }
    Ok(())
}

/// Demands that the server has what the phones were answered for, and nothing else of theirs than they asked for; the
/// phone whose turn it is synchronises to the end and must hold what IMAP shows.
pub fn check(
    demo: &Demo,
    account: usize,
    phones: &[Mutex<Ledger>],
    whose_turn: impl Fn(usize) -> bool,
) {
    let mut imap = sign_in(demo, account);
    for (number, ledger) in phones.iter().enumerate() {
        let ledger = &mut *ledger.lock().unwrap();
        ledger.settle(&mut imap);
        if whose_turn(number) {
            ledger.phone = ledger.phone.beside();
            ledger.catch_up().unwrap();
            ledger.compare(&mut imap);
            ledger.settle(&mut imap);
        }
        ledger.top_up(&mut imap);
    }
}

impl Ledger {
    /// One request and its answer.
    fn step(&mut self, random: &mut Random) -> io::Result<()> {
        let is_idle = self.inbox.pending.is_empty();
        match random.below(10) {
            0 => {
                let is_known = self.phone.sync_folders(&mut self.hierarchy)?;
                self.tally.folder_lists += 1;
                self.tally.refused_keys += usize::from(!is_known);
            }
            1 if is_idle && self.inbox.key != "0" => {
                let folders = [&*self.inbox.folder, &*self.shared.folder];
                let status = self.phone.ping(&folders)?;
                assert!(["1", "2", "7"].contains(&&*status), "Ping: {status}");
                self.tally.pings += 1;
            }
            _ => {
                if is_idle {
                    self.act(random);
                }
                let window = 1 + random.below(30) as usize;
                let asks_both = random.below(2) == 0;
                self.sync(window, true, asks_both)?;
                if !asks_both && random.below(2) == 0 {
                    self.sync(window, false, true)?;
                }
            }
        }
        Ok(())
    }

    /// Its user does up to four things to its own mails.
    fn act(&mut self, random: &mut Random) {
        let open: BTreeSet<&String> = self.open.iter().map(|(id, _)| id).collect();
        let items = self.inbox.items.iter();
        let mut known: Vec<&String> = items
            .filter(|(_, held)| {
                let own = self.own.get_key_value(&message_id(&held.subject));
                own.is_some_and(|(id, _)| !open.contains(id))
            })
            .map(|(server_id, _)| server_id)
            .collect();
        self.inbox.deletes_as_moves = random.below(2) == 0;
        for _ in 0..random.below(5) {
            let Some(id) = random.pick(&known).copied() else {
                return;
            };
            let deed = match random.below(8) {
                0 => Deed::Delete,
                1..4 => Deed::Flag(random.below(2) == 0),
                _ => Deed::Read(random.below(2) == 0),
            };
            self.inbox.pending.push((id.clone(), deed));
            if deed == Deed::Delete {
                known.retain(|other| *other != id);
            }
        }
    }

    /// A Sync of the inbox, of the shared folder or of both; what is pending goes with the inbox.
    fn sync(&mut self, window: usize, inbox: bool, shared: bool) -> io::Result<Vec<Told>> {
        let pending: Vec<(String, Deed)> = self
            .inbox
            .pending
            .iter()
            .map(|(id, deed)| (message_id(&self.inbox.items[id].subject), *deed))
            .collect();
        let mut asked = Vec::new();
        if inbox {
            asked.push(&mut self.inbox);
        }
        if shared {
            asked.push(&mut self.shared);
        }
        let told = self.phone.sync(&mut asked, window)?;
        self.tally.answers += 1;
        self.tally.refused_keys += told.iter().filter(|one| one.is_refused).count();
        if inbox && told[0].is_refused {
            self.inbox.pending.clear();
            self.open.extend(pending);
        } else if inbox {
            self.tally.deeds += pending.len();
            for (id, deed) in pending {
                let fate = self.own.get_mut(&id).unwrap();
                fate.follow(deed, self.inbox.deletes_as_moves);
            }
        }
        Ok(told)
    }

    /// Asks again for what was not answered, and then until nothing is left.
    fn catch_up(&mut self) -> io::Result<()> {
        self.tally.repeated += usize::from(!self.inbox.pending.is_empty());
        loop {
            let is_first = self.inbox.key == "0" || self.shared.key == "0";
            let had_deeds = !self.inbox.pending.is_empty();
            let told = self.sync(100, true, true)?;
            let is_nothing = told.iter().all(|one| *one == Told::default());
            if is_nothing && !is_first && !had_deeds {
                break;
            }
        }
        while !self.phone.sync_folders(&mut self.hierarchy)? {
            self.tally.refused_keys += 1;
        }
        Ok(())
    }

    /// Demands that the phone holds what IMAP shows.
    fn compare(&self, imap: &mut imap::Client) {
        for (name, collection) in [("INBOX", &self.inbox), (SHARED, &self.shared)] {
            let mut held: Rows = collection.items.values().map(row).collect();
            held.sort();
            let shown = rows(imap, name);
            assert!(
                held == shown,
                "{name} on {}: it alone has {:?}, IMAP alone has {:?}",
                self.name,
                without(&held, &shown),
                without(&shown, &held)
            );
        }
        let held: BTreeMap<String, String> = self
            .hierarchy
            .paths()
            .into_iter()
            .filter(|(_, (_, kind))| MAIL_KINDS.contains(kind))
            .map(|(id, (path, _))| (path.replace("Inbox", "INBOX"), format!("F{id}")))
            .collect();
        let shown: BTreeMap<String, String> = imap
            .ok("LIST \"\" \"*\"")
            .unwrap()
            .listed()
            .into_iter()
            .map(|name| {
                let status = imap.ok(&format!("STATUS \"{name}\" (MAILBOXID)")).unwrap();
                let id = status.status("MAILBOXID").unwrap().to_owned();
                (name, id)
            })
            .collect();
        assert_eq!(held, shown, "the folders on {}", self.name);
    }

    /// Demands that each of its own mails is once where it must be, as it must be; what is not answered may be done or not.
    fn settle(&mut self, imap: &mut imap::Client) {
        let end = format!(".{}@phone.test>", self.name);
        let mut found: BTreeMap<String, Fate> = BTreeMap::new();
        for (folder, place) in [("INBOX", Place::Inbox), ("Trash", Place::Trash)] {
            for (id, is_read, is_flagged) in rows(imap, folder) {
                if !id.ends_with(&end) {
                    continue;
                }
                let fate = Fate {
                    place,
                    is_read,
                    is_flagged,
                };
                let before = found.insert(id.clone(), fate);
                assert!(before.is_none(), "{id} is there twice: {before:?}");
            }
        }
        let pending: Vec<(String, Deed)> = self
            .inbox
            .pending
            .iter()
            .map(|(id, deed)| (message_id(&self.inbox.items[id].subject), *deed))
            .chain(std::mem::take(&mut self.open))
            .collect();
        for (id, fate) in &mut self.own {
            let mut states = vec![fate.clone()];
            for (_, deed) in pending.iter().filter(|(other, _)| other == id) {
                let mut next = states[states.len() - 1].clone();
                next.follow(*deed, self.inbox.deletes_as_moves);
                states.push(next);
            }
            // Of what is gone for good nothing can be seen.
            let is_it = |state: &Fate, now: Option<&Fate>| match now {
                None => state.place == Place::Gone,
                Some(now) => state == now,
            };
            let now = found.remove(id);
            let state = states.into_iter().find(|state| is_it(state, now.as_ref()));
            let Some(state) = state else {
                panic!("{id}: answered was {fate:?}, not answered {pending:?}, now it is {now:?}");
            };
            *fate = state;
        }
        assert!(found.is_empty(), "from the dead: {found:?}");
    }

    /// New mails of its own, until there are enough in the inbox.
    fn top_up(&mut self, imap: &mut imap::Client) {
        let there = self.own.values().filter(|fate| fate.place == Place::Inbox);
        let missing = OWN.saturating_sub(there.count());
        let mut new = Vec::new();
        for _ in 0..missing {
            self.serial += 1;
            let id = format!("<{}.{}@phone.test>", self.serial, self.name);
            new.push((message(&id), String::new()));
            let fate = Fate {
                place: Place::Inbox,
                is_read: false,
                is_flagged: false,
            };
            self.own.insert(id, fate);
        }
        if missing > 0 {
            imap.queue_append("INBOX", &new);
            imap.flush().unwrap();
            assert!(imap.answer().unwrap().is_ok());
        }
    }
}

impl Fate {
    fn follow(&mut self, deed: Deed, deletes_as_moves: bool) {
        match deed {
            _ if self.place != Place::Inbox => {}
            Deed::Read(read) => self.is_read = read,
            Deed::Flag(flag) => self.is_flagged = flag,
            Deed::Delete if deletes_as_moves => self.place = Place::Trash,
            Deed::Delete => self.place = Place::Gone,
        }
    }
}

/// An error that is not the connection's is the server's mistake.
fn must_be_the_connections(error: io::Error) -> io::Error {
    assert!(error.kind() != io::ErrorKind::Other, "{error}");
    error
}

fn sign_in(demo: &Demo, account: usize) -> imap::Client {
    let (user, password) = demo.account(account);
    imap::Client::sign_in(&demo.address("imap"), &user, &password).unwrap()
}

/// What IMAP shows of a folder.
fn rows(imap: &mut imap::Client, folder: &str) -> Rows {
    imap.ok(&format!("EXAMINE \"{folder}\"")).unwrap();
    let told = imap
        .ok("UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        .unwrap();
    let row = |fetched: imap::Fetched| {
        let (flags, field) = (fetched.flags.unwrap(), fetched.body.unwrap());
        let field = String::from_utf8_lossy(&field).into_owned();
        let subject = field.split_once(": ").unwrap_or_default().1.trim();
        let has = |flag| flags.contains(flag);
        (message_id(subject), has("\\Seen"), has("\\Flagged"))
    };
    let mut rows: Rows = told.fetched().map(row).collect();
    rows.sort();
    rows
}

fn row(held: &Held) -> (String, bool, bool) {
    (message_id(&held.subject), held.is_read, held.is_flagged)
}

/// The Message-ID of a mail of ours, which its subject tells; nothing for the demo's.
fn message_id(subject: &str) -> String {
    subject.strip_prefix("kill ").unwrap_or_default().to_owned()
}

fn without<'a>(these: &'a Rows, others: &Rows) -> Vec<&'a (String, bool, bool)> {
    these.iter().filter(|row| !others.contains(row)).collect()
}

/// Phones an account.
pub const PHONES: usize = 2;
/// So many mails of its own a phone has in the inbox after each kill.
const OWN: usize = 12;
const SHARED: &str = "shared/a";
/// Folders of mail, as FolderSync calls them.
const MAIL_KINDS: [u8; 6] = [1, 2, 3, 4, 5, 12];
