//! `COPY` (RFC 9051 §6.4.7, COPYUID of RFC 4315).

use fieldpost_mailbox::{Copied, check_path};

use crate::{
    answer::{Answer, Refusal},
    codec::{
        request::{Addressing, MailboxName},
        response::Code,
        set::SequenceSet,
    },
    hierarchy::SEPARATOR,
    session::Selected,
    user::User,
};

pub(crate) async fn answer(
    state: &mut Selected,
    by: Addressing,
    set: &SequenceSet,
    to: &MailboxName,
) -> Result<Answer, Refusal> {
    let Selected { user, folder } = &*state;
    if folder.is_beyond(set, by) {
        return Err(Answer::bad("No such message").into());
    }
    let target = target(user, to).await?;
    let uids = folder.resolve(set, by);
    let copied = user.mailbox.copy(folder.id, &uids, target).await?;
    Ok(match copy_uid(&copied) {
        Some(code) => Answer::ok("Copied").with(code),
        None => Answer::ok("Nothing to copy"),
    })
}

/// The mailbox that messages are to go to; one that is missing could be made (RFC 9051 §6.4.7), unless no mailbox can be called so.
pub(crate) async fn target(
    user: &User,
    to: &MailboxName,
) -> Result<fieldpost_mailbox::FolderId, Refusal> {
    match user.find(to).await? {
        Some(folder) => Ok(folder.id),
        None => {
            let path: Vec<&str> = to.0.split(SEPARATOR).collect();
            check_path(&path).map_err(fieldpost_mailbox::Error::from)?;
            Err(Answer::no(Code::TryCreate, "No such mailbox").into())
        }
    }
}

/// Where the messages went. Nothing moved is no code (MailKit #555: all three parts or none).
pub(crate) fn copy_uid(copied: &Copied) -> Option<Code<'static>> {
    if copied.uids.is_empty() {
        return None;
    }
    let from = copied.uids.iter().map(|(from, _)| *from).collect();
    let to = copied.uids.iter().map(|(_, to)| *to).collect();
    Some(Code::CopyUid(copied.uid_validity, from, to))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Office, message};

    #[tokio::test]
    async fn copies_and_moves_say_where_the_messages_went() {
        let office = Office::open().await;
        for number in 1..=4 {
            office.deliver(message(&format!("m {number}"), "x")).await;
        }
        let mut client = office.selected().await;
        let (_, tagged) = client.asks("COPY 2:3 Archive").await;
        assert!(tagged.starts_with("OK [COPYUID "), "{tagged}");
        assert!(tagged.contains(" 2:3 1:2] "), "{tagged}");
        client.says("COPY 1 Nowhere", "NO [TRYCREATE] *").await;
        // What no mailbox can be called is not to be made.
        for name in ["\"\"", "a//b", "..", "\" a\""] {
            let command = format!("COPY 1 {name}");
            client.says(&command, "NO [CANNOT] *").await;
        }
        client.says("APPEND \"\" {3}", "NO [CANNOT] *").await;
        client
            .says("UID COPY 99 Archive", "OK Nothing to copy")
            .await;
        let told = client.ok("UID MOVE 1,4 Archive").await;
        assert!(
            told[0].starts_with("* OK [COPYUID ") && told[0].contains(" 1,4 3:4] "),
            "{told:?}"
        );
        assert_eq!(told[1..], ["* 4 EXPUNGE", "* 1 EXPUNGE"]);
        client
            .tells(
                "STATUS Archive (MESSAGES)",
                &["* STATUS Archive (MESSAGES 4)"],
            )
            .await;
        // A copy into the selected mailbox itself appears at once.
        client
            .tells("COPY 1 INBOX", &["* 3 EXISTS", "* 1 RECENT"])
            .await;
    }
}
