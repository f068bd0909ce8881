//! `RENAME` (RFC 9051 §6.3.6): a mailbox with all below it; of INBOX, its messages alone.

use fieldpost_mailbox::{FolderId, FolderKind, SpecialUse, UidSet};

use crate::{
    answer::{Answer, Refusal},
    codec::{request::MailboxName, response::Code},
    hierarchy::SEPARATOR,
    user::User,
};

pub(crate) async fn answer(
    user: &User,
    from: &MailboxName,
    to: &MailboxName,
) -> Result<Answer, Refusal> {
    let folder = user.folder(from).await?;
    // Its own name, too (RFC 9051 §6.3.6).
    if user.find(to).await?.is_some() {
        return Err(Answer::no(Code::AlreadyExists, "A mailbox of that name exists").into());
    }
    let path: Vec<&str> = to.0.split(SEPARATOR).collect();
    if folder.special_use == Some(SpecialUse::Inbox) {
        let target = user
            .mailbox
            .create_path(&path, FolderKind::Mail, None)
            .await?;
        user.mailbox
            .move_items(folder.id, &UidSet::all(), target.id)
            .await?;
        return Ok(Answer::ok("The messages of INBOX lie there now"));
    }
    let Some((name, above)) = path.split_last() else {
        return Err(Answer::bad("No name").into());
    };
    if is_below(from, to) {
        return Err(Answer::no(Code::Cannot, "A mailbox can't be moved below itself").into());
    }
    let parent = parent(user, above).await?;
    user.mailbox.move_folder(folder.id, parent, name).await?;
    Ok(Answer::ok("Renamed"))
}

/// The folder that the new name lies in. Missing levels are made (RFC 9051 §6.3.6).
async fn parent(user: &User, above: &[&str]) -> Result<Option<FolderId>, Refusal> {
    if above.is_empty() {
        return Ok(None);
    }
    if let Some(folder) = user.mailbox.folder_at(above).await? {
        return Ok(Some(folder.id));
    }
    let made = user
        .mailbox
        .create_path(above, FolderKind::Mail, None)
        .await?;
    Ok(Some(made.id))
}

/// Checked before any level is made for a name that can't be.
fn is_below(from: &MailboxName, to: &MailboxName) -> bool {
    to.0.strip_prefix(&from.0)
        .is_some_and(|rest| rest.starts_with(SEPARATOR))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Office, message};

    #[tokio::test]
    async fn a_mailbox_goes_with_all_below_it() {
        let office = Office::open().await;
        let mut client = office.signed_in().await;
        client.ok("CREATE a/b/c").await;
        client.says("RENAME a a/b/x", "NO [CANNOT] *").await;
        client.says("RENAME a Sent", "NO [ALREADYEXISTS] *").await;
        client.says("RENAME nothing x", "NO [NONEXISTENT] *").await;
        client.says("RENAME a a", "NO [ALREADYEXISTS] *").await;
        client.ok("RENAME a/b new/place").await;
        let told = client.ok("LIST \"\" new*").await;
        assert_eq!(
            told,
            [
                "* LIST (\\HasChildren) \"/\" new",
                "* LIST (\\HasChildren) \"/\" new/place",
                "* LIST (\\HasNoChildren) \"/\" new/place/c"
            ]
        );
        client.says("DELETE new", "NO [HASCHILDREN] *").await;
        client.says("DELETE INBOX", "NO [CANNOT] *").await;
        client.ok("DELETE new/place/c").await;
    }

    #[tokio::test]
    async fn of_the_inbox_the_messages_go() {
        let office = Office::open().await;
        office.deliver(message("one", "x")).await;
        let mut client = office.selected().await;
        client.tells("RENAME INBOX Old", &["* 1 EXPUNGE"]).await;
        client
            .tells("STATUS Old (MESSAGES)", &["* STATUS Old (MESSAGES 1)"])
            .await;
        client.ok("SELECT INBOX").await;
    }
}
