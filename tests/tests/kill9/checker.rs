//! Reads all of an account by IMAP after a restart, and compares it with what its clients were told.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fieldpost_tests::{Demo, imap::Client};

use crate::{
    Account, mail, message, message_id,
    reader::{mailbox_id, replica},
    registry::{Floor, Registry, Replica, Row},
    state::{Item, PASSING, State},
    writer::Ledger,
};

/// A folder as the server shows it.
struct Seen {
    id: String,
    floor: Floor,
    messages: BTreeMap<u32, Message>,
}

struct Message {
    /// Its Message-ID.
    id: String,
    row: Row,
}

/// Demands that the account is as its clients were told, and takes over what was open.
pub fn check(demo: &Demo, number: usize, account: &Account, round: u64) {
    let (user, password) = demo.account(number);
    let mut registry = account.registry.lock().unwrap();
    let mut client = Client::sign_in(&demo.address("imap"), &user, &password).unwrap();
    client.ok("ENABLE QRESYNC").unwrap();
    let seen: BTreeMap<String, Seen> = client
        .ok("LIST \"\" \"*\"")
        .unwrap()
        .listed()
        .into_iter()
        .map(|name| {
            let folder = look(&mut client, &name, &mut registry.octets);
            (name, folder)
        })
        .collect();
    for (name, folder) in &seen {
        compare(&mut registry, name, folder);
    }
    for ledger in &account.sessions {
        settle(&mut ledger.lock().unwrap(), &seen, round);
    }
    for (name, folder) in &seen {
        if let Some(replica) = registry.replicas.get(&folder.id) {
            come_back(&mut client, name, folder, replica, round);
        }
        // Some are away for longer than others.
        if round.is_multiple_of(3) || !registry.replicas.contains_key(&folder.id) {
            let replica = folder.replica();
            registry.replicas.insert(folder.id.clone(), replica);
        }
    }
    let there = seen.values().flat_map(|folder| folder.messages.values());
    let there: BTreeSet<&String> = there.map(|message| &message.id).collect();
    registry.octets.retain(|id, _| there.contains(id));
    let ids: BTreeSet<&String> = seen.values().map(|folder| &folder.id).collect();
    registry.replicas.retain(|id, _| ids.contains(id));
}

/// Reads a folder, and demands that it agrees with itself.
fn look(client: &mut Client, name: &str, made: &mut HashMap<String, Vec<u8>>) -> Seen {
    let status = client
        .ok(&format!("STATUS \"{name}\" (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ UNSEEN DELETED SIZE MAILBOXID)"))
        .unwrap();
    let opened = client.ok(&format!("EXAMINE \"{name}\"")).unwrap();
    let told = client
        .ok("UID FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[])")
        .unwrap();
    let number = |name| status.status(name).unwrap().parse::<u64>().unwrap();
    let floor = Floor {
        uid_validity: number("UIDVALIDITY") as u32,
        uid_next: number("UIDNEXT") as u32,
        highest: number("HIGHESTMODSEQ"),
    };
    let selected = replica(&opened).unwrap();
    assert_eq!(
        (floor.uid_validity, floor.uid_next, floor.highest),
        (selected.uid_validity, selected.uid_next, selected.mod_seq),
        "{name}: STATUS and EXAMINE"
    );
    let id = mailbox_id(&opened).unwrap();
    assert_eq!(status.status("MAILBOXID"), Some(&*id), "{name}");
    let mut messages = BTreeMap::new();
    let (mut size, mut unseen, mut deleted) = (0, 0, 0);
    for fetched in told.fetched() {
        let (uid, body) = (fetched.uid.unwrap(), fetched.body.unwrap());
        let message_id = message_id(&body);
        if message_id.ends_with(mail::DELIVERED) {
            let is_whole = body.ends_with(octets(made, &message_id));
            assert!(is_whole, "{name}: octets of {message_id}");
        } else if message_id.ends_with("@imap.test>") {
            let is_whole = body == octets(made, &message_id);
            assert!(is_whole, "{name}: octets of {message_id}");
        }
        let row = Row {
            mod_seq: fetched.mod_seq.unwrap(),
            flags: fetched.flags.unwrap(),
        };
        assert!(uid < floor.uid_next, "{name}: uid {uid} and {floor:?}");
        assert!(
            row.mod_seq <= floor.highest,
            "{name}: {row:?} and {floor:?}"
        );
        size += body.len() as u64;
        unseen += u64::from(!row.flags.contains("\\Seen"));
        deleted += u64::from(row.flags.contains("\\Deleted"));
        let message = Message {
            id: message_id,
            row,
        };
        assert!(
            messages.insert(uid, message).is_none(),
            "{name}: uid {uid} twice"
        );
    }
    let counted = [messages.len() as u64, unseen, deleted, size];
    assert_eq!(
        ["MESSAGES", "UNSEEN", "DELETED", "SIZE"].map(number),
        counted,
        "{name}: the counters and what is there"
    );
    Seen {
        id,
        floor,
        messages,
    }
}

