//! One connection to a server, on which messages are sent one after the other.

use std::fmt::Write as _;

use bytes::BytesMut;
use fieldpost_transport::{
    Address, BodyType, BoxFuture, Envelope, Handed, Notify, Outbound, Parcel, Pending, Refusal,
    Ret, Status, WireSession,
};

use super::{ClientError, ClientTimeouts, DataEncoder, reply::ServerReply, stream::ClientStream};

/// What a server says that it can do (RFC 5321 §4.1.1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    pub(super) pipelining: bool,
    pub(super) eight_bit_mime: bool,
    pub(super) smtp_utf8: bool,
    pub(super) dsn: bool,
    pub(super) start_tls: bool,
    /// The largest message it takes, in bytes; 0: not said.
    pub(super) size: Option<u64>,
    /// The mechanisms that it signs people in by.
    pub(super) auth: Vec<String>,
}

impl Extensions {
    /// Reads the reply to EHLO.
    pub(super) fn of(reply: &ServerReply) -> Self {
        let mut extensions = Self::default();
        for line in reply.lines.iter().skip(1) {
            let mut words = line.split([' ', '=']);
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match &*keyword {
                "PIPELINING" => extensions.pipelining = true,
                "8BITMIME" => extensions.eight_bit_mime = true,
                "SMTPUTF8" => extensions.smtp_utf8 = true,
                "DSN" => extensions.dsn = true,
                "STARTTLS" => extensions.start_tls = true,
                "SIZE" => {
                    let size = words.next().and_then(|size| size.parse().ok());
                    extensions.size = Some(size.unwrap_or(0));
                }
                // `AUTH=PLAIN`, as servers wrote before RFC 2554, counts too.
                "AUTH" => extensions.auth.extend(words.map(str::to_ascii_uppercase)),
                _ => {}
            }
        }
        extensions
    }
}

/// A connection that is ready for messages.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) stream: ClientStream,
    /// The server's name, for notices and logs.
    pub(super) host: String,
    pub(super) extensions: Extensions,
    pub(super) timeouts: ClientTimeouts,
}

/// All of a message but its bytes.
#[derive(Clone, Copy)]
struct Cover<'a> {
    envelope: &'a Envelope,
    recipients: &'a [Pending],
    size: u64,
}

/// How far a message came.
enum Progress {
    /// The server has answered the envelope; this is each recipient's answer.
    Answered(Vec<Result<(), Refusal>>),
    /// The server wants no message of this sender; nobody gets it.
    Refused(Refusal),
}

impl Session {
    async fn send_message(&mut self, parcel: Parcel<'_>) -> Handed {
        let Parcel {
            envelope,
            recipients,
            mut message,
        } = parcel;
        let count = recipients.len();
        // Whatever the envelope says of it: not every program tells the truth.
        if !self.extensions.eight_bit_mime {
            message = match message.seven_bit().await {
                Ok(message) => message,
                Err(refusal) => return Handed::refused(count, &refusal, true),
            };
        }
        let cover = Cover {
            envelope,
            recipients,
            size: message.size(),
        };
        if let Err(refusal) = self.can_take(cover) {
            return Handed::refused(count, &refusal, true);
        }
        let transaction = self.timeouts.transaction;
        let mut untouched = true;
        let exchange = self.exchange(cover, message, &mut untouched);
        let exchanged = tokio::time::timeout(transaction, exchange).await;
        match exchanged.unwrap_or(Err(ClientError::TimedOut)) {
            Ok(handed) => handed,
            Err(error) => {
                let refusal = failed(&self.host, &error);
                Handed {
                    untouched,
                    ..Handed::refused(count, &refusal, false)
                }
            }
        }
    }

