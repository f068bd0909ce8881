//! Tasks (MS-ASTASK).

use crate::{
    schema::rule::{Rule, boolean, container, date_time, integer, string},
    tags::tasks,
};

/// In `airsync:ApplicationData` of requests: Sync.
pub(in crate::schema) const ADDED_OR_CHANGED: &[Rule] = &[
    string(tasks::BODY),
    integer(tasks::BODY_SIZE),
    boolean(tasks::BODY_TRUNCATED),
    container(tasks::CATEGORIES, &[&[string(tasks::CATEGORY).many()]]),
    integer(tasks::COMPLETE),
    date_time(tasks::DATE_COMPLETED),
    date_time(tasks::DUE_DATE),
    date_time(tasks::UTC_DUE_DATE),
    integer(tasks::IMPORTANCE),
    container(tasks::RECURRENCE, &[RECURRENCE_REQUEST]),
    integer(tasks::REMINDER_SET),
    date_time(tasks::REMINDER_TIME),
    integer(tasks::SENSITIVITY),
    date_time(tasks::START_DATE),
    date_time(tasks::UTC_START_DATE),
    string(tasks::SUBJECT),
];

/// In `email:Flag` of requests and responses: ItemOperations, Search, Sync.
pub(in crate::schema) const FLAG: &[Rule] = &[
    date_time(tasks::DATE_COMPLETED),
    date_time(tasks::DUE_DATE),
    date_time(tasks::UTC_DUE_DATE),
    integer(tasks::REMINDER_SET),
    date_time(tasks::REMINDER_TIME),
    date_time(tasks::START_DATE),
    date_time(tasks::UTC_START_DATE),
    string(tasks::SUBJECT),
    date_time(tasks::ORDINAL_DATE),
    string(tasks::SUB_ORDINAL_DATE),
];

/// In `airsync:ApplicationData`, `itemoperations:Properties` of responses: ItemOperations, Sync.
pub(in crate::schema) const ITEM: &[Rule] = &[
    string(tasks::BODY),
    integer(tasks::BODY_SIZE),
    boolean(tasks::BODY_TRUNCATED),
    container(
        tasks::CATEGORIES,
        &[&[string(tasks::CATEGORY).required().up_to(300)]],
    ),
    integer(tasks::COMPLETE),
    date_time(tasks::DATE_COMPLETED),
    date_time(tasks::DUE_DATE),
    date_time(tasks::UTC_DUE_DATE),
    integer(tasks::IMPORTANCE),
    container(tasks::RECURRENCE, &[RECURRENCE]),
    integer(tasks::REMINDER_SET),
    date_time(tasks::REMINDER_TIME),
    integer(tasks::SENSITIVITY),
    date_time(tasks::START_DATE),
    date_time(tasks::UTC_START_DATE),
    string(tasks::SUBJECT),
    date_time(tasks::ORDINAL_DATE),
    string(tasks::SUB_ORDINAL_DATE),
];

/// In `tasks:Recurrence` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const RECURRENCE: &[Rule] = &[
    integer(tasks::TYPE).required(),
    date_time(tasks::START),
    date_time(tasks::UNTIL),
    integer(tasks::OCCURRENCES),
    integer(tasks::INTERVAL),
    integer(tasks::DAY_OF_MONTH),
    integer(tasks::DAY_OF_WEEK),
    integer(tasks::WEEK_OF_MONTH),
    integer(tasks::MONTH_OF_YEAR),
    integer(tasks::REGENERATE),
    integer(tasks::DEAD_OCCUR),
    integer(tasks::CALENDAR_TYPE),
    integer(tasks::IS_LEAP_MONTH),
    integer(tasks::FIRST_DAY_OF_WEEK),
];

/// In `tasks:Recurrence` of requests: Sync.
pub(in crate::schema) const RECURRENCE_REQUEST: &[Rule] = &[
    integer(tasks::TYPE),
    date_time(tasks::START),
    date_time(tasks::UNTIL),
    integer(tasks::OCCURRENCES),
    integer(tasks::INTERVAL),
    integer(tasks::DAY_OF_MONTH),
    integer(tasks::DAY_OF_WEEK),
    integer(tasks::WEEK_OF_MONTH),
    integer(tasks::MONTH_OF_YEAR),
    integer(tasks::REGENERATE),
    integer(tasks::DEAD_OCCUR),
    integer(tasks::CALENDAR_TYPE),
    integer(tasks::IS_LEAP_MONTH),
    integer(tasks::FIRST_DAY_OF_WEEK),
];

/// In `search:Properties` of responses: Search.
pub(in crate::schema) const SEARCH_RESULT: &[Rule] = &[
    container(
        tasks::CATEGORIES,
        &[&[string(tasks::CATEGORY).required().up_to(300)]],
    ),
    integer(tasks::COMPLETE),
    date_time(tasks::DATE_COMPLETED),
    date_time(tasks::DUE_DATE),
    date_time(tasks::UTC_DUE_DATE),
    integer(tasks::IMPORTANCE),
    container(tasks::RECURRENCE, &[RECURRENCE]),
    integer(tasks::REMINDER_SET),
    date_time(tasks::REMINDER_TIME),
    integer(tasks::SENSITIVITY),
    date_time(tasks::START_DATE),
    date_time(tasks::UTC_START_DATE),
    string(tasks::SUBJECT),
];
