//! Random operations against a naive model: after every step all that the protocols will see is compared.
//!
//! `FIELDPOST_MODEL_SEEDS` and `FIELDPOST_MODEL_STEPS` make it longer; `FIELDPOST_MODEL_SEED` begins elsewhere.

#![allow(clippy::unwrap_used)]

mod support;

use fieldpost_mailbox::Mailboxes;
use fieldpost_store::MemoryStore;
use support::{
    World,
    model::{Model, open, times},
};

#[tokio::test]
async fn random_operations_agree_with_the_model() {
    let first = times("FIELDPOST_MODEL_SEED", 1);
    for seed in first..first + times("FIELDPOST_MODEL_SEEDS", 4) {
        println!("seed {seed}");
        run(seed, usize::MAX).await;
    }
}

/// The same with memory for next to nothing: every look reads the store.
#[tokio::test]
async fn random_operations_agree_with_the_model_when_memory_is_short() {
    let first = times("FIELDPOST_MODEL_SEED", 1001);
    for seed in first..first + times("FIELDPOST_MODEL_SEEDS", 2) {
        println!("seed {seed}");
        run(seed, 20_000).await;
    }
}

async fn run(seed: u64, memory: usize) {
    let mut world = World::with(MemoryStore::new(), |settings| {
        settings.memory_budget = settings.memory_budget.min(memory);
    });
    let mut mailbox = open(&world.mailboxes).await;
    let mut model = Model::new(seed, &mailbox).await;
    let steps = times("FIELDPOST_MODEL_STEPS", 300);
    for step in 0..steps {
        model.step(&world.mailboxes, &mailbox, &world.time).await;
        if memory < usize::MAX {
            assert!(world.mailboxes.memory() <= memory + 400_000);
        }
        let ids: Vec<_> = model.folders.keys().copied().collect();
        let id = ids[model.random.below(ids.len() as u64) as usize];
        model.compare_folder(&mailbox, id).await;
        model.compare_folder(&mailbox, ids[0]).await;
        if model.random.one_in(30) || step + 1 == steps {
            model.compare_and_check(&mailbox).await;
        }
        if model.random.one_in(40) {
            // A restart.
            let settings = world.mailboxes.settings().clone();
            world.mailboxes = Mailboxes::new(world.store.clone(), settings);
            mailbox = open(&world.mailboxes).await;
            model.compare(&mailbox).await;
        }
    }
    assert_eq!(world.mailboxes.check_holds(false).await.unwrap(), []);
}
