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

/// A message longer than what lies between two hosts, to a server that says something in the middle of it and reads no further.
async fn send_long(says: &'static str) -> fieldpost_transport::Handed {
    let mut script = greeted("250-mx.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n");
    script.extend([
        HearStart("MAIL"),
        HearStart("RCPT"),
        Say("250 ok\r\n250 ok\r\n"),
        Hear("DATA"),
        Say("354 go\r\n"),
        HearStart("Subject"),
        Say(says),
        Step::Wait,
    ]);
    let hop = Hop::start(vec![script]).await;
    let mut session = connect(settings(hop.port)).await.unwrap();
    let long = format!("Subject: x\r\n\r\n{}", "line\r\n".repeat(2_400_000));
    let mail = Mail::of(&long, &["a@far.test"]).await;
    mail.send(&mut session).await
}

/// More replies than commands: which is whose answer, nobody knows, and none of them is taken for the message's.
#[tokio::test]
async fn replies_that_nobody_asked_for_are_no_answers() {
    for replies in [
        "250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n",
        "250 ok\r\n250 ok\r\n250 ok\r\n",
    ] {
        let mut script = greeted(CAPABLE);
        script.extend([HearStart("MAIL"), HearStart("RCPT"), Say(replies), Silence]);
        let handed = send(script, &["a@far.test"]).await;
        assert_eq!(codes(&handed), [451]);
        assert!(!handed.reusable && !handed.untouched);
        let refusal = handed.results[0].as_ref().unwrap_err();
        assert!(refusal.text.contains("more than it was asked"), "{refusal}");
    }
    // In the middle of the message, which is not taken for delivered.
    let handed = send_long("250 taken\r\n").await;
    assert_eq!(codes(&handed), [451]);
}

/// It says what is wrong with the message before that is over, and goes.
#[tokio::test]
async fn a_refusal_in_the_middle_of_the_message_counts() {
    for (said, code) in [
        ("552 5.3.4 too large for us\r\n", 552),
        ("421 4.3.2 shutting down\r\n", 421),
    ] {
        let handed = send_long(said).await;
        assert_eq!(codes(&handed), [code]);
        assert!(!handed.reusable && !handed.untouched);
    }
}

/// RFC 5321 §3.8: it may come in answer to anything. To MAIL, nothing of this message was heard yet.
#[tokio::test]
async fn a_server_that_shuts_down_at_any_point() {
    let gone = "421 4.3.2 shutting down\r\n";
    let mail = vec![HearStart("MAIL"), HearStart("RCPT"), Say(gone)];
    let rcpt = vec![
        HearStart("MAIL"),
        HearStart("RCPT"),
        Say("250 ok\r\n421 4.3.2 shutting down\r\n"),
    ];
    let ok = vec![
        HearStart("MAIL"),
        HearStart("RCPT"),
        Say("250 ok\r\n250 ok\r\n"),
        Hear("DATA"),
    ];
    let data = [ok.clone(), vec![Say(gone)]].concat();
    let end = [ok, vec![Say("354 go\r\n"), Message, Say(gone)]].concat();
    for (steps, untouched) in [(mail, true), (rcpt, false), (data, false), (end, false)] {
        let script = [greeted(CAPABLE), steps].concat();
        let handed = send(script, &["a@far.test"]).await;
        assert!(handed.results[0].as_ref().unwrap_err().is_temporary());
        assert!(!handed.reusable);
        assert_eq!(handed.untouched, untouched);
    }
}

/// Each answer comes in time, and yet it takes for ever.
#[tokio::test]
async fn a_message_takes_only_so_long_in_all() {
    let mut script = greeted(PLAIN);
    script.extend([
        HearStart("MAIL"),
        Say("250 ok\r\n"),
        HearStart("RCPT"),
        Silence,
    ]);
    let hop = Hop::start(vec![script]).await;
    let mut wanted = settings(hop.port);
    wanted.timeouts.transaction = Duration::from_millis(200);
    let mut session = connect(wanted).await.unwrap();
    let handed = Mail::new(&["a@far.test"]).await.send(&mut session).await;
    assert_eq!(codes(&handed), [451]);
    assert!(!handed.reusable && !handed.untouched);
    // So does a connection: the greeting comes late.
    let hop = Hop::start(vec![vec![Silence]]).await;
    let mut wanted = settings(hop.port);
    wanted.timeouts.ready = Duration::from_millis(200);
    let refusal = connect(wanted).await.err().unwrap();
    assert_eq!(refusal.status.to_string(), "4.4.2", "{refusal}");
}
