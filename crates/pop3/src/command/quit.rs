//! `QUIT` (RFC 1939 §4 and §6): ends the session; after sign-in, by way of the UPDATE state.

use crate::{
    codec::{Replies, ResponseCode},
    maildrop::Left,
    session::{Next, Transaction},
};

/// Before sign-in there is nothing to update.
pub(crate) fn without_update(replies: &mut Replies<'_>) -> Next {
    replies.ok("Goodbye");
    Next::Close
}

/// The UPDATE state: what is marked is deleted in one commit, on disk before the client hears of it; or nothing is, and the client hears that.
pub(crate) async fn update(mut transaction: Transaction, replies: &mut Replies<'_>) -> Next {
    match transaction.maildrop.update().await {
        Ok(Left {
            deleted: 0,
            expired: 0,
        }) => replies.ok("Goodbye"),
        Ok(Left {
            deleted,
            expired: 0,
        }) => replies.ok(format_args!("Deleted {deleted} messages, goodbye")),
        Ok(Left { deleted, expired }) => replies.ok(format_args!(
            "Deleted {deleted} messages, {expired} more had stayed long enough, goodbye"
        )),
        Err(error) => {
            tracing::error!(%error, "marked messages were not deleted");
            let code = if error.is_temporary() {
                ResponseCode::SysTemp
            } else {
                ResponseCode::SysPerm
            };
            replies.err_with(code, "Not all marked messages were deleted");
        }
    }
    Next::Close
}

#[cfg(test)]
mod tests {
    use fieldpost_mailbox::{Flags, SpecialUse};

    use crate::{
        Deleted, Expire,
        testing::{Office, message},
    };

    #[tokio::test]
    async fn what_is_marked_is_gone() {
        let office = Office::open().await;
        for subject in ["one", "two", "three"] {
            office.deliver(&message(subject, 10)).await;
        }
        let uids: Vec<_> = office.inbox().await.iter().map(|row| row.uid).collect();
        let mut client = office.signed_in().await;
        client
            .says("DELE 1", "+OK Message 1 marked as deleted")
            .await;
        client
            .says("DELE 3", "+OK Message 3 marked as deleted")
            .await;
        client.says("QUIT", "+OK Deleted 2 messages, goodbye").await;
        client.ends().await;
        let left: Vec<_> = office.inbox().await.iter().map(|row| row.uid).collect();
        assert_eq!(left, [uids[1]]);
    }

    #[tokio::test]
    async fn before_sign_in() {
        let office = Office::open().await;
        let mut client = office.connect().await;
        client.says("QUIT", "+OK Goodbye").await;
        client.ends().await;
    }

    #[tokio::test]
    async fn a_deletion_that_fails_is_told_and_deletes_nothing() {
        let office = Office::open().await;
        for subject in ["one", "two"] {
            office.deliver(&message(subject, 10)).await;
        }
        let mut client = office.signed_in().await;
        client
            .says("DELE 1", "+OK Message 1 marked as deleted")
            .await;
        client
            .says("DELE 2", "+OK Message 2 marked as deleted")
            .await;
        office.break_store().await;
        client.says("QUIT", "-ERR [SYS/*").await;
        client.ends().await;
    }

    #[tokio::test]
    async fn what_is_marked_moves_to_trash_where_the_setting_says_so() {
        let office = Office::with(|settings| settings.deleted = Deleted::Trash).await;
        for subject in ["one", "two", "three"] {
            office.deliver(&message(subject, 10)).await;
        }
        let mut client = office.signed_in().await;
        client.asks_message("RETR 1").await;
        client.asks_message("RETR 3").await;
        client.says("DELE 1", "+OK *").await;
        client.says("DELE 2", "+OK *").await;
        client.says("QUIT", "+OK Deleted 2 messages, goodbye").await;
        client.ends().await;
        let seen = |rows: Vec<fieldpost_mailbox::Row>| -> Vec<bool> {
            rows.iter()
                .map(|row| row.flags.contains(Flags::SEEN))
                .collect()
        };
        assert_eq!(seen(office.special(SpecialUse::Trash).await), [true, false]);
        assert_eq!(seen(office.inbox().await), [true]);
    }

    /// RFC 2449 §6.7: read messages stay for the days that are promised, others longer, and only QUIT ends it.
    #[tokio::test]
    async fn what_is_read_expires_after_its_days() {
        let office = Office::with(|settings| settings.expire = Expire::Days(7)).await;
        for subject in ["read elsewhere", "fetched", "unread"] {
            office.deliver(&message(subject, 10)).await;
        }
        office.read(1).await;
        office.days_pass(6);
        office.deliver(&message("young", 10)).await;
        let mut client = office.signed_in().await;
        let lines = client.asks_lines("CAPA").await;
        assert!(lines.contains(&"EXPIRE 7".to_owned()), "{lines:?}");
        client.asks_message("RETR 4").await;
        client.quits().await;
        assert_eq!(office.inbox().await.len(), 4);

        office.days_pass(1);
        let mut client = office.signed_in().await;
        client.asks_message("RETR 2").await;
        client.drop_and_wait().await;
        assert_eq!(office.inbox().await.len(), 4, "no QUIT, no UPDATE");
        let client = office.signed_in().await;
        client.quits().await;
        let left: Vec<_> = office.inbox().await.iter().map(|row| row.uid).collect();
        assert_eq!(left, [3, 4]);
    }

    /// RFC 2449 §6.7: with `EXPIRE 0` each RETR is an implicit DELE.
    #[tokio::test]
    async fn with_no_days_what_is_fetched_leaves_at_once() {
        for deleted in [Deleted::Remove, Deleted::Trash] {
            let office = Office::with(|settings| {
                settings.expire = Expire::Days(0);
                settings.deleted = deleted;
            })
            .await;
            for subject in ["one", "two", "three", "four"] {
                office.deliver(&message(subject, 10)).await;
            }
            office.read(4).await;
            let mut client = office.signed_in().await;
            client.asks_message("RETR 1").await;
            client.asks_message("TOP 2 100").await;
            client.says("DELE 3", "+OK *").await;
            client
                .says("QUIT", "+OK Deleted 1 messages, 1 more had stayed *")
                .await;
            client.ends().await;
            let left: Vec<_> = office.inbox().await.iter().map(|row| row.uid).collect();
            assert_eq!(left, [2, 4]);
            let trash = office.special(SpecialUse::Trash).await.len();
            assert_eq!(trash, if deleted == Deleted::Trash { 2 } else { 0 });
        }
    }
}
