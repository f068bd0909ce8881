//! Page 12: Contacts2.

page! {
    12, "Contacts2", "contacts2";
    CUSTOMER_ID = 0x05 "CustomerId" ALWAYS;
    GOVERNMENT_ID = 0x06 "GovernmentId" ALWAYS;
    IM_ADDRESS = 0x07 "IMAddress" ALWAYS;
    IM_ADDRESS2 = 0x08 "IMAddress2" ALWAYS;
    IM_ADDRESS3 = 0x09 "IMAddress3" ALWAYS;
    MANAGER_NAME = 0x0A "ManagerName" ALWAYS;
    COMPANY_MAIN_PHONE = 0x0B "CompanyMainPhone" ALWAYS;
    ACCOUNT_NAME = 0x0C "AccountName" ALWAYS;
    NICK_NAME = 0x0D "NickName" ALWAYS;
    MMS = 0x0E "MMS" ALWAYS;
}
