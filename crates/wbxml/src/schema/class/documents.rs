//! Documents (MS-ASDOC).

use crate::{
    schema::rule::{Rule, date_time, integer, string},
    tags::document_library,
};

/// In `airsync:ApplicationData`, `itemoperations:Properties`, `search:Properties` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const ITEM: &[Rule] = &[
    string(document_library::LINK_ID),
    string(document_library::DISPLAY_NAME),
    integer(document_library::IS_FOLDER),
    date_time(document_library::CREATION_DATE),
    date_time(document_library::LAST_MODIFIED_DATE),
    integer(document_library::IS_HIDDEN),
    integer(document_library::CONTENT_LENGTH),
    string(document_library::CONTENT_TYPE),
];
