//! `SELECT` and `EXAMINE` (RFC 9051 §6.3.2, §6.3.3), with CONDSTORE and QRESYNC (RFC 7162 §3.1.8, §3.2.5).

use fieldpost_mailbox::{ChangesSince, Folder, Labels, UidSet, View};

use crate::{
    Error,
    answer::{Answer, Refusal},
    codec::{
        mailbox_name::write_mailbox,
        request::{QuickResync, Select, Tag},
        response::{Code, Status, code::Set, flags},
        set::SequenceSet,
    },
    output::Output,
    selected::SelectedFolder,
    session::{Next, Selected, Session, finish},
    user::User,
};

pub(crate) async fn answer(
    mut user: Box<User>,
    tag: Tag,
    select: &Select,
    read_only: bool,
    was_selected: bool,
    output: &mut Output<'_>,
) -> Result<Next, Error> {
    if was_selected {
        // What follows is about the new mailbox, or about none (RFC 9051 §7.1 CLOSED).
        output.replies().untagged(
            Status::Ok,
            Some(Code::Closed),
            "The mailbox selected before is closed",
        );
    }
    match open(&mut user, select, read_only, output).await {
        Ok(folder) => {
            let code = if read_only {
                Code::ReadOnly
            } else {
                Code::ReadWrite
            };
            finish(&tag, Answer::ok("Selected").with(code), output);
            Ok(Next::Go(Session::Selected(Box::new(Selected {
                user,
                folder,
            }))))
        }
        Err(Refusal::Answer(answer)) => {
            finish(&tag, answer, output);
            Ok(Next::Go(Session::Authenticated(user)))
        }
        Err(Refusal::MailboxGone) => {
            finish(&tag, Answer::no_such_mailbox(), output);
            Ok(Next::Go(Session::Authenticated(user)))
        }
        Err(Refusal::Broken(error)) => Err(error),
    }
}

async fn open(
    user: &mut User,
    select: &Select,
    read_only: bool,
    output: &mut Output<'_>,
) -> Result<SelectedFolder, Refusal> {
    if select.qresync.is_some() && !user.enabled.qresync {
        return Err(Answer::bad("ENABLE QRESYNC first").into());
    }
    let folder = user.folder(&select.mailbox).await?;
    // The labels first: a keyword is known before the row that has it.
    let view = user.mailbox.view(folder.id).await?;
    let labels = user.mailbox.labels().await?;
    if select.condstore || select.qresync.is_some() {
        user.enabled.condstore = true;
    }
    let recent_from = user.service.recent(
        user.mailbox.account().0,
        folder.id,
        view.uid_next,
        !read_only,
    );
    let selected = SelectedFolder::new(folder.id, &view, &labels, read_only, recent_from);
    let rev2 = user.enabled.rev2;
    let mut replies = output.replies();
    replies.data(format_args!("FLAGS ({})", flags::known(&labels)));
    replies.untagged(
        Status::Ok,
        Some(Code::PermanentFlags(&flags::permanent(&labels, read_only))),
        if read_only {
            "Read-only"
        } else {
            "Flags permitted"
        },
    );
    selected.tell_exists(user.enabled, &mut replies);
    if !rev2
        && folder.counters.unseen > 0
        && let Some(row) = view.first_unseen()
        && let Some(number) = selected.numbers.number(row.uid)
    {
        replies.untagged(Status::Ok, Some(Code::Unseen(number)), "First unseen");
    }
    for (code, text) in [
        (Code::UidValidity(view.uid_validity), "UIDs valid"),
        (Code::UidNext(view.uid_next), "Predicted next UID"),
        (Code::HighestModSeq(view.highest_mod_seq), "Highest"),
        (Code::MailboxId(folder.id.0), "Mailbox id"),
    ] {
        replies.untagged(Status::Ok, Some(code), text);
    }
    if rev2 {
        list_line(user, &folder, &select.mailbox.0, output).await?;
    }
    if let Some(resync) = &select.qresync
        && resync.uid_validity == view.uid_validity
    {
        catch_up(user, &selected, &view, &labels, resync, output).await?;
    }
    Ok(selected)
}

/// The mailbox's name as it is listed, `INBOX` in capitals (RFC 9051 §6.3.2).
async fn list_line(
    user: &User,
    folder: &Folder,
    asked: &str,
    output: &mut Output<'_>,
) -> Result<(), Refusal> {
    let paths = user.paths().await?;
    let name = paths
        .iter()
        .find(|path| path.folder.id == folder.id)
        .map_or(asked, |path| path.name.as_str());
    let buffer = output.buffer();
    buffer.extend_from_slice(b"* LIST () \"/\" ");
    write_mailbox(buffer, name, user.enabled.is_utf8());
    buffer.extend_from_slice(b"\r\n");
    Ok(())
}

