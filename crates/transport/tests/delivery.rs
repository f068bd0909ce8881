//! Delivery on a store in memory: results, their order, hooks.
#![allow(clippy::unwrap_used)]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use fieldpost_directory::{Directory, NewAccount};
use fieldpost_mailbox::{Flags, Limits, Mailboxes, SpecialUse};
use fieldpost_store::{BoxFuture, MemoryStore, Store};
use fieldpost_transport::{
    Address, Delivered, Delivery, Envelope, Hook, Placement, Received, Recipient, Refusal,
    Settings, Status, Transport,
};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

struct Fixture {
    directory: Arc<Directory>,
    mailboxes: Arc<Mailboxes>,
    transport: Arc<Transport>,
}

/// Accounts u0@demo.test to u9@demo.test.
async fn fixture(settings: Settings, hooks: Vec<Arc<dyn Hook>>) -> Fixture {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory_settings = fieldpost_directory::Settings {
        default_domain: Some("demo.test".to_owned()),
        ..fieldpost_directory::Settings::default()
    };
    let directory = Directory::open(Arc::clone(&store), directory_settings)
        .await
        .unwrap();
    for number in 0..10 {
        let mut account = NewAccount::new(format!("u{number}@demo.test").parse().unwrap());
        account.aliases = vec![format!("alias{number}@demo.test").parse().unwrap()];
        directory.add(account).await.unwrap();
    }
    let mailboxes = Mailboxes::new(store, fieldpost_mailbox::Settings::default());
    let transport = Transport::with_hooks(
        Arc::clone(&directory),
        Arc::clone(&mailboxes),
        settings,
        hooks,
    );
    Fixture {
        directory,
        mailboxes,
        transport,
    }
}

impl Fixture {
    fn recipients(&self, names: &[&str]) -> Vec<Recipient> {
        names
            .iter()
            .map(|name| {
                let address: Address = format!("{name}@demo.test").parse().unwrap();
                self.transport.recipient(&address).unwrap()
            })
            .collect()
    }

    async fn message(&self, recipients: &[Recipient]) -> Received {
        let mut incoming = self.transport.receive(recipients, None).await.unwrap();
        for piece in ["Received: x\r\nSubject", ": y\r\n", "\r\nbody\r\n"] {
            incoming.write(piece.into()).await.unwrap();
        }
        incoming.finish().await.unwrap()
    }

    async fn deliver(&self, names: &[&str]) -> Vec<Result<Delivered, Refusal>> {
        let recipients = self.recipients(names);
        let received = self.message(&recipients).await;
        self.transport
            .deliver(Envelope::default(), received, recipients)
            .all()
            .await
    }

    async fn count(&self, name: &str, folder: SpecialUse) -> u32 {
        let account = self
            .directory
            .resolve(&format!("{name}@demo.test"))
            .unwrap();
        let mailbox = self.mailboxes.open(account).await.unwrap();
        mailbox.special(folder).await.unwrap().counters.exists
    }
}

#[tokio::test]
async fn results_come_in_the_order_of_the_recipients_and_an_account_gets_one_copy() {
    let fixture = fixture(Settings::default(), Vec::new()).await;
    let results = fixture
        .deliver(&["u3", "u1", "alias3", "u0", "u1", "alias1"])
        .await;
    let addresses: Vec<String> = results
        .iter()
        .map(|result| result.as_ref().unwrap().address.to_string())
        .collect();
    assert_eq!(
        addresses,
        ["u3", "u1", "alias3", "u0", "u1", "alias1"].map(|name| format!("{name}@demo.test"))
    );
    for name in ["u0", "u1", "u3"] {
        assert_eq!(fixture.count(name, SpecialUse::Inbox).await, 1);
    }
    assert_eq!(
        results[0].as_ref().unwrap().entry,
        results[2].as_ref().unwrap().entry
    );
}

#[tokio::test]
async fn a_bare_name_belongs_to_the_default_domain() {
    let fixture = fixture(Settings::default(), Vec::new()).await;
    let recipient = fixture.transport.recipient(&"U1".parse().unwrap()).unwrap();
    assert_eq!(
        Some(recipient.account()),
        fixture.directory.resolve("u1@demo.test")
    );
    let refusal = fixture.transport.recipient(&"nobody".parse().unwrap());
    assert_eq!(refusal.unwrap_err().code, 550);
}

/// Holds every delivery back until it is let go, and counts how many are under way at once.
struct Gate {
    open: Semaphore,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Hook for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn place<'a>(
        &'a self,
        _: &'a Delivery<'a>,
        _: &'a mut Placement,
    ) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            self.open.acquire().await.unwrap().forget();
            self.now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        })
    }
}

