//! SASL (RFC 4422) once, for all protocols: PLAIN, LOGIN, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS.
//!
//! A protocol reads the mechanism's name and carries messages; everything else is here:
//!
//! ```text
//! Exchange::start(&directory, name, initial_response, context).await
//!     -> Step::Challenge(exchange, bytes)   send base64(bytes), read a line:
//!            "*"   -> cancelled: drop the exchange
//!            else  -> exchange.step(&decode(line)?).await, and so on
//!     -> Step::Done(identity)
//!     -> Step::Failed(error)
//! ```
//!
//! An exchange is a value that each step consumes: when it is dropped (the client cancelled, went away, sent what is no
//! base64) nothing of it is left anywhere (faults 11, 12).

mod login;
mod plain;
mod scram;

use std::{fmt, sync::Arc};

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_STANDARD,
};

use crate::{Directory, Identity, SignInContext, SignInError, audit};

/// The longest message of a client, decoded, in bytes. The longest sensible one is PLAIN's with two names and a password.
pub const MAX_MESSAGE: usize = 4096;

/// The longest line that carries such a message, in base64, without the line end.
pub const MAX_LINE: usize = MAX_MESSAGE.div_ceil(3) * 4;

/// A mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// The never standardised LOGIN (draft-murchison-sasl-login), which Outlook still speaks.
    Login,
    /// RFC 7677.
    ScramSha256,
    /// RFC 7677, bound to the TLS connection.
    ScramSha256Plus,
}

impl Mechanism {
    /// Every mechanism.
    pub const ALL: [Self; 4] = [
        Self::ScramSha256Plus,
        Self::ScramSha256,
        Self::Plain,
        Self::Login,
    ];

