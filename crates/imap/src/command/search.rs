//! `SEARCH` (RFC 9051 §6.4.4; ESEARCH of RFC 4731, SEARCHRES of RFC 5182, MODSEQ of RFC 7162 §3.1.5): IMAP's keys in the
//! core's words, and the answer in IMAP's.

mod query;

use std::fmt::Write as _;

use fieldpost_mailbox::{Error, UidSet, View};

pub(crate) use self::query::{has_mod_seq, query};
use crate::{
    answer::{Answer, Refusal},
    codec::{
        request::{Addressing, Search, SearchKey, SearchReturn, Tag},
        response::code::Set,
    },
    output::Output,
    session::Selected,
};

pub(crate) async fn answer(
    state: &mut Selected,
    tag: &Tag,
    by: Addressing,
    search: &Search,
    output: &mut Output<'_>,
) -> Result<Answer, Refusal> {
    let saves = search.returns.is_some_and(|returns| returns.save);
    let found = find(state, &search.key, output).await;
    let (view, uids) = match found {
        Ok(found) => found,
        Err(refusal) => {
            if saves && refusal.is_no() {
                // RFC 5182 §2.1: a search that fails leaves nothing saved; one that is none changes nothing.
                state.folder.saved = UidSet::default();
            }
            return Err(refusal);
        }
    };
    let mut result = Found {
        view: &view,
        state,
        by,
        uids: &uids,
        tells_mod_seq: has_mod_seq(&search.key),
    };
    let returns = match search.returns {
        Some(returns) => Some(returns),
        // RFC 9051 §6.4.4: IMAP4rev2 knows no other answer than ESEARCH.
        None => state.user.enabled.rev2.then(SearchReturn::default),
    };
    match returns {
        None => {
            result.tell("SEARCH", output).await?;
        }
        Some(returns) => {
            result.state = state;
            if let Some(line) = result.esearch_line(tag, returns) {
                output.replies().data(line);
            }
        }
    }
    if let Some(returns) = search.returns
        && returns.save
    {
        state.folder.saved = saved(returns, &uids);
    }
    Ok(Answer::ok("Searched"))
}

/// The messages of the client's list that a key means, ascending, and the view they were found in.
pub(crate) async fn find(
    state: &mut Selected,
    key: &SearchKey,
    output: &mut Output<'_>,
) -> Result<(std::sync::Arc<View>, Vec<u32>), Refusal> {
    if has_mod_seq(key) {
        // RFC 7162 §3.1: a CONDSTORE enabling command.
        state.user.enabled.condstore = true;
    }
    let Selected { user, folder } = &*state;
    let now = (user.service.mailboxes.settings().clock)();
    let query = query(key, folder, now)?;
    let view = folder.view(&user.mailbox).await?;
    let within = UidSet::from_ranges(folder.numbers.ranges());
    // A client that has gone ends its search (fault 15).
    let mut pace = || !output.is_gone();
    let uids = user
        .mailbox
        .search(folder.id, &view, &query, &within, &mut pace)
        .await;
    match uids {
        Ok(uids) => Ok((view, uids)),
        Err(Error::Cancelled) => Err(fieldpost_connection::ConnectionError::Closed.into()),
        Err(error) => Err(error.into()),
    }
}

/// What `$` is after a search (RFC 5182 §2.4): with MIN and MAX alone, those; otherwise all.
pub(crate) fn saved(returns: SearchReturn, uids: &[u32]) -> UidSet {
    let ends_only = (returns.min || returns.max) && !returns.all && !returns.count;
    if !ends_only {
        return uids.iter().copied().collect();
    }
    let min = uids.iter().min().filter(|_| returns.min);
    let max = uids.iter().max().filter(|_| returns.max);
    min.into_iter().chain(max).copied().collect()
}

/// What a search or a sort found, to be told.
pub(crate) struct Found<'a> {
    pub(crate) view: &'a View,
    pub(crate) state: &'a Selected,
    pub(crate) by: Addressing,
    /// In the order in which they are told.
    pub(crate) uids: &'a [u32],
    /// The search was by mod_seq: the newest of what was found is told (RFC 7162 §3.1.5).
    pub(crate) tells_mod_seq: bool,
}

