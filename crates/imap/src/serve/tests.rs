//! Conversations about what is no single command's: greeting, sign-in, TLS, IDLE, compression, limits.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::testing::{ADDRESS, NETWORK, Office, PASSWORD, message};

fn plain() -> String {
    STANDARD.encode(format!("\0{ADDRESS}\0{PASSWORD}"))
}

#[tokio::test]
async fn sign_in_and_out() {
    let office = Office::open().await;
    let mut client = office.connect().await;
    client
        .says("SELECT INBOX", "BAD SELECT: sign in first")
        .await;
    client
        .says("LOGIN alice@demo.test wrong", "NO [AUTHENTICATIONFAILED] *")
        .await;
    let (_, tagged) = client
        .asks(&format!("LOGIN alice@demo.test \"{PASSWORD}\""))
        .await;
    assert!(
        tagged.starts_with("OK [CAPABILITY IMAP4rev1 IMAP4rev2 "),
        "{tagged}"
    );
    assert!(tagged.contains(" QRESYNC "), "{tagged}");
    client.says("LOGIN a b", "BAD Signed in already").await;
    client.tells("LOGOUT", &["* BYE Goodbye"]).await;
    client.ends().await;
}

#[tokio::test]
async fn sasl_with_and_without_an_initial_response() {
    let office = Office::open().await;
    let mut client = office.connect().await;
    client
        .says(
            &format!("AUTHENTICATE PLAIN {}", plain()),
            "OK [CAPABILITY *",
        )
        .await;
    client.ok("UNAUTHENTICATE").await;
    client.sends("x AUTHENTICATE PLAIN\r\n").await;
    assert_eq!(client.line().await, "+ ");
    client.sends(format!("{}\r\n", plain())).await;
    assert!(client.until("x").await.1.starts_with("OK "));
}

/// Fault 11: invalid base64 in SASL; fault 12: an exchange that is cancelled.
#[tokio::test]
async fn fault_11_and_12_what_is_no_response() {
    let office = Office::with(|settings| settings.failed_sign_ins = 10).await;
    let mut client = office.connect().await;
    client.says("AUTHENTICATE PLAIN !!!", "BAD *").await;
    client.sends("x AUTHENTICATE PLAIN\r\n").await;
    client.line().await;
    client.sends("====\r\n").await;
    assert_eq!(
        client.until("x").await.1,
        "BAD Response is not valid base64"
    );
    client.sends("y AUTHENTICATE SCRAM-SHA-256\r\n").await;
    client.line().await;
    client.sends("*\r\n").await;
    assert_eq!(client.until("y").await.1, "BAD Authentication cancelled");
    client.says("AUTHENTICATE X-NOTHING", "NO [CANNOT] *").await;
    client.signs_in(ADDRESS).await;
}

/// Fault 1: a command in the same segment behind STARTTLS. Fault 2: twice. Fault 3: a password in the clear.
#[tokio::test]
async fn fault_1_2_3_tls() {
    let mut office = Office::open().await;
    let connector = office.offer_tls();
    let mut client = office.connect_from(NETWORK).await;
    let told = client.ok("CAPABILITY").await;
    assert!(told[0].contains(" STARTTLS LOGINDISABLED"), "{told:?}");
    assert!(!told[0].contains("AUTH=PLAIN"), "{told:?}");
    client
        .says(
            &format!("LOGIN alice \"{PASSWORD}\""),
            "NO [PRIVACYREQUIRED] *",
        )
        .await;
    client
        .says(&format!("AUTHENTICATE PLAIN {}", plain()), "NO *")
        .await;
    client.says("STARTTLS", "OK Begin TLS").await;
    let mut client = client.start_tls(&connector).await;
    let told = client.ok("CAPABILITY").await;
    assert!(
        !told[0].contains("STARTTLS") && told[0].contains("AUTH=PLAIN"),
        "{told:?}"
    );
    client.says("STARTTLS", "BAD TLS is in force already").await;
    client.signs_in(ADDRESS).await;
    client.says("STARTTLS", "BAD Signed in already").await;

    let mut injected = office.connect_from(NETWORK).await;
    injected.sends("x STARTTLS\r\ny NOOP\r\n").await;
    assert!(injected.line().await.starts_with("x BAD "));
    assert!(injected.line().await.starts_with("* BYE "));
    injected.ends().await;
}

