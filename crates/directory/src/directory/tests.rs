//! Management and look-ups, through the public functions.

use super::*;
use crate::{
    AccountUpdate, Argon2Cost, NewAccount, Protocol, Protocols, Secret, SignInContext, SignInError,
    testing::{FaultyStore, address, new, open, settings},
};
use fieldpost_store::MemoryStore;
use std::sync::atomic::Ordering::Relaxed;

#[tokio::test]
async fn an_account_lives_through_a_restart_with_all_it_has() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory = open(&store).await;
    let account = directory
        .add(NewAccount {
            aliases: vec![address("info@demo.test"), address("alice@other.test")],
            display_name: "Alice Example".into(),
            protocols: Protocols::ALL.without(Protocol::ActiveSync),
            ..new("alice@demo.test", "secret")
        })
        .await
        .unwrap();
    assert_eq!(account.id, AccountId(1));
    drop(directory);

    let directory = open(&store).await;
    assert_eq!(directory.account(account.id).as_deref(), Some(&*account));
    for spelling in ["ALICE@demo.test", "info@Demo.Test", "\"alice\"@other.test."] {
        assert_eq!(directory.resolve(spelling), Some(account.id), "{spelling}");
    }
    assert_eq!(directory.resolve("bob@demo.test"), None);
    assert_eq!(directory.resolve("nonsense"), None);
    assert!(directory.is_local_domain("OTHER.test"));
    assert!(!directory.is_local_domain("elsewhere.test"));
    assert_eq!(
        directory.domains(),
        [("demo.test".into(), 2), ("other.test".into(), 1)]
    );
    let context = SignInContext::new(Protocol::Imap, None, true);
    let identity = directory
        .sign_in("info@demo.test", "secret".into(), &context)
        .await;
    assert_eq!(identity.unwrap().address, "alice@demo.test");
}

#[tokio::test]
async fn an_address_belongs_to_one_account() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory = open(&store).await;
    let alice = directory.add(new("alice@demo.test", "a")).await.unwrap();
    let bob = directory.add(new("bob@demo.test", "b")).await.unwrap();
    let taken = directory.add(new("Alice@DEMO.test", "c")).await;
    assert!(
        matches!(taken, Err(DirectoryError::AddressTaken { account, .. }) if account == alice.id)
    );
    let update = AccountUpdate {
        add_aliases: vec![address("alice@demo.test")],
        ..AccountUpdate::default()
    };
    assert!(matches!(
        directory.set(bob.id, update).await,
        Err(DirectoryError::AddressTaken { .. })
    ));
    assert_eq!(directory.accounts(), 2);
    // What failed took no id.
    assert_eq!(
        directory.add(new("carol@demo.test", "c")).await.unwrap().id,
        AccountId(3)
    );
}

#[tokio::test]
async fn ids_of_removed_accounts_never_come_back() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory = open(&store).await;
    let alice = directory.add(new("alice@demo.test", "a")).await.unwrap();
    directory.remove(alice.id).await.unwrap();
    assert_eq!(directory.resolve("alice@demo.test"), None);
    assert!(matches!(
        directory.remove(alice.id).await,
        Err(DirectoryError::NoSuchAccount(_))
    ));
    drop(directory);
    let directory = open(&store).await;
    let again = directory.add(new("alice@demo.test", "b")).await.unwrap();
    assert_eq!(again.id, AccountId(2));
    let removed = directory.removed(None, 10).await.unwrap();
    assert_eq!(removed.len(), 1);
    assert_eq!(
        (removed[0].id, &removed[0].address),
        (alice.id, &alice.address)
    );
    assert_eq!(directory.removed(Some(alice.id), 10).await.unwrap(), []);

    // Even when the record that counts them is lost, with the tombstones and other data to go by.
    directory.remove(again.id).await.unwrap();
    let mut commit = Commit::new(AccountId::ORGANISATION);
    commit.put(record::HEAD, vec![9, 9]);
    store.commit(commit).await.unwrap();
    let mut commit = Commit::new(AccountId(7));
    commit.put(vec![0x40], vec![1]);
    store.commit(commit).await.unwrap();
    let directory = open(&store).await;
    assert_eq!(
        directory.add(new("new@demo.test", "b")).await.unwrap().id,
        AccountId(8)
    );
}