impl Found<'_> {
    /// `* SEARCH 2 3 6 (MODSEQ 917162500)`, piece by piece; `SORT` likewise.
    pub(crate) async fn tell(
        &self,
        response: &str,
        output: &mut Output<'_>,
    ) -> Result<(), Refusal> {
        // Writing to a `BytesMut` fails only where memory ends.
        let _ = write!(output.buffer(), "* {response}");
        for piece in self.uids.chunks(NUMBERS_AT_ONCE) {
            let buffer = output.buffer();
            for number in piece.iter().filter_map(|uid| self.told(*uid)) {
                let _ = write!(buffer, " {number}");
            }
            output.ease().await?;
        }
        if self.tells_mod_seq
            && let Some(mod_seq) = self.newest(self.uids)
        {
            let _ = write!(output.buffer(), " (MODSEQ {mod_seq})");
        }
        output.buffer().extend_from_slice(b"\r\n");
        Ok(())
    }

    /// `ESEARCH (TAG "a") UID MIN 2 COUNT 5`; nothing where only SAVE was asked for.
    pub(crate) fn esearch_line(&self, tag: &Tag, returns: SearchReturn) -> Option<String> {
        let tells = returns.min || returns.max || returns.all || returns.count;
        if returns.save && !tells {
            return None;
        }
        let all = returns.all || !tells;
        let mut line = format!("ESEARCH (TAG \"{tag}\")");
        if self.by == Addressing::Uid {
            line.push_str(" UID");
        }
        // In SORT's order the first is the least (RFC 5267 §3.2); in SEARCH's it is by number anyway.
        let (first, last) = (self.uids.first(), self.uids.last());
        let first = first.and_then(|uid| Some((*uid, self.told(*uid)?)));
        let last = last.and_then(|uid| Some((*uid, self.told(*uid)?)));
        if returns.min
            && let Some((_, number)) = first
        {
            let _ = write!(line, " MIN {number}");
        }
        if returns.max
            && let Some((_, number)) = last
        {
            let _ = write!(line, " MAX {number}");
        }
        if all && !self.uids.is_empty() {
            line.push_str(" ALL ");
            self.write_all(&mut line);
        }
        if returns.count {
            let _ = write!(line, " COUNT {}", self.uids.len());
        }
        if self.tells_mod_seq {
            // RFC 4731 §3.2: of what is told.
            let ends: Vec<u32> = [first.filter(|_| returns.min), last.filter(|_| returns.max)]
                .into_iter()
                .flatten()
                .map(|(uid, _)| uid)
                .collect();
            let told = if all || returns.count {
                self.uids
            } else {
                &ends
            };
            if let Some(mod_seq) = self.newest(told) {
                let _ = write!(line, " MODSEQ {mod_seq}");
            }
        }
        Some(line)
    }

    /// As a set where they ascend, otherwise one by one in their order.
    fn write_all(&self, line: &mut String) {
        let told: Vec<u32> = self.uids.iter().filter_map(|uid| self.told(*uid)).collect();
        if told.is_sorted() {
            let set: UidSet = told.into_iter().collect();
            let _ = write!(line, "{}", Set(&set));
            return;
        }
        for (position, number) in told.iter().enumerate() {
            let separator = if position > 0 { "," } else { "" };
            let _ = write!(line, "{separator}{number}");
        }
    }

    fn told(&self, uid: u32) -> Option<u32> {
        match self.by {
            Addressing::Uid => Some(uid),
            Addressing::Sequence => self.state.folder.numbers.number(uid),
        }
    }

    fn newest(&self, uids: &[u32]) -> Option<u64> {
        uids.iter()
            .filter_map(|uid| self.view.by_uid(*uid))
            .map(|row| row.mod_seq)
            .max()
    }
}

/// So many numbers of an answer are written before others may have their turn.
const NUMBERS_AT_ONCE: usize = 256;

/// What is answered to a set that names a message that is not there.
pub(crate) fn no_such_message() -> Answer {
    Answer::bad("No such message")
}

#[cfg(test)]
mod tests {
    use crate::testing::{Office, message};

    async fn office() -> Office {
        let office = Office::open().await;
        office
            .deliver(message("Lunch on Friday", "Shall we eat soup?"))
            .await;
        office.deliver(message("Invoice 17", "Please pay.")).await;
        office
            .deliver(message("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Bis Freitag"))
            .await;
        office
    }

