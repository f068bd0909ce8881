//! Every parser of an account's records, over bytes of unknown quality. Whatever they are given they return, and what they
//! accept is the same when it is written and read again; the fuzz targets hold them to it.

use bytes::Bytes;

use crate::{
    Folder, Labels, change_log, head::Head, index::block, item::record::ItemRecord,
    outbox::OutgoingRecord,
};

/// Reads bytes as a record of the kind that the first byte chooses. Whether they were accepted.
pub fn record(data: &[u8]) -> bool {
    let Some((kind, data)) = data.split_first() else {
        return false;
    };
    match kind % 7 {
        0 => Head::decode(data).is_ok_and(|head| {
            assert_eq!(Head::decode(&head.encode()), Ok(head));
            true
        }),
        1 => Folder::decode(data).is_ok_and(|folder| {
            assert_eq!(Folder::decode(&folder.encode()), Ok(folder));
            true
        }),
        2 => Labels::decode(data).is_ok_and(|labels| {
            assert_eq!(Labels::decode(&labels.encode()), Ok(labels));
            true
        }),
        3 => ItemRecord::decode(&Bytes::copy_from_slice(data)).is_ok_and(|item| {
            assert_eq!(ItemRecord::decode(&item.encode()), Ok(item));
            true
        }),
        6 => OutgoingRecord::decode(data).is_ok_and(|outgoing| {
            assert_eq!(OutgoingRecord::decode(&outgoing.encode()), Ok(outgoing));
            true
        }),
        4 => change_log::unpack(data, 1).is_ok(),
        _ => block::unpack(data).is_ok_and(|read| {
            let mut again = Vec::new();
            for (first, value) in block::pack(&read.rows, read.folded_to) {
                assert!(value.len() <= block::MAX_BLOCK);
                let part = block::unpack(&value)
                    .map(|part| part.rows)
                    .unwrap_or_default();
                assert_eq!(part.first().map(|row| row.uid), Some(first));
                again.extend(part);
            }
            assert_eq!(again, read.rows);
            true
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, index::block::tests::row};

    #[test]
    fn each_kind_of_record_is_accepted() {
        let rows = [row(1), row(7)];
        let values = [
            Head::new(Limits::default()).encode(),
            Folder::found(crate::FolderId(3), 1, 2, 3).encode(),
            Labels::default().encode(),
            block::pack(&rows, 9).remove(0).1,
        ];
        for (kind, value) in [0, 1, 2, 5].into_iter().zip(values) {
            assert!(record(&[&[kind], &value[..]].concat()));
        }
        let gone = change_log::pack(&rows, 3).remove(0);
        assert!(record(&[&[4], &gone[..]].concat()));
        assert!(!record(&[]) && !record(&[3, 9]));
    }
}
