//! How the directory's records lie in the store, under [`AccountId::ORGANISATION`].
//!
//! | key | value |
//! |---|---|
//! | `01` | head: how often the directory changed, the next account id |
//! | `02` | the server's secret, 32 random bytes made at the first start |
//! | `03` id | an account |
//! | `04` id | its credentials |
//! | `05` domain | a local domain |
//! | `06` id | the tombstone of a removed account: its address, when it went |
//! | `07` address | a distribution group |
//! | `08` id | the accounts that may send as this one |
//! | `09` id | the accounts that may send on behalf of this one |
//!
//! Ids are 8 bytes, big endian. Every value begins with a version byte. Texts and lists carry their length; a record
//! that is cut off, too long or not UTF-8 is an error of that record ([`StoreError::Damaged`]) and nothing worse.

use std::time::{Duration, SystemTime};

use bytes::{BufMut, Bytes, BytesMut};
use fieldpost_store::{AccountId, StoreError};

use crate::{Account, Address, Group, GroupSenders, Protocols, SendRight};

pub(crate) const HEAD: &[u8] = &[0x01];
pub(crate) const SERVER_SECRET: &[u8] = &[0x02];
pub(crate) const ACCOUNTS: u8 = 0x03;
pub(crate) const CREDENTIALS: u8 = 0x04;
pub(crate) const DOMAINS: u8 = 0x05;
pub(crate) const TOMBSTONES: u8 = 0x06;
pub(crate) const GROUPS: u8 = 0x07;

/// The table of the accounts that have a right to send in another's name.
pub(crate) const fn senders_table(right: SendRight) -> u8 {
    match right {
        SendRight::SendAs => 0x08,
        SendRight::SendOnBehalf => 0x09,
    }
}

/// The record that every change of the directory reads and writes, and so the precondition that orders them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Grows by one with every change.
    pub(crate) mod_seq: u64,
    /// The id of the next account; it never goes back.
    pub(crate) next_id: u64,
}

impl Head {
    pub(crate) const FIRST: Self = Self {
        mod_seq: 0,
        next_id: 1,
    };

