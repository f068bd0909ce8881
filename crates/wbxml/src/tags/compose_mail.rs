//! Page 21: ComposeMail.

page! {
    21, "ComposeMail", "composemail";
    SEND_MAIL = 0x05 "SendMail" SINCE_14_0;
    SMART_FORWARD = 0x06 "SmartForward" SINCE_14_0;
    SMART_REPLY = 0x07 "SmartReply" SINCE_14_0;
    SAVE_IN_SENT_ITEMS = 0x08 "SaveInSentItems" SINCE_14_0;
    REPLACE_MIME = 0x09 "ReplaceMime" SINCE_14_0;
    TYPE = 0x0A "Type" NEVER;
    SOURCE = 0x0B "Source" SINCE_14_0;
    FOLDER_ID = 0x0C "FolderId" SINCE_14_0;
    ITEM_ID = 0x0D "ItemId" SINCE_14_0;
    LONG_ID = 0x0E "LongId" SINCE_14_0;
    INSTANCE_ID = 0x0F "InstanceId" SINCE_14_0;
    MIME = 0x10 "Mime" SINCE_14_0;
    CLIENT_ID = 0x11 "ClientId" SINCE_14_0;
    STATUS = 0x12 "Status" SINCE_14_0;
    ACCOUNT_ID = 0x13 "AccountId" SINCE_14_1;
    FORWARDEES = 0x15 "Forwardees" SINCE_16_0;
    FORWARDEE = 0x16 "Forwardee" SINCE_16_0;
    NAME = 0x17 "Name" SINCE_16_0;
    EMAIL = 0x18 "Email" SINCE_16_0;
}
