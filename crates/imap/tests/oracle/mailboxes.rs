//! What is asked of mailboxes.

use super::*;

pub(super) fn select(mailbox: &Mailbox<'_>, parameters: &[SelectParameter]) -> Ours<Select> {
    limited(parameters.len())?;
    let mut select = Select {
        mailbox: name(mailbox)?,
        condstore: false,
        qresync: None,
    };
    let known = |theirs: &TheirSet| {
        let set = set(theirs);
        (!set.has_star()).then_some(set).ok_or(Different::Qresync)
    };
    for parameter in parameters {
        match parameter {
            SelectParameter::CondStore => select.condstore = true,
            SelectParameter::QResync {
                uid_validity,
                mod_sequence_value,
                known_uids,
                seq_match_data,
            } => {
                if select.qresync.is_some() {
                    return Err(Different::Qresync);
                }
                let known_sequence = match seq_match_data {
                    None => None,
                    Some((numbers, uids)) => Some((known(numbers)?, known(uids)?)),
                };
                if let Some((numbers, uids)) = &known_sequence
                    && numbers.resolve(0).map(|set| set.len())
                        != uids.resolve(0).map(|set| set.len())
                {
                    return Err(Different::Qresync);
                }
                select.qresync = Some(QuickResync {
                    uid_validity: uid_validity.get(),
                    mod_seq: number64(mod_sequence_value.get())?,
                    known_uids: known_uids.as_ref().map(known).transpose()?,
                    known_sequence,
                });
            }
        }
    }
    Ok(select)
}

pub(super) fn status_item(item: &StatusDataItemName) -> StatusItem {
    match item {
        StatusDataItemName::Messages => StatusItem::Messages,
        StatusDataItemName::Recent => StatusItem::Recent,
        StatusDataItemName::UidNext => StatusItem::UidNext,
        StatusDataItemName::UidValidity => StatusItem::UidValidity,
        StatusDataItemName::Unseen => StatusItem::Unseen,
        StatusDataItemName::Deleted => StatusItem::Deleted,
        StatusDataItemName::DeletedStorage => StatusItem::DeletedStorage,
        StatusDataItemName::Size => StatusItem::Size,
        StatusDataItemName::HighestModSeq => StatusItem::HighestModSeq,
    }
}
