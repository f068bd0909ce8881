//! The states of an IMAP session (RFC 9051 §3), each with what exists only in it.
//!
//! ```text
//!   NotAuthenticated <-> Exchange     (AUTHENTICATE, one line of SASL at a time)
//!        |  LOGIN, AUTHENTICATE
//!        v
//!   Authenticated  --SELECT, EXAMINE-->  Selected
//!                  <--CLOSE, UNSELECT--
//! ```
//!
//! A request comes in, responses go to the output, and the state is consumed: what follows is in [`Next`]. What reads
//! lines and literals, waits in IDLE and starts TLS is [`serve`](crate::serve).

use std::{sync::Arc, time::Duration};

use fieldpost_connection::{Connection, ConnectionId, Peer};
use fieldpost_directory::{Protocol, SignInContext};
use fieldpost_mailbox::UidSet;

use crate::{
    Error, Service,
    answer::{Answer, Refusal},
    codec::{
        request::{Addressing, BadCommand, Command, Mode, Problem, Request, Tag},
        response::{Code, Status},
    },
    command::{self, authenticate::Exchange},
    output::Output,
    selected::{Expunges, Own, SelectedFolder},
    user::User,
};

/// Where a session stands.
pub(crate) enum Session {
    /// Nobody has signed in.
    NotAuthenticated(Box<NotAuthenticated>),
    /// A SASL exchange is under way.
    Exchange(Box<Exchange>),
    /// Somebody has signed in.
    Authenticated(Box<User>),
    /// And looks into a mailbox.
    Selected(Box<Selected>),
    /// Nothing more is said.
    Over,
}

/// What the driver does after a request.
pub(crate) enum Next {
    /// Reads the next command, or line of a SASL exchange.
    Go(Session),
    /// Holds the answer back for so long, then goes on.
    Hold(Duration, Session),
    /// Waits in IDLE until the client ends it.
    Idle(Tag, Session),
    /// Starts TLS, then begins anew: nothing that was said in the clear counts any more (RFC 9051 §6.2.1).
    StartTls(Tag),
    /// Compresses from here on (RFC 4978); the answer is written and goes out in the clear.
    Compress(Session),
    /// Sends what waits and closes.
    Close,
}

impl Session {
    /// The session of a connection that has just come, or has just started TLS.
    pub(crate) fn new(connection: &Connection, service: Arc<Service>) -> Self {
        Self::NotAuthenticated(Box::new(NotAuthenticated::new(
            Client::of(connection),
            service,
        )))
    }

    /// How the next command is read.
    pub(crate) fn mode(&self) -> Mode {
        match self {
            Self::NotAuthenticated(_) | Self::Exchange(_) | Self::Over => Mode::default(),
            Self::Authenticated(user) => user.enabled.mode(),
            Self::Selected(state) => state.user.enabled.mode(),
        }
    }

    /// Whether somebody has signed in.
    pub(crate) fn is_signed_in(&self) -> bool {
        match self {
            Self::NotAuthenticated(_) | Self::Exchange(_) | Self::Over => false,
            Self::Authenticated(_) | Self::Selected(_) => true,
        }
    }

    /// Who has signed in.
    pub(crate) fn user(&self) -> Option<&User> {
        match self {
            Self::NotAuthenticated(_) | Self::Exchange(_) | Self::Over => None,
            Self::Authenticated(user) => Some(user),
            Self::Selected(state) => Some(&state.user),
        }
    }

    /// Answers one command.
    pub(crate) async fn request(
        self,
        request: Request,
        output: &mut Output<'_>,
    ) -> Result<Next, Error> {
        match self {
            Self::NotAuthenticated(state) => Ok(Box::pin(state.request(request, output)).await),
            Self::Authenticated(mut user) => {
                user.bad_commands = 0;
                Box::pin(authenticated(user, request, output)).await
            }
            Self::Selected(mut state) => {
                state.user.bad_commands = 0;
                Box::pin(state.request(request, output)).await
            }
            // The driver hands an exchange lines, and reads nothing when all is over.
            Self::Exchange(_) | Self::Over => Ok(Next::Close),
        }
    }

