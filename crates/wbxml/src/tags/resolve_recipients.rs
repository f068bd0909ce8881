//! Page 10: ResolveRecipients.

page! {
    10, "ResolveRecipients", "resolverecipients";
    RESOLVE_RECIPIENTS = 0x05 "ResolveRecipients" ALWAYS;
    RESPONSE = 0x06 "Response" ALWAYS;
    STATUS = 0x07 "Status" ALWAYS;
    TYPE = 0x08 "Type" ALWAYS;
    RECIPIENT = 0x09 "Recipient" ALWAYS;
    DISPLAY_NAME = 0x0A "DisplayName" ALWAYS;
    EMAIL_ADDRESS = 0x0B "EmailAddress" ALWAYS;
    CERTIFICATES = 0x0C "Certificates" ALWAYS;
    CERTIFICATE = 0x0D "Certificate" ALWAYS;
    MINI_CERTIFICATE = 0x0E "MiniCertificate" ALWAYS;
    OPTIONS = 0x0F "Options" ALWAYS;
    TO = 0x10 "To" ALWAYS;
    CERTIFICATE_RETRIEVAL = 0x11 "CertificateRetrieval" ALWAYS;
    RECIPIENT_COUNT = 0x12 "RecipientCount" ALWAYS;
    MAX_CERTIFICATES = 0x13 "MaxCertificates" ALWAYS;
    MAX_AMBIGUOUS_RECIPIENTS = 0x14 "MaxAmbiguousRecipients" ALWAYS;
    CERTIFICATE_COUNT = 0x15 "CertificateCount" ALWAYS;
    AVAILABILITY = 0x16 "Availability" SINCE_14_0;
    START_TIME = 0x17 "StartTime" SINCE_14_0;
    END_TIME = 0x18 "EndTime" SINCE_14_0;
    MERGED_FREE_BUSY = 0x19 "MergedFreeBusy" SINCE_14_0;
    PICTURE = 0x1A "Picture" SINCE_14_1;
    MAX_SIZE = 0x1B "MaxSize" SINCE_14_1;
    DATA = 0x1C "Data" SINCE_14_1;
    MAX_PICTURES = 0x1D "MaxPictures" SINCE_14_1;
}
