//! LOGIN: the name, then the password, each asked for. Never standardised (draft-murchison-sasl-login-00), obsolete since
//! PLAIN, and the only mechanism that some versions of Outlook know.

use super::{Mechanism, Session, State, Step, prepare_name};
use crate::{Secret, SignInError};

/// Waits for the user's name.
pub(super) struct AwaitsName;

impl AwaitsName {
    #[expect(clippy::unused_self, reason = "a step consumes the state, here too")]
    pub(super) fn step(self, message: &[u8], session: Session) -> Step {
        // Some clients end their strings with NUL.
        let name = message.strip_suffix(b"\0").unwrap_or(message);
        if name.is_empty() {
            return session.fail(Some(Mechanism::Login), SignInError::Malformed);
        }
        let login = std::str::from_utf8(name)
            .map_or_else(|_| name.to_vec(), |name| prepare_name(name).into());
        session.challenge(
            State::LoginPassword(AwaitsPassword { login }),
            PASSWORD_PROMPT,
        )
    }
}

/// Waits for the password.
pub(super) struct AwaitsPassword {
    login: Vec<u8>,
}

impl AwaitsPassword {
    pub(super) async fn step(self, message: &[u8], session: Session) -> Step {
        let password = message.strip_suffix(b"\0").unwrap_or(message);
        if password.is_empty() {
            return session.fail(Some(Mechanism::Login), SignInError::Malformed);
        }
        session
            .directory
            .password_sign_in(
                &self.login,
                b"",
                Secret::new(password),
                Some(Mechanism::Login),
                &session.context,
            )
            .await
            .into()
    }
}

/// Some clients compare the prompts, so they are these and no others.
pub(super) const NAME_PROMPT: &[u8] = b"Username:";
const PASSWORD_PROMPT: &[u8] = b"Password:";