#[tokio::test]
async fn idle_tells_of_what_others_do() {
    let office = Office::open().await;
    office.deliver(message("one", "x")).await;
    let mut waiting = office.selected().await;
    waiting.sends("x IDLE\r\n").await;
    assert_eq!(waiting.line().await, "+ Idling");
    office.deliver(message("two", "x")).await;
    assert_eq!(waiting.line().await, "* 2 EXISTS");
    assert_eq!(waiting.line().await, "* 1 RECENT");
    let mut other = office.selected().await;
    other.ok("STORE 1 +FLAGS.SILENT (\\Seen \\Deleted)").await;
    assert_eq!(waiting.line().await, "* 1 FETCH (FLAGS (\\Deleted \\Seen))");
    other.ok("EXPUNGE").await;
    assert_eq!(waiting.line().await, "* 1 EXPUNGE");
    waiting.sends("DONE\r\n").await;
    assert_eq!(waiting.until("x").await.1, "OK Idle ended");
}

/// What happens between the last command and IDLE is not lost.
#[tokio::test]
async fn idle_begins_with_what_came_before_it() {
    let office = Office::open().await;
    let mut client = office.selected().await;
    office.deliver(message("before", "x")).await;
    client.sends("x IDLE\r\n").await;
    assert_eq!(client.line().await, "+ Idling");
    assert_eq!(client.line().await, "* 1 EXISTS");
}

