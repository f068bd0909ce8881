//! `TOP msg n` (RFC 1939 §7): the header, the empty line, and `n` lines of the body. Fetching that much does not make a message \Seen.

use fieldpost_mailbox::Error;

use crate::{
    codec::{MessageNumber, Replies, TopLimit},
    command::retr,
    maildrop::Maildrop,
    outgoing::{MessageText, Outgoing},
    session::{Next, Transaction},
};

pub(crate) async fn answer(
    transaction: Box<Transaction>,
    number: MessageNumber,
    lines: u64,
    replies: &mut Replies<'_>,
) -> Next {
    let uid = match transaction.maildrop.message(number) {
        Ok(row) => row.uid,
        Err(error) => {
            replies.err(error);
            return transaction.stay();
        }
    };
    match read(&transaction.maildrop, number, uid, lines).await {
        Ok(text) => {
            replies.ok("Top of message follows");
            transaction.send(Outgoing::Message(text))
        }
        Err(error) => {
            retr::refuse(&error, replies);
            transaction.stay()
        }
    }
}

async fn read(
    maildrop: &Maildrop,
    number: MessageNumber,
    uid: u32,
    lines: u64,
) -> Result<MessageText, Error> {
    let item = maildrop.item(uid).await?;
    let top = TopLimit::new(item.summary()?.header_len, lines);
    MessageText::begin(number, maildrop.read(&item).await?, Some(top)).await
}

#[cfg(test)]
mod tests {
    use crate::testing::Office;

    #[tokio::test]
    async fn header_and_so_many_lines() {
        let office = Office::open().await;
        let header = "Subject: x\r\nTo: bob\r\n\r\n";
        office
            .deliver(format!("{header}one\r\n.two\r\nthree").as_bytes())
            .await;
        office.deliver(b"Subject: header only\r\n").await;
        let mut client = office.signed_in().await;
        for (lines, body) in [
            ("0", ""),
            ("1", "one\r\n"),
            ("2", "one\r\n.two\r\n"),
            ("3", "one\r\n.two\r\nthree\r\n"),
            ("99999999999999999999999", "one\r\n.two\r\nthree\r\n"),
        ] {
            let (status, read) = client.asks_message(&format!("TOP 1 {lines}")).await;
            assert_eq!(status, "+OK Top of message follows");
            assert_eq!(
                String::from_utf8(read).unwrap(),
                format!("{header}{body}"),
                "{lines}"
            );
        }
        assert_eq!(
            client.asks_message("TOP 2 5").await.1,
            b"Subject: header only\r\n"
        );
        client.says("TOP 1", "-ERR Argument missing").await;
        client
            .says("TOP 3 1", "-ERR No such message, only 2 in maildrop")
            .await;
    }

    /// What a delivery puts before the shared body counts as header.
    #[tokio::test]
    async fn a_prefix_belongs_to_the_header() {
        let office = Office::open().await;
        office
            .deliver_with_prefix(
                b"Delivered-To: alice@demo.test\r\n",
                b"Subject: x\r\n\r\none\r\n",
            )
            .await;
        let mut client = office.signed_in().await;
        let expected = b"Delivered-To: alice@demo.test\r\nSubject: x\r\n\r\n";
        assert_eq!(client.asks_message("TOP 1 0").await.1, expected);
    }
}
