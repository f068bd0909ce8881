//! Page 13: Ping.

page! {
    13, "Ping", "ping";
    PING = 0x05 "Ping" ALWAYS;
    AUTD_STATE = 0x06 "AutdState" UNTIL_2_5;
    STATUS = 0x07 "Status" ALWAYS;
    HEARTBEAT_INTERVAL = 0x08 "HeartbeatInterval" ALWAYS;
    FOLDERS = 0x09 "Folders" ALWAYS;
    FOLDER = 0x0A "Folder" ALWAYS;
    ID = 0x0B "Id" ALWAYS;
    CLASS = 0x0C "Class" ALWAYS;
    MAX_FOLDERS = 0x0D "MaxFolders" ALWAYS;
    VERSION = 0x0E "Version" UNTIL_2_5;
}
