//! A certificate authority for one machine: clients trust its certificate, and with it the server's.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// A certificate authority: its certificate and its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    key: String,
}

impl Authority {
    /// A new one, under `name`.
    pub fn new(name: &str) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(2024, 1, 1);
        params.not_after = date_time_ymd(2099, 1, 1);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self {
            certificate,
            key: key.serialize_pem(),
            issuer: Issuer::new(params, key),
        })
    }

    /// One that was made before, from its two PEM texts.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, rcgen::Error> {
        let pair = KeyPair::from_pem(key)?;
        Ok(Self {
            issuer: Issuer::from_ca_cert_pem(certificate, pair)?,
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        })
    }

    /// A server certificate for `hosts` (names and addresses): certificate and key, both PEM. It lasts 397 days from
    /// now, the longest that Apple's clients take.
    pub fn issue(&self, hosts: &[&str]) -> Result<(String, String), rcgen::Error> {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts.clone())?;
        params.distinguished_name = DistinguishedName::new();
        if let Some(first) = hosts.first() {
            params
                .distinguished_name
                .push(DnType::CommonName, first.as_str());
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let today = jiff::Timestamp::now()
            .to_zoned_datetime(jiff::tz::TimeZone::UTC)
            .date();
        let begins = today.saturating_sub(jiff::Span::new().days(1));
        let ends = today.saturating_add(jiff::Span::new().days(396));
        let day = |date: jiff::civil::Date| {
            date_time_ymd(
                date.year().into(),
                date.month().unsigned_abs(),
                date.day().unsigned_abs(),
            )
        };
        params.not_before = day(begins);
        params.not_after = day(ends);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }

    /// Its certificate, which clients are given to trust.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// Its key, to be kept where only its owner reads it.
    pub fn key_pem(&self) -> &str {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_read_back_issues_certificates_as_before() {
        let authority = Authority::new("one machine").unwrap();
        let again = Authority::from_pem(authority.certificate_pem(), authority.key_pem()).unwrap();
        let (certificate, key) = again.issue(&["localhost", "::1"]).unwrap();
        assert!(certificate.contains("BEGIN CERTIFICATE") && key.contains("PRIVATE KEY"));
    }
}
