//! Page 0: AirSync.

page! {
    0, "AirSync", "airsync";
    SYNC = 0x05 "Sync" ALWAYS;
    RESPONSES = 0x06 "Responses" ALWAYS;
    ADD = 0x07 "Add" ALWAYS;
    CHANGE = 0x08 "Change" ALWAYS;
    DELETE = 0x09 "Delete" ALWAYS;
    FETCH = 0x0A "Fetch" ALWAYS;
    SYNC_KEY = 0x0B "SyncKey" ALWAYS;
    CLIENT_ID = 0x0C "ClientId" ALWAYS;
    SERVER_ID = 0x0D "ServerId" ALWAYS;
    STATUS = 0x0E "Status" ALWAYS;
    COLLECTION = 0x0F "Collection" ALWAYS;
    CLASS = 0x10 "Class" ALWAYS;
    VERSION = 0x11 "Version" UNTIL_2_5;
    COLLECTION_ID = 0x12 "CollectionId" ALWAYS;
    GET_CHANGES = 0x13 "GetChanges" ALWAYS;
    MORE_AVAILABLE = 0x14 "MoreAvailable" ALWAYS;
    WINDOW_SIZE = 0x15 "WindowSize" ALWAYS;
    COMMANDS = 0x16 "Commands" ALWAYS;
    OPTIONS = 0x17 "Options" ALWAYS;
    FILTER_TYPE = 0x18 "FilterType" ALWAYS;
    TRUNCATION = 0x19 "Truncation" UNTIL_2_5;
    RTF_TRUNCATION = 0x1A "RTFTruncation" UNTIL_2_5;
    CONFLICT = 0x1B "Conflict" ALWAYS;
    COLLECTIONS = 0x1C "Collections" ALWAYS;
    APPLICATION_DATA = 0x1D "ApplicationData" ALWAYS;
    DELETES_AS_MOVES = 0x1E "DeletesAsMoves" ALWAYS;
    NOTIFY_GUID = 0x1F "NotifyGUID" UNTIL_2_5;
    SUPPORTED = 0x20 "Supported" ALWAYS;
    SOFT_DELETE = 0x21 "SoftDelete" ALWAYS;
    MIME_SUPPORT = 0x22 "MIMESupport" ALWAYS;
    MIME_TRUNCATION = 0x23 "MIMETruncation" ALWAYS;
    WAIT = 0x24 "Wait" SINCE_12_1;
    LIMIT = 0x25 "Limit" SINCE_12_1;
    PARTIAL = 0x26 "Partial" SINCE_12_1;
    CONVERSATION_MODE = 0x27 "ConversationMode" SINCE_14_0;
    MAX_ITEMS = 0x28 "MaxItems" SINCE_14_0;
    HEARTBEAT_INTERVAL = 0x29 "HeartbeatInterval" SINCE_14_0;
}
