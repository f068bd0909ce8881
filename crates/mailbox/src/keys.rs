//! Where an account's records lie in the store. Everything lies under the account's own id; numbers are big-endian,
//! so that keys sort as the numbers do.
//!
//! | table | key | value | written |
//! |---|---|---|---|
//! | 0x40 head | table | [`crate::head::Head`]: counters, quota | by every commit, which requires its old value |
//! | 0x41 folders | table, folder u64 | [`crate::folder::Folder`]: name, uid and change counters | when the folder or an item in it changes |
//! | 0x42 labels | table | [`crate::labels::Labels`]: the keywords and categories behind the rows' bits | when a new one is first used |
//! | 0x43 blocks | table, folder u64, first uid u32 | packed rows ([`crate::index::block`]) up to the next block's first uid | by a fold |
//! | 0x44 changes | table, folder u64, mod_seq u64, part u16 | the rows that got this mod_seq, packed likewise | by each change, until a fold takes them into their blocks |
//! | 0x45 tombstones | table, folder u64, mod_seq u64, part u16 | what left ([`crate::change_log`]) | by each expunge and move, until purged |
//! | 0x46 items | table, folder u64, uid u32 | [`crate::item::record::ItemRecord`]: what never changes of an item | when it enters the folder, until it leaves |
//! | 0x47 folder tombstones | table, mod_seq u64, folder u64 | when the folder was deleted, seconds | by a deletion, until purged |
//! | 0x48 threads | table, hash of a message-id or subject (16 bytes) | thread u64, turn u64 | by a delivery |
//! | 0x49 thread turns | table, turn u64 | the hashes written in that turn | by a delivery, until the oldest makes room |
//! | 0x4a adopted | table, uid_validity u32 | the folder that took it over from another server, u64; its uid_next u32 when all mail of that server was there | once, and stays for ever; again when more of that server's mail is there |
//! | 0x4b imported | table, hash of a folder elsewhere (16 bytes), hash of an item in it (16 bytes) | [`crate::item::imported::Imported`]: what became of it | with the item, and when its flags there change |
//! | 0x50 devices | table, length u8, device id | [`crate::device::Device`]: what a device says of itself, its policy | when it changes |
//! | 0x51 sync states | table, length u8, device id, folder u64, slot u8, part u16 | one of two generations of what a device holds of a folder ([`crate::device::Generation`]), or of the list of folders (folder 0) | by each synchronisation that moves something |
//! | 0x52 outbox | table, entry u64 | [`crate::outbox::OutgoingRecord`]: a message on its way out | when it is posted, and with each attempt, until it is done |
//! | 0x52 outbox | table, entry u64, number u32 | what the sender of mail knows of one recipient | likewise |
//! | 0x53 outboxes | table, account u64 | nothing: the account may have entries in its outbox; lies under the organisation | before the account's first entry, until a start finds none |
//! | 0x54 out of office | table | [`crate::OutOfOffice`]: what is answered while the owner is away | when it is set |
//! | 0x55 answered | table, day u32, hash of absence and sender (16 bytes) | nothing: he was answered on that day | by an answer, until it is a week old |

use bytes::{BufMut, Bytes, BytesMut};

use fieldpost_store::AccountId;

use crate::{DeviceId, EntryId, FolderId};

pub(crate) const FOLDERS: u8 = 0x41;
pub(crate) const BLOCKS: u8 = 0x43;
pub(crate) const CHANGES: u8 = 0x44;
pub(crate) const TOMBSTONES: u8 = 0x45;
pub(crate) const ITEMS: u8 = 0x46;
pub(crate) const FOLDER_TOMBSTONES: u8 = 0x47;
const THREADS: u8 = 0x48;
const THREAD_TURNS: u8 = 0x49;
const ADOPTED: u8 = 0x4a;
const IMPORTED: u8 = 0x4b;
pub(crate) const DEVICES: u8 = 0x50;
pub(crate) const SYNC_STATES: u8 = 0x51;
pub(crate) const OUTBOX: u8 = 0x52;
pub(crate) const OUTBOXES: u8 = 0x53;
const OUT_OF_OFFICE: u8 = 0x54;
pub(crate) const ANSWERED: u8 = 0x55;

