//! Export and import: the logical content of any store as a stream of bytes, into any other.
//!
//! ```text
//! stream  = "fieldpost export 1\n" *record
//! record  = kind:u8 len:u32 data crc:u32                  ; CRC-32C over kind, len and data
//! kind    = 1 pair:   account:u64 keylen:u16 key value
//!         / 2 body:   id:16 size:u64
//!         / 3 chunk of that body
//!         / 4 hold:   account:u64 item:u64                ; of the body before it
//!         / 5 end:    pairs:u64 bodies:u64 holds:u64
//! ```
//!
//! Integers are little-endian. Bodies follow all pairs, each with those who hold it. An export of a store in use holds
//! each account as it was while its pairs were read; for one moment in time, export a backup.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
};

use bytes::Bytes;

use crate::{
    AccountId, BodyId, Commit, Committed, Hold, MAX_KEY, MAX_VALUE, Scan, StageOptions, StagedBody,
    Store, StoreError,
};

const HEADER: &[u8] = b"fieldpost export 1\n";
const PAIR: u8 = 1;
const BODY: u8 = 2;
const CHUNK: u8 = 3;
const HOLD: u8 = 4;
const END: u8 = 5;
const MAX_RECORD: usize = MAX_VALUE + MAX_KEY + 64;
/// Pairs are committed in batches of about this many bytes.
const BATCH_BYTES: usize = 1024 * 1024;

/// What went through an export or an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transferred {
    /// Keys with their values.
    pub pairs: u64,
    /// Bodies.
    pub bodies: u64,
    /// Bytes of bodies.
    pub body_bytes: u64,
    /// Holders of bodies.
    pub holds: u64,
}

/// Writes the content of `store`, all of it or some accounts only.
pub async fn export(
    store: &dyn Store,
    accounts: Option<&BTreeSet<AccountId>>,
    out: &mut (dyn Write + Send),
    progress: &mut (dyn FnMut(&Transferred) + Send),
) -> Result<Transferred, StoreError> {
    let wanted = |account: AccountId| accounts.is_none_or(|wanted| wanted.contains(&account));
    let mut done = Transferred::default();
    out.write_all(HEADER).map_err(writing)?;
    let mut after = None;
    loop {
        let page = store.accounts(after, 1000).await?;
        let Some(last) = page.last() else { break };
        after = Some(*last);
        for account in page.into_iter().filter(|account| wanted(*account)) {
            export_pairs(store, account, out, &mut done, progress).await?;
        }
    }
    let mut after = None;
    let mut body = None;
    loop {
        let page = store.holds(after, 1000).await?;
        let Some(last) = page.last() else { break };
        after = Some(*last);
        for hold in page.into_iter().filter(|hold| wanted(hold.account)) {
            if body != Some(hold.body) {
                export_body(store, hold.body, out, &mut done).await?;
                body = Some(hold.body);
                progress(&done);
            }
            let mut data = hold.account.0.to_le_bytes().to_vec();
            data.extend_from_slice(&hold.item.to_le_bytes());
            put(out, HOLD, &data)?;
            done.holds += 1;
        }
    }
    let mut end = done.pairs.to_le_bytes().to_vec();
    end.extend_from_slice(&done.bodies.to_le_bytes());
    end.extend_from_slice(&done.holds.to_le_bytes());
    put(out, END, &end)?;
    out.flush().map_err(writing)?;
    Ok(done)
}

