//! Rights management (MS-ASRM).

use crate::{
    schema::rule::{Rule, boolean, container, date_time, string},
    tags::rights_management,
};

/// In `airsync:ApplicationData`, `itemoperations:Properties`, `search:Properties` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const ITEM: &[Rule] = &[container(
    rights_management::RIGHTS_MANAGEMENT_LICENSE,
    &[RIGHTS_MANAGEMENT_LICENSE],
)];

/// In `rightsmanagement:RightsManagementLicense` of responses: ItemOperations, Search, Sync.
pub(in crate::schema) const RIGHTS_MANAGEMENT_LICENSE: &[Rule] = &[
    boolean(rights_management::EDIT_ALLOWED).required(),
    boolean(rights_management::REPLY_ALLOWED).required(),
    boolean(rights_management::REPLY_ALL_ALLOWED).required(),
    boolean(rights_management::FORWARD_ALLOWED).required(),
    boolean(rights_management::MODIFY_RECIPIENTS_ALLOWED).required(),
    boolean(rights_management::EXTRACT_ALLOWED).required(),
    boolean(rights_management::PRINT_ALLOWED).required(),
    boolean(rights_management::EXPORT_ALLOWED).required(),
    boolean(rights_management::PROGRAMMATIC_ACCESS_ALLOWED).required(),
    boolean(rights_management::OWNER).required(),
    date_time(rights_management::CONTENT_EXPIRY_DATE).required(),
    string(rights_management::TEMPLATE_ID).required(),
    string(rights_management::TEMPLATE_NAME).required(),
    string(rights_management::TEMPLATE_DESCRIPTION).required(),
    string(rights_management::CONTENT_OWNER).required(),
];

/// In `settings:Get` of responses: Settings.
pub(in crate::schema) const TEMPLATES: &[Rule] = &[container(
    rights_management::RIGHTS_MANAGEMENT_TEMPLATES,
    &[&[container(
        rights_management::RIGHTS_MANAGEMENT_TEMPLATE,
        &[&[
            string(rights_management::TEMPLATE_ID).required(),
            string(rights_management::TEMPLATE_NAME).required(),
            string(rights_management::TEMPLATE_DESCRIPTION).required(),
        ]],
    )
    .up_to(20)]],
)
.required()];