    /// Answers what was no command.
    pub(crate) fn bad(mut self, bad: &BadCommand, output: &mut Output<'_>) -> Next {
        let mut replies = output.replies();
        let (status, code) = match bad.problem {
            Problem::BadCharset { saves } => {
                if saves && let Self::Selected(state) = &mut self {
                    // RFC 5182 §2.1: a search that fails leaves nothing saved.
                    state.folder.saved = UidSet::default();
                }
                (Status::No, Some(Code::BadCharset(CHARSETS)))
            }
            Problem::NoTag
            | Problem::NoCommand
            | Problem::UnknownCommand
            | Problem::Arguments(..)
            | Problem::TooMuch(_) => (Status::Bad, None),
        };
        match &bad.tag {
            Some(tag) => replies.tagged(tag, status, code, &bad.problem),
            None => replies.untagged(status, code, &bad.problem),
        }
        if status == Status::No {
            // A search that other servers may know: no sign of a client that speaks something else.
            return Next::Go(self);
        }
        let (count, limit, id) = match &mut self {
            Self::NotAuthenticated(state) => (
                &mut state.bad_commands,
                state.service.settings.bad_commands,
                state.client.id,
            ),
            Self::Authenticated(user) => (
                &mut user.bad_commands,
                user.service.settings.bad_commands,
                user.client.id,
            ),
            Self::Selected(state) => (
                &mut state.user.bad_commands,
                state.user.service.settings.bad_commands,
                state.user.client.id,
            ),
            Self::Exchange(_) | Self::Over => return Next::Close,
        };
        *count += 1;
        if *count < limit {
            return Next::Go(self);
        }
        tracing::info!(connection = %id, "too many bad commands");
        replies.untagged(Status::Bye, None, "Too many bad commands");
        Next::Close
    }

