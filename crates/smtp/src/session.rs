//! The state machine of a connection of LMTP (RFC 2033) or of submission (RFC 6409), after RFC 5321 §3.
//!
//! One struct a state, and a command moves from one to the next by consuming it, so that what exists in one state only (a
//! client's name, recipients, a message under way) exists nowhere else:
//!
//! ```text
//! Greeted -hello-> Ready -MAIL-> Transaction -RCPT..-> Transaction -DATA-> Data ----------> Delivering -> Ready
//!                                                                 -BDAT-> Chunk <-> Chunked     ^
//!                                                                           `-- LAST -----------'
//! Ready -AUTH-> Authenticating -> Ready       (submission, which has no MAIL before it)
//! ```
//!
//! Nothing here reads from the connection or writes to it: [`Session::expects`] says what the driver is to bring next.
//! Rule: a positive reply for a recipient is made only from a durable result of the transport.

use std::{sync::Arc, time::Duration};

use fieldpost_connection::{ConnectionId, Peer, TlsInfo};
use fieldpost_directory::Identity;
use fieldpost_transport::{Addressee, Envelope};

use crate::{
    codec::{
        command::{ClientName, Command},
        reply::Reply,
    },
    command::{self, auth::Authenticating},
    delivering::Delivering,
    message::Message,
    service::Service,
};

/// Where a connection stands.
#[derive(Debug)]
pub enum Session {
    /// Before the client's hello, and again after STARTTLS.
    Greeted,
    /// Between transactions.
    Ready(Ready),
    /// A SASL exchange is under way; the client's next response comes.
    Authenticating(Box<Authenticating>),
    /// MAIL was taken; recipients are being named.
    Transaction(Transaction),
    /// The message comes, up to its dot.
    Data(Box<Message>),
    /// The bytes of one BDAT come.
    Chunk(Chunk),
    /// Between two BDATs of one message.
    Chunked(Box<Message>),
    /// The message is whole and goes to its recipients, each of which gets a reply.
    Delivering(Box<Delivering>),
    /// The TLS handshake is next; then [`Session::Greeted`].
    StartingTls,
    /// The last reply was made; the connection is to be closed.
    Closed,
}

/// Between transactions.
#[derive(Debug)]
pub struct Ready {
    /// What the client calls itself.
    pub client: ClientName,
    /// Who has signed in.
    pub sender: Option<Arc<Identity>>,
}

/// A message that is being announced.
#[derive(Debug)]
pub struct Transaction {
    /// What it goes back to.
    pub ready: Ready,
    /// Sender and parameters.
    pub envelope: Envelope,
    /// The recipients taken, in the order of RCPT.
    pub recipients: Vec<Addressee>,
}

/// The bytes of one BDAT command.
#[derive(Debug)]
pub struct Chunk {
    /// What they are to become of; without it they are read and thrown away, and `refusal` is the reply.
    pub target: Target,
    /// How many are still to come.
    pub left: u64,
    /// How many there are in all.
    pub size: u64,
    /// Whether the message ends with them.
    pub last: bool,
}

/// What becomes of a chunk.
#[derive(Debug)]
pub enum Target {
    /// Part of a message.
    Message(Box<Message>),
    /// BDAT came where it can't: its bytes must be read all the same (RFC 3030 §2), then the session goes on as it was.
    Nothing {
        /// The state before the BDAT.
        before: Box<Session>,
        /// The reply.
        reply: Reply,
    },
}

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// A command line.
    Line,
    /// A line of a SASL exchange.
    Response,
    /// The bytes of a message, up to its dot.
    Data,
    /// The bytes of a chunk.
    Chunk,
    /// The next result of the delivery.
    Delivery,
    /// The TLS handshake.
    Tls,
    /// Nothing more.
    End,
}

/// What a command handler may know of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What all connections share.
    pub service: &'a Service,
    /// The connection's name in the logs.
    pub id: ConnectionId,
    /// How many transactions this connection had before.
    pub transactions: u64,
    /// Who is at the other end.
    pub peer: Peer,
    /// The TLS in force.
    pub tls: Option<&'a TlsInfo>,
    /// Whether STARTTLS is offered.
    pub can_start_tls: bool,
    /// Whether a password may cross the connection.
    pub secure: bool,
    /// Whether the client has sent more than the command in hand.
    pub pipelined: bool,
}

/// The state after a command, and what to say.
#[derive(Debug)]
pub struct Step {
    /// The next state.
    pub session: Session,
    /// The reply; none if it comes later, once the message's bytes were read.
    pub reply: Option<Reply>,
    /// For how long the reply is held back.
    pub wait: Duration,
    /// Whether a sign-in came to nothing.
    pub failed_sign_in: bool,
}

impl Session {
    /// What the driver is to bring next.
    pub fn expects(&self) -> Expect {
        match self {
            Self::Greeted | Self::Ready(_) | Self::Transaction(_) | Self::Chunked(_) => {
                Expect::Line
            }
            Self::Authenticating(_) => Expect::Response,
            Self::Data(_) => Expect::Data,
            Self::Chunk(_) => Expect::Chunk,
            Self::Delivering(_) => Expect::Delivery,
            Self::StartingTls => Expect::Tls,
            Self::Closed => Expect::End,
        }
    }

    /// Carries out a command.
    pub async fn command(self, command: Command, cx: &Context<'_>) -> Step {
        match command {
            Command::Lhlo(client) => command::hello::lhlo(client, cx),
            Command::Ehlo(client) => command::hello::ehlo(self, client, cx),
            Command::Helo(client) => command::hello::helo(self, client, cx),
            Command::Hello => command::hello::refuse(self, cx),
            Command::Auth(auth) => command::auth::run(self, auth, cx).await,
            Command::Mail(mail) => command::mail::run(self, mail, cx),
            Command::Rcpt(rcpt) => command::rcpt::run(self, rcpt, cx),
            Command::Data => command::data::run(self, cx).await,
            Command::Bdat(chunk) => command::bdat::run(self, chunk, cx).await,
            Command::Rset => command::rset::run(self),
            Command::Noop => command::noop::run(self),
            Command::Quit => command::quit::run(cx),
            Command::Vrfy => command::vrfy::run(self),
            Command::Help => command::help::run(self, cx),
            Command::StartTls => command::starttls::run(self, cx),
        }
    }

    /// Drops the transaction, if there is one.
    pub fn reset(self) -> Self {
        match self {
            Self::Transaction(transaction) => Self::Ready(transaction.ready),
            Self::Chunked(message) | Self::Data(message) => Self::Ready(message.abandon()),
            Self::Chunk(Chunk { target, .. }) => match target {
                Target::Message(message) => Self::Ready(message.abandon()),
                Target::Nothing { before, .. } => before.reset(),
            },
            other @ (Self::Greeted
            | Self::Ready(_)
            | Self::Authenticating(_)
            | Self::Delivering(_)
            | Self::StartingTls
            | Self::Closed) => other,
        }
    }
}

impl Step {
    /// Goes to `session` and says `reply`.
    pub fn reply(session: Session, reply: Reply) -> Self {
        Self {
            session,
            reply: Some(reply),
            wait: Duration::ZERO,
            failed_sign_in: false,
        }
    }

    /// Goes to `session` and says nothing yet.
    pub fn silent(session: Session) -> Self {
        Self {
            session,
            reply: None,
            wait: Duration::ZERO,
            failed_sign_in: false,
        }
    }
}
