//! Page 22: Email2.

page! {
    22, "Email2", "email2";
    UM_CALLER_ID = 0x05 "UmCallerID" SINCE_14_0;
    UM_USER_NOTES = 0x06 "UmUserNotes" SINCE_14_0;
    UM_ATT_DURATION = 0x07 "UmAttDuration" SINCE_14_0;
    UM_ATT_ORDER = 0x08 "UmAttOrder" SINCE_14_0;
    CONVERSATION_ID = 0x09 "ConversationId" SINCE_14_0;
    CONVERSATION_INDEX = 0x0A "ConversationIndex" SINCE_14_0;
    LAST_VERB_EXECUTED = 0x0B "LastVerbExecuted" SINCE_14_0;
    LAST_VERB_EXECUTION_TIME = 0x0C "LastVerbExecutionTime" SINCE_14_0;
    RECEIVED_AS_BCC = 0x0D "ReceivedAsBcc" SINCE_14_0;
    SENDER = 0x0E "Sender" SINCE_14_0;
    CALENDAR_TYPE = 0x0F "CalendarType" SINCE_14_0;
    IS_LEAP_MONTH = 0x10 "IsLeapMonth" SINCE_14_0;
    ACCOUNT_ID = 0x11 "AccountId" SINCE_14_1;
    FIRST_DAY_OF_WEEK = 0x12 "FirstDayOfWeek" SINCE_14_1;
    MEETING_MESSAGE_TYPE = 0x13 "MeetingMessageType" SINCE_14_1;
    IS_DRAFT = 0x15 "IsDraft" SINCE_16_0;
    BCC = 0x16 "Bcc" SINCE_16_0;
    SEND = 0x17 "Send" SINCE_16_0;
}
