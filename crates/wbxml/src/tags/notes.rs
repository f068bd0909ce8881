//! Page 23: Notes.

page! {
    23, "Notes", "notes";
    SUBJECT = 0x05 "Subject" SINCE_14_0;
    MESSAGE_CLASS = 0x06 "MessageClass" SINCE_14_0;
    LAST_MODIFIED_DATE = 0x07 "LastModifiedDate" SINCE_14_0;
    CATEGORIES = 0x08 "Categories" SINCE_14_0;
    CATEGORY = 0x09 "Category" SINCE_14_0;
}