/// The octets of a message, made up once.
fn octets<'a>(made: &'a mut HashMap<String, Vec<u8>>, id: &str) -> &'a [u8] {
    let made = made.entry(id.to_owned());
    made.or_insert_with_key(|id| message(id))
}

/// Demands that nothing which was ever told of the folder is different now, but by a change.
fn compare(registry: &mut Registry, name: &str, folder: &Seen) {
    let id = &folder.id;
    registry.named(name, id, folder.floor.uid_validity);
    registry.at(id, folder.floor);
    for (uid, message) in &folder.messages {
        registry.means(id, folder.floor.uid_validity, *uid, &message.id);
        if let Some(before) = registry.known(id, *uid) {
            let now = &message.row;
            let is_same = before == now || before.mod_seq < now.mod_seq;
            assert!(is_same, "{name}, uid {uid}: {before:?} before, {now:?} now");
        }
    }
}

/// Demands that the session's mail is as it was told, with as much of what it was not told as happened: the first so many
/// of the commands that were asked.
fn settle(ledger: &mut Ledger, seen: &BTreeMap<String, Seen>, round: u64) {
    // None of it done, the first of it done, and so on.
    let mut states = vec![ledger.state.clone()];
    for op in &ledger.pending {
        let mut next = states[states.len() - 1].clone();
        next.apply(op, &crate::state::Told::default());
        states.push(next);
    }
    let mut problems = Vec::new();
    for (happened, mut state) in states.into_iter().enumerate().rev() {
        match agree(&mut state, &ledger.name, seen) {
            Ok(()) => {
                ledger.state = state;
                for (number, op) in std::mem::take(&mut ledger.pending).iter().enumerate() {
                    let tally = ledger.tallies.entry(op.name()).or_default();
                    if number < happened {
                        tally.happened += 1;
                    } else {
                        tally.dropped += 1;
                    }
                }
                return;
            }
            Err(problem) => problems.push(problem),
        }
    }
    panic!(
        "round {round}, session {}: not answered were {:#?}\nand from all of it done to nothing done: {problems:#?}",
        ledger.name, ledger.pending
    );
}

/// Whether the server shows `state`; fills in the uids and folder ids that no answer told.
fn agree(state: &mut State, session: &str, seen: &BTreeMap<String, Seen>) -> Result<(), String> {
    for (name, place) in &mut state.folders {
        let folder = seen.get(name).ok_or_else(|| format!("{name} is lost"))?;
        let id = place.id.get_or_insert_with(|| folder.id.clone());
        if *id != folder.id {
            return Err(format!("{name} is another folder: {id} was told"));
        }
    }
    let end = format!(".{session}@imap.test>");
    for (name, folder) in seen {
        let own = name
            .strip_prefix(session)
            .and_then(|name| name.strip_prefix('/'));
        if own.is_some_and(|own| PASSING.contains(&own)) && !state.folders.contains_key(name) {
            return Err(format!("{name} is there"));
        }
        let mine = folder.messages.iter();
        let mut mine: BTreeMap<u32, &Message> = mine
            .filter(|(_, message)| message.id.ends_with(&end))
            .map(|(uid, message)| (*uid, message))
            .collect();
        let items = || state.items.iter().filter(|item| item.folder == *name);
        let mut last = 0;
        for (item, uid) in items().filter_map(|item| Some((item, item.uid?))) {
            let message = mine.remove(&uid);
            same(name, item, message)?;
            last = last.max(uid);
        }
        for item in items().filter(|item| item.uid.is_none()) {
            let (uid, message) = mine.pop_first().unzip();
            same(name, item, message)?;
            if uid < Some(last) {
                return Err(format!("{name}: {uid:?} is given after {last}"));
            }
            last = last.max(uid.unwrap_or(last));
        }
        if let Some((uid, message)) = mine.first_key_value() {
            return Err(format!(
                "{name}: uid {uid} should not be there: {}",
                message.id
            ));
        }
    }
    fill_in(state, &end, seen);
    Ok(())
}

