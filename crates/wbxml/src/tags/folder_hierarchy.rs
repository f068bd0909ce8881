//! Page 7: FolderHierarchy.

page! {
    7, "FolderHierarchy", "folderhierarchy";
    FOLDERS = 0x05 "Folders" UNTIL_12_1;
    FOLDER = 0x06 "Folder" UNTIL_12_1;
    DISPLAY_NAME = 0x07 "DisplayName" ALWAYS;
    SERVER_ID = 0x08 "ServerId" ALWAYS;
    PARENT_ID = 0x09 "ParentId" ALWAYS;
    TYPE = 0x0A "Type" ALWAYS;
    RESPONSE = 0x0B "Response" UNTIL_2_5;
    STATUS = 0x0C "Status" ALWAYS;
    CONTENT_CLASS = 0x0D "ContentClass" UNTIL_2_5;
    CHANGES = 0x0E "Changes" ALWAYS;
    ADD = 0x0F "Add" ALWAYS;
    DELETE = 0x10 "Delete" ALWAYS;
    UPDATE = 0x11 "Update" ALWAYS;
    SYNC_KEY = 0x12 "SyncKey" ALWAYS;
    FOLDER_CREATE = 0x13 "FolderCreate" ALWAYS;
    FOLDER_DELETE = 0x14 "FolderDelete" ALWAYS;
    FOLDER_UPDATE = 0x15 "FolderUpdate" ALWAYS;
    FOLDER_SYNC = 0x16 "FolderSync" ALWAYS;
    COUNT = 0x17 "Count" ALWAYS;
    VERSION = 0x18 "Version" UNTIL_2_5;
}
