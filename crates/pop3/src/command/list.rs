//! `LIST [msg]` (RFC 1939 §5): sizes in octets, as RETR sends them, before dots are doubled.

use crate::{
    codec::{MessageNumber, Replies},
    maildrop::{Maildrop, octets},
    outgoing::{Listing, ListingKind, Outgoing},
    session::{Next, Transaction},
};

/// All messages.
pub(crate) fn all(transaction: Box<Transaction>, replies: &mut Replies<'_>) -> Next {
    let maildrop = &transaction.maildrop;
    replies.ok(format_args!(
        "{} messages ({} octets)",
        maildrop.count(),
        maildrop.octets()
    ));
    transaction.send(Outgoing::Listing(Listing::new(ListingKind::Size)))
}

/// One message.
pub(crate) fn one(maildrop: &Maildrop, number: MessageNumber, replies: &mut Replies<'_>) {
    match maildrop.message(number) {
        Ok(row) => replies.ok(format_args!("{number} {}", octets(row))),
        Err(error) => replies.err(error),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Office, message};

    #[tokio::test]
    async fn sizes_of_all_and_of_one() {
        let office = Office::open().await;
        let (one, two) = (message("one", 10), message("two", 300));
        office.deliver(&one).await;
        office.deliver(&two).await;
        let mut client = office.signed_in().await;
        let listed = client.asks_lines("LIST").await;
        assert_eq!(
            listed,
            [format!("1 {}", one.len()), format!("2 {}", two.len())]
        );
        client.says("LIST 2", &format!("+OK 2 {}", two.len())).await;
        client
            .says("LIST 3", "-ERR No such message, only 2 in maildrop")
            .await;
        client
            .says("DELE 1", "+OK Message 1 marked as deleted")
            .await;
        assert_eq!(
            client.asks_lines("LIST").await,
            [format!("2 {}", two.len())]
        );
        client
            .says("LIST 1", "-ERR Message 1 is marked as deleted")
            .await;
    }

    #[tokio::test]
    async fn a_long_list_is_whole() {
        let office = Office::open().await;
        let text = message("again", 1);
        for _ in 0..1100 {
            office.deliver(&text).await;
        }
        let mut client = office.signed_in().await;
        let listed = client.asks_lines("LIST").await;
        assert_eq!(listed.len(), 1100);
        assert_eq!(listed[1099], format!("1100 {}", text.len()));
        let mut unique = client.asks_lines("UIDL").await;
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), 1100);
    }
}
