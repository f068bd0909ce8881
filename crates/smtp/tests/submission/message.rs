//! The message itself: what is put in, what is taken out, what is refused.

use fieldpost_directory::AccountUpdate;
use fieldpost_mailbox::SpecialUse;
use fieldpost_smtp::{Settings, SubmissionSettings, codec::data::LineEnds};
use fieldpost_transport::BodyType;

use super::harness::Server;

const MESSAGE: &str = "From: <alice@demo.test>\r\nTo: <bob@demo.test>\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n\
    Message-ID: <1@client.test>\r\nSubject: x\r\n\r\n..Hello.\r\n";

#[tokio::test]
async fn one_reply_for_all_recipients_whoever_has_it_at_once() {
    let server = Server::new().await;
    let mut client = server.alice().await;
    let reply = client
        .message(&["bob@demo.test", "carol@demo.test"], MESSAGE)
        .await;
    assert_eq!(reply, "250 2.0.0 delivered");
    let reply = client
        .message(&["bob@demo.test", "x@far.test"], MESSAGE)
        .await;
    assert!(reply.starts_with("250 2.0.0 accepted as "), "{reply}");
    let bob = server.texts("bob", SpecialUse::Inbox).await;
    assert_eq!(bob.len(), 2);
    assert!(
        bob[0].starts_with(
            "Return-Path: <alice@demo.test>\r\nDelivered-To: bob@demo.test\r\nReceived: from client.test\r\n\tby mail.demo.test (fieldpost) with ESMTPA\r\n"
        ),
        "{}",
        bob[0]
    );
    assert!(
        bob[0].ends_with(&MESSAGE.replace("..Hello", ".Hello")),
        "{}",
        bob[0]
    );
    assert_eq!(server.texts("carol", SpecialUse::Inbox).await.len(), 1);
    assert_eq!(server.queue().await.len(), 1);
    assert!(
        server.texts("alice", SpecialUse::Sent).await.is_empty(),
        "clients keep their own copy"
    );
}

#[tokio::test]
async fn what_is_missing_is_put_in_and_what_must_not_travel_is_taken_out() {
    let submission = SubmissionSettings {
        save_sent: true,
        ..SubmissionSettings::default()
    };
    let server = Server::with(submission, Settings::default()).await;
    let mut client = server.alice().await;
    let bare = "Return-Path: <x@y.test>\r\nBcc: carol@demo.test\r\nSubject: bare\r\n\r\nHi\r\n";
    let reply = client.message(&["bob@demo.test", "x@far.test"], bare).await;
    assert!(reply.starts_with("250"), "{reply}");
    let bob = server.texts("bob", SpecialUse::Inbox).await;
    for part in [
        "From: \"Somebody\" <alice@demo.test>\r\n",
        "\r\nDate: ",
        "\r\nMessage-ID: <",
        "@mail.demo.test>\r\n",
        "\r\nSubject: bare\r\n",
        "\r\n\r\nHi\r\n",
    ] {
        assert!(bob[0].contains(part), "{part:?} in {}", bob[0]);
    }
    assert!(
        !bob[0].contains("Bcc") && !bob[0].contains("x@y.test"),
        "{}",
        bob[0]
    );
    let sent = server.texts("alice", SpecialUse::Sent).await;
    assert!(
        sent[0].starts_with("Bcc: carol@demo.test\r\nReceived: "),
        "{}",
        sent[0]
    );
    assert!(sent[0].ends_with("\r\n\r\nHi\r\n"));
    // A message that is nothing but header, and one that has none.
    for odd in ["Subject: only\r\n", "no header at all\r\n", ""] {
        let reply = client.message(&["carol@demo.test"], odd).await;
        assert!(reply.starts_with("250"), "{odd:?}: {reply}");
    }
    let carol = server.texts("carol", SpecialUse::Inbox).await;
    assert_eq!(carol.len(), 3);
    assert!(
        carol.iter().all(|text| text.contains("From: \"Somebody\"")),
        "{carol:?}"
    );
    assert!(
        carol[1].ends_with("\r\n\r\nno header at all\r\n"),
        "{}",
        carol[1]
    );
}

/// An account may have its own mind about it.
#[tokio::test]
async fn a_copy_is_kept_as_the_account_wants_it_or_else_as_all() {
    for (all, own, kept) in [
        (false, Some(true), true),
        (true, Some(false), false),
        (true, None, true),
        (false, None, false),
    ] {
        let submission = SubmissionSettings {
            save_sent: all,
            ..SubmissionSettings::default()
        };
        let server = Server::with(submission, Settings::default()).await;
        let mut client = server.alice().await;
        let update = AccountUpdate {
            save_sent: Some(own),
            ..AccountUpdate::default()
        };
        let alice = server.directory.resolve("alice@demo.test").unwrap();
        server.directory.set(alice, update).await.unwrap();
        let reply = client.message(&["bob@demo.test"], MESSAGE).await;
        assert!(reply.starts_with("250"), "{reply}");
        let sent = server.texts("alice", SpecialUse::Sent).await;
        assert_eq!(sent.len(), usize::from(kept), "{all} {own:?}");
    }
}

