//! The driver of one IMAP connection: lines and literals in, responses out, IDLE, TLS, deadlines, the end.
//!
//! Responses gather in the connection's buffer and leave when no further command has arrived yet, or when they are many: a client that
//! sends commands and reads no responses is waited for, and in the end given up. Between two commands that came together other tasks have
//! their turn: thousands of them in a row do not keep other clients waiting.

use std::{sync::Arc, time::Duration};

use fieldpost_connection::{Connection, ConnectionError, Line};
use fieldpost_directory::sasl;
use fieldpost_mailbox::Watch;
use tokio::time::Instant;

use crate::{
    Error, Service,
    codec::{
        frame::{Frame, Framer, literal_spec},
        request::{self, AppendHead, BadCommand, Request, Tag},
        response::{Replies, Status},
    },
    command,
    output::Output,
    session::{Next, Session},
};

/// Serves one client until it leaves. Where the listener has TLS from the first byte, the handshake is done already.
pub async fn serve(connection: Connection, service: Arc<Service>) {
    let (id, peer) = (connection.id(), connection.peer());
    tracing::debug!(connection = %id, %peer, tls = connection.tls().is_some(), "IMAP connection");
    match Box::pin(converse(connection, service)).await {
        Ok(()) => tracing::debug!(connection = %id, "IMAP connection done"),
        Err(error) if error.is_ordinary() => {
            tracing::debug!(connection = %id, %error, "IMAP connection ended");
        }
        Err(error) => tracing::warn!(connection = %id, %peer, %error, "IMAP connection failed"),
    }
}

/// Answers command after command, and says goodbye where the client can still hear it.
async fn converse(connection: Connection, service: Arc<Service>) -> Result<(), Error> {
    let mut driver = Driver::new(connection, service);
    command::capability::greet(&driver.session, &driver.service, &mut driver.connection);
    let end = driver.run().await;
    let goodbye = match &end {
        Ok(()) => None,
        Err(Error::Connection(ConnectionError::TimedOut)) => Some("Idle for too long"),
        Err(Error::Connection(ConnectionError::ShuttingDown)) => {
            Some("The server is shutting down")
        }
        // In the middle of a literal no word would be understood.
        Err(_) => return end,
    };
    if let Some(text) = goodbye {
        Replies::new(driver.connection.output()).untagged(Status::Bye, None, text);
    }
    driver.connection.close().await;
    end
}

struct Driver {
    connection: Connection,
    service: Arc<Service>,
    session: Session,
    framer: Framer,
    /// When a client that has not signed in must have done so.
    sign_in_by: Instant,
}

/// What came from the client.
enum Came {
    Command(Request),
    Append(AppendHead),
    Bad(BadCommand),
}

impl Driver {
    fn new(connection: Connection, service: Arc<Service>) -> Self {
        Self {
            session: Session::new(&connection, Arc::clone(&service)),
            framer: Framer::new(service.settings.sign_in_command_limit),
            sign_in_by: Instant::now() + service.settings.sign_in_timeout,
            connection,
            service,
        }
    }

    async fn run(&mut self) -> Result<(), Error> {
        loop {
            if self.connection.has_line() {
                Output::new(&mut self.connection).ease().await?;
                tokio::task::yield_now().await;
            } else {
                self.connection.flush().await?;
            }
            let was_signed_in = self.session.is_signed_in();
            let Some(next) = self.step().await? else {
                return Ok(());
            };
            if !self.follow(next).await? {
                return Ok(());
            }
            if self.session.is_signed_in() != was_signed_in {
                self.framer = Framer::new(self.command_limit());
                self.sign_in_by = Instant::now() + self.service.settings.sign_in_timeout;
            }
        }
    }

