//! IMAP sessions that change mail, and what each was told.

use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, MutexGuard},
};

use fieldpost_tests::{
    Demo,
    imap::{Answer, Client, write_set},
};

use crate::{
    Account, Events, Random, SESSIONS, message,
    reader::mailbox_id,
    registry::Registry,
    state::{Kind, Op, Place, State, Told},
};

/// What one session was told, over all rounds.
#[derive(Default)]
pub struct Ledger {
    /// Begins its Message-IDs and its folders.
    pub name: String,
    /// What must be there: all acknowledged commands are in it.
    pub state: State,
    /// What was asked and not answered: a beginning of it may have happened.
    pub pending: Vec<Op>,
    /// By command.
    pub tallies: BTreeMap<&'static str, Tally>,
    serial: u64,
}

/// How often a command was sent, by what came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub acknowledged: usize,
    /// It was not answered and has happened.
    pub happened: usize,
    /// It was not answered and has not happened.
    pub dropped: usize,
}

/// Makes the folders that stay, before anything is killed.
pub fn prepare(demo: &Demo, number: usize) -> Account {
    let (user, password) = demo.account(number);
    let mut client = Client::sign_in(&demo.address("imap"), &user, &password).unwrap();
    let mut account = Account::default();
    let mut place = |name: &str, kind| {
        if kind != Kind::Inbox {
            client.ok(&format!("CREATE \"{name}\"")).unwrap();
        }
        let answer = client
            .ok(&format!("STATUS \"{name}\" (MAILBOXID)"))
            .unwrap();
        let place = Place {
            kind,
            id: answer.status("MAILBOXID").map(str::to_owned),
        };
        (name.to_owned(), place)
    };
    let common = [
        place("INBOX", Kind::Inbox),
        place("shared/a", Kind::Shared),
        place("shared/b", Kind::Shared),
    ];
    for session in 0..SESSIONS {
        let name = format!("s{session}");
        let own = [
            place(&format!("{name}/a"), Kind::Own),
            place(&format!("{name}/b"), Kind::Own),
        ];
        let state = State {
            folders: common.iter().cloned().chain(own).collect(),
            items: Vec::new(),
        };
        account.sessions.push(Mutex::new(Ledger {
            name,
            state,
            ..Ledger::default()
        }));
    }
    account
}

/// Changes mail until the server dies.
pub fn write(
    imap: &str,
    (user, password): &(String, String),
    account: &Account,
    session: usize,
    mut random: Random,
    events: &Events,
) -> io::Result<()> {
    let mut session = Session {
        client: Client::sign_in(imap, user, password)?,
        selected: None,
        ledger: &account.sessions[session],
        registry: &account.registry,
    };
    session.client.ok("ENABLE QRESYNC")?;
    while events.go_on() {
        let ops = session.plan(&mut random);
        session.send(&ops, &mut random)?;
        events.count();
        session.hear(ops)?;
        events.count();
    }
    Ok(())
}

struct Session<'a> {
    client: Client,
    /// Its name, and its MAILBOXID.
    selected: Option<(String, Option<String>)>,
    ledger: &'a Mutex<Ledger>,
    registry: &'a Mutex<Registry>,
}

