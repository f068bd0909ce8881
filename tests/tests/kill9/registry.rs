//! What one account's IMAP clients were ever told that must stay so: which message a uid means, which folder a name and a
//! uid_validity mean, and how far the counters were.

use std::collections::{BTreeMap, HashMap};

use fieldpost_tests::imap::{Answer, Fetched};

use crate::state::Flags;

#[derive(Default)]
pub struct Registry {
    /// By MAILBOXID, which is never given again.
    folders: HashMap<String, Floor>,
    /// A name with a uid_validity is one folder for ever.
    names: HashMap<(String, u32), String>,
    /// By MAILBOXID and uid: the Message-ID.
    messages: HashMap<(String, u32), String>,
    /// By MAILBOXID and uid: the last that was told of a message.
    rows: HashMap<(String, u32), Row>,
    /// By MAILBOXID: what a client keeps that will come back.
    pub replicas: BTreeMap<String, Replica>,
    /// By Message-ID: what the messages must be, so that it is made up once.
    pub octets: HashMap<String, Vec<u8>>,
}

/// How far a folder has come.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    pub uid_validity: u32,
    pub uid_next: u32,
    pub highest: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub mod_seq: u64,
    pub flags: Flags,
}

/// What a client keeps of a folder between its sessions: all changes up to `mod_seq` are in it, and some later ones may be.
#[derive(Clone, Debug)]
pub struct Replica {
    pub uid_validity: u32,
    pub mod_seq: u64,
    /// Uids from here on are not known, even where they are there.
    pub uid_next: u32,
    pub rows: BTreeMap<u32, Flags>,
}

impl Replica {
    /// Takes over what changed of what is known.
    pub fn learn(&mut self, answer: &Answer) {
        for fetched in answer.fetched() {
            if let (Some(uid), Some(flags)) = (fetched.uid, fetched.flags)
                && uid < self.uid_next
            {
                self.rows.insert(uid, flags);
            }
        }
        for uid in answer.vanished() {
            self.rows.remove(&uid);
        }
    }
}

impl Registry {
    /// A folder is there under that name.
    pub fn named(&mut self, name: &str, id: &str, uid_validity: u32) {
        let key = (name.to_owned(), uid_validity);
        let meant = self.names.entry(key).or_insert_with(|| id.to_owned());
        assert_eq!(
            meant, id,
            "{name} with uid_validity {uid_validity} was another folder before"
        );
        self.uid_validity(id, uid_validity);
    }

    /// The folder's counters, as they are told now.
    pub fn at(&mut self, id: &str, now: Floor) {
        self.uid_validity(id, now.uid_validity);
        let floor = self.folders.entry(id.to_owned()).or_insert(now);
        assert!(
            now.uid_next >= floor.uid_next && now.highest >= floor.highest,
            "{id} went back: {floor:?} before, {now:?} now"
        );
        *floor = now;
    }

    /// A uid of the folder means that message.
    pub fn means(&mut self, id: &str, uid_validity: u32, uid: u32, message: &str) {
        self.uid_validity(id, uid_validity);
        let key = (id.to_owned(), uid);
        let meant = self
            .messages
            .entry(key)
            .or_insert_with(|| message.to_owned());
        assert_eq!(meant, message, "uid {uid} of {id} means another message");
        if let Some(floor) = self.folders.get_mut(id) {
            floor.uid_next = floor.uid_next.max(uid + 1);
        }
    }

    /// What an answer tells of the folder that is selected.
    pub fn heard(&mut self, id: &str, answer: &Answer) {
        if let Some(uid_validity) = answer.number("UIDVALIDITY") {
            self.uid_validity(id, uid_validity as u32);
        }
        if let (Some(uid_next), Some(floor)) = (answer.number("UIDNEXT"), self.folders.get_mut(id))
        {
            floor.uid_next = floor.uid_next.max(uid_next as u32);
        }
        if let Some(highest) = answer.number("HIGHESTMODSEQ") {
            self.reached(id, highest);
        }
        for fetched in answer.fetched() {
            self.row(id, &fetched);
        }
    }

    fn row(&mut self, id: &str, fetched: &Fetched) {
        let (Some(uid), Some(mod_seq)) = (fetched.uid, fetched.mod_seq) else {
            return;
        };
        self.reached(id, mod_seq);
        let Some(flags) = fetched.flags.clone() else {
            return;
        };
        let now = Row { mod_seq, flags };
        let key = (id.to_owned(), uid);
        // Two sessions are heard in any order.
        let row = self.rows.entry(key).or_insert_with(|| now.clone());
        if row.mod_seq < mod_seq {
            *row = now;
        } else if row.mod_seq == mod_seq {
            assert_eq!(
                *row, now,
                "uid {uid} of {id}: other flags without another mod_seq"
            );
        }
    }

    /// The last that was told of a message before.
    pub fn known(&self, id: &str, uid: u32) -> Option<&Row> {
        self.rows.get(&(id.to_owned(), uid))
    }

    fn reached(&mut self, id: &str, mod_seq: u64) {
        if let Some(floor) = self.folders.get_mut(id) {
            floor.highest = floor.highest.max(mod_seq);
        }
    }

    fn uid_validity(&mut self, id: &str, uid_validity: u32) {
        let fresh = Floor {
            uid_validity,
            uid_next: 1,
            highest: 0,
        };
        let floor = self.folders.entry(id.to_owned()).or_insert(fresh);
        assert_eq!(floor.uid_validity, uid_validity, "uid_validity of {id}");
    }
}
