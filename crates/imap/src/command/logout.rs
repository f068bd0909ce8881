//! `LOGOUT` (RFC 9051 §6.1.3).

use crate::{
    answer::Answer,
    codec::{request::Tag, response::Status},
    output::Output,
    session::finish,
};

pub(crate) fn answer(tag: &Tag, output: &mut Output<'_>) {
    output.replies().untagged(Status::Bye, None, "Goodbye");
    finish(tag, Answer::ok("Logged out"), output);
}