#[tokio::test]
async fn nobody_writes_in_anothers_name() {
    let server = Server::new().await;
    let mut client = server.alice().await;
    for from in [
        "From: bob@demo.test",
        "From: <alice@demo.test>, <bob@demo.test>",
        "From: <alice@demo.test>\r\nFrom: <bob@demo.test>",
        "From : <ceo@far.test>",
        "From:\r\n <bob@demo.test>",
    ] {
        let text = format!("{from}\r\nSubject: x\r\n\r\nHello.\r\n");
        let reply = client
            .message(&["carol@demo.test", "x@far.test"], &text)
            .await;
        assert!(reply.starts_with("550 5.7.1 From: "), "{from}: {reply}");
    }
    let own = "From: \"A\" <AL@demo.test>\r\n\r\nHello.\r\n";
    assert!(
        client
            .message(&["carol@demo.test"], own)
            .await
            .starts_with("250")
    );
    assert_eq!(server.texts("carol", SpecialUse::Inbox).await.len(), 1);
    assert!(server.queue().await.is_empty());
}

/// Fault 31: what other servers take for a message's end is none here, in either direction.
#[tokio::test]
async fn fault_31_smuggled_line_ends_make_no_second_message() {
    let server = Server::new().await;
    let mut client = server.alice().await;
    for end in ["\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\r\n.\n", "\r\n.\r"] {
        let text = format!(
            "{MESSAGE}{end}MAIL FROM:<bob@demo.test>\r\nRCPT TO:<carol@demo.test>\r\nDATA\r\nSubject: evil\r\n\r\nx\r\n"
        );
        assert!(
            client
                .message(&["bob@demo.test"], &text)
                .await
                .starts_with("250"),
            "{end:?}"
        );
        client.ask("NOOP", "250 2.0.0").await;
    }
    assert_eq!(server.texts("bob", SpecialUse::Inbox).await.len(), 6);
    assert!(server.texts("carol", SpecialUse::Inbox).await.is_empty());
    for text in server.texts("bob", SpecialUse::Inbox).await {
        let bytes = text.as_bytes();
        assert!(!(1..bytes.len()).any(|at| bytes[at] == b'\n' && bytes[at - 1] != b'\r'));
    }
    let strict = Settings {
        line_ends: LineEnds::Refuse,
        ..Settings::default()
    };
    let server = Server::with(SubmissionSettings::default(), strict).await;
    let mut client = server.alice().await;
    let reply = client
        .message(&["bob@demo.test"], "Subject: x\r\n\r\na\nb\r\n")
        .await;
    assert!(reply.starts_with("550 5.6.11"), "{reply}");
}

#[tokio::test]
async fn too_large_a_message_or_header_is_refused_with_one_reply() {
    let settings = Settings {
        max_message_size: 1 << 20,
        ..Settings::default()
    };
    let server = Server::with(SubmissionSettings::default(), settings).await;
    let mut client = server.alice().await;
    let header = format!("Subject: {}\r\n", "x".repeat(900)).repeat(300);
    let reply = client
        .message(&["bob@demo.test", "x@far.test"], &header)
        .await;
    assert!(
        reply.starts_with("552 5.3.4 the message's header"),
        "{reply}"
    );
    let body = format!("\r\n{}", "0123456789\r\n".repeat(100_000));
    let reply = client
        .message(&["bob@demo.test", "x@far.test"], &body)
        .await;
    assert!(reply.starts_with("552 5.3.4"), "{reply}");
    client.ask("NOOP", "250").await;
}

#[tokio::test]
async fn bdat_in_chunks_and_8_bit_text_that_nobody_announced() {
    let server = Server::new().await;
    let mut client = server.alice().await;
    client.envelope(&["x@far.test", "bob@demo.test"]).await;
    let text = "From: alice@demo.test\r\nSubject: x\r\n\r\ngr\u{fc}n\r\n.\r\n";
    let (first, second) = text.as_bytes().split_at(30);
    client.send(format!("BDAT {}\r\n", first.len())).await;
    client.send(first).await;
    client.expect("250 2.0.0").await;
    client.send(format!("BDAT {} LAST\r\n", second.len())).await;
    client.send(second).await;
    client.expect("250 2.0.0 accepted").await;
    assert!(server.texts("bob", SpecialUse::Inbox).await[0].ends_with("gr\u{fc}n\r\n.\r\n"));
    assert_eq!(
        server.queue().await[0].envelope.body,
        BodyType::EightBitMime
    );
}
