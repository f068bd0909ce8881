//! `MOVE` (RFC 9051 §6.4.8): COPYUID comes untagged, before the EXPUNGE responses.

use crate::{
    answer::{Answer, Refusal},
    codec::{
        request::{Addressing, MailboxName},
        response::{Code, Status},
        set::SequenceSet,
    },
    command::copy,
    output::Output,
    selected::{Expunges, Own},
    session::Selected,
};

pub(crate) async fn answer(
    state: &mut Selected,
    by: Addressing,
    set: &SequenceSet,
    to: &MailboxName,
    output: &mut Output<'_>,
) -> Result<Answer, Refusal> {
    let Selected { user, folder } = &*state;
    if folder.read_only {
        return Err(Answer::no(Code::ReadOnly, "The mailbox is read-only").into());
    }
    if folder.is_beyond(set, by) {
        return Err(Answer::bad("No such message").into());
    }
    let target = copy::target(user, to).await?;
    let uids = folder.resolve(set, by);
    let moved = user.mailbox.move_items(folder.id, &uids, target).await?;
    if let Some(code) = copy::copy_uid(&moved) {
        output.replies().untagged(Status::Ok, Some(code), "Moved");
    }
    state
        .tell(Expunges::Told, by == Addressing::Uid, &Own::new(), output)
        .await?;
    let answer = Answer::ok("Moved");
    if state.user.enabled.qresync {
        return Ok(answer.with(Code::HighestModSeq(state.folder.known)));
    }
    Ok(answer)
}
