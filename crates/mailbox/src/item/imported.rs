//! What became of the items of another server, so that importing from there again brings nothing twice.
//!
//! An item is remembered for ever, in the commit that takes it in: what was deleted or moved here since does not come back.
//! Who imports says what makes an item one and the same ([`ImportKey`]); nothing here knows how other servers name theirs.

use std::collections::HashMap;

use bytes::Bytes;
use fieldpost_store::Scan;

use crate::{
    Error, Flags, FolderId, Mailbox,
    error::Malformed,
    keys,
    pages::Pages,
    record::{Reader, Writer},
    transaction::Attempts,
};

/// One item of another server.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ImportKey {
    /// A hash of what names its folder there.
    pub folder: [u8; 16],
    /// A hash of what names it in that folder.
    pub item: [u8; 16],
}

/// What became of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Imported {
    /// The folder that it was put into.
    pub folder: FolderId,
    /// Its uid there; it may have left since.
    pub uid: u32,
    /// Its flags on the other server when that was last looked at.
    pub flags: Flags,
    /// Its keywords there likewise.
    pub keywords: Vec<String>,
}

impl Mailbox {
    /// All that came from a folder of another server, by its items' hashes. Some 100 bytes an item.
    pub async fn imported(&self, folder: &[u8; 16]) -> Result<HashMap<[u8; 16], Imported>, Error> {
        let scan = Scan::prefix(keys::imported_from(folder));
        let mut pages = Pages::new(&*self.mailboxes.store, self.account(), scan);
        let mut found = HashMap::new();
        while let Some((key, value)) = pages.next().await? {
            // One that does not read costs a second copy, no more.
            if let (Some(item), Ok(imported)) =
                (keys::imported_item(&key), Imported::decode(&value))
            {
                found.insert(item, imported);
            }
        }
        Ok(found)
    }

    /// Remembers what the other server says of items by now.
    pub async fn note_imported(&self, items: &[(ImportKey, Imported)]) -> Result<(), Error> {
        for some in items.chunks(NOTED_AT_ONCE) {
            let mut attempts = Attempts::new();
            loop {
                let mut transaction = self.begin().await?;
                for (key, imported) in some {
                    let key = keys::imported(&key.folder, &key.item);
                    transaction.commit.put(key, imported.encode());
                }
                if transaction.commit(&mut attempts).await? {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Imported {
    pub(crate) fn encode(&self) -> Bytes {
        let mut writer = Writer::with_capacity(32);
        writer.byte(VERSION);
        writer.number(self.folder.0);
        writer.number(u64::from(self.uid));
        writer.number(u64::from(self.flags.0));
        writer.number(self.keywords.len() as u64);
        for keyword in &self.keywords {
            writer.bytes(keyword.as_bytes());
        }
        writer.0.into()
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        reader.version(VERSION)?;
        let folder = FolderId(reader.number()?);
        let uid = u32::try_from(reader.number()?).map_err(|_| Malformed::Range)?;
        let flags = Flags(u8::try_from(reader.number()?).map_err(|_| Malformed::Range)?);
        let mut keywords = Vec::new();
        // Each takes a byte at least, so a broken count ends with the record.
        for _ in 0..reader.number()? {
            keywords.push(String::from_utf8_lossy(reader.bytes()?).into_owned());
        }
        Ok(Self {
            folder,
            uid,
            flags,
            keywords,
        })
    }
}

const VERSION: u8 = 1;

/// How many are noted in one commit.
const NOTED_AT_ONCE: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_and_a_broken_one_is_refused() {
        let imported = Imported {
            folder: FolderId(7),
            uid: 4_000_000_000,
            flags: Flags::SEEN | Flags::DRAFT,
            keywords: vec!["$Forwarded".into(), "work".into()],
        };
        let bytes = imported.encode();
        assert_eq!(Imported::decode(&bytes).unwrap(), imported);
        for end in 0..bytes.len() {
            assert!(Imported::decode(&bytes[..end]).is_err(), "{end}");
        }
    }
}
