//! `APPEND` (RFC 9051 §6.3.12; MULTIAPPEND of RFC 3502, APPENDUID of RFC 4315, APPENDLIMIT of RFC 7889): messages stream into
//! staged bodies as they come; all of them are in the mailbox, or none.
//!
//! A client that announces a literal without waiting (LITERAL+) sends it whatever is answered: it is read and thrown away, as far as that
//! is bearable, so that the conversation stays in step.

use std::time::Duration;

use fieldpost_connection::Line;
use fieldpost_mailbox::{FolderId, NewItem, has_room_for_more};

use crate::{
    Error,
    answer::{Answer, Refusal},
    codec::{
        frame::literal_spec,
        request::{
            AppendHead, AppendNext, BadCommand, MailboxName, Tag,
            append::{self, AppendMessage},
        },
        response::Code,
    },
    command::{capability, copy},
    output::Output,
    selected::{Expunges, Own},
    session::{Next, Session, finish},
    user::User,
};

pub(crate) async fn answer(
    mut session: Session,
    head: AppendHead,
    output: &mut Output<'_>,
) -> Result<Next, Error> {
    let AppendHead {
        tag,
        mailbox,
        message,
    } = head;
    let Some(user) = session.user() else {
        let bad = Answer::bad("Sign in first");
        return refuse(session, &tag, bad, &message, output).await;
    };
    let mut items = Vec::new();
    let result = match receive(user, &tag, &mailbox, message, &mut items, output).await {
        Ok(folder) => put(user, folder, &items).await,
        Err(Stop::Refused(answer)) => Err(answer.into()),
        Err(Stop::Bad(bad)) => return Ok(session.bad(&bad, output)),
        Err(Stop::Broken(error)) => return Err(error),
    };
    let answer = match result {
        Ok(answer) | Err(Refusal::Answer(answer)) => answer,
        Err(Refusal::MailboxGone) => Answer::no_such_mailbox(),
        Err(Refusal::Broken(error)) => return Err(error),
    };
    if let Session::Selected(state) = &mut session {
        match state.tell(Expunges::Told, false, &Own::new(), output).await {
            Err(Refusal::Broken(error)) => return Err(error),
            // The next command finds out that the mailbox is gone.
            Ok(()) | Err(Refusal::Answer(_) | Refusal::MailboxGone) => {}
        }
    }
    finish(&tag, answer, output);
    Ok(Next::Go(session))
}

/// Reads `size` octets and throws them away, then the rest of the command with all literals in it that come unasked.
pub(crate) async fn pass_over(
    output: &mut Output<'_>,
    size: u64,
    limit: u64,
    patience: Duration,
) -> Result<(), Error> {
    let mut left = size;
    let mut budget = limit;
    loop {
        budget = budget.checked_sub(left).ok_or(Error::Literal)?;
        while left > 0 {
            let chunk = output
                .chunk(left.min(CHUNK as u64) as usize, patience)
                .await?;
            left -= chunk.len() as u64;
        }
        let line = match output.line(LINE_LIMIT, patience).await? {
            Line::Complete(line) => line,
            Line::TooLong(cut) => cut.end,
        };
        match literal_spec(&line) {
            Some(literal) if literal.non_sync => left = literal.size,
            Some(_) | None => return Ok(()),
        }
    }
}

