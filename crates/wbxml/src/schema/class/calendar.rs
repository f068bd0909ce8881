//! Calendar: events, recurrences, exceptions, attendees (MS-ASCAL).

use crate::{
    schema::{
        class,
        rule::{Rule, boolean, container, empty, integer, string},
    },
    tags::calendar,
};

/// In `airsync:ApplicationData` of requests: Sync.
pub(in crate::schema) const ADDED_OR_CHANGED: &[Rule] = &[
    string(calendar::TIMEZONE),
    integer(calendar::ALL_DAY_EVENT),
    container(calendar::ATTENDEES, &[ATTENDEES_REQUEST]),
    string(calendar::BODY),
    boolean(calendar::BODY_TRUNCATED),
    integer(calendar::BUSY_STATUS),
    container(
        calendar::CATEGORIES,
        &[&[string(calendar::CATEGORY).many()]],
    ),
    string(calendar::DT_STAMP),
    string(calendar::END_TIME),
    container(calendar::EXCEPTIONS, &[EXCEPTIONS_REQUEST]),
    string(calendar::LOCATION),
    integer(calendar::MEETING_STATUS),
    string(calendar::ORGANIZER_EMAIL),
    string(calendar::ORGANIZER_NAME),
    container(calendar::RECURRENCE, &[RECURRENCE_REQUEST]),
    string(calendar::REMINDER),
    integer(calendar::SENSITIVITY),
    string(calendar::SUBJECT),
    string(calendar::START_TIME),
    string(calendar::UID),
    boolean(calendar::DISALLOW_NEW_TIME_PROPOSAL),
    boolean(calendar::RESPONSE_REQUESTED),
    string(calendar::CLIENT_UID),
];

/// In `calendar:Attendees` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const ATTENDEES: &[Rule] = &[container(
    calendar::ATTENDEE,
    &[
        &[
            string(calendar::EMAIL).required(),
            string(calendar::NAME).required(),
            integer(calendar::ATTENDEE_STATUS),
            integer(calendar::ATTENDEE_TYPE),
        ],
        class::shared::PROPOSED_TIMES,
    ],
)
.required()
.many()];

/// In `calendar:Attendees` of requests: Sync.
pub(in crate::schema) const ATTENDEES_REQUEST: &[Rule] = &[container(
    calendar::ATTENDEE,
    &[
        &[
            string(calendar::EMAIL),
            string(calendar::NAME),
            integer(calendar::ATTENDEE_STATUS),
            integer(calendar::ATTENDEE_TYPE),
        ],
        class::shared::PROPOSED_TIMES,
    ],
)
.many()];

/// In `calendar:Exception` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const EXCEPTION: &[Rule] = &[
    integer(calendar::ALL_DAY_EVENT),
    container(calendar::ATTENDEES, &[ATTENDEES]),
    integer(calendar::BUSY_STATUS),
    container(
        calendar::CATEGORIES,
        &[&[string(calendar::CATEGORY).required().up_to(300)]],
    ),
    string(calendar::DT_STAMP),
    string(calendar::END_TIME),
    integer(calendar::DELETED),
    string(calendar::EXCEPTION_START_TIME),
    string(calendar::LOCATION),
    integer(calendar::MEETING_STATUS),
    string(calendar::REMINDER),
    integer(calendar::SENSITIVITY),
    string(calendar::SUBJECT),
    string(calendar::START_TIME),
    string(calendar::APPOINTMENT_REPLY_TIME),
    integer(calendar::RESPONSE_TYPE),
    string(calendar::ONLINE_MEETING_CONF_LINK),
    string(calendar::ONLINE_MEETING_EXTERNAL_LINK),
];

/// In `calendar:Exceptions` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const EXCEPTIONS: &[Rule] =
    &[
        container(calendar::EXCEPTION, &[EXCEPTION, class::body::EXCEPTION])
            .required()
            .up_to(1000),
    ];

/// In `calendar:Exceptions` of requests: Sync.
pub(in crate::schema) const EXCEPTIONS_REQUEST: &[Rule] = &[container(
    calendar::EXCEPTION,
    &[EXCEPTION_REQUEST, class::body::EXCEPTION_REQUEST],
)
.many()];

/// In `calendar:Exception` of requests: Sync.
pub(in crate::schema) const EXCEPTION_REQUEST: &[Rule] = &[
    integer(calendar::ALL_DAY_EVENT),
    container(calendar::ATTENDEES, &[ATTENDEES_REQUEST]),
    integer(calendar::BUSY_STATUS),
    container(
        calendar::CATEGORIES,
        &[&[string(calendar::CATEGORY).many()]],
    ),
    string(calendar::DT_STAMP),
    string(calendar::END_TIME),
    integer(calendar::DELETED),
    string(calendar::EXCEPTION_START_TIME),
    string(calendar::LOCATION),
    integer(calendar::MEETING_STATUS),
    integer(calendar::REMINDER),
    integer(calendar::SENSITIVITY),
    string(calendar::SUBJECT),
    string(calendar::START_TIME),
    string(calendar::APPOINTMENT_REPLY_TIME),
    integer(calendar::RESPONSE_TYPE),
    string(calendar::ONLINE_MEETING_CONF_LINK),
    string(calendar::ONLINE_MEETING_EXTERNAL_LINK),
];

