//! `SUBSCRIBE` and `UNSUBSCRIBE` (RFC 9051 §6.3.7, §6.3.8). A subscription belongs to a mailbox and goes with it.

use crate::{
    answer::{Answer, Refusal},
    codec::request::MailboxName,
    user::User,
};

pub(crate) async fn answer(
    user: &User,
    name: &MailboxName,
    subscribed: bool,
) -> Result<Answer, Refusal> {
    let Some(folder) = user.find(name).await? else {
        return if subscribed {
            Err(Answer::no_such_mailbox().into())
        } else {
            // A client may still know a mailbox that is no more, and is rid of it.
            Ok(Answer::ok("There was no such subscription"))
        };
    };
    user.mailbox.subscribe(folder.id, subscribed).await?;
    Ok(Answer::ok(if subscribed {
        "Subscribed"
    } else {
        "Unsubscribed"
    }))
}
