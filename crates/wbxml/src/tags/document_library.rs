//! Page 19: DocumentLibrary.

page! {
    19, "DocumentLibrary", "documentlibrary";
    LINK_ID = 0x05 "LinkId" SINCE_12_0;
    DISPLAY_NAME = 0x06 "DisplayName" SINCE_12_0;
    IS_FOLDER = 0x07 "IsFolder" SINCE_12_0;
    CREATION_DATE = 0x08 "CreationDate" SINCE_12_0;
    LAST_MODIFIED_DATE = 0x09 "LastModifiedDate" SINCE_12_0;
    IS_HIDDEN = 0x0A "IsHidden" SINCE_12_0;
    CONTENT_LENGTH = 0x0B "ContentLength" SINCE_12_0;
    CONTENT_TYPE = 0x0C "ContentType" SINCE_12_0;
}