    pub(crate) fn encode(self) -> Bytes {
        let mut value = BytesMut::with_capacity(17);
        value.put_u8(VERSION);
        value.put_u64(self.mod_seq);
        value.put_u64(self.next_id);
        value.freeze()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, StoreError> {
        let mut reader = Reader::open(value, "directory head")?;
        let head = Self {
            mod_seq: reader.u64()?,
            next_id: reader.u64()?,
        };
        reader.end()?;
        Ok(head)
    }
}

/// The key of a record named by an id.
pub(crate) fn id_key(table: u8, id: AccountId) -> Bytes {
    let mut key = BytesMut::with_capacity(9);
    key.put_u8(table);
    key.put_u64(id.0);
    key.freeze()
}

/// The id in such a key.
pub(crate) fn key_id(key: &[u8]) -> Result<AccountId, StoreError> {
    match key {
        [_, id @ ..] => match id.try_into() {
            Ok(id) => Ok(AccountId(u64::from_be_bytes(id))),
            Err(_) => Err(damaged("directory key")),
        },
        [] => Err(damaged("directory key")),
    }
}

/// The key of a domain.
pub(crate) fn domain_key(domain: &str) -> Bytes {
    let mut key = BytesMut::with_capacity(1 + domain.len());
    key.put_u8(DOMAINS);
    key.put_slice(domain.as_bytes());
    key.freeze()
}

/// A domain has nothing but its name yet.
pub(crate) fn encode_domain() -> Bytes {
    Bytes::from_static(&[VERSION])
}

pub(crate) fn encode_account(account: &Account) -> Bytes {
    let mut value = BytesMut::with_capacity(128);
    value.put_u8(ACCOUNT_VERSION);
    value.put_u8(u8::from(account.enabled));
    value.put_u32(account.protocols.to_bits());
    value.put_u64(milliseconds(account.created));
    put_text(&mut value, account.address.as_str());
    put_text(&mut value, &account.display_name);
    value.put_u16(account.aliases.len() as u16);
    for alias in &account.aliases {
        put_text(&mut value, alias.as_str());
    }
    value.put_u8(match account.save_sent {
        None => 0,
        Some(true) => 1,
        Some(false) => 2,
    });
    value.freeze()
}

pub(crate) fn decode_account(id: AccountId, value: &[u8]) -> Result<Account, StoreError> {
    let (mut reader, version) = Reader::open_up_to(ACCOUNT_VERSION, value, "account record")?;
    let enabled = reader.u8()? != 0;
    let protocols = Protocols::from_bits(reader.u32()?);
    let created = SystemTime::UNIX_EPOCH + Duration::from_millis(reader.u64()? & (u64::MAX >> 8));
    let address = reader.address()?;
    let display_name = reader.text()?.to_owned();
    let count = reader.u16()?;
    let mut aliases = Vec::new();
    for _ in 0..count {
        aliases.push(reader.address()?);
    }
    let save_sent = match version {
        1 => None,
        _ => match reader.u8()? {
            0 => None,
            1 => Some(true),
            2 => Some(false),
            _ => return Err(damaged("account record: unknown save_sent")),
        },
    };
    reader.end()?;
    Ok(Account {
        id,
        address,
        aliases,
        display_name,
        enabled,
        protocols,
        created,
        save_sent,
    })
}

/// The key of a group.
pub(crate) fn group_key(address: &Address) -> Bytes {
    let mut key = BytesMut::with_capacity(1 + address.as_str().len());
    key.put_u8(GROUPS);
    key.put_slice(address.as_str().as_bytes());
    key.freeze()
}

pub(crate) fn encode_group(group: &Group) -> Bytes {
    let mut value = BytesMut::with_capacity(128);
    value.put_u8(VERSION);
    let (senders, listed) = match &group.senders {
        GroupSenders::Anyone => (0, &[][..]),
        GroupSenders::Members => (1, &[][..]),
        GroupSenders::Listed(listed) => (2, &listed[..]),
    };
    value.put_u8(senders);
    put_text(&mut value, group.address.as_str());
    put_text(&mut value, &group.description);
    for list in [&group.members[..], listed] {
        value.put_u16(list.len() as u16);
        for address in list {
            put_text(&mut value, address.as_str());
        }
    }
    value.freeze()
}

pub(crate) fn decode_group(value: &[u8]) -> Result<Group, StoreError> {
    let mut reader = Reader::open(value, "group record")?;
    let senders = reader.u8()?;
    let address = reader.address()?;
    let description = reader.text()?.to_owned();
    let mut list = || {
        let count = reader.u16()?;
        (0..count)
            .map(|_| reader.address())
            .collect::<Result<Vec<_>, _>>()
    };
    let (members, listed) = (list()?, list()?);
    reader.end()?;
    let senders = match senders {
        0 => GroupSenders::Anyone,
        1 => GroupSenders::Members,
        2 => GroupSenders::Listed(listed),
        _ => return Err(damaged("group record: unknown senders")),
    };
    Ok(Group {
        address,
        description,
        members,
        senders,
    })
}

pub(crate) fn encode_senders(senders: &[AccountId]) -> Bytes {
    let mut value = BytesMut::with_capacity(3 + 8 * senders.len());
    value.put_u8(VERSION);
    value.put_u16(senders.len() as u16);
    for sender in senders {
        value.put_u64(sender.0);
    }
    value.freeze()
}

pub(crate) fn decode_senders(value: &[u8]) -> Result<Vec<AccountId>, StoreError> {
    let mut reader = Reader::open(value, "senders of an account")?;
    let count = reader.u16()?;
    let senders = (0..count)
        .map(|_| reader.u64().map(AccountId))
        .collect::<Result<_, _>>()?;
    reader.end()?;
    Ok(senders)
}

/// What stays of a removed account, so that an operator can see whose old data an id was.
pub(crate) fn encode_tombstone(account: &Account, removed: SystemTime) -> Bytes {
    let mut value = BytesMut::with_capacity(64);
    value.put_u8(VERSION);
    value.put_u64(milliseconds(removed));
    put_text(&mut value, account.address.as_str());
    value.freeze()
}

pub(crate) fn decode_tombstone(value: &[u8]) -> Result<(SystemTime, Address), StoreError> {
    let mut reader = Reader::open(value, "account tombstone")?;
    let removed = SystemTime::UNIX_EPOCH + Duration::from_millis(reader.u64()? & (u64::MAX >> 8));
    let address = reader.address()?;
    reader.end()?;
    Ok((removed, address))
}

/// Appends a text of at most 65,535 bytes with its length.
pub(crate) fn put_text(value: &mut BytesMut, text: &str) {
    put_slice(value, text.as_bytes());
}

/// Appends at most 65,535 bytes with their length.
pub(crate) fn put_slice(value: &mut BytesMut, bytes: &[u8]) {
    debug_assert!(
        u16::try_from(bytes.len()).is_ok(),
        "limits are checked before"
    );
    value.put_u16(bytes.len() as u16);
    value.put_slice(bytes);
}

pub(crate) fn damaged(what: &str) -> StoreError {
    StoreError::Damaged {
        what: what.to_owned(),
    }
}

/// Reads a value field by field; every length is checked.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Begins with a value whose version is known.
    pub(crate) fn open(value: &'a [u8], what: &'static str) -> Result<Self, StoreError> {
        Ok(Self::open_up_to(VERSION, value, what)?.0)
    }