pub(crate) fn head() -> Bytes {
    Bytes::from_static(&[0x40])
}

pub(crate) fn labels() -> Bytes {
    Bytes::from_static(&[0x42])
}

pub(crate) fn folder(folder: FolderId) -> Bytes {
    of_folder(FOLDERS, folder, 0).freeze()
}

/// The start of all keys of `folder` in `table`.
pub(crate) fn folder_prefix(table: u8, folder: FolderId) -> Bytes {
    of_folder(table, folder, 0).freeze()
}

pub(crate) fn block(folder: FolderId, first_uid: u32) -> Bytes {
    by_uid(BLOCKS, folder, first_uid)
}

pub(crate) fn item(folder: FolderId, uid: u32) -> Bytes {
    by_uid(ITEMS, folder, uid)
}

pub(crate) fn change(folder: FolderId, mod_seq: u64, part: u16) -> Bytes {
    by_mod_seq(CHANGES, folder, mod_seq, part)
}

pub(crate) fn tombstone(folder: FolderId, mod_seq: u64, part: u16) -> Bytes {
    by_mod_seq(TOMBSTONES, folder, mod_seq, part)
}

pub(crate) fn folder_tombstone(mod_seq: u64, folder: FolderId) -> Bytes {
    let mut key = BytesMut::with_capacity(17);
    key.put_u8(FOLDER_TOMBSTONES);
    key.put_u64(mod_seq);
    key.put_u64(folder.0);
    key.freeze()
}

pub(crate) fn thread(hash: &[u8; 16]) -> Bytes {
    let mut key = BytesMut::with_capacity(17);
    key.put_u8(THREADS);
    key.put_slice(hash);
    key.freeze()
}

pub(crate) fn thread_turn(turn: u64) -> Bytes {
    let mut key = BytesMut::with_capacity(9);
    key.put_u8(THREAD_TURNS);
    key.put_u64(turn);
    key.freeze()
}

pub(crate) fn adopted(uid_validity: u32) -> Bytes {
    let mut key = BytesMut::with_capacity(5);
    key.put_u8(ADOPTED);
    key.put_u32(uid_validity);
    key.freeze()
}

pub(crate) fn imported(folder: &[u8; 16], item: &[u8; 16]) -> Bytes {
    let mut key = BytesMut::with_capacity(33);
    key.put_slice(&imported_from(folder));
    key.put_slice(item);
    key.freeze()
}

/// The start of the keys of all that came from a folder elsewhere.
pub(crate) fn imported_from(folder: &[u8; 16]) -> Bytes {
    let mut key = BytesMut::with_capacity(17);
    key.put_u8(IMPORTED);
    key.put_slice(folder);
    key.freeze()
}

/// The item's hash in a key made by [`imported`].
pub(crate) fn imported_item(key: &[u8]) -> Option<[u8; 16]> {
    key.get(17..)?.try_into().ok()
}

pub(crate) fn device(id: &DeviceId) -> Bytes {
    of_device(DEVICES, id, 0).freeze()
}

/// The start of the keys of all sync states of a device.
pub(crate) fn sync_states(id: &DeviceId) -> Bytes {
    of_device(SYNC_STATES, id, 0).freeze()
}

/// The start of the keys of both generations of a sync state.
pub(crate) fn sync_state(id: &DeviceId, folder: FolderId) -> Bytes {
    let mut key = of_device(SYNC_STATES, id, 8);
    key.put_u64(folder.0);
    key.freeze()
}

pub(crate) fn sync_state_part(id: &DeviceId, folder: FolderId, slot: u8, part: u16) -> Bytes {
    let mut key = of_device(SYNC_STATES, id, 11);
    key.put_u64(folder.0);
    key.put_u8(slot);
    key.put_u16(part);
    key.freeze()
}

/// A message on its way out; also the start of the keys of its recipients.
pub(crate) fn outgoing(id: EntryId) -> Bytes {
    let mut key = BytesMut::with_capacity(9);
    key.put_u8(OUTBOX);
    key.put_u64(id.0);
    key.freeze()
}

