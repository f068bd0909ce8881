//! Ping (MS-ASCMD 2.2.1.13).

use crate::{
    schema::rule::{Rule, container, integer, string},
    tags::ping,
};

/// Ping, request.
pub(in crate::schema) static PING_REQUEST: Rule = container(
    ping::PING,
    &[&[
        integer(ping::HEARTBEAT_INTERVAL),
        container(
            ping::FOLDERS,
            &[&[container(
                ping::FOLDER,
                &[&[string(ping::ID).required(), string(ping::CLASS)]],
            )
            .many()]],
        ),
    ]],
)
.required();

/// Ping, response.
pub(in crate::schema) static PING_RESPONSE: Rule = container(
    ping::PING,
    &[&[
        integer(ping::STATUS).required(),
        container(ping::FOLDERS, &[&[string(ping::FOLDER).required().many()]]),
        integer(ping::MAX_FOLDERS),
        integer(ping::HEARTBEAT_INTERVAL),
    ]],
)
.required();