/// Tells a client what changed since it was here last: first what is gone, then what has other flags or is new.
async fn catch_up(
    user: &User,
    selected: &SelectedFolder,
    view: &View,
    labels: &Labels,
    resync: &QuickResync,
    output: &mut Output<'_>,
) -> Result<(), Refusal> {
    let known = known_uids(resync, view);
    let changes = user.mailbox.changes(selected.id, resync.mod_seq).await?;
    let gone: UidSet = match changes {
        ChangesSince::Known(changes) => {
            let start = matching_start(resync, view);
            changes
                .gone
                .iter()
                .map(|gone| gone.uid)
                .filter(|uid| *uid >= start)
                .filter(|uid| known.contains(*uid) && view.by_uid(*uid).is_none())
                .collect()
        }
        // What left so long ago is forgotten: every uid that is not there is told (RFC 7162 §3.2.5.2).
        ChangesSince::TooOld { .. } => absent(&known, view),
    };
    if !gone.is_empty() {
        output
            .replies()
            .data(format_args!("VANISHED (EARLIER) {}", Set(&gone)));
    }
    let style = selected.style(user.enabled, true);
    let is_listed = resync.known_uids.is_some();
    for row in view.changed_since(resync.mod_seq) {
        if is_listed && !known.contains(row.uid) {
            continue;
        }
        if let Some(number) = selected.numbers.number(row.uid) {
            style.write(number, row, labels, output.buffer());
            output.ease().await?;
        }
    }
    Ok(())
}

/// The uids that the client knows; without a word of it, all that were ever given out.
fn known_uids(resync: &QuickResync, view: &View) -> UidSet {
    match &resync.known_uids {
        Some(set) => set
            .resolve(view.uid_next.saturating_sub(1))
            .unwrap_or_default(),
        None => UidSet::from_ranges([1..=view.uid_next.saturating_sub(1)]),
    }
}

/// From which uid on something may have vanished: behind the last pair of sequence number and uid that still holds
/// (RFC 7162 §3.2.5.2).
fn matching_start(resync: &QuickResync, view: &View) -> u32 {
    let Some((SequenceSet::Ranges(numbers), SequenceSet::Ranges(uids))) = &resync.known_sequence
    else {
        return 1;
    };
    let flat = |ranges: &[(Option<u32>, Option<u32>)]| -> Vec<u32> {
        ranges
            .iter()
            .filter_map(|(one, other)| Some((*one)?..=(*other)?))
            .flatten()
            .take(MOST_PAIRS)
            .collect()
    };
    let mut start = 1;
    for (number, uid) in flat(numbers).into_iter().zip(flat(uids)) {
        match view.at((number as usize).saturating_sub(1)) {
            Some(row) if row.uid == uid => start = uid.saturating_add(1),
            Some(_) | None => break,
        }
    }
    start
}

/// Those of `known` that are not there.
pub(crate) fn absent(known: &UidSet, view: &View) -> UidSet {
    let mut gaps = Vec::new();
    let mut next = 1u32;
    for range in view.uid_ranges() {
        if *range.start() > next {
            gaps.push(next..=range.start() - 1);
        }
        next = range.end().saturating_add(1);
    }
    if next < view.uid_next {
        gaps.push(next..=view.uid_next - 1);
    }
    let mut told = Vec::new();
    for gap in gaps {
        for range in known.ranges() {
            let both = *gap.start().max(range.start())..=*gap.end().min(range.end());
            if !both.is_empty() {
                told.push(both);
            }
        }
    }
    UidSet::from_ranges(told)
}

/// How many pairs of sequence number and uid are compared.
const MOST_PAIRS: usize = 10_000;

#[cfg(test)]
mod tests {
    use crate::testing::{Office, message};