    /// The same for a value that has come in several versions; tells which it is.
    pub(crate) fn open_up_to(
        newest: u8,
        value: &'a [u8],
        what: &'static str,
    ) -> Result<(Self, u8), StoreError> {
        let mut reader = Self { rest: value, what };
        match reader.u8()? {
            version if (VERSION..=newest).contains(&version) => Ok((reader, version)),
            _ => Err(damaged(&format!("{what}: unknown version"))),
        }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, StoreError> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, StoreError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, StoreError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, StoreError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (head, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| self.cut_off())?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn slice(&mut self) -> Result<&'a [u8], StoreError> {
        let length = usize::from(self.u16()?);
        let (head, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| self.cut_off())?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, StoreError> {
        let what = self.what;
        std::str::from_utf8(self.slice()?).map_err(|_| damaged(&format!("{what}: not UTF-8")))
    }

    pub(crate) fn address(&mut self) -> Result<Address, StoreError> {
        let what = self.what;
        Address::parse(self.text()?).map_err(|error| damaged(&format!("{what}: {error}")))
    }

    pub(crate) fn end(&self) -> Result<(), StoreError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(damaged(&format!("{}: too long", self.what)))
        }
    }

    fn cut_off(&self) -> StoreError {
        damaged(&format!("{}: cut off", self.what))
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    // A clock before 1970 is wrong anyway; the account is as good with a wrong date.
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// The version that every value begins with.
const VERSION: u8 = 1;

/// That of an account: version 1 says nothing about `save_sent`.
const ACCOUNT_VERSION: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Protocol;

    fn account() -> Account {
        Account {
            id: AccountId(7),
            address: Address::parse("alice@demo.test").unwrap(),
            aliases: vec![Address::parse("a@demo.test").unwrap()],
            display_name: "Alice \u{c4}".into(),
            enabled: true,
            protocols: Protocols::ALL.without(Protocol::ActiveSync),
            created: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            save_sent: None,
        }
    }

    #[test]
    fn records_come_back_as_they_went() {
        let mut account = account();
        for save_sent in [Some(true), Some(false), None] {
            account.save_sent = save_sent;
            let value = encode_account(&account);
            assert_eq!(decode_account(AccountId(7), &value).unwrap(), account);
        }
        let head = Head {
            mod_seq: 3,
            next_id: 9,
        };
        assert_eq!(Head::decode(&head.encode()).unwrap(), head);
        let key = id_key(ACCOUNTS, AccountId(0x0102));
        assert_eq!(key_id(&key).unwrap(), AccountId(0x0102));
        let gone = decode_tombstone(&encode_tombstone(&account, account.created)).unwrap();
        assert_eq!(gone, (account.created, account.address));
    }

    #[test]
    fn an_account_of_version_1_is_read() {
        let mut value = encode_account(&account()).to_vec();
        value.truncate(value.len() - 1);
        value[0] = 1;
        assert_eq!(decode_account(AccountId(7), &value).unwrap(), account());
    }

    #[test]
    fn a_damaged_record_is_an_error_wherever_it_is_cut_or_longer() {
        let value = encode_account(&account());
        for end in 0..value.len() {
            assert!(
                decode_account(AccountId(7), &value[..end]).is_err(),
                "{end}"
            );
        }
        let mut longer = value.to_vec();
        longer.push(0);
        assert!(decode_account(AccountId(7), &longer).is_err());
        let mut newer = value.to_vec();
        newer[0] = 99;
        assert!(decode_account(AccountId(7), &newer).is_err());
        // Any flipped bit is an error or another account, never a panic.
        for at in 0..value.len() * 8 {
            let mut flipped = value.to_vec();
            flipped[at / 8] ^= 1 << (at % 8);
            let _ = decode_account(AccountId(7), &flipped);
        }
    }
}
