//! `LSUB` (RFC 3501 §6.3.9): the subscribed mailboxes.

use crate::{
    answer::{Answer, Refusal},
    codec::{mailbox_name::Pattern, request::MailboxName},
    command::list,
    output::Output,
    user::User,
};

pub(crate) async fn answer(
    user: &User,
    reference: &MailboxName,
    pattern: &str,
    output: &mut Output<'_>,
) -> Result<Answer, Refusal> {
    let whole = Pattern::new(&reference.0, pattern);
    let paths = user.paths().await?;
    for (position, path) in paths.iter().enumerate() {
        if !whole.matches(&path.name) {
            continue;
        }
        if path.folder.subscribed {
            list::line(
                "LSUB",
                &list::attributes(path, false),
                path,
                "",
                user,
                output,
            );
        } else if pattern.contains('%')
            && list::descendants(&paths, position).any(|below| below.folder.subscribed)
        {
            // A level that leads to a subscribed mailbox (RFC 3501 §6.3.9).
            list::line("LSUB", "\\Noselect", path, "", user, output);
        }
        output.ease().await?;
    }
    Ok(Answer::ok("That is all"))
}
