//! Out-of-office replies: who is answered, how often, and which mail is never answered.
#![allow(clippy::unwrap_used)]

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use fieldpost_directory::{Directory, NewAccount};
use fieldpost_mailbox::{Mailbox, Mailboxes, OutOfOffice, Reply, SpecialUse, When};
use fieldpost_store::{MemoryStore, Store};
use fieldpost_transport::{Address, Envelope, OutOfOfficeReplies, Relay, Settings, Transport};

const DAY: i64 = 86_400;

struct Fixture {
    directory: Arc<Directory>,
    mailboxes: Arc<Mailboxes>,
    transport: Arc<Transport>,
    clock: Arc<AtomicI64>,
}

/// Ann, who will be away, and Bob, both of demo.test; mail to others is queued for a smarthost.
async fn fixture() -> Fixture {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory = Directory::open(Arc::clone(&store), fieldpost_directory::Settings::default())
        .await
        .unwrap();
    for (name, full) in [("ann", "Änne Field"), ("bob", "Bob")] {
        let mut account = NewAccount::new(format!("{name}@demo.test").parse().unwrap());
        account.aliases = vec![format!("{name}.field@demo.test").parse().unwrap()];
        account.display_name = full.to_owned();
        directory.add(account).await.unwrap();
    }
    let clock = Arc::new(AtomicI64::new(1_790_000_000));
    let time = Arc::clone(&clock);
    let mailboxes = Mailboxes::new(
        store,
        fieldpost_mailbox::Settings {
            clock: Arc::new(move || time.load(Ordering::Relaxed)),
            ..fieldpost_mailbox::Settings::default()
        },
    );
    let transport = Transport::with_hooks(
        Arc::clone(&directory),
        Arc::clone(&mailboxes),
        Settings {
            relay: Relay::Smarthost,
            ..Settings::default()
        },
        vec![Arc::new(OutOfOfficeReplies)],
    );
    Fixture {
        directory,
        mailboxes,
        transport,
        clock,
    }
}

impl Fixture {
    async fn mailbox(&self, name: &str) -> Mailbox {
        let address = format!("{name}@demo.test");
        let account = self.directory.resolve(&address).unwrap();
        self.mailboxes.open(account).await.unwrap()
    }

    async fn set(&self, setting: &OutOfOffice) {
        let ann = self.mailbox("ann").await;
        ann.set_out_of_office(setting).await.unwrap();
    }

    /// Delivers a message to Ann, with more lines in its header.
    async fn receives(&self, from: &str, more: &str) {
        let to = if more.contains("To:") {
            ""
        } else {
            "To: Ann <ann@demo.test>\r\n"
        };
        let text = format!(
            "From: <{from}>\r\n{to}Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <one@away>\r\n{more}\r\nHi\r\n"
        );
        let address: Address = "ann@demo.test".parse().unwrap();
        let recipients = vec![self.transport.recipient(&address).unwrap()];
        let mut incoming = self.transport.receive(&recipients, None).await.unwrap();
        incoming.write(text.into()).await.unwrap();
        let envelope = Envelope {
            sender: from.parse().ok(),
            ..Envelope::default()
        };
        let received = incoming.finish().await.unwrap();
        let results = self
            .transport
            .deliver(envelope, received, recipients)
            .all()
            .await;
        assert!(results[0].is_ok());
    }

    /// What Bob's inbox holds, newest last.
    async fn bobs(&self) -> Vec<String> {
        let bob = self.mailbox("bob").await;
        let inbox = bob.special(SpecialUse::Inbox).await.unwrap();
        let view = bob.view(inbox.id).await.unwrap();
        let mut texts = Vec::new();
        for row in view.rows() {
            let item = bob.item(inbox.id, row.uid).await.unwrap();
            let reader = bob.read(&item, 0..u64::MAX).await.unwrap();
            let bytes = reader.read_to_end(1 << 20).await.unwrap();
            texts.push(String::from_utf8(bytes.to_vec()).unwrap());
        }
        texts
    }

    /// To whom answers wait in Ann's outbox.
    async fn queued(&self) -> Vec<String> {
        let entries = self.transport.queue(None, 100).await.unwrap();
        entries
            .iter()
            .flat_map(|entry| {
                assert_eq!(entry.envelope.sender, None, "answers come from nobody");
                entry.recipients.iter().map(|one| one.address.to_string())
            })
            .collect()
    }
}

fn reply(text: &str) -> Reply {
    Reply {
        enabled: true,
        text: text.to_owned(),
        html: false,
    }
}

fn away() -> OutOfOffice {
    OutOfOffice {
        when: When::Always,
        internal: reply("Back on Monday.\nAsk Bob."),
        unknown: reply("I am away."),
        ..OutOfOffice::default()
    }
}

