//! ResolveRecipients and ValidateCert (MS-ASCMD 2.2.1).

use crate::{
    schema::rule::{Rule, container, integer, opaque, string},
    tags::{resolve_recipients, validate_cert},
};

/// ResolveRecipients, request.
pub(in crate::schema) static RESOLVE_RECIPIENTS_REQUEST: Rule = container(
    resolve_recipients::RESOLVE_RECIPIENTS,
    &[&[
        container(
            resolve_recipients::OPTIONS,
            &[&[
                integer(resolve_recipients::CERTIFICATE_RETRIEVAL),
                integer(resolve_recipients::MAX_CERTIFICATES),
                integer(resolve_recipients::MAX_AMBIGUOUS_RECIPIENTS),
                container(
                    resolve_recipients::AVAILABILITY,
                    &[&[
                        string(resolve_recipients::START_TIME).required(),
                        string(resolve_recipients::END_TIME),
                    ]],
                ),
                container(
                    resolve_recipients::PICTURE,
                    &[&[
                        integer(resolve_recipients::MAX_SIZE),
                        integer(resolve_recipients::MAX_PICTURES),
                    ]],
                ),
            ]],
        )
        .many(),
        string(resolve_recipients::TO).required().many(),
    ]],
)
.required();

/// ResolveRecipients, response.
pub(in crate::schema) static RESOLVE_RECIPIENTS_RESPONSE: Rule = container(
    resolve_recipients::RESOLVE_RECIPIENTS,
    &[&[
        integer(resolve_recipients::STATUS).required(),
        container(
            resolve_recipients::RESPONSE,
            &[&[
                string(resolve_recipients::TO).required(),
                integer(resolve_recipients::STATUS).required(),
                integer(resolve_recipients::RECIPIENT_COUNT),
                container(
                    resolve_recipients::RECIPIENT,
                    &[&[
                        integer(resolve_recipients::TYPE).required(),
                        string(resolve_recipients::DISPLAY_NAME).required(),
                        string(resolve_recipients::EMAIL_ADDRESS).required(),
                        container(
                            resolve_recipients::AVAILABILITY,
                            &[&[
                                integer(resolve_recipients::STATUS).required(),
                                string(resolve_recipients::MERGED_FREE_BUSY),
                            ]],
                        ),
                        container(
                            resolve_recipients::CERTIFICATES,
                            &[&[
                                integer(resolve_recipients::STATUS).required(),
                                integer(resolve_recipients::CERTIFICATE_COUNT),
                                integer(resolve_recipients::RECIPIENT_COUNT),
                                string(resolve_recipients::CERTIFICATE).many(),
                                string(resolve_recipients::MINI_CERTIFICATE),
                            ]],
                        ),
                        container(
                            resolve_recipients::PICTURE,
                            &[&[
                                integer(resolve_recipients::STATUS).required(),
                                string(resolve_recipients::DATA),
                            ]],
                        )
                        .many(),
                    ]],
                )
                .many(),
            ]],
        )
        .many(),
    ]],
)
.required();

/// ValidateCert, request.
pub(in crate::schema) static VALIDATE_CERT_REQUEST: Rule = container(
    validate_cert::VALIDATE_CERT,
    &[&[
        container(
            validate_cert::CERTIFICATE_CHAIN,
            &[&[opaque(validate_cert::CERTIFICATE).many()]],
        ),
        container(
            validate_cert::CERTIFICATES,
            &[&[opaque(validate_cert::CERTIFICATE).many()]],
        ),
        integer(validate_cert::CHECK_CRL),
    ]],
)
.required();

/// ValidateCert, response.
pub(in crate::schema) static VALIDATE_CERT_RESPONSE: Rule = container(
    validate_cert::VALIDATE_CERT,
    &[&[
        integer(validate_cert::STATUS).required().many(),
        container(
            validate_cert::CERTIFICATE,
            &[&[integer(validate_cert::STATUS).many()]],
        )
        .many(),
    ]],
)
.required();
