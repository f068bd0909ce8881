//! Drives one connection: brings the session what it expects, and sends what it says.
//!
//! Replies to a pipelined group of commands are sent together (RFC 2920 §3.2): the output is flushed when we are about to
//! wait for the client, and never earlier, but between the results of a delivery, which each go out as soon as they are
//! known.

use std::{sync::Arc, time::Duration};

use fieldpost_connection::{Connection, ConnectionError, Line};
use fieldpost_directory::sasl;
use fieldpost_transport::Status;
use futures_util::FutureExt as _;
use tokio::time::Instant;

use crate::{
    codec::{
        command::{Command, Dialect},
        reply::Reply,
    },
    command::bdat,
    service::Service,
    session::{Context, Expect, Session, Step, Target},
};

/// Speaks LMTP (RFC 2033) or submission (RFC 6409) on a connection until it ends.
pub async fn serve(connection: Connection, service: Arc<Service>) {
    let (id, peer) = (connection.id(), connection.peer());
    tracing::debug!(%id, %peer, "SMTP connection");
    let driver = Driver {
        connection,
        service,
        errors: 0,
        idle_commands: 0,
        transactions: 0,
        failed_sign_ins: 0,
    };
    match driver.run().await {
        Ok(()) => tracing::debug!(%id, "SMTP connection closed"),
        Err(error) if error.is_ordinary() => tracing::debug!(%id, %error, "SMTP connection ended"),
        Err(error) => tracing::warn!(%id, %peer, %error, "SMTP connection failed"),
    }
}

struct Driver {
    connection: Connection,
    service: Arc<Service>,
    /// Errors of the protocol so far.
    errors: u32,
    /// Commands since the last that brought a message nearer.
    idle_commands: u32,
    /// Messages begun so far.
    transactions: u64,
    /// Sign-ins that came to nothing.
    failed_sign_ins: u32,
}

impl Driver {
    async fn run(mut self) -> Result<(), ConnectionError> {
        let protocol = match self.service.dialect() {
            Dialect::Lmtp => "fieldpost LMTP",
            Dialect::Submission => "ESMTP fieldpost",
        };
        let greeting = format!("{} {protocol}", self.service.settings.hostname);
        self.say(&Reply::plain(220, greeting));
        let mut session = Session::Greeted;
        loop {
            let next = match session.expects() {
                Expect::Line => self.line(session).await,
                Expect::Response => self.response(session).await,
                Expect::Data => self.data(session).await,
                Expect::Chunk => self.chunk(session).await,
                Expect::Delivery => self.delivery(session).await,
                Expect::Tls => {
                    self.connection.flush().await?;
                    let timeout = self.service.settings.timeouts.handshake;
                    self.connection = self.connection.start_tls(timeout).await?;
                    Ok(Session::Greeted)
                }
                Expect::End => {
                    self.connection.close().await;
                    return Ok(());
                }
            };
            session = match next {
                Ok(session) => session,
                Err(error) => {
                    self.say_goodbye(&error).await;
                    return Err(error);
                }
            };
        }
    }

    /// Reads and carries out one command.
    async fn line(&mut self, session: Session) -> Result<Session, ConnectionError> {
        if self.connection.has_line() {
            // A client that pipelines without end, and reads no reply, must not fill our memory.
            self.connection.flush_above(OUTPUT_HIGH_WATER).await?;
        } else {
            self.flush().await?;
        }
        let settings = &self.service.settings;
        let timeout = settings.timeouts.command;
        let line = self
            .connection
            .line(settings.max_command_line, timeout)
            .await?;
        let command = match line {
            Line::TooLong(_) => Err(Reply::line_too_long()),
            Line::Complete(line) => {
                Command::parse(&line, self.service.dialect()).map_err(Reply::from)
            }
        };
        // Behind a MAIL that was refused, the rest of a pipelined group comes at the wrong moment by no fault of the
        // client's.
        let may_follow = matches!(command, Ok(Command::Rcpt(_) | Command::Data));
        let step = match command {
            Err(reply) if reply.code == 421 => Step::reply(Session::Closed, reply),
            Err(reply) => Step::reply(session, reply),
            Ok(command) => {
                self.count(&command);
                let service = Arc::clone(&self.service);
                session.command(command, &self.context(&service)).await
            }
        };
        self.hold_back(step.wait).await;
        Ok(self.take(step, may_follow))
    }

    /// Reads a line of a SASL exchange.
    async fn response(&mut self, session: Session) -> Result<Session, ConnectionError> {
        let Session::Authenticating(exchange) = session else {
            return Ok(session);
        };
        self.flush().await?;
        let timeout = self.service.settings.timeouts.command;
        let line = self.connection.line(sasl::MAX_LINE, timeout).await?;
        let step = exchange.response(line).await;
        self.hold_back(step.wait).await;
        Ok(self.take(step, false))
    }

    /// Holds a reply back where guessing is to be slow, unless the server drains.
    async fn hold_back(&mut self, wait: Duration) {
        if !wait.is_zero() {
            let shutdown = self.connection.shutdown().clone();
            drop(tokio::time::timeout(wait, shutdown.cancelled()).await);
        }
    }

    /// Reads some of a message, up to its dot.
    async fn data(&mut self, session: Session) -> Result<Session, ConnectionError> {
        let Session::Data(mut message) = session else {
            return Ok(session);
        };
        self.wait_for_bytes(message.deadline()).await?;
        let decoded = message.decoder().decode(self.connection.buffered());
        let piece = decoded.piece.of(&self.connection.take(decoded.consumed));
        let service = Arc::clone(&self.service);
        let cx = self.context(&service);
        if !message.push(piece, &cx).await {
            return Ok(self.give_up());
        }
        if decoded.ended {
            Ok(Session::Delivering(message.finish(&cx).await))
        } else {
            Ok(Session::Data(message))
        }
    }

