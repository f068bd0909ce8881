//! MAIL: in whose name, how large, how often.

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
        .set_senders(carol, vec![alice], Vec::new())
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
        .set_senders(carol, Vec::new(), vec![alice])
        .await
        .unwrap();
    client.ask("MAIL FROM:<carol@demo.test>", "553 5.7.1").await;
}
