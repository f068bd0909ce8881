//! `XLIST`: LIST with special uses before RFC 6154, which Outlook 2013 and 2016 still speak.

use fieldpost_mailbox::SpecialUse;

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
    let pattern = Pattern::new(&reference.0, pattern);
    for path in user.paths().await? {
        if !pattern.matches(&path.name) {
            continue;
        }
        let mut attributes = list::attributes(&path, false);
        if path.folder.special_use == Some(SpecialUse::Inbox) {
            attributes.push_str(" \\Inbox");
        }
        list::line("XLIST", &attributes, &path, "", user, output);
        output.ease().await?;
    }
    Ok(Answer::ok("That is all"))
}