#[tokio::test]
async fn changes_are_seen_by_look_ups_before_watchers_wake() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory = open(&store).await;
    let alice = directory.add(new("alice@demo.test", "a")).await.unwrap().id;
    let bob = directory.add(new("bob@demo.test", "a")).await.unwrap().id;
    let mut watch = directory.watch(Topics::Only([alice.0].into_iter().collect()));
    let seen = tokio::spawn({
        let directory = Arc::clone(&directory);
        async move {
            let marks = watch.next().await.unwrap();
            (marks, directory.account(alice).unwrap().enabled)
        }
    });
    let update = AccountUpdate {
        enabled: Some(false),
        ..AccountUpdate::default()
    };
    directory.set(bob, update.clone()).await.unwrap();
    directory.set(alice, update.clone()).await.unwrap();
    let (marks, enabled) = seen.await.unwrap();
    assert_eq!((marks.len(), marks[0].topic), (1, alice.0));
    assert!(!enabled);
    // What changes nothing wakes nobody.
    let mut watch = directory.watch(Topics::All);
    directory.set(alice, update).await.unwrap();
    assert!(watch.take().is_empty());
}

#[tokio::test]
async fn pages_go_through_all_accounts_in_order() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory = open(&store).await;
    for number in 0..25 {
        let account = NewAccount::new(address(&format!("user{number}@demo.test")));
        directory.add(account).await.unwrap();
    }
    let mut after = None;
    let mut ids = Vec::new();
    loop {
        let page = directory.list(after, 10);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        ids.extend(page.iter().map(|account| account.id.0));
    }
    assert_eq!(ids, (1..=25).collect::<Vec<_>>());
}

#[tokio::test]
async fn domains_come_with_accounts_and_stay_while_in_use() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory = open(&store).await;
    directory.add_domain("B\u{fc}cher.example").await.unwrap();
    directory.add_domain("xn--bcher-kva.example").await.unwrap();
    assert_eq!(directory.domains(), [("xn--bcher-kva.example".into(), 0)]);
    let account = directory
        .add(new("a@b\u{fc}cher.example", "x"))
        .await
        .unwrap();
    assert!(matches!(
        directory.remove_domain("b\u{fc}cher.example").await,
        Err(DirectoryError::DomainInUse { addresses: 1, .. })
    ));
    directory.remove(account.id).await.unwrap();
    assert!(directory.is_local_domain("b\u{fc}cher.example"));
    directory
        .remove_domain("b\u{fc}cher.example")
        .await
        .unwrap();
    assert!(matches!(
        directory.remove_domain("b\u{fc}cher.example").await,
        Err(DirectoryError::NoSuchDomain(_))
    ));
    assert!(open(&store).await.domains().is_empty());
}

/// Two directories on one store are what two nodes of a cluster are.
#[tokio::test]
async fn changes_of_another_node_are_noticed_and_never_overwritten() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let (one, two) = (open(&store).await, open(&store).await);
    let alice = one.add(new("alice@demo.test", "a")).await.unwrap();
    assert!(matches!(
        two.add(new("alice@demo.test", "b")).await,
        Err(DirectoryError::AddressTaken { .. })
    ));
    let bob = two.add(new("bob@demo.test", "b")).await.unwrap();
    assert_ne!(alice.id, bob.id);
    let carol = one.add(new("carol@demo.test", "c")).await.unwrap();
    assert_ne!(bob.id, carol.id);
    assert_eq!(one.resolve("bob@demo.test"), Some(bob.id));
    // Both have the same secret, so unknown users look the same on both.
    assert_eq!(one.decoy_scram_keys(b"x"), two.decoy_scram_keys(b"x"));
    assert_ne!(one.decoy_scram_keys(b"x"), one.decoy_scram_keys(b"y"));
}

#[tokio::test]
async fn many_changes_at_once_all_happen() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory = open(&store).await;
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let directory = Arc::clone(&directory);
            tokio::spawn(async move {
                let account = NewAccount::new(address(&format!("user{}@demo.test", number % 40)));
                directory.add(account).await.is_ok()
            })
        })
        .collect();
    let mut added = 0;
    for task in tasks {
        added += usize::from(task.await.unwrap());
    }
    assert_eq!((added, directory.accounts()), (40, 40));
    assert_eq!(open(&store).await.accounts(), 40);
}