    /// Reads and answers one command, or one line of an exchange.
    async fn step(&mut self) -> Result<Option<Next>, Error> {
        if let Session::Exchange(_) = self.session {
            let line = self.line(sasl::MAX_LINE).await?;
            let Session::Exchange(exchange) = std::mem::replace(&mut self.session, Session::Over)
            else {
                return Ok(None);
            };
            let mut output = Output::new(&mut self.connection);
            return Ok(Some(Box::pin(exchange.line(line, &mut output)).await));
        }
        let came = self.command().await?;
        let session = std::mem::replace(&mut self.session, Session::Over);
        let mut output = Output::new(&mut self.connection);
        Ok(Some(match came {
            Came::Command(request) => session.request(request, &mut output).await?,
            Came::Append(head) => {
                Box::pin(command::append::answer(session, head, &mut output)).await?
            }
            Came::Bad(bad) => session.bad(&bad, &mut output),
        }))
    }

    /// Does what the session wants done. `false`: it is over.
    async fn follow(&mut self, next: Next) -> Result<bool, Error> {
        match next {
            Next::Go(session) => self.session = session,
            Next::Hold(wait, session) => {
                self.session = session;
                if !wait.is_zero() {
                    let shutdown = self.connection.shutdown().cancelled();
                    drop(tokio::time::timeout(wait, shutdown).await);
                }
            }
            Next::Idle(tag, session) => {
                self.session = session;
                return Box::pin(self.idle(tag)).await;
            }
            Next::StartTls(tag) => return Box::pin(self.start_tls(&tag)).await,
            Next::Compress(session) => {
                self.session = session;
                self.connection.flush().await?;
                self.connection.start_deflate();
            }
            Next::Close => return Ok(false),
        }
        Ok(true)
    }

    /// Reads up to a whole command, or to the message of an APPEND.
    async fn command(&mut self) -> Result<Came, Error> {
        let mode = self.session.mode();
        loop {
            let limit = self.command_limit();
            let (line, frame) = match self.line(limit).await? {
                Line::Complete(line) => {
                    let frame = self.framer.line(&line, mode);
                    (line, frame)
                }
                Line::TooLong(cut) => {
                    let frame = self.framer.too_long(&cut.start, &cut.end);
                    (cut.end, frame)
                }
            };
            match frame {
                Frame::Command(bytes) => {
                    return Ok(match request::parse(&bytes, mode) {
                        Ok(request) => Came::Command(request),
                        Err(bad) => Came::Bad(bad),
                    });
                }
                Frame::Literal { size: _, wait } => self.join_literal(wait).await?,
                Frame::Message(Ok(head)) => return Ok(Came::Append(head)),
                Frame::Message(Err(bad)) => {
                    // The message comes all the same, if it does not wait to be asked for.
                    if let Some(literal) = literal_spec(&line)
                        && literal.non_sync
                    {
                        self.pass_over(literal.size).await?;
                    }
                    return Ok(Came::Bad(bad));
                }
                Frame::Refused { tag, skip, problem } => {
                    let bad = BadCommand { tag, problem };
                    if skip > 0 {
                        self.pass_over(skip).await?;
                    }
                    return Ok(Came::Bad(bad));
                }
            }
        }
    }

    async fn join_literal(&mut self, wait: bool) -> Result<(), Error> {
        if wait {
            Replies::new(self.connection.output()).go_ahead("Go on");
            self.connection.flush().await?;
        }
        while self.framer.wanted() > 0 {
            let patience = self.patience(self.service.settings.literal_timeout);
            let chunk = self
                .connection
                .chunk(self.framer.wanted(), patience)
                .await?;
            self.framer.literal(&chunk);
        }
        Ok(())
    }

    /// Throws away a literal that comes unasked, and the rest of its command.
    async fn pass_over(&mut self, size: u64) -> Result<(), Error> {
        let patience = self.service.settings.literal_timeout;
        let limit = if self.session.is_signed_in() {
            command::append::MOST_PASSED_OVER
        } else {
            self.service.settings.sign_in_command_limit as u64
        };
        command::append::pass_over(
            &mut Output::new(&mut self.connection),
            size,
            limit,
            patience,
        )
        .await
    }

    async fn line(&mut self, limit: usize) -> Result<Line, Error> {
        let patience = self.patience(self.service.settings.idle_timeout());
        Ok(self.connection.line(limit, patience).await?)
    }