    /// What the server can't do is known before it is asked.
    fn can_take(&self, parcel: Cover<'_>) -> Result<(), Refusal> {
        let host = &self.host;
        if let Some(limit) = self.extensions.size
            && limit > 0
            && parcel.size > limit
        {
            let text = format!("{host} takes messages of at most {limit} bytes");
            return Err(Refusal::new(552, Status(5, 3, 4), text));
        }
        let envelope = parcel.envelope;
        let needs_utf8 = envelope.smtp_utf8
            || envelope.sender.as_ref().is_some_and(|one| !one.is_ascii())
            || parcel.recipients.iter().any(|one| !one.address.is_ascii());
        if needs_utf8 && !self.extensions.smtp_utf8 {
            let text = format!("{host} takes no internationalised mail");
            return Err(Refusal::new(554, Status(5, 6, 7), text));
        }
        Ok(())
    }

    async fn exchange(
        &mut self,
        parcel: Cover<'_>,
        message: Outbound<'_>,
        untouched: &mut bool,
    ) -> Result<Handed, ClientError> {
        let count = parcel.recipients.len();
        self.stream.expect_nothing()?;
        let mut results = match self.envelope(parcel, untouched).await? {
            Progress::Answered(results) => results,
            Progress::Refused(refusal) => {
                let reusable = self.reset().await.is_ok();
                return Ok(Handed::refused(count, &refusal, reusable));
            }
        };
        if results.iter().all(Result::is_err) {
            let reusable = self.reset().await.is_ok();
            return Ok(self.handed(results, String::new(), reusable));
        }
        self.stream.expect_nothing()?;
        // RFC 2920 §3.1: DATA is the last of a group; it goes alone here, so that nothing is sent to nobody.
        self.stream.send(b"DATA\r\n", self.timeouts.block).await?;
        let reply = self.stream.reply(self.timeouts.data).await?;
        if reply.code != 354 {
            self.refuse_rest(&mut results, &reply);
            let reusable = !reply.is_positive() && self.reset().await.is_ok();
            return Ok(self.handed(results, String::new(), reusable));
        }
        if let Some(reply) = self.message(message).await? {
            self.refuse_rest(&mut results, &reply);
            return Ok(self.handed(results, String::new(), false));
        }
        let reply = self.stream.reply(self.timeouts.message).await?;
        if reply.code / 100 != 2 {
            self.refuse_rest(&mut results, &reply);
        }
        let reusable = reply.code != 421;
        let said = format!("{} {}", reply.code, reply.text());
        Ok(self.handed(results, said, reusable))
    }

    /// MAIL and RCPT, as one group if the server takes that.
    async fn envelope(
        &mut self,
        parcel: Cover<'_>,
        untouched: &mut bool,
    ) -> Result<Progress, ClientError> {
        let mail = self.mail(parcel);
        let mut commands = BytesMut::from(mail.as_bytes());
        let mut sent = 0;
        let recipients = parcel.recipients;
        let mut results = Vec::with_capacity(recipients.len());
        let mut reply = None;
        if !self.extensions.pipelining {
            self.stream.send(&commands, self.timeouts.block).await?;
            commands.clear();
            let mail = self.stream.reply(self.timeouts.command).await?;
            if mail.code == 421 {
                return Err(ClientError::Closed);
            }
            reply = Some(mail);
            *untouched = false;
        }
        // A group is bounded, so that neither end waits for the other to read.
        let group = if self.extensions.pipelining { GROUP } else { 1 };
        while sent < recipients.len() {
            if let Some(reply) = &reply
                && reply.code / 100 != 2
            {
                return Ok(Progress::Refused(reply.refusal(&self.host)));
            }
            let next = &recipients[sent..recipients.len().min(sent + group)];
            for recipient in next {
                commands.extend_from_slice(self.rcpt(recipient).as_bytes());
            }
            self.stream.send(&commands, self.timeouts.block).await?;
            commands.clear();
            if reply.is_none() {
                let mail = self.stream.reply(self.timeouts.command).await?;
                // RFC 5321 §3.8: it was about to close the connection, whatever came.
                if mail.code == 421 {
                    return Err(ClientError::Closed);
                }
                *untouched = false;
                reply = Some(mail);
            }
            for _ in next {
                let answer = self.stream.reply(self.timeouts.command).await?;
                if answer.code == 421 {
                    return Err(ClientError::Closed);
                }
                results.push(if answer.code / 100 == 2 {
                    Ok(())
                } else {
                    Err(answer.refusal(&self.host))
                });
            }
            sent += next.len();
        }
        match reply {
            Some(reply) if reply.code / 100 != 2 => {
                Ok(Progress::Refused(reply.refusal(&self.host)))
            }
            Some(_) | None => Ok(Progress::Answered(results)),
        }
    }

