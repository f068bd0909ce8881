//! Messages over a connection that works.

use fieldpost_transport::{BodyType, Notify, Ret};

use super::hop::*;

#[tokio::test]
async fn a_group_is_pipelined_and_each_recipient_has_its_own_answer() {
    let mut script = greeted(CAPABLE);
    script.extend([
        Hear("MAIL FROM:<alice@demo.test> SIZE=38"),
        Hear("RCPT TO:<a@far.test>"),
        Hear("RCPT TO:<b@far.test>"),
        Hear("RCPT TO:<c@far.test>"),
        Say("250 2.1.0 ok\r\n250 2.1.5 ok\r\n550 5.1.1 nobody\r\n450 4.2.1 later\r\n"),
        Hear("DATA"),
        Say("354 go\r\n"),
        Message,
        Say("250 2.0.0 queued as 1\r\n"),
        Hear("QUIT"),
        Say("221 bye\r\n"),
    ]);
    let hop = Hop::start(vec![script]).await;
    let mut session = connect(settings(hop.port)).await.unwrap();
    let mail = Mail::new(&["a@far.test", "b@far.test", "c@far.test"]).await;
    let handed = mail.send(&mut session).await;
    assert_eq!(codes(&handed), [250, 550, 450]);
    assert_eq!(
        handed.results[1].as_ref().unwrap_err().to_string(),
        "550 5.1.1 127.0.0.1 said: 550 nobody"
    );
    assert_eq!(
        handed.results[0].as_ref().unwrap(),
        "127.0.0.1 said: 250 queued as 1"
    );
    assert!(handed.reusable && handed.notifies);
    session.close().await;
    assert_eq!(
        hop.messages().await,
        ["Subject: out\r\n\r\n..one dot\r\nLast line.\r\n"]
    );
}

#[tokio::test]
async fn without_pipelining_each_command_waits_and_nothing_unknown_is_said() {
    let mut script = greeted(PLAIN);
    script.extend([
        Hear("MAIL FROM:<alice@demo.test>"),
        Say("250 ok\r\n"),
        Hear("RCPT TO:<a@far.test>"),
        Say("250 ok\r\n"),
        Hear("RCPT TO:<b@far.test>"),
        Say("250 ok\r\n"),
        Hear("DATA"),
        Say("354 go\r\n"),
        Message,
        Say("250 ok\r\n"),
    ]);
    let hop = Hop::start(vec![script]).await;
    let mut session = connect(settings(hop.port)).await.unwrap();
    let mut mail = Mail::new(&["a@far.test", "b@far.test"]).await;
    mail.envelope.ret = Some(Ret::Full);
    mail.recipients[0].notify = Notify::NEVER;
    let handed = mail.send(&mut session).await;
    assert_eq!(codes(&handed), [250, 250]);
    assert!(!handed.notifies);
}

#[tokio::test]
async fn two_messages_share_a_connection() {
    let one = [
        HearStart("MAIL FROM:<alice@demo.test>"),
        Hear("RCPT TO:<a@far.test>"),
        Say("250 ok\r\n250 ok\r\n"),
        Hear("DATA"),
        Say("354 go\r\n"),
        Message,
        Say("250 ok\r\n"),
    ];
    let mut script = greeted(CAPABLE);
    script.extend(one.clone());
    script.extend(one);
    let hop = Hop::start(vec![script]).await;
    let mut session = connect(settings(hop.port)).await.unwrap();
    let mail = Mail::new(&["a@far.test"]).await;
    for _ in 0..2 {
        assert_eq!(codes(&mail.send(&mut session).await), [250]);
    }
    assert_eq!(hop.messages().await.len(), 2);
}

#[tokio::test]
async fn what_the_sender_asked_for_is_passed_on() {
    let mut script = greeted(CAPABLE);
    script.extend([
        Hear("MAIL FROM:<alice@demo.test> SIZE=38 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+2B"),
        Hear("RCPT TO:<gr\u{fc}n@far.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y.test"),
        Hear("RCPT TO:<b@far.test> NOTIFY=NEVER"),
        Say("250 ok\r\n250 ok\r\n250 ok\r\n"),
        Hear("DATA"),
        Say("354 go\r\n"),
        Message,
        Say("250 ok\r\n"),
    ]);
    let hop = Hop::start(vec![script]).await;
    let mut session = connect(settings(hop.port)).await.unwrap();
    let mut mail = Mail::new(&["gr\u{fc}n@far.test", "b@far.test"]).await;
    mail.envelope.body = BodyType::EightBitMime;
    mail.envelope.smtp_utf8 = true;
    mail.envelope.ret = Some(Ret::Headers);
    mail.envelope.envelope_id = Some("QQ+2B".into());
    mail.recipients[0].notify = Notify {
        success: true,
        failure: false,
        delay: true,
    };
    mail.recipients[0].original = Some("rfc822;x@y.test".into());
    mail.recipients[1].notify = Notify::NEVER;
    assert_eq!(codes(&mail.send(&mut session).await), [250, 250]);
}

