//! POP3 over kill -9 and restarts of the server: what was promised holds, what was not is not done.
#![allow(clippy::unwrap_used)]

use fieldpost_tests::{Demo, lmtp, pop3};

fn sign_in(demo: &Demo) -> pop3::Client {
    let (address, password) = demo.account(1);
    pop3::Client::sign_in(&demo.address("pop3"), &address, &password).unwrap()
}

fn ids(demo: &Demo) -> Vec<String> {
    let mut session = sign_in(demo);
    let ids = session
        .uidl()
        .unwrap()
        .into_iter()
        .map(|(_, id)| id)
        .collect();
    session.quit().unwrap();
    ids
}

fn deliver(demo: &Demo, subject: &str) {
    let (address, _) = demo.account(1);
    let mail = format!("From: a@example.org\r\nSubject: {subject}\r\n\r\nHello\r\n");
    let mut client = lmtp::Client::connect(&demo.address("lmtp")).unwrap();
    let replies = client
        .deliver("a@example.org", &[&address], mail.as_bytes())
        .unwrap();
    assert!(replies[0].starts_with("250 "), "{replies:?}");
}

/// Faults 23 and 25: unique ids stay over restarts, a deletion acknowledged by QUIT survives kill -9, one that was not does not happen.
#[test]
fn fault_23_and_25_deletions_and_unique_ids_over_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(&directory.path().join("demo"));
    for number in 0..6 {
        deliver(&demo, &number.to_string());
    }
    let before = ids(&demo);
    assert!(before.len() >= 6);

    // DELE, then the server dies: nothing is deleted.
    let mut session = sign_in(&demo);
    session.command("DELE 1").unwrap();
    demo.kill();
    drop(session);
    demo.start_again();
    assert_eq!(ids(&demo), before);

    // DELE, then the client goes: nothing is deleted.
    let mut session = sign_in(&demo);
    session.command("DELE 1").unwrap();
    session.hang_up().unwrap();

    // DELE and QUIT, then the server dies at once: it is deleted.
    let mut session = sign_in(&demo);
    assert_eq!(session.uidl().unwrap().len(), before.len());
    session.command("DELE 2").unwrap();
    session.quit().unwrap();
    demo.kill();
    demo.start_again();
    let mut expected = before;
    expected.remove(1);
    assert_eq!(ids(&demo), expected);

    // What comes after gets an id that was never given out, and an orderly restart changes nothing either.
    deliver(&demo, "late");
    let after = ids(&demo);
    assert_eq!(after[..expected.len()], expected);
    assert!(!expected.contains(&after[expected.len()]));
    demo.stop();
    demo.start_again();
    assert_eq!(ids(&demo), after);
}