/// Why no message is put anywhere.
enum Stop {
    /// The client is told; its literals were read.
    Refused(Answer),
    /// What followed a message was no such thing.
    Bad(BadCommand),
    /// There is no going on.
    Broken(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

/// Refuses an APPEND before its first message.
async fn refuse(
    session: Session,
    tag: &Tag,
    answer: Answer,
    message: &AppendMessage,
    output: &mut Output<'_>,
) -> Result<Next, Error> {
    if let Some(literal) = message.literal
        && literal.non_sync
    {
        // Nobody has signed in: little is read for nothing.
        pass_over(output, literal.size, PASSED_OVER_UNKNOWN, PATIENCE_UNKNOWN).await?;
    }
    finish(tag, answer, output);
    Ok(Next::Go(session))
}

/// Takes the messages in.
async fn receive(
    user: &User,
    tag: &Tag,
    mailbox: &MailboxName,
    mut message: AppendMessage,
    items: &mut Vec<NewItem>,
    output: &mut Output<'_>,
) -> Result<FolderId, Stop> {
    let settings = &user.service.settings;
    let patience = settings.literal_timeout;
    loop {
        let Some(literal) = message.literal else {
            return Err(Stop::Refused(Answer::bad("No message")));
        };
        // Looked at before the client sends anything: whether it would be for nothing.
        let admitted = admit(user, mailbox, literal.size, items).await;
        let folder = match admitted {
            Ok(folder) => folder,
            Err(Refusal::Answer(answer)) => {
                if literal.non_sync {
                    pass_over(output, literal.size, MOST_PASSED_OVER, patience).await?;
                }
                return Err(Stop::Refused(answer));
            }
            Err(Refusal::MailboxGone) => return Err(Stop::Refused(Answer::no_such_mailbox())),
            Err(Refusal::Broken(error)) => return Err(error.into()),
        };
        if !literal.non_sync {
            output.replies().go_ahead("Go on");
            output.flush().await?;
        }
        let taken = take(user, literal.size, output).await?;
        let line = match output.line(settings.command_limit, patience).await? {
            Line::Complete(line) => line,
            Line::TooLong(cut) => {
                if let Some(literal) = literal_spec(&cut.end)
                    && literal.non_sync
                {
                    pass_over(output, literal.size, MOST_PASSED_OVER, patience).await?;
                }
                return Err(Stop::Refused(Answer::bad("Line too long")));
            }
        };
        let announced = literal_spec(&line);
        let next = append::next(tag, &line, announced, message.utf8);
        if (taken.is_err() || next.is_err())
            && let Some(literal) = announced
            && literal.non_sync
        {
            // Whatever the line means: the octets come, and are no command.
            pass_over(output, literal.size, MOST_PASSED_OVER, patience).await?;
        }
        let received = taken.map_err(Stop::Refused)?;
        let mut item = NewItem::new(received);
        item.flags = message.flags.system;
        item.keywords = message.flags.keywords;
        item.internal_date = message.internal_date;
        items.push(item);
        match next {
            Ok(AppendNext::End) => return Ok(folder),
            Ok(AppendNext::Message(next)) => message = next,
            Err(bad) => return Err(Stop::Bad(bad)),
        }
    }
}

/// Whether a message of `size` octets may come, behind those that came already.
async fn admit(
    user: &User,
    mailbox: &MailboxName,
    size: u64,
    items: &[NewItem],
) -> Result<FolderId, Refusal> {
    let folder = copy::target(user, mailbox).await?;
    // All or nothing (RFC 3502 §1): no more than what goes into one commit.
    if items.len() >= user.service.settings.append_messages || !has_room_for_more(items) {
        return Err(Answer::no(Code::Limit, "Too many messages in one APPEND").into());
    }
    if let Some(limit) = capability::append_limit(&user.service)
        && size > limit
    {
        let text = format!("A message has {limit} octets at most");
        return Err(Answer::no(Code::TooBig, text).into());
    }
    if size == 0 {
        // Outlook and others call an APPEND off this way (RFC 3502 §3).
        return Err(Answer::no(Code::Cannot, "An empty message is none").into());
    }
    let before: u64 = items.iter().map(|item| item.received.size()).sum();
    let quota = user.mailbox.quota().await?;
    quota.admits(items.len() as u64 + 1, before.saturating_add(size))?;
    Ok(folder)
}

/// Streams one message into a staged body. All its octets are read, even where it can't be taken.
async fn take(
    user: &User,
    size: u64,
    output: &mut Output<'_>,
) -> Result<Result<fieldpost_mailbox::Received, Answer>, Error> {
    let told = |error: fieldpost_mailbox::Error| match Refusal::from(error) {
        Refusal::Answer(answer) => answer,
        Refusal::MailboxGone | Refusal::Broken(_) => Answer::no_such_mailbox(),
    };
    let account = user.mailbox.account();
    let patience = user.service.settings.literal_timeout;
    let mut incoming = user
        .service
        .mailboxes
        .receive(account, Some(size))
        .await
        .map_err(told);
    let mut left = size;
    while left > 0 {
        let chunk = output
            .chunk(left.min(CHUNK as u64) as usize, patience)
            .await?;
        left -= chunk.len() as u64;
        if let Ok(message) = &mut incoming
            && let Err(error) = message.write(chunk).await
        {
            incoming = Err(told(error));
        }
    }
    Ok(match incoming {
        Ok(message) => message.finish().await.map_err(told),
        Err(answer) => Err(answer),
    })
}

async fn put(user: &User, folder: FolderId, items: &[NewItem]) -> Result<Answer, Refusal> {
    let appended = user.mailbox.append_all(folder, items).await?;
    let uids = appended.iter().map(|appended| appended.uid).collect();
    let validity = appended.first().map_or(0, |appended| appended.uid_validity);
    Ok(Answer::ok("Appended").with(Code::AppendUid(validity, uids)))
}

/// The most octets that are read for nothing before the connection is given up.
pub(crate) const MOST_PASSED_OVER: u64 = 256 * 1024 * 1024;

/// The same where nobody has signed in.
const PASSED_OVER_UNKNOWN: u64 = 64 * 1024;

const PATIENCE_UNKNOWN: Duration = Duration::from_secs(30);

const CHUNK: usize = 16 * 1024;

/// The longest line behind a message that is passed over.
const LINE_LIMIT: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use crate::testing::{Office, message};

    #[tokio::test]
    async fn a_message_with_flags_and_date() {
        let office = Office::open().await;
        let mut client = office.selected().await;
        let text = message("mine", "hello");
        client
            .sends(format!(
                "x APPEND INBOX (\\Seen $Mine) \"17-Jul-1996 02:44:25 -0700\" {{{}}}\r\n",
                text.len()
            ))
            .await;
        assert_eq!(client.line().await, "+ Go on");
        client.sends(format!("{text}\r\n")).await;
        let (told, tagged) = client.until("x").await;
        assert_eq!(told[0], "* 1 EXISTS");
        assert!(
            tagged.starts_with("OK [APPENDUID ") && tagged.contains(" 1] "),
            "{tagged}"
        );
        client
            .tells(
                "FETCH 1 (INTERNALDATE FLAGS)",
                &["* 1 FETCH (INTERNALDATE \"17-Jul-1996 09:44:25 +0000\" FLAGS (\\Seen $Mine \\Recent))"],
            )
            .await;
        let told = client.ok("FETCH 1 BODY.PEEK[]").await;
        assert_eq!(
            told[0],
            format!("* 1 FETCH (BODY[] {{{}}}\r\n{text})", text.len())
        );
    }

    #[tokio::test]
    async fn several_messages_all_or_none() {
        let office = Office::open().await;
        let mut client = office.signed_in().await;
        client
            .sends("x APPEND Drafts {3+}\r\na\r\n (\\Draft) {3+}\r\nb\r\n\r\n")
            .await;
        let (_, tagged) = client.until("x").await;
        assert!(
            tagged.starts_with("OK [APPENDUID ") && tagged.contains(" 1:2] "),
            "{tagged}"
        );
        client
            .sends("y APPEND Drafts {3+}\r\na\r\n (\\Draft) {0+}\r\n\r\n")
            .await;
        let (_, tagged) = client.until("y").await;
        assert!(tagged.starts_with("NO "), "{tagged}");
        client
            .tells(
                "STATUS Drafts (MESSAGES)",
                &["* STATUS Drafts (MESSAGES 2)"],
            )
            .await;
    }

    /// RFC 3502 §1: all or nothing. What would take two commits, between which the machine may stop, is refused whole.
    #[tokio::test]
    async fn more_than_goes_into_one_commit_is_refused() {
        let office = Office::open().await;
        let mut client = office.signed_in().await;
        let large = vec![b'x'; 17 * 1024 * 1024];
        let announced = format!(" {{{}+}}\r\n", large.len());
        client.sends("x APPEND Drafts").await;
        for _ in 0..3 {
            client.sends(&announced).await;
            client.sends(&large).await;
        }
        client.sends("\r\n").await;
        let (_, tagged) = client.until("x").await;
        // Two are more than 32 MiB: a third one finds no room.
        assert!(tagged.starts_with("NO [LIMIT] "), "{tagged}");
        client
            .tells(
                "STATUS Drafts (MESSAGES)",
                &["* STATUS Drafts (MESSAGES 0)"],
            )
            .await;
        client.sends("y APPEND Drafts").await;
        for _ in 0..2 {
            client.sends(&announced).await;
            client.sends(&large).await;
        }
        client.sends("\r\n").await;
        let (_, tagged) = client.until("y").await;
        assert!(tagged.starts_with("OK [APPENDUID "), "{tagged}");
    }

    /// What can't be taken is refused before it is sent; what comes unasked is read, and the conversation goes on.
    #[tokio::test]
    async fn refusals_keep_the_conversation_in_step() {
        let office = Office::with(|settings| settings.append_limit = 100).await;
        let mut client = office.signed_in().await;
        client.says("APPEND Nowhere {10}", "NO [TRYCREATE] *").await;
        client.says("APPEND INBOX {101}", "NO [TOOBIG] *").await;
        // Octets behind what is no second message are octets all the same, and no commands.
        for announced in [
            "nonsense {16+}\r\nQ CREATE Owned\r",
            "{0+}\r\n {16+}\r\nQ CREATE Owned\r",
        ] {
            client
                .sends(format!(
                    "y APPEND INBOX {{3+}}\r\na\r\n {announced}\n\r\nz NOOP\r\n"
                ))
                .await;
            let (told, tagged) = client.until("y").await;
            assert!(
                told.is_empty() && !tagged.starts_with("OK"),
                "{told:?} {tagged}"
            );
            assert!(client.until("z").await.0.is_empty());
        }
        client
            .sends(format!(
                "x APPEND INBOX {{101+}}\r\n{}\r\n",
                "y".repeat(101)
            ))
            .await;
        assert!(client.until("x").await.1.starts_with("NO [TOOBIG]"));
        client
            .sends("x APPEND Nowhere {3+}\r\nabc {3+}\r\nabc\r\n")
            .await;
        assert!(client.until("x").await.1.starts_with("NO [TRYCREATE]"));
        client.ok("NOOP").await;
        // Fault 7: no number is too large to be refused.
        client
            .says("APPEND INBOX {4294967295}", "NO [TOOBIG] *")
            .await;
        let (_, tagged) = client.asks("APPEND INBOX {99999999999999999999}").await;
        assert!(!tagged.starts_with("OK"), "{tagged}");
        client.ok("NOOP").await;
    }

    /// Fault 19: over quota, and a client that is gone in the middle of a message.
    #[tokio::test]
    async fn fault_19_over_quota_and_gone_in_the_middle() {
        let office = Office::open().await;
        office
            .mailbox
            .set_quota(fieldpost_mailbox::Limits {
                bytes: 50,
                items: 0,
            })
            .await
            .unwrap();
        let mut client = office.signed_in().await;
        client.says("APPEND INBOX {51}", "NO [OVERQUOTA] *").await;
        client.sends("x APPEND INBOX {50}\r\n").await;
        assert_eq!(client.line().await, "+ Go on");
        client.sends("only a part of it").await;
        drop(client);
        let mut client = office.signed_in().await;
        client
            .tells("STATUS INBOX (MESSAGES)", &["* STATUS INBOX (MESSAGES 0)"])
            .await;
    }

    #[tokio::test]
    async fn before_sign_in_little_is_read() {
        let office = Office::open().await;
        let mut client = office.connect().await;
        client.says("APPEND INBOX {10}", "BAD Sign in first").await;
        client.sends("x APPEND INBOX {10000000+}\r\n").await;
        client.ends().await;
    }
}
