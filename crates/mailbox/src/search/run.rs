//! Walks over a folder's rows, and asks those that the rows leave undecided at their records and bodies.

use super::{
    Pace, Query,
    asking::Asking,
    pace::Slices,
    plan::{Plan, RowAlone},
    reading::Reading,
};
use crate::{Error, FolderId, Mailbox, UidSet, View};

impl Mailbox {
    /// The uids of a folder's items, among those `within`, that `query` asks for, ascending.
    ///
    /// `view` says which items there are. Records are opened only where the rows leave the answer open, and bodies only where the
    /// summaries do, each once however many texts are looked for. An item that can't be read, or left meanwhile, is
    /// not found where the answer depends on it, not even by [`Query::Not`]; damage is logged, and the search goes on.
    pub async fn search(
        &self,
        folder: FolderId,
        view: &View,
        query: &Query,
        within: &UidSet,
        pace: &mut impl Pace,
    ) -> Result<Vec<u32>, Error> {
        let labels = self.labels().await?;
        let plan = Plan::new(query, &labels)?;
        let mut slices = Slices::new(pace);
        let mut found = Vec::new();
        let mut open = Vec::new();
        let cost = ROW_COST * plan.size;
        for row in view.within(within) {
            match plan.answer(row, &mut RowAlone) {
                Some(true) => found.push(row.uid),
                Some(false) => {}
                None => open.push(row.uid),
            }
            slices.spend(cost).await?;
        }
        if open.is_empty() {
            return Ok(found);
        }
        let decided = found.len();
        let mut reading = Reading::new(self, folder, view, &open);
        let mut asking = Asking::new(self, &plan);
        while let Some(item) = reading.next().await? {
            slices.spend(SUMMARY_COST).await?;
            let Some(row) = view.by_uid(item.uid()) else {
                continue;
            };
            if asking.is_match(row, &item, &mut slices).await? {
                found.push(row.uid);
            }
        }
        if decided > 0 {
            found.sort_unstable();
        }
        Ok(found)
    }
}

/// What it costs to ask a row one question, and to read and decode a summary, in nanoseconds, about.
const ROW_COST: usize = 5;
const SUMMARY_COST: usize = 3_000;
