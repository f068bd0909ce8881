//! Page 25: Find.

page! {
    25, "Find", "find";
    FIND = 0x05 "Find" SINCE_16_1;
    SEARCH_ID = 0x06 "SearchId" SINCE_16_1;
    EXECUTE_SEARCH = 0x07 "ExecuteSearch" SINCE_16_1;
    MAIL_BOX_SEARCH_CRITERION = 0x08 "MailBoxSearchCriterion" SINCE_16_1;
    QUERY = 0x09 "Query" SINCE_16_1;
    STATUS = 0x0A "Status" SINCE_16_1;
    FREE_TEXT = 0x0B "FreeText" SINCE_16_1;
    OPTIONS = 0x0C "Options" SINCE_16_1;
    RANGE = 0x0D "Range" SINCE_16_1;
    DEEP_TRAVERSAL = 0x0E "DeepTraversal" SINCE_16_1;
    RESPONSE = 0x11 "Response" SINCE_16_1;
    RESULT = 0x12 "Result" SINCE_16_1;
    PROPERTIES = 0x13 "Properties" SINCE_16_1;
    PREVIEW = 0x14 "Preview" SINCE_16_1;
    HAS_ATTACHMENTS = 0x15 "HasAttachments" SINCE_16_1;
    TOTAL = 0x16 "Total" SINCE_16_1;
    DISPLAY_CC = 0x17 "DisplayCc" SINCE_16_1;
    DISPLAY_BCC = 0x18 "DisplayBcc" SINCE_16_1;
    GAL_SEARCH_CRITERION = 0x19 "GalSearchCriterion" SINCE_16_1;
    MAX_PICTURES = 0x20 "MaxPictures" SINCE_16_1;
    MAX_SIZE = 0x21 "MaxSize" SINCE_16_1;
    PICTURE = 0x22 "Picture" SINCE_16_1;
}
