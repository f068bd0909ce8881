//! Items: GetItemEstimate, ItemOperations, MoveItems (MS-ASCMD 2.2.1).

use crate::{
    Version,
    schema::{
        class,
        rule::{Rule, boolean, container, date_time, integer, string},
    },
    tags::{
        air_sync, air_sync_base, document_library, get_item_estimate, item_operations, move_items,
        rights_management, search,
    },
};

/// GetItemEstimate, request.
pub(in crate::schema) static GET_ITEM_ESTIMATE_REQUEST: Rule = container(
    get_item_estimate::GET_ITEM_ESTIMATE,
    &[&[container(
        get_item_estimate::COLLECTIONS,
        &[&[container(
            get_item_estimate::COLLECTION,
            &[
                &[
                    string(air_sync::SYNC_KEY),
                    integer(air_sync::FILTER_TYPE),
                    boolean(air_sync::CONVERSATION_MODE),
                    container(
                        air_sync::OPTIONS,
                        &[
                            class::shared::SYNC_OPTIONS,
                            class::body::PREFERENCES,
                            &[boolean(rights_management::RIGHTS_MANAGEMENT_SUPPORT)],
                        ],
                    )
                    .up_to(2)
                    .since(Version::V14_0),
                ],
                &[
                    string(get_item_estimate::COLLECTION_ID),
                    string(get_item_estimate::CLASS),
                ],
            ],
        )
        .many()]],
    )
    .required()]],
)
.required();

/// GetItemEstimate, response.
pub(in crate::schema) static GET_ITEM_ESTIMATE_RESPONSE: Rule = container(
    get_item_estimate::GET_ITEM_ESTIMATE,
    &[&[
        integer(get_item_estimate::STATUS),
        container(
            get_item_estimate::RESPONSE,
            &[&[
                integer(get_item_estimate::STATUS).required(),
                container(
                    get_item_estimate::COLLECTION,
                    &[&[
                        string(get_item_estimate::COLLECTION_ID).required(),
                        integer(get_item_estimate::ESTIMATE),
                    ]],
                ),
            ]],
        )
        .many(),
    ]],
)
.required();

/// ItemOperations, request.
pub(in crate::schema) static ITEM_OPERATIONS_REQUEST: Rule = container(
    item_operations::ITEM_OPERATIONS,
    &[&[
        container(
            item_operations::EMPTY_FOLDER_CONTENTS,
            &[
                &[string(air_sync::COLLECTION_ID).required()],
                &[container(
                    item_operations::OPTIONS,
                    &[&[string(item_operations::DELETE_SUB_FOLDERS)]],
                )],
            ],
        )
        .many(),
        container(
            item_operations::FETCH,
            &[
                &[
                    string(item_operations::STORE).required(),
                    container(
                        item_operations::OPTIONS,
                        &[
                            &[integer(air_sync::MIME_SUPPORT)],
                            class::body::PREFERENCES,
                            &[
                                string(item_operations::PASSWORD),
                                string(item_operations::RANGE),
                                container(
                                    item_operations::SCHEMA,
                                    &[
                                        class::body::NAMES,
                                        class::calendar::NAMES,
                                        class::contacts::CONTACTS2_NAMES,
                                        class::contacts::NAMES,
                                        class::email::NAMES,
                                    ],
                                ),
                                string(item_operations::USER_NAME),
                            ],
                            &[boolean(rights_management::RIGHTS_MANAGEMENT_SUPPORT)],
                        ],
                    ),
                ],
                &[string(air_sync::SERVER_ID), string(air_sync::COLLECTION_ID)],
                &[string(document_library::LINK_ID)],
                &[string(search::LONG_ID)],
                &[string(air_sync_base::FILE_REFERENCE)],
                &[string(
                    rights_management::REMOVE_RIGHTS_MANAGEMENT_PROTECTION,
                )],
            ],
        )
        .many(),
        container(
            item_operations::MOVE,
            &[&[
                string(item_operations::CONVERSATION_ID).required(),
                string(item_operations::DST_FLD_ID).required(),
                container(
                    item_operations::OPTIONS,
                    &[&[string(item_operations::MOVE_ALWAYS)]],
                ),
            ]],
        )
        .many(),
    ]],
)
.required();

/// ItemOperations, response.
pub(in crate::schema) static ITEM_OPERATIONS_RESPONSE: Rule = container(
    item_operations::ITEM_OPERATIONS,
    &[&[
        integer(item_operations::STATUS).required(),
        container(
            item_operations::RESPONSE,
            &[&[
                container(
                    item_operations::MOVE,
                    &[&[
                        integer(item_operations::STATUS).required(),
                        string(item_operations::CONVERSATION_ID).required(),
                    ]],
                )
                .many(),
                container(
                    item_operations::EMPTY_FOLDER_CONTENTS,
                    &[
                        &[integer(item_operations::STATUS).required()],
                        &[string(air_sync::COLLECTION_ID).required()],
                    ],
                )
                .many(),
                container(
                    item_operations::FETCH,
                    &[
                        &[
                            integer(item_operations::STATUS).required(),
                            container(
                                item_operations::PROPERTIES,
                                &[
                                    &[
                                        string(item_operations::RANGE),
                                        integer(item_operations::TOTAL),
                                        string(item_operations::DATA),
                                        integer(item_operations::PART),
                                        date_time(item_operations::VERSION),
                                    ],
                                    class::body::FETCHED,
                                    class::calendar::ITEM,
                                    class::contacts::ITEM,
                                    class::contacts::CONTACTS2_ITEM,
                                    class::documents::ITEM,
                                    class::email::ITEM,
                                    class::email::EMAIL2_ITEM,
                                    class::notes::ITEM,
                                    class::tasks::ITEM,
                                    class::rights::ITEM,
                                ],
                            ),
                        ],
                        &[
                            string(air_sync::COLLECTION_ID),
                            string(air_sync::SERVER_ID),
                            string(air_sync::CLASS),
                        ],
                        &[string(search::LONG_ID)],
                        &[string(document_library::LINK_ID)],
                        &[string(air_sync_base::FILE_REFERENCE)],
                    ],
                )
                .many(),
            ]],
        ),
    ]],
)
.required();

/// MoveItems, request.
pub(in crate::schema) static MOVE_ITEMS_REQUEST: Rule = container(
    move_items::MOVE_ITEMS,
    &[&[container(
        move_items::MOVE,
        &[&[
            string(move_items::SRC_MSG_ID).required(),
            string(move_items::SRC_FLD_ID).required(),
            string(move_items::DST_FLD_ID).required(),
        ]],
    )
    .many()]],
)
.required();

/// MoveItems, response.
pub(in crate::schema) static MOVE_ITEMS_RESPONSE: Rule = container(
    move_items::MOVE_ITEMS,
    &[&[
        integer(move_items::STATUS),
        container(
            move_items::RESPONSE,
            &[&[
                string(move_items::SRC_MSG_ID).required(),
                integer(move_items::STATUS).required(),
                string(move_items::DST_MSG_ID),
            ]],
        )
        .many(),
    ]],
)
.required();
