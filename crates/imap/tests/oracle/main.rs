//! A second opinion on commands: imap-types generates them, imap-codec encodes them, our framer and parser read them, and what is read must be
//! what was generated.
//!
//! What the two understand differently, and why, stands in [`Different`].

mod mailboxes;
mod messages;
mod search;
mod words;

use arbitrary::{Arbitrary, Unstructured};
use fieldpost_imap::codec::{
    date::Day,
    frame::{Frame, Framer},
    mailbox_name,
    request::{
        Addressing, AppendHead, AppendNext, BinaryPart, BodySection, Command, Fetch, FetchItem,
        FlagList, List, MailboxName, Mode, Partial, QuickResync, Search, SearchKey, SectionText,
        Select, Sort, SortKey, StatusItem, StatusRequest, Store, StoreMode, Thread,
        ThreadAlgorithm, Veiled, append, limit, parse,
    },
    set::SequenceSet,
};
use fieldpost_mailbox::Flags;
use fieldpost_message::charset::Charset;
use imap_codec::{CommandCodec, encode::Encoder as _, encode::Fragment};
use imap_types::{
    command::{CommandBody, FetchModifier, SelectParameter, StoreModifier},
    extensions::{
        sort::{SortCriterion, SortKey as TheirSortKey},
        thread::ThreadingAlgorithm,
    },
    fetch::{MacroOrMessageDataItemNames, MessageDataItemName, Part, Section},
    flag::{Flag, StoreResponse, StoreType},
    mailbox::{ListMailbox, Mailbox},
    search::SearchKey as TheirKey,
    sequence::{SeqOrUid, Sequence, SequenceSet as TheirSet},
    status::StatusDataItemName,
};
use zeroize::Zeroizing;

use self::{mailboxes::*, messages::*, search::*, words::*};

/// Why we refuse what they accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Different {
    /// METADATA (RFC 5464) is not offered.
    Metadata,
    /// A flag that begins with a backslash and is none of the system flags: no message here has one.
    FlagExtension,
    /// Text that is not UTF-8, or has control characters, where a name is expected.
    NoText,
    /// A charset nobody knows.
    Charset,
    /// A threading algorithm that is not offered.
    Algorithm,
    /// Their lists may be empty where the grammar wants one item.
    Empty,
    /// RFC 7162 forbids it, their types allow it: `*` in QRESYNC, sets of unequal length, QRESYNC twice, VANISHED alone.
    Qresync,
    /// RFC 9051 §9 `number64` and RFC 7162 §7 have 63 bits, their types 64.
    Bits,
    /// Beyond our limits.
    Limit,
}

type Ours<T> = Result<T, Different>;

#[derive(Debug, PartialEq)]
enum Read {
    Command(Command),
    Append(MailboxName, FlagList, Option<i64>),
}

