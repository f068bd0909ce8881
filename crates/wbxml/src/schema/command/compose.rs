//! Mail to be sent and answers to meetings: SendMail, SmartForward, SmartReply, MeetingResponse (MS-ASCMD 2.2.1).

use crate::{
    schema::{
        class,
        rule::{Rule, container, integer, string},
    },
    tags::{compose_mail, meeting_response, rights_management, search},
};

/// MeetingResponse, request.
pub(in crate::schema) static MEETING_RESPONSE_REQUEST: Rule = container(
    meeting_response::MEETING_RESPONSE,
    &[&[container(
        meeting_response::REQUEST,
        &[
            &[
                integer(meeting_response::USER_RESPONSE).required(),
                string(meeting_response::COLLECTION_ID),
                string(meeting_response::REQUEST_ID),
                string(meeting_response::INSTANCE_ID),
                container(
                    meeting_response::SEND_RESPONSE,
                    &[class::body::BODY_ALONE, class::shared::PROPOSED_TIMES],
                ),
            ],
            &[string(search::LONG_ID)],
        ],
    )
    .many()]],
)
.required();

/// MeetingResponse, response.
pub(in crate::schema) static MEETING_RESPONSE_RESPONSE: Rule = container(
    meeting_response::MEETING_RESPONSE,
    &[&[container(
        meeting_response::RESULT,
        &[&[
            string(meeting_response::REQUEST_ID),
            integer(meeting_response::STATUS).required(),
            string(meeting_response::CALENDAR_ID),
            string(meeting_response::INSTANCE_ID),
        ]],
    )
    .required()
    .many()]],
)
.required();

/// SendMail, request.
pub(in crate::schema) static SEND_MAIL_REQUEST: Rule = container(
    compose_mail::SEND_MAIL,
    &[
        &[
            string(compose_mail::CLIENT_ID).required(),
            string(compose_mail::ACCOUNT_ID),
            string(compose_mail::SAVE_IN_SENT_ITEMS),
            string(compose_mail::MIME).required(),
        ],
        &[string(rights_management::TEMPLATE_ID)],
    ],
)
.required();

/// SendMail, response.
pub(in crate::schema) static SEND_MAIL_RESPONSE: Rule =
    container(compose_mail::SEND_MAIL, &[&[integer(compose_mail::STATUS)]]).required();

/// SmartForward, request.
pub(in crate::schema) static SMART_FORWARD_REQUEST: Rule = container(
    compose_mail::SMART_FORWARD,
    &[
        &[
            string(compose_mail::CLIENT_ID).required(),
            container(
                compose_mail::SOURCE,
                &[&[
                    string(compose_mail::FOLDER_ID),
                    string(compose_mail::ITEM_ID),
                    string(compose_mail::LONG_ID),
                    string(compose_mail::INSTANCE_ID),
                ]],
            )
            .required(),
            string(compose_mail::ACCOUNT_ID),
            string(compose_mail::SAVE_IN_SENT_ITEMS),
            string(compose_mail::REPLACE_MIME),
            string(compose_mail::MIME),
            container(
                compose_mail::FORWARDEES,
                &[&[container(compose_mail::FORWARDEE, &[class::shared::FORWARDEE]).many()]],
            ),
        ],
        &[string(rights_management::TEMPLATE_ID)],
        class::body::BODY_ALONE,
    ],
)
.required();

/// SmartForward, response.
pub(in crate::schema) static SMART_FORWARD_RESPONSE: Rule = container(
    compose_mail::SMART_FORWARD,
    &[&[integer(compose_mail::STATUS)]],
)
.required();

/// SmartReply, request.
pub(in crate::schema) static SMART_REPLY_REQUEST: Rule = container(
    compose_mail::SMART_REPLY,
    &[
        &[
            string(compose_mail::CLIENT_ID).required(),
            container(
                compose_mail::SOURCE,
                &[&[
                    string(compose_mail::FOLDER_ID),
                    string(compose_mail::ITEM_ID),
                    string(compose_mail::LONG_ID),
                    string(compose_mail::INSTANCE_ID),
                ]],
            )
            .required(),
            string(compose_mail::ACCOUNT_ID),
            string(compose_mail::SAVE_IN_SENT_ITEMS),
            string(compose_mail::REPLACE_MIME),
            string(compose_mail::MIME).required(),
        ],
        &[string(rights_management::TEMPLATE_ID)],
    ],
)
.required();

/// SmartReply, response.
pub(in crate::schema) static SMART_REPLY_RESPONSE: Rule = container(
    compose_mail::SMART_REPLY,
    &[&[integer(compose_mail::STATUS)]],
)
.required();