/// A refusal for what the server said that it can't do costs it no command, and nobody another try.
#[tokio::test]
async fn what_a_server_can_not_take_is_not_sent() {
    let hop = Hop::start(vec![{
        let mut script = greeted("250-mx.test\r\n250 SIZE 10\r\n");
        script.push(Silence);
        script
    }])
    .await;
    let mut session = connect(settings(hop.port)).await.unwrap();
    let mail = Mail::new(&["a@far.test"]).await;
    assert_eq!(codes(&mail.send(&mut session).await), [552]);
    let mut mail = Mail::of("x", &["a@far.test"]).await;
    mail.envelope.smtp_utf8 = true;
    let handed = mail.send(&mut session).await;
    assert_eq!(
        handed.results[0].as_ref().unwrap_err().status.to_string(),
        "5.6.7"
    );
    assert!(handed.reusable);
}

/// A server without 8BITMIME gets the same text in another form (RFC 6152 §3), whatever the sender said of it.
#[tokio::test]
async fn without_8bitmime_a_message_is_made_7_bit() {
    const EIGHT_BIT: &str = "Subject: out\r\n\r\n.gr\u{fc}n\r\n";
    let mut script = greeted("250-mx.test\r\n250-SIZE 1000\r\n250 PIPELINING\r\n");
    for _ in 0..2 {
        script.extend([
            Hear("MAIL FROM:<alice@demo.test> SIZE=92"),
            Hear("RCPT TO:<a@far.test>"),
            Say("250 ok\r\n250 ok\r\n"),
            Hear("DATA"),
            Say("354 go\r\n"),
            Message,
            Say("250 ok\r\n"),
        ]);
    }
    let hop = Hop::start(vec![script]).await;
    let mut session = connect(settings(hop.port)).await.unwrap();
    let mut mail = Mail::of(EIGHT_BIT, &["a@far.test"]).await;
    assert_eq!(codes(&mail.send(&mut session).await), [250]);
    mail.envelope.body = BodyType::EightBitMime;
    assert_eq!(codes(&mail.send(&mut session).await), [250]);
    let sent = "Subject: out\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        ..gr=C3=BCn\r\n";
    assert_eq!(hop.messages().await, [sent, sent]);
}

/// What can't be changed goes back to its sender, who is told why; the connection serves the next message.
#[tokio::test]
async fn without_8bitmime_a_signature_is_not_broken() {
    let mut script = greeted(PLAIN);
    script.push(Silence);
    let hop = Hop::start(vec![script]).await;
    let mut session = connect(settings(hop.port)).await.unwrap();
    for (message, status) in [
        (
            "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\ngr\u{fc}n\r\n--s--\r\n",
            "5.6.3",
        ),
        ("Subject: gr\u{fc}n\r\n\r\nx\r\n", "5.6.9"),
    ] {
        let mail = Mail::of(message, &["a@far.test"]).await;
        let handed = mail.send(&mut session).await;
        let refusal = handed.results[0].as_ref().unwrap_err();
        assert_eq!((refusal.code, &*refusal.status.to_string()), (554, status));
        assert!(handed.reusable);
    }
}

#[tokio::test]
async fn a_sender_or_a_message_that_is_refused_leaves_the_connection_usable() {
    let mut script = greeted(CAPABLE);
    script.extend([
        HearStart("MAIL"),
        HearStart("RCPT"),
        Say("550 5.7.1 not you\r\n503 5.5.1 MAIL first\r\n"),
        Hear("RSET"),
        Say("250 ok\r\n"),
        HearStart("MAIL"),
        HearStart("RCPT"),
        Say("250 ok\r\n451 4.7.1 greylisted\r\n"),
        Hear("RSET"),
        Say("250 ok\r\n"),
        HearStart("MAIL"),
        HearStart("RCPT"),
        Say("250 ok\r\n250 ok\r\n"),
        Hear("DATA"),
        Say("452 4.3.1 full\r\n"),
        Hear("RSET"),
        Say("250 ok\r\n"),
        HearStart("MAIL"),
        HearStart("RCPT"),
        Say("250 ok\r\n250 ok\r\n"),
        Hear("DATA"),
        Say("354 go\r\n"),
        Message,
        Say("554 5.7.1 spam\r\n"),
    ]);
    let hop = Hop::start(vec![script]).await;
    let mut session = connect(settings(hop.port)).await.unwrap();
    let mail = Mail::new(&["a@far.test"]).await;
    for (code, status) in [
        (550, "5.7.1"),
        (451, "4.7.1"),
        (452, "4.3.1"),
        (554, "5.7.1"),
    ] {
        let handed = mail.send(&mut session).await;
        let refusal = handed.results[0].as_ref().unwrap_err();
        assert_eq!((refusal.code, &*refusal.status.to_string()), (code, status));
        assert!(handed.reusable);
    }
}
