//! Page 11: ValidateCert.

page! {
    11, "ValidateCert", "validatecert";
    VALIDATE_CERT = 0x05 "ValidateCert" ALWAYS;
    CERTIFICATES = 0x06 "Certificates" ALWAYS;
    CERTIFICATE = 0x07 "Certificate" ALWAYS;
    CERTIFICATE_CHAIN = 0x08 "CertificateChain" ALWAYS;
    CHECK_CRL = 0x09 "CheckCRL" ALWAYS;
    STATUS = 0x0A "Status" ALWAYS;
}
