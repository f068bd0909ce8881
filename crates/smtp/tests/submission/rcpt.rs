//! RCPT: ours, others', and the wishes of RFC 3461.

use fieldpost_directory::{Group, GroupSenders};
use fieldpost_smtp::{Settings, SubmissionSettings};
use fieldpost_transport::{Notify, Ret};

use super::harness::Server;

const MESSAGE: &str = "From: <alice@demo.test>\r\nSubject: x\r\n\r\nHello.\r\n";

#[tokio::test]
async fn nobody_of_ours_is_told_and_others_are_taken() {
    let server = Server::new().await;
    let mut client = server.alice().await;
    client.ask("MAIL FROM:<alice@demo.test>", "250").await;
    client.ask("RCPT TO:<nobody@demo.test>", "550 5.1.1").await;
    client.ask("RCPT TO:<a b@demo.test>", "501 5.1.3").await;
    client
        .ask("RCPT TO:<gr\u{fc}n@far.test>", "553 5.6.7")
        .await;
    client
        .ask("RCPT TO:<x@far.test> NOTIFY=SOMETIMES", "501 5.5.4")
        .await;
    client.ask("DATA", "503 5.5.1 no valid recipients").await;
    client.ask("RCPT TO:<x@far.test>", "250 2.1.5").await;
}

#[tokio::test]
async fn only_so_many_recipients_a_message() {
    let settings = Settings {
        max_recipients: 2,
        ..Settings::default()
    };
    let server = Server::with(SubmissionSettings::default(), settings).await;
    let mut client = server.alice().await;
    client.envelope(&["a@far.test", "b@far.test"]).await;
    client.ask("RCPT TO:<c@far.test>", "452 4.5.3").await;
}

#[tokio::test]
async fn wishes_for_notices_go_into_the_queue() {
    let server = Server::new().await;
    let mut client = server.alice().await;
    client
        .ask(
            "MAIL FROM:<alice@demo.test> RET=FULL ENVID=Q+2B1 BODY=8BITMIME",
            "250",
        )
        .await;
    client
        .ask(
            "RCPT TO:<x@far.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;y@z.test",
            "250",
        )
        .await;
    client.ask("RCPT TO:<y@far.test>", "250").await;
    client.ask("DATA", "354").await;
    client.send(format!("{MESSAGE}.\r\n")).await;
    client.expect("250 2.0.0 accepted as ").await;
    let queue = server.queue().await;
    let envelope = &queue[0].envelope;
    assert_eq!(envelope.sender, "alice@demo.test".parse().ok());
    assert_eq!(
        (envelope.ret, envelope.envelope_id.as_deref()),
        (Some(Ret::Full), Some("Q+2B1"))
    );
    let first = &queue[0].recipients[0];
    assert_eq!(first.original.as_deref(), Some("rfc822;y@z.test"));
    assert_eq!(
        first.notify,
        Notify {
            success: true,
            failure: true,
            delay: false
        }
    );
    assert_eq!(queue[0].recipients[1].notify, Notify::default());
}

/// The bound on recipients is there for what leaves: members of a group count if they are elsewhere.
#[tokio::test]
async fn a_group_counts_as_one_and_as_its_members_elsewhere() {
    let settings = SubmissionSettings {
        recipients_per_hour: 4,
        ..SubmissionSettings::default()
    };
    let server = Server::with(settings, Settings::default()).await;
    for (address, members) in [
        (
            "house@demo.test",
            &["bob@demo.test", "carol@demo.test", "alice@demo.test"][..],
        ),
        (
            "team@demo.test",
            &["bob@demo.test", "x@far.test", "partners@demo.test"],
        ),
        ("partners@demo.test", &["x@far.test", "y@far.test"]),
    ] {
        let group = Group {
            address: address.parse().unwrap(),
            description: String::new(),
            members: members.iter().map(|one| one.parse().unwrap()).collect(),
            senders: GroupSenders::Anyone,
        };
        server.directory.add_group(group).await.unwrap();
    }
    let mut client = server.alice().await;
    client.ask("MAIL FROM:<alice@demo.test>", "250").await;
    client.ask("RCPT TO:<house@demo.test>", "250").await;
    client.ask("RCPT TO:<team@demo.test>", "250").await;
    client.ask("RCPT TO:<bob@demo.test>", "450 4.7.1").await;
}
