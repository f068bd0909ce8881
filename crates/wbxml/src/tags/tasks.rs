//! Page 9: Tasks.

page! {
    9, "Tasks", "tasks";
    BODY = 0x05 "Body" UNTIL_2_5;
    BODY_SIZE = 0x06 "BodySize" UNTIL_2_5;
    BODY_TRUNCATED = 0x07 "BodyTruncated" UNTIL_2_5;
    CATEGORIES = 0x08 "Categories" ALWAYS;
    CATEGORY = 0x09 "Category" ALWAYS;
    COMPLETE = 0x0A "Complete" ALWAYS;
    DATE_COMPLETED = 0x0B "DateCompleted" ALWAYS;
    DUE_DATE = 0x0C "DueDate" ALWAYS;
    UTC_DUE_DATE = 0x0D "UtcDueDate" ALWAYS;
    IMPORTANCE = 0x0E "Importance" ALWAYS;
    RECURRENCE = 0x0F "Recurrence" ALWAYS;
    TYPE = 0x10 "Type" ALWAYS;
    START = 0x11 "Start" ALWAYS;
    UNTIL = 0x12 "Until" ALWAYS;
    OCCURRENCES = 0x13 "Occurrences" ALWAYS;
    INTERVAL = 0x14 "Interval" ALWAYS;
    DAY_OF_MONTH = 0x15 "DayOfMonth" ALWAYS;
    DAY_OF_WEEK = 0x16 "DayOfWeek" ALWAYS;
    WEEK_OF_MONTH = 0x17 "WeekOfMonth" ALWAYS;
    MONTH_OF_YEAR = 0x18 "MonthOfYear" ALWAYS;
    REGENERATE = 0x19 "Regenerate" ALWAYS;
    DEAD_OCCUR = 0x1A "DeadOccur" ALWAYS;
    REMINDER_SET = 0x1B "ReminderSet" ALWAYS;
    REMINDER_TIME = 0x1C "ReminderTime" ALWAYS;
    SENSITIVITY = 0x1D "Sensitivity" ALWAYS;
    START_DATE = 0x1E "StartDate" ALWAYS;
    UTC_START_DATE = 0x1F "UtcStartDate" ALWAYS;
    SUBJECT = 0x20 "Subject" ALWAYS;
    COMPRESSED_RTF = 0x21 "CompressedRTF" UNTIL_2_5;
    ORDINAL_DATE = 0x22 "OrdinalDate" SINCE_12_0;
    SUB_ORDINAL_DATE = 0x23 "SubOrdinalDate" SINCE_12_0;
    CALENDAR_TYPE = 0x24 "CalendarType" SINCE_14_0;
    IS_LEAP_MONTH = 0x25 "IsLeapMonth" SINCE_14_0;
    FIRST_DAY_OF_WEEK = 0x26 "FirstDayOfWeek" SINCE_14_1;
}