fn same(name: &str, item: &Item, message: Option<&Message>) -> Result<(), String> {
    match message {
        None => Err(format!("{name}: {item:?} is lost")),
        Some(message) if message.id != item.message => {
            Err(format!("{name}: {} instead of {item:?}", message.id))
        }
        Some(message) if message.row.flags != item.flags => {
            Err(format!("{name}: {:?} instead of {item:?}", message.row))
        }
        Some(_) => Ok(()),
    }
}

/// The uids of items that [`agree`] found, in the same order.
fn fill_in(state: &mut State, end: &str, seen: &BTreeMap<String, Seen>) {
    for (name, folder) in seen {
        let known: BTreeSet<u32> = state
            .items
            .iter()
            .filter(|item| item.folder == *name)
            .filter_map(|item| item.uid)
            .collect();
        let mine = folder.messages.iter();
        let mut new =
            mine.filter(|(uid, message)| message.id.ends_with(end) && !known.contains(uid));
        for item in &mut state.items {
            if item.folder == *name && item.uid.is_none() {
                item.uid = new.next().map(|(uid, _)| *uid);
            }
        }
    }
}

/// A client that was away selects the folder with QRESYNC, in one of the ways that RFC 7162 §3.2.5 has, and must then know
/// what is there; nothing that it is told may be old or wrong.
fn come_back(client: &mut Client, name: &str, folder: &Seen, before: &Replica, round: u64) {
    let mut replica = before.clone();
    let (validity, since, end) = (before.uid_validity, before.mod_seq, before.uid_next);
    // With the known uids it is told of these alone, and asks for what is new itself.
    let way = (round as usize + name.len()) % 3;
    let names_known = end > 1 && way > 0;
    let mut resync = format!("{validity} {since}");
    if names_known {
        resync = format!("{resync} 1:{}", end - 1);
    }
    if names_known
        && way == 1
        && let Some((numbers, uids)) = pairs(&before.rows)
    {
        resync = format!("{resync} ({numbers} {uids})");
    }
    let told = client
        .ok(&format!("SELECT \"{name}\" (QRESYNC ({resync}))"))
        .unwrap();
    let context = || format!("{name}: back with QRESYNC ({resync}), told {told:?}");
    for uid in told.vanished() {
        let is_gone = uid < folder.floor.uid_next && !folder.messages.contains_key(&uid);
        assert!(is_gone, "uid {uid} is there: {}", context());
        assert!(
            !names_known || uid < end,
            "uid {uid} is not known: {}",
            context()
        );
    }
    for fetched in told.fetched() {
        let (uid, mod_seq) = (fetched.uid.unwrap(), fetched.mod_seq.unwrap());
        assert!(mod_seq > since, "uid {uid} is no news: {}", context());
        let now = folder.messages.get(&uid).map(|message| &message.row);
        let row = Row {
            mod_seq,
            flags: fetched.flags.unwrap(),
        };
        assert_eq!(now, Some(&row), "uid {uid}: {}", context());
    }
    replica.uid_next = folder.floor.uid_next;
    replica.learn(&told);
    if names_known {
        let new = client
            .ok(&format!("UID FETCH {end}:* (UID FLAGS)"))
            .unwrap();
        replica.learn(&new);
    }
    let there: BTreeMap<_, _> = folder.rows();
    assert_eq!(replica.rows, there, "{before:?} before, {}", context());
}

/// Sequence numbers and uids of some known messages.
fn pairs(rows: &BTreeMap<u32, crate::state::Flags>) -> Option<(String, String)> {
    let known = (1..).zip(rows.keys()).step_by(3);
    let (numbers, uids): (Vec<u32>, Vec<u32>) = known.map(|(number, uid)| (number, *uid)).unzip();
    let write = fieldpost_tests::imap::write_set::<u32>;
    (!uids.is_empty()).then(|| (write(numbers), write(uids)))
}

impl Seen {
    fn rows(&self) -> BTreeMap<u32, crate::state::Flags> {
        let rows = self.messages.iter();
        rows.map(|(uid, message)| (*uid, message.row.flags.clone()))
            .collect()
    }

    fn replica(&self) -> Replica {
        Replica {
            uid_validity: self.floor.uid_validity,
            mod_seq: self.floor.highest,
            uid_next: self.floor.uid_next,
            rows: self.rows(),
        }
    }
}
