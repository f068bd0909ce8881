//! A client that looks into all folders while others write, and keeps what it saw: nothing of it may be undone by a kill, and
//! with QRESYNC it must arrive at the server's state when it comes back.

use std::{collections::BTreeMap, io, sync::Mutex};

use fieldpost_tests::imap::{Answer, Client};

use crate::{
    Events, message_id,
    registry::{Registry, Replica},
};

/// Looks into one folder after the other until the server dies.
pub fn read(
    imap: &str,
    user: &(String, String),
    registry: &Mutex<Registry>,
    events: &Events,
) -> io::Result<()> {
    while events.go_on() {
        let result = look_around(imap, user, registry, events);
        // A session ends when another deletes the folder that it looks into (RFC 9051 leaves the server no better way).
        if events.is_over() {
            return result;
        }
    }
    Ok(())
}

fn look_around(
    imap: &str,
    (user, password): &(String, String),
    registry: &Mutex<Registry>,
    events: &Events,
) -> io::Result<()> {
    let mut client = Client::sign_in(imap, user, password)?;
    client.ok("ENABLE QRESYNC")?;
    while events.go_on() {
        for name in client.ok("LIST \"\" \"*\"")?.listed() {
            look(&mut client, &name, registry)?;
            events.count();
        }
    }
    Ok(())
}

fn look(client: &mut Client, name: &str, registry: &Mutex<Registry>) -> io::Result<()> {
    let opened = client.ask(&format!("SELECT \"{name}\""))?;
    let (Some(id), Some(replica)) = (mailbox_id(&opened), replica(&opened)) else {
        assert!(
            opened.tagged.starts_with("NO [NONEXISTENT]"),
            "{}",
            opened.tagged
        );
        return Ok(());
    };
    registry.lock().unwrap().heard(&id, &opened);
    let mut replica = replica;
    let told = client.ok(ROWS)?;
    for fetched in told.fetched() {
        if let (Some(uid), Some(field)) = (fetched.uid, &fetched.body) {
            replica.uid_next = replica.uid_next.max(uid + 1);
            let mut registry = registry.lock().unwrap();
            registry.means(&id, replica.uid_validity, uid, &message_id(field));
        }
    }
    keep(&id, &told, &mut replica, registry);
    for _ in 0..2 {
        let told = client.ok("NOOP")?;
        keep(&id, &told, &mut replica, registry);
    }
    Ok(())
}

/// Takes over what an answer tells.
fn keep(id: &str, told: &Answer, replica: &mut Replica, registry: &Mutex<Registry>) {
    replica.learn(told);
    let mut registry = registry.lock().unwrap();
    registry.heard(id, told);
    registry.replicas.insert(id.to_owned(), replica.clone());
}

/// What SELECT says of a folder, without its messages.
pub fn replica(opened: &Answer) -> Option<Replica> {
    Some(Replica {
        uid_validity: opened.number("UIDVALIDITY")? as u32,
        mod_seq: opened.number("HIGHESTMODSEQ")?,
        uid_next: opened.number("UIDNEXT")? as u32,
        rows: BTreeMap::new(),
    })
}

/// MAILBOXID of a SELECT.
pub fn mailbox_id(opened: &Answer) -> Option<String> {
    let id = opened.code("MAILBOXID")?;
    Some(id.trim_matches(['(', ')']).to_owned())
}

const ROWS: &str = "UID FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])";
