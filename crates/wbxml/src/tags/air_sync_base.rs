//! Page 17: AirSyncBase.

page! {
    17, "AirSyncBase", "airsyncbase";
    BODY_PREFERENCE = 0x05 "BodyPreference" SINCE_12_0;
    TYPE = 0x06 "Type" SINCE_12_0;
    TRUNCATION_SIZE = 0x07 "TruncationSize" SINCE_12_0;
    ALL_OR_NONE = 0x08 "AllOrNone" SINCE_12_0;
    BODY = 0x0A "Body" SINCE_12_0;
    DATA = 0x0B "Data" SINCE_12_0;
    ESTIMATED_DATA_SIZE = 0x0C "EstimatedDataSize" SINCE_12_0;
    TRUNCATED = 0x0D "Truncated" SINCE_12_0;
    ATTACHMENTS = 0x0E "Attachments" SINCE_12_0;
    ATTACHMENT = 0x0F "Attachment" SINCE_12_0;
    DISPLAY_NAME = 0x10 "DisplayName" SINCE_12_0;
    FILE_REFERENCE = 0x11 "FileReference" SINCE_12_0;
    METHOD = 0x12 "Method" SINCE_12_0;
    CONTENT_ID = 0x13 "ContentId" SINCE_12_0;
    CONTENT_LOCATION = 0x14 "ContentLocation" SINCE_12_0;
    IS_INLINE = 0x15 "IsInline" SINCE_12_0;
    NATIVE_BODY_TYPE = 0x16 "NativeBodyType" SINCE_12_0;
    CONTENT_TYPE = 0x17 "ContentType" SINCE_12_0;
    PREVIEW = 0x18 "Preview" SINCE_14_0;
    BODY_PART_PREFERENCE = 0x19 "BodyPartPreference" SINCE_14_1;
    BODY_PART = 0x1A "BodyPart" SINCE_14_1;
    STATUS = 0x1B "Status" SINCE_14_1;
    ADD = 0x1C "Add" SINCE_16_0;
    DELETE = 0x1D "Delete" SINCE_16_0;
    CLIENT_ID = 0x1E "ClientId" SINCE_16_0;
    CONTENT = 0x1F "Content" SINCE_16_0;
    LOCATION = 0x20 "Location" SINCE_16_0;
    ANNOTATION = 0x21 "Annotation" SINCE_16_0;
    STREET = 0x22 "Street" SINCE_16_0;
    CITY = 0x23 "City" SINCE_16_0;
    STATE = 0x24 "State" SINCE_16_0;
    COUNTRY = 0x25 "Country" SINCE_16_0;
    POSTAL_CODE = 0x26 "PostalCode" SINCE_16_0;
    LATITUDE = 0x27 "Latitude" SINCE_16_0;
    LONGITUDE = 0x28 "Longitude" SINCE_16_0;
    ACCURACY = 0x29 "Accuracy" SINCE_16_0;
    ALTITUDE = 0x2A "Altitude" SINCE_16_0;
    ALTITUDE_ACCURACY = 0x2B "AltitudeAccuracy" SINCE_16_0;
    LOCATION_URI = 0x2C "LocationUri" SINCE_16_0;
    INSTANCE_ID = 0x2D "InstanceId" SINCE_16_0;
}
