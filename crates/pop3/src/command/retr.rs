//! `RETR msg` (RFC 1939 §5): the whole message, as it was stored.

use fieldpost_mailbox::Error;

use crate::{
    codec::{MessageNumber, Replies, ResponseCode},
    maildrop::{Maildrop, octets},
    outgoing::{MessageText, Outgoing},
    session::{Next, Transaction},
};

pub(crate) async fn answer(
    transaction: Box<Transaction>,
    number: MessageNumber,
    replies: &mut Replies<'_>,
) -> Next {
    let row = match transaction.maildrop.message(number) {
        Ok(row) => *row,
        Err(error) => {
            replies.err(error);
            return transaction.stay();
        }
    };
    match read(&transaction.maildrop, number, row.uid).await {
        Ok(text) => {
            replies.ok(format_args!("{} octets", octets(&row)));
            transaction.send(Outgoing::Message(text))
        }
        Err(error) => {
            refuse(&error, replies);
            transaction.stay()
        }
    }
}

async fn read(maildrop: &Maildrop, number: MessageNumber, uid: u32) -> Result<MessageText, Error> {
    let item = maildrop.item(uid).await?;
    MessageText::begin(number, maildrop.read(&item).await?, None).await
}

/// Says why a message that is in the maildrop can't be had.
pub(crate) fn refuse(error: &Error, replies: &mut Replies<'_>) {
    match error {
        Error::NoSuchItem { .. } | Error::NoSuchFolder(_) => {
            replies.err("Message was deleted by another client");
        }
        error if error.is_temporary() => {
            tracing::warn!(%error, "a message could not be read");
            replies.err_with(
                ResponseCode::SysTemp,
                "Message can't be read now, try again later",
            );
        }
        error => {
            tracing::error!(%error, "a message could not be read");
            replies.err_with(ResponseCode::SysPerm, "Message is damaged");
        }
    }
}

#[cfg(test)]
mod tests {
    use fieldpost_mailbox::Flags;

    use crate::testing::{Office, message};

    #[tokio::test]
    async fn the_octets_are_those_delivered() {
        let office = Office::open().await;
        let texts = [
            message("short", 1),
            message("long", 500_000),
            b"Subject: dots\r\n\r\n.\r\n..\r\n.a\r\n".to_vec(),
            b"Subject: no body\r\n".to_vec(),
            b"Subject: bare ends\r\n\r\na\nb\n.\nc\rd\r\n".to_vec(),
            Vec::new(),
        ];
        for text in &texts {
            office.deliver(text).await;
        }
        let mut client = office.signed_in().await;
        for (index, text) in texts.iter().enumerate() {
            let (status, read) = client.asks_message(&format!("RETR {}", index + 1)).await;
            assert_eq!(status, format!("+OK {} octets", text.len()));
            assert!(read == *text, "message {}", index + 1);
        }
        client
            .says("RETR 9", "-ERR No such message, only 6 in maildrop")
            .await;
    }

    #[tokio::test]
    async fn a_message_without_a_last_line_end_gets_one() {
        let office = Office::open().await;
        office.deliver(b"Subject: x\r\n\r\nno end").await;
        let mut client = office.signed_in().await;
        let expected = b"Subject: x\r\n\r\nno end\r\n";
        let (status, read) = client.asks_message("RETR 1").await;
        assert_eq!(read, expected);
        assert_eq!(status, format!("+OK {} octets", expected.len()));
        client
            .says("LIST 1", &format!("+OK 1 {}", expected.len()))
            .await;
        client
            .says("STAT", &format!("+OK 1 {}", expected.len()))
            .await;
        client.says("DELE 1", "+OK *").await;
        client.says("STAT", "+OK 0 0").await;
    }

    #[tokio::test]
    async fn a_fetched_message_becomes_seen_when_the_session_ends() {
        let office = Office::open().await;
        for subject in [
            "fetched",
            "not fetched",
            "only its top",
            "fetched and deleted",
        ] {
            office.deliver(&message(subject, 10)).await;
        }
        let mut client = office.signed_in().await;
        client.asks_message("RETR 1").await;
        client.asks_message("TOP 3 1").await;
        client.asks_message("RETR 4").await;
        client
            .says("DELE 4", "+OK Message 4 marked as deleted")
            .await;
        let seen = |rows: &[fieldpost_mailbox::Row]| -> Vec<bool> {
            rows.iter()
                .map(|row| row.flags.contains(Flags::SEEN))
                .collect()
        };
        assert_eq!(seen(&office.inbox().await), [false; 4]);
        client.quits().await;
        assert_eq!(seen(&office.inbox().await), [true, false, false]);

        let mut client = office.signed_in().await;
        client.asks_message("RETR 2").await;
        client.drop_and_wait().await;
        assert_eq!(seen(&office.inbox().await), [true, true, false]);
    }

    #[tokio::test]
    async fn nothing_becomes_seen_where_the_setting_is_off() {
        let office = Office::with(|settings| settings.mark_seen = false).await;
        office.deliver(&message("one", 10)).await;
        let mut client = office.signed_in().await;
        client.asks_message("RETR 1").await;
        client.quits().await;
        assert!(!office.inbox().await[0].flags.contains(Flags::SEEN));
    }

    /// Fault 24: another protocol deletes a message during a POP3 session.
    #[tokio::test]
    async fn fault_24_a_message_deleted_meanwhile_by_another_client() {
        let office = Office::open().await;
        let two = message("two", 20);
        office.deliver(&message("one", 10)).await;
        office.deliver(&two).await;
        let mut client = office.signed_in().await;
        let stat = client.asks("STAT").await;
        let uid = office.inbox().await[0].uid;
        office.expunge(uid).await;

        assert_eq!(client.asks("STAT").await, stat);
        client
            .says("RETR 1", "-ERR Message was deleted by another client")
            .await;
        client
            .says("TOP 1 0", "-ERR Message was deleted by another client")
            .await;
        assert_eq!(client.asks_message("RETR 2").await.1, two);
        client
            .says("DELE 1", "+OK Message 1 marked as deleted")
            .await;
        client.says("QUIT", "+OK Deleted 1 messages, goodbye").await;
        client.ends().await;
        assert_eq!(office.inbox().await.len(), 1);
    }
}
