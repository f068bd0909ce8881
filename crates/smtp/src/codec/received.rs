//! The `Received` field that we put on top of every message (RFC 5321 §4.4).

use std::{fmt::Write as _, time::SystemTime};

use fieldpost_transport::Address;

use super::command::ClientName;

/// What the field says.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// What the client called itself.
    pub client: &'a ClientName,
    /// Where it connected from, as it is to be shown: an address literal, or none for a Unix socket.
    pub peer: Option<std::net::IpAddr>,
    /// Our own name.
    pub hostname: &'a str,
    /// Protocol version and cipher suite, if the connection has TLS.
    pub tls: Option<(&'a str, &'a str)>,
    /// Whether the transaction has SMTPUTF8 (RFC 6531 §3.7.3).
    pub smtp_utf8: bool,
    /// Whether it was submitted by somebody who has signed in.
    pub submitted: bool,
    /// The transaction's name in our logs.
    pub id: &'a str,
    /// The recipient, if there is but one: a field that named them all would tell each of the others.
    pub recipient: Option<&'a Address>,
    /// Now.
    pub time: SystemTime,
}

impl Received<'_> {
    /// The field, folded, with its CRLF.
    pub fn to_field(self) -> String {
        let mut field = String::with_capacity(384);
        // Writing to a String does not fail.
        let _ = write!(field, "Received: from {}", self.client.as_str());
        match self.peer.map(|peer| peer.to_canonical()) {
            None => {}
            Some(std::net::IpAddr::V4(peer)) => {
                let _ = write!(field, " ([{peer}])");
            }
            Some(std::net::IpAddr::V6(peer)) => {
                let _ = write!(field, " ([IPv6:{peer}])");
            }
        }
        let _ = write!(
            field,
            "\r\n\tby {} (fieldpost) with {}",
            self.hostname,
            self.protocol()
        );
        if let Some((version, cipher)) = self.tls {
            let _ = write!(field, "\r\n\t(version={version} cipher={cipher})");
        }
        let _ = write!(field, "\r\n\tid {}", self.id);
        if let Some(recipient) = self.recipient {
            let _ = write!(field, "\r\n\tfor <{recipient}>");
        }
        let _ = write!(field, "; {}\r\n", date_time(self.time));
        field
    }

    /// The protocol's name in the registry of mail transmission types (RFC 3848, RFC 6531 §4.3).
    fn protocol(&self) -> &'static str {
        match (self.submitted, self.smtp_utf8, self.tls.is_some()) {
            (false, false, false) => "LMTP",
            (false, false, true) => "LMTPS",
            (false, true, false) => "UTF8LMTP",
            (false, true, true) => "UTF8LMTPS",
            (true, false, false) => "ESMTPA",
            (true, false, true) => "ESMTPSA",
            (true, true, false) => "UTF8SMTPA",
            (true, true, true) => "UTF8SMTPSA",
        }
    }
}

/// ```abnf
/// date-time = day-name "," SP day SP month SP year SP time SP zone
/// ```
/// RFC 5322 §3.3, always in UTC.
fn date_time(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .strftime("%a, %d %b %Y %H:%M:%S +0000")
        .to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::codec::command::{Command, Dialect};

    use super::*;

    fn client() -> ClientName {
        match Command::parse(b"LHLO mx.demo.test", Dialect::Lmtp).unwrap() {
            Command::Lhlo(client) => client,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_field_says_all_it_can() {
        let recipient = "alice@demo.test".parse().unwrap();
        let received = Received {
            client: &client(),
            peer: Some([192, 0, 2, 7].into()),
            hostname: "mail.demo.test",
            tls: Some(("TLSv1.3", "TLS13_AES_256_GCM_SHA384")),
            smtp_utf8: false,
            submitted: false,
            id: "c7.1",
            recipient: Some(&recipient),
            time: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        };
        assert_eq!(
            received.to_field(),
            "Received: from mx.demo.test ([192.0.2.7])\r\n\
             \tby mail.demo.test (fieldpost) with LMTPS\r\n\
             \t(version=TLSv1.3 cipher=TLS13_AES_256_GCM_SHA384)\r\n\
             \tid c7.1\r\n\
             \tfor <alice@demo.test>; Tue, 14 Nov 2023 22:13:20 +0000\r\n"
        );
    }

    #[test]
    fn and_no_more_than_that() {
        let received = Received {
            client: &client(),
            peer: None,
            hostname: "mail.demo.test",
            tls: None,
            smtp_utf8: true,
            submitted: false,
            id: "c7.1",
            recipient: None,
            time: SystemTime::UNIX_EPOCH,
        };
        assert_eq!(
            received.to_field(),
            "Received: from mx.demo.test\r\n\
             \tby mail.demo.test (fieldpost) with UTF8LMTP\r\n\
             \tid c7.1; Thu, 01 Jan 1970 00:00:00 +0000\r\n"
        );
    }
}
