//! `STLS` (RFC 2595 §4): TLS from here on.

use crate::{
    codec::Replies,
    session::{Authorization, Next},
};

pub(crate) fn answer(authorization: Authorization, replies: &mut Replies<'_>) -> Next {
    if authorization.client.can_start_tls {
        return Next::StartTls;
    }
    replies.err(if authorization.client.tls {
        "TLS is in force already"
    } else {
        "TLS is not available here"
    });
    authorization.stay()
}

/// After sign-in it is refused (fault 2).
pub(crate) fn too_late(replies: &mut Replies<'_>) {
    replies.err("TLS must start before sign-in");
}

/// The handshake may begin.
pub(crate) fn go_ahead(replies: &mut Replies<'_>) {
    replies.ok("Begin TLS");
}

/// Commands in the clear lay behind STLS (fault 1).
pub(crate) fn injected(replies: &mut Replies<'_>) {
    replies.err("Wait for the answer to STLS");
}
