//! `UIDL [msg]` (RFC 1939 §7): ids that stay with a message for as long as it lies in the maildrop, and never come back.

use crate::{
    codec::{MessageNumber, Replies},
    command::retr,
    maildrop::Maildrop,
    outgoing::{Listing, ListingKind, Outgoing},
    session::{Next, Transaction},
};

/// All messages.
pub(crate) async fn all(mut transaction: Box<Transaction>, replies: &mut Replies<'_>) -> Next {
    match transaction.maildrop.unique_ids().await {
        Ok(ids) => {
            replies.ok(format_args!("{} messages", transaction.maildrop.count()));
            transaction.send(Outgoing::Listing(Listing::new(ListingKind::UniqueId(ids))))
        }
        Err(error) => {
            retr::refuse(&error, replies);
            transaction.stay()
        }
    }
}

/// One message.
pub(crate) async fn one(maildrop: &mut Maildrop, number: MessageNumber, replies: &mut Replies<'_>) {
    let uid = match maildrop.message(number) {
        Ok(row) => row.uid,
        Err(error) => return replies.err(error),
    };
    match maildrop.unique_ids().await {
        Ok(ids) => replies.ok(format_args!("{number} {}", ids.of(uid))),
        Err(error) => retr::refuse(&error, replies),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Office, message};

    /// Fault 25: UIDL stable; here over sessions and other messages' deletion.
    #[tokio::test]
    async fn fault_25_ids_stay_with_their_messages() {
        let office = Office::open().await;
        for subject in ["one", "two", "three"] {
            office.deliver(&message(subject, 10)).await;
        }
        let mut client = office.signed_in().await;
        let before = client.asks_lines("UIDL").await;
        let id = |line: &str| line.split_once(' ').unwrap().1.to_owned();
        for (index, line) in before.iter().enumerate() {
            assert!(line.starts_with(&format!("{} ", index + 1)));
            let id = id(line);
            assert!((1..=70).contains(&id.len()), "{id}");
            assert!(
                id.bytes().all(|octet| (0x21..=0x7e).contains(&octet)),
                "{id}"
            );
        }
        client
            .says("UIDL 2", &format!("+OK 2 {}", id(&before[1])))
            .await;
        client
            .says("DELE 2", "+OK Message 2 marked as deleted")
            .await;
        assert_eq!(client.asks_lines("UIDL").await.len(), 2);
        client.quits().await;

        office.deliver(&message("four", 10)).await;
        let mut client = office.signed_in().await;
        let after: Vec<_> = client
            .asks_lines("UIDL")
            .await
            .iter()
            .map(|line| id(line))
            .collect();
        assert_eq!(after[..2], [id(&before[0]), id(&before[2])]);
        assert!(
            !before.iter().any(|line| id(line) == after[2]),
            "an id came back"
        );
    }

    /// What another server called a message stays its id here, so that nobody fetches it a second time.
    #[tokio::test]
    async fn an_id_from_another_server_is_kept() {
        let office = Office::open().await;
        let text = message("moved here", 10);
        office
            .deliver_item(&text, |item| item.stored_uidl = Some("old-1".to_owned()))
            .await;
        office.deliver(&text).await;
        // Twice the same: the second one gets one of ours.
        office
            .deliver_item(&text, |item| item.stored_uidl = Some("old-1".to_owned()))
            .await;
        let mut client = office.signed_in().await;
        let ids = client.asks_lines("UIDL").await;
        assert_eq!(ids[0], "1 old-1");
        assert!(ids[1] != "2 old-1" && ids[2] != "3 old-1", "{ids:?}");
        client.says("UIDL 1", "+OK 1 old-1").await;
        client.quits().await;

        // One that looks like ours could be another message's.
        let ours = ids[1].split_once(' ').unwrap().1.to_owned();
        office
            .deliver_item(&text, |item| item.stored_uidl = Some(ours))
            .await;
        let mut ids = office.signed_in().await.asks_lines("UIDL").await;
        for id in &mut ids {
            *id = id.split_once(' ').unwrap().1.to_owned();
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 4);
    }

    /// Fault 25: a message that another client puts away and takes back is not fetched again.
    #[tokio::test]
    async fn fault_25_ids_stay_over_a_move_there_and_back() {
        let office = Office::open().await;
        for subject in ["one", "two", "three"] {
            office.deliver(&message(subject, 10)).await;
        }
        let before = office.signed_in().await.asks_lines("UIDL").await;
        let uid = office.inbox().await[1].uid;
        office.move_to_archive_and_back(uid).await;
        let after = office.signed_in().await.asks_lines("UIDL").await;
        let id =
            |lines: &[String], index: usize| lines[index].split_once(' ').unwrap().1.to_owned();
        assert_eq!(id(&after, 0), id(&before, 0));
        assert_eq!(id(&after, 1), id(&before, 2));
        assert_eq!(id(&after, 2), id(&before, 1));
    }
}
