//! The mailbox: mail that holds words, belongs to a conversation, or came at some time.

use std::{cmp::Reverse, collections::BTreeSet, sync::Arc};

use fieldpost_mailbox::{Error, Folder, FolderId, FolderKind, Query, Row, ThreadId, UidSet};
use fieldpost_wbxml::{Element, Encoder, tags::air_sync as a, tags::email as e, tags::search as t};
use tokio::time::Instant;

use super::{INVALID, Page, TIMED_OUT, TOO_COMPLEX, UNKNOWN_FOLDER, Wrong, properties};
use crate::{Session, codec::date, item::preferences::Preferences, reply::Failure};

/// Finds mail, the newest first.
pub async fn search(
    session: &Session,
    query: &Element<'_>,
    page: Page,
    is_deep: bool,
    preferences: &Preferences,
    out: &mut Encoder,
) -> Result<Result<(), Wrong>, Failure> {
    let asked = match Asked::read(query) {
        Ok(asked) => asked,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let folders = session.mailbox.folders().await?;
    let Some(folders) = asked.folders(&folders, is_deep) else {
        return Ok(Err(UNKNOWN_FOLDER));
    };
    let deadline = Instant::now() + session.service.settings.response_time;
    let mut newest: Vec<(FolderId, Row)> = Vec::new();
    let mut found = 0;
    for folder in folders {
        let view = match session.mailbox.view(folder).await {
            // Deleted meanwhile.
            Err(Error::NoSuchFolder(_)) => continue,
            view => view?,
        };
        let mut pace = || Instant::now() < deadline;
        let uids = session
            .mailbox
            .search(folder, &view, &asked.query, &UidSet::all(), &mut pace)
            .await;
        let uids = match uids {
            Ok(uids) => uids,
            Err(Error::Cancelled) => return Ok(Err(TIMED_OUT)),
            Err(Error::QueryTooDeep) => return Ok(Err(TOO_COMPLEX)),
            Err(error) => return Err(error.into()),
        };
        found += uids.len();
        newest.extend(
            uids.iter()
                .filter_map(|uid| Some((folder, *view.by_uid(*uid)?))),
        );
        newest.sort_by_key(|(_, row)| Reverse((row.internal_date, row.entry)));
        newest.truncate(page.last + 1);
    }
    let shown = page
        .of(newest.len())
        .map_or(&[][..], |range| &newest[range]);
    out.number(t::STATUS, page.status());
    let mut written = 0;
    for (folder, row) in shown {
        let item = match session.mailbox.item(*folder, row.uid).await {
            Ok(item) => item,
            // Gone meanwhile, or can't be read: the others stay to be found.
            Err(Error::NoSuchItem { .. } | Error::NoSuchFolder(_) | Error::Damaged { .. }) => {
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let before = out.checkpoint();
        out.start(t::RESULT);
        out.text(a::CLASS, "Email");
        out.text(t::LONG_ID, &format!("{folder}:{}", row.entry));
        out.number(a::COLLECTION_ID, folder);
        out.start(t::PROPERTIES);
        if let Err(failure) =
            properties::write(session, *folder, row, &item, preferences, out).await
        {
            tracing::warn!(%failure, %folder, uid = row.uid, "a search leaves an item out");
            out.rollback(before);
            continue;
        }
        out.end();
        out.end();
        written += 1;
    }
    page.write_end(written, found, out);
    Ok(Ok(()))
}

/// What is looked for, and where.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    query: Query,
    /// Empty: everywhere.
    collections: Vec<FolderId>,
}

impl Asked {
    /// Reads `Query`: one `And` of conditions (MS-ASCMD_R772, R923, R2032, R2086, R3105, R3143, R3220).
    fn read(query: &Element<'_>) -> Result<Self, Wrong> {
        let mut children = query.children();
        let and = children.next().ok_or(INVALID)?;
        if and.tag != t::AND || children.next().is_some() {
            return Err(TOO_COMPLEX);
        }
        let mut conditions = Vec::new();
        let mut collections = Vec::new();
        let (mut is_class_named, mut is_mail_wanted) = (false, false);
        for child in and.children() {
            match child.tag {
                a::CLASS => {
                    is_class_named = true;
                    is_mail_wanted |= child.text().trim().eq_ignore_ascii_case("Email");
                }
                a::COLLECTION_ID => {
                    let id = child.text().trim().parse().map_err(|_| UNKNOWN_FOLDER)?;
                    collections.push(FolderId(id));
                }
                t::FREE_TEXT => conditions.extend(words(&child.text())),
                t::CONVERSATION_ID => {
                    // No conversation of ours has an id of another form.
                    let thread = conversation(&child.bytes()).ok_or(INVALID)?;
                    conditions.push(Query::Thread(thread));
                }
                t::GREATER_THAN => {
                    let date = received(child)?;
                    conditions.push(Query::InternalDate(date.saturating_add(1)..i64::MAX));
                }
                t::LESS_THAN => conditions.push(Query::InternalDate(i64::MIN..received(child)?)),
                t::AND | t::OR | t::EQUAL_TO => return Err(TOO_COMPLEX),
                _ => {}
            }
        }
        // Outlook mobile says "0" where it means everywhere (client-quirks D1), Android 6 says nothing (C13).
        if collections.contains(&FolderId(0)) {
            collections.clear();
        }
        if is_class_named && !is_mail_wanted {
            // Nothing else is kept here.
            conditions = vec![Query::Any(Vec::new())];
        }
        Ok(Self {
            query: Query::And(conditions),
            collections,
        })
    }

    /// The folders to look in, `None` if one is not there. With `is_deep` those below them too.
    fn folders(&self, all: &[Arc<Folder>], is_deep: bool) -> Option<BTreeSet<FolderId>> {
        let has_mail = |folder: &&Arc<Folder>| folder.kind == FolderKind::Mail;
        if self.collections.is_empty() {
            return Some(
                all.iter()
                    .filter(has_mail)
                    .map(|folder| folder.id)
                    .collect(),
            );
        }
        let mut wanted = BTreeSet::new();
        for id in &self.collections {
            let folder = all.iter().find(|folder| folder.id == *id)?;
            wanted.insert(folder.id);
        }
        if !is_deep {
            return Some(only_mail(wanted, all));
        }
        loop {
            let below: Vec<_> = all
                .iter()
                .filter(|folder| folder.parent.is_some_and(|parent| wanted.contains(&parent)))
                .map(|folder| folder.id)
                .filter(|id| !wanted.contains(id))
                .collect();
            if below.is_empty() {
                break;
            }
            wanted.extend(below);
        }
        Some(only_mail(wanted, all))
    }
}

fn only_mail(mut wanted: BTreeSet<FolderId>, all: &[Arc<Folder>]) -> BTreeSet<FolderId> {
    let has_mail = |id| {
        all.iter()
            .any(|folder| folder.id == id && folder.kind == FolderKind::Mail)
    };
    wanted.retain(|id| has_mail(*id));
    wanted
}

/// The words of a text, each of which is to be found, and what stands in quotes as one.
fn words(text: &str) -> Vec<Query> {
    let mut words = Vec::new();
    for (number, part) in text.split('"').enumerate() {
        if number % 2 == 1 {
            words.push(part.trim().to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words.retain(|word| !word.is_empty());
    words.truncate(MAX_WORDS);
    words.into_iter().map(Query::Text).collect()
}

/// The moment of a `GreaterThan` or `LessThan` (MS-ASCMD_R3140).
fn received(comparison: &Element<'_>) -> Result<i64, Wrong> {
    comparison.child(e::DATE_RECEIVED).ok_or(INVALID)?;
    let value = comparison.text_of(t::VALUE).ok_or(INVALID)?;
    date::parse(&value).ok_or(INVALID)
}

/// A conversation by its id: the thread's number in the last eight of sixteen bytes, or alone in eight.
fn conversation(bytes: &[u8]) -> Option<ThreadId> {
    let number: &[u8; 8] = bytes.last_chunk()?;
    let rest = &bytes[..bytes.len() - 8];
    (rest.is_empty() || rest == [0; 8]).then(|| ThreadId(u64::from_be_bytes(*number)))
}

/// Words beyond these are not looked for: each one costs as much as a search for it alone.
const MAX_WORDS: usize = 32;
