//! `NAMESPACE` (RFC 9051 §6.3.10): one personal namespace without a prefix, `/` between levels.

use crate::{answer::Answer, output::Output};

pub(crate) fn answer(output: &mut Output<'_>) -> Answer {
    output.replies().data("NAMESPACE ((\"\" \"/\")) NIL NIL");
    Answer::ok("That is all")
}
