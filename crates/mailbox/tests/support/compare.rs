//! Compares the naive model with all that the protocols will see.

use std::{cmp::Reverse, collections::BTreeSet};

use fieldpost_mailbox::{
    ChangesSince, Depth, Flags, FolderId, HierarchySince, Mailbox, WindowPosition,
};

use super::{
    bytes_of,
    model::{Model, ModelFolder, ModelItem, Replica},
};

impl Model {
    /// A client that comes back after a while and asks what changed.
    pub async fn synchronise(&mut self, mailbox: &Mailbox) {
        let folder = self.any_folder();
        if self.replicas.len() < 8 || self.random.one_in(8) {
            let view = mailbox.view(folder).await.unwrap();
            self.replicas.push(Replica {
                folder,
                since: view.highest_mod_seq,
                rows: view.rows().map(|row| (row.uid, *row)).collect(),
            });
            if self.replicas.len() > 8 {
                self.replicas.remove(0);
            }
            return;
        }
        let number = self.random.below(self.replicas.len() as u64) as usize;
        let replica = &mut self.replicas[number];
        let record = &self.folders[&replica.folder];
        match mailbox
            .changes(replica.folder, replica.since)
            .await
            .unwrap()
        {
            ChangesSince::Known(changes) => {
                assert!(replica.since >= record.floor);
                for row in changes.changed {
                    replica.rows.insert(row.uid, row);
                }
                for gone in changes.gone {
                    replica.rows.remove(&gone.uid);
                }
                replica.since = changes.up_to;
            }
            ChangesSince::TooOld { floor } => {
                assert_eq!(floor, record.floor);
                assert!(replica.since < floor);
                let view = mailbox.view(replica.folder).await.unwrap();
                replica.since = view.highest_mod_seq;
                replica.rows = view.rows().map(|row| (row.uid, *row)).collect();
            }
        }
        let view = mailbox.view(replica.folder).await.unwrap();
        assert!(
            view.rows().eq(replica.rows.values()),
            "a client that follows the changes sees another folder"
        );
    }

    /// Compares everything in one folder.
    pub async fn compare_folder(&mut self, mailbox: &Mailbox, id: FolderId) {
        let model = self.folders[&id].clone();
        let folder = mailbox.folder(id).await.unwrap();
        assert_eq!((&folder.name, folder.parent), (&model.name, model.parent));
        assert_eq!(
            (folder.uid_next, folder.uid_validity),
            (model.uid_next, model.uid_validity)
        );
        assert_eq!(
            folder.highest_mod_seq, model.highest,
            "highest_mod_seq of {id}"
        );
        let count = |holds: &dyn Fn(&ModelItem) -> bool| {
            model.items.values().filter(|item| holds(item)).count()
        };
        assert_eq!(folder.counters.exists as usize, model.items.len());
        assert_eq!(
            folder.counters.unseen as usize,
            count(&|item| !item.flags.contains(Flags::SEEN))
        );
        assert_eq!(
            folder.counters.deleted as usize,
            count(&|item| item.flags.contains(Flags::DELETED))
        );
        assert_eq!(
            folder.counters.size as usize,
            model
                .items
                .values()
                .map(|item| item.bytes.len())
                .sum::<usize>()
        );
        // Before the view is taken, so that the answer may come from the change keys alone.
        self.compare_changes(mailbox, id, &model).await;
        let view = mailbox.view(id).await.unwrap();
        let labels = mailbox.labels().await.unwrap();
        assert_eq!(view.len(), model.items.len());
        for (row, (uid, item)) in view.rows().zip(&model.items) {
            let categories: BTreeSet<String> =
                labels.categories(row.labels).map(str::to_owned).collect();
            let plain = row.labels.without(labels.all_categories());
            let keywords: BTreeSet<String> = labels.keywords(plain).map(str::to_owned).collect();
            assert_eq!(
                (
                    row.uid,
                    row.entry.0,
                    row.mod_seq,
                    row.flags,
                    keywords,
                    categories
                ),
                (
                    *uid,
                    item.entry,
                    item.mod_seq,
                    item.flags,
                    item.keywords.clone(),
                    item.categories.clone()
                )
            );
            assert_eq!(
                (
                    row.size,
                    row.internal_date,
                    row.window_date,
                    row.content.0,
                    row.thread.0
                ),
                (
                    item.bytes.len() as u64,
                    item.internal_date,
                    item.window_date,
                    item.content,
                    item.thread
                )
            );
        }
        self.compare_windows(&view, &model);
        let ids = mailbox.unique_ids(id, &view).await.unwrap();
        for (uid, item) in &model.items {
            let derived = format!("{:08x}.{uid:08x}", model.uid_validity);
            assert_eq!(ids.of(*uid), item.stored_uidl.clone().unwrap_or(derived));
        }
        let uids: Vec<u32> = model.items.keys().copied().collect();
        if let Some(uid) = self.random.pick(&uids) {
            let item = mailbox.item(id, uid).await.unwrap();
            assert_eq!(bytes_of(mailbox, &item).await, model.items[&uid].bytes);
            assert_eq!(
                item.summary().unwrap().size,
                model.items[&uid].bytes.len() as u64
            );
        }
    }