    /// The message's bytes, and its end. `Some`: the server has refused it before that.
    async fn message(
        &mut self,
        mut message: Outbound<'_>,
    ) -> Result<Option<ServerReply>, ClientError> {
        let mut encoder = DataEncoder::new();
        let mut out = BytesMut::new();
        while let Some(chunk) = message.next().await.map_err(unreadable)? {
            encoder.push(&chunk, &mut out);
            if out.len() >= BLOCK {
                if let Some(reply) = self.block(&out).await? {
                    return Ok(Some(reply));
                }
                out.clear();
            }
        }
        encoder.finish(&mut out);
        self.block(&out).await
    }

    /// A piece of the message. A server that wants no more of it says so and goes; that it went is not all that is to be known then.
    async fn block(&mut self, bytes: &[u8]) -> Result<Option<ServerReply>, ClientError> {
        let lost = match self
            .stream
            .send_unless_news(bytes, self.timeouts.block)
            .await
        {
            Ok(true) => return Ok(None),
            Ok(false) => None,
            Err(error @ ClientError::TimedOut) => return Err(error),
            Err(error) => Some(error),
        };
        match self.stream.reply(self.timeouts.quit).await {
            Ok(reply) if !reply.is_positive() => Ok(Some(reply)),
            Ok(_) => Err(ClientError::Unasked),
            Err(error) => Err(lost.unwrap_or(error)),
        }
    }

    fn mail(&self, parcel: Cover<'_>) -> String {
        let envelope = parcel.envelope;
        let sender = envelope.sender.as_ref().map_or("", Address::as_str);
        // Writing to a String does not fail.
        let mut line = format!("MAIL FROM:<{sender}>");
        if self.extensions.size.is_some() {
            let _ = write!(line, " SIZE={}", parcel.size);
        }
        if self.extensions.eight_bit_mime && envelope.body == BodyType::EightBitMime {
            line.push_str(" BODY=8BITMIME");
        }
        if self.extensions.smtp_utf8 && envelope.smtp_utf8 {
            line.push_str(" SMTPUTF8");
        }
        if self.extensions.dsn {
            match envelope.ret {
                Some(Ret::Full) => line.push_str(" RET=FULL"),
                Some(Ret::Headers) => line.push_str(" RET=HDRS"),
                None => {}
            }
            if let Some(id) = &envelope.envelope_id {
                let _ = write!(line, " ENVID={id}");
            }
        }
        line.push_str("\r\n");
        line
    }

    fn rcpt(&self, recipient: &Pending) -> String {
        let mut line = format!("RCPT TO:<{}>", recipient.address);
        if self.extensions.dsn {
            if recipient.notify != Notify::default() {
                let _ = write!(line, " NOTIFY={}", keywords(recipient.notify));
            }
            if let Some(original) = &recipient.original {
                let _ = write!(line, " ORCPT={original}");
            }
        }
        line.push_str("\r\n");
        line
    }

    /// Ends a transaction that comes to nothing.
    async fn reset(&mut self) -> Result<(), ClientError> {
        self.stream.send(b"RSET\r\n", self.timeouts.block).await?;
        let reply = self.stream.reply(self.timeouts.command).await?;
        if reply.code / 100 == 2 {
            Ok(())
        } else {
            Err(ClientError::Closed)
        }
    }

