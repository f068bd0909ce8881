//! `STORE` (RFC 9051 §6.4.6, UNCHANGEDSINCE of RFC 7162 §3.1.3).

use fieldpost_mailbox::{FlagUpdate, Stored, UidSet, UpdateMode, View};

use crate::{
    answer::{Answer, Refusal},
    codec::{
        request::{Addressing, Store, StoreMode},
        response::Code,
    },
    output::Output,
    selected::{Expunges, Own},
    session::Selected,
};

pub(crate) async fn answer(
    state: &mut Selected,
    by: Addressing,
    store: &Store,
    output: &mut Output<'_>,
) -> Result<Answer, Refusal> {
    let Selected { user, folder } = &mut *state;
    if folder.read_only {
        return Err(Answer::no(Code::ReadOnly, "The mailbox is read-only").into());
    }
    if folder.is_beyond(&store.set, by) {
        return Err(Answer::bad("No such message").into());
    }
    if store.unchanged_since.is_some() {
        // RFC 7162 §3.1: a CONDSTORE enabling command.
        user.enabled.condstore = true;
    }
    let uids = folder.resolve(&store.set, by);
    let update = FlagUpdate {
        mode: match store.mode {
            StoreMode::Replace => UpdateMode::Replace,
            StoreMode::Add => UpdateMode::Add,
            StoreMode::Remove => UpdateMode::Remove,
        },
        flags: Some(store.flags.system),
        keywords: Some(store.flags.keywords.clone()),
        categories: None,
    };
    let stored = user
        .mailbox
        .update_flags(folder.id, &uids, &update, store.unchanged_since)
        .await?;
    let view = folder.view(&user.mailbox).await?;
    let own = if store.silent {
        tell_mod_seqs(state, by, &stored, output).await?
    } else {
        tell_flags(state, by, &view, &uids, &stored, output).await?
    };
    let expunges = match by {
        Addressing::Sequence => Expunges::Withheld,
        Addressing::Uid => Expunges::Told,
    };
    // Messages that were asked for by number may have left meanwhile.
    let is_missing = by == Addressing::Sequence && view.within(&uids).count() as u64 != uids.len();
    let modified = modified(state, by, &stored);
    state
        .tell(expunges, by == Addressing::Uid, &own, output)
        .await?;
    if !modified.is_empty() {
        let answer = if is_missing {
            Answer::no(Code::Modified(modified), "Some had changed, some are gone")
        } else {
            Answer::ok("Some had changed").with(Code::Modified(modified))
        };
        return Ok(answer);
    }
    if is_missing {
        return Ok(Answer::no(
            Code::ExpungeIssued,
            "Some of the messages are gone",
        ));
    }
    Ok(Answer::ok("Stored"))
}

/// Tells what the command itself did, with `.SILENT`: of each message no more than its mod_seq. What is returned needs no telling any
/// more: a message that others changed before, without the client's knowing, does.
async fn tell_mod_seqs(
    state: &Selected,
    by: Addressing,
    stored: &Stored,
    output: &mut Output<'_>,
) -> Result<Own, Refusal> {
    let Selected { user, folder } = state;
    let mut own = Own::new();
    let style = folder.style(user.enabled, by == Addressing::Uid);
    for (row, before) in stored.changed.iter().zip(&stored.before) {
        if *before > folder.known {
            continue;
        }
        own.insert(row.uid, row.mod_seq);
        if user.enabled.condstore
            && let Some(number) = folder.numbers.number(row.uid)
        {
            style.write_mod_seq(number, row, output.buffer());
            output.ease().await?;
        }
    }
    Ok(own)
}

/// The same without `.SILENT`: of each message its flags.
async fn tell_flags(
    state: &mut Selected,
    by: Addressing,
    view: &View,
    uids: &UidSet,
    stored: &Stored,
    output: &mut Output<'_>,
) -> Result<Own, Refusal> {
    let Selected { user, folder } = state;
    let mut own = Own::new();
    let style = folder.style(user.enabled, by == Addressing::Uid);
    let labels = user.mailbox.labels().await?;
    folder.tell_keywords(&labels, &mut output.replies());
    let modified: UidSet = stored.modified.iter().copied().collect();
    for row in view.within(uids) {
        if modified.contains(row.uid) {
            continue;
        }
        if let Some(number) = folder.numbers.number(row.uid) {
            style.write(number, row, &labels, output.buffer());
            own.insert(row.uid, row.mod_seq);
            output.ease().await?;
        }
    }
    Ok(own)
}

