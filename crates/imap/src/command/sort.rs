//! `SORT` (RFC 5256; SORT=DISPLAY of RFC 5957, ESORT of RFC 5267).

use std::sync::Arc;

use fieldpost_mailbox::{SortBy, SortKey as By, UidSet, View};

use crate::{
    answer::{Answer, Refusal},
    codec::request::{Addressing, Sort, SortKey, Tag},
    command::search::{Found, find, has_mod_seq, saved},
    output::Output,
    session::Selected,
};

pub(crate) async fn answer(
    state: &mut Selected,
    tag: &Tag,
    by: Addressing,
    sort: &Sort,
    output: &mut Output<'_>,
) -> Result<Answer, Refusal> {
    let (view, sorted) = match found(state, sort, output).await {
        Ok(found) => found,
        Err(refusal) => {
            if sort.returns.is_some_and(|returns| returns.save) && refusal.is_no() {
                // RFC 5182 §2.1: a search that fails leaves nothing saved; one that is none changes nothing.
                state.folder.saved = UidSet::default();
            }
            return Err(refusal);
        }
    };
    let found = Found {
        view: &view,
        state,
        by,
        uids: &sorted,
        tells_mod_seq: has_mod_seq(&sort.key),
    };
    match sort.returns {
        None => {
            // RFC 7162 §3.1.6: SORT tells the newest mod_seq as SEARCH does.
            found.tell("SORT", output).await?;
        }
        Some(returns) => {
            if let Some(line) = found.esearch_line(tag, returns) {
                output.replies().data(line);
            }
            if returns.save {
                state.folder.saved = saved(returns, &sorted);
            }
        }
    }
    Ok(Answer::ok("Sorted"))
}

/// The messages that are meant, in their order, and the view they were found in.
async fn found(
    state: &mut Selected,
    sort: &Sort,
    output: &mut Output<'_>,
) -> Result<(Arc<View>, Vec<u32>), Refusal> {
    let (view, uids) = find(state, &sort.key, output).await?;
    let keys: Vec<SortBy> = sort
        .keys
        .iter()
        .map(|(key, reverse)| SortBy {
            key: sort_key(*key),
            reverse: *reverse,
        })
        .collect();
    let mut pace = || !output.is_gone();
    let sorted = state
        .user
        .mailbox
        .sort(state.folder.id, &view, &uids, &keys, &mut pace)
        .await?;
    Ok((view, sorted))
}

fn sort_key(key: SortKey) -> By {
    match key {
        SortKey::Arrival => By::InternalDate,
        SortKey::Cc => By::Cc,
        SortKey::Date => By::SentDate,
        SortKey::DisplayFrom => By::DisplayFrom,
        SortKey::DisplayTo => By::DisplayTo,
        SortKey::From => By::From,
        SortKey::Size => By::Size,
        SortKey::Subject => By::Subject,
        SortKey::To => By::To,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Office, message};

    #[tokio::test]
    async fn by_subject_and_backwards() {
        let office = Office::open().await;
        for subject in ["banana", "Re: apple", "Cherry"] {
            office.deliver(message(subject, "x")).await;
        }
        let mut client = office.selected().await;
        client
            .tells("SORT (SUBJECT) UTF-8 ALL", &["* SORT 2 1 3"])
            .await;
        client
            .tells("UID SORT (REVERSE SUBJECT) US-ASCII ALL", &["* SORT 3 1 2"])
            .await;
        client
            .tells(
                "SORT (REVERSE ARRIVAL SIZE) UTF-8 SUBJECT an",
                &["* SORT 1"],
            )
            .await;
        client
            .sends("T SORT RETURN (ALL COUNT) (SUBJECT) UTF-8 ALL\r\n")
            .await;
        assert_eq!(
            client.until("T").await.0,
            ["* ESEARCH (TAG \"T\") ALL 2,1,3 COUNT 3"]
        );
    }
}
