//! `RSET` (RFC 1939 §5): takes back every mark of DELE.

use crate::{codec::Replies, maildrop::Maildrop};

pub(crate) fn answer(maildrop: &mut Maildrop, replies: &mut Replies<'_>) {
    maildrop.reset();
    replies.ok(format_args!(
        "Maildrop has {} messages ({} octets)",
        maildrop.count(),
        maildrop.octets()
    ));
}

#[cfg(test)]
mod tests {
    use crate::testing::{Office, message};

    #[tokio::test]
    async fn marks_are_gone_and_quit_deletes_nothing() {
        let office = Office::open().await;
        let text = message("one", 10);
        office.deliver(&text).await;
        let mut client = office.signed_in().await;
        client
            .says("DELE 1", "+OK Message 1 marked as deleted")
            .await;
        client
            .says(
                "RSET",
                &format!("+OK Maildrop has 1 messages ({} octets)", text.len()),
            )
            .await;
        client
            .says("LIST 1", &format!("+OK 1 {}", text.len()))
            .await;
        client.quits().await;
        assert_eq!(office.inbox().await.len(), 1);
    }
}
