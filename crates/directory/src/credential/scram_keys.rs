//! What a server keeps for SCRAM-SHA-256 (RFC 5802 §3, RFC 7677): enough to check a proof, not enough to make one.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{DirectoryError, Secret, random, statistics::Work};

/// The keys of one password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ScramKeys {
    pub(crate) iterations: u32,
    pub(crate) salt: Vec<u8>,
    pub(crate) stored_key: [u8; 32],
    pub(crate) server_key: [u8; 32],
}

impl ScramKeys {
    /// The keys of a prepared password under a new salt.
    pub(crate) fn derive_new(
        password: &Secret,
        iterations: u32,
        work: &Work,
    ) -> Result<Self, DirectoryError> {
        let salt = random::array::<SALT>()?;
        Ok(Self::derive(password, &salt, iterations, work))
    }

    /// ```text
    /// SaltedPassword  := Hi(Normalize(password), salt, i)
    /// ClientKey       := HMAC(SaltedPassword, "Client Key")
    /// StoredKey       := H(ClientKey)
    /// ServerKey       := HMAC(SaltedPassword, "Server Key")
    /// ```
    pub(crate) fn derive(password: &Secret, salt: &[u8], iterations: u32, work: &Work) -> Self {
        work.scram(iterations);
        let mut salted = Zeroizing::new([0; 32]);
        pbkdf2::pbkdf2_hmac::<Sha256>(password.expose(), salt, iterations, &mut salted[..]);
        let client_key = Zeroizing::new(mac(&salted[..], b"Client Key"));
        Self {
            iterations,
            salt: salt.to_vec(),
            stored_key: Sha256::digest(&client_key[..]).into(),
            server_key: mac(&salted[..], b"Server Key"),
        }
    }

    /// Whether `password`, prepared, has these keys.
    pub(crate) fn verify(&self, password: &Secret, work: &Work) -> bool {
        Self::derive(password, &self.salt, self.iterations, work)
            .stored_key
            .ct_eq(&self.stored_key)
            .into()
    }

    /// Whether `proof` shows that the client knows the password.
    ///
    /// ```text
    /// ClientSignature := HMAC(StoredKey, AuthMessage)
    /// ClientProof     := ClientKey XOR ClientSignature
    /// ```
    pub(crate) fn check_proof(&self, auth_message: &[u8], proof: &[u8; 32]) -> bool {
        let mut client_key = Zeroizing::new(mac(&self.stored_key, auth_message));
        for (byte, proof) in client_key.iter_mut().zip(proof) {
            *byte ^= proof;
        }
        Sha256::digest(&client_key[..])[..]
            .ct_eq(&self.stored_key)
            .into()
    }

    /// `ServerSignature := HMAC(ServerKey, AuthMessage)`
    pub(crate) fn server_signature(&self, auth_message: &[u8]) -> [u8; 32] {
        mac(&self.server_key, auth_message)
    }
}

impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScramKeys({}, /* REDACTED */)", self.iterations)
    }
}

/// HMAC-SHA-256.
pub(crate) fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Bytes of a new salt. Decoys have as many.
pub(crate) const SALT: usize = 16;
