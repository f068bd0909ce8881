//! What several commands and classes have of pages that are no class.

use crate::{
    schema::rule::{Rule, integer, string},
    tags::{air_sync, compose_mail, meeting_response},
};

/// In `composemail:Forwardee` of requests and responses: ItemOperations, Search, SmartForward, Sync.
pub(in crate::schema) const FORWARDEE: &[Rule] = &[
    string(compose_mail::EMAIL).required(),
    string(compose_mail::NAME),
];

/// In `calendar:Attendee`, `email:MeetingRequest`, `meetingresponse:SendResponse` of requests and responses: ItemOperations, MeetingResponse, Search, Sync.
pub(in crate::schema) const PROPOSED_TIMES: &[Rule] = &[
    string(meeting_response::PROPOSED_START_TIME),
    string(meeting_response::PROPOSED_END_TIME),
];

/// In `airsync:Options` of requests: GetItemEstimate, Sync.
pub(in crate::schema) const SYNC_OPTIONS: &[Rule] = &[
    string(air_sync::CLASS),
    integer(air_sync::CONFLICT),
    integer(air_sync::FILTER_TYPE),
    integer(air_sync::MIME_SUPPORT),
    integer(air_sync::MIME_TRUNCATION),
    integer(air_sync::MAX_ITEMS),
    integer(air_sync::TRUNCATION),
    integer(air_sync::RTF_TRUNCATION),
];
