//! Reads the records of many items in order.

use std::collections::VecDeque;

use crate::{Error, FolderId, Item, Mailbox, View};

/// The records of some items of a view, read in long runs where they lie close together and one by one where they do not.
pub(super) struct Reading<'a> {
    mailbox: &'a Mailbox,
    folder: FolderId,
    view: &'a View,
    /// Still to be read, ascending.
    uids: &'a [u32],
    page: VecDeque<Item>,
}

impl<'a> Reading<'a> {
    /// Reads the items with these uids, which ascend.
    pub(super) fn new(
        mailbox: &'a Mailbox,
        folder: FolderId,
        view: &'a View,
        uids: &'a [u32],
    ) -> Self {
        Self {
            mailbox,
            folder,
            view,
            uids,
            page: VecDeque::new(),
        }
    }

    /// The next item. One that has left meanwhile is passed over, and so is one whose record is damaged, which is logged.
    pub(super) async fn next(&mut self) -> Result<Option<Item>, Error> {
        loop {
            while let Some(item) = self.page.pop_front() {
                // What lies between the wanted ones was read along.
                let before = self.uids.partition_point(|uid| *uid < item.uid());
                self.uids = &self.uids[before..];
                if self.uids.first() == Some(&item.uid()) {
                    self.uids = &self.uids[1..];
                    return Ok(Some(item));
                }
            }
            let Some(first) = self.uids.first() else {
                return Ok(None);
            };
            let run = self.run();
            let last = self.uids[run - 1];
            let page = self
                .mailbox
                .items(self.folder, *first..=last, usize::MAX)
                .await?;
            // A page may be cut by its size; without any item, there is none in this run.
            if page.is_empty() {
                self.uids = &self.uids[run..];
            }
            self.page = page.into();
        }
    }

    /// How many of the next uids lie so close together that reading all between them costs less than finding each.
    fn run(&self) -> usize {
        let place = |uid| match self.view.position(uid) {
            Ok(position) | Err(position) => position,
        };
        let mut run = 1;
        for pair in self.uids.windows(2).take(PAGE - 1) {
            if pair[1] - pair[0] > FAR && place(pair[1]) - place(pair[0]) > FAR as usize {
                break;
            }
            run += 1;
        }
        run
    }
}

/// What of an item's summary could be read; `None` and a line in the log if it is damaged.
pub(super) fn readable<T>(summary: Result<T, Error>) -> Option<T> {
    summary
        .inspect_err(|error| tracing::error!(%error, "a message is passed over in a search"))
        .ok()
}

/// How many wanted items are read at once at most.
const PAGE: usize = 256;

/// How many unwanted items may lie between two that are read together.
const FAR: u32 = 4;
