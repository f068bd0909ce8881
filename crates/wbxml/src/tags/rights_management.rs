//! Page 24: RightsManagement.

page! {
    24, "RightsManagement", "rightsmanagement";
    RIGHTS_MANAGEMENT_SUPPORT = 0x05 "RightsManagementSupport" SINCE_14_1;
    RIGHTS_MANAGEMENT_TEMPLATES = 0x06 "RightsManagementTemplates" SINCE_14_1;
    RIGHTS_MANAGEMENT_TEMPLATE = 0x07 "RightsManagementTemplate" SINCE_14_1;
    RIGHTS_MANAGEMENT_LICENSE = 0x08 "RightsManagementLicense" SINCE_14_1;
    EDIT_ALLOWED = 0x09 "EditAllowed" SINCE_14_1;
    REPLY_ALLOWED = 0x0A "ReplyAllowed" SINCE_14_1;
    REPLY_ALL_ALLOWED = 0x0B "ReplyAllAllowed" SINCE_14_1;
    FORWARD_ALLOWED = 0x0C "ForwardAllowed" SINCE_14_1;
    MODIFY_RECIPIENTS_ALLOWED = 0x0D "ModifyRecipientsAllowed" SINCE_14_1;
    EXTRACT_ALLOWED = 0x0E "ExtractAllowed" SINCE_14_1;
    PRINT_ALLOWED = 0x0F "PrintAllowed" SINCE_14_1;
    EXPORT_ALLOWED = 0x10 "ExportAllowed" SINCE_14_1;
    PROGRAMMATIC_ACCESS_ALLOWED = 0x11 "ProgrammaticAccessAllowed" SINCE_14_1;
    OWNER = 0x12 "Owner" SINCE_14_1;
    CONTENT_EXPIRY_DATE = 0x13 "ContentExpiryDate" SINCE_14_1;
    TEMPLATE_ID = 0x14 "TemplateID" SINCE_14_1;
    TEMPLATE_NAME = 0x15 "TemplateName" SINCE_14_1;
    TEMPLATE_DESCRIPTION = 0x16 "TemplateDescription" SINCE_14_1;
    CONTENT_OWNER = 0x17 "ContentOwner" SINCE_14_1;
    REMOVE_RIGHTS_MANAGEMENT_PROTECTION = 0x18 "RemoveRightsManagementProtection" SINCE_14_1;
}
