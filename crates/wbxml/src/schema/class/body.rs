//! Bodies, attachments and places that all classes share (MS-ASAIRS).

use crate::{
    schema::{
        class,
        rule::{Rule, boolean, container, decimal, empty, integer, string},
    },
    tags::{air_sync_base, item_operations},
};

/// In `airsyncbase:Add` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const ADD: &[Rule] = &[
    string(air_sync_base::DISPLAY_NAME).required(),
    integer(air_sync_base::METHOD).required(),
    string(air_sync_base::CONTENT_ID),
    string(air_sync_base::CONTENT_LOCATION),
    empty(air_sync_base::IS_INLINE),
    string(air_sync_base::CONTENT_TYPE).required(),
    string(air_sync_base::CLIENT_ID).required(),
    string(air_sync_base::CONTENT).required(),
];

/// In `airsync:ApplicationData` of requests: Sync.
pub(in crate::schema) const ADDED_OR_CHANGED: &[Rule] = &[
    container(
        air_sync_base::BODY,
        &[BODY_REQUEST, &[integer(item_operations::PART)]],
    ),
    container(air_sync_base::ATTACHMENTS, &[ATTACHMENTS_REQUEST]),
    integer(air_sync_base::NATIVE_BODY_TYPE),
    container(air_sync_base::LOCATION, &[LOCATION]),
];

/// In `airsyncbase:Add` of requests: Sync.
pub(in crate::schema) const ADD_REQUEST: &[Rule] = &[
    string(air_sync_base::DISPLAY_NAME),
    integer(air_sync_base::METHOD),
    string(air_sync_base::CONTENT_ID),
    string(air_sync_base::CONTENT_LOCATION),
    empty(air_sync_base::IS_INLINE),
    string(air_sync_base::CONTENT_TYPE),
    string(air_sync_base::CLIENT_ID).required(),
    string(air_sync_base::CONTENT),
];

/// In `airsyncbase:Attachment` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const ATTACHMENT: &[Rule] = &[
    integer(air_sync_base::ESTIMATED_DATA_SIZE),
    string(air_sync_base::DISPLAY_NAME),
    string(air_sync_base::FILE_REFERENCE).required(),
    integer(air_sync_base::METHOD),
    string(air_sync_base::CONTENT_ID),
    string(air_sync_base::CONTENT_LOCATION),
    boolean(air_sync_base::IS_INLINE),
    string(air_sync_base::CLIENT_ID),
];

/// In `airsyncbase:Attachments` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const ATTACHMENTS: &[Rule] = &[
    container(
        air_sync_base::ATTACHMENT,
        &[ATTACHMENT, class::email::EMAIL2_ATTACHMENT],
    )
    .many(),
    container(air_sync_base::ADD, &[ADD]).many(),
    container(
        air_sync_base::DELETE,
        &[&[string(air_sync_base::FILE_REFERENCE).required()]],
    )
    .many(),
];

/// In `airsyncbase:Attachments` of requests: Sync.
pub(in crate::schema) const ATTACHMENTS_REQUEST: &[Rule] = &[
    container(
        air_sync_base::ATTACHMENT,
        &[ATTACHMENT_REQUEST, class::email::EMAIL2_ATTACHMENT],
    )
    .many(),
    container(air_sync_base::ADD, &[ADD_REQUEST]).many(),
    container(
        air_sync_base::DELETE,
        &[&[string(air_sync_base::FILE_REFERENCE)]],
    )
    .many(),
];

/// In `airsyncbase:Attachment` of requests: Sync.
pub(in crate::schema) const ATTACHMENT_REQUEST: &[Rule] = &[
    integer(air_sync_base::ESTIMATED_DATA_SIZE),
    string(air_sync_base::DISPLAY_NAME),
    string(air_sync_base::FILE_REFERENCE),
    integer(air_sync_base::METHOD),
    string(air_sync_base::CONTENT_ID),
    string(air_sync_base::CONTENT_LOCATION),
    boolean(air_sync_base::IS_INLINE),
    string(air_sync_base::CLIENT_ID).required(),
];

