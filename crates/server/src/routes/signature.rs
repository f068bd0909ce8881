//! Configuration profiles signed with the server's certificate (CMS signed data, RFC 5652), so that a device shows from whom they are.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::{CmsVersion, ContentInfo},
    signed_data::{
        CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo,
        SignerInfos,
    },
};
use der::{
    Any, Decode as _, Encode as _, Tag,
    asn1::{ObjectIdentifier, OctetString, SetOfVec, UtcTime},
};
use rustls::{SignatureScheme, sign::CertifiedKey};
use sha2::{Digest as _, Sha256, Sha384};

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const RSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const ECDSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// The ways of signing that Apple's devices know, with what CMS calls them.
const SCHEMES: [(SignatureScheme, ObjectIdentifier, ObjectIdentifier); 3] = [
    (
        SignatureScheme::ECDSA_NISTP256_SHA256,
        SHA_256,
        ECDSA_SHA_256,
    ),
    (
        SignatureScheme::ECDSA_NISTP384_SHA384,
        SHA_384,
        ECDSA_SHA_384,
    ),
    (SignatureScheme::RSA_PKCS1_SHA256, SHA_256, RSA_SHA_256),
];

/// `content` within signed data, with the certificate and its chain. `None`: the key can't sign in a way that devices know (Ed25519), or the
/// certificate is none; a profile that is not signed works, too.
pub fn signed(content: &[u8], key: &CertifiedKey, now: SystemTime) -> Option<Vec<u8>> {
    let schemes = SCHEMES.map(|(scheme, ..)| scheme);
    let signer = key.key.choose_scheme(&schemes)?;
    let (_, digest, signature) = SCHEMES
        .into_iter()
        .find(|(scheme, ..)| *scheme == signer.scheme())?;
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    match sign(content, key, digest, signature, now, |attributes| {
        signer.sign(attributes).ok()
    }) {
        Ok(signed) => signed,
        Err(error) => {
            tracing::warn!(%error, "a configuration profile is handed out without a signature");
            None
        }
    }
}

fn sign(
    content: &[u8],
    key: &CertifiedKey,
    digest: ObjectIdentifier,
    signature: ObjectIdentifier,
    now: Duration,
    sign: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> der::Result<Option<Vec<u8>>> {
    let mut certificates = SetOfVec::new();
    let mut signer = None;
    for der in &key.cert {
        let certificate = x509_cert::Certificate::from_der(der)?;
        if signer.is_none() {
            signer = Some(IssuerAndSerialNumber {
                issuer: certificate.tbs_certificate.issuer.clone(),
                serial_number: certificate.tbs_certificate.serial_number.clone(),
            });
        }
        certificates.insert(CertificateChoices::Certificate(certificate))?;
    }
    let Some(signer) = signer else {
        return Ok(None);
    };
    let hashed = if digest == SHA_384 {
        Sha384::digest(content).to_vec()
    } else {
        Sha256::digest(content).to_vec()
    };
    let mut attributes = SetOfVec::new();
    for (oid, value) in [
        (CONTENT_TYPE, Any::encode_from(&DATA)?),
        (
            MESSAGE_DIGEST,
            Any::encode_from(&OctetString::new(hashed)?)?,
        ),
        (
            SIGNING_TIME,
            Any::encode_from(&UtcTime::from_unix_duration(now)?)?,
        ),
    ] {
        attributes.insert(x509_cert::attr::Attribute {
            oid,
            values: SetOfVec::try_from(vec![value])?,
        })?;
    }
    // RFC 5652 §5.4: what is signed is the set with its own tag.
    let Some(octets) = sign(&attributes.to_der()?) else {
        return Ok(None);
    };
    let algorithm = |oid| x509_cert::spki::AlgorithmIdentifierOwned {
        oid,
        parameters: None,
    };
    let null = |oid| x509_cert::spki::AlgorithmIdentifierOwned {
        oid,
        parameters: (oid == RSA_SHA_256).then(Any::null),
    };
    let signed = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![algorithm(digest)])?,
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: DATA,
            econtent: Some(Any::new(Tag::OctetString, content)?),
        },
        certificates: Some(CertificateSet(certificates)),
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(vec![SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(signer),
            digest_alg: algorithm(digest),
            signed_attrs: Some(attributes),
            signature_algorithm: null(signature),
            signature: OctetString::new(octets)?,
            unsigned_attrs: None,
        }])?),
    };
    let whole = ContentInfo {
        content_type: SIGNED_DATA,
        content: Any::encode_from(&signed)?,
    };
    whole.to_der().map(Some)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{fs, process::Command};

    use rcgen::{CertificateParams, KeyPair};
    use rustls::crypto::ring;
    use rustls_pki_types::PrivateKeyDer;

    use super::*;

    /// OpenSSL takes the signature for what it is, and not for another content.
    #[test]
    fn openssl_verifies_it() {
        for algorithm in [
            &rcgen::PKCS_ECDSA_P256_SHA256,
            &rcgen::PKCS_ECDSA_P384_SHA384,
        ] {
            let pair = KeyPair::generate_for(algorithm).unwrap();
            let certificate = CertificateParams::new(["mail.example.org".to_owned()])
                .unwrap()
                .self_signed(&pair)
                .unwrap();
            let key = CertifiedKey::from_der(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(pair.serialize_der()).unwrap(),
                &ring::default_provider(),
            )
            .unwrap();
            let directory = tempfile::tempdir().unwrap();
            let (file, authority, out) = (
                directory.path().join("signed"),
                directory.path().join("authority.pem"),
                directory.path().join("out"),
            );
            fs::write(&authority, certificate.pem()).unwrap();
            let verify = |signed: &[u8]| {
                fs::write(&file, signed).unwrap();
                let done = Command::new("openssl")
                    .args(["cms", "-verify", "-inform", "DER", "-purpose", "any"])
                    .arg("-in")
                    .arg(&file)
                    .arg("-CAfile")
                    .arg(&authority)
                    .arg("-out")
                    .arg(&out)
                    .output()
                    .expect("openssl runs (`./test` installs it)");
                (
                    done.status.success(),
                    String::from_utf8_lossy(&done.stderr).into_owned(),
                )
            };
            let mut whole = signed(b"<plist/>", &key, SystemTime::now()).unwrap();
            let (verified, said) = verify(&whole);
            assert!(verified, "{said}");
            assert_eq!(fs::read(&out).unwrap(), b"<plist/>");
            let at = whole
                .windows(8)
                .position(|window| window == b"<plist/>")
                .unwrap();
            whole[at + 1] = b'q';
            assert!(!verify(&whole).0);
        }
    }

    #[test]
    fn a_key_that_devices_do_not_know_signs_nothing() {
        let pair = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let certificate = CertificateParams::new(["mail.example.org".to_owned()])
            .unwrap()
            .self_signed(&pair)
            .unwrap();
        let key = CertifiedKey::from_der(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(pair.serialize_der()).unwrap(),
            &ring::default_provider(),
        )
        .unwrap();
        assert_eq!(signed(b"x", &key, SystemTime::now()), None);
    }
}
