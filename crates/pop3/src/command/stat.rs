//! `STAT` (RFC 1939 §5): how many messages, how many octets. What is marked as deleted does not count.

use crate::{codec::Replies, maildrop::Maildrop};

pub(crate) fn answer(maildrop: &Maildrop, replies: &mut Replies<'_>) {
    replies.ok(format_args!("{} {}", maildrop.count(), maildrop.octets()));
}

#[cfg(test)]
mod tests {
    use crate::testing::{Office, message};

    #[tokio::test]
    async fn counts_messages_and_octets_of_the_inbox_at_sign_in() {
        let office = Office::open().await;
        let (one, two) = (message("one", 10), message("two", 300));
        office.deliver(&one).await;
        office.deliver(&two).await;
        let mut client = office.signed_in().await;
        office.deliver(&message("three", 5)).await;
        client
            .says("STAT", &format!("+OK 2 {}", one.len() + two.len()))
            .await;
        client
            .says("DELE 1", "+OK Message 1 marked as deleted")
            .await;
        client.says("STAT", &format!("+OK 1 {}", two.len())).await;
    }

    #[tokio::test]
    async fn an_empty_maildrop() {
        let office = Office::open().await;
        let mut client = office.signed_in().await;
        client.says("STAT", "+OK 0 0").await;
        client
            .says("RETR 1", "-ERR No such message, only 0 in maildrop")
            .await;
    }
}