    /// Tells what changed, outside any command: in IDLE. `false`: the session is over.
    pub(crate) async fn tell(&mut self, output: &mut Output<'_>) -> Result<bool, Error> {
        let Self::Selected(state) = self else {
            return Ok(true);
        };
        match state.tell(Expunges::Told, false, &Own::new(), output).await {
            Ok(()) => Ok(true),
            Err(Refusal::Answer(answer)) => {
                output
                    .replies()
                    .untagged(Status::No, answer.code, &answer.text);
                Ok(true)
            }
            Err(Refusal::MailboxGone) => {
                mailbox_gone(output);
                Ok(false)
            }
            Err(Refusal::Broken(error)) => Err(error),
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
    /// Whether STARTTLS is offered.
    pub(crate) can_start_tls: bool,
    /// What the directory needs to know.
    pub(crate) sign_in: SignInContext,
    /// What the client called itself in `ID`.
    pub(crate) name: Option<String>,
    /// Whether the stream is compressed.
    pub(crate) compressed: bool,
}

impl Client {
    fn of(connection: &Connection) -> Self {
        let address = match connection.peer() {
            Peer::Inet(address) => Some(address.ip()),
            Peer::Unix(_) => None,
        };
        let mut sign_in = SignInContext::new(Protocol::Imap, address, connection.is_secure());
        sign_in.binding.exporter = connection.tls().and_then(|tls| tls.exporter);
        sign_in.connection = connection.id().0;
        Self {
            id: connection.id(),
            peer: connection.peer(),
            tls: connection.tls().is_some(),
            can_start_tls: connection.can_start_tls(),
            sign_in,
            name: None,
            compressed: false,
        }
    }
}

/// The not authenticated state (RFC 9051 §3.1).
pub(crate) struct NotAuthenticated {
    pub(crate) service: Arc<Service>,
    pub(crate) client: Client,
    /// Refused sign-ins.
    failures: u32,
    bad_commands: u32,
}

impl NotAuthenticated {
    pub(crate) fn new(client: Client, service: Arc<Service>) -> Self {
        Self {
            service,
            client,
            failures: 0,
            bad_commands: 0,
        }
    }

    async fn request(mut self: Box<Self>, request: Request, output: &mut Output<'_>) -> Next {
        let Request { tag, command } = request;
        let answer = match command {
            Command::Capability => {
                command::capability::before_sign_in(&self.service, &self.client, output)
            }
            Command::Noop => Answer::ok("Nothing done"),
            Command::Id(fields) => {
                command::id::answer(&fields, &self.service, &mut self.client, output)
            }
            Command::Logout => {
                command::logout::answer(&tag, output);
                return Next::Close;
            }
            Command::StartTls => match command::starttls::refusal(&self.client) {
                None => return Next::StartTls(tag),
                Some(answer) => answer,
            },
            Command::Authenticate { mechanism, initial } => {
                return command::authenticate::begin(self, tag, &mechanism, initial, output).await;
            }
            Command::Login { user, password } => {
                return command::login::answer(self, tag, &user, password, output).await;
            }
            command => {
                let bad = BadCommand {
                    tag: Some(tag),
                    problem: Problem::Arguments(command.name(), "sign in first"),
                };
                return Session::NotAuthenticated(self).bad(&bad, output);
            }
        };
        finish(&tag, answer, output);
        Next::Go(Session::NotAuthenticated(self))
    }

    /// Whether a password may be sent here as it is.
    pub(crate) fn takes_passwords(&self) -> bool {
        self.service.directory.takes_passwords(&self.client.sign_in)
    }

    /// Counts a refused sign-in, whose answer is written and held back for `wait`, if that is not too long; too many end the session.
    pub(crate) fn failed(mut self: Box<Self>, wait: Duration, output: &mut Output<'_>) -> Next {
        self.failures += 1;
        if self.failures >= self.service.settings.failed_sign_ins {
            tracing::info!(connection = %self.client.id, peer = %self.client.peer, "too many failed sign-ins");
            output
                .replies()
                .untagged(Status::Bye, None, "Too many failed sign-ins");
            return Next::Close;
        }
        Next::Hold(wait.min(LONGEST_HOLD), Session::NotAuthenticated(self))
    }
}

/// The selected state (RFC 9051 §3.3).
pub(crate) struct Selected {
    pub(crate) user: Box<User>,
    pub(crate) folder: SelectedFolder,
}

impl Selected {
    async fn request(
        mut self: Box<Self>,
        request: Request,
        output: &mut Output<'_>,
    ) -> Result<Next, Error> {
        let Request { tag, command } = request;
        let by_uid = command.addressing() == Some(Addressing::Uid);
        let is_delete = matches!(command, Command::Delete(_));
        let expunges = match command {
            // Sequence numbers in the client's hands must stay as they are (RFC 9051 §7.5.1).
            Command::Fetch(Addressing::Sequence, _)
            | Command::Store(Addressing::Sequence, _)
            | Command::Search(Addressing::Sequence, _)
            | Command::Sort(Addressing::Sequence, _)
            | Command::Thread(Addressing::Sequence, _) => Expunges::Withheld,
            _ => Expunges::Told,
        };
        let result = match command {
            Command::Check => Ok(Answer::ok("Checked")),
            Command::Close => {
                let result = command::close::answer(&self).await;
                return leave(*self, &tag, result, output);
            }
            Command::Unselect => {
                return leave(*self, &tag, Ok(Answer::ok("Mailbox left")), output);
            }
            Command::Select(select) => {
                return command::select::answer(self.user, tag, &select, false, true, output).await;
            }
            Command::Examine(select) => {
                return command::select::answer(self.user, tag, &select, true, true, output).await;
            }
            Command::Expunge(set) => {
                command::expunge::answer(&mut self, set.as_ref(), output).await
            }
            Command::Search(by, search) => {
                command::search::answer(&mut self, &tag, by, &search, output).await
            }
            Command::Sort(by, sort) => {
                command::sort::answer(&mut self, &tag, by, &sort, output).await
            }
            Command::Thread(by, thread) => {
                command::thread::answer(&mut self, by, &thread, output).await
            }
            Command::Fetch(by, fetch) => {
                command::fetch::answer(&mut self, by, &fetch, output).await
            }
            Command::Store(by, store) => {
                command::store::answer(&mut self, by, &store, output).await
            }
            Command::Copy(by, set, mailbox) => {
                command::copy::answer(&mut self, by, &set, &mailbox).await
            }
            Command::Move(by, set, mailbox) => {
                command::r#move::answer(&mut self, by, &set, &mailbox, output).await
            }
            command => {
                return match for_any_user(&mut self.user, &tag, command, output).await {
                    // The client has deleted the mailbox that it has selected, and knows.
                    Ran::Answered(Ok(answer))
                        if is_delete && self.folder.is_gone(&self.user.mailbox).await =>
                    {
                        output.replies().untagged(
                            Status::Ok,
                            Some(Code::Closed),
                            "The selected mailbox is no more",
                        );
                        leave(*self, &tag, Ok(answer), output)
                    }
                    Ran::Answered(result) => self.end(tag, result, expunges, by_uid, output).await,
                    Ran::Idle => Ok(Next::Idle(tag, Session::Selected(self))),
                    Ran::Compress => Ok(Next::Compress(Session::Selected(self))),
                    Ran::SignedOut => Ok(signed_out(*self.user, &tag, output)),
                    Ran::Close => Ok(Next::Close),
                };
            }
        };
        self.end(tag, result, expunges, by_uid, output).await
    }

    /// Tells what else changed, and ends the command.
    async fn end(
        mut self: Box<Self>,
        tag: Tag,
        result: Result<Answer, Refusal>,
        expunges: Expunges,
        by_uid: bool,
        output: &mut Output<'_>,
    ) -> Result<Next, Error> {
        let answer = match result {
            Ok(answer) | Err(Refusal::Answer(answer)) => answer,
            Err(Refusal::MailboxGone) => {
                mailbox_gone(output);
                return Ok(Next::Close);
            }
            Err(Refusal::Broken(error)) => return Err(error),
        };
        match self.tell(expunges, by_uid, &Own::new(), output).await {
            // The command itself was done; what could not be told is told another time.
            Ok(()) | Err(Refusal::Answer(_)) => {}
            Err(Refusal::MailboxGone) => {
                finish(&tag, answer, output);
                mailbox_gone(output);
                return Ok(Next::Close);
            }
            Err(Refusal::Broken(error)) => return Err(error),
        }
        finish(&tag, answer, output);
        Ok(Next::Go(Session::Selected(self)))
    }

    /// Tells what changed since the client was last told.
    pub(crate) async fn tell(
        &mut self,
        expunges: Expunges,
        with_uid: bool,
        own: &Own,
        output: &mut Output<'_>,
    ) -> Result<(), Refusal> {
        let Self { user, folder } = self;
        folder
            .tell(&user.mailbox, user.enabled, expunges, with_uid, own, output)
            .await
    }
}

/// The authenticated state (RFC 9051 §3.2).
async fn authenticated(
    mut user: Box<User>,
    request: Request,
    output: &mut Output<'_>,
) -> Result<Next, Error> {
    let Request { tag, command } = request;
    match command {
        Command::Select(select) => {
            command::select::answer(user, tag, &select, false, false, output).await
        }
        Command::Examine(select) => {
            command::select::answer(user, tag, &select, true, false, output).await
        }
        command => match for_any_user(&mut user, &tag, command, output).await {
            Ran::Answered(result) => {
                let answer = match result {
                    Ok(answer) | Err(Refusal::Answer(answer)) => answer,
                    Err(Refusal::MailboxGone) => Answer::no_such_mailbox(),
                    Err(Refusal::Broken(error)) => return Err(error),
                };
                finish(&tag, answer, output);
                Ok(Next::Go(Session::Authenticated(user)))
            }
            Ran::Idle => Ok(Next::Idle(tag, Session::Authenticated(user))),
            Ran::Compress => Ok(Next::Compress(Session::Authenticated(user))),
            Ran::SignedOut => Ok(signed_out(*user, &tag, output)),
            Ran::Close => Ok(Next::Close),
        },
    }
}

/// What came of a command that needs no selected mailbox.
enum Ran {
    Answered(Result<Answer, Refusal>),
    Idle,
    Compress,
    SignedOut,
    Close,
}

/// The commands of any signed-in client, whether a mailbox is selected or not.
async fn for_any_user(
    user: &mut User,
    tag: &Tag,
    command: Command,
    output: &mut Output<'_>,
) -> Ran {
    Ran::Answered(match command {
        Command::Capability => Ok(command::capability::after_sign_in(user, output)),
        Command::Noop => Ok(Answer::ok("Nothing done")),
        Command::Id(fields) => Ok(command::id::answer(
            &fields,
            &user.service,
            &mut user.client,
            output,
        )),
        Command::Logout => {
            command::logout::answer(tag, output);
            return Ran::Close;
        }
        Command::Enable(capabilities) => Ok(command::enable::answer(user, &capabilities, output)),
        Command::Create {
            mailbox,
            special_use,
        } => command::create::answer(user, &mailbox, &special_use).await,
        Command::Delete(mailbox) => command::delete::answer(user, &mailbox).await,
        Command::Rename { from, to } => command::rename::answer(user, &from, &to).await,
        Command::Subscribe(mailbox) => command::subscribe::answer(user, &mailbox, true).await,
        Command::Unsubscribe(mailbox) => command::subscribe::answer(user, &mailbox, false).await,
        Command::List(list) => command::list::answer(user, &list, output).await,
        Command::Lsub { reference, pattern } => {
            command::lsub::answer(user, &reference, &pattern, output).await
        }
        Command::XList { reference, pattern } => {
            command::xlist::answer(user, &reference, &pattern, output).await
        }
        Command::Namespace => Ok(command::namespace::answer(output)),
        Command::Status(request) => command::status::answer(user, &request, output).await,
        Command::Idle => return Ran::Idle,
        Command::Compress(algorithm) => match command::compress::refusal(user, &algorithm) {
            Some(answer) => Ok(answer),
            None => {
                finish(tag, Answer::ok("Compression begins"), output);
                user.client.compressed = true;
                return Ran::Compress;
            }
        },
        Command::GetQuota(root) => command::quota::get(user, &root, output).await,
        Command::GetQuotaRoot(mailbox) => command::quota::root(user, &mailbox, output).await,
        Command::SetQuota(_) => Ok(command::quota::set()),
        Command::Unauthenticate => return Ran::SignedOut,
        Command::StartTls | Command::Authenticate { .. } | Command::Login { .. } => {
            Ok(Answer::bad("Signed in already"))
        }
        Command::Select(_) | Command::Examine(_) => Ok(Answer::bad("Not here")),
        Command::Check
        | Command::Close
        | Command::Unselect
        | Command::Expunge(_)
        | Command::Search(..)
        | Command::Sort(..)
        | Command::Thread(..)
        | Command::Fetch(..)
        | Command::Store(..)
        | Command::Copy(..)
        | Command::Move(..) => Ok(Answer::bad("Select a mailbox first")),
    })
}

/// Leaves the selected mailbox.
fn leave(
    state: Selected,
    tag: &Tag,
    result: Result<Answer, Refusal>,
    output: &mut Output<'_>,
) -> Result<Next, Error> {
    let answer = match result {
        Ok(answer) | Err(Refusal::Answer(answer)) => answer,
        Err(Refusal::MailboxGone) => Answer::ok("The mailbox is no more"),
        Err(Refusal::Broken(error)) => return Err(error),
    };
    finish(tag, answer, output);
    Ok(Next::Go(Session::Authenticated(state.user)))
}

/// RFC 8437: as before sign-in, the connection and its TLS stay.
fn signed_out(user: User, tag: &Tag, output: &mut Output<'_>) -> Next {
    let User {
        service, client, ..
    } = user;
    finish(tag, Answer::ok("Signed out"), output);
    Next::Go(Session::NotAuthenticated(Box::new(NotAuthenticated::new(
        client, service,
    ))))
}

/// The tagged response.
pub(crate) fn finish(tag: &Tag, answer: Answer, output: &mut Output<'_>) {
    output
        .replies()
        .tagged(tag, answer.status, answer.code, &answer.text);
}

/// Says goodbye to a client whose mailbox was deleted by another: its sequence numbers mean nothing any more.
fn mailbox_gone(output: &mut Output<'_>) {
    output
        .replies()
        .untagged(Status::Bye, None, "The selected mailbox was deleted");
}

/// For how long an answer to a refused sign-in is held back at most.
const LONGEST_HOLD: Duration = Duration::from_secs(5);

/// What SEARCH's `CHARSET` may name for sure (RFC 9051 §6.4.4).
const CHARSETS: &[&str] = &["US-ASCII", "UTF-8"];
