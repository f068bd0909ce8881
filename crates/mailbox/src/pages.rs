//! Reads long ranges of the store page by page.

use std::collections::VecDeque;

use fieldpost_store::{AccountId, Pair, Scan, Store, StoreError};

use crate::keys;

/// The pairs of a range in ascending order, a page of at most 4 MiB in memory at a time.
pub(crate) struct Pages<'a> {
    store: &'a dyn Store,
    account: AccountId,
    /// What is still to be read; `None` at the end.
    rest: Option<Scan>,
    page: VecDeque<Pair>,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(store: &'a dyn Store, account: AccountId, scan: Scan) -> Self {
        Self {
            store,
            account,
            rest: Some(scan.limit(PAGE)),
            page: VecDeque::new(),
        }
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Pair>, StoreError> {
        if self.page.is_empty()
            && let Some(mut scan) = self.rest.take()
        {
            self.page = self.store.scan(self.account, scan.clone()).await?.into();
            if let Some((last, _)) = self.page.back() {
                scan.start = keys::behind(last);
                // A short page may have been cut by its size: only an empty one is the end.
                self.rest = Some(scan);
            }
        }
        Ok(self.page.pop_front())
    }
}

const PAGE: usize = 4096;
