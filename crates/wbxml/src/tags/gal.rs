//! Page 16: GAL.

page! {
    16, "GAL", "gal";
    DISPLAY_NAME = 0x05 "DisplayName" ALWAYS;
    PHONE = 0x06 "Phone" ALWAYS;
    OFFICE = 0x07 "Office" ALWAYS;
    TITLE = 0x08 "Title" ALWAYS;
    COMPANY = 0x09 "Company" ALWAYS;
    ALIAS = 0x0A "Alias" ALWAYS;
    FIRST_NAME = 0x0B "FirstName" ALWAYS;
    LAST_NAME = 0x0C "LastName" ALWAYS;
    HOME_PHONE = 0x0D "HomePhone" ALWAYS;
    MOBILE_PHONE = 0x0E "MobilePhone" ALWAYS;
    EMAIL_ADDRESS = 0x0F "EmailAddress" ALWAYS;
    PICTURE = 0x10 "Picture" SINCE_14_1;
    STATUS = 0x11 "Status" SINCE_14_1;
    DATA = 0x12 "Data" SINCE_14_1;
}