    #[tokio::test]
    async fn keys() {
        let office = office().await;
        let mut client = office.selected().await;
        client.ok("STORE 2 +FLAGS.SILENT (\\Seen $Junk)").await;
        for (key, found) in [
            ("ALL", "* SEARCH 1 2 3"),
            ("SUBJECT friday", "* SEARCH 1"),
            ("CHARSET UTF-8 SUBJECT {7+}\r\ngrüße", "* SEARCH 3"),
            ("BODY soup", "* SEARCH 1"),
            ("TEXT FREITAG", "* SEARCH 3"),
            ("SEEN", "* SEARCH 2"),
            ("UNSEEN NOT SUBJECT lunch", "* SEARCH 3"),
            ("OR SEEN BODY soup", "* SEARCH 1 2"),
            ("KEYWORD $junk", "* SEARCH 2"),
            ("UNKEYWORD $Junk 1:2", "* SEARCH 1"),
            ("FROM anna HEADER message-id example", "* SEARCH 1 2 3"),
            ("HEADER X-Nothing \"\"", "* SEARCH"),
            ("ON 17-Jul-1996", "* SEARCH 1 2 3"),
            ("BEFORE 17-Jul-1996", "* SEARCH"),
            ("SENTSINCE 17-Jul-1996", "* SEARCH 1 2 3"),
            ("LARGER 10 SMALLER 100000", "* SEARCH 1 2 3"),
            ("UID 2:*", "* SEARCH 2 3"),
            ("(1 2) (2 3)", "* SEARCH"),
            ("OLDER 60", "* SEARCH 1 2 3"),
            ("YOUNGER 60", "* SEARCH"),
            ("SAVEDSINCE 1-Jan-2020", "* SEARCH 1 2 3"),
            ("EMAILID M2", "* SEARCH 2"),
            ("EMAILID X2", "* SEARCH"),
        ] {
            let told = client.ok(&format!("SEARCH {key}")).await;
            assert_eq!(told, [found], "{key}");
        }
        client.tells("UID SEARCH SEEN", &["* SEARCH 2"]).await;
        client
            .says(
                "SEARCH CHARSET X-NONE ALL",
                "NO [BADCHARSET (US-ASCII UTF-8)] *",
            )
            .await;
        client.says("SEARCH 9", "BAD No such message").await;
    }

    #[tokio::test]
    async fn what_is_returned() {
        let office = office().await;
        let mut client = office.selected().await;
        for (returns, told) in [
            ("()", "* ESEARCH (TAG \"T\") ALL 1:3"),
            ("(MIN MAX)", "* ESEARCH (TAG \"T\") MIN 1 MAX 3"),
            ("(COUNT)", "* ESEARCH (TAG \"T\") COUNT 3"),
            ("(ALL COUNT)", "* ESEARCH (TAG \"T\") ALL 1:3 COUNT 3"),
        ] {
            client
                .sends(format!("T SEARCH RETURN {returns} ALL\r\n"))
                .await;
            assert_eq!(client.until("T").await.0, [told]);
        }
        client
            .sends("T UID SEARCH RETURN (COUNT) SUBJECT nothing\r\n")
            .await;
        assert_eq!(
            client.until("T").await.0,
            ["* ESEARCH (TAG \"T\") UID COUNT 0"]
        );
    }

    /// RFC 5182
    #[tokio::test]
    async fn what_was_found_is_saved() {
        let office = office().await;
        let mut client = office.selected().await;
        client
            .tells("SEARCH RETURN (SAVE) UNSEEN SUBJECT i", &[])
            .await;
        client
            .tells("FETCH $ UID", &["* 1 FETCH (UID 1)", "* 2 FETCH (UID 2)"])
            .await;
        client.tells("UID SEARCH $ 2:3", &["* SEARCH 2"]).await;
        client.ok("SEARCH RETURN (SAVE MAX) ALL").await;
        client
            .tells(
                "UID STORE $ +FLAGS (\\Seen)",
                &["* 3 FETCH (UID 3 FLAGS (\\Seen))"],
            )
            .await;
        // A charset that nobody knows is NO, and empties it; what is BAD is no search at all.
        client.ok("SEARCH RETURN (SAVE) 1").await;
        client.says("SEARCH RETURN (SAVE) 9", "BAD *").await;
        client.tells("SEARCH $", &["* SEARCH 1"]).await;
        client.ok("SEARCH RETURN (SAVE) ALL").await;
        client.says("SEARCH RETURN (SAVE) NONSENSE", "BAD *").await;
        client
            .says("SEARCH CHARSET X-Y ALL", "NO [BADCHARSET *")
            .await;
        client.tells("SEARCH $ 2", &["* SEARCH 2"]).await;
        for command in [
            "SEARCH RETURN (SAVE) CHARSET X-Y ALL",
            "SORT RETURN (SAVE) (DATE) X-Y ALL",
        ] {
            client.ok("SEARCH RETURN (SAVE) ALL").await;
            client.says(command, "NO [BADCHARSET *").await;
            client.tells("SEARCH $", &["* SEARCH"]).await;
        }
        client.ok("SEARCH RETURN (SAVE) ALL").await;
        client
            .says("SORT RETURN (SAVE) (DATE) UTF-8 9", "BAD *")
            .await;
        client.tells("SEARCH $", &["* SEARCH 1 2 3"]).await;
    }

    #[tokio::test]
    async fn by_mod_seq() {
        let office = office().await;
        let mut client = office.selected().await;
        for (command, begin) in [
            ("SEARCH MODSEQ 1", "* SEARCH 1 2 3 (MODSEQ "),
            ("SORT (SUBJECT) UTF-8 MODSEQ 1", "* SORT 3 2 1 (MODSEQ "),
        ] {
            let told = client.ok(command).await;
            assert!(told[0].starts_with(begin), "{told:?}");
        }
    }
}
