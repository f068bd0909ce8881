//! MAIL: in whose name, how large, how often.

use fieldpost_directory::SendRight;
use fieldpost_mailbox::SpecialUse;
use fieldpost_smtp::{Settings, SubmissionSettings};

use super::harness::Server;

#[tokio::test]
async fn a_sender_is_one_of_his_own_addresses_or_none() {
    let server = Server::new().await;
    let mut client = server.alice().await;
    for own in ["<alice@demo.test>", "<AL@Demo.Test>", "<>"] {
        client.ask(format!("MAIL FROM:{own}"), "250 2.1.0").await;
        client.ask("RSET", "250").await;
    }
    for other in [
        "<bob@demo.test>",
        "<alice@far.test>",
        "<nobody@demo.test>",
        "<alice>",
    ] {
        client.ask(format!("MAIL FROM:{other}"), "553 5.7.1").await;
    }
}

#[tokio::test]
async fn a_declared_size_beyond_the_limit_is_refused_at_once() {
    let settings = Settings {
        max_message_size: 1000,
        ..Settings::default()
    };
    let server = Server::with(SubmissionSettings::default(), settings).await;
    let mut client = server.alice().await;
    client
        .ask("MAIL FROM:<alice@demo.test> SIZE=1001", "552 5.3.4")
        .await;
    client
        .ask(
            "MAIL FROM:<alice@demo.test> SIZE=1000 RET=HDRS ENVID=1 AUTH=<>",
            "250",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn only_so_many_messages_and_recipients_an_hour() {
    let submission = SubmissionSettings {
        messages_per_hour: 2,
        recipients_per_hour: 3,
        ..SubmissionSettings::default()
    };
    let server = Server::with(submission, Settings::default()).await;
    let mut client = server.alice().await;
    client
        .envelope(&["a@far.test", "b@far.test", "c@far.test"])
        .await;
    client.ask("RCPT TO:<d@far.test>", "450 4.7.1").await;
    client.ask("RSET", "250").await;
    client.ask("MAIL FROM:<alice@demo.test>", "250").await;
    client.ask("RSET", "250").await;
    client.ask("MAIL FROM:<alice@demo.test>", "450 4.7.1").await;
    // Another connection is no way around it; time is.
    let mut again = server.alice().await;
    again.ask("MAIL FROM:<alice@demo.test>", "450 4.7.1").await;
    tokio::time::sleep(std::time::Duration::from_mins(31)).await;
    let mut again = server.alice().await;
    again.ask("MAIL FROM:<alice@demo.test>", "250").await;
}

/// A shared mailbox lets some people send as it.
#[tokio::test]
async fn who_is_allowed_to_sends_as_another() {
    let server = Server::new().await;
    let [alice, carol] = ["alice@demo.test", "carol@demo.test"]
        .map(|address| server.directory.resolve(address).unwrap());
    server
        .directory
        .set_senders(carol, SendRight::SendAs, vec![alice], Vec::new())
        .await
        .unwrap();
    let mut client = server.alice().await;
    client.ask("MAIL FROM:<carol@demo.test>", "250 2.1.0").await;
    client.ask("RCPT TO:<bob@demo.test>", "250").await;
    client.ask("DATA", "354").await;
    client
        .send("From: <carol@demo.test>\r\n\r\nHello.\r\n.\r\n")
        .await;
    client.expect("250 2.0.0 delivered").await;
    server
        .directory
        .set_senders(carol, SendRight::SendAs, Vec::new(), vec![alice])
        .await
        .unwrap();
    client.ask("MAIL FROM:<carol@demo.test>", "553 5.7.1").await;
}

/// Or on its behalf: then Sender says who it was, and what comes back comes to him.
#[tokio::test]
async fn who_is_allowed_to_sends_on_behalf_of_another() {
    const OWN: &str = "Sender: \"Somebody\" <alice@demo.test>\r\n";
    let submission = SubmissionSettings {
        save_sent: true,
        ..SubmissionSettings::default()
    };
    let server = Server::with(submission, Settings::default()).await;
    let [alice, bob, carol] = ["alice", "bob", "carol"]
        .map(|name| server.directory.resolve(&format!("{name}@demo.test")))
        .map(Option::unwrap);
    let right = SendRight::SendOnBehalf;
    let set = server
        .directory
        .set_senders(carol, right, vec![alice], Vec::new());
    set.await.unwrap();
    // And as Bob, which is no right to be named as a sender on behalf of Carol.
    let set = server
        .directory
        .set_senders(bob, SendRight::SendAs, vec![alice], Vec::new());
    set.await.unwrap();
    let mut client = server.alice().await;
    for (envelope, header, sender) in [
        // As Thunderbird does with a further identity.
        ("carol@demo.test", "From: Office <carol@demo.test>\r\n", OWN),
        (
            "alice@demo.test",
            "From: Carol@Demo.Test\r\nSender: ceo@far.test\r\n",
            OWN,
        ),
        (
            "alice@demo.test",
            "From: carol@demo.test\r\nSENDER: bob@demo.test\r\n",
            OWN,
        ),
        (
            "alice@demo.test",
            "From: carol@demo.test\r\nSender: al@demo.test, x@far.test\r\n",
            OWN,
        ),
        // Her own by another address, as she wrote it.
        (
            "carol@demo.test",
            "Sender: Al <AL@demo.test>\r\nFrom: carol@demo.test\r\n",
            "Sender: Al <AL@demo.test>\r\n",
        ),
        (
            "alice@demo.test",
            "From: alice@demo.test, bob@demo.test\r\n",
            OWN,
        ),
        // Nobody is named who has not sent it; whom she may send as is let stand.
        (
            "alice@demo.test",
            "From: alice@demo.test\r\nSender: carol@demo.test\r\n",
            "",
        ),
        (
            "bob@demo.test",
            "From: alice@demo.test\r\nSender: bob@demo.test\r\n",
            "Sender: bob@demo.test\r\n",
        ),
    ] {
        client
            .ask(format!("MAIL FROM:<{envelope}>"), "250 2.1.0")
            .await;
        client.ask("RCPT TO:<bob@demo.test>", "250").await;
        client.ask("RCPT TO:<x@far.test>", "250").await;
        client.ask("DATA", "354").await;
        client
            .send(&format!("{header}\r\nSender: text\r\n.\r\n"))
            .await;
        client.expect("250 2.0.0 accepted").await;
        let texts = server.texts("bob", SpecialUse::Inbox).await;
        let text = texts.last().unwrap();
        let came_from = envelope.replace("carol", "alice");
        let return_path = format!("Return-Path: <{came_from}>\r\n");
        assert!(text.starts_with(&return_path), "{header}: {text}");
        let senders: Vec<&str> = text
            .split_inclusive("\r\n")
            .take_while(|line| *line != "\r\n")
            .filter(|line| line.to_lowercase().starts_with("sender:"))
            .collect();
        assert_eq!(senders.concat(), sender, "{header}: {text}");
        let queue = server.queue().await;
        let queued = queue.last().unwrap().envelope.sender.as_ref();
        assert_eq!(queued.unwrap().as_str(), came_from);
    }
    // Her copy says it, too; Carol has none.
    let sent = server.texts("alice", SpecialUse::Sent).await;
    assert!(sent[0].contains(OWN), "{}", sent[0]);
    assert!(server.texts("carol", SpecialUse::Sent).await.is_empty());
    let set = server
        .directory
        .set_senders(carol, right, Vec::new(), vec![alice]);
    set.await.unwrap();
    client.ask("MAIL FROM:<carol@demo.test>", "553 5.7.1").await;
    let reply = client
        .message(
            &["bob@demo.test"],
            "From: carol@demo.test\r\nSender: alice@demo.test\r\n\r\n",
        )
        .await;
    assert!(reply.starts_with("550 5.7.1 From: "), "{reply}");
}
