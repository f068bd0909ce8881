//! `STARTTLS` (RFC 9051 §6.2.1): TLS from here on.

use crate::{answer::Answer, session::Client};

/// Why TLS does not start, if it does not (fault 2).
pub(crate) fn refusal(client: &Client) -> Option<Answer> {
    if client.can_start_tls {
        return None;
    }
    Some(Answer::bad(if client.tls {
        "TLS is in force already"
    } else {
        "TLS is not available here"
    }))
}