/// Brings an exported stream into `store`. Keys that are there already are overwritten, bodies keep their ids.
/// An error leaves what was brought in before it; the same stream can be imported again.
pub async fn import(
    store: &dyn Store,
    input: &mut (dyn Read + Send),
    progress: &mut (dyn FnMut(&Transferred) + Send),
) -> Result<Transferred, StoreError> {
    let mut header = [0; HEADER.len()];
    input
        .read_exact(&mut header)
        .map_err(|_| damaged("it has no header"))?;
    if header != HEADER {
        return Err(damaged("it is no fieldpost export of version 1"));
    }
    let mut done = Transferred::default();
    let mut batch = Commit::default();
    let mut batch_bytes = 0;
    let mut body: Option<StagedBody> = None;
    loop {
        let (kind, data) = take(input)?;
        if kind != PAIR && !batch.ops.is_empty() {
            commit(store, std::mem::take(&mut batch)).await?;
            batch_bytes = 0;
        }
        match kind {
            PAIR => {
                let (account, key, value) = parse_pair(&data)?;
                if account != batch.account || batch_bytes > BATCH_BYTES {
                    commit(store, std::mem::replace(&mut batch, Commit::new(account))).await?;
                    batch_bytes = 0;
                    progress(&done);
                }
                batch_bytes += data.len();
                batch.put(key, value);
                done.pairs += 1;
            }
            BODY => {
                let (id, size) = parse_body(&data)?;
                body = Some(import_body(store, input, id, size).await?);
                done.bodies += 1;
                done.body_bytes += size;
                progress(&done);
            }
            HOLD => {
                let body = body
                    .as_ref()
                    .ok_or_else(|| damaged("a holder without a body"))?;
                let (account, item) = parse_hold(&data)?;
                let mut hold = Commit::new(account);
                hold.hold(body.id, item);
                hold.bodies.push(body.clone());
                commit(store, hold).await?;
                done.holds += 1;
            }
            END => {
                let mut expected = done.pairs.to_le_bytes().to_vec();
                expected.extend_from_slice(&done.bodies.to_le_bytes());
                expected.extend_from_slice(&done.holds.to_le_bytes());
                if data[..] != expected[..] {
                    return Err(damaged("its end counts something else than what came"));
                }
                progress(&done);
                return Ok(done);
            }
            _ => return Err(damaged("a record of an unknown kind")),
        }
    }
}

async fn export_pairs(
    store: &dyn Store,
    account: AccountId,
    out: &mut (dyn Write + Send),
    done: &mut Transferred,
    progress: &mut (dyn FnMut(&Transferred) + Send),
) -> Result<(), StoreError> {
    let mut scan = Scan::prefix(Bytes::new());
    loop {
        let pairs = store.scan(account, scan.clone()).await?;
        let Some((last, _)) = pairs.last() else {
            return Ok(());
        };
        let mut next = last.to_vec();
        next.push(0);
        scan.start = next.into();
        for (key, value) in pairs {
            let mut data = Vec::with_capacity(10 + key.len() + value.len());
            data.extend_from_slice(&account.0.to_le_bytes());
            data.extend_from_slice(&(key.len() as u16).to_le_bytes());
            data.extend_from_slice(&key);
            data.extend_from_slice(&value);
            put(out, PAIR, &data)?;
            done.pairs += 1;
        }
        progress(done);
    }
}

async fn export_body(
    store: &dyn Store,
    id: BodyId,
    out: &mut (dyn Write + Send),
    done: &mut Transferred,
) -> Result<(), StoreError> {
    let mut reader = store.body(id, 0..u64::MAX).await?;
    let size = reader.remaining();
    let mut data = id.0.to_vec();
    data.extend_from_slice(&size.to_le_bytes());
    put(out, BODY, &data)?;
    while let Some(chunk) = reader.next().await? {
        put(out, CHUNK, &chunk)?;
    }
    done.bodies += 1;
    done.body_bytes += size;
    Ok(())
}

async fn import_body(
    store: &dyn Store,
    input: &mut (dyn Read + Send),
    id: BodyId,
    size: u64,
) -> Result<StagedBody, StoreError> {
    let options = StageOptions {
        id: Some(id),
        size_hint: Some(size),
        ..StageOptions::default()
    };
    let mut writer = store.stage_body(options).await?;
    let mut left = size;
    while left > 0 {
        let (kind, data) = take(input)?;
        if kind != CHUNK || data.is_empty() || data.len() as u64 > left {
            return Err(damaged("a body is not as long as it says"));
        }
        left -= data.len() as u64;
        writer.write(data).await?;
    }
    writer.finish().await
}

