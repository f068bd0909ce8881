//! `CLOSE` (RFC 9051 §6.4.1): what is `\Deleted` goes without a word, and the mailbox is left.

use fieldpost_mailbox::{Expunge, UidSet};

use crate::{
    answer::{Answer, Refusal},
    session::Selected,
};

pub(crate) async fn answer(state: &Selected) -> Result<Answer, Refusal> {
    let Selected { user, folder } = state;
    if folder.read_only {
        return Ok(Answer::ok(
            "Closed; nothing was expunged, the mailbox was read-only",
        ));
    }
    let known = folder.numbers.ranges();
    let uids = UidSet::from_ranges(known);
    if user.mailbox.folder(folder.id).await?.counters.deleted > 0 {
        user.mailbox
            .expunge(folder.id, &uids, Expunge::Deleted)
            .await?;
    }
    Ok(Answer::ok("Closed"))
}
