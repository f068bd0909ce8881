//! Page 8: MeetingResponse.

page! {
    8, "MeetingResponse", "meetingresponse";
    CALENDAR_ID = 0x05 "CalendarId" ALWAYS;
    COLLECTION_ID = 0x06 "CollectionId" ALWAYS;
    MEETING_RESPONSE = 0x07 "MeetingResponse" ALWAYS;
    REQUEST_ID = 0x08 "RequestId" ALWAYS;
    REQUEST = 0x09 "Request" ALWAYS;
    RESULT = 0x0A "Result" ALWAYS;
    STATUS = 0x0B "Status" ALWAYS;
    USER_RESPONSE = 0x0C "UserResponse" ALWAYS;
    VERSION = 0x0D "Version" UNTIL_2_5;
    INSTANCE_ID = 0x0E "InstanceId" SINCE_14_1;
    PROPOSED_START_TIME = 0x10 "ProposedStartTime" SINCE_16_1;
    PROPOSED_END_TIME = 0x11 "ProposedEndTime" SINCE_16_1;
    SEND_RESPONSE = 0x12 "SendResponse" SINCE_16_0;
}
