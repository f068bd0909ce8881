//! `UTF8` (RFC 6856 §2.1): the client is ready for UTF-8 in headers and replies. Messages are sent as they were stored, so
//! nothing changes but that the client has said so: one that has not gets the same octets, as it always did. RFC 6856 §2.1
//! would have us refuse it such a message or rewrite it; no program that is about says `UTF8`, and all of them show 8-bit
//! headers, so that a refusal would only keep mail from its readers.

use crate::{
    codec::Replies,
    session::{Authorization, Next},
};

/// Before sign-in.
pub(crate) fn answer(authorization: Authorization, replies: &mut Replies<'_>) -> Next {
    replies.ok("UTF8 enabled");
    authorization.stay()
}

/// After sign-in the messages' sizes are fixed, in whichever mode (RFC 6856 §2.1).
pub(crate) fn too_late(replies: &mut Replies<'_>) {
    replies.err("UTF8 must come before sign-in");
}

#[cfg(test)]
mod tests {
    use crate::testing::Office;

    #[tokio::test]
    async fn the_same_octets_with_and_without() {
        let office = Office::open().await;
        let text = "Subject: Gr\u{fc}\u{df}e\r\nFrom: m\u{fc}ller@b\u{fc}cher.example\r\n\r\n\u{4f60}\u{597d}\r\n";
        office.deliver(text.as_bytes()).await;
        for utf8 in [true, false] {
            let mut client = office.connect().await;
            let lines = client.asks_lines("CAPA").await;
            assert!(lines.contains(&"UTF8 USER".to_owned()), "{lines:?}");
            if utf8 {
                client.says("UTF8", "+OK UTF8 enabled").await;
            }
            client.signs_in().await;
            client
                .says("LIST 1", &format!("+OK 1 {}", text.len()))
                .await;
            assert_eq!(client.asks_message("RETR 1").await.1, text.as_bytes());
            client
                .says("UTF8", "-ERR UTF8 must come before sign-in")
                .await;
            client.quits().await;
        }
    }
}
