//! Conversations about the connection itself: pipelining, limits, deadlines, TLS, several sessions at once.

use std::{sync::Arc, time::Duration};

use rustls::pki_types::ServerName;

use crate::testing::{ADDRESS, NETWORK, Office, PASSWORD, message, pass};

#[tokio::test]
async fn pipelined_commands_are_answered_in_order() {
    let office = Office::open().await;
    let texts = [
        message("one", 10),
        message("two", 100_000),
        message("three", 10),
    ];
    for text in &texts {
        office.deliver(text).await;
    }
    let mut client = office.connect().await;
    client
        .sends(format!(
            "USER {ADDRESS}\r\nPASS {PASSWORD}\r\nSTAT\r\nRETR 1\r\nRETR 2\r\nRETR 3\r\nDELE 1\r\nDELE 2\r\nQUIT\r\n"
        ))
        .await;
    assert!(client.line().await.starts_with("+OK "));
    assert!(
        client
            .line()
            .await
            .starts_with("+OK Maildrop has 3 messages")
    );
    assert!(client.line().await.starts_with("+OK 3 "));
    for text in &texts {
        assert_eq!(client.line().await, format!("+OK {} octets", text.len()));
        assert!(client.message().await == *text);
    }
    assert_eq!(client.line().await, "+OK Message 1 marked as deleted");
    assert_eq!(client.line().await, "+OK Message 2 marked as deleted");
    assert_eq!(client.line().await, "+OK Deleted 2 messages, goodbye");
    client.ends().await;
    assert_eq!(office.inbox().await.len(), 1);
}

/// Fault 22: a 256 KiB line, bare LF, bare CR.
#[tokio::test]
async fn fault_22_odd_lines() {
    let office = Office::open().await;
    let mut client = office.connect().await;
    client
        .says(&"x".repeat(256 * 1024), "-ERR Line too long")
        .await;
    client.sends("USER alice@demo.test\n").await;
    assert!(client.line().await.starts_with("+OK"));
    client.says("NOOP\rNOOP", "-ERR Unknown command").await;
    client.says("", "-ERR Empty command").await;
    client.signs_in().await;
    client
        .says(&format!("PASS {}", "x".repeat(5000)), "-ERR Line too long")
        .await;
    client.sends("NOOP\nNOOP\n").await;
    assert!(client.line().await.starts_with("+OK"));
    assert!(client.line().await.starts_with("+OK"));
}

#[tokio::test]
async fn what_is_no_pop3_is_sent_away() {
    let office = Office::with(|settings| settings.bad_commands = 3).await;
    let mut client = office.connect().await;
    client.says("GET / HTTP/1.1", "-ERR Unknown command").await;
    client.says("STAT", "-ERR Sign in first").await;
    client.says("Host: demo.test", "-ERR Unknown command").await;
    client.ends().await;
}

#[tokio::test]
async fn user_and_pass_belong_together() {
    let office = Office::open().await;
    let mut client = office.connect().await;
    client.says(&pass(), "-ERR USER must come first").await;
    client.says("USER alice@demo.test", "+OK *").await;
    client.says("STAT", "-ERR Sign in first").await;
    client.says(&pass(), "-ERR USER must come first").await;
    client.says("USER alice@demo.test", "+OK *").await;
    client.says(&pass(), "+OK Maildrop has *").await;
    client
        .says("USER alice@demo.test", "-ERR Already signed in")
        .await;
    client.says(&pass(), "-ERR Already signed in").await;
    client
        .says("STLS", "-ERR TLS must start before sign-in")
        .await;
}

/// Fault 24: two sessions at once.
#[tokio::test]
async fn fault_24_a_second_session_is_told_that_the_maildrop_is_in_use() {
    let office = Office::with(|settings| settings.maildrop_wait = Duration::ZERO).await;
    let first = office.signed_in().await;
    let mut second = office.connect().await;
    second.says("USER alice@demo.test", "+OK *").await;
    second.says(&pass(), "-ERR [IN-USE] *").await;
    first.quits().await;
    second.signs_in().await;
    second.drop_and_wait().await;
    office.signed_in().await.quits().await;
}

/// Two programs that look at the same moment: the second has its turn when the first is done.
#[tokio::test]
async fn fault_24_a_second_session_waits_a_moment_for_the_first() {
    let office = Office::open().await;
    let first = office.signed_in().await;
    let mut second = office.connect().await;
    second.says("USER alice@demo.test", "+OK *").await;
    second.sends(format!("{}\r\n", pass())).await;
    first.quits().await;
    assert!(second.line().await.starts_with("+OK "));
    second.quits().await;
}

/// Each session has its own view; what one deletes is gone for the next, and what came meanwhile is there.
#[tokio::test]
async fn sessions_one_after_the_other() {
    let office = Office::open().await;
    let mut expected: Vec<Vec<u8>> = Vec::new();
    for round in 0..5_usize {
        for number in 0..4 {
            let text = message(&format!("{round}.{number}"), 50 * (number + 1));
            office.deliver(&text).await;
            expected.push(text);
        }
        let mut client = office.signed_in().await;
        let octets: usize = expected.iter().map(Vec::len).sum();
        client
            .says("STAT", &format!("+OK {} {octets}", expected.len()))
            .await;
        office.deliver(&message("late", 1)).await;
        for (index, text) in expected.iter().enumerate() {
            assert!(client.asks_message(&format!("RETR {}", index + 1)).await.1 == *text);
        }
        let gone = round % expected.len() + 1;
        client.says(&format!("DELE {gone}"), "+OK *").await;
        client.quits().await;
        expected.remove(gone - 1);
        expected.push(message("late", 1));
    }
}

