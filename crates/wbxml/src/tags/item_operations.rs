//! Page 20: ItemOperations.

page! {
    20, "ItemOperations", "itemoperations";
    ITEM_OPERATIONS = 0x05 "ItemOperations" SINCE_12_0;
    FETCH = 0x06 "Fetch" SINCE_12_0;
    STORE = 0x07 "Store" SINCE_12_0;
    OPTIONS = 0x08 "Options" SINCE_12_0;
    RANGE = 0x09 "Range" SINCE_12_0;
    TOTAL = 0x0A "Total" SINCE_12_0;
    PROPERTIES = 0x0B "Properties" SINCE_12_0;
    DATA = 0x0C "Data" SINCE_12_0;
    STATUS = 0x0D "Status" SINCE_12_0;
    RESPONSE = 0x0E "Response" SINCE_12_0;
    VERSION = 0x0F "Version" SINCE_12_0;
    SCHEMA = 0x10 "Schema" SINCE_12_0;
    PART = 0x11 "Part" SINCE_12_0;
    EMPTY_FOLDER_CONTENTS = 0x12 "EmptyFolderContents" SINCE_12_0;
    DELETE_SUB_FOLDERS = 0x13 "DeleteSubFolders" SINCE_12_0;
    USER_NAME = 0x14 "UserName" SINCE_12_1;
    PASSWORD = 0x15 "Password" SINCE_12_1;
    MOVE = 0x16 "Move" SINCE_14_0;
    DST_FLD_ID = 0x17 "DstFldId" SINCE_14_0;
    CONVERSATION_ID = 0x18 "ConversationId" SINCE_14_0;
    MOVE_ALWAYS = 0x19 "MoveAlways" SINCE_14_0;
}