impl Session<'_> {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    /// One to three commands, noted as asked.
    fn plan(&self, random: &mut Random) -> Vec<Op> {
        let mut ledger = self.ledger();
        let mut tentative = ledger.state.clone();
        let many = if random.below(3) == 0 { 3 } else { 1 };
        let name = ledger.name.clone();
        let serial = &mut ledger.serial;
        let mut fresh = || {
            *serial += 1;
            format!("<{serial}.{name}@imap.test>")
        };
        let mut ops = Vec::new();
        for _ in 0..many {
            let op = tentative.choose(random, &mut fresh);
            tentative.apply(&op, &Told::default());
            ops.push(op);
        }
        ledger.pending.clone_from(&ops);
        ops
    }

    /// Sends the commands at once, each behind the SELECT that it needs.
    fn send(&mut self, ops: &[Op], random: &mut Random) -> io::Result<()> {
        let mut selected = self.selected.as_ref().map(|(name, _)| name.clone());
        for op in ops {
            if let Some(folder) = op.selects()
                && selected.as_deref() != Some(folder)
            {
                self.client.queue(&format!("SELECT \"{folder}\""));
                selected = Some(folder.to_owned());
            }
            match op {
                Op::Append { to, messages } => {
                    let messages: Vec<_> = messages
                        .iter()
                        .map(|(id, flags)| (message(id), joined(flags)))
                        .collect();
                    if ops.len() == 1 && random.below(3) == 0 {
                        self.client.send_append(to, &messages)?;
                    } else {
                        self.client.queue_append(to, &messages);
                    }
                }
                Op::Store {
                    uids,
                    how,
                    flags,
                    silent,
                    ..
                } => {
                    let (uids, flags) = (write_set(uids), joined(flags));
                    let how = how.to_string().replace('=', "");
                    let silent = if *silent { ".SILENT" } else { "" };
                    let command = format!("UID STORE {uids} {how}FLAGS{silent} ({flags})");
                    self.client.queue(&command);
                }
                Op::Copy { uids, to, .. } => {
                    let command = format!("UID COPY {} \"{to}\"", write_set(uids));
                    self.client.queue(&command);
                }
                Op::Move { uids, to, .. } => {
                    let command = format!("UID MOVE {} \"{to}\"", write_set(uids));
                    self.client.queue(&command);
                }
                Op::Expunge { uids: None, .. } => self.client.queue("EXPUNGE"),
                Op::Expunge {
                    uids: Some(uids), ..
                } => self
                    .client
                    .queue(&format!("UID EXPUNGE {}", write_set(uids))),
                Op::Create(name) => self.client.queue(&format!("CREATE \"{name}\"")),
                Op::Rename(from, to) => {
                    self.client.queue(&format!("RENAME \"{from}\" \"{to}\""));
                    if selected.as_ref() == Some(from) {
                        selected = Some(to.clone());
                    }
                }
                Op::Delete(name) => {
                    if selected.as_ref() == Some(name) {
                        self.client.queue("UNSELECT");
                        selected = None;
                    }
                    self.client.queue(&format!("DELETE \"{name}\""));
                }
            }
        }
        self.client.flush()
    }

    /// Reads the answers and notes what they acknowledge.
    fn hear(&mut self, ops: Vec<Op>) -> io::Result<()> {
        for op in ops {
            let answer = loop {
                let answer = self.client.answer()?;
                assert!(
                    answer.is_ok(),
                    "{}: {}, {:?}",
                    answer.command,
                    answer.tagged,
                    self.ledger().pending
                );
                if answer.command == "UNSELECT" {
                    self.selected = None;
                } else if let Some(name) = answer.command.strip_prefix("SELECT ") {
                    let name = name.trim_matches('"').to_owned();
                    self.selected = Some((name, mailbox_id(&answer)));
                    self.heard(&answer);
                } else {
                    break answer;
                }
            };
            self.heard(&answer);
            self.acknowledged(op, &answer);
        }
        Ok(())
    }

    fn heard(&self, answer: &Answer) {
        if let Some((_, Some(id))) = &self.selected {
            self.registry.lock().unwrap().heard(id, answer);
        }
    }

    fn acknowledged(&mut self, op: Op, answer: &Answer) {
        let mut guard = self.ledger();
        let ledger = &mut *guard;
        let mut told = Told::default();
        let mut arrived: Option<(&String, u32)> = None;
        match &op {
            Op::Append { to, messages } => {
                let (validity, uids) = answer.append_uid().expect("APPENDUID");
                assert_eq!(uids.len(), messages.len(), "{answer:?}");
                (told.uids, arrived) = (uids, Some((to, validity)));
            }
            Op::Copy { uids, to, .. } | Op::Move { uids, to, .. } => {
                let (validity, from, uids_there) = answer.copy_uid().expect("COPYUID");
                assert!(uids.iter().eq(&from), "{uids:?} {answer:?}");
                assert_eq!(from.len(), uids_there.len(), "{answer:?}");
                (told.uids, arrived) = (uids_there, Some((to, validity)));
            }
            Op::Create(_) => {
                let id = answer.code("MAILBOXID").expect("MAILBOXID");
                told.id = Some(id.trim_matches(['(', ')']).to_owned());
            }
            Op::Store { .. } | Op::Expunge { .. } | Op::Rename(..) | Op::Delete(_) => {}
        }
        ledger.state.apply(&op, &told);
        ledger.pending.remove(0);
        ledger.tallies.entry(op.name()).or_default().acknowledged += 1;
        if let Some((to, validity)) = arrived {
            let id = ledger.state.folders[to].id.as_ref().expect("an id");
            let new = ledger.state.items.iter().rev().take(told.uids.len());
            let mut registry = self.registry.lock().unwrap();
            for item in new {
                let uid = item.uid.expect("a uid");
                registry.means(id, validity, uid, &item.message);
            }
        }
        if let Op::Store {
            folder,
            silent: false,
            ..
        } = &op
        {
            let mine = |uid| {
                let mut items = ledger.state.items.iter();
                items.find(|item| item.folder == *folder && item.uid == uid)
            };
            for fetched in answer.fetched() {
                if let (Some(item), Some(flags)) = (mine(fetched.uid), &fetched.flags) {
                    assert_eq!(item.flags, *flags, "{op:?} {answer:?}");
                }
            }
        }
        drop(guard);
        if let (Op::Rename(from, to), Some((name, _))) = (op, &mut self.selected)
            && *name == from
        {
            *name = to;
        }
    }
}

fn joined(flags: &crate::state::Flags) -> String {
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    flags.join(" ")
}
