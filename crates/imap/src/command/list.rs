//! `LIST` (RFC 9051 §6.3.9; LIST-EXTENDED of RFC 5258, LIST-STATUS of RFC 5819, SPECIAL-USE of RFC 6154).

use std::collections::HashSet;

use crate::{
    answer::{Answer, Refusal},
    codec::{
        mailbox_name::{Pattern, write_mailbox},
        request::{List, ListSelect},
    },
    command::status,
    hierarchy::{Path, SEPARATOR, special_use_attribute},
    output::Output,
    user::User,
};

pub(crate) async fn answer(
    user: &User,
    list: &List,
    output: &mut Output<'_>,
) -> Result<Answer, Refusal> {
    if list.select.recursive_match && !list.select.subscribed && !list.select.special_use {
        return Err(Answer::bad("RECURSIVEMATCH needs another selection option").into());
    }
    if !list.extended && list.patterns.iter().all(String::is_empty) {
        // Asks for the separator and the root's name (RFC 9051 §6.3.9).
        output.replies().data("LIST (\\Noselect) \"/\" \"\"");
        return Ok(Answer::ok("That is all"));
    }
    let patterns: Vec<Pattern> = list
        .patterns
        .iter()
        .map(|pattern| Pattern::new(&list.reference, pattern))
        .collect();
    let paths = user.paths().await?;
    let leading = if list.select.recursive_match {
        leading_to(&paths, |path| is_chosen(path, list.select))
    } else {
        HashSet::new()
    };
    for path in &paths {
        if !patterns.iter().any(|pattern| pattern.matches(&path.name)) {
            continue;
        }
        let is_child_chosen = leading.contains(path.name.as_str());
        if !is_chosen(path, list.select) && !is_child_chosen {
            continue;
        }
        let subscribed = list.returns.subscribed || list.select.subscribed;
        let info = if is_child_chosen {
            child_info(list.select)
        } else {
            ""
        };
        line(
            "LIST",
            &attributes(path, subscribed),
            path,
            info,
            user,
            output,
        );
        if let Some(items) = &list.returns.status {
            status::line(user, &path.name, &path.folder, items, output).await?;
        }
        output.ease().await?;
    }
    Ok(Answer::ok("That is all"))
}

/// The attributes of a mailbox, without parentheses.
pub(crate) fn attributes(path: &Path, subscribed: bool) -> String {
    let mut attributes = String::from(if path.has_children {
        "\\HasChildren"
    } else {
        "\\HasNoChildren"
    });
    if subscribed && path.folder.subscribed {
        attributes.push_str(" \\Subscribed");
    }
    if let Some(special_use) = special_use_attribute(&path.folder) {
        attributes.push(' ');
        attributes.push_str(special_use);
    }
    attributes
}

/// `* LIST (attributes) "/" name`
pub(crate) fn line(
    response: &str,
    attributes: &str,
    path: &Path,
    info: &str,
    user: &User,
    output: &mut Output<'_>,
) {
    let buffer = output.buffer();
    for text in ["* ", response, " (", attributes, ") \"/\" "] {
        buffer.extend_from_slice(text.as_bytes());
    }
    write_mailbox(buffer, &path.name, user.enabled.is_utf8());
    buffer.extend_from_slice(info.as_bytes());
    buffer.extend_from_slice(b"\r\n");
}

/// The names of all levels above those that are chosen.
pub(crate) fn leading_to(paths: &[Path], is_chosen: impl Fn(&Path) -> bool) -> HashSet<&str> {
    let chosen = paths.iter().filter(|path| is_chosen(path));
    chosen
        .flat_map(|path| {
            let ends = path.name.match_indices(SEPARATOR);
            ends.map(|(end, _)| &path.name[..end])
        })
        .collect()
}

/// What the mailboxes below were chosen by (RFC 5258 §3.5, RFC 6154 §2).
fn child_info(select: ListSelect) -> &'static str {
    match (select.subscribed, select.special_use) {
        (true, true) => " (\"CHILDINFO\" (\"SUBSCRIBED\" \"SPECIAL-USE\"))",
        (false, true) => " (\"CHILDINFO\" (\"SPECIAL-USE\"))",
        (_, false) => " (\"CHILDINFO\" (\"SUBSCRIBED\"))",
    }
}

fn is_chosen(path: &Path, select: ListSelect) -> bool {
    (!select.subscribed || path.folder.subscribed)
        && (!select.special_use || special_use_attribute(&path.folder).is_some())
}

#[cfg(test)]
mod tests {
    use crate::testing::Office;

    #[tokio::test]
    async fn mailboxes_with_their_uses() {
        let office = Office::open().await;
        let mut client = office.signed_in().await;
        client.ok("CREATE Work/2026/Invoices").await;
        client.ok("SUBSCRIBE Work/2026").await;
        client
            .tells(
                "LIST \"\" *",
                &[
                    "* LIST (\\HasNoChildren) \"/\" INBOX",
                    "* LIST (\\HasNoChildren \\Archive) \"/\" Archive",
                    "* LIST (\\HasNoChildren \\Drafts) \"/\" Drafts",
                    "* LIST (\\HasNoChildren \\Junk) \"/\" Junk",
                    "* LIST (\\HasNoChildren \\Sent) \"/\" Sent",
                    "* LIST (\\HasNoChildren \\Trash) \"/\" Trash",
                    "* LIST (\\HasChildren) \"/\" Work",
                    "* LIST (\\HasChildren) \"/\" Work/2026",
                    "* LIST (\\HasNoChildren) \"/\" Work/2026/Invoices",
                ],
            )
            .await;
        client
            .tells("LIST \"\" \"\"", &["* LIST (\\Noselect) \"/\" \"\""])
            .await;
        client
            .tells("LIST Work/ %", &["* LIST (\\HasChildren) \"/\" Work/2026"])
            .await;
        client
            .tells("LIST \"\" inbox", &["* LIST (\\HasNoChildren) \"/\" INBOX"])
            .await;
        client
            .tells("LSUB \"\" Work%", &["* LSUB (\\Noselect) \"/\" Work"])
            .await;
        client
            .tells(
                "XLIST \"\" INBOX",
                &["* XLIST (\\HasNoChildren \\Inbox) \"/\" INBOX"],
            )
            .await;
    }