/// In `airsyncbase:Body` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const BODY: &[Rule] = &[
    integer(air_sync_base::TYPE).required(),
    string(air_sync_base::DATA),
    integer(air_sync_base::ESTIMATED_DATA_SIZE),
    boolean(air_sync_base::TRUNCATED),
    string(air_sync_base::PREVIEW),
];

/// In `composemail:SmartForward`, `meetingresponse:SendResponse` of requests: MeetingResponse, SmartForward.
pub(in crate::schema) const BODY_ALONE: &[Rule] = &[container(
    air_sync_base::BODY,
    &[BODY_REQUEST, &[integer(item_operations::PART)]],
)];

/// In `airsyncbase:BodyPart` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const BODY_PART: &[Rule] = &[
    integer(air_sync_base::TYPE).required(),
    string(air_sync_base::DATA),
    integer(air_sync_base::ESTIMATED_DATA_SIZE).required(),
    boolean(air_sync_base::TRUNCATED),
    string(air_sync_base::PREVIEW),
    integer(air_sync_base::STATUS).required(),
];

/// In `airsyncbase:Body` of requests: MeetingResponse, SmartForward, Sync.
pub(in crate::schema) const BODY_REQUEST: &[Rule] = &[
    integer(air_sync_base::TYPE),
    string(air_sync_base::DATA),
    integer(air_sync_base::ESTIMATED_DATA_SIZE),
    boolean(air_sync_base::TRUNCATED),
    string(air_sync_base::PREVIEW),
];

/// In `calendar:Exception` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const EXCEPTION: &[Rule] = &[
    container(
        air_sync_base::BODY,
        &[BODY, &[integer(item_operations::PART)]],
    ),
    container(air_sync_base::ATTACHMENTS, &[ATTACHMENTS]),
    container(air_sync_base::LOCATION, &[LOCATION]),
    string(air_sync_base::INSTANCE_ID),
];

/// In `calendar:Exception` of requests: Sync.
pub(in crate::schema) const EXCEPTION_REQUEST: &[Rule] = &[
    container(
        air_sync_base::BODY,
        &[BODY_REQUEST, &[integer(item_operations::PART)]],
    ),
    container(air_sync_base::ATTACHMENTS, &[ATTACHMENTS_REQUEST]),
    container(air_sync_base::LOCATION, &[LOCATION]),
    string(air_sync_base::INSTANCE_ID),
];

/// In `itemoperations:Properties` of responses: ItemOperations.
pub(in crate::schema) const FETCHED: &[Rule] = &[
    container(
        air_sync_base::BODY,
        &[BODY, &[integer(item_operations::PART)]],
    ),
    container(air_sync_base::ATTACHMENTS, &[ATTACHMENTS]),
    integer(air_sync_base::NATIVE_BODY_TYPE),
    string(air_sync_base::CONTENT_TYPE),
    container(air_sync_base::BODY_PART, &[BODY_PART]),
    container(air_sync_base::LOCATION, &[LOCATION]),
];

/// In `airsync:ApplicationData` of responses: Sync.
pub(in crate::schema) const ITEM: &[Rule] = &[
    container(
        air_sync_base::BODY,
        &[BODY, &[integer(item_operations::PART)]],
    ),
    container(air_sync_base::ATTACHMENTS, &[ATTACHMENTS]),
    integer(air_sync_base::NATIVE_BODY_TYPE),
    container(air_sync_base::BODY_PART, &[BODY_PART]),
    container(air_sync_base::LOCATION, &[LOCATION]),
    string(air_sync_base::INSTANCE_ID),
];

