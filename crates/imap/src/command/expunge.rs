//! `EXPUNGE` (RFC 9051 §6.4.3) and `UID EXPUNGE` (§6.4.9): takes what is `\Deleted` out for good. The answer is what
//! every command ends with: the news of what is gone.

use fieldpost_mailbox::{Expunge, UidSet};

use crate::{
    answer::{Answer, Refusal},
    codec::{request::Addressing, response::Code, set::SequenceSet},
    output::Output,
    selected::{Expunges, Own},
    session::Selected,
};

pub(crate) async fn answer(
    state: &mut Selected,
    set: Option<&SequenceSet>,
    output: &mut Output<'_>,
) -> Result<Answer, Refusal> {
    let Selected { user, folder } = &mut *state;
    if folder.read_only {
        return Err(Answer::no(Code::ReadOnly, "The mailbox is read-only").into());
    }
    let uids = match set {
        None => UidSet::from_ranges(folder.numbers.ranges()),
        Some(set) => folder.resolve(set, Addressing::Uid),
    };
    if user.mailbox.folder(folder.id).await?.counters.deleted > 0 {
        user.mailbox
            .expunge(folder.id, &uids, Expunge::Deleted)
            .await?;
    }
    state
        .tell(Expunges::Told, set.is_some(), &Own::new(), output)
        .await?;
    let answer = Answer::ok("Expunged");
    if state.user.enabled.qresync {
        // RFC 7162 §3.2.7
        return Ok(answer.with(Code::HighestModSeq(state.folder.known)));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Office, message};

    #[tokio::test]
    async fn numbers_are_right_one_behind_the_other_and_others_are_told_when_they_may_be() {
        let office = Office::open().await;
        for number in 1..=5 {
            office.deliver(message(&format!("m {number}"), "x")).await;
        }
        let mut one = office.selected().await;
        let mut other = office.selected().await;
        one.ok("STORE 2,4 +FLAGS.SILENT (\\Deleted)").await;
        one.tells("UID EXPUNGE 4", &["* 4 EXPUNGE"]).await;
        one.tells("EXPUNGE", &["* 2 EXPUNGE"]).await;
        one.tells("EXPUNGE", &[]).await;
        // By sequence number: nothing may shift, what is gone is not there.
        let (told, tagged) = other.asks("FETCH 1:5 UID").await;
        assert_eq!(
            told,
            [
                "* 1 FETCH (UID 1)",
                "* 3 FETCH (UID 3)",
                "* 5 FETCH (UID 5)"
            ]
        );
        assert!(tagged.starts_with("NO [EXPUNGEISSUED]"), "{tagged}");
        other.tells("NOOP", &["* 4 EXPUNGE", "* 2 EXPUNGE"]).await;
        other.tells("FETCH 3 UID", &["* 3 FETCH (UID 5)"]).await;
    }

    /// RFC 7162 §3.2.10
    #[tokio::test]
    async fn vanished_instead_of_expunge() {
        let office = Office::open().await;
        for number in 1..=5 {
            office.deliver(message(&format!("m {number}"), "x")).await;
        }
        let mut client = office.signed_in().await;
        client.ok("ENABLE QRESYNC").await;
        client.ok("SELECT INBOX").await;
        client.ok("STORE 2:4 +FLAGS.SILENT (\\Deleted)").await;
        let (told, tagged) = client.asks("EXPUNGE").await;
        assert_eq!(told, ["* VANISHED 2:4"]);
        assert!(tagged.starts_with("OK [HIGHESTMODSEQ "), "{tagged}");
    }

    #[tokio::test]
    async fn a_deleted_mailbox_ends_the_session_that_had_it_selected() {
        let office = Office::open().await;
        let mut one = office.signed_in().await;
        one.ok("CREATE Gone").await;
        one.ok("SELECT Gone").await;
        let mut other = office.signed_in().await;
        other.ok("DELETE Gone").await;
        one.sends("x NOOP\r\n").await;
        assert_eq!(one.line().await, "x OK Nothing done");
        assert_eq!(one.line().await, "* BYE The selected mailbox was deleted");
        one.ends().await;
    }

    #[tokio::test]
    async fn who_deletes_the_mailbox_that_it_has_selected_goes_on() {
        let office = Office::open().await;
        let mut client = office.signed_in().await;
        client.ok("CREATE Gone").await;
        client.ok("SELECT Gone").await;
        client.tells("DELETE Gone", &["* OK [CLOSED] *"]).await;
        client
            .says("FETCH 1 FLAGS", "BAD Select a mailbox first")
            .await;
        client.ok("SELECT INBOX").await;
    }
}
