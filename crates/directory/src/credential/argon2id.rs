//! Argon2id (RFC 9106), kept as a PHC string: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.

use std::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use parking_lot::Mutex;
use subtle::ConstantTimeEq;

use crate::{Argon2Cost, DirectoryError, Secret, random, statistics::Work};

/// A password's Argon2id hash.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Argon2id {
    pub(crate) cost: Argon2Cost,
    pub(crate) salt: Vec<u8>,
    pub(crate) hash: Vec<u8>,
}

impl Argon2id {
    /// Hashes a prepared password under a new salt.
    pub(crate) fn derive(
        password: &Secret,
        cost: Argon2Cost,
        work: &Work,
    ) -> Result<Self, DirectoryError> {
        let salt = random::array::<16>()?.to_vec();
        let mut hash = vec![0; 32];
        if !compute(password.expose(), &salt, cost, &mut hash, work) {
            // The settings were checked at the start, so this takes a cost that only we could have made up.
            return Err(DirectoryError::Setting {
                setting: "argon2",
                value: cost.memory.into(),
                range: "what Argon2 allows",
            });
        }
        Ok(Self { cost, salt, hash })
    }

    /// Reads a PHC string. Costs beyond [`Argon2Cost::check`] are refused: a hash is not to take the machine down.
    pub(crate) fn parse(phc: &str) -> Option<Self> {
        let mut fields = phc.strip_prefix("$argon2id$v=19$")?.split('$');
        let (parameters, salt, hash) = (fields.next()?, fields.next()?, fields.next()?);
        if fields.next().is_some() {
            return None;
        }
        let mut numbers = parameters.split(',');
        let cost = Argon2Cost {
            memory: numbers.next()?.strip_prefix("m=")?.parse().ok()?,
            passes: numbers.next()?.strip_prefix("t=")?.parse().ok()?,
            lanes: numbers.next()?.strip_prefix("p=")?.parse().ok()?,
        };
        if numbers.next().is_some() {
            return None;
        }
        cost.check().ok()?;
        let salt = STANDARD_NO_PAD.decode(salt).ok()?;
        let hash = STANDARD_NO_PAD.decode(hash).ok()?;
        ((8..=64).contains(&salt.len()) && (16..=64).contains(&hash.len())).then_some(Self {
            cost,
            salt,
            hash,
        })
    }

    pub(crate) fn verify(&self, password: &[u8], work: &Work) -> bool {
        let mut hash = vec![0; self.hash.len()];
        compute(password, &self.salt, self.cost, &mut hash, work) && hash.ct_eq(&self.hash).into()
    }
}

impl fmt::Display for Argon2id {
    /// The PHC string.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Argon2Cost {
            memory,
            passes,
            lanes,
        } = self.cost;
        write!(
            f,
            "$argon2id$v=19$m={memory},t={passes},p={lanes}${}${}",
            STANDARD_NO_PAD.encode(&self.salt),
            STANDARD_NO_PAD.encode(&self.hash)
        )
    }
}

impl fmt::Debug for Argon2id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Argon2id({:?}, /* REDACTED */)", self.cost)
    }
}

/// `false` if Argon2 does not take the parameters.
fn compute(password: &[u8], salt: &[u8], cost: Argon2Cost, hash: &mut [u8], work: &Work) -> bool {
    work.argon2id(cost);
    let Ok(parameters) = Params::new(cost.memory, cost.passes, cost.lanes, Some(hash.len())) else {
        return false;
    };
    let mut memory = Memory::of(parameters.block_count());
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into_with_memory(password, salt, hash, &mut memory.0[..])
        .is_ok()
}

/// What one hash fills: some 19 MiB, used again by the next. Blocks of that size that come and go between the small ones of
/// sessions are what an allocator's heap is torn apart by: a thousand sign-ins left half a gigabyte of holes behind.
struct Memory(Vec<Block>);

impl Memory {
    fn of(blocks: usize) -> Self {
        let mut memory = KEPT.lock().pop().unwrap_or_default();
        if memory.len() < blocks {
            memory = vec![Block::new(); blocks];
        }
        Self(memory)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.0);
        let mut kept = KEPT.lock();
        let blocks: usize = kept.iter().map(Vec::len).sum();
        if blocks + memory.len() <= MOST_KEPT {
            kept.push(memory);
        }
    }
}

/// Gives the memory of hashes back: nobody has signed in for a while.
pub(crate) fn release_memory() {
    let kept = std::mem::take(&mut *KEPT.lock());
    drop(kept);
}

/// Memory that no hash uses now. Written by every hash, at its begin and its end.
static KEPT: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

/// How many blocks of a KiB are kept at most: three hashes of the usual cost.
const MOST_KEPT: usize = 64 * 1024;