pub(crate) fn outgoing_recipient(id: EntryId, number: u32) -> Bytes {
    let mut key = BytesMut::with_capacity(13);
    key.put_u8(OUTBOX);
    key.put_u64(id.0);
    key.put_u32(number);
    key.freeze()
}

/// The entry in a key of the outbox, and the recipient, if it is one's.
pub(crate) fn of_outgoing(key: &[u8]) -> Option<(EntryId, Option<u32>)> {
    let id = EntryId(number(key, 1)?);
    match key.get(9..)? {
        [] => Some((id, None)),
        recipient => Some((id, Some(u32::from_be_bytes(recipient.try_into().ok()?)))),
    }
}

/// The organisation's note that `account` has an outbox.
pub(crate) fn outbox_of(account: AccountId) -> Bytes {
    let mut key = BytesMut::with_capacity(9);
    key.put_u8(OUTBOXES);
    key.put_u64(account.0);
    key.freeze()
}

pub(crate) fn out_of_office() -> Bytes {
    Bytes::from_static(&[OUT_OF_OFFICE])
}

/// Whoever `name` stands for was answered on that day since 1970.
pub(crate) fn answered(day: u32, name: &[u8; 16]) -> Bytes {
    let mut key = BytesMut::with_capacity(21);
    key.put_u8(ANSWERED);
    key.put_u32(day);
    key.put_slice(name);
    key.freeze()
}

/// The folder of a key made by [`sync_state_part`].
pub(crate) fn sync_state_folder(key: &[u8]) -> Option<FolderId> {
    number(key, key.len().checked_sub(11)?).map(FolderId)
}

fn of_device(table: u8, id: &DeviceId, room: usize) -> BytesMut {
    let id = id.as_str().as_bytes();
    let mut key = BytesMut::with_capacity(2 + id.len() + room);
    key.put_u8(table);
    key.put_u8(id.len() as u8);
    key.put_slice(id);
    key
}

/// The uid at the end of a key made by [`block`] or [`item`].
pub(crate) fn uid_of(key: &[u8]) -> Option<u32> {
    let uid = key.get(9..13)?;
    (key.len() == 13).then(|| u32::from_be_bytes([uid[0], uid[1], uid[2], uid[3]]))
}

/// The folder in any key that names one first.
pub(crate) fn folder_of(key: &[u8]) -> Option<FolderId> {
    number(key, 1).map(FolderId)
}

/// The mod_seq in a key made by [`change`] or [`tombstone`].
pub(crate) fn mod_seq_of(key: &[u8]) -> Option<u64> {
    number(key, 9)
}

/// The number at `at` of `key`.
pub(crate) fn number(key: &[u8], at: usize) -> Option<u64> {
    let bytes = key.get(at..at + 8)?;
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// The first key behind `key`.
pub(crate) fn behind(key: &[u8]) -> Bytes {
    let mut next = BytesMut::with_capacity(key.len() + 1);
    next.put_slice(key);
    next.put_u8(0);
    next.freeze()
}

fn of_folder(table: u8, folder: FolderId, room: usize) -> BytesMut {
    let mut key = BytesMut::with_capacity(9 + room);
    key.put_u8(table);
    key.put_u64(folder.0);
    key
}

fn by_uid(table: u8, folder: FolderId, uid: u32) -> Bytes {
    let mut key = of_folder(table, folder, 4);
    key.put_u32(uid);
    key.freeze()
}

fn by_mod_seq(table: u8, folder: FolderId, mod_seq: u64, part: u16) -> Bytes {
    let mut key = of_folder(table, folder, 10);
    key.put_u64(mod_seq);
    key.put_u16(part);
    key.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_their_numbers_do() {
        assert!(block(FolderId(1), u32::MAX) < block(FolderId(2), 0));
        assert!(block(FolderId(1), 255) < block(FolderId(1), 256));
        assert!(change(FolderId(1), 9, u16::MAX) < change(FolderId(1), 10, 0));
        assert_eq!(uid_of(&item(FolderId(3), 77)), Some(77));
        assert_eq!(folder_of(&item(FolderId(3), 77)), Some(FolderId(3)));
        assert_eq!(mod_seq_of(&tombstone(FolderId(3), 9, 1)), Some(9));
        assert_eq!(uid_of(b"short"), None);
    }
}