#[test]
fn commands_are_read_as_they_were_meant() {
    let rounds = std::env::var("FIELDPOST_ORACLE_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(20_000);
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut read: std::collections::BTreeMap<&str, u32> = std::collections::BTreeMap::new();
    let mut different: std::collections::BTreeMap<Different, u32> =
        std::collections::BTreeMap::new();
    let mut done = 0;
    while done < rounds {
        let bytes = random.bytes();
        let mut source = Unstructured::new(&bytes);
        let Ok(command) = generated(&mut source) else {
            continue;
        };
        done += 1;
        let expected = if command.tag.as_ref().len() > limit::TAG {
            Err(Different::Limit)
        } else {
            translated(&command.body)
        };
        let (tag, ours) = ours(&command);
        match expected {
            Ok(expected) => {
                assert_eq!(ours, Ok(expected), "{command:?}");
                assert_eq!(tag.as_deref(), Some(command.tag.as_ref()));
                *read.entry(command.body.name()).or_default() += 1;
            }
            Err(reason) => {
                assert!(ours.is_err(), "{reason:?}: {command:?} read as {ours:?}");
                *different.entry(reason).or_default() += 1;
            }
        }
    }
    println!("read: {read:?}\ndifferent: {different:?}");
    // Every command was there.
    for name in [
        "APPEND",
        "AUTHENTICATE",
        "COPY",
        "CREATE",
        "ENABLE",
        "EXAMINE",
        "FETCH",
        "ID",
        "LIST",
        "LOGIN",
        "LSUB",
        "MOVE",
        "RENAME",
        "SEARCH",
        "SELECT",
        "SORT",
        "STATUS",
        "STORE",
        "THREAD",
    ] {
        assert!(rounds < 20_000 || read.contains_key(name), "no {name}");
    }
}

/// Commands as their types make them; of those that are made of much, more than chance would make.
fn generated<'a>(
    source: &mut Unstructured<'a>,
) -> arbitrary::Result<imap_types::command::Command<'a>> {
    let charset = |source: &mut Unstructured<'a>| {
        let name = *source.choose(&["UTF-8", "us-ascii", "ISO-8859-1", "koi8-r", "x-none"])?;
        imap_types::core::Charset::try_from(name).map_err(|_| arbitrary::Error::IncorrectFormat)
    };
    let body = match source.int_in_range(0..=9)? {
        0 => CommandBody::Search {
            charset: if bool::arbitrary(source)? {
                Some(charset(source)?)
            } else {
                None
            },
            criteria: Arbitrary::arbitrary(source)?,
            uid: Arbitrary::arbitrary(source)?,
        },
        1 => CommandBody::Sort {
            sort_criteria: Arbitrary::arbitrary(source)?,
            charset: charset(source)?,
            search_criteria: Arbitrary::arbitrary(source)?,
            uid: Arbitrary::arbitrary(source)?,
        },
        2 => CommandBody::Thread {
            algorithm: ThreadingAlgorithm::References,
            charset: charset(source)?,
            search_criteria: Arbitrary::arbitrary(source)?,
            uid: Arbitrary::arbitrary(source)?,
        },
        3 => CommandBody::Fetch {
            sequence_set: Arbitrary::arbitrary(source)?,
            macro_or_item_names: Arbitrary::arbitrary(source)?,
            uid: Arbitrary::arbitrary(source)?,
            modifiers: Arbitrary::arbitrary(source)?,
        },
        4 => CommandBody::Store {
            sequence_set: Arbitrary::arbitrary(source)?,
            kind: Arbitrary::arbitrary(source)?,
            response: Arbitrary::arbitrary(source)?,
            flags: Arbitrary::arbitrary(source)?,
            uid: Arbitrary::arbitrary(source)?,
            modifiers: Arbitrary::arbitrary(source)?,
        },
        _ => return Arbitrary::arbitrary(source),
    };
    body.tag("a").map_err(|_| arbitrary::Error::IncorrectFormat)
}

/// Encodes by theirs, reads by ours.
fn ours(command: &imap_types::command::Command<'_>) -> (Option<String>, Result<Read, String>) {
    let mut framer = Framer::new(1 << 20);
    let mode = Mode::default();
    let mut head: Option<AppendHead> = None;
    for fragment in CommandCodec::default().encode(command) {
        let line = match fragment {
            Fragment::Literal { data, .. } => {
                if head.is_none() {
                    assert_eq!(framer.wanted(), data.len());
                    framer.literal(&data);
                }
                continue;
            }
            Fragment::Line { data } => data,
        };
        let line = line.strip_suffix(b"\r\n").expect("a line ends");
        if let Some(head) = head {
            let tag = head.tag.to_string();
            let read = match append::next(&head.tag, line, None, head.message.utf8) {
                Ok(AppendNext::End) => Ok(Read::Append(
                    head.mailbox,
                    head.message.flags,
                    head.message.internal_date,
                )),
                other => Err(format!("{other:?}")),
            };
            return (Some(tag), read);
        }
        match framer.line(line, mode) {
            Frame::Command(bytes) => {
                return match parse(&bytes, mode) {
                    Ok(request) => (
                        Some(request.tag.to_string()),
                        Ok(Read::Command(request.command)),
                    ),
                    Err(bad) => (
                        bad.tag.map(|tag| tag.to_string()),
                        Err(bad.problem.to_string()),
                    ),
                };
            }
            Frame::Literal { .. } => {}
            Frame::Message(Ok(message)) => head = Some(message),
            other => return (None, Err(format!("{other:?}"))),
        }
    }
    (None, Err("no end".to_owned()))
}

