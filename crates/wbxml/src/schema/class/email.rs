//! Email: mails, their flags and meeting requests (MS-ASEMAIL).

use crate::{
    schema::{
        class,
        rule::{Rule, boolean, container, date_time, empty, integer, string},
    },
    tags::{calendar, compose_mail, email, email2},
};

/// In `airsync:ApplicationData` of requests: Sync.
pub(in crate::schema) const ADDED_OR_CHANGED: &[Rule] = &[
    date_time(email::DATE_RECEIVED),
    integer(email::IMPORTANCE),
    string(email::SUBJECT),
    boolean(email::READ),
    string(email::TO),
    string(email::CC),
    string(email::FROM),
    string(email::REPLY_TO),
    container(email::CATEGORIES, &[&[string(email::CATEGORY).many()]]),
    string(email::INTERNET_CPID),
    container(
        email::FLAG,
        &[
            class::tasks::FLAG,
            &[
                integer(email::STATUS),
                string(email::FLAG_TYPE),
                date_time(email::COMPLETE_TIME),
            ],
        ],
    ),
];

/// In `email:Attachments` of responses: ItemOperations, Sync.
pub(in crate::schema) const ATTACHMENTS: &[Rule] = &[container(
    email::ATTACHMENT,
    &[&[
        string(email::ATT_NAME).required(),
        integer(email::ATT_SIZE).required(),
        integer(email::ATT_METHOD).required(),
        string(email::DISPLAY_NAME),
    ]],
)
.required()
.many()];

/// In `airsyncbase:Attachment` of requests and responses: ItemOperations, Search, Sync.
pub(in crate::schema) const EMAIL2_ATTACHMENT: &[Rule] = &[
    integer(email2::UM_ATT_DURATION),
    integer(email2::UM_ATT_ORDER),
];

/// In `airsync:ApplicationData`, `itemoperations:Properties` of responses: ItemOperations, Sync.
pub(in crate::schema) const EMAIL2_ITEM: &[Rule] = &[
    string(email2::UM_CALLER_ID),
    string(email2::UM_USER_NOTES),
    integer(email2::UM_ATT_DURATION),
    integer(email2::UM_ATT_ORDER),
    string(email2::CONVERSATION_ID),
    string(email2::CONVERSATION_INDEX),
    integer(email2::LAST_VERB_EXECUTED),
    date_time(email2::LAST_VERB_EXECUTION_TIME),
    boolean(email2::RECEIVED_AS_BCC),
    string(email2::SENDER),
    integer(email2::CALENDAR_TYPE),
    integer(email2::IS_LEAP_MONTH),
    string(email2::ACCOUNT_ID),
    integer(email2::FIRST_DAY_OF_WEEK),
    integer(email2::MEETING_MESSAGE_TYPE),
    boolean(email2::IS_DRAFT),
    string(email2::BCC),
    empty(email2::SEND),
];

/// In `search:Properties` of responses: Search.
pub(in crate::schema) const EMAIL2_SEARCH_RESULT: &[Rule] = &[
    string(email2::UM_CALLER_ID),
    string(email2::UM_USER_NOTES),
    string(email2::CONVERSATION_ID),
    string(email2::CONVERSATION_INDEX),
    integer(email2::LAST_VERB_EXECUTED),
    date_time(email2::LAST_VERB_EXECUTION_TIME),
    boolean(email2::RECEIVED_AS_BCC),
    string(email2::SENDER),
    boolean(email2::IS_DRAFT),
    string(email2::BCC),
];

/// In `find:Properties` of responses: Find.
pub(in crate::schema) const FIND_RESULT: &[Rule] = &[
    date_time(email::DATE_RECEIVED),
    string(email::DISPLAY_TO),
    integer(email::IMPORTANCE),
    string(email::SUBJECT),
    boolean(email::READ),
    string(email::FROM),
];

