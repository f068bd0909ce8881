//! Keys that sign.

use std::fmt;

use ring::{
    rand::SystemRandom,
    rsa,
    signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject as _};
use sha2::{Digest as _, Sha256};

/// A private key.
pub enum DkimKey {
    /// RSA of 2048 bits and more, which everybody verifies.
    Rsa(Box<RsaKeyPair>),
    /// Ed25519 (RFC 8463), which not everybody does yet.
    Ed25519(Ed25519KeyPair),
}

/// Why a key is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DkimKeyError {
    /// It is not in PEM, or no private key.
    #[error("no private key in PEM")]
    Pem,
    /// It is of another kind, or an RSA key of less than 2048 bits.
    #[error("neither an RSA key of 2048 bits or more nor an Ed25519 key")]
    Kind,
}

impl DkimKey {
    /// Reads a key in PEM: PKCS#8, or PKCS#1 for RSA.
    pub fn from_pem(pem: &[u8]) -> Result<Self, DkimKeyError> {
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| DkimKeyError::Pem)?;
        match key {
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der())
                .map(|key| Self::Rsa(Box::new(key)))
                .map_err(|_| DkimKeyError::Kind),
            PrivateKeyDer::Pkcs8(key) => {
                let der = key.secret_pkcs8_der();
                if let Ok(key) = RsaKeyPair::from_pkcs8(der) {
                    return Ok(Self::Rsa(Box::new(key)));
                }
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                    .map(Self::Ed25519)
                    .map_err(|_| DkimKeyError::Kind)
            }
            _ => Err(DkimKeyError::Kind),
        }
    }

    /// The value of `a=`.
    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa-sha256",
            Self::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// The value of `k=` in the DNS.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa",
            Self::Ed25519(_) => "ed25519",
        }
    }

    /// The public key as it stands in the DNS: SubjectPublicKeyInfo or RSAPublicKey (RFC 6376 §3.6.1 and its erratum 3017), the bare
    /// key for Ed25519 (RFC 8463 §4).
    pub(super) fn public(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => subject_public_key_info(key.public()),
            Self::Ed25519(key) => key.public_key().as_ref().to_vec(),
        }
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    bytes,
                    &mut signature,
                )
                .ok()?;
                Some(signature)
            }
            // RFC 8463 §3: what is signed is the hash.
            Self::Ed25519(key) => Some(key.sign(&Sha256::digest(bytes)).as_ref().to_vec()),
        }
    }
}

/// ring has the RSAPublicKey; around it goes `SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING }`.
fn subject_public_key_info(key: &rsa::PublicKey) -> Vec<u8> {
    const ALGORITHM: [u8; 15] = [
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ];
    let key = key.as_ref();
    let mut bits = vec![0];
    bits.extend_from_slice(key);
    let mut inside = ALGORITHM.to_vec();
    der(0x03, &bits, &mut inside);
    let mut info = Vec::new();
    der(0x30, &inside, &mut info);
    info
}

/// One value in DER, up to 64 KiB long.
fn der(tag: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    match value.len() {
        short @ 0..128 => out.push(short as u8),
        byte @ 128..256 => out.extend_from_slice(&[0x81, byte as u8]),
        long => out.extend_from_slice(&[0x82, (long >> 8) as u8, long as u8]),
    }
    out.extend_from_slice(value);
}

impl fmt::Debug for DkimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.algorithm())
            .field(&"/* REDACTED */")
            .finish()
    }
}
