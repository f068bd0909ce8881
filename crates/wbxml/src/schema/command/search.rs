//! Search and Find (MS-ASCMD 2.2.1).

use crate::{
    schema::{
        class,
        rule::{Rule, boolean, container, empty, integer, mixed, string},
    },
    tags::{
        air_sync, document_library, email, email2, find, item_operations, rights_management, search,
    },
};

/// Find, request.
pub(in crate::schema) static FIND_REQUEST: Rule = container(
    find::FIND,
    &[&[
        string(find::SEARCH_ID).required(),
        container(
            find::EXECUTE_SEARCH,
            &[&[
                container(
                    find::GAL_SEARCH_CRITERION,
                    &[&[
                        string(find::QUERY).required(),
                        container(
                            find::OPTIONS,
                            &[&[
                                string(find::RANGE),
                                container(
                                    find::PICTURE,
                                    &[&[integer(find::MAX_SIZE), integer(find::MAX_PICTURES)]],
                                ),
                            ]],
                        ),
                    ]],
                ),
                container(
                    find::MAIL_BOX_SEARCH_CRITERION,
                    &[&[
                        container(
                            find::QUERY,
                            &[
                                &[string(air_sync::CLASS), string(air_sync::COLLECTION_ID)],
                                &[string(find::FREE_TEXT)],
                            ],
                        )
                        .required(),
                        container(
                            find::OPTIONS,
                            &[&[
                                string(find::RANGE),
                                empty(find::DEEP_TRAVERSAL),
                                container(
                                    find::PICTURE,
                                    &[&[integer(find::MAX_SIZE), integer(find::MAX_PICTURES)]],
                                ),
                            ]],
                        ),
                    ]],
                ),
            ]],
        )
        .required(),
    ]],
)
.required();

/// Find, response.
pub(in crate::schema) static FIND_RESPONSE: Rule = container(
    find::FIND,
    &[&[
        integer(find::STATUS).required(),
        container(
            find::RESPONSE,
            &[
                &[string(item_operations::STORE)],
                &[
                    integer(find::STATUS).required(),
                    container(
                        find::RESULT,
                        &[
                            &[
                                string(air_sync::CLASS),
                                string(air_sync::SERVER_ID),
                                string(air_sync::COLLECTION_ID),
                            ],
                            &[container(
                                find::PROPERTIES,
                                &[
                                    class::email::FIND_RESULT,
                                    &[
                                        string(find::DISPLAY_CC),
                                        string(find::DISPLAY_BCC),
                                        string(find::PREVIEW),
                                        boolean(find::HAS_ATTACHMENTS),
                                    ],
                                    &[boolean(email2::IS_DRAFT)],
                                    class::contacts::ADDRESS_LIST_ENTRY,
                                ],
                            )
                            .required()],
                        ],
                    )
                    .many(),
                    string(find::RANGE),
                    integer(find::TOTAL),
                ],
            ],
        ),
    ]],
)
.required();

/// Search, request.
pub(in crate::schema) static SEARCH_REQUEST: Rule = container(
    search::SEARCH,
    &[&[container(
        search::STORE,
        &[&[
            string(search::NAME).required(),
            mixed(
                search::QUERY,
                &[
                    CLASS_AND_COLLECTION,
                    &[
                        container(search::AND, &[CLASS_AND_COLLECTION, CRITERIA]).many(),
                        string(search::CONVERSATION_ID),
                        container(
                            search::EQUAL_TO,
                            &[
                                &[string(document_library::LINK_ID).required()],
                                &[string(search::VALUE).required()],
                            ],
                        )
                        .many(),
                        string(search::FREE_TEXT),
                        container(
                            search::GREATER_THAN,
                            &[
                                &[string(email::DATE_RECEIVED)],
                                &[string(search::VALUE).required()],
                            ],
                        )
                        .many(),
                        container(
                            search::LESS_THAN,
                            &[
                                &[string(email::DATE_RECEIVED)],
                                &[string(search::VALUE).required()],
                            ],
                        )
                        .many(),
                        container(search::OR, &[CLASS_AND_COLLECTION, CRITERIA]).many(),
                    ],
                ],
            )
            .required(),
            container(
                search::OPTIONS,
                &[
                    &[integer(air_sync::MIME_SUPPORT)],
                    class::body::PREFERENCES,
                    &[boolean(rights_management::RIGHTS_MANAGEMENT_SUPPORT)],
                    &[
                        string(search::DEEP_TRAVERSAL),
                        string(search::PASSWORD),
                        container(
                            search::PICTURE,
                            &[&[integer(search::MAX_SIZE), integer(search::MAX_PICTURES)]],
                        ),
                        string(search::RANGE),
                        string(search::REBUILD_RESULTS),
                        string(search::USER_NAME),
                    ],
                ],
            ),
        ]],
    )
    .many()]],
)
.required();

/// Search, response.
pub(in crate::schema) static SEARCH_RESPONSE: Rule = container(
    search::SEARCH,
    &[&[
        integer(search::STATUS),
        container(
            search::RESPONSE,
            &[&[container(
                search::STORE,
                &[&[
                    integer(search::STATUS).required(),
                    container(
                        search::RESULT,
                        &[
                            CLASS_AND_COLLECTION,
                            &[
                                string(search::LONG_ID),
                                container(
                                    search::PROPERTIES,
                                    &[
                                        class::body::SEARCH_RESULT,
                                        class::calendar::SEARCH_RESULT,
                                        class::contacts::SEARCH_RESULT,
                                        class::contacts::CONTACTS2_ITEM,
                                        class::documents::ITEM,
                                        class::email::SEARCH_RESULT,
                                        class::email::EMAIL2_SEARCH_RESULT,
                                        class::notes::ITEM,
                                        class::tasks::SEARCH_RESULT,
                                        class::rights::ITEM,
                                        class::contacts::ADDRESS_LIST_ENTRY,
                                    ],
                                ),
                            ],
                        ],
                    )
                    .many(),
                    string(search::RANGE),
                    integer(search::TOTAL),
                ]],
            )
            .required()]],
        ),
    ]],
)
.required();

/// In `search:And`, `search:Or`, `search:Query` and others of requests and responses: Search.
const CLASS_AND_COLLECTION: &[Rule] = &[
    string(air_sync::CLASS),
    string(air_sync::COLLECTION_ID).many(),
];

/// In `search:And`, `search:Or` of requests: Search.
const CRITERIA: &[Rule] = &[
    string(search::CONVERSATION_ID),
    container(
        search::EQUAL_TO,
        &[
            &[string(document_library::LINK_ID).required()],
            &[string(search::VALUE).required()],
        ],
    )
    .many(),
    string(search::FREE_TEXT),
    container(
        search::GREATER_THAN,
        &[
            &[string(email::DATE_RECEIVED)],
            &[string(search::VALUE).required()],
        ],
    )
    .many(),
    container(
        search::LESS_THAN,
        &[
            &[string(email::DATE_RECEIVED)],
            &[string(search::VALUE).required()],
        ],
    )
    .many(),
];