/// Many programs of one user at once: one after the other gets in, and each message is taken by one of them.
#[tokio::test]
async fn fault_24_clients_that_fight_for_the_maildrop() {
    let office = Arc::new(Office::with(|settings| settings.failed_sign_ins = u32::MAX).await);
    let clients = 8;
    for number in 0..clients {
        office.deliver(&message(&number.to_string(), 10)).await;
    }
    let fight = |office: Arc<Office>| async move {
        let mut client = office.connect().await;
        loop {
            client.says("USER alice@demo.test", "+OK *").await;
            let status = client.asks(&pass()).await;
            if status.starts_with("+OK") {
                break;
            }
            assert!(status.starts_with("-ERR [IN-USE] "), "{status}");
            tokio::task::yield_now().await;
        }
        let (_, text) = client.asks_message("RETR 1").await;
        client.says("DELE 1", "+OK *").await;
        client.quits().await;
        text
    };
    let mut fights = tokio::task::JoinSet::new();
    for _ in 0..clients {
        fights.spawn(fight(office.clone()));
    }
    let mut taken = fights.join_all().await;
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), clients);
    assert!(office.inbox().await.is_empty());
}

/// Fault 6: what a connection that waits takes up, its buffers aside, which it has none of.
#[tokio::test]
async fn fault_6_a_waiting_connection_is_small() {
    let office = Office::open().await;
    let size = office.size_of_a_connection();
    assert!(size < 16 * 1024, "{size} bytes");
}

#[tokio::test]
async fn a_second_sign_in_within_the_delay() {
    let office = Office::with(|settings| settings.login_delay = Duration::from_hours(1)).await;
    office.signed_in().await.quits().await;
    let mut client = office.connect().await;
    client.says("USER alice@demo.test", "+OK *").await;
    client.says(&pass(), "-ERR [LOGIN-DELAY] *").await;
    // The maildrop is free all the same.
    client.says("USER alice@demo.test", "+OK *").await;
    client.says(&pass(), "-ERR [LOGIN-DELAY] *").await;
}

/// Fault 6: a connection that does not sign in ends, however busy it is.
#[tokio::test(start_paused = true)]
async fn fault_6_time_without_sign_in_is_limited() {
    let office = Office::with(|settings| settings.bad_commands = u32::MAX).await;
    let mut client = office.connect().await;
    let start = tokio::time::Instant::now();
    loop {
        client.sends("CAPA\r\n").await;
        let Some(_) = client.line_or_end().await else {
            break;
        };
        client.message().await;
        tokio::time::advance(Duration::from_secs(20)).await;
    }
    let lasted = start.elapsed();
    assert!(
        lasted >= Duration::from_mins(3) && lasted < Duration::from_mins(4),
        "{lasted:?}"
    );
}

/// RFC 1939 §3: ten minutes of silence end a session without UPDATE, and without a word.
#[tokio::test(start_paused = true)]
async fn a_silent_session_ends_and_deletes_nothing() {
    let office = Office::open().await;
    office.deliver(&message("one", 10)).await;
    let mut client = office.signed_in().await;
    client.says("DELE 1", "+OK *").await;
    let start = tokio::time::Instant::now();
    assert_eq!(client.line_or_end().await, None);
    assert!(start.elapsed() >= Duration::from_mins(10));
    assert_eq!(office.inbox().await.len(), 1);
}

#[tokio::test]
async fn a_drain_ends_waiting_sessions() {
    let office = Office::open().await;
    office.deliver(&message("one", 10)).await;
    let mut client = office.signed_in().await;
    client.says("DELE 1", "+OK *").await;
    office.shutdown.cancel();
    client.ends().await;
    assert_eq!(office.inbox().await.len(), 1);
}

/// Faults 2 and 3: TLS opens the way for passwords, once.
#[tokio::test]
async fn fault_2_stls_once_and_before_sign_in() {
    let mut office = Office::open().await;
    let connector = office.offer_tls();
    let mut client = office.connect_from(NETWORK).await;
    let before = client.asks_lines("CAPA").await;
    assert!(
        before.contains(&"STLS".to_owned()) && !before.contains(&"USER".to_owned()),
        "{before:?}"
    );
    client.says("USER alice@demo.test", "-ERR [AUTH] *").await;
    client.says("STLS", "+OK Begin TLS").await;
    let mut client = client
        .start_tls(&connector, ServerName::try_from("localhost").unwrap())
        .await;
    let after = client.asks_lines("CAPA").await;
    assert!(
        !after.contains(&"STLS".to_owned()) && after.contains(&"USER".to_owned()),
        "{after:?}"
    );
    let sasl = after.iter().find(|line| line.starts_with("SASL ")).unwrap();
    assert!(sasl.contains("SCRAM-SHA-256-PLUS"), "{sasl}");
    client.says("STLS", "-ERR TLS is in force already").await;
    client.signs_in().await;
    client
        .says("STLS", "-ERR TLS must start before sign-in")
        .await;
    client.quits().await;
}

/// Fault 1: a command in the same segment after STLS (CVE-2021-33515).
#[tokio::test]
async fn fault_1_what_is_pipelined_behind_stls_is_not_read() {
    let mut office = Office::open().await;
    office.offer_tls();
    let mut client = office.connect().await;
    client.sends("STLS\r\nCAPA\r\n").await;
    assert_eq!(client.line().await, "-ERR Wait for the answer to STLS");
    client.ends().await;
}

#[tokio::test]
async fn no_tls_here() {
    let office = Office::open().await;
    office
        .connect()
        .await
        .says("STLS", "-ERR TLS is not available here")
        .await;
}
