//! The states of a POP3 session (RFC 1939 §3), each with what exists only in it.
//!
//! ```text
//!   Authorization <-> Exchange        (AUTH, one line of SASL at a time)
//!        |  PASS, AUTH
//!        v
//!   Transaction  --QUIT-->  Update
//! ```
//!
//! A line comes in, replies go to a buffer, and the state is consumed: what follows is in [`Next`]. Nothing here reads from or writes to a
//! connection; [`serve`](crate::serve) does.
//!
//! Rules kept here:
//! - A maildrop is read as it was at sign-in; what others do meanwhile changes no number.
//! - Nothing is deleted but in the Update state, which only QUIT reaches (RFC 1939 §6).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fieldpost_connection::{Connection, ConnectionId, Line, Peer};
use fieldpost_directory::{Protocol, SignInContext, sasl};

use crate::{
    Service,
    codec::{Replies, Request},
    command::{self, auth::Exchange},
    maildrop::Maildrop,
    outgoing::Outgoing,
};

/// Where a session stands.
pub(crate) enum Session {
    /// Nobody has signed in.
    Authorization(Authorization),
    /// A SASL exchange is under way.
    Exchange(Box<Exchange>),
    /// A maildrop is open.
    Transaction(Box<Transaction>),
    /// Nothing more is said.
    Over,
}

/// What the driver does after a line.
pub(crate) enum Next {
    /// Reads the next line.
    Line(Session),
    /// Holds the reply back for so long, then reads the next line.
    Hold(Duration, Session),
    /// Sends this, then reads the next line.
    Send(Box<Transaction>, Outgoing),
    /// Starts TLS, then begins anew: nothing that was said in the clear counts any more (RFC 2595 §4).
    StartTls,
    /// Sends what waits and closes.
    Close,
}

impl Session {
    /// The session of a connection that has just come, or has just started TLS.
    pub(crate) fn new(connection: &Connection, service: Arc<Service>) -> Self {
        Self::Authorization(Authorization::new(Client::of(connection), service))
    }

    /// The longest line that is read in this state.
    pub(crate) fn line_limit(&self, service: &Service) -> usize {
        match self {
            Self::Authorization(_) | Self::Transaction(_) | Self::Over => {
                service.settings.command_limit()
            }
            // RFC 5034 §4 frees these from the limit of commands.
            Self::Exchange(_) => sasl::MAX_LINE,
        }
    }

    /// Whether somebody has signed in.
    pub(crate) fn is_signed_in(&self) -> bool {
        match self {
            Self::Authorization(_) | Self::Exchange(_) | Self::Over => false,
            Self::Transaction(_) => true,
        }
    }

    /// Answers one line.
    pub(crate) async fn line(self, line: Line, replies: &mut Replies<'_>) -> Next {
        match self {
            Self::Authorization(state) => state.line(line, replies).await,
            Self::Exchange(state) => state.line(line, replies).await,
            Self::Transaction(state) => state.line(line, replies).await,
            Self::Over => Next::Close,
        }
    }

    /// Ends a session that did not end by itself. Nothing is deleted; what was fetched is \Seen all the same.
    pub(crate) async fn end(self) {
        match self {
            Self::Authorization(_) | Self::Exchange(_) | Self::Over => {}
            Self::Transaction(mut state) => state.maildrop.mark_seen().await,
        }
    }
}

/// What the session needs to know of its connection.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: ConnectionId,
    pub(crate) peer: Peer,
    /// Whether TLS is in force.
    pub(crate) tls: bool,
    /// Whether STLS is offered.
    pub(crate) can_start_tls: bool,
    /// What the directory needs to know.
    pub(crate) sign_in: SignInContext,
}

impl Client {
    fn of(connection: &Connection) -> Self {
        let address = match connection.peer() {
            Peer::Inet(address) => Some(address.ip()),
            Peer::Unix(_) => None,
        };
        let mut sign_in = SignInContext::new(Protocol::Pop3, address, connection.is_secure());
        sign_in.binding.exporter = connection.tls().and_then(|tls| tls.exporter);
        sign_in.connection = connection.id().0;
        Self {
            id: connection.id(),
            peer: connection.peer(),
            tls: connection.tls().is_some(),
            can_start_tls: connection.can_start_tls(),
            sign_in,
        }
    }
}

/// The AUTHORIZATION state (RFC 1939 §4).
pub(crate) struct Authorization {
    pub(crate) service: Arc<Service>,
    pub(crate) client: Client,
    /// The name that USER gave, for the PASS that must follow at once.
    pub(crate) user: Option<String>,
    /// Refused sign-ins.
    failures: u32,
    /// Lines that were no command, or none for this state.
    bad_commands: u32,
}

impl Authorization {
    fn new(client: Client, service: Arc<Service>) -> Self {
        Self {
            service,
            client,
            user: None,
            failures: 0,
            bad_commands: 0,
        }
    }