async fn commit(store: &dyn Store, commit: Commit) -> Result<(), StoreError> {
    if commit.ops.is_empty() {
        return Ok(());
    }
    match store.commit(commit).await? {
        Committed::Accepted(receipt) => receipt.durable().await.map(drop),
        Committed::Conflict { key } => Err(StoreError::Damaged {
            what: format!("conflict on {key:?} without a precondition"),
        }),
    }
}

fn put(out: &mut (dyn Write + Send), kind: u8, data: &[u8]) -> Result<(), StoreError> {
    let mut head = [0; 5];
    head[0] = kind;
    head[1..].copy_from_slice(&(data.len() as u32).to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&head), data);
    out.write_all(&head)
        .and_then(|()| out.write_all(data))
        .and_then(|()| out.write_all(&crc.to_le_bytes()))
        .map_err(writing)
}

fn take(input: &mut (dyn Read + Send)) -> Result<(u8, Bytes), StoreError> {
    let mut read = |buffer: &mut [u8]| {
        input
            .read_exact(buffer)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => damaged("it is cut off"),
                _ => StoreError::Io {
                    what: "reading the export".to_owned(),
                    error: error.to_string(),
                },
            })
    };
    let mut head = [0; 5];
    read(&mut head)?;
    let [kind, len @ ..] = head;
    let len = u32::from_le_bytes(len) as usize;
    if len > MAX_RECORD {
        return Err(damaged("a record is too long"));
    }
    let mut data = vec![0; len];
    read(&mut data)?;
    let mut crc = [0; 4];
    read(&mut crc)?;
    if u32::from_le_bytes(crc) != crc32c::crc32c_append(crc32c::crc32c(&head), &data) {
        return Err(damaged("a checksum fails"));
    }
    Ok((kind, data.into()))
}

fn parse_pair(data: &Bytes) -> Result<(AccountId, Bytes, Bytes), StoreError> {
    let short = || damaged("a pair is cut off");
    let (account, rest) = data.split_first_chunk().ok_or_else(short)?;
    let (key_len, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let (key, value) = rest
        .split_at_checked(usize::from(u16::from_le_bytes(*key_len)))
        .ok_or_else(short)?;
    Ok((
        AccountId(u64::from_le_bytes(*account)),
        data.slice_ref(key),
        data.slice_ref(value),
    ))
}

fn parse_body(data: &[u8]) -> Result<(BodyId, u64), StoreError> {
    let short = || damaged("a body's head is cut off");
    let (id, rest) = data.split_first_chunk().ok_or_else(short)?;
    let size = rest.try_into().map_err(|_| short())?;
    Ok((BodyId(*id), u64::from_le_bytes(size)))
}

fn parse_hold(data: &[u8]) -> Result<(AccountId, u64), StoreError> {
    let short = || damaged("a holder is cut off");
    let (account, rest) = data.split_first_chunk().ok_or_else(short)?;
    let item = rest.try_into().map_err(|_| short())?;
    Ok((
        AccountId(u64::from_le_bytes(*account)),
        u64::from_le_bytes(item),
    ))
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged {
        what: format!("the export: {what}"),
    }
}

fn writing(error: std::io::Error) -> StoreError {
    StoreError::Io {
        what: "writing the export".to_owned(),
        error: error.to_string(),
    }
}

/// Everything that two stores of the same content must agree on, for tests: all pairs, all holders.
pub async fn content(store: &dyn Store) -> Result<(Vec<AccountPair>, Vec<Hold>), StoreError> {
    let mut pairs = Vec::new();
    for account in store.accounts(None, usize::MAX).await? {
        let mut scan = Scan::prefix(Bytes::new());
        loop {
            let page = store.scan(account, scan.clone()).await?;
            let Some((last, _)) = page.last() else { break };
            let mut next = last.to_vec();
            next.push(0);
            scan.start = next.into();
            pairs.extend(page.into_iter().map(|(key, value)| (account, key, value)));
        }
    }
    Ok((pairs, store.holds(None, usize::MAX).await?))
}

/// A pair with the account it belongs to.
pub type AccountPair = (AccountId, Bytes, Bytes);