    async fn compare_changes(&mut self, mailbox: &Mailbox, id: FolderId, model: &ModelFolder) {
        let back = if self.random.one_in(2) {
            20
        } else {
            self.last_mod_seq
        };
        let since = self.last_mod_seq - self.random.below(back.min(self.last_mod_seq) + 1);
        match mailbox.changes(id, since).await.unwrap() {
            ChangesSince::TooOld { floor } => {
                assert_eq!(floor, model.floor);
                assert!(since < floor);
            }
            ChangesSince::Known(changes) => {
                assert!(since >= model.floor, "{since} is before {}", model.floor);
                let changed: Vec<_> = changes
                    .changed
                    .iter()
                    .map(|row| (row.uid, row.mod_seq))
                    .collect();
                let newer = model.items.iter().filter(|(_, item)| item.mod_seq > since);
                assert!(
                    changed
                        .into_iter()
                        .eq(newer.map(|(uid, item)| (*uid, item.mod_seq)))
                );
                let mut gone: Vec<_> = changes
                    .gone
                    .iter()
                    .map(|gone| (gone.mod_seq, gone.uid, gone.entry.0, gone.window_date))
                    .collect();
                gone.sort_unstable();
                let mut expected: Vec<_> = model
                    .gone
                    .iter()
                    .filter(|gone| gone.0 > since)
                    .map(|gone| (gone.0, gone.1, gone.2, gone.3))
                    .collect();
                expected.sort_unstable();
                assert_eq!(gone, expected);
            }
        }
    }

    fn compare_windows(&mut self, view: &fieldpost_mailbox::View, model: &ModelFolder) {
        let low = 1_600_000_000 + self.random.below(120_000_000) as i64;
        let high = if self.random.one_in(2) {
            i64::MAX
        } else {
            low + self.random.below(50_000_000) as i64
        };
        let limit = 1 + self.random.below(100) as usize;
        let mut expected: Vec<_> = model
            .items
            .values()
            .filter(|item| (low..=high).contains(&item.window_date))
            .map(|item| (item.window_date, item.entry))
            .collect();
        expected.sort_unstable_by_key(|position| Reverse(*position));
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = view.by_window_date(low..=high, after, limit);
            let Some(last) = page.last() else { break };
            after = Some(WindowPosition {
                window_date: last.window_date,
                entry: last.entry,
            });
            found.extend(page.iter().map(|row| (row.window_date, row.entry.0)));
        }
        assert_eq!(found, expected);
    }

    /// Compares the account as a whole, and every folder.
    pub async fn compare(&mut self, mailbox: &Mailbox) {
        let folders = mailbox.folders().await.unwrap();
        assert!(
            folders
                .iter()
                .map(|folder| folder.id)
                .eq(self.folders.keys().copied())
        );
        let quota = mailbox.quota().await.unwrap();
        let items = || {
            self.folders
                .values()
                .flat_map(|folder| folder.items.values())
        };
        assert_eq!(quota.used_items as usize, items().count());
        assert_eq!(
            quota.used_bytes as usize,
            items().map(|item| item.bytes.len()).sum::<usize>()
        );
        assert_eq!(mailbox.mod_seq().await.unwrap(), self.last_mod_seq);
        let since = self.random.below(self.last_mod_seq + 1);
        match mailbox.hierarchy_changes(since).await.unwrap() {
            HierarchySince::TooOld { floor } => assert!(since < floor),
            HierarchySince::Known { changed, gone, .. } => {
                assert!(since >= self.hierarchy_floor);
                let newer = self
                    .folders
                    .iter()
                    .filter(|(_, folder)| folder.changed > since);
                assert!(
                    changed
                        .iter()
                        .map(|folder| folder.id)
                        .eq(newer.map(|(id, _)| *id))
                );
                let expected = self
                    .gone_folders
                    .iter()
                    .filter(|gone| gone.0 > since)
                    .map(|gone| gone.1);
                assert!(gone.into_iter().eq(expected));
            }
        }
        for id in self.folders.keys().copied().collect::<Vec<_>>() {
            self.compare_folder(mailbox, id).await;
        }
    }

    pub async fn compare_and_check(&mut self, mailbox: &Mailbox) {
        self.compare(mailbox).await;
        assert_eq!(mailbox.check(Depth::Bodies).await.unwrap(), []);
    }
}
