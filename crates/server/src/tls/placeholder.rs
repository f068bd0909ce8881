//! A certificate that stands where one is still to be got.

use rcgen::{CertificateParams, DistinguishedName, KeyPair, date_time_ymd};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Certificate, Stamp, ring};
use crate::{config::CertificateFiles, error::CertificateError};

impl Certificate {
    /// One for `names` that nobody vouches for. It lives in memory only, and has another key each time.
    pub fn placeholder(
        files: &CertificateFiles,
        names: &[String],
    ) -> Result<Self, CertificateError> {
        let made = |reason: String| CertificateError::NotX509 {
            file: files.cert.clone(),
            reason,
        };
        let (not_before, not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(2099, 1, 1));
        let mut params =
            CertificateParams::new(names.to_vec()).map_err(|error| made(error.to_string()))?;
        params.distinguished_name = DistinguishedName::new();
        (params.not_before, params.not_after) = (not_before, not_after);
        let key = KeyPair::generate().map_err(|error| made(error.to_string()))?;
        let certificate = params
            .self_signed(&key)
            .map_err(|error| made(error.to_string()))?;
        let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain = vec![certificate.der().clone()];
        let key =
            CertifiedKey::from_der(chain, secret, &ring::default_provider()).map_err(|source| {
                CertificateError::Unusable {
                    cert: files.cert.clone(),
                    key: files.key.clone(),
                    source,
                }
            })?;
        Ok(Self {
            files: files.clone(),
            names: names.to_vec(),
            not_before: not_before.unix_timestamp(),
            not_after: not_after.unix_timestamp(),
            is_placeholder: true,
            key: key.into(),
            stamp: Stamp::of(files),
        })
    }
}