    /// Its registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
        }
    }

    /// The mechanism of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// Whether the password itself is sent.
    pub const fn sends_password(self) -> bool {
        match self {
            Self::Plain | Self::Login => true,
            Self::ScramSha256 | Self::ScramSha256Plus => false,
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Directory {
    /// The mechanisms to offer on a connection, in order of preference: those that send a password only where it is safe
    /// (fault 3), those that bind the connection only where there is something to bind.
    pub fn mechanisms(&self, context: &SignInContext) -> Vec<Mechanism> {
        let mechanisms = self.settings.mechanisms.iter().copied();
        mechanisms
            .filter(|mechanism| self.offers(*mechanism, context))
            .collect()
    }

    fn offers(&self, mechanism: Mechanism, context: &SignInContext) -> bool {
        self.settings.mechanisms.contains(&mechanism)
            && match mechanism {
                Mechanism::Plain | Mechanism::Login => self.takes_passwords(context),
                Mechanism::ScramSha256 => true,
                Mechanism::ScramSha256Plus => context.binding.is_some(),
            }
    }
}

/// What comes after a client's message.
#[derive(Debug)]
pub enum Step {
    /// Send the bytes, in base64, and give the client's next message to the exchange.
    Challenge(Exchange, Vec<u8>),
    /// Signed in.
    Done(Identity),
    /// Not signed in; the exchange is over.
    Failed(SignInError),
}

/// An exchange that waits for the client.
pub struct Exchange {
    session: Session,
    state: State,
}

impl Exchange {
    /// Begins with the mechanism the client named, and with its initial response if it sent one (an empty one, sent as
    /// `=`, is one).
    pub async fn start(
        directory: &Arc<Directory>,
        mechanism: &str,
        initial: Option<&[u8]>,
        context: SignInContext,
    ) -> Step {
        let mechanism = Mechanism::from_name(mechanism);
        let session = Session {
            directory: Arc::clone(directory),
            context,
        };
        let Some(mechanism) = mechanism.filter(|m| session.directory.offers(*m, &session.context))
        else {
            let error = match mechanism {
                Some(mechanism) if mechanism.sends_password() => SignInError::NotSecure,
                Some(_) | None => SignInError::MechanismNotAllowed,
            };
            return session.fail(mechanism, error);
        };
        let (state, first_challenge) = match mechanism {
            Mechanism::Plain => (State::Plain(plain::AwaitsMessage), &b""[..]),
            Mechanism::Login => (State::LoginName(login::AwaitsName), login::NAME_PROMPT),
            Mechanism::ScramSha256 => (
                State::ScramFirst(scram::AwaitsFirst { plus: false }),
                &b""[..],
            ),
            Mechanism::ScramSha256Plus => (
                State::ScramFirst(scram::AwaitsFirst { plus: true }),
                &b""[..],
            ),
        };
        let exchange = Self { session, state };
        match initial {
            Some(message) => exchange.step(message).await,
            None => Step::Challenge(exchange, first_challenge.to_vec()),
        }
    }

    /// Goes on with the client's message, decoded from base64.
    pub async fn step(self, message: &[u8]) -> Step {
        let Self { session, state } = self;
        if message.len() > MAX_MESSAGE {
            return session.fail(Some(state.mechanism()), SignInError::Malformed);
        }
        match state {
            State::Plain(state) => state.step(message, session).await,
            State::LoginName(state) => state.step(message, session),
            State::LoginPassword(state) => state.step(message, session).await,
            State::ScramFirst(state) => state.step(message, session).await,
            State::ScramFinal(state) => state.step(message, session),
            State::ScramEnd(state) => state.step(message, session),
        }
    }

    /// The mechanism it follows.
    pub fn mechanism(&self) -> Mechanism {
        self.state.mechanism()
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("mechanism", &self.mechanism())
            .finish_non_exhaustive()
    }
}

/// A line that is not what it should be: no base64, or too long. The exchange it belongs to is over, no other is touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid base64")]
pub struct InvalidBase64;

impl From<InvalidBase64> for SignInError {
    fn from(_: InvalidBase64) -> Self {
        Self::Malformed
    }
}

/// Decodes a client's line (without its line end). Padding must be there and right, RFC 4422 §4 leaves no choice.
pub fn decode(line: &[u8]) -> Result<Vec<u8>, InvalidBase64> {
    if line.len() > MAX_LINE {
        return Err(InvalidBase64);
    }
    STRICT.decode(line).map_err(|_| InvalidBase64)
}

/// Decodes an initial response that stands on the command's own line, where `=` means an empty one (RFC 4954 §4,
/// RFC 4959 §3, RFC 5034 §4).
pub fn decode_initial(text: &[u8]) -> Result<Vec<u8>, InvalidBase64> {
    if text == b"=" {
        return Ok(Vec::new());
    }
    if text.is_empty() {
        return Err(InvalidBase64);
    }
    decode(text)
}

/// Encodes a challenge.
pub fn encode(challenge: &[u8]) -> String {
    BASE64_STANDARD.encode(challenge)
}

/// Whether the client's line cancels the exchange.
pub fn is_cancel(line: &[u8]) -> bool {
    line == b"*"
}

/// What an exchange carries through all states.
struct Session {
    directory: Arc<Directory>,
    context: SignInContext,
}

impl Session {
    /// Ends an exchange before anybody was looked up.
    fn fail(self, mechanism: Option<Mechanism>, error: SignInError) -> Step {
        audit::refused(b"", None, mechanism, &error, &self.context);
        Step::Failed(error)
    }

    fn challenge(self, state: State, challenge: impl Into<Vec<u8>>) -> Step {
        let exchange = Exchange {
            session: self,
            state,
        };
        Step::Challenge(exchange, challenge.into())
    }
}

/// What an exchange waits for.
enum State {
    Plain(plain::AwaitsMessage),
    LoginName(login::AwaitsName),
    LoginPassword(login::AwaitsPassword),
    ScramFirst(scram::AwaitsFirst),
    ScramFinal(Box<scram::AwaitsFinal>),
    ScramEnd(scram::AwaitsEnd),
}

impl State {
    fn mechanism(&self) -> Mechanism {
        match self {
            Self::Plain(_) => Mechanism::Plain,
            Self::LoginName(_) | Self::LoginPassword(_) => Mechanism::Login,
            Self::ScramFirst(state) => state.mechanism(),
            Self::ScramFinal(state) => state.mechanism(),
            Self::ScramEnd(state) => state.mechanism(),
        }
    }
}

impl From<Result<Identity, SignInError>> for Step {
    fn from(result: Result<Identity, SignInError>) -> Self {
        match result {
            Ok(identity) => Self::Done(identity),
            Err(error) => Self::Failed(error),
        }
    }
}

/// A name as SASLprep (RFC 4013) has it; as it is, if SASLprep does not take it. What is no name at all is found out when
/// it is looked up.
fn prepare_name(name: &str) -> String {
    stringprep::saslprep(name).map_or_else(|_| name.to_owned(), std::borrow::Cow::into_owned)
}

const STRICT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

#[cfg(test)]
mod tests;
