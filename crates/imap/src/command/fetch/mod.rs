//! `FETCH` (RFC 9051 §6.4.5; RFC 7162 §3.1.4 and §3.2.6; RFC 3516, RFC 8474, RFC 8514, RFC 8970).
//!
//! What the packed rows know (flags, dates, sizes, ids) is written from them; ENVELOPE, BODYSTRUCTURE and PREVIEW come from
//! the items' records, read in order, many at a time; only what asks for text opens a body, which streams out.
//!
//! `\Seen` is set before the text of few messages is sent, and told with it (RFC 9051 §6.4.5); of many, once each was
//! sent, in commits of many, and told as any other change of flags: a client that goes away in the middle has not read the rest.

mod data;
mod text;

use fieldpost_mailbox::{ChangesSince, FlagUpdate, Flags, Item, Labels, Row, UidSet, UpdateMode};

use crate::{
    answer::{Answer, Refusal},
    codec::{
        request::{Addressing, Fetch, FetchItem},
        response::{Code, code::Set},
        set::SequenceSet,
    },
    output::Output,
    selected::{Expunges, Own},
    session::Selected,
};

pub(crate) async fn answer(
    state: &mut Selected,
    by: Addressing,
    fetch: &Fetch,
    output: &mut Output<'_>,
) -> Result<Answer, Refusal> {
    let Selected { user, folder } = &mut *state;
    if folder.is_beyond(&fetch.set, by) {
        return Err(Answer::bad("No such message").into());
    }
    if fetch.vanished
        && (by == Addressing::Sequence || !user.enabled.qresync || fetch.changed_since.is_none())
    {
        let text = "VANISHED needs UID FETCH, CHANGEDSINCE and ENABLE QRESYNC";
        return Err(Answer::bad(text).into());
    }
    if fetch.changed_since.is_some() || fetch.items.contains(&FetchItem::ModSeq) {
        // RFC 7162 §3.1: a CONDSTORE enabling command.
        user.enabled.condstore = true;
    }
    let mut plan = Plan::new(fetch, by, state);
    let uids = state.folder.resolve(&fetch.set, by);
    if plan.sets_seen {
        plan.seen_first = see_first(state, &uids, fetch).await?;
    }
    if fetch.vanished {
        tell_vanished(state, fetch, output).await?;
    }
    let mut seen = Vec::new();
    let sent = send_all(state, &uids, fetch, &plan, &mut seen, output).await;
    // What was sent was seen, whatever became of the rest.
    mark_seen(state, &seen).await;
    let trouble = sent?;
    if !plan.seen_first.is_empty() {
        let own = std::mem::take(&mut plan.seen_first);
        let expunges = match by {
            Addressing::Sequence => Expunges::Withheld,
            Addressing::Uid => Expunges::Told,
        };
        state
            .tell(expunges, by == Addressing::Uid, &own, output)
            .await?;
    }
    Ok(match trouble {
        Trouble {
            unreadable: true, ..
        } => Answer::no(
            Code::ServerBug,
            "Some of the messages could not be read whole; the log has more",
        ),
        Trouble { gone: true, .. } if by == Addressing::Sequence => {
            Answer::no(Code::ExpungeIssued, "Some of the messages are gone")
        }
        Trouble {
            unknown_encoding: true,
            ..
        } => Answer::no(
            Code::UnknownCte,
            "The transfer encoding of a part is not known",
        ),
        Trouble { .. } => Answer::ok("Fetched"),
    })
}

/// What is to be written of each message.
struct Plan<'a> {
    items: Vec<&'a FetchItem>,
    /// Whether records are read at all.
    needs_record: bool,
    /// Whether a message becomes `\Seen`.
    sets_seen: bool,
    /// What became `\Seen` before it is sent, with the mod_seqs: its flags are told along.
    seen_first: Own,
    tells_mod_seq: bool,
    utf8: bool,
    recent_from: u32,
}

