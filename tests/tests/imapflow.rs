//! ImapFlow, the IMAP client of Node programs, against the demo server: `clients/imapflow.js` says what it does and demands.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use fieldpost_tests::{Post, imap};

#[test]
fn imapflow_reads_changes_comes_back_and_waits() {
    let post = Post::delivered();
    let mails = post.room.join("mails");
    fs::create_dir(&mails).unwrap();
    for (number, mail) in post.mails.iter().enumerate() {
        fs::write(mails.join(number.to_string()), mail).unwrap();
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = here.join("../target/clients-node/node_modules");
    assert!(
        modules.join("imapflow").exists(),
        "imapflow is not there; run `./test`, which installs all that the tests speak to"
    );
    let mut command = Command::new("node");
    command
        .arg(here.join("clients/imapflow.js"))
        .env("NODE_PATH", modules)
        .env("MAILS", mails)
        .stdout(Stdio::piped());
    let mut node = post
        .tell(&mut command)
        .spawn()
        .expect("node runs (`./test` installs it)");
    let mut said = Vec::new();
    for line in BufReader::new(node.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line == "idling" {
            post.deliver(
                b"From: a@example.org\r\nSubject: while you idled\r\n\r\nGood morning.\r\n",
            );
        }
        said.push(line);
    }
    let status = node.wait().unwrap();
    assert!(status.success(), "{status}, having said {said:?}");
    assert_eq!(said, ["idling", "done"]);

    // The server says the same to somebody else.
    let mut client =
        imap::Client::sign_in(&post.demo.address("imap"), &post.address, &post.password).unwrap();
    let count = |client: &mut imap::Client, mailbox: &str| {
        let answer = client
            .ok(&format!("STATUS \"{mailbox}\" (MESSAGES)"))
            .unwrap();
        answer.status("MESSAGES").unwrap().to_owned()
    };
    assert_eq!(count(&mut client, "Archive"), "1");
    assert_eq!(count(&mut client, "Drafts"), "0");
    assert_eq!(count(&mut client, "Projects/Gr&APw-n"), "2");
    client.ok("SELECT INBOX").unwrap();
    let found = client.ok("UID SEARCH KEYWORD $Work").unwrap();
    let found = found.untagged.last().unwrap().text.split(' ').count();
    assert_eq!(found, 3, "`* SEARCH` and one uid");
}
