//! PLAIN, RFC 4616.

use super::{Mechanism, Session, Step, prepare_name};
use crate::{Secret, SignInError};

/// Waits for the only message.
///
/// ```abnf
/// message   = [authzid] UTF8NUL authcid UTF8NUL passwd
/// authcid   = 1*SAFE ; MUST accept up to 255 octets
/// authzid   = 1*SAFE ; MUST accept up to 255 octets
/// passwd    = 1*SAFE ; MUST accept up to 255 octets
/// ```
pub(super) struct AwaitsMessage;

impl AwaitsMessage {
    pub(super) async fn step(self, message: &[u8], session: Session) -> Step {
        let mut fields = message.splitn(3, |byte| *byte == 0);
        let (Some(authorization), Some(login), Some(password)) =
            (fields.next(), fields.next(), fields.next())
        else {
            return session.fail(Some(Mechanism::Plain), SignInError::Malformed);
        };
        if login.is_empty() || password.is_empty() || password.contains(&0) {
            return session.fail(Some(Mechanism::Plain), SignInError::Malformed);
        }
        // §2: "authcid, authzid … prepared by SASLprep". Bytes that are no UTF-8 stay and name nobody (fault 13).
        let prepare = |name: &[u8]| {
            std::str::from_utf8(name)
                .map_or_else(|_| name.to_vec(), |name| prepare_name(name).into())
        };
        session
            .directory
            .password_sign_in(
                &prepare(login),
                &prepare(authorization),
                Secret::new(password),
                Some(Mechanism::Plain),
                &session.context,
            )
            .await
            .into()
    }
}
