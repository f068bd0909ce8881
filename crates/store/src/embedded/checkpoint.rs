//! The checkpoint: what the index is known to hold durably, so that the next start need not believe the index itself.
//!
//! ```text
//! file    = "FPCK\0\0\0\x01" lsn:u64 clean:u8 next_file:u64 digests crc:u32
//! digests = count:u32 *(account:u64 digest:u128) 256*digest:u128
//! ```

use crate::{AccountId, Lsn, StoreError, disk};

use super::{
    codec::{Cursor, Malformed},
    digest::{Digests, Region},
    inner::{Inner, io_error},
};

pub(crate) const PATH: &str = "checkpoint";
const MAGIC: [u8; 8] = *b"FPCK\0\0\0\x01";
/// 24 bytes an account: enough for forty million of them.
const LIMIT: u64 = 1 << 30;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// Everything up to here is in the index, and on disk there.
    pub(crate) lsn: Lsn,
    /// Written as the last thing of an orderly stop.
    pub(crate) clean: bool,
    /// No file has this number or a higher one, but those made since.
    pub(crate) next_file: u64,
    /// The digests at `lsn`.
    pub(crate) digests: Digests,
}

impl Checkpoint {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + 24 * self.digests.accounts.len() + 4096);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.lsn.0.to_le_bytes());
        out.push(u8::from(self.clean));
        out.extend_from_slice(&self.next_file.to_le_bytes());
        put_digests(&mut out, &self.digests);
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    pub(crate) fn decode(data: &[u8]) -> Result<Self, Malformed> {
        let (covered, crc) = data.split_last_chunk().ok_or(Malformed)?;
        if crc32c::crc32c(covered) != u32::from_le_bytes(*crc) {
            return Err(Malformed);
        }
        let mut cursor = Cursor::new(covered);
        if cursor.array()? != MAGIC {
            return Err(Malformed);
        }
        let checkpoint = Self {
            lsn: Lsn(cursor.u64()?),
            clean: cursor.u8()? == 1,
            next_file: cursor.u64()?,
            digests: take_digests(&mut cursor)?,
        };
        if cursor.is_empty() {
            Ok(checkpoint)
        } else {
            Err(Malformed)
        }
    }

    /// The checkpoint on disk; `None` if there is none or it is damaged, which costs a rebuild and nothing else.
    pub(crate) fn read(disk: &dyn disk::Disk) -> Result<Option<Self>, StoreError> {
        let data =
            disk::read_file(disk, PATH, LIMIT).map_err(io_error("reading the checkpoint"))?;
        Ok(data.and_then(|data| {
            let decoded = Self::decode(&data);
            if decoded.is_err() {
                tracing::warn!("the checkpoint is damaged: the index will be rebuilt");
            }
            decoded.ok()
        }))
    }

    pub(crate) fn write(&self, disk: &dyn disk::Disk) -> Result<(), StoreError> {
        disk::replace_file(disk, PATH, &self.encode()).map_err(io_error("writing the checkpoint"))
    }
}

impl Inner {
    /// Makes the index durable as it is now and writes that down.
    pub(crate) fn checkpoint(&self, clean: bool) -> Result<(), StoreError> {
        let _one = self.keeper.checkpointing.lock();
        let (lsn, digests) = {
            let applied = self.applied.lock();
            (applied.lsn, applied.digests.clone())
        };
        self.with_index(|index| {
            index.sync()?;
            index.renew()
        })?;
        Checkpoint {
            lsn,
            clean,
            next_file: self.next_file.load(std::sync::atomic::Ordering::Relaxed),
            digests,
        }
        .write(&*self.disk)?;
        self.keeper.checkpointed(lsn);
        Ok(())
    }
}

pub(crate) fn put_digests(out: &mut Vec<u8>, digests: &Digests) {
    out.extend_from_slice(&(digests.accounts.len() as u32).to_le_bytes());
    for (account, digest) in &digests.accounts {
        out.extend_from_slice(&account.0.to_le_bytes());
        out.extend_from_slice(&digest.to_le_bytes());
    }
    for digest in digests.buckets.iter() {
        out.extend_from_slice(&digest.to_le_bytes());
    }
}

pub(crate) fn take_digests(cursor: &mut Cursor<'_>) -> Result<Digests, Malformed> {
    let count = cursor.u32()? as usize;
    if count > cursor.remaining() / 24 {
        return Err(Malformed);
    }
    let mut digests = Digests::default();
    for _ in 0..count {
        let account = AccountId(cursor.u64()?);
        digests.set(Region::Account(account), cursor.u128()?);
    }
    for bucket in 0..=255 {
        digests.set(Region::Bucket(bucket), cursor.u128()?);
    }
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_comes_back_and_no_flipped_bit_passes() {
        let mut digests = Digests::default();
        digests.set(Region::Account(AccountId(3)), 77);
        digests.set(Region::Bucket(255), u128::MAX);
        let checkpoint = Checkpoint {
            lsn: Lsn(9),
            clean: true,
            next_file: 12,
            digests,
        };
        let data = checkpoint.encode();
        assert_eq!(Checkpoint::decode(&data), Ok(checkpoint));
        for bit in (0..data.len() * 8).step_by(13) {
            let mut flipped = data.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Checkpoint::decode(&flipped).is_err());
        }
        assert!(Checkpoint::decode(&data[..data.len() - 1]).is_err());
    }
}
