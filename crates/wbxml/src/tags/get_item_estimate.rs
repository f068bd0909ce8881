//! Page 6: GetItemEstimate.

page! {
    6, "GetItemEstimate", "getitemestimate";
    GET_ITEM_ESTIMATE = 0x05 "GetItemEstimate" ALWAYS;
    VERSION = 0x06 "Version" UNTIL_2_5;
    COLLECTIONS = 0x07 "Collections" ALWAYS;
    COLLECTION = 0x08 "Collection" ALWAYS;
    CLASS = 0x09 "Class" UNTIL_12_1;
    COLLECTION_ID = 0x0A "CollectionId" ALWAYS;
    DATE_TIME = 0x0B "DateTime" UNTIL_2_5;
    ESTIMATE = 0x0C "Estimate" ALWAYS;
    RESPONSE = 0x0D "Response" ALWAYS;
    STATUS = 0x0E "Status" ALWAYS;
}
