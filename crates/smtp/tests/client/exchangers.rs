//! Where the mail of a domain goes, as a name server of our own says.

use std::{net::SocketAddr, sync::Arc};

use fieldpost_smtp::client::{Exchangers, Relay};
use fieldpost_transport::{NextHop, Refusal, Wire as _, WireSession};
use tokio::net::UdpSocket;

use super::hop::*;

/// What a name server knows: a name, a type, an answer.
const ZONE: &[(&str, u16, Answer)] = &[
    (
        "far.test",
        MX,
        Answer::Mx(&[
            (20, "mx2.far.test"),
            (10, "away.far.test"),
            (5, "none.far.test"),
        ]),
    ),
    ("mx2.far.test", A, Answer::A([127, 0, 0, 1])),
    // Nobody listens there.
    ("away.far.test", A, Answer::A([127, 0, 0, 9])),
    ("none.far.test", A, Answer::Nothing),
    ("plain.test", MX, Answer::Nothing),
    ("plain.test", A, Answer::A([127, 0, 0, 1])),
    ("null.test", MX, Answer::Mx(&[(0, "")])),
    (
        "circle.test",
        MX,
        Answer::Mx(&[(10, "mail.demo.test"), (20, "mx2.far.test")]),
    ),
    (
        "backup.test",
        MX,
        Answer::Mx(&[(20, "mail.demo.test"), (10, "mx2.far.test")]),
    ),
    ("broken.test", MX, Answer::Broken),
];

const A: u16 = 1;
const MX: u16 = 15;

#[derive(Clone, Copy)]
enum Answer {
    A([u8; 4]),
    Mx(&'static [(u16, &'static str)]),
    Nothing,
    Broken,
}

/// A name server on a port of its own.
async fn name_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            socket
                .send_to(&answer(&buffer[..length]), from)
                .await
                .unwrap();
        }
    });
    address
}

/// The answer to a query of one question (RFC 1035 §4.1).
fn answer(query: &[u8]) -> Vec<u8> {
    let mut labels = Vec::new();
    let mut at = 12;
    while query[at] > 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(
            String::from_utf8(query[at + 1..end].to_vec())
                .unwrap()
                .to_lowercase(),
        );
        at = end;
    }
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let question = &query[12..at + 5];
    let name = labels.join(".");
    let known = ZONE.iter().any(|(zone, ..)| *zone == name);
    let found = ZONE
        .iter()
        .find(|(zone, type_, _)| *zone == name && *type_ == kind);
    let mut records: Vec<Vec<u8>> = Vec::new();
    let code = match found.map(|(.., answer)| *answer) {
        Some(Answer::Broken) => 2,
        Some(Answer::A(address)) => {
            records.push(address.to_vec());
            0
        }
        Some(Answer::Mx(hosts)) => {
            for (preference, host) in hosts {
                let mut data = preference.to_be_bytes().to_vec();
                for label in host.split('.').filter(|label| !label.is_empty()) {
                    data.push(label.len() as u8);
                    data.extend_from_slice(label.as_bytes());
                }
                data.push(0);
                records.push(data);
            }
            0
        }
        Some(Answer::Nothing) => 0,
        None if known => 0,
        None => 3,
    };
    let mut out = query[..2].to_vec();
    out.extend_from_slice(&[0x81, 0x80 | code, 0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
    out.extend_from_slice(question);
    for data in records {
        // The name is that of the question; class IN, a minute.
        out.extend_from_slice(&[0xc0, 12]);
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        out.extend_from_slice(&(data.len() as u16).to_be_bytes());
        out.extend_from_slice(&data);
    }
    out
}

async fn connect_to(domain: &str, port: u16) -> Result<Box<dyn WireSession>, Refusal> {
    let mut wanted = settings(port);
    wanted.smarthost = None;
    wanted.exchangers = Some(Arc::new(Exchangers::new(&[name_server().await]).unwrap()));
    let hop = NextHop::Domain(domain.into());
    Relay::new(wanted).connect(&hop).await
}

#[tokio::test]
async fn hosts_are_tried_in_order_until_one_takes_the_mail() {
    for domain in ["far.test", "plain.test", "backup.test"] {
        let mut script = greeted(CAPABLE);
        script.extend([
            HearStart("MAIL"),
            Hear("RCPT TO:<a@far.test>"),
            Say("250 ok\r\n250 ok\r\n"),
            Hear("DATA"),
            Say("354 go\r\n"),
            Message,
            Say("250 ok\r\n"),
        ]);
        let hop = Hop::start(vec![script]).await;
        let mut session = connect_to(domain, hop.port).await.unwrap();
        let mail = Mail::new(&["a@far.test"]).await;
        assert_eq!(codes(&mail.send(&mut session).await), [250], "{domain}");
    }
}

#[tokio::test]
async fn a_domain_that_is_not_there_or_takes_no_mail_is_refused_for_good() {
    for (domain, status) in [
        ("nowhere.test", "5.1.2"),
        ("null.test", "5.1.10"),
        ("circle.test", "5.4.6"),
        ("broken.test", "4.4.3"),
    ] {
        let refusal = connect_to(domain, 1).await.err().unwrap();
        assert_eq!(refusal.status.to_string(), status, "{domain}: {refusal}");
    }
}

/// Without verification TLS is better than nothing, and nothing is better than no mail.
#[tokio::test]
async fn where_tls_does_not_work_mail_goes_without() {
    let mut broken = greeted("250-mx.test\r\n250 STARTTLS\r\n");
    broken.extend([Hear("STARTTLS"), Say("220 go\r\n"), Step::Garbage]);
    let hop = Hop::start(vec![broken, greeted(PLAIN)]).await;
    assert!(connect_to("plain.test", hop.port).await.is_ok());
}