impl<'a> Plan<'a> {
    fn new(fetch: &'a Fetch, by: Addressing, state: &Selected) -> Self {
        let mut items: Vec<&FetchItem> = Vec::new();
        let has = |item: &FetchItem| fetch.items.contains(item);
        if by == Addressing::Uid && !has(&FetchItem::Uid) {
            items.push(&FetchItem::Uid);
        }
        items.extend(&fetch.items);
        if fetch.changed_since.is_some() && !has(&FetchItem::ModSeq) {
            // RFC 7162 §3.1.4.1
            items.push(&FetchItem::ModSeq);
        }
        let Selected { user, folder } = state;
        Self {
            needs_record: items.iter().any(|item| data::needs_record(item)),
            sets_seen: !folder.read_only && items.iter().any(|item| text::sets_seen(item)),
            seen_first: Own::new(),
            tells_mod_seq: user.enabled.condstore,
            utf8: user.enabled.is_utf8(),
            recent_from: if user.enabled.rev2 {
                u32::MAX
            } else {
                folder.recent_from
            },
            items,
        }
    }
}

/// What went wrong with some messages while the others were sent.
#[derive(Clone, Copy, Debug, Default)]
struct Trouble {
    gone: bool,
    unreadable: bool,
    unknown_encoding: bool,
}

/// Sets `\Seen` on the messages of a command that is about few.
async fn see_first(state: &Selected, uids: &UidSet, fetch: &Fetch) -> Result<Own, Refusal> {
    let Selected { user, folder } = state;
    let may_be_undecodable = |item: &FetchItem| matches!(item, FetchItem::Binary { .. });
    if uids.len() > FEW || fetch.items.iter().any(may_be_undecodable) {
        return Ok(Own::new());
    }
    let since = fetch.changed_since.unwrap_or_default();
    let view = folder.view(&user.mailbox).await?;
    let unseen: UidSet = view
        .within(uids)
        .filter(|row| row.mod_seq > since && !row.flags.contains(Flags::SEEN))
        .map(|row| row.uid)
        .collect();
    if unseen.is_empty() {
        return Ok(Own::new());
    }
    let update = FlagUpdate::flags(UpdateMode::Add, Flags::SEEN);
    let stored = user
        .mailbox
        .update_flags(folder.id, &unseen, &update, None)
        .await;
    Ok(stored.map_or_else(unmarked, |stored| {
        let changed = stored.changed.iter();
        changed.map(|row| (row.uid, row.mod_seq)).collect()
    }))
}

/// Tells what left since (RFC 7162 §3.2.6).
async fn tell_vanished(
    state: &Selected,
    fetch: &Fetch,
    output: &mut Output<'_>,
) -> Result<(), Refusal> {
    let Selected { user, folder } = state;
    let since = fetch.changed_since.unwrap_or_default();
    let view = folder.view(&user.mailbox).await?;
    let asked = match &fetch.set {
        SequenceSet::Saved => folder.saved.clone(),
        // The uids that left may be the highest that there were: `*` is the last that was given out.
        set @ SequenceSet::Ranges(_) => {
            let last = view.uid_next.saturating_sub(1);
            set.resolve(last.max(folder.numbers.last_uid()))
                .unwrap_or_default()
        }
    };
    let gone: UidSet = match user.mailbox.changes(folder.id, since).await? {
        ChangesSince::Known(changes) => changes
            .gone
            .iter()
            .map(|gone| gone.uid)
            .filter(|uid| asked.contains(*uid) && view.by_uid(*uid).is_none())
            .collect(),
        ChangesSince::TooOld { .. } => crate::command::select::absent(&asked, &view),
    };
    if !gone.is_empty() {
        output
            .replies()
            .data(format_args!("VANISHED (EARLIER) {}", Set(&gone)));
    }
    Ok(())
}

async fn send_all(
    state: &Selected,
    uids: &UidSet,
    fetch: &Fetch,
    plan: &Plan<'_>,
    seen: &mut Vec<u32>,
    output: &mut Output<'_>,
) -> Result<Trouble, Refusal> {
    let Selected { user, folder } = state;
    let view = folder.view(&user.mailbox).await?;
    let labels = user.mailbox.labels().await?;
    let since = fetch.changed_since.unwrap_or_default();
    let mut trouble = Trouble::default();
    let mut found = 0u64;
    let mut batch: Vec<Row> = Vec::new();
    for row in view.within(uids) {
        found += 1;
        if row.mod_seq <= since {
            continue;
        }
        if plan.needs_record {
            batch.push(*row);
            if batch.len() == BATCH {
                send_records(state, &batch, plan, &labels, seen, &mut trouble, output).await?;
                batch.clear();
            }
            continue;
        }
        if let Some(number) = folder.numbers.number(row.uid) {
            data::write_row(number, row, plan, &labels, output.buffer());
            output.ease().await?;
        }
    }
    send_records(state, &batch, plan, &labels, seen, &mut trouble, output).await?;
    trouble.gone |= found < uids.len();
    Ok(trouble)
}

