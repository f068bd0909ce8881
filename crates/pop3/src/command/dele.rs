//! `DELE msg` (RFC 1939 §5): marks a message; only QUIT deletes it.

use crate::{
    codec::{MessageNumber, Replies},
    maildrop::Maildrop,
};

pub(crate) fn answer(maildrop: &mut Maildrop, number: MessageNumber, replies: &mut Replies<'_>) {
    match maildrop.delete(number) {
        Ok(()) => replies.ok(format_args!("Message {number} marked as deleted")),
        Err(error) => replies.err(error),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Office, message};

    #[tokio::test]
    async fn a_marked_message_is_out_of_sight() {
        let office = Office::open().await;
        office.deliver(&message("one", 10)).await;
        let mut client = office.signed_in().await;
        client
            .says("DELE 1", "+OK Message 1 marked as deleted")
            .await;
        for command in ["DELE 1", "RETR 1", "TOP 1 0", "LIST 1", "UIDL 1"] {
            client
                .says(command, "-ERR Message 1 is marked as deleted")
                .await;
        }
        client
            .says("DELE 2", "-ERR No such message, only 1 in maildrop")
            .await;
    }

    /// Fault 23: DELE, then drop without QUIT.
    #[tokio::test]
    async fn fault_23_a_drop_without_quit_deletes_nothing() {
        let office = Office::open().await;
        office.deliver(&message("one", 10)).await;
        let mut client = office.signed_in().await;
        client
            .says("DELE 1", "+OK Message 1 marked as deleted")
            .await;
        client.drop_and_wait().await;
        assert_eq!(office.inbox().await.len(), 1);
        let mut client = office.signed_in().await;
        client.says("LIST 1", "+OK 1 *").await;
    }
}
