//! `NOOP` (RFC 1939 §5)

use crate::codec::Replies;

pub(crate) fn answer(replies: &mut Replies<'_>) {
    replies.ok("Nothing done");
}
