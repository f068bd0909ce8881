//! Whether every item holds its body, and nobody else does.

use std::{collections::BTreeSet, sync::Arc};

use fieldpost_store::{AccountId, Hold, Scan};

use super::Problem;
use crate::{
    EntryId, Error, Mailboxes, item::record::ItemRecord, keys, outbox::OutgoingRecord,
    pages::Pages, transaction::Attempts,
};

impl Mailboxes {
    /// Compares what holds bodies with the items of all accounts; with `repair`, items take hold of their bodies again and
    /// holds of nobody end. Takes some 50 bytes of memory an item. For use while nothing else writes.
    pub async fn check_holds(self: &Arc<Self>, repair: bool) -> Result<Vec<Problem>, Error> {
        let mut wanted: BTreeSet<Hold> = BTreeSet::new();
        let mut after = None;
        loop {
            let accounts = self.accounts(after, 256).await?;
            let Some(last) = accounts.last() else { break };
            after = Some(*last);
            for account in accounts {
                let scan = Scan::prefix(vec![keys::ITEMS]);
                let mut pages = Pages::new(&*self.store, account, scan);
                while let Some((_, value)) = pages.next().await? {
                    if let Ok(item) = ItemRecord::decode(&value) {
                        wanted.insert(Hold {
                            body: item.body,
                            account,
                            item: item.entry.0,
                        });
                    }
                }
                let mut pages = Pages::new(&*self.store, account, Scan::prefix(vec![keys::OUTBOX]));
                while let Some((key, value)) = pages.next().await? {
                    if let Some((id, None)) = keys::of_outgoing(&key)
                        && let Ok(outgoing) = OutgoingRecord::decode(&value)
                    {
                        wanted.insert(Hold {
                            body: outgoing.body,
                            account,
                            item: id.0,
                        });
                    }
                }
            }
        }
        let mut problems = Vec::new();
        let mut wrong: Vec<(Hold, bool)> = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.holds(after, 4096).await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            for hold in page {
                // The organisation's own holds (a queue's) are not ours to judge.
                if hold.account != AccountId::ORGANISATION && !wanted.remove(&hold) {
                    wrong.push((hold, true));
                    problems.push(Problem::HeldByNobody {
                        account: hold.account,
                        entry: EntryId(hold.item),
                        body: hold.body,
                    });
                }
            }
        }
        for hold in wanted {
            wrong.push((hold, false));
            problems.push(Problem::NotHeld {
                account: hold.account,
                entry: EntryId(hold.item),
                body: hold.body,
            });
        }
        if repair {
            for (hold, is_stray) in wrong {
                let mailbox = self.handle(hold.account);
                let mut attempts = Attempts::new();
                loop {
                    let mut transaction = mailbox.begin().await?;
                    if is_stray {
                        transaction.commit.release(hold.body, hold.item);
                    } else {
                        transaction.commit.hold(hold.body, hold.item);
                    }
                    if transaction.commit(&mut attempts).await? {
                        break;
                    }
                }
            }
        }
        Ok(problems)
    }
}