/// Fault 18: commands pipelined during IDLE.
#[tokio::test]
async fn fault_18_a_command_during_idle_is_not_done() {
    let office = Office::open().await;
    let mut client = office.selected().await;
    client.sends("x IDLE\r\ny CREATE Sneaked\r\n").await;
    assert_eq!(client.line().await, "+ Idling");
    assert_eq!(client.line().await, "x BAD Expected DONE");
    client.tells("LIST \"\" Sneaked", &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_in_idle_hears_that_the_server_is_there_and_is_let_go_in_the_end() {
    let office = Office::open().await;
    let mut client = office.selected().await;
    client.sends("x IDLE\r\n").await;
    assert_eq!(client.line().await, "+ Idling");
    for _ in 0..15 {
        assert_eq!(client.line_in_its_own_time().await, "* OK Still here");
    }
    assert_eq!(
        client.line_in_its_own_time().await,
        "* BYE Idle for too long"
    );
    client.ends().await;
}

#[tokio::test]
async fn commands_that_arrive_together_are_answered_in_order() {
    let office = Office::open().await;
    let mut client = office.signed_in().await;
    client
        .sends("a1 NOOP\r\na2 SELECT INBOX\r\na3 NOOP\r\na4 UNSELECT\r\na5 FETCH 1 FLAGS\r\n")
        .await;
    for tag in ["a1", "a2", "a3", "a4"] {
        assert!(client.until(tag).await.1.starts_with("OK"));
    }
    assert!(client.until("a5").await.1.starts_with("BAD"));
}

/// A literal of a command is asked for, or comes unasked.
#[tokio::test]
async fn literals_in_commands() {
    let office = Office::open().await;
    let mut client = office.connect().await;
    client.sends("x LOGIN {15}\r\n").await;
    assert_eq!(client.line().await, "+ Go on");
    client
        .sends(format!(
            "alice@demo.test {{{}+}}\r\n{PASSWORD}\r\n",
            PASSWORD.len()
        ))
        .await;
    assert!(client.until("x").await.1.starts_with("OK"));
}

/// Fault 7 and 8: literals beyond all bounds, thousands of them; fault 10: parentheses before sign-in.
#[tokio::test]
async fn fault_7_8_10_what_is_too_much() {
    let office = Office::open().await;
    let mut client = office.connect().await;
    for size in ["4294967295", "99999999999999999999"] {
        client.says(&format!("LOGIN {{{size}}}"), "BAD *").await;
    }
    client.says(&"(".repeat(5_000), "BAD *").await;
    client.signs_in(ADDRESS).await;
    client.ok("SELECT INBOX").await;
    let (_, tagged) = client.asks(&format!("SEARCH {}", "(".repeat(20_000))).await;
    assert!(tagged.starts_with("BAD"), "{tagged}");
    // As many negations as there is room for say no more than one or none.
    client
        .says(
            &format!("SEARCH {}ALL", "NOT ".repeat(10_000)),
            "OK Searched",
        )
        .await;
    let mut many = String::from("x SEARCH");
    for _ in 0..250 {
        many.push_str(" SUBJECT {1+}\r\na");
    }
    client.sends(format!("{many}\r\n")).await;
    let (_, tagged) = client.until("x").await;
    assert!(tagged.starts_with("BAD"), "{tagged}");
}

#[tokio::test]
async fn a_line_without_end_is_answered_and_costs_no_memory() {
    let office = Office::open().await;
    let mut client = office.signed_in().await;
    client
        .sends(format!("x NOOP {}\r\n", "y".repeat(300_000)))
        .await;
    let (_, tagged) = client.until("x").await;
    assert!(tagged.starts_with("BAD"), "{tagged}");
    client.ok("NOOP").await;
}

/// What comes unasked behind a line that is too long is a literal, and no command.
#[tokio::test]
async fn the_literal_behind_a_line_that_is_too_long_is_not_taken_for_commands() {
    let office = Office::open().await;
    let mut client = office.signed_in().await;
    let set = "1,".repeat(100_000);
    client
        .sends(format!(
            "x UID SEARCH {set}1 SUBJECT {{18+}}\r\ny DELETE Archive\r\n OR {set}1 TEXT {{10+}}\r\nz LOGOUT\r\n\r\n"
        ))
        .await;
    let (told, tagged) = client.until("x").await;
    assert!(
        told.is_empty() && tagged.starts_with("BAD"),
        "{told:?} {tagged}"
    );
    client.ok("STATUS Archive (MESSAGES)").await;
}

#[tokio::test]
async fn too_many_bad_commands_end_the_connection() {
    let office = Office::with(|settings| settings.bad_commands = 3).await;
    let mut client = office.connect().await;
    client.says("NONSENSE", "BAD *").await;
    client.says("NONSENSE", "BAD *").await;
    client.says("NONSENSE", "BAD *").await;
    assert!(client.line().await.starts_with("* BYE "));
    client.ends().await;
}

#[tokio::test]
async fn bad_commands_of_a_long_session_do_not_add_up() {
    let office = Office::with(|settings| settings.bad_commands = 3).await;
    let mut client = office.selected().await;
    for _ in 0..5 {
        client.says("NONSENSE", "BAD *").await;
        client
            .says("SEARCH CHARSET X-Y ALL", "NO [BADCHARSET *")
            .await;
        client.says("NONSENSE", "BAD *").await;
        client.ok("NOOP").await;
    }
    for _ in 0..3 {
        client.says("NONSENSE", "BAD *").await;
    }
    assert!(client.line().await.starts_with("* BYE "));
}

#[tokio::test]
async fn an_account_has_so_many_connections() {
    let office = Office::with(|settings| settings.connections_per_account = 2).await;
    let one = office.signed_in().await;
    let _two = office.signed_in().await;
    let mut three = office.connect().await;
    three
        .says(&format!("LOGIN {ADDRESS} \"{PASSWORD}\""), "NO [LIMIT] *")
        .await;
    let mut one = one;
    one.ok("LOGOUT").await;
    one.ends().await;
    three.signs_in(ADDRESS).await;
}

#[tokio::test]
async fn a_drained_server_says_goodbye() {
    let office = Office::open().await;
    let mut client = office.selected().await;
    office.shutdown.cancel();
    assert_eq!(client.line().await, "* BYE The server is shutting down");
    client.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_let_go() {
    let office = Office::open().await;
    let mut client = office.connect().await;
    let before = tokio::time::Instant::now();
    assert_eq!(
        client.line_in_its_own_time().await,
        "* BYE Idle for too long"
    );
    assert_eq!(before.elapsed(), Duration::from_mins(1));
    client.ends().await;
}

/// RFC 2971, and what is kept from some clients.
#[tokio::test]
async fn a_client_that_can_not_handle_a_capability_is_not_offered_it() {
    let office = Office::with(|settings| {
        settings.masks = vec![crate::Mask {
            client: "outlook".into(),
            without: vec!["QRESYNC".into()],
        }];
    })
    .await;
    let mut client = office.signed_in().await;
    client
        .tells(
            "ID (\"name\" \"Some Outlook\" \"version\" NIL)",
            &["* ID (\"name\" \"fieldpost\")"],
        )
        .await;
    let told = client.ok("CAPABILITY").await;
    assert!(!told[0].contains("QRESYNC"), "{told:?}");
    client.tells("ENABLE QRESYNC", &["* ENABLED"]).await;
}

/// RFC 4978
#[tokio::test]
async fn a_compressed_stream() {
    use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

    let office = Office::open().await;
    let mut client = office.selected().await;
    client.says("COMPRESS LZMA", "BAD *").await;
    client
        .says("COMPRESS DEFLATE", "OK Compression begins")
        .await;
    let (mut fold, mut unfold) = (
        Compress::new(Compression::fast(), false),
        Decompress::new(false),
    );
    let mut told = Vec::with_capacity(64 * 1024);
    for (command, answer) in [
        ("x CAPABILITY\r\n", "x OK "),
        ("y COMPRESS DEFLATE\r\n", "y NO [COMPRESSIONACTIVE]"),
        ("z LOGOUT\r\n", "z OK "),
    ] {
        let mut wire = Vec::with_capacity(1024);
        fold.compress_vec(command.as_bytes(), &mut wire, FlushCompress::Sync)
            .unwrap();
        client.sends(&wire).await;
        while !String::from_utf8_lossy(&told).contains(answer) {
            let came = client.octets().await;
            assert!(
                !came.is_empty(),
                "it broke off behind {}",
                String::from_utf8_lossy(&told)
            );
            unfold
                .decompress_vec(&came, &mut told, FlushDecompress::Sync)
                .unwrap();
        }
    }
    let told = String::from_utf8(told).unwrap();
    assert!(!told.contains("COMPRESS=DEFLATE"), "{told}");
}

/// RFC 9208
#[tokio::test]
async fn quota() {
    let office = Office::open().await;
    office.deliver(message("one", &"x".repeat(2000))).await;
    let limits = fieldpost_mailbox::Limits {
        bytes: 1024 * 1024,
        items: 500,
    };
    office.mailbox.set_quota(limits).await.unwrap();
    let mut client = office.signed_in().await;
    client
        .tells(
            "GETQUOTAROOT INBOX",
            &[
                "* QUOTAROOT INBOX \"account\"",
                "* QUOTA \"account\" (STORAGE 3 1024 MESSAGE 1 500)",
            ],
        )
        .await;
    client
        .tells(
            "GETQUOTA \"account\"",
            &["* QUOTA \"account\" (STORAGE 3 1024 MESSAGE 1 500)"],
        )
        .await;
    client.says("GETQUOTA other", "NO [NONEXISTENT] *").await;
    client
        .says("SETQUOTA \"account\" (STORAGE 5)", "NO [CANNOT] *")
        .await;
}

#[tokio::test]
async fn namespace_and_status() {
    let office = Office::open().await;
    office.deliver(message("one", "x")).await;
    let mut client = office.signed_in().await;
    client
        .tells("NAMESPACE", &["* NAMESPACE ((\"\" \"/\")) NIL NIL"])
        .await;
    client
        .tells(
            "STATUS INBOX (MESSAGES UNSEEN UIDNEXT SIZE DELETED APPENDLIMIT)",
            &["* STATUS INBOX (MESSAGES 1 UNSEEN 1 UIDNEXT 2 SIZE 141 DELETED 0 APPENDLIMIT NIL)"],
        )
        .await;
}

/// Fault 13: NUL and bytes that are no UTF-8 in user names.
#[tokio::test]
async fn fault_13_names_of_bytes() {
    let office = Office::with(|settings| settings.failed_sign_ins = 10).await;
    let mut client = office.connect().await;
    for name in [&b"ali\0ce"[..], b"\xff\xfe", b"alice@demo.test\0", b"\0"] {
        let mut command = format!("x LOGIN {{{}+}}\r\n", name.len()).into_bytes();
        command.extend_from_slice(name);
        command.extend_from_slice(b" secret\r\n");
        client.sends(command).await;
        let (_, tagged) = client.until("x").await;
        assert!(
            tagged.starts_with("NO") || tagged.starts_with("BAD"),
            "{tagged}"
        );
    }
    client.signs_in(ADDRESS).await;
}

/// Fault 14: sets that overflow other servers' arithmetic.
#[tokio::test]
async fn fault_14_sequence_sets() {
    let office = Office::open().await;
    for number in 1..=3 {
        office.deliver(message(&format!("m {number}"), "x")).await;
    }
    let mut client = office.selected().await;
    let all = [
        "* 1 FETCH (UID 1)",
        "* 2 FETCH (UID 2)",
        "* 3 FETCH (UID 3)",
    ];
    client.tells("UID FETCH 1:4294967295 UID", &all).await;
    client.tells("UID FETCH 4294967295:1 UID", &all).await;
    client.tells("FETCH *:* UID", &all[2..]).await;
    client.tells("UID FETCH 4294967295:* UID", &all[2..]).await;
    client
        .says("FETCH 1:4294967295 UID", "BAD No such message")
        .await;
    for set in ["0", "4294967296", "1:0", "*:0", "1,,2", "1:2:3", "-1", ""] {
        let (_, tagged) = client.asks(&format!("FETCH {set} UID")).await;
        assert!(tagged.starts_with("BAD"), "{set}: {tagged}");
    }
}

/// Fault 18: commands pipelined behind AUTHENTICATE are no commands while the exchange lasts.
#[tokio::test]
async fn fault_18_a_command_behind_authenticate_is_a_response() {
    let office = Office::open().await;
    let mut client = office.connect().await;
    client.sends("x AUTHENTICATE PLAIN\r\ny NOOP\r\n").await;
    assert_eq!(client.line().await, "+ ");
    assert!(client.until("x").await.1.starts_with("BAD"));
    client.signs_in(ADDRESS).await;
}

/// Fault 18: what is pipelined behind APPEND without waiting is its message as far as that goes, and a command behind it.
#[tokio::test]
async fn fault_18_a_command_within_append_is_its_message() {
    let office = Office::open().await;
    let mut client = office.signed_in().await;
    let text = "Subject: x\r\n\r\ny CREATE Sneaked\r\n";
    let size = text.len();
    client
        .sends(format!("x APPEND INBOX {{{size}}}\r\n{text}\r\nz NOOP\r\n"))
        .await;
    assert_eq!(client.line().await, "+ Go on");
    assert!(client.until("x").await.1.starts_with("OK"));
    assert!(client.until("z").await.1.starts_with("OK"));
    client.tells("LIST \"\" Sneaked", &[]).await;
    let told = format!("* STATUS INBOX (MESSAGES 1 SIZE {size})");
    client.tells("STATUS INBOX (MESSAGES SIZE)", &[&told]).await;
}

/// Fault 15: a chain of thousands of keys costs what its keys cost.
#[tokio::test]
async fn fault_15_long_searches() {
    let office = Office::open().await;
    office.deliver(message("one", "x")).await;
    let mut client = office.selected().await;
    let chain: Vec<String> = (0..1_900)
        .map(|number| format!("OR SUBJECT s{number} "))
        .collect();
    let chain = chain.concat();
    client
        .says(&format!("SEARCH {chain}ALL"), "OK Searched")
        .await;
    let (_, tagged) = client
        .asks(&format!("SEARCH {}", "ALL ".repeat(5_000)))
        .await;
    assert!(tagged.starts_with("BAD"), "{tagged}");
}

/// Between any two commands that come together others have their turn.
#[tokio::test]
async fn a_client_that_pipelines_does_not_keep_others_waiting() {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    const COMMANDS: usize = 1000;
    let office = Office::open().await;
    office.deliver(message("one", "x")).await;
    let mut client = office.selected().await;
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&turns);
    let other = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let commands: Vec<String> = (0..COMMANDS)
        .map(|number| format!("p{number} FETCH 1 FLAGS\r\n"))
        .collect();
    client.sends(commands.concat()).await;
    let before = turns.load(Ordering::Relaxed);
    client.until(&format!("p{}", COMMANDS - 1)).await;
    let turns = turns.load(Ordering::Relaxed) - before;
    other.abort();
    assert!(turns >= COMMANDS * 9 / 10, "{turns}");
}