    /// What was good so far is not.
    fn refuse_rest(&self, results: &mut [Result<(), Refusal>], reply: &ServerReply) {
        let refusal = reply.refusal(&self.host);
        for result in results.iter_mut().filter(|result| result.is_ok()) {
            *result = Err(refusal.clone());
        }
    }

    fn handed(&self, results: Vec<Result<(), Refusal>>, said: String, reusable: bool) -> Handed {
        Handed {
            results: results
                .into_iter()
                .map(|result| result.map(|()| format!("{} said: {said}", self.host)))
                .collect(),
            notifies: self.extensions.dsn,
            reusable,
            untouched: false,
        }
    }
}

impl WireSession for Session {
    fn send<'a>(&'a mut self, parcel: Parcel<'a>) -> BoxFuture<'a, Handed> {
        Box::pin(self.send_message(parcel))
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let timeout = self.timeouts.quit;
            if self.stream.send(b"QUIT\r\n", timeout).await.is_ok() {
                drop(self.stream.reply(timeout).await);
            }
            self.stream.shut_down().await;
        })
    }
}

/// A connection that failed, as a refusal for now: whatever the server had taken, it did not say so.
pub(super) fn failed(host: &str, error: &ClientError) -> Refusal {
    let status = match error {
        ClientError::Closed | ClientError::TimedOut | ClientError::Io(_) => Status(4, 4, 2),
        ClientError::Reply(_) | ClientError::LongLine | ClientError::Unasked => Status(4, 5, 0),
        ClientError::PlaintextBeforeTls | ClientError::Tls(_) => Status(4, 7, 5),
        ClientError::Unreadable => Status(4, 3, 0),
    };
    Refusal::new(451, status, format!("{host}: {error}"))
}

/// The message can't be read from our own store: the connection is given up in the middle, and the server takes nothing.
fn unreadable(error: fieldpost_mailbox::Error) -> ClientError {
    tracing::error!(%error, "a message on its way out can't be read");
    ClientError::Unreadable
}

/// ```abnf
/// notify-esmtp-value = "NEVER" / (notify-list-element *( "," notify-list-element ))
/// ```
fn keywords(notify: Notify) -> String {
    let wanted = [
        (notify.success, "SUCCESS"),
        (notify.failure, "FAILURE"),
        (notify.delay, "DELAY"),
    ];
    let names: Vec<&str> = wanted
        .iter()
        .filter_map(|(wanted, name)| wanted.then_some(*name))
        .collect();
    if names.is_empty() {
        "NEVER".to_owned()
    } else {
        names.join(",")
    }
}

/// So many RCPTs go out before their replies are read.
const GROUP: usize = 100;

/// So many bytes of a message go out at once.
const BLOCK: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::reply::ReplyParser;

    #[test]
    fn what_a_server_can_do_is_read_from_its_words() {
        let mut parser = ReplyParser::default();
        let mut reply = None;
        for line in [
            "250-mx.test greets you",
            "250-pipelining",
            "250-SIZE 1000",
            "250-AUTH=LOGIN",
            "250-AUTH PLAIN login",
            "250-SIZEABLE",
            "250 8BITMIME",
        ] {
            reply = parser.line(line.as_bytes()).unwrap();
        }
        let extensions = Extensions::of(&reply.unwrap());
        assert!(extensions.pipelining && extensions.eight_bit_mime && !extensions.dsn);
        assert_eq!(extensions.size, Some(1000));
        assert_eq!(extensions.auth, ["LOGIN", "PLAIN", "LOGIN"]);
    }

    #[test]
    fn notify_is_written_as_it_was_read() {
        assert_eq!(keywords(Notify::NEVER), "NEVER");
        assert_eq!(keywords(Notify::default()), "FAILURE,DELAY");
    }
}