/// In `airsyncbase:Location` of requests and responses: ItemOperations, Search, Sync.
pub(in crate::schema) const LOCATION: &[Rule] = &[
    string(air_sync_base::DISPLAY_NAME),
    string(air_sync_base::ANNOTATION),
    string(air_sync_base::STREET),
    string(air_sync_base::CITY),
    string(air_sync_base::STATE),
    string(air_sync_base::COUNTRY),
    string(air_sync_base::POSTAL_CODE),
    decimal(air_sync_base::LATITUDE),
    decimal(air_sync_base::LONGITUDE),
    decimal(air_sync_base::ACCURACY),
    decimal(air_sync_base::ALTITUDE),
    decimal(air_sync_base::ALTITUDE_ACCURACY),
    string(air_sync_base::LOCATION_URI),
];

/// In `airsyncbase:Location` of requests: ItemOperations.
pub(in crate::schema) const LOCATION_REQUEST: &[Rule] = &[
    empty(air_sync_base::DISPLAY_NAME),
    empty(air_sync_base::ANNOTATION),
    empty(air_sync_base::STREET),
    empty(air_sync_base::CITY),
    empty(air_sync_base::STATE),
    empty(air_sync_base::COUNTRY),
    empty(air_sync_base::POSTAL_CODE),
    empty(air_sync_base::LATITUDE),
    empty(air_sync_base::LONGITUDE),
    empty(air_sync_base::ACCURACY),
    empty(air_sync_base::ALTITUDE),
    empty(air_sync_base::ALTITUDE_ACCURACY),
    empty(air_sync_base::LOCATION_URI),
];

/// In `email:MeetingRequest` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const MEETING_REQUEST: &[Rule] =
    &[container(air_sync_base::LOCATION, &[LOCATION])];

/// In `itemoperations:Schema` of requests: ItemOperations.
pub(in crate::schema) const NAMES: &[Rule] = &[
    empty(air_sync_base::BODY),
    empty(air_sync_base::ATTACHMENTS),
    empty(air_sync_base::BODY_PART),
    container(air_sync_base::LOCATION, &[LOCATION_REQUEST]),
];

/// In `airsyncbase:BodyPartPreference`, `airsyncbase:BodyPreference` of requests: GetItemEstimate, ItemOperations, Search, Sync.
pub(in crate::schema) const PREFERENCE: &[Rule] = &[
    integer(air_sync_base::TYPE),
    integer(air_sync_base::TRUNCATION_SIZE),
    boolean(air_sync_base::ALL_OR_NONE),
    integer(air_sync_base::PREVIEW),
];

/// In `airsync:Options`, `itemoperations:Options`, `search:Options` of requests: GetItemEstimate, ItemOperations, Search, Sync.
pub(in crate::schema) const PREFERENCES: &[Rule] = &[
    container(air_sync_base::BODY_PREFERENCE, &[PREFERENCE]).many(),
    container(air_sync_base::BODY_PART_PREFERENCE, &[PREFERENCE]).many(),
];

/// In `airsync:ApplicationData` of responses: Sync.
pub(in crate::schema) const RESPONSE_ITEM: &[Rule] = &[
    container(
        air_sync_base::BODY,
        &[BODY, &[integer(item_operations::PART)]],
    ),
    container(air_sync_base::ATTACHMENTS, &[ATTACHMENTS]),
    integer(air_sync_base::NATIVE_BODY_TYPE),
    container(air_sync_base::LOCATION, &[LOCATION]),
];

/// In `search:Properties` of responses: Search.
pub(in crate::schema) const SEARCH_RESULT: &[Rule] = &[
    container(
        air_sync_base::BODY,
        &[BODY, &[integer(item_operations::PART)]],
    ),
    container(air_sync_base::ATTACHMENTS, &[ATTACHMENTS]),
    integer(air_sync_base::NATIVE_BODY_TYPE),
    container(air_sync_base::BODY_PART, &[BODY_PART]),
    container(air_sync_base::LOCATION, &[LOCATION]),
];