#[tokio::test]
async fn what_is_not_durable_is_not_shown_and_the_next_change_finds_the_truth() {
    let memory = MemoryStore::new();
    let faulty = FaultyStore::new(memory.clone());
    let store: Arc<dyn Store> = faulty.clone();
    let directory = open(&store).await;
    faulty.fail_durable.store(true, Relaxed);
    let failed = directory.add(new("alice@demo.test", "a")).await;
    assert!(matches!(&failed, Err(error @ DirectoryError::Store(_)) if error.is_temporary()));
    assert_eq!(directory.resolve("alice@demo.test"), None);
    faulty.fail_durable.store(false, Relaxed);
    // The store had kept it after all; nobody was told so, and now it shows.
    let bob = directory.add(new("bob@demo.test", "b")).await.unwrap();
    assert!(directory.resolve("alice@demo.test").is_some());
    assert_eq!(bob.id, AccountId(2));
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_memory_and_store_in_step() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory = open(&store).await;
    for number in 0..20 {
        let account = NewAccount::new(address(&format!("user{number}@demo.test")));
        let mut add = Box::pin(directory.add(account));
        // Polled a few times only, then dropped.
        for _ in 0..number % 4 {
            let once = std::future::poll_fn(|cx| {
                std::task::Poll::Ready(std::future::Future::poll(add.as_mut(), cx).is_ready())
            });
            if once.await {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    directory.add(new("last@demo.test", "x")).await.unwrap();
    let fresh = open(&store).await;
    assert_eq!(directory.list(None, 100), fresh.list(None, 100));
}

#[tokio::test]
async fn a_damaged_record_costs_that_account_only() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory = open(&store).await;
    let alice = directory.add(new("alice@demo.test", "a")).await.unwrap();
    let bob = directory.add(new("bob@demo.test", "b")).await.unwrap();
    let carol = directory.add(new("carol@demo.test", "c")).await.unwrap();
    let mut commit = Commit::new(AccountId::ORGANISATION);
    commit
        .put(record::id_key(record::ACCOUNTS, alice.id), vec![1, 2, 3])
        .put(record::id_key(record::CREDENTIALS, bob.id), vec![1, 2, 3]);
    store.commit(commit).await.unwrap();
    let directory = open(&store).await;
    assert_eq!(directory.resolve("alice@demo.test"), None);
    assert_eq!(directory.resolve("bob@demo.test"), Some(bob.id));
    let context = SignInContext::new(Protocol::Imap, None, true);
    let failed = directory.sign_in("bob", "b".into(), &context).await;
    assert!(matches!(failed, Err(SignInError::Unavailable(_))));
    let fine = directory.sign_in("carol", "c".into(), &context).await;
    assert_eq!(fine.unwrap().account, carol.id);
    // A new password mends it.
    directory
        .set_password(bob.id, Some("new".into()))
        .await
        .unwrap();
    assert!(
        directory
            .sign_in("bob", "new".into(), &context)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn limits_and_settings_are_checked() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory = open(&store).await;
    let long = NewAccount {
        display_name: "x".repeat(crate::MAX_DISPLAY_NAME + 1),
        ..new("a@demo.test", "x")
    };
    assert!(matches!(
        directory.add(long).await,
        Err(DirectoryError::TooLarge { .. })
    ));
    let many = NewAccount {
        aliases: (0..=crate::MAX_ALIASES)
            .map(|number| address(&format!("a{number}@demo.test")))
            .collect(),
        ..new("a@demo.test", "x")
    };
    assert!(matches!(
        directory.add(many).await,
        Err(DirectoryError::TooLarge { .. })
    ));
    assert!(matches!(
        directory.add(new("a@demo.test", "")).await,
        Err(DirectoryError::Password(_))
    ));
    let unknown = directory
        .set_password(AccountId(9), Some(Secret::from("x")))
        .await;
    assert!(matches!(
        unknown,
        Err(DirectoryError::NoSuchAccount(AccountId(9)))
    ));
    for settings in [
        Settings {
            argon2: Argon2Cost {
                memory: 1,
                passes: 1,
                lanes: 1,
            },
            ..settings()
        },
        Settings {
            argon2: Argon2Cost {
                passes: 0,
                ..Argon2Cost::CHEAPEST
            },
            ..settings()
        },
        Settings {
            scram_iterations: 1000,
            ..settings()
        },
    ] {
        let refused = Directory::open(Arc::clone(&store), settings).await;
        assert!(matches!(refused, Err(DirectoryError::Setting { .. })));
    }
}