/// Sends what takes the messages' records.
async fn send_records(
    state: &Selected,
    rows: &[Row],
    plan: &Plan<'_>,
    labels: &Labels,
    seen: &mut Vec<u32>,
    trouble: &mut Trouble,
    output: &mut Output<'_>,
) -> Result<(), Refusal> {
    let mut rest = rows;
    while !rest.is_empty() {
        let items = records(state, rest).await?;
        let reached = items.last().map(Item::uid);
        let mut items = items.iter().peekable();
        let until = reached
            .map_or(1, |reached| rest.partition_point(|row| row.uid <= reached))
            .max(1);
        for row in &rest[..until] {
            while items.next_if(|item| item.uid() < row.uid).is_some() {}
            let Some(item) = items.next_if(|item| item.uid() == row.uid) else {
                missing(state, row, trouble).await;
                continue;
            };
            let Some(number) = state.folder.numbers.number(row.uid) else {
                continue;
            };
            let is_sent =
                data::write_message(state, number, row, item, plan, labels, trouble, output)
                    .await?;
            if is_sent && plan.sets_seen && !row.flags.contains(Flags::SEEN) {
                seen.push(row.uid);
            }
            output.ease().await?;
        }
        rest = &rest[until..];
    }
    Ok(())
}

/// The records of the first of `rows`, as many as come with one read.
async fn records(state: &Selected, rows: &[Row]) -> Result<Vec<Item>, Refusal> {
    let Selected { user, folder } = state;
    let (first, last) = (rows[0].uid, rows[rows.len() - 1].uid);
    // A range that is mostly asked for is read as one; single messages are read singly.
    if (last - first) as usize <= 2 * rows.len() {
        return Ok(user
            .mailbox
            .items(folder.id, first..=last, 2 * rows.len())
            .await?);
    }
    match user.mailbox.item(folder.id, first).await {
        Ok(item) => Ok(vec![item]),
        Err(
            fieldpost_mailbox::Error::NoSuchItem { .. } | fieldpost_mailbox::Error::Damaged { .. },
        ) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// A message without a record: it has left since the view was taken, or its record is damaged.
async fn missing(state: &Selected, row: &Row, trouble: &mut Trouble) {
    let view = state.user.mailbox.view(state.folder.id).await;
    match view {
        Ok(view) if view.by_uid(row.uid).is_some() => {
            tracing::error!(account = %state.user.mailbox.account(), folder = %state.folder.id, uid = row.uid, "a message's record can't be read");
            trouble.unreadable = true;
        }
        Ok(_) | Err(_) => trouble.gone = true,
    }
}

/// Sets `\Seen` on what was sent. The client hears of it as of any other change.
async fn mark_seen(state: &Selected, seen: &[u32]) {
    if seen.is_empty() {
        return;
    }
    let uids = seen.iter().copied().collect();
    let update = FlagUpdate::flags(UpdateMode::Add, Flags::SEEN);
    let Selected { user, folder } = state;
    let stored = user
        .mailbox
        .update_flags(folder.id, &uids, &update, None)
        .await;
    if let Err(error) = stored {
        unmarked(error);
    }
}

/// Mail can be read where nothing can be written: a disk that is full, a store that writes no more.
fn unmarked(error: fieldpost_mailbox::Error) -> Own {
    tracing::warn!(%error, "what was read could not be marked as seen");
    Own::new()
}

/// Up to so many messages become `\Seen` before they are sent.
const FEW: u64 = 16;

/// How many messages' records are read at a time.
const BATCH: usize = 256;

#[cfg(test)]
mod tests {
    use fieldpost_mailbox::Flags;

    use crate::testing::{Office, message};

    const MULTIPART: &str = "From: Anna <anna@example.org>\r\nSubject: two parts\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n--b\r\nContent-Type: application/octet-stream; name=\"a.bin\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"a.bin\"\r\n\r\nAAECAw==\r\n--b--\r\n";

    #[tokio::test]
    async fn what_the_rows_know() {
        let office = Office::open().await;
        office
            .deliver_item("Subject: x\r\n\r\ny\r\n", |item| {
                item.flags = Flags::FLAGGED;
            })
            .await;
        let mut client = office.selected().await;
        client
            .tells(
                "FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE EMAILID THREADID)",
                &["* 1 FETCH (UID 1 FLAGS (\\Flagged) INTERNALDATE \"17-Jul-1996 01:04:25 +0000\" RFC822.SIZE 17 EMAILID (M1) THREADID (T1))"],
            )
            .await;
        client
            .tells(
                "UID FETCH 1:* FLAGS",
                &["* 1 FETCH (UID 1 FLAGS (\\Flagged))"],
            )
            .await;
        client.tells("UID FETCH 5 FLAGS", &[]).await;
        client.says("FETCH 2 FLAGS", "BAD No such message").await;
        let told = client.ok("FETCH 1 SAVEDATE").await;
        assert!(told[0].starts_with("* 1 FETCH (SAVEDATE \""), "{told:?}");
    }

    /// RFC 7162 §3.2.6: a client that asks for `1:*` knows of uids above all that are left.
    #[tokio::test]
    async fn what_vanished_from_the_end_is_told() {
        let office = Office::open().await;
        for number in 1..=5 {
            office.deliver(message(&format!("m {number}"), "x")).await;
        }
        let mut other = office.selected().await;
        for (uids, vanished) in [("4,5", "4:5"), ("1:3", "1:5")] {
            other
                .ok(&format!("UID STORE {uids} +FLAGS.SILENT (\\Deleted)"))
                .await;
            other.ok("EXPUNGE").await;
            let mut client = office.signed_in().await;
            client.ok("ENABLE QRESYNC").await;
            client.ok("SELECT INBOX").await;
            client
                .tells("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1000 VANISHED)", &[])
                .await;
            let told = client
                .ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)")
                .await;
            assert_eq!(told[0], format!("* VANISHED (EARLIER) {vanished}"));
        }
    }

    /// What could not be shown was not seen.
    #[tokio::test]
    async fn a_part_in_an_encoding_that_is_not_known_stays_unseen() {
        let office = Office::open().await;
        office
            .deliver("Subject: x\r\nContent-Transfer-Encoding: x-own\r\n\r\ny\r\n")
            .await;
        office.deliver(message("y", "seen")).await;
        let mut client = office.selected().await;
        client.says("FETCH 1 BINARY[1]", "NO [UNKNOWN-CTE] *").await;
        client.tells("SEARCH SEEN", &["* SEARCH"]).await;
        let told = client.ok("FETCH 2 BINARY[1]").await;
        assert!(told[0].contains("seen"), "{told:?}");
        client.tells("SEARCH SEEN", &["* SEARCH 2"]).await;
    }

    #[tokio::test]
    async fn envelope_structure_and_preview() {
        let office = Office::open().await;
        office.deliver(MULTIPART).await;
        let mut client = office.selected().await;
        client
            .tells(
                "FETCH 1 (ENVELOPE BODY BODYSTRUCTURE PREVIEW)",
                &["* 1 FETCH (ENVELOPE (NIL \"two parts\" ((\"Anna\" NIL \"anna\" \"example.org\")) ((\"Anna\" NIL \"anna\" \"example.org\")) ((\"Anna\" NIL \"anna\" \"example.org\")) NIL NIL NIL NIL NIL) BODY ((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 5 1)(\"application\" \"octet-stream\" (\"name\" \"a.bin\") NIL NIL \"base64\" 8) \"mixed\") BODYSTRUCTURE ((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 5 1 NIL NIL NIL NIL)(\"application\" \"octet-stream\" (\"name\" \"a.bin\") NIL NIL \"base64\" 8 NIL (\"attachment\" (\"filename\" \"a.bin\")) NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL) PREVIEW \"hello\")"],
            )
            .await;
    }

    #[tokio::test]
    async fn sections_and_partials() {
        let office = Office::open().await;
        office.deliver(MULTIPART).await;
        let mut client = office.selected().await;
        for (asked, told) in [
            ("BODY.PEEK[1]", "BODY[1] {5}\r\nhello"),
            ("BODY.PEEK[1]<1.3>", "BODY[1]<1> {3}\r\nell"),
            ("BODY.PEEK[1]<9.3>", "BODY[1]<9> {0}\r\n"),
            ("BODY.PEEK[2]", "BODY[2] {8}\r\nAAECAw=="),
            ("BODY.PEEK[3]", "BODY[3] NIL"),
            (
                "BODY.PEEK[HEADER.FIELDS (Subject X)]",
                "BODY[HEADER.FIELDS (Subject X)] {22}\r\nSubject: two parts\r\n\r\n",
            ),
            ("BINARY.SIZE[2]", "BINARY.SIZE[2] 4"),
            ("BINARY.PEEK[1]", "BINARY[1] {5}\r\nhello"),
            ("BINARY.PEEK[2]<1.2>", "BINARY[2]<1> ~{2}\r\n\u{1}\u{2}"),
        ] {
            let told_now = client.ok(&format!("FETCH 1 {asked}")).await;
            assert_eq!(told_now, [format!("* 1 FETCH ({told})")], "{asked}");
        }
        let told = client.ok("FETCH 1 RFC822.HEADER").await;
        assert!(told[0].contains("boundary=\"b\"\r\n\r\n)"), "{told:?}");
    }

    #[tokio::test]
    async fn what_is_read_becomes_seen() {
        let office = Office::open().await;
        office.deliver(message("one", "x")).await;
        office.deliver(message("two", "x")).await;
        let mut client = office.selected().await;
        client
            .tells(
                "FETCH 1 BODY.PEEK[TEXT]",
                &["* 1 FETCH (BODY[TEXT] {3}\r\nx\r\n)"],
            )
            .await;
        client
            .tells(
                "FETCH 1 BODY[TEXT]",
                &["* 1 FETCH (BODY[TEXT] {3}\r\nx\r\n FLAGS (\\Seen))"],
            )
            .await;
        client
            .tells("FETCH 1 BODY[TEXT]", &["* 1 FETCH (BODY[TEXT] *"])
            .await;
        client.ok("EXAMINE INBOX").await;
        client
            .tells("FETCH 2 RFC822.TEXT", &["* 2 FETCH (RFC822.TEXT *"])
            .await;
        client
            .tells("FETCH 2 FLAGS", &["* 2 FETCH (FLAGS ())"])
            .await;
    }

    /// A NUL can't stand in a text literal.
    #[tokio::test]
    async fn a_message_with_nul() {
        let office = Office::open().await;
        office.deliver(b"Subject: x\r\n\r\na\0b\0\r\n").await;
        let mut client = office.selected().await;
        let told = client.ok("FETCH 1 BODY.PEEK[TEXT]").await;
        assert_eq!(
            told,
            ["* 1 FETCH (BODY[TEXT] {6}\r\na\u{fffd}b\u{fffd}\r\n)"]
        );
        let told = client.ok("FETCH 1 BINARY.PEEK[1]").await;
        assert_eq!(told, ["* 1 FETCH (BINARY[1] ~{6}\r\na\0b\0\r\n)"]);
    }

    #[tokio::test]
    async fn only_what_changed() {
        let office = Office::open().await;
        for number in 1..=4 {
            office.deliver(message(&format!("m {number}"), "x")).await;
        }
        let mut client = office.signed_in().await;
        client.ok("ENABLE QRESYNC").await;
        let told = client.ok("SELECT INBOX").await;
        let mod_seq: u64 = told
            .iter()
            .find_map(|line| line.strip_prefix("* OK [HIGHESTMODSEQ "))
            .and_then(|rest| rest.split(']').next()?.parse().ok())
            .unwrap();
        client.ok("STORE 2 +FLAGS.SILENT (\\Deleted)").await;
        client.ok("EXPUNGE").await;
        client.ok("STORE 3 +FLAGS.SILENT (\\Seen)").await;
        let told = client
            .ok(&format!(
                "UID FETCH 1:* (FLAGS) (CHANGEDSINCE {mod_seq} VANISHED)"
            ))
            .await;
        assert_eq!(told[0], "* VANISHED (EARLIER) 2");
        assert!(
            told[1].starts_with("* 3 FETCH (UID 4 FLAGS (\\Seen) MODSEQ ("),
            "{told:?}"
        );
        assert_eq!(told.len(), 2);
        client
            .says("FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)", "BAD *")
            .await;
    }
}
