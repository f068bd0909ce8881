//! `QUIT` (RFC 1939 §4 and §6): ends the session; after sign-in, by way of the UPDATE state.

use crate::{
    codec::{Replies, ResponseCode},
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
        Ok(0) => replies.ok("Goodbye"),
        Ok(deleted) => replies.ok(format_args!("Deleted {deleted} messages, goodbye")),
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
    use crate::testing::{Office, message};

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
}
