//! Folders: FolderSync, FolderCreate, FolderUpdate, FolderDelete, GetHierarchy (MS-ASCMD 2.2.1).

use crate::{
    schema::rule::{Rule, container, integer, string},
    tags::folder_hierarchy,
};

/// FolderCreate, request.
pub(in crate::schema) static FOLDER_CREATE_REQUEST: Rule = container(
    folder_hierarchy::FOLDER_CREATE,
    &[&[
        string(folder_hierarchy::SYNC_KEY).required(),
        string(folder_hierarchy::PARENT_ID).required(),
        string(folder_hierarchy::DISPLAY_NAME).required(),
        integer(folder_hierarchy::TYPE).required(),
    ]],
)
.required();

/// FolderCreate, response.
pub(in crate::schema) static FOLDER_CREATE_RESPONSE: Rule = container(
    folder_hierarchy::FOLDER_CREATE,
    &[&[
        integer(folder_hierarchy::STATUS).required(),
        string(folder_hierarchy::SYNC_KEY),
        string(folder_hierarchy::SERVER_ID),
    ]],
)
.required();

/// FolderDelete, request.
pub(in crate::schema) static FOLDER_DELETE_REQUEST: Rule = container(
    folder_hierarchy::FOLDER_DELETE,
    &[&[
        string(folder_hierarchy::SYNC_KEY).required(),
        string(folder_hierarchy::SERVER_ID).required(),
    ]],
)
.required();

/// FolderDelete, response.
pub(in crate::schema) static FOLDER_DELETE_RESPONSE: Rule =
    container(folder_hierarchy::FOLDER_DELETE, &[STATUS_AND_KEY]).required();

/// FolderSync, request.
pub(in crate::schema) static FOLDER_SYNC_REQUEST: Rule = container(
    folder_hierarchy::FOLDER_SYNC,
    &[&[string(folder_hierarchy::SYNC_KEY).required()]],
)
.required();

/// FolderSync, response.
pub(in crate::schema) static FOLDER_SYNC_RESPONSE: Rule = container(
    folder_hierarchy::FOLDER_SYNC,
    &[&[
        integer(folder_hierarchy::STATUS).required(),
        string(folder_hierarchy::SYNC_KEY),
        container(
            folder_hierarchy::CHANGES,
            &[&[
                integer(folder_hierarchy::COUNT),
                container(folder_hierarchy::UPDATE, &[FOLDER]).many(),
                container(
                    folder_hierarchy::DELETE,
                    &[&[string(folder_hierarchy::SERVER_ID).required()]],
                )
                .many(),
                container(folder_hierarchy::ADD, &[FOLDER]).many(),
            ]],
        ),
    ]],
)
.required();

/// FolderUpdate, request.
pub(in crate::schema) static FOLDER_UPDATE_REQUEST: Rule = container(
    folder_hierarchy::FOLDER_UPDATE,
    &[&[
        string(folder_hierarchy::SYNC_KEY).required(),
        string(folder_hierarchy::SERVER_ID).required(),
        string(folder_hierarchy::PARENT_ID).required(),
        string(folder_hierarchy::DISPLAY_NAME).required(),
    ]],
)
.required();

/// FolderUpdate, response.
pub(in crate::schema) static FOLDER_UPDATE_RESPONSE: Rule =
    container(folder_hierarchy::FOLDER_UPDATE, &[STATUS_AND_KEY]).required();

/// GetHierarchy, response.
pub(in crate::schema) static GET_HIERARCHY_RESPONSE: Rule = container(
    folder_hierarchy::FOLDERS,
    &[&[container(
        folder_hierarchy::FOLDER,
        &[&[
            string(folder_hierarchy::DISPLAY_NAME).required(),
            string(folder_hierarchy::SERVER_ID).required(),
            integer(folder_hierarchy::TYPE).required(),
            string(folder_hierarchy::PARENT_ID).required(),
        ]],
    )
    .required()
    .many()]],
)
.required();

/// In `folderhierarchy:Add`, `folderhierarchy:Update` of responses: FolderSync.
const FOLDER: &[Rule] = &[
    string(folder_hierarchy::SERVER_ID).required(),
    string(folder_hierarchy::PARENT_ID).required(),
    string(folder_hierarchy::DISPLAY_NAME).required(),
    integer(folder_hierarchy::TYPE).required(),
];

/// In `folderhierarchy:FolderDelete`, `folderhierarchy:FolderUpdate` of responses: FolderDelete, FolderUpdate.
const STATUS_AND_KEY: &[Rule] = &[
    integer(folder_hierarchy::STATUS).required(),
    string(folder_hierarchy::SYNC_KEY),
];