/// In `airsync:ApplicationData`, `itemoperations:Properties` of responses: ItemOperations, Sync.
pub(in crate::schema) const ITEM: &[Rule] = &[
    string(calendar::TIMEZONE),
    integer(calendar::ALL_DAY_EVENT),
    container(calendar::ATTENDEES, &[ATTENDEES]),
    string(calendar::BODY),
    boolean(calendar::BODY_TRUNCATED),
    integer(calendar::BUSY_STATUS),
    container(
        calendar::CATEGORIES,
        &[&[string(calendar::CATEGORY).required().up_to(300)]],
    ),
    string(calendar::DT_STAMP),
    string(calendar::END_TIME),
    container(calendar::EXCEPTIONS, &[EXCEPTIONS]),
    string(calendar::LOCATION),
    integer(calendar::MEETING_STATUS),
    string(calendar::ORGANIZER_EMAIL),
    string(calendar::ORGANIZER_NAME),
    container(calendar::RECURRENCE, &[RECURRENCE]),
    string(calendar::REMINDER),
    integer(calendar::SENSITIVITY),
    string(calendar::SUBJECT),
    string(calendar::START_TIME),
    string(calendar::UID),
    boolean(calendar::DISALLOW_NEW_TIME_PROPOSAL),
    boolean(calendar::RESPONSE_REQUESTED),
    string(calendar::APPOINTMENT_REPLY_TIME),
    integer(calendar::RESPONSE_TYPE),
    string(calendar::ONLINE_MEETING_CONF_LINK),
    string(calendar::ONLINE_MEETING_EXTERNAL_LINK),
];

/// In `airsync:Supported`, `itemoperations:Schema` of requests: ItemOperations, Sync.
pub(in crate::schema) const NAMES: &[Rule] = &[
    empty(calendar::TIMEZONE),
    empty(calendar::ALL_DAY_EVENT),
    empty(calendar::ATTENDEES),
    empty(calendar::BUSY_STATUS),
    empty(calendar::CATEGORIES),
    empty(calendar::DT_STAMP),
    empty(calendar::END_TIME),
    empty(calendar::EXCEPTIONS),
    empty(calendar::LOCATION),
    empty(calendar::MEETING_STATUS),
    empty(calendar::ORGANIZER_EMAIL),
    empty(calendar::ORGANIZER_NAME),
    empty(calendar::RECURRENCE),
    empty(calendar::REMINDER),
    empty(calendar::SENSITIVITY),
    empty(calendar::SUBJECT),
    empty(calendar::START_TIME),
    empty(calendar::UID),
    empty(calendar::DISALLOW_NEW_TIME_PROPOSAL),
    empty(calendar::RESPONSE_REQUESTED),
];

/// In `calendar:Recurrence` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const RECURRENCE: &[Rule] = &[
    integer(calendar::TYPE).required(),
    string(calendar::UNTIL),
    integer(calendar::OCCURRENCES),
    integer(calendar::INTERVAL),
    integer(calendar::DAY_OF_WEEK),
    integer(calendar::DAY_OF_MONTH),
    integer(calendar::WEEK_OF_MONTH),
    integer(calendar::MONTH_OF_YEAR),
    integer(calendar::CALENDAR_TYPE),
    integer(calendar::IS_LEAP_MONTH),
    integer(calendar::FIRST_DAY_OF_WEEK),
];

/// In `calendar:Recurrence` of requests: Sync.
pub(in crate::schema) const RECURRENCE_REQUEST: &[Rule] = &[
    integer(calendar::TYPE),
    string(calendar::UNTIL),
    integer(calendar::OCCURRENCES),
    integer(calendar::INTERVAL),
    integer(calendar::DAY_OF_WEEK),
    integer(calendar::DAY_OF_MONTH),
    integer(calendar::WEEK_OF_MONTH),
    integer(calendar::MONTH_OF_YEAR),
    integer(calendar::CALENDAR_TYPE),
    integer(calendar::IS_LEAP_MONTH),
    integer(calendar::FIRST_DAY_OF_WEEK),
];

/// In `search:Properties` of responses: Search.
pub(in crate::schema) const SEARCH_RESULT: &[Rule] = &[
    string(calendar::TIMEZONE),
    integer(calendar::ALL_DAY_EVENT),
    container(calendar::ATTENDEES, &[ATTENDEES]),
    integer(calendar::BUSY_STATUS),
    string(calendar::DT_STAMP),
    string(calendar::END_TIME),
    container(calendar::EXCEPTIONS, &[EXCEPTIONS]),
    string(calendar::LOCATION),
    integer(calendar::MEETING_STATUS),
    string(calendar::ORGANIZER_EMAIL),
    string(calendar::ORGANIZER_NAME),
    container(calendar::RECURRENCE, &[RECURRENCE]),
    string(calendar::REMINDER),
    integer(calendar::SENSITIVITY),
    string(calendar::SUBJECT),
    string(calendar::START_TIME),
    string(calendar::UID),
    boolean(calendar::DISALLOW_NEW_TIME_PROPOSAL),
    boolean(calendar::RESPONSE_REQUESTED),
    string(calendar::APPOINTMENT_REPLY_TIME),
    integer(calendar::RESPONSE_TYPE),
];