#[tokio::test]
async fn so_many_are_delivered_to_at_once_and_no_more() {
    let gate = Arc::new(Gate {
        open: Semaphore::new(0),
        now: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    });
    let settings = Settings {
        concurrency: 3,
        ..Settings::default()
    };
    let fixture = fixture(settings, vec![Arc::clone(&gate) as Arc<dyn Hook>]).await;
    let names: Vec<String> = (0..10).map(|number| format!("u{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let recipients = fixture.recipients(&names);
    let received = fixture.message(&recipients).await;
    let mut deliveries = fixture
        .transport
        .deliver(Envelope::default(), received, recipients);
    // Asking in vain starts the first three, and loses nothing.
    for _ in 0..3 {
        let early = tokio::time::timeout(std::time::Duration::ZERO, deliveries.next()).await;
        assert!(early.is_err());
    }
    assert_eq!(gate.now.load(Ordering::SeqCst), 3);
    gate.open.add_permits(10);
    assert_eq!(deliveries.all().await.len(), 10);
    assert_eq!(gate.most.load(Ordering::SeqCst), 3);
}

/// Writes down what it is called for, and does to the placement as it was told.
struct Told {
    name: &'static str,
    log: Arc<Mutex<Vec<String>>>,
    act: fn(&Delivery<'_>, &mut Placement) -> Result<(), Refusal>,
}

impl Hook for Told {
    fn name(&self) -> &'static str {
        self.name
    }

    fn place<'a>(
        &'a self,
        delivery: &'a Delivery<'a>,
        placement: &'a mut Placement,
    ) -> BoxFuture<'a, Result<(), Refusal>> {
        let address = delivery.recipient.address();
        self.log.lock().push(format!("{} {address}", self.name));
        Box::pin(async move { (self.act)(delivery, placement) })
    }

    fn delivered<'a>(&'a self, _: &'a Delivery<'a>, delivered: &'a Delivered) -> BoxFuture<'a, ()> {
        let address = &delivered.address;
        self.log
            .lock()
            .push(format!("{} after {address}", self.name));
        Box::pin(async {})
    }
}

#[tokio::test]
async fn hooks_run_in_order_change_the_placement_and_refuse() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let hooks: Vec<Arc<dyn Hook>> = vec![
        Arc::new(Told {
            name: "spam",
            log: Arc::clone(&log),
            act: |delivery, placement| {
                assert_eq!(delivery.received.summary().subject(), "y");
                placement.folder = SpecialUse::Junk;
                placement.keywords.push("$Junk".to_owned());
                placement.seen = true;
                Ok(())
            },
        }),
        Arc::new(Told {
            name: "rules",
            log: Arc::clone(&log),
            act: |delivery, placement| {
                assert_eq!(placement.folder, SpecialUse::Junk);
                if delivery.recipient.address().local_part() == "u2" {
                    return Err(Refusal::new(550, Status(5, 7, 1), "not wanted"));
                }
                Ok(())
            },
        }),
    ];
    let settings = Settings {
        concurrency: 1,
        ..Settings::default()
    };
    let fixture = fixture(settings, hooks).await;
    let results = fixture.deliver(&["u1", "u2"]).await;
    assert!(results[0].is_ok());
    assert_eq!(
        results[1].as_ref().unwrap_err().to_string(),
        "550 5.7.1 not wanted"
    );
    assert_eq!(
        *log.lock(),
        [
            "spam u1@demo.test",
            "rules u1@demo.test",
            "spam after u1@demo.test",
            "rules after u1@demo.test",
            "spam u2@demo.test",
            "rules u2@demo.test",
        ]
    );
    assert_eq!(fixture.count("u1", SpecialUse::Inbox).await, 0);
    assert_eq!(fixture.count("u2", SpecialUse::Junk).await, 0);
    let account = fixture.directory.resolve("u1@demo.test").unwrap();
    let mailbox = fixture.mailboxes.open(account).await.unwrap();
    let junk = mailbox.special(SpecialUse::Junk).await.unwrap();
    let view = mailbox.view(junk.id).await.unwrap();
    let row = view.at(0).unwrap();
    assert!(row.flags.contains(Flags::SEEN));
    let labels = mailbox.labels().await.unwrap();
    assert_eq!(labels.keywords(row.labels).collect::<Vec<_>>(), ["$Junk"]);
}

#[tokio::test]
async fn a_full_mailbox_refuses_both_addresses_of_its_account() {
    let fixture = fixture(Settings::default(), Vec::new()).await;
    let account = fixture.directory.resolve("u1@demo.test").unwrap();
    let mailbox = fixture.mailboxes.open(account).await.unwrap();
    let limits = Limits { bytes: 1, items: 0 };
    mailbox.set_quota(limits).await.unwrap();
    let codes: Vec<u16> = fixture
        .deliver(&["u1", "u2", "alias1"])
        .await
        .iter()
        .map(|result| result.as_ref().map_or_else(|refusal| refusal.code, |_| 250))
        .collect();
    assert_eq!(codes, [452, 250, 452]);
}

#[tokio::test]
async fn a_message_beyond_the_mailbox_limit_is_refused_as_it_comes() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory = Directory::open(Arc::clone(&store), fieldpost_directory::Settings::default())
        .await
        .unwrap();
    directory
        .add(NewAccount::new("a@demo.test".parse().unwrap()))
        .await
        .unwrap();
    let mailbox_settings = fieldpost_mailbox::Settings {
        max_item_size: 100,
        ..fieldpost_mailbox::Settings::default()
    };
    let mailboxes = Mailboxes::new(store, mailbox_settings);
    let transport = Transport::new(directory, mailboxes, Settings::default());
    let recipient = transport
        .recipient(&"a@demo.test".parse().unwrap())
        .unwrap();
    let recipients = [recipient];
    let refused = transport.receive(&recipients, Some(101)).await.unwrap_err();
    assert_eq!((refused.code, refused.status), (552, Status(5, 3, 4)));
    let mut incoming = transport.receive(&recipients, None).await.unwrap();
    incoming.write(vec![b'x'; 100].into()).await.unwrap();
    let refused = incoming.write("x".into()).await.unwrap_err();
    assert_eq!((refused.code, refused.status), (552, Status(5, 3, 4)));
}