    async fn line(mut self, line: Line, replies: &mut Replies<'_>) -> Next {
        let Some(line) = complete(line, replies) else {
            return self.bad_command();
        };
        let request = match Request::parse(&line) {
            Ok(request) => request,
            Err(error) => {
                replies.err(error);
                return self.bad_command();
            }
        };
        // PASS is only good right behind USER (RFC 1939 §7).
        let user = self.user.take();
        match request {
            Request::Auth { mechanism, initial } => {
                command::auth::begin(self, mechanism, initial, replies).await
            }
            Request::Capa => {
                self.user = user;
                command::capa::answer(&self.service, &self.client, false, replies);
                self.stay()
            }
            Request::Lang(tag) => {
                self.user = user;
                command::lang::answer(tag, replies);
                self.stay()
            }
            Request::Pass(password) => command::pass::answer(self, user, password, replies).await,
            Request::Quit => command::quit::without_update(replies),
            Request::Stls => command::stls::answer(self, replies),
            Request::User(name) => command::user::answer(self, name, replies),
            Request::Utf8 => command::utf8::answer(self, replies),
            Request::Dele(_)
            | Request::List(_)
            | Request::Noop
            | Request::Retr(_)
            | Request::Rset
            | Request::Stat
            | Request::Top { .. }
            | Request::Uidl(_) => {
                replies.err("Sign in first");
                self.bad_command()
            }
        }
    }

    /// Waits for the next command.
    pub(crate) fn stay(self) -> Next {
        Next::Line(Session::Authorization(self))
    }

    /// Whether a password may be sent here as it is.
    pub(crate) fn takes_passwords(&self) -> bool {
        self.service.directory.takes_passwords(&self.client.sign_in)
    }

    /// Counts a refused sign-in, whose reply is written and held back for `wait`, if that is not too long; too many end the session.
    pub(crate) fn failed(mut self, wait: Duration) -> Next {
        self.failures += 1;
        if self.failures >= self.service.settings.failed_sign_ins {
            tracing::info!(connection = %self.client.id, peer = %self.client.peer, "too many failed sign-ins");
            return Next::Close;
        }
        Next::Hold(wait.min(LONGEST_HOLD), Session::Authorization(self))
    }

    /// Counts a line that was of no use; too many end the session.
    fn bad_command(mut self) -> Next {
        self.bad_commands += 1;
        if self.bad_commands >= self.service.settings.bad_commands {
            tracing::info!(connection = %self.client.id, peer = %self.client.peer, "too many bad commands");
            return Next::Close;
        }
        self.stay()
    }
}

/// The TRANSACTION state (RFC 1939 §5).
pub(crate) struct Transaction {
    pub(crate) service: Arc<Service>,
    pub(crate) client: Client,
    pub(crate) maildrop: Maildrop,
}

impl Transaction {
    async fn line(mut self: Box<Self>, line: Line, replies: &mut Replies<'_>) -> Next {
        let Some(line) = complete(line, replies) else {
            return self.stay();
        };
        let request = match Request::parse(&line) {
            Ok(request) => request,
            Err(error) => {
                replies.err(error);
                return self.stay();
            }
        };
        match request {
            Request::Capa => command::capa::answer(&self.service, &self.client, true, replies),
            Request::Dele(message) => command::dele::answer(&mut self.maildrop, message, replies),
            Request::Lang(tag) => command::lang::answer(tag, replies),
            Request::List(None) => return command::list::all(self, replies),
            Request::List(Some(message)) => command::list::one(&self.maildrop, message, replies),
            Request::Noop => command::noop::answer(replies),
            Request::Quit => return command::quit::update(*self, replies).await,
            Request::Retr(message) => return command::retr::answer(self, message, replies).await,
            Request::Rset => command::rset::answer(&mut self.maildrop, replies),
            Request::Stat => command::stat::answer(&self.maildrop, replies),
            Request::Top { message, lines } => {
                return command::top::answer(self, message, lines, replies).await;
            }
            Request::Uidl(None) => return command::uidl::all(self, replies).await,
            Request::Uidl(Some(message)) => {
                command::uidl::one(&mut self.maildrop, message, replies).await;
            }
            Request::Auth { .. } | Request::Pass(_) | Request::User(_) => {
                replies.err("Already signed in");
            }
            Request::Stls => command::stls::too_late(replies),
            Request::Utf8 => command::utf8::too_late(replies),
        }
        self.stay()
    }

    /// Waits for the next command.
    pub(crate) fn stay(self: Box<Self>) -> Next {
        Next::Line(Session::Transaction(self))
    }

    /// Sends an answer that may be long, then waits for the next command.
    pub(crate) fn send(self: Box<Self>, outgoing: Outgoing) -> Next {
        Next::Send(self, outgoing)
    }
}

/// How long the reply to a refused sign-in is held back at most: the directory refuses attempts that come sooner than it asked for, so this
/// need only slow down who tries one password after the other.
const LONGEST_HOLD: Duration = Duration::from_secs(4);

/// The line, if it was not too long.
fn complete(line: Line, replies: &mut Replies<'_>) -> Option<Bytes> {
    match line {
        Line::Complete(line) => Some(line),
        Line::TooLong(_) => {
            replies.err("Line too long");
            None
        }
    }
}
