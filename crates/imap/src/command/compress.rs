//! `COMPRESS DEFLATE` (RFC 4978).

use crate::{answer::Answer, codec::response::Code, command::capability, user::User};

/// Why compression does not begin, if it does not.
pub(crate) fn refusal(user: &User, algorithm: &str) -> Option<Answer> {
    if algorithm != "DEFLATE" {
        return Some(Answer::bad("Only DEFLATE is known"));
    }
    if user.client.compressed {
        return Some(Answer::no(
            Code::CompressionActive,
            "The stream is compressed already",
        ));
    }
    if capability::is_masked("COMPRESS=DEFLATE", &user.service, &user.client) {
        return Some(Answer::no(Code::Cannot, "Not offered to this client"));
    }
    None
}
