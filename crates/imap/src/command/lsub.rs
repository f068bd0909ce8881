//! `LSUB` (RFC 3501 §6.3.9): the subscribed mailboxes.

use std::collections::HashSet;

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
    let leading = if pattern.contains('%') {
        list::leading_to(&paths, |path| path.folder.subscribed)
    } else {
        HashSet::new()
    };
    for path in &paths {
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
        } else if leading.contains(path.name.as_str()) {
            // A level that leads to a subscribed mailbox (RFC 3501 §6.3.9).
            list::line("LSUB", "\\Noselect", path, "", user, output);
        }
        output.ease().await?;
    }
    Ok(Answer::ok("That is all"))
}
