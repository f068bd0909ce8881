//! Page 3: AirNotify.

page! {
    3, "AirNotify", "airnotify";
    NOTIFY = 0x05 "Notify" UNTIL_2_5;
    NOTIFICATION = 0x06 "Notification" UNTIL_2_5;
    VERSION = 0x07 "Version" UNTIL_2_5;
    LIFE_TIME = 0x08 "LifeTime" UNTIL_2_5;
    DEVICE_INFO = 0x09 "DeviceInfo" UNTIL_2_5;
    ENABLE = 0x0A "Enable" UNTIL_2_5;
    FOLDER = 0x0B "Folder" UNTIL_2_5;
    SERVER_ID = 0x0C "ServerId" UNTIL_2_5;
    DEVICE_ADDRESS = 0x0D "DeviceAddress" UNTIL_2_5;
    VALID_CARRIER_PROFILES = 0x0E "ValidCarrierProfiles" UNTIL_2_5;
    CARRIER_PROFILE = 0x0F "CarrierProfile" UNTIL_2_5;
    STATUS = 0x10 "Status" UNTIL_2_5;
    RESPONSES = 0x11 "Responses" UNTIL_2_5;
    DEVICES = 0x12 "Devices" UNTIL_2_5;
    DEVICE = 0x13 "Device" UNTIL_2_5;
    ID = 0x14 "Id" UNTIL_2_5;
    EXPIRY = 0x15 "Expiry" UNTIL_2_5;
    NOTIFY_GUID = 0x16 "NotifyGUID" UNTIL_2_5;
    DEVICE_FRIENDLY_NAME = 0x17 "DeviceFriendlyName" UNTIL_2_5;
}
