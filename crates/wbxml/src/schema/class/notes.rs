//! Notes (MS-ASNOTE).

use crate::{
    schema::rule::{Rule, container, string},
    tags::notes,
};

/// In `airsync:ApplicationData` of requests: Sync.
pub(in crate::schema) const ADDED_OR_CHANGED: &[Rule] = &[
    string(notes::SUBJECT),
    string(notes::MESSAGE_CLASS),
    string(notes::LAST_MODIFIED_DATE),
    container(notes::CATEGORIES, &[&[string(notes::CATEGORY).many()]]),
];

/// In `airsync:ApplicationData`, `itemoperations:Properties`, `search:Properties` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const ITEM: &[Rule] = &[
    string(notes::SUBJECT),
    string(notes::MESSAGE_CLASS),
    string(notes::LAST_MODIFIED_DATE),
    container(
        notes::CATEGORIES,
        &[&[string(notes::CATEGORY).required().up_to(300)]],
    ),
];
