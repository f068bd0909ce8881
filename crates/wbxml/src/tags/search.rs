//! Page 15: Search.

page! {
    15, "Search", "search";
    SEARCH = 0x05 "Search" ALWAYS;
    STORES = 0x06 "Stores" NEVER;
    STORE = 0x07 "Store" ALWAYS;
    NAME = 0x08 "Name" ALWAYS;
    QUERY = 0x09 "Query" ALWAYS;
    OPTIONS = 0x0A "Options" ALWAYS;
    RANGE = 0x0B "Range" ALWAYS;
    STATUS = 0x0C "Status" ALWAYS;
    RESPONSE = 0x0D "Response" ALWAYS;
    RESULT = 0x0E "Result" ALWAYS;
    PROPERTIES = 0x0F "Properties" ALWAYS;
    TOTAL = 0x10 "Total" ALWAYS;
    EQUAL_TO = 0x11 "EqualTo" SINCE_12_0;
    VALUE = 0x12 "Value" SINCE_12_0;
    AND = 0x13 "And" SINCE_12_0;
    OR = 0x14 "Or" SINCE_12_0;
    FREE_TEXT = 0x15 "FreeText" SINCE_12_0;
    DEEP_TRAVERSAL = 0x17 "DeepTraversal" SINCE_12_0;
    LONG_ID = 0x18 "LongId" SINCE_12_0;
    REBUILD_RESULTS = 0x19 "RebuildResults" SINCE_12_0;
    LESS_THAN = 0x1A "LessThan" SINCE_12_0;
    GREATER_THAN = 0x1B "GreaterThan" SINCE_12_0;
    SCHEMA = 0x1C "Schema" ONLY_12_0;
    SUPPORTED = 0x1D "Supported" ONLY_12_0;
    USER_NAME = 0x1E "UserName" SINCE_12_1;
    PASSWORD = 0x1F "Password" SINCE_12_1;
    CONVERSATION_ID = 0x20 "ConversationId" SINCE_14_0;
    PICTURE = 0x21 "Picture" SINCE_14_1;
    MAX_SIZE = 0x22 "MaxSize" SINCE_14_1;
    MAX_PICTURES = 0x23 "MaxPictures" SINCE_14_1;
}
