//! A Sync request, typed (MS-ASCMD §2.2.1.21).

use std::{borrow::Cow, collections::HashSet};

use fieldpost_mailbox::{FlagUpdate, Flags, UpdateMode};
use fieldpost_wbxml::{
    Element,
    tags::{air_sync as tag, email},
};

use crate::item::{mail::COMPLETED, preferences::Preferences};

/// A request, without the commands: what an empty or partial one repeats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncRequest {
    /// The collections, in the client's order.
    pub collections: Vec<CollectionRequest>,
    /// How long to wait for changes, as the client said it.
    pub wait: Option<Wait>,
    /// The most items in the whole response.
    pub window: Option<usize>,
    /// Whether the collections that are not named are those of the last request.
    pub partial: bool,
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// `Wait`: minutes.
    Minutes(u32),
    /// `HeartbeatInterval`: seconds.
    Seconds(u32),
}

/// What a request says of one collection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectionRequest {
    /// `Class`, below 14.0.
    pub class: Option<String>,
    /// The key as sent.
    pub key: String,
    /// The folder as sent.
    pub id: String,
    /// Whether deleted items go to the trash.
    pub deletes_as_moves: bool,
    /// Whether changes are wanted; `None`: not said.
    pub get_changes: Option<bool>,
    /// The most items.
    pub window: Option<usize>,
    /// `ConversationMode`: whether whole conversations are wanted; `None`: as before.
    pub conversations: Option<bool>,
    /// Options, if the client sent any.
    pub options: Option<Preferences>,
    /// What the client changes.
    pub commands: Vec<ClientCommand>,
}

/// One thing that the client did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCommand {
    /// It made an item.
    Add {
        /// Its own name for it.
        client_id: String,
    },
    /// It changed an item.
    Change {
        /// Which.
        server_id: String,
        /// What.
        change: MailChange,
    },
    /// It deleted an item.
    Delete {
        /// Which.
        server_id: String,
    },
    /// It wants all of an item.
    Fetch {
        /// Which.
        server_id: String,
    },
}

/// A change to a mail: only these can be made below 16.0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailChange {
    /// Read or unread.
    pub read: Option<bool>,
    /// The follow-up flag: 0 none, 1 done, 2 to do.
    pub flag: Option<u8>,
    /// Its categories.
    pub categories: Option<Vec<String>>,
}

/// A semantic error: status 4 (MS-ASCMD_R4430).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid;

impl SyncRequest {
    /// Reads a document.
    pub fn parse(root: &Element<'_>) -> Result<Self, Invalid> {
        let number = |tag| match root.text_of(tag) {
            None => Ok(None),
            // Larger than 32 bits is out of any range (fault 43).
            Some(text) => text
                .trim()
                .parse::<i64>()
                .map(|number| Some(number.clamp(0, i64::from(u32::MAX)) as u32))
                .map_err(|_| Invalid),
        };
        let wait = match (number(tag::WAIT)?, number(tag::HEARTBEAT_INTERVAL)?) {
            // MS-ASCMD_R3162, MS-ASCMD_R4748
            (Some(_), Some(_)) => return Err(Invalid),
            (Some(minutes), None) => Some(Wait::Minutes(minutes)),
            (None, Some(seconds)) => Some(Wait::Seconds(seconds)),
            (None, None) => None,
        };
        let collections = root
            .all(tag::COLLECTIONS)
            .flat_map(|all| all.all(tag::COLLECTION))
            .map(CollectionRequest::parse)
            .collect::<Result<Vec<_>, _>>()?;
        // One key can't be shown for two answers.
        let mut seen = HashSet::new();
        if !collections.iter().all(|one| seen.insert(&*one.id)) {
            return Err(Invalid);
        }
        let names_none = root
            .child(tag::COLLECTIONS)
            .is_some_and(|all| all.children().next().is_none());
        // Some clients send an empty list where they mean the one before (client-quirks A10, C7).
        let partial = root.child(tag::PARTIAL).is_some() || names_none;
        if collections.is_empty() && !partial {
            return Err(Invalid);
        }
        Ok(Self {
            collections,
            wait,
            window: window(root),
            partial,
        })
    }

    /// The same without what the client did: what is repeated for an empty request.
    pub fn without_commands(&self) -> Self {
        let mut plain = self.clone();
        plain.partial = false;
        for collection in &mut plain.collections {
            collection.commands.clear();
        }
        plain
    }

