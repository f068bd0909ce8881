//! Credentials: a list of verifiers for each account.
//!
//! Each verifier can say of one kind of proof whether it is right, and none can be turned back into the password.
//! Argon2id is what passwords are checked against; SCRAM keys let clients prove that they know the password without
//! sending it; verifiers imported from elsewhere serve until their password is seen once, then give way to the first two.

mod argon2id;
mod foreign;
mod scram_keys;

use bytes::{BufMut, Bytes, BytesMut};
use fieldpost_store::StoreError;

pub(crate) use argon2id::{Argon2id, release_memory};
pub(crate) use foreign::{Foreign, Refused, Taken, take};
pub(crate) use scram_keys::{SALT, ScramKeys, mac};

use crate::{
    Argon2Cost, DirectoryError, Secret, Settings,
    record::{Reader, damaged, put_slice, put_text},
    statistics::Work,
};

/// All verifiers of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// Another one whenever the password changes, and only then: what was remembered under the old one no longer counts.
    pub(crate) generation: u64,
    verifiers: Vec<Verifier>,
}

impl Credentials {
    /// Hashes a password in every form we keep. Takes as long as the settings say: not for async threads.
    pub(crate) fn derive(
        password: &Secret,
        generation: u64,
        settings: &Settings,
        work: &Work,
    ) -> Result<Self, DirectoryError> {
        let prepared = password.prepared();
        Ok(Self {
            generation,
            verifiers: vec![
                Verifier::Argon2id(Argon2id::derive(&prepared, settings.argon2, work)?),
                Verifier::ScramSha256(ScramKeys::derive_new(
                    &prepared,
                    settings.scram_iterations,
                    work,
                )?),
            ],
        })
    }

    /// What was imported.
    pub(crate) fn imported(verifier: Verifier, generation: u64) -> Self {
        Self {
            generation,
            verifiers: vec![verifier],
        }
    }

    /// The verifier that a password is checked against.
    pub(crate) fn password_verifier(&self) -> Option<&Verifier> {
        self.verifiers
            .iter()
            .find(|verifier| !matches!(verifier, Verifier::ScramSha256(_)))
            .or_else(|| self.verifiers.first())
    }

    pub(crate) fn scram(&self) -> Option<&ScramKeys> {
        self.verifiers.iter().find_map(|verifier| match verifier {
            Verifier::ScramSha256(keys) => Some(keys),
            Verifier::Argon2id(_) | Verifier::Foreign(_) => None,
        })
    }

    /// Whether they are not what [`derive`](Self::derive) would make today.
    pub(crate) fn is_outdated(&self, settings: &Settings) -> bool {
        let current = |verifier: &Verifier| match verifier {
            Verifier::Argon2id(hash) => hash.cost == settings.argon2,
            Verifier::ScramSha256(keys) => keys.iterations == settings.scram_iterations,
            Verifier::Foreign(_) => false,
        };
        self.verifiers.len() != 2 || !self.verifiers.iter().all(current)
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut value = BytesMut::with_capacity(256);
        value.put_u8(1);
        value.put_u64(self.generation);
        value.put_u8(self.verifiers.len() as u8);
        for verifier in &self.verifiers {
            match verifier {
                Verifier::Argon2id(hash) => {
                    value.put_u8(ARGON2ID);
                    put_text(&mut value, &hash.to_string());
                }
                Verifier::ScramSha256(keys) => {
                    value.put_u8(SCRAM_SHA_256);
                    value.put_u32(keys.iterations);
                    put_slice(&mut value, &keys.salt);
                    value.put_slice(&keys.stored_key);
                    value.put_slice(&keys.server_key);
                }
                Verifier::Foreign(hash) => {
                    value.put_u8(FOREIGN);
                    put_text(&mut value, &hash.to_string());
                }
            }
        }
        value.freeze()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, StoreError> {
        const WHAT: &str = "credential record";
        let mut reader = Reader::open(value, WHAT)?;
        let generation = reader.u64()?;
        let count = reader.u8()?;
        let mut verifiers = Vec::new();
        for _ in 0..count {
            verifiers.push(match reader.u8()? {
                ARGON2ID => Verifier::Argon2id(
                    Argon2id::parse(reader.text()?).ok_or_else(|| damaged(WHAT))?,
                ),
                SCRAM_SHA_256 => Verifier::ScramSha256(ScramKeys {
                    iterations: reader.u32()?,
                    salt: reader.slice()?.to_vec(),
                    stored_key: reader.array()?,
                    server_key: reader.array()?,
                }),
                FOREIGN => {
                    Verifier::Foreign(Foreign::parse(reader.text()?).ok_or_else(|| damaged(WHAT))?)
                }
                _ => return Err(damaged(WHAT)),
            });
        }
        reader.end()?;
        Ok(Self {
            generation,
            verifiers,
        })
    }
}

/// One way to check one kind of proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verifier {
    /// A password, by Argon2id.
    Argon2id(Argon2id),
    /// SCRAM-SHA-256's keys.
    ScramSha256(ScramKeys),
    /// A password, by what another server stored.
    Foreign(Foreign),
}

impl Verifier {
    /// Whether `password` is the one. Takes as long as [`cost`](Self::cost) says: not for async threads.
    pub(crate) fn verify(&self, password: &Secret, work: &Work) -> bool {
        let prepared = password.prepared();
        match self {
            Self::Argon2id(hash) => {
                hash.verify(prepared.expose(), work) || {
                    // What we hashed is prepared; an imported hash was made from whatever the client had sent.
                    prepared != *password && hash.verify(password.expose(), work)
                }
            }
            Self::ScramSha256(keys) => keys.verify(&prepared, work),
            Self::Foreign(hash) => {
                hash.verify(password.expose(), work)
                    || (prepared != *password && hash.verify(prepared.expose(), work))
            }
        }
    }

    pub(crate) fn cost(&self) -> Cost {
        match self {
            Self::Argon2id(hash) => Cost::Argon2id(hash.cost),
            Self::ScramSha256(keys) => Cost::Scram {
                iterations: keys.iterations,
            },
            Self::Foreign(hash) => hash.cost(),
        }
    }
}

/// What checking one password costs. For unknown users the cost of some known user is spent, so that the time of a
/// refusal tells nothing about who exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Cost {
    Argon2id(Argon2Cost),
    Scram { iterations: u32 },
    Sha512Crypt { rounds: u32 },
    Sha256Crypt { rounds: u32 },
    Bcrypt { cost: u32 },
    Ssha,
}

impl Cost {
    /// A verifier of this cost that no password satisfies.
    pub(crate) fn decoy(self) -> Verifier {
        match self {
            Self::Argon2id(cost) => Verifier::Argon2id(Argon2id {
                cost,
                salt: vec![0; 16],
                hash: vec![0; 32],
            }),
            Self::Scram { iterations } => Verifier::ScramSha256(ScramKeys {
                iterations,
                salt: vec![0; 16],
                stored_key: [0; 32],
                server_key: [0; 32],
            }),
            Self::Sha512Crypt { .. }
            | Self::Sha256Crypt { .. }
            | Self::Bcrypt { .. }
            | Self::Ssha => Verifier::Foreign(Foreign::decoy(self)),
        }
    }
}

// Tags of verifiers in a credential record.
const ARGON2ID: u8 = 1;
const SCRAM_SHA_256: u8 = 2;
const FOREIGN: u8 = 3;

#[cfg(test)]
mod tests;
