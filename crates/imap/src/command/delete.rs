//! `DELETE` (RFC 9051 §6.3.5).

use crate::{
    answer::{Answer, Refusal},
    codec::request::MailboxName,
    user::User,
};

pub(crate) async fn answer(user: &User, name: &MailboxName) -> Result<Answer, Refusal> {
    let folder = user.folder(name).await?;
    user.mailbox.delete_folder(folder.id).await?;
    Ok(Answer::ok("Deleted"))
}