/// The messages that were left alone, by number or uid as the command spoke of them.
fn modified(state: &Selected, by: Addressing, stored: &Stored) -> UidSet {
    let uids = stored.modified.iter().copied();
    match by {
        Addressing::Uid => uids.collect(),
        Addressing::Sequence => uids
            .filter_map(|uid| state.folder.numbers.number(uid))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Office, message};

    async fn office() -> Office {
        let office = Office::open().await;
        for number in 1..=3 {
            office.deliver(message(&format!("m {number}"), "x")).await;
        }
        office
    }

    #[tokio::test]
    async fn flags_are_set_and_told_once() {
        let office = office().await;
        let mut client = office.selected().await;
        client
            .tells(
                "STORE 1:2 +FLAGS (\\Seen)",
                &["* 1 FETCH (FLAGS (\\Seen))", "* 2 FETCH (FLAGS (\\Seen))"],
            )
            .await;
        client.tells("STORE 1 +FLAGS.SILENT \\Flagged", &[]).await;
        client.tells("NOOP", &[]).await;
        client
            .tells(
                "UID STORE 2 -FLAGS (\\Seen)",
                &["* 2 FETCH (UID 2 FLAGS ())"],
            )
            .await;
        client
            .tells("STORE 1 FLAGS (\\Draft)", &["* 1 FETCH (FLAGS (\\Draft))"])
            .await;
        // What is so already is told all the same (RFC 9051 §6.4.6).
        client
            .tells("STORE 1 FLAGS (\\Draft)", &["* 1 FETCH (FLAGS (\\Draft))"])
            .await;
        client.says("STORE 4 FLAGS ()", "BAD No such message").await;
    }

    #[tokio::test]
    async fn a_new_keyword_is_listed_before_it_is_used() {
        let office = office().await;
        let mut client = office.selected().await;
        client
            .tells(
                "STORE 3 +FLAGS ($Junk)",
                &[
                    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)",
                    "* OK [PERMANENTFLAGS *",
                    "* 3 FETCH (FLAGS ($Junk))",
                ],
            )
            .await;
    }

    #[tokio::test]
    async fn another_session_is_told_and_the_own_is_not_told_twice() {
        let office = office().await;
        let mut one = office.selected().await;
        let mut other = office.selected().await;
        one.ok("STORE 2 +FLAGS.SILENT (\\Answered)").await;
        one.tells("NOOP", &[]).await;
        other
            .tells("NOOP", &["* 2 FETCH (FLAGS (\\Answered))"])
            .await;
        other.tells("NOOP", &[]).await;
        // Both at once: each hears of the other's change, in the answer to its own.
        one.ok("STORE 1 +FLAGS.SILENT (\\Seen)").await;
        other
            .tells(
                "STORE 3 +FLAGS.SILENT (\\Seen)",
                &["* 1 FETCH (FLAGS (\\Seen))"],
            )
            .await;
    }

    /// RFC 7162 §3.1.3
    #[tokio::test]
    async fn unchanged_since() {
        let office = office().await;
        let mut client = office.selected().await;
        let mut other = office.selected().await;
        let told = client.ok("FETCH 3 (MODSEQ)").await;
        let mod_seq: u64 = told[0]
            .split(['(', ')'])
            .find_map(|part| part.parse().ok())
            .unwrap();
        other.ok("STORE 2 +FLAGS.SILENT (\\Seen)").await;
        let (told, tagged) = client
            .asks(&format!(
                "STORE 1:3 (UNCHANGEDSINCE {mod_seq}) +FLAGS.SILENT (\\Flagged)"
            ))
            .await;
        assert!(tagged.starts_with("OK [MODIFIED 2]"), "{tagged}");
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("* 1 FETCH (MODSEQ ("), "{told:?}");
        assert!(told[1].starts_with("* 3 FETCH (MODSEQ ("), "{told:?}");
        assert!(
            told[2].starts_with("* 2 FETCH (FLAGS (\\Seen) MODSEQ ("),
            "{told:?}"
        );
    }
}