    /// A partial request over the last one: what it names replaces, the rest stays with the keys and options it had
    /// (MS-ASCMD_R3644).
    pub fn over(mut self, last: &Self) -> Self {
        for old in &last.collections {
            if !self.collections.iter().any(|new| new.id == old.id) {
                self.collections.push(old.clone());
            }
        }
        self.wait = self.wait.or(last.wait);
        self.window = self.window.or(last.window);
        self.partial = false;
        self
    }
}

impl CollectionRequest {
    fn parse(element: &Element<'_>) -> Result<Self, Invalid> {
        let text = |tag| element.text_of(tag).map(Cow::into_owned);
        // An SMS block beside the mail's is one of the two: it is of no interest here and no error (client-quirks A10).
        let options: Vec<_> = element
            .all(tag::OPTIONS)
            .filter(|options| {
                options
                    .text_of(tag::CLASS)
                    .is_none_or(|class| class != "SMS")
            })
            .collect();
        Ok(Self {
            class: text(tag::CLASS),
            key: text(tag::SYNC_KEY).ok_or(Invalid)?,
            id: text(tag::COLLECTION_ID).ok_or(Invalid)?,
            deletes_as_moves: element.flag(tag::DELETES_AS_MOVES).unwrap_or(true),
            get_changes: element.flag(tag::GET_CHANGES),
            window: window(element),
            conversations: element.flag(tag::CONVERSATION_MODE),
            options: options
                .first()
                .map(|options| Preferences::parse(options).ok_or(Invalid))
                .transpose()?,
            commands: element
                .all(tag::COMMANDS)
                .flat_map(Element::children)
                .filter_map(ClientCommand::parse)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl ClientCommand {
    fn parse(element: &Element<'_>) -> Option<Result<Self, Invalid>> {
        let server_id = || {
            element
                .text_of(tag::SERVER_ID)
                .map(Cow::into_owned)
                .ok_or(Invalid)
        };
        Some(match element.tag {
            tag::ADD => Ok(Self::Add {
                client_id: element
                    .text_of(tag::CLIENT_ID)
                    .map(Cow::into_owned)
                    .unwrap_or_default(),
            }),
            tag::CHANGE => server_id().map(|server_id| Self::Change {
                server_id,
                change: element
                    .child(tag::APPLICATION_DATA)
                    .map(MailChange::parse)
                    .unwrap_or_default(),
            }),
            tag::DELETE => server_id().map(|server_id| Self::Delete { server_id }),
            tag::FETCH => server_id().map(|server_id| Self::Fetch { server_id }),
            _ => return None,
        })
    }
}

impl MailChange {
    fn parse(data: &Element<'_>) -> Self {
        Self {
            read: data.flag(email::READ),
            // `<Flag/>` alone takes the flag away (MS-ASEMAIL §2.2.2.34; HTC, client-quirks C).
            flag: data.child(email::FLAG).map(|flag| {
                flag.text_of(email::STATUS)
                    .and_then(|status| status.trim().parse().ok())
                    .unwrap_or(0)
            }),
            categories: data.child(email::CATEGORIES).map(|categories| {
                categories
                    .all(email::CATEGORY)
                    .map(|category| category.text().into_owned())
                    .filter(|category| !category.is_empty())
                    .collect()
            }),
        }
    }

    /// The change in the mailbox's words: of a flag with two values, which never conflicts, and of the rest.
    pub fn updates(&self) -> (Option<bool>, Vec<FlagUpdate>) {
        let mut updates = Vec::new();
        if let Some(flag) = self.flag {
            let mode = |set| {
                if set {
                    UpdateMode::Add
                } else {
                    UpdateMode::Remove
                }
            };
            updates.push(FlagUpdate::flags(mode(flag == 2), Flags::FLAGGED));
            updates.push(FlagUpdate::keywords(mode(flag == 1), [COMPLETED]));
        }
        if let Some(categories) = &self.categories {
            updates.push(FlagUpdate::categories(
                UpdateMode::Replace,
                categories.iter().cloned(),
            ));
        }
        (self.read, updates)
    }
}

/// 0 and more than 512 mean 512 (MS-ASCMD §2.2.3.199).
fn window(element: &Element<'_>) -> Option<usize> {
    let text = element.text_of(tag::WINDOW_SIZE)?;
    Some(match text.trim().parse::<u64>() {
        Ok(size @ 1..=512) => size as usize,
        Ok(_) | Err(_) => 512,
    })
}