    /// Reads some of a chunk.
    async fn chunk(&mut self, session: Session) -> Result<Session, ConnectionError> {
        let Session::Chunk(mut chunk) = session else {
            return Ok(session);
        };
        let deadline = match &chunk.target {
            Target::Message(message) => message.deadline(),
            Target::Nothing { .. } => Instant::now() + self.service.settings.timeouts.data_block,
        };
        self.wait_for_bytes(deadline).await?;
        let count = chunk.left.min(self.connection.buffered().len() as u64);
        let bytes = self.connection.take(count as usize);
        chunk.left -= count;
        let service = Arc::clone(&self.service);
        let cx = self.context(&service);
        if let Target::Message(message) = &mut chunk.target {
            let piece = message.decoder().decode(&bytes).piece.of(&bytes);
            if !message.push(piece, &cx).await {
                return Ok(self.give_up());
            }
        }
        if chunk.left > 0 {
            return Ok(Session::Chunk(chunk));
        }
        let step = bdat::whole(chunk, &cx).await;
        Ok(self.take(step, false))
    }

    /// Sends the recipients' replies, each as soon as it is known.
    async fn delivery(&mut self, session: Session) -> Result<Session, ConnectionError> {
        let Session::Delivering(mut delivering) = session else {
            return Ok(session);
        };
        loop {
            // What is known already goes out together; before waiting for the next, it is sent.
            let next = match delivering.next().now_or_never() {
                Some(next) => next,
                None => {
                    self.flush().await?;
                    delivering.next().await
                }
            };
            match next {
                Some(reply) => self.say(&reply),
                None => return Ok(Session::Ready(delivering.into_ready())),
            }
        }
    }

    /// Says the step's reply, counts it if it is an error, and moves on. `may_follow`: coming at the wrong moment is no
    /// error.
    fn take(&mut self, step: Step, may_follow: bool) -> Session {
        let Some(reply) = step.reply else {
            return step.session;
        };
        self.say(&reply);
        if reply.is_protocol_error() && !(may_follow && reply.code == 503) {
            self.errors += 1;
        }
        if step.failed_sign_in {
            self.failed_sign_ins += 1;
            let submission = self.service.submission.as_ref();
            let limit = submission.map_or(0, |submission| submission.settings.failed_sign_ins);
            if self.failed_sign_ins >= limit {
                self.say(&Reply::closing(Status(4, 7, 0), "too many failed sign-ins"));
                return Session::Closed;
            }
        }
        if self.errors >= self.service.settings.max_errors
            && !matches!(step.session, Session::Closed)
        {
            self.say(&Reply::closing(Status(4, 7, 0), "too many errors"));
            return Session::Closed;
        }
        step.session
    }

    /// Counts messages, and commands that lead to none.
    fn count(&mut self, command: &Command) {
        match command {
            Command::Mail(_) => {
                self.transactions += 1;
                self.idle_commands = 0;
            }
            Command::Rcpt(_) | Command::Data | Command::Bdat(_) | Command::Quit => {
                self.idle_commands = 0;
            }
            Command::Lhlo(_)
            | Command::Ehlo(_)
            | Command::Helo(_)
            | Command::Hello
            | Command::Auth(_)
            | Command::Rset
            | Command::Noop
            | Command::Vrfy
            | Command::Help
            | Command::StartTls => {
                self.idle_commands += 1;
                if self.idle_commands > self.service.settings.max_idle_commands {
                    self.errors += 1;
                }
            }
        }
    }

    /// The rest of a message is not worth reading.
    fn give_up(&mut self) -> Session {
        self.say(&Reply::closing(Status(4, 3, 4), "message far too large"));
        Session::Closed
    }

    async fn wait_for_bytes(&mut self, deadline: Instant) -> Result<(), ConnectionError> {
        if self.connection.buffered().is_empty() {
            self.flush().await?;
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = left.min(self.service.settings.timeouts.data_block);
            // Takes nothing: it only waits until there is something.
            self.connection.chunk(0, timeout).await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ConnectionError> {
        if self.connection.output().is_empty() {
            return Ok(());
        }
        self.connection.flush().await
    }

    fn say(&mut self, reply: &Reply) {
        reply.write(self.connection.output());
    }

    /// Tells the client why, if it can still hear it (RFC 5321 §3.8).
    async fn say_goodbye(mut self, error: &ConnectionError) {
        let reply = match error {
            ConnectionError::TimedOut => Reply::closing(Status(4, 4, 2), "timed out"),
            ConnectionError::ShuttingDown => Reply::closing(Status(4, 3, 2), "shutting down"),
            ConnectionError::Closed
            | ConnectionError::NoTls
            | ConnectionError::PlaintextBeforeTls
            | ConnectionError::Handshake(_)
            | ConnectionError::Io(_) => return,
        };
        self.say(&reply);
        // A client that timed out because it does not read would hold us for another write timeout.
        drop(tokio::time::timeout(GOODBYE, self.connection.close()).await);
    }

    fn context<'a>(&'a self, service: &'a Service) -> Context<'a> {
        Context {
            service,
            id: self.connection.id(),
            transactions: self.transactions,
            peer: self.connection.peer(),
            tls: self.connection.tls(),
            can_start_tls: self.connection.can_start_tls(),
            secure: self.connection.is_secure(),
            pipelined: !self.connection.buffered().is_empty(),
        }
    }
}

/// Replies to one pipelined group are sent once they are more than this.
const OUTPUT_HIGH_WATER: usize = 16 * 1024;

const GOODBYE: Duration = Duration::from_secs(2);