    /// RFC 5258, RFC 5819, RFC 6154; iOS asks so (cyrus #2179).
    #[tokio::test]
    async fn the_extended_form() {
        let office = Office::open().await;
        let mut client = office.signed_in().await;
        client.ok("CREATE Work/2026").await;
        client.ok("SUBSCRIBE Work/2026").await;
        client
            .tells(
                "LIST \"\" (INBOX Sent) RETURN (SPECIAL-USE STATUS (UNSEEN))",
                &[
                    "* LIST (\\HasNoChildren) \"/\" INBOX",
                    "* STATUS INBOX (UNSEEN 0)",
                    "* LIST (\\HasNoChildren \\Sent) \"/\" Sent",
                    "* STATUS Sent (UNSEEN 0)",
                ],
            )
            .await;
        client
            .tells(
                "LIST (SUBSCRIBED RECURSIVEMATCH) \"\" Work",
                &["* LIST (\\HasChildren) \"/\" Work (\"CHILDINFO\" (\"SUBSCRIBED\"))"],
            )
            .await;
        client
            .tells(
                "LIST (SUBSCRIBED) \"\" Work*",
                &["* LIST (\\HasNoChildren \\Subscribed) \"/\" Work/2026"],
            )
            .await;
        client
            .tells(
                "LIST (SPECIAL-USE) \"\" S*",
                &["* LIST (\\HasNoChildren \\Sent) \"/\" Sent"],
            )
            .await;
        client.says("LIST (RECURSIVEMATCH) \"\" *", "BAD *").await;
        client.ok("CREATE Work/2026/Now (USE (\\Important))").await;
        client
            .tells(
                "LIST (SPECIAL-USE RECURSIVEMATCH) \"\" Work",
                &["* LIST (\\HasChildren) \"/\" Work (\"CHILDINFO\" (\"SPECIAL-USE\"))"],
            )
            .await;
        client
            .tells(
                "LIST (SPECIAL-USE SUBSCRIBED RECURSIVEMATCH) \"\" Work/%",
                &["* LIST (\\HasChildren \\Subscribed) \"/\" Work/2026 (\"CHILDINFO\" (\"SUBSCRIBED\" \"SPECIAL-USE\"))"],
            )
            .await;
    }

    /// Fault 17: nothing tells whether another user has a mailbox.
    #[tokio::test]
    async fn fault_17_nobody_sees_anothers_mailboxes() {
        let office = Office::open().await;
        let mut alice = office.signed_in().await;
        alice.ok("CREATE Secret").await;
        let mut bob = office.connect().await;
        bob.signs_in(crate::testing::OTHER).await;
        for command in ["STATUS Secret (MESSAGES)", "SELECT Secret", "DELETE Secret"] {
            bob.says(command, "NO [NONEXISTENT] No such mailbox").await;
        }
        bob.tells("LIST \"\" Secret", &[]).await;
    }

    /// Fault 17: whatever is asked of another's mailbox, by whatever path, is answered as for one that nobody has.
    #[tokio::test]
    async fn fault_17_anothers_mailbox_and_none_are_answered_alike() {
        const NOBODYS: &str = "Nobody";
        let office = Office::open().await;
        let mut alice = office.signed_in().await;
        alice.ok("CREATE Secret").await;
        let mut bob = office.connect().await;
        bob.signs_in(crate::testing::OTHER).await;
        bob.sends("x APPEND INBOX {3+}\r\nabc\r\n").await;
        assert!(bob.until("x").await.1.starts_with("OK"));
        for prefix in [
            "",
            "alice@demo.test/",
            "user/alice@demo.test/",
            "Other Users/alice@demo.test/",
            "~alice@demo.test/",
            "../alice@demo.test/",
        ] {
            for command in [
                "EXAMINE {}",
                "STATUS {} (MESSAGES UIDNEXT UIDVALIDITY)",
                "DELETE {}",
                "RENAME {} Mine",
                "UNSUBSCRIBE {}",
                "COPY 1 {}",
                "MOVE 1 {}",
                "APPEND {} {3+}\r\nabc",
                "LIST \"\" {}",
                "LIST (SUBSCRIBED) \"\" {} RETURN (CHILDREN)",
                "LIST \"\" {} RETURN (STATUS (MESSAGES SIZE))",
                "LSUB \"\" {}",
            ] {
                let mut answers = Vec::new();
                for name in ["Secret", NOBODYS] {
                    bob.ok("SELECT INBOX").await;
                    let command = command.replace("{}", &format!("\"{prefix}{name}\""));
                    bob.sends(format!("x {command}\r\n")).await;
                    let (told, tagged) = bob.until("x").await;
                    answers.push(format!("{told:?} {tagged}").replace(name, NOBODYS));
                }
                assert_eq!(answers[0], answers[1], "{command} {prefix}");
            }
        }
    }
}