    /// How long to wait for a client: `after` once it has signed in, little before.
    fn patience(&self, after: Duration) -> Duration {
        if self.session.is_signed_in() {
            return after;
        }
        let left = self.sign_in_by.saturating_duration_since(Instant::now());
        self.service.settings.sign_in_idle_timeout.min(left)
    }

    fn command_limit(&self) -> usize {
        if self.session.is_signed_in() {
            self.service.settings.command_limit
        } else {
            self.service.settings.sign_in_command_limit
        }
    }

    /// IDLE (RFC 9051 §6.3.13): a parked task that hears of changes until the client says DONE.
    async fn idle(&mut self, tag: Tag) -> Result<bool, Error> {
        let watch = match &self.session {
            Session::Selected(state) => Some(state.user.mailbox.watch([state.folder.id])),
            Session::NotAuthenticated(_)
            | Session::Exchange(_)
            | Session::Authenticated(_)
            | Session::Over => None,
        };
        Output::new(&mut self.connection)
            .replies()
            .go_ahead("Idling");
        let (silence, notice) = {
            let settings = &self.service.settings;
            let silence = settings.idle_timeout();
            (
                silence,
                Some(settings.idle_notice).filter(|every| !every.is_zero()),
            )
        };
        let mut watch = watch;
        let mut until = Instant::now() + silence;
        let done = loop {
            // First of all, and after each wake-up: what changed before the watch began is told, too.
            let mut output = Output::new(&mut self.connection);
            if !self.session.tell(&mut output).await? {
                return Ok(false);
            }
            self.connection.flush().await?;
            let left = until.saturating_duration_since(Instant::now());
            let patience = notice.map_or(left, |every| every.min(left));
            // Either can be dropped at any time; a write could not.
            let waited = tokio::select! {
                biased;
                line = self.connection.line(DONE_LIMIT, patience) => Some(line),
                change = next_change(&mut watch) => {
                    change?;
                    None
                }
            };
            match waited {
                None => until = Instant::now() + silence,
                // Something is said now and then, so that a dead connection is noticed.
                Some(Err(ConnectionError::TimedOut)) if Instant::now() < until => {
                    Replies::new(self.connection.output()).untagged(Status::Ok, None, "Still here");
                }
                Some(line) => break line?,
            }
        };
        let mut output = Output::new(&mut self.connection);
        let is_done = matches!(&done, Line::Complete(line) if line.trim_ascii().eq_ignore_ascii_case(b"DONE"));
        if !self.session.tell(&mut output).await? {
            return Ok(false);
        }
        let mut replies = output.replies();
        if is_done {
            replies.tagged(&tag, Status::Ok, None, "Idle ended");
        } else {
            // Fault 18: a command pipelined during IDLE. It is not done.
            replies.tagged(&tag, Status::Bad, None, "Expected DONE");
        }
        Ok(true)
    }

    /// Agrees to STARTTLS and does the handshake. Fault 1: what came in the clear behind the command is never read.
    async fn start_tls(&mut self, tag: &Tag) -> Result<bool, Error> {
        if !self.connection.buffered().is_empty() {
            let mut replies = Replies::new(self.connection.output());
            replies.tagged(tag, Status::Bad, None, "Wait for the answer to STARTTLS");
            replies.untagged(Status::Bye, None, "Data in the clear behind STARTTLS");
            return Ok(false);
        }
        let mut replies = Replies::new(self.connection.output());
        replies.tagged(tag, Status::Ok, None, "Begin TLS");
        self.connection.flush().await?;
        self.connection
            .upgrade_tls(self.service.settings.handshake_timeout)
            .await?;
        self.session = Session::new(&self.connection, Arc::clone(&self.service));
        Ok(true)
    }
}

/// Waits for a change in what is watched: forever, if nothing is.
async fn next_change(watch: &mut Option<Watch>) -> Result<(), Error> {
    match watch {
        Some(watch) => match watch.next().await {
            Some(_) => Ok(()),
            None => Err(ConnectionError::ShuttingDown.into()),
        },
        None => std::future::pending().await,
    }
}

/// The longest line that ends IDLE.
const DONE_LIMIT: usize = 4096;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
