//! Page 18: Settings.

page! {
    18, "Settings", "settings";
    SETTINGS = 0x05 "Settings" SINCE_12_0;
    STATUS = 0x06 "Status" SINCE_12_0;
    GET = 0x07 "Get" SINCE_12_0;
    SET = 0x08 "Set" SINCE_12_0;
    OOF = 0x09 "Oof" SINCE_12_0;
    OOF_STATE = 0x0A "OofState" SINCE_12_0;
    START_TIME = 0x0B "StartTime" SINCE_12_0;
    END_TIME = 0x0C "EndTime" SINCE_12_0;
    OOF_MESSAGE = 0x0D "OofMessage" SINCE_12_0;
    APPLIES_TO_INTERNAL = 0x0E "AppliesToInternal" SINCE_12_0;
    APPLIES_TO_EXTERNAL_KNOWN = 0x0F "AppliesToExternalKnown" SINCE_12_0;
    APPLIES_TO_EXTERNAL_UNKNOWN = 0x10 "AppliesToExternalUnknown" SINCE_12_0;
    ENABLED = 0x11 "Enabled" SINCE_12_0;
    REPLY_MESSAGE = 0x12 "ReplyMessage" SINCE_12_0;
    BODY_TYPE = 0x13 "BodyType" SINCE_12_0;
    DEVICE_PASSWORD = 0x14 "DevicePassword" SINCE_12_0;
    PASSWORD = 0x15 "Password" SINCE_12_0;
    DEVICE_INFORMATION = 0x16 "DeviceInformation" SINCE_12_0;
    MODEL = 0x17 "Model" SINCE_12_0;
    IMEI = 0x18 "IMEI" SINCE_12_0;
    FRIENDLY_NAME = 0x19 "FriendlyName" SINCE_12_0;
    OS = 0x1A "OS" SINCE_12_0;
    OS_LANGUAGE = 0x1B "OSLanguage" SINCE_12_0;
    PHONE_NUMBER = 0x1C "PhoneNumber" SINCE_12_0;
    USER_INFORMATION = 0x1D "UserInformation" SINCE_12_0;
    EMAIL_ADDRESSES = 0x1E "EmailAddresses" SINCE_12_0;
    SMTP_ADDRESS = 0x1F "SMTPAddress" SINCE_12_0;
    USER_AGENT = 0x20 "UserAgent" SINCE_12_1;
    ENABLE_OUTBOUND_SMS = 0x21 "EnableOutboundSMS" SINCE_14_0;
    MOBILE_OPERATOR = 0x22 "MobileOperator" SINCE_14_0;
    PRIMARY_SMTP_ADDRESS = 0x23 "PrimarySmtpAddress" SINCE_14_1;
    ACCOUNTS = 0x24 "Accounts" SINCE_14_1;
    ACCOUNT = 0x25 "Account" SINCE_14_1;
    ACCOUNT_ID = 0x26 "AccountId" SINCE_14_1;
    ACCOUNT_NAME = 0x27 "AccountName" SINCE_14_1;
    USER_DISPLAY_NAME = 0x28 "UserDisplayName" SINCE_14_1;
    SEND_DISABLED = 0x29 "SendDisabled" SINCE_14_1;
    RIGHTS_MANAGEMENT_INFORMATION = 0x2B "RightsManagementInformation" SINCE_14_1;
}