    #[tokio::test]
    async fn what_a_client_is_told() {
        let office = Office::open().await;
        office.deliver(message("one", "x")).await;
        office.deliver(message("two", "x")).await;
        let mut client = office.signed_in().await;
        client
            .tells(
                "SELECT inbox",
                &[
                    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)",
                    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] *",
                    "* 2 EXISTS",
                    "* 0 RECENT",
                    "* OK [UNSEEN 1] *",
                    "* OK [UIDVALIDITY *",
                    "* OK [UIDNEXT 3] *",
                    "* OK [HIGHESTMODSEQ *",
                    "* OK [MAILBOXID (F*",
                ],
            )
            .await;
        let (told, tagged) = client.asks("EXAMINE INBOX").await;
        assert!(told[0].starts_with("* OK [CLOSED]"), "{told:?}");
        assert!(
            told.contains(&"* OK [PERMANENTFLAGS ()] Read-only".to_owned()),
            "{told:?}"
        );
        assert!(tagged.starts_with("OK [READ-ONLY]"), "{tagged}");
        client
            .says("STORE 1 +FLAGS (\\Seen)", "NO [READ-ONLY] *")
            .await;
        client.says("EXPUNGE", "NO [READ-ONLY] *").await;
    }

    #[tokio::test]
    async fn a_mailbox_that_is_not_there_leaves_none_selected() {
        let office = Office::open().await;
        let mut client = office.selected().await;
        client.says("SELECT Nowhere", "NO [NONEXISTENT] *").await;
        client
            .says("FETCH 1 FLAGS", "BAD Select a mailbox first")
            .await;
        client.says("SELECT Calendar", "NO [NONEXISTENT] *").await;
    }

    #[tokio::test]
    async fn rev2_speaks_of_names_and_not_of_recent() {
        let office = Office::open().await;
        office.deliver(message("one", "x")).await;
        let mut client = office.signed_in().await;
        client
            .tells("ENABLE IMAP4rev2", &["* ENABLED IMAP4rev2"])
            .await;
        let told = client.ok("SELECT inbox").await;
        assert!(
            told.contains(&"* LIST () \"/\" INBOX".to_owned()),
            "{told:?}"
        );
        assert!(
            !told
                .iter()
                .any(|line| line.contains("RECENT") || line.contains("UNSEEN")),
            "{told:?}"
        );
    }

    /// RFC 7162 §3.2.5: a client that was away is told what vanished and what changed, and no more.
    #[tokio::test]
    async fn quick_resynchronisation() {
        let office = Office::open().await;
        for number in 1..=6 {
            office.deliver(message(&format!("m {number}"), "x")).await;
        }
        let mut client = office.selected().await;
        let told = client.ok("STATUS INBOX (UIDVALIDITY HIGHESTMODSEQ)").await;
        let numbers: Vec<&str> = told[0]
            .split(|c: char| !c.is_ascii_digit())
            .filter(|n| !n.is_empty())
            .collect();
        let (validity, mod_seq) = (numbers[0].to_owned(), numbers[1].to_owned());
        client.ok("STORE 5 +FLAGS.SILENT (\\Flagged)").await;
        client.ok("STORE 2,3 +FLAGS.SILENT (\\Deleted)").await;
        client.ok("EXPUNGE").await;
        office.deliver(message("new", "x")).await;

        let mut back = office.signed_in().await;
        back.says(
            &format!("SELECT INBOX (QRESYNC ({validity} {mod_seq}))"),
            "BAD *",
        )
        .await;
        back.tells("ENABLE QRESYNC", &["* ENABLED QRESYNC CONDSTORE"])
            .await;
        let told = back
            .ok(&format!("SELECT INBOX (QRESYNC ({validity} {mod_seq}))"))
            .await;
        let news: Vec<&String> = told
            .iter()
            .filter(|line| line.contains("VANISHED") || line.contains("FETCH"))
            .collect();
        assert_eq!(news.len(), 3, "{news:?}");
        assert_eq!(news[0], "* VANISHED (EARLIER) 2:3");
        assert!(
            news[1].starts_with("* 3 FETCH (UID 5 FLAGS (\\Flagged) MODSEQ ("),
            "{news:?}"
        );
        assert!(
            news[2].starts_with("* 5 FETCH (UID 7 FLAGS (\\Recent) MODSEQ ("),
            "{news:?}"
        );
        let told = back
            .ok(&format!(
                "SELECT INBOX (QRESYNC ({validity} {mod_seq} 1:2))"
            ))
            .await;
        let news: Vec<&String> = told
            .iter()
            .filter(|line| line.contains("VANISHED") || line.contains("FETCH"))
            .collect();
        assert_eq!(news, ["* VANISHED (EARLIER) 2"]);
        let told = back
            .ok(&format!("SELECT INBOX (QRESYNC (1 {mod_seq}))"))
            .await;
        assert!(
            !told
                .iter()
                .any(|line| line.contains("VANISHED") || line.contains("FETCH")),
            "{told:?}"
        );
    }
}
