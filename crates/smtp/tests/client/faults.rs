//! A server that breaks off, says nothing, too much, or nonsense: the recipient is tried again later, and nothing hangs.

use std::time::Duration;

use super::hop::*;

async fn send(script: Vec<Step>, recipients: &[&str]) -> fieldpost_transport::Handed {
    let hop = Hop::start(vec![script]).await;
    let mut session = connect(settings(hop.port)).await.unwrap();
    let mail = Mail::new(recipients).await;
    mail.send(&mut session).await
}

fn until_data() -> Vec<Step> {
    let mut script = greeted(CAPABLE);
    script.extend([
        HearStart("MAIL"),
        HearStart("RCPT"),
        Say("250 ok\r\n250 ok\r\n"),
        Hear("DATA"),
        Say("354 go\r\n"),
    ]);
    script
}

/// The reply is lost: nobody knows whether the server has it.
#[tokio::test]
async fn a_connection_lost_after_the_dot_is_a_refusal_for_now() {
    let mut script = until_data();
    script.push(Message);
    let handed = send(script, &["a@far.test"]).await;
    assert_eq!(codes(&handed), [451]);
    assert!(
        !handed.reusable && !handed.untouched,
        "not to be repeated at once"
    );
}

#[tokio::test]
async fn no_reply_to_the_message_is_waited_for_only_so_long() {
    let mut script = until_data();
    script.extend([Message, Silence]);
    let handed = send(script, &["a@far.test"]).await;
    assert_eq!(codes(&handed), [451]);
    assert!(!handed.reusable);
}

/// Between two messages a server may go: then nothing of the message was heard, and it may be sent again at once.
#[tokio::test]
async fn a_connection_lost_before_the_first_reply_is_untouched() {
    let handed = send(greeted(CAPABLE), &["a@far.test"]).await;
    assert!(handed.untouched && !handed.reusable);
    let mut script = greeted(CAPABLE);
    script.push(Say("421 4.4.2 idle too long\r\n"));
    let handed = send(script, &["a@far.test"]).await;
    assert_eq!(codes(&handed), [451]);
    assert!(!handed.reusable);
}

#[tokio::test]
async fn a_server_that_closes_in_the_middle_of_the_envelope() {
    let mut script = greeted(CAPABLE);
    script.extend([
        HearStart("MAIL"),
        HearStart("RCPT"),
        HearStart("RCPT"),
        Say("250 ok\r\n250 ok\r\n421 4.3.2 shutting down\r\n"),
    ]);
    let handed = send(script, &["a@far.test", "b@far.test"]).await;
    assert_eq!(codes(&handed), [451, 451]);
    assert!(!handed.reusable && !handed.untouched);
}

#[tokio::test]
async fn nonsense_is_no_reply() {
    for nonsense in [
        "hello\r\n",
        "250-ok\r\n354 ok\r\n",
        "\r\n",
        "999 no such code\r\n",
        "25\r\n",
    ] {
        let mut script = greeted(CAPABLE);
        script.extend([HearStart("MAIL"), HearStart("RCPT"), Say(nonsense)]);
        let handed = send(script, &["a@far.test"]).await;
        assert_eq!(codes(&handed), [451], "{nonsense:?}");
        assert!(!handed.reusable);
    }
}

/// A line, or a reply, without end.
#[tokio::test]
async fn endless_replies_are_cut_off() {
    let mut script = greeted(CAPABLE);
    script.extend([HearStart("MAIL"), HearStart("RCPT"), Flood(1 << 20)]);
    let handed = send(script, &["a@far.test"]).await;
    assert_eq!(codes(&handed), [451]);
    let refusal = handed.results[0].as_ref().unwrap_err();
    assert!(refusal.text.contains("longer than"), "{refusal}");
    let mut script = greeted(CAPABLE);
    script.extend([HearStart("MAIL"), HearStart("RCPT")]);
    script.extend(vec![Say("250-and more\r\n"); 2000]);
    let handed = send(script, &["a@far.test"]).await;
    assert!(!handed.reusable);
    assert_eq!(codes(&handed), [451]);
}

#[tokio::test]
async fn a_server_that_takes_no_bytes_is_given_up() {
    let mut script = until_data();
    // It reads nothing more, and what lies in between fills up.
    script.push(Silence);
    let hop = Hop::start(vec![script]).await;
    let mut wanted = settings(hop.port);
    wanted.timeouts.block = Duration::from_millis(300);
    let mut session = connect(wanted).await.unwrap();
    let mail = Mail::of(&"x\r\n".repeat(10_000_000), &["a@far.test"]).await;
    let mut mail = mail;
    mail.recipients.truncate(1);
    let handed = mail.send(&mut session).await;
    assert!(codes(&handed) == [451] || codes(&handed) == [552]);
}
