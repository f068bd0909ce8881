//! A copy of all that a store holds, as a backup has it.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use fieldpost_store::{
    AccountId, Commit, Committed, MemoryStore, Scan, StageOptions, Store, read_to_end,
};

/// Everything of a store in another one; bodies keep their ids.
pub async fn copy_of(store: &dyn Store) -> Arc<MemoryStore> {
    let copy = MemoryStore::new();
    let mut commits: HashMap<AccountId, Commit> = HashMap::new();
    let mut staged = HashMap::new();
    for hold in store.holds(None, usize::MAX).await.unwrap() {
        if let Entry::Vacant(place) = staged.entry(hold.body) {
            let mut reader = store.body(hold.body, 0..u64::MAX).await.unwrap();
            let bytes = read_to_end(&mut *reader, 1 << 20).await.unwrap();
            let options = StageOptions {
                id: Some(hold.body),
                ..StageOptions::default()
            };
            let mut writer = copy.stage_body(options).await.unwrap();
            writer.write(bytes).await.unwrap();
            place.insert(writer.finish().await.unwrap());
        }
        commits
            .entry(hold.account)
            .or_insert_with(|| Commit::new(hold.account))
            .hold(hold.body, hold.item);
    }
    let mut accounts = store.accounts(None, usize::MAX).await.unwrap();
    accounts.push(AccountId::ORGANISATION);
    for account in accounts {
        let commit = commits
            .entry(account)
            .or_insert_with(|| Commit::new(account));
        let pairs = store.scan(account, Scan::prefix(Vec::new())).await.unwrap();
        commit.ops.reserve(pairs.len());
        for (key, value) in pairs {
            commit.put(key, value);
        }
    }
    for (_, mut commit) in commits {
        // Each body goes with the first account that holds it.
        for op in &commit.ops {
            if let fieldpost_store::Op::Hold { body, .. } = op {
                commit.bodies.extend(staged.remove(body));
            }
        }
        let committed = copy.commit(commit).await.unwrap();
        assert!(matches!(committed, Committed::Accepted(_)));
    }
    copy
}