/// In `airsync:ApplicationData`, `itemoperations:Properties` of responses: ItemOperations, Sync.
pub(in crate::schema) const ITEM: &[Rule] = &[
    container(email::ATTACHMENTS, &[ATTACHMENTS]),
    string(email::BODY),
    integer(email::BODY_SIZE),
    boolean(email::BODY_TRUNCATED),
    date_time(email::DATE_RECEIVED),
    string(email::DISPLAY_TO),
    integer(email::IMPORTANCE),
    string(email::MESSAGE_CLASS),
    string(email::SUBJECT),
    boolean(email::READ),
    string(email::TO),
    string(email::CC),
    string(email::FROM),
    string(email::REPLY_TO),
    container(email::CATEGORIES, &[&[string(email::CATEGORY).up_to(300)]]),
    container(
        email::MEETING_REQUEST,
        &[
            MEETING_REQUEST,
            class::body::MEETING_REQUEST,
            &[integer(email2::MEETING_MESSAGE_TYPE)],
            &[string(calendar::UID)],
            class::shared::PROPOSED_TIMES,
            &[container(
                compose_mail::FORWARDEES,
                &[&[
                    container(compose_mail::FORWARDEE, &[class::shared::FORWARDEE])
                        .required()
                        .many(),
                ]],
            )],
        ],
    ),
    string(email::THREAD_TOPIC),
    string(email::MIME_DATA),
    boolean(email::MIME_TRUNCATED),
    integer(email::MIME_SIZE),
    string(email::INTERNET_CPID),
    container(
        email::FLAG,
        &[
            class::tasks::FLAG,
            &[
                integer(email::STATUS),
                string(email::FLAG_TYPE),
                date_time(email::COMPLETE_TIME),
            ],
        ],
    ),
    string(email::CONTENT_CLASS),
];

/// In `email:MeetingRequest` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const MEETING_REQUEST: &[Rule] = &[
    integer(email::ALL_DAY_EVENT),
    date_time(email::DT_STAMP).required(),
    date_time(email::END_TIME),
    integer(email::INSTANCE_TYPE),
    integer(email::BUSY_STATUS),
    string(email::LOCATION),
    string(email::ORGANIZER),
    date_time(email::RECURRENCE_ID),
    integer(email::REMINDER),
    integer(email::RESPONSE_REQUESTED),
    container(email::RECURRENCES, &[RECURRENCES]),
    date_time(email::START_TIME),
    integer(email::SENSITIVITY),
    string(email::TIME_ZONE).required(),
    string(email::GLOBAL_OBJ_ID),
    integer(email::DISALLOW_NEW_TIME_PROPOSAL),
];

/// In `itemoperations:Schema` of requests: ItemOperations.
pub(in crate::schema) const NAMES: &[Rule] = &[
    empty(email::DATE_RECEIVED),
    empty(email::DISPLAY_TO),
    empty(email::IMPORTANCE),
    empty(email::MESSAGE_CLASS),
    empty(email::SUBJECT),
    empty(email::READ),
    empty(email::TO),
    empty(email::CC),
    empty(email::FROM),
    empty(email::REPLY_TO),
    empty(email::MEETING_REQUEST),
    empty(email::THREAD_TOPIC),
    empty(email::INTERNET_CPID),
];

/// In `email:Recurrence` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const RECURRENCE: &[Rule] = &[
    integer(email::TYPE).required(),
    string(email::UNTIL),
    integer(email::OCCURRENCES),
    integer(email::INTERVAL).required(),
    integer(email::DAY_OF_WEEK),
    integer(email::DAY_OF_MONTH),
    integer(email::WEEK_OF_MONTH),
    integer(email::MONTH_OF_YEAR),
];

/// In `email:Recurrences` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const RECURRENCES: &[Rule] = &[container(
    email::RECURRENCE,
    &[
        RECURRENCE,
        &[
            integer(email2::CALENDAR_TYPE),
            integer(email2::IS_LEAP_MONTH),
            integer(email2::FIRST_DAY_OF_WEEK),
        ],
    ],
)
.required()];

/// In `search:Properties` of responses: Search.
pub(in crate::schema) const SEARCH_RESULT: &[Rule] = &[
    date_time(email::DATE_RECEIVED),
    string(email::DISPLAY_TO),
    integer(email::IMPORTANCE),
    string(email::MESSAGE_CLASS),
    string(email::SUBJECT),
    boolean(email::READ),
    string(email::TO),
    string(email::CC),
    string(email::FROM),
    string(email::REPLY_TO),
    container(email::CATEGORIES, &[&[string(email::CATEGORY).up_to(300)]]),
    container(
        email::MEETING_REQUEST,
        &[
            MEETING_REQUEST,
            class::body::MEETING_REQUEST,
            &[integer(email2::MEETING_MESSAGE_TYPE)],
            &[string(calendar::UID)],
            class::shared::PROPOSED_TIMES,
            &[container(
                compose_mail::FORWARDEES,
                &[&[
                    container(compose_mail::FORWARDEE, &[class::shared::FORWARDEE])
                        .required()
                        .many(),
                ]],
            )],
        ],
    ),
    string(email::THREAD_TOPIC),
    string(email::INTERNET_CPID),
    container(
        email::FLAG,
        &[
            class::tasks::FLAG,
            &[
                integer(email::STATUS),
                string(email::FLAG_TYPE),
                date_time(email::COMPLETE_TIME),
            ],
        ],
    ),
    string(email::CONTENT_CLASS),
];