fn translated(body: &CommandBody<'_>) -> Ours<Read> {
    use CommandBody as Theirs;
    let by = |uid: &bool| {
        if *uid {
            Addressing::Uid
        } else {
            Addressing::Sequence
        }
    };
    let command = match body {
        Theirs::Capability => Command::Capability,
        Theirs::Noop => Command::Noop,
        Theirs::Logout => Command::Logout,
        Theirs::StartTLS => Command::StartTls,
        Theirs::Authenticate {
            mechanism,
            initial_response,
        } => Command::Authenticate {
            mechanism: mechanism.to_string(),
            initial: initial_response
                .as_ref()
                .map(|initial| veiled(&initial_response_text(initial.declassify()))),
        },
        Theirs::Login { username, password } => Command::Login {
            user: username.as_ref().to_vec(),
            password: veiled(password.declassify().as_ref()),
        },
        Theirs::Select {
            mailbox,
            parameters,
        } => Command::Select(select(mailbox, parameters)?),
        Theirs::Examine {
            mailbox,
            parameters,
        } => Command::Examine(select(mailbox, parameters)?),
        Theirs::Unselect => Command::Unselect,
        Theirs::Create { mailbox } => Command::Create {
            mailbox: lone_name(mailbox)?,
            special_use: vec![],
        },
        Theirs::Delete { mailbox } => Command::Delete(lone_name(mailbox)?),
        Theirs::Rename { from, to } => Command::Rename {
            from: lone_name(from)?,
            to: lone_name(to)?,
        },
        Theirs::Subscribe { mailbox } => Command::Subscribe(lone_name(mailbox)?),
        Theirs::Unsubscribe { mailbox } => Command::Unsubscribe(lone_name(mailbox)?),
        Theirs::List {
            reference,
            mailbox_wildcard,
        } => Command::List(List {
            reference: name(reference)?.0,
            patterns: vec![pattern(mailbox_wildcard)?],
            ..List::default()
        }),
        Theirs::Lsub {
            reference,
            mailbox_wildcard,
        } => Command::Lsub {
            reference: name(reference)?,
            pattern: pattern(mailbox_wildcard)?,
        },
        Theirs::Status {
            mailbox,
            item_names,
        } => {
            if item_names.is_empty() {
                return Err(Different::Empty);
            }
            limited(item_names.len())?;
            Command::Status(StatusRequest {
                mailbox: name(mailbox)?,
                items: item_names.iter().map(status_item).collect(),
            })
        }
        Theirs::Append {
            mailbox,
            flags,
            date,
            message: _,
        } => {
            let date = date.as_ref().map(|date| date.as_ref().timestamp());
            return Ok(Read::Append(name(mailbox)?, flag_list(flags)?, date));
        }
        Theirs::Check => Command::Check,
        Theirs::Close => Command::Close,
        Theirs::Expunge => Command::Expunge(None),
        Theirs::ExpungeUid { sequence_set } => Command::Expunge(Some(set(sequence_set))),
        Theirs::Search {
            charset,
            criteria,
            uid,
        } => {
            let charset = match charset {
                None => Charset::Guess,
                Some(charset) => known_charset(charset.as_ref())?,
            };
            let key = all_of(criteria.as_ref(), charset)?;
            Command::Search(by(uid), Search { returns: None, key })
        }
        Theirs::Sort {
            sort_criteria,
            charset,
            search_criteria,
            uid,
        } => {
            let keys = sort_criteria.as_ref().iter().map(sort_key).collect();
            let key = all_of(search_criteria.as_ref(), known_charset(charset.as_ref())?)?;
            let sort = Sort {
                returns: None,
                keys,
                key,
            };
            Command::Sort(by(uid), sort)
        }
        Theirs::Thread {
            algorithm,
            charset,
            search_criteria,
            uid,
        } => {
            let algorithm = match algorithm {
                ThreadingAlgorithm::OrderedSubject => ThreadAlgorithm::OrderedSubject,
                ThreadingAlgorithm::References => ThreadAlgorithm::References,
                ThreadingAlgorithm::Other(_) => return Err(Different::Algorithm),
            };
            let key = all_of(search_criteria.as_ref(), known_charset(charset.as_ref())?)?;
            Command::Thread(by(uid), Thread { algorithm, key })
        }
        Theirs::Fetch {
            sequence_set,
            macro_or_item_names,
            uid,
            modifiers,
        } => Command::Fetch(
            by(uid),
            fetch(sequence_set, macro_or_item_names, modifiers)?,
        ),
        Theirs::Store {
            sequence_set,
            kind,
            response,
            flags,
            uid,
            modifiers,
        } => {
            let mut unchanged_since = None;
            for StoreModifier::UnchangedSince(mod_seq) in modifiers {
                unchanged_since = Some(number64(*mod_seq)?);
            }
            if modifiers.len() > 1 {
                // The grammar has one at most, their type a list.
                return Err(Different::Limit);
            }
            let mode = match kind {
                StoreType::Replace => StoreMode::Replace,
                StoreType::Add => StoreMode::Add,
                StoreType::Remove => StoreMode::Remove,
            };
            let store = Store {
                set: set(sequence_set),
                mode,
                silent: *response == StoreResponse::Silent,
                flags: flag_list(flags)?,
                unchanged_since,
            };
            Command::Store(by(uid), store)
        }
        Theirs::Copy {
            sequence_set,
            mailbox,
            uid,
        } => Command::Copy(by(uid), set(sequence_set), name(mailbox)?),
        Theirs::Move {
            sequence_set,
            mailbox,
            uid,
        } => Command::Move(by(uid), set(sequence_set), name(mailbox)?),
        Theirs::Idle => Command::Idle,
        Theirs::Enable { capabilities } => {
            let upper = |capability: &imap_types::extensions::enable::CapabilityEnable<'_>| {
                capability.to_string().to_ascii_uppercase()
            };
            Command::Enable(capabilities.as_ref().iter().map(upper).collect())
        }
        Theirs::Compress { algorithm } => {
            Command::Compress(algorithm.to_string().to_ascii_uppercase())
        }
        Theirs::GetQuota { root } => Command::GetQuota(text(root.as_ref())?),
        Theirs::GetQuotaRoot { mailbox } => Command::GetQuotaRoot(name(mailbox)?),
        Theirs::SetQuota { root, quotas } => {
            limited(quotas.len())?;
            let root = text(root.as_ref())?;
            for quota in quotas {
                number64(quota.limit)?;
            }
            Command::SetQuota(root)
        }
        Theirs::Id { parameters } => {
            let lossy = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
            let parameters = parameters.as_deref().unwrap_or_default();
            limited(parameters.len())?;
            let pair = |(field, value): &(
                imap_types::core::IString<'_>,
                imap_types::core::NString<'_>,
            )| {
                let value = value.0.as_ref().map(|value| lossy(value.as_ref()));
                (lossy(field.as_ref()), value)
            };
            Command::Id(parameters.iter().map(pair).collect())
        }
        Theirs::SetMetadata { .. } | Theirs::GetMetadata { .. } => {
            return Err(Different::Metadata);
        }
        Theirs::Namespace => Command::Namespace,
    };
    Ok(Read::Command(command))
}

/// Random bytes, the same in each run (xorshift64*). Many of them are letters: texts of theirs must be ASCII to be taken.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = 16 + self.next() % 400;
        let letters = self.next() % 8;
        let byte = |random: &mut Self| match random.next() {
            any if any % 8 >= letters => (any >> 32) as u8,
            letter => b"abcINBOX&-/*%]\"\\ 01289"[(letter >> 32) as usize % 22],
        };
        (0..len).map(|_| byte(self)).collect()
    }
}
