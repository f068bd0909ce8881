//! The applier: one thread that brings what is on disk into the index, in the order of the log, and builds the
//! index anew when it fails.

use std::sync::{Arc, mpsc};

use tokio::sync::OwnedSemaphorePermit;

use crate::Lsn;

use super::{
    digest::{Digests, Region},
    index::{Index, IndexBatch, IndexResult},
    inner::Inner,
    rebuild,
    record::{NO_ACCOUNT, Record},
    table,
};

/// What the applier is told.
pub(crate) enum Message {
    /// Records that are on disk, in order.
    Apply(Vec<(Record, Option<OwnedSemaphorePermit>)>),
    /// A read found the index broken.
    IndexFailed,
    /// Nothing more will come.
    Stop,
}

/// Records are gathered into one batch of the index up to this many changes.
const BATCH_CHANGES: usize = 2000;

pub(crate) fn run(store: &Arc<Inner>, messages: &mpsc::Receiver<Message>) {
    let mut stopping = false;
    while !stopping {
        let Ok(message) = messages.recv() else {
            return;
        };
        let mut gathered = Vec::new();
        let mut failed = false;
        let mut next = Some(message);
        let mut changes = 0;
        while let Some(message) = next {
            match message {
                Message::Apply(records) => {
                    changes += records
                        .iter()
                        .map(|(record, _)| record.changes.len())
                        .sum::<usize>();
                    gathered.extend(records);
                }
                Message::IndexFailed => failed = true,
                Message::Stop => stopping = true,
            }
            next = if changes < BATCH_CHANGES {
                messages.try_recv().ok()
            } else {
                None
            };
        }
        let (records, permits): (Vec<_>, Vec<_>) = gathered.into_iter().unzip();
        if failed || store.index.read().is_none() {
            rebuild::replace_index(store);
        }
        apply(store, &records);
        for record in &records {
            store.overlay.forget(record);
        }
        drop(permits);
        store.applied_wake.notify_all();
        store
            .keeper
            .applied(&records, store.settings.checkpoint_records);
    }
}

/// Applies records that are not in the index yet; if the index fails it is replaced by one that has them.
fn apply(store: &Arc<Inner>, records: &[Record]) {
    loop {
        let Some(index) = store.index.read().clone() else {
            if !rebuild::replace_index(store) {
                return;
            }
            continue;
        };
        let _changing = store.applying.write();
        let applied = store.applied.lock().lsn;
        let new: Vec<&Record> = records.iter().filter(|r| r.lsn > applied).collect();
        let Some(last) = new.last() else {
            return;
        };
        match apply_records(&*index, new.iter().copied(), last.lsn) {
            Ok(()) => {
                let mut applied = store.applied.lock();
                for record in new {
                    note_digests(&mut applied.digests, record);
                    applied.lsn = record.lsn;
                }
                return;
            }
            Err(error) => store.index_failed(&index, &error),
        }
    }
}

/// Brings records into an index in one batch.
pub(crate) fn apply_records<'a>(
    index: &dyn Index,
    records: impl Iterator<Item = &'a Record>,
    last: Lsn,
) -> IndexResult<()> {
    let mut batch = IndexBatch::default();
    for record in records {
        for change in &record.changes {
            table::apply_change(record.account, change, &mut batch);
        }
    }
    table::set_applied(&mut batch, last);
    batch.settle();
    index.apply(batch)
}

/// Takes over the digests that a record carries.
pub(crate) fn note_digests(digests: &mut Digests, record: &Record) {
    if record.account != NO_ACCOUNT {
        digests.set(Region::Account(record.account), record.digest);
    }
    for (bucket, digest) in &record.buckets {
        digests.set(Region::Bucket(*bucket), *digest);
    }
}