#[tokio::test]
async fn a_colleague_is_answered_once_in_an_absence_and_again_after_a_week() {
    let fixture = fixture().await;
    fixture.receives("bob@demo.test", "").await;
    assert!(fixture.bobs().await.is_empty(), "not away");
    fixture.set(&away()).await;
    fixture.receives("bob@demo.test", "").await;
    fixture.receives("Bob@demo.test", "").await;
    let texts = fixture.bobs().await;
    assert_eq!(texts.len(), 1);
    let answer = &texts[0];
    for line in [
        "Return-Path: <>\r\n",
        "To: <bob@demo.test>\r\n",
        "In-Reply-To: <one@away>\r\n",
        "References: <one@away>\r\n",
        "Auto-Submitted: auto-replied\r\n",
        "Content-Type: text/plain; charset=utf-8\r\n",
        // "Automatic reply: Grüße", "Back on Monday.\r\nAsk Bob.\r\n"
        "Subject: =?utf-8?B?QXV0b21hdGljIHJlcGx5OiBHcsO8w59l?=\r\n",
        "\r\n\r\nQmFjayBvbiBNb25kYXkuDQpBc2sgQm9iLg0K\r\n",
    ] {
        assert!(answer.contains(line), "{line} in {answer}");
    }
    // The same setting again is the same absence.
    fixture.set(&away()).await;
    fixture.clock.fetch_add(5 * DAY, Ordering::Relaxed);
    fixture.receives("bob@demo.test", "").await;
    assert_eq!(fixture.bobs().await.len(), 1);
    fixture.clock.fetch_add(3 * DAY, Ordering::Relaxed);
    fixture.receives("bob@demo.test", "").await;
    assert_eq!(fixture.bobs().await.len(), 2);
    let other = OutOfOffice {
        internal: reply("Back in June."),
        ..away()
    };
    fixture.set(&other).await;
    fixture.receives("bob@demo.test", "").await;
    assert_eq!(fixture.bobs().await.len(), 3);
}

#[tokio::test]
async fn an_absence_has_a_beginning_and_an_end() {
    let fixture = fixture().await;
    let now = fixture.clock.load(Ordering::Relaxed);
    let when = When::Between {
        start: now + DAY,
        end: now + 2 * DAY,
    };
    fixture.set(&OutOfOffice { when, ..away() }).await;
    for (passed, answers) in [(0, 0), (DAY, 1), (DAY, 1)] {
        fixture.clock.fetch_add(passed, Ordering::Relaxed);
        fixture.receives("bob@demo.test", "").await;
        assert_eq!(fixture.bobs().await.len(), answers);
    }
}

#[tokio::test]
async fn others_are_answered_through_the_queue_or_not_at_all() {
    let fixture = fixture().await;
    fixture.set(&away()).await;
    fixture.receives("eve@else.test", "").await;
    assert_eq!(fixture.queued().await, ["eve@else.test"]);
    let colleagues_only = OutOfOffice {
        unknown: Reply::default(),
        ..away()
    };
    fixture.set(&colleagues_only).await;
    fixture.receives("mallory@else.test", "").await;
    assert_eq!(fixture.queued().await.len(), 1);
    // Known is whom Ann has written to.
    let known_only = OutOfOffice {
        known: reply("Call me."),
        ..colleagues_only
    };
    fixture.set(&known_only).await;
    fixture.receives("mallory@else.test", "").await;
    assert_eq!(fixture.queued().await.len(), 1);
    let ann = fixture.mailbox("ann").await;
    let sent = ann.special(SpecialUse::Sent).await.unwrap();
    let mut incoming = fixture
        .mailboxes
        .receive(ann.account(), None)
        .await
        .unwrap();
    incoming
        .write("From: ann@demo.test\r\nTo: Mallory <mallory@else.test>\r\n\r\nHi\r\n".into())
        .await
        .unwrap();
    let item = fieldpost_mailbox::NewItem::new(incoming.finish().await.unwrap());
    ann.append(sent.id, &item).await.unwrap();
    fixture.receives("mallory@else.test", "").await;
    assert_eq!(fixture.queued().await.len(), 2);
}

/// RFC 3834 §2: mail that no person wrote to this person.
#[tokio::test]
async fn some_mail_is_never_answered() {
    let fixture = fixture().await;
    fixture.set(&away()).await;
    for (from, more) in [
        ("", ""),
        ("ann@demo.test", ""),
        ("ann.field@demo.test", ""),
        ("mailer-daemon@else.test", ""),
        ("owner-birds@else.test", ""),
        ("birds-request@else.test", ""),
        ("noreply@else.test", ""),
        ("bob@demo.test", "Auto-Submitted: auto-replied\r\n"),
        ("bob@demo.test", "Auto-Submitted: Auto-Generated; x=y\r\n"),
        ("bob@demo.test", "Precedence: bulk\r\n"),
        ("bob@demo.test", "List-Id: <birds.else.test>\r\n"),
        ("bob@demo.test", "List-Unsubscribe: <https://else.test>\r\n"),
        ("bob@demo.test", "X-Auto-Response-Suppress: DR, OOF\r\n"),
        ("bob@demo.test", "X-Spam-Flag: YES\r\n"),
        ("bob@demo.test", "To: everybody:;\r\n"),
        ("bob@demo.test", "To: eve@else.test\r\n"),
    ] {
        fixture.receives(from, more).await;
        assert!(fixture.bobs().await.is_empty(), "{from} {more}");
        assert!(fixture.queued().await.is_empty(), "{from} {more}");
    }
    // These are: from a person, to one of her addresses.
    fixture
        .receives(
            "bob@demo.test",
            "Auto-Submitted: no\r\nCc: ANN.field@demo.test\r\nTo: eve@else.test\r\n",
        )
        .await;
    assert_eq!(fixture.bobs().await.len(), 1);
}
