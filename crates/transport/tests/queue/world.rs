//! What the queue's tests share.

use std::{cell::Cell, collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use fieldpost_directory::{Directory, NewAccount};
use fieldpost_mailbox::{AccountId, Mailbox, Mailboxes, SpecialUse};
use fieldpost_store::{BoxFuture, MemoryStore, Store};
use fieldpost_transport::{
    Address, Addressee, Envelope, Handed, Incoming, NextHop, Parcel, QueueStop, Received, Refusal,
    Relay, SentCopy, Settings, SpamFiling, Status, Submission, Submitted, Transport, Wire,
    WireSession,
};
use parking_lot::Mutex;
use tokio::{sync::Notify, task::JoinHandle, time::Instant};

pub const MESSAGE: &str =
    "Message-ID: <1@demo.test>\r\nFrom: <alice@demo.test>\r\nSubject: out\r\n\r\nGoing out.\r\n";

/// When the clock begins.
pub const START: i64 = 1_700_000_000;

pub struct World {
    pub store: Arc<dyn Store>,
    pub directory: Arc<Directory>,
    pub mailboxes: Arc<Mailboxes>,
    pub transport: Arc<Transport>,
    pub hop: Arc<Hop>,
    running: Option<(QueueStop, JoinHandle<()>)>,
}

impl World {
    /// Accounts alice, bob and carol at demo.test; everything else goes to the smarthost.
    pub async fn new() -> Self {
        Self::with(Settings {
            hostname: "mail.demo.test".to_owned(),
            relay: Relay::Smarthost,
            ..Settings::default()
        })
        .await
    }

    pub async fn with(settings: Settings) -> Self {
        Self::on(MemoryStore::new(), settings).await
    }

    /// On a store of the test's own.
    pub async fn on(store: Arc<dyn Store>, settings: Settings) -> Self {
        let directory =
            Directory::open(Arc::clone(&store), fieldpost_directory::Settings::default())
                .await
                .unwrap();
        for name in ["alice", "bob", "carol"] {
            let address = format!("{name}@demo.test").parse().unwrap();
            directory.add(NewAccount::new(address)).await.unwrap();
        }
        Self::over(store, directory, settings)
    }

    /// A process that finds what another left behind.
    pub fn over(store: Arc<dyn Store>, directory: Arc<Directory>, settings: Settings) -> Self {
        let mailboxes = Mailboxes::new(
            Arc::clone(&store),
            fieldpost_mailbox::Settings {
                clock: Arc::new(|| START + elapsed()),
                ..fieldpost_mailbox::Settings::default()
            },
        );
        let transport = Transport::new(Arc::clone(&directory), Arc::clone(&mailboxes), settings);
        Self {
            store,
            directory,
            mailboxes,
            transport,
            hop: Arc::default(),
            running: None,
        }
    }

    /// The same with what files spam.
    pub fn with_spam_filing(&mut self, settings: Settings) {
        self.transport = Transport::with_hooks(
            Arc::clone(&self.directory),
            Arc::clone(&self.mailboxes),
            settings,
            vec![Arc::new(SpamFiling)],
        );
    }

    /// Begins to look after the queue.
    pub async fn run(&mut self) {
        self.transport.rebuild_queue().await.unwrap();
        let stop = QueueStop::default();
        let hop: Arc<dyn Wire> = Arc::new(Connector(Arc::clone(&self.hop)));
        let run = Arc::clone(&self.transport).run_queue(hop, stop.clone());
        self.running = Some((stop, tokio::spawn(run)));
    }

    /// Stops in order.
    pub async fn stop(&mut self) {
        self.drain();
        let (_, run) = self.running.take().unwrap();
        run.await.unwrap();
    }

    /// Begins to stop.
    pub fn drain(&self) {
        self.running.as_ref().unwrap().0.drain.cancel();
    }

    /// The time to stop in is over.
    pub fn cut(&self) {
        self.running.as_ref().unwrap().0.cut.cancel();
    }

    /// Another process on the same store, after this one has gone.
    pub fn next(&self, settings: Settings) -> Self {
        Self::over(
            Arc::clone(&self.store),
            Arc::clone(&self.directory),
            settings,
        )
    }

    /// Goes, as after kill -9: what it had in memory is gone.
    pub fn kill(&mut self) {
        let (_, run) = self.running.take().unwrap();
        run.abort();
    }

    pub fn account(&self, name: &str) -> AccountId {
        self.directory
            .resolve(&format!("{name}@demo.test"))
            .unwrap()
    }

    pub async fn mailbox(&self, name: &str) -> Mailbox {
        self.mailboxes.open(self.account(name)).await.unwrap()
    }

    /// What alice hands in.
    pub async fn received(&self, text: &str) -> Received {
        let alice = self.account("alice");
        let incoming = self.transport.compose(alice, None).await;
        self.written(incoming.unwrap(), text).await
    }

    /// What comes from other servers.
    pub async fn arrived(&self, text: &str) -> Received {
        let incoming = self.transport.receive(&[], None).await;
        self.written(incoming.unwrap(), text).await
    }

    async fn written(&self, mut incoming: Incoming, text: &str) -> Received {
        incoming
            .write(Bytes::copy_from_slice(text.as_bytes()))
            .await
            .unwrap();
        incoming.finish().await.unwrap()
    }

    pub fn addressee(&self, address: &str) -> Addressee {
        let address: Address = address.parse().unwrap();
        let destination = self
            .transport
            .destination(&address, "alice@demo.test".parse().ok().as_ref());
        Addressee::new(address, destination.unwrap())
    }

    /// A message of alice's.
    pub async fn message(&self, recipients: &[&str]) -> Submission {
        let received = self.received(MESSAGE).await;
        Submission {
            account: self.account("alice"),
            envelope: Envelope {
                sender: "alice@demo.test".parse().ok(),
                ..Envelope::default()
            },
            received,
            recipients: recipients.iter().map(|one| self.addressee(one)).collect(),
            copy: None,
        }
    }

    /// Sends it, with a copy into Sent.
    pub async fn send(&self, recipients: &[&str]) -> Submitted {
        let mut message = self.message(recipients).await;
        message.copy = Some(SentCopy {
            received: message.received.clone(),
            prefix: Bytes::from_static(b"Bcc: <hidden@x.test>\r\n"),
        });
        self.transport.submit(message).await.unwrap()
    }

    pub async fn texts(&self, name: &str, folder: SpecialUse) -> Vec<String> {
        let mailbox = self.mailbox(name).await;
        let folder = mailbox.special(folder).await.unwrap().id;
        let view = mailbox.view(folder).await.unwrap();
        let mut texts = Vec::new();
        for row in view.rows() {
            let item = mailbox.item(folder, row.uid).await.unwrap();
            let reader = mailbox.read(&item, 0..u64::MAX).await.unwrap();
            let bytes = reader.read_to_end(1 << 30).await.unwrap();
            texts.push(String::from_utf8(bytes.to_vec()).unwrap());
        }
        texts
    }

    pub async fn inbox(&self, name: &str) -> Vec<String> {
        self.texts(name, SpecialUse::Inbox).await
    }

    /// Waits until nothing is left in the queue.
    pub async fn drained(&self) {
        while !self.transport.queue(None, 1).await.unwrap().is_empty() {
            self.hop.something.notified().await;
            // What was said is still to be written down; time stands still meanwhile.
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// The same, whatever the hop does; time goes on meanwhile.
    pub async fn emptied(&self) {
        while !self.transport.queue(None, 1).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Seconds of tokio's clock since the test's first look at it.
pub fn elapsed() -> i64 {
    thread_local!(static FIRST: Instant = Instant::now());
    FIRST.with(|first| first.elapsed().as_secs().cast_signed()) - SET_BACK.get()
}

/// Sets the clock back by so many seconds.
pub fn set_clock_back(seconds: i64) {
    SET_BACK.set(seconds);
}

thread_local!(static SET_BACK: Cell<i64> = const { Cell::new(0) });

/// A next hop that does as it is told, and takes everything once it has no orders left.
#[derive(Default)]
pub struct Hop {
    pub orders: Mutex<VecDeque<Order>>,
    /// What it was given: when, for whom, which message.
    pub taken: Mutex<Vec<(i64, Vec<String>, String)>>,
    pub connections: Mutex<u32>,
    pub closed: Mutex<u32>,
    pub notifies: Mutex<bool>,
    /// Whether it takes 7-bit text only.
    pub seven_bit: Mutex<bool>,
    /// Told after each message, and after each connection that failed.
    pub something: Notify,
    /// Told when it begins to hang.
    pub hanging: Notify,
    /// What one that is slow waits for.
    pub go_on: Notify,
}

pub enum Order {
    /// Refuses the connection.
    NoConnection,
    /// Answers each recipient so.
    Answer(Vec<Result<(), u16>>),
    /// Loses the connection before it says anything.
    Gone,
    /// Takes the message and never says so.
    Hang,
    /// Takes the message and says so when it is told to.
    Slow,
    /// Falls silent before the message's end.
    Stall,
    /// Meets a bug of ours.
    Panic,
}

impl Hop {
    pub fn order(&self, orders: impl IntoIterator<Item = Order>) {
        self.orders.lock().extend(orders);
    }

    /// Whom it was given messages for.
    pub fn recipients(&self) -> Vec<Vec<String>> {
        let taken = self.taken.lock();
        taken
            .iter()
            .map(|(_, recipients, _)| recipients.clone())
            .collect()
    }
}

pub fn refusal(code: u16) -> Refusal {
    let class = (code / 100) as u8;
    Refusal::new(code, Status(class, 1, 1), "the hop says so")
}

/// The queue's end of the hop.
struct Connector(Arc<Hop>);

impl Wire for Connector {
    fn connect<'a>(
        &'a self,
        hop: &'a NextHop,
    ) -> BoxFuture<'a, Result<Box<dyn WireSession>, Refusal>> {
        Box::pin(async move {
            let mut orders = self.0.orders.lock();
            if let Some(Order::NoConnection) = orders.front() {
                orders.pop_front();
                self.0.something.notify_one();
                return Err(Refusal::new(451, Status(4, 4, 1), format!("{hop} is away")));
            }
            *self.0.connections.lock() += 1;
            Ok(Box::new(Session(Arc::clone(&self.0))) as Box<dyn WireSession>)
        })
    }
}

struct Session(Arc<Hop>);

impl WireSession for Session {
    fn send<'a>(&'a mut self, parcel: Parcel<'a>) -> BoxFuture<'a, Handed> {
        Box::pin(async move {
            let order = self.0.orders.lock().pop_front();
            let count = parcel.recipients.len();
            if let Some(Order::Panic) = order {
                self.0.something.notify_one();
                panic!("the hop found a bug");
            }
            if let Some(Order::Gone) = order {
                self.0.something.notify_one();
                return Handed {
                    untouched: true,
                    ..Handed::refused(count, &refusal(451), false)
                };
            }
            let mut outbound = parcel.message;
            if let Some(Order::Stall) = order {
                outbound.next().await.unwrap();
                self.0.hanging.notify_one();
                std::future::pending::<()>().await;
            }
            if *self.0.seven_bit.lock() {
                outbound = match outbound.seven_bit().await {
                    Ok(outbound) => outbound,
                    Err(refusal) => {
                        self.0.something.notify_one();
                        return Handed::refused(count, &refusal, true);
                    }
                };
            }
            let size = outbound.size();
            let mut message = Vec::new();
            loop {
                match outbound.next().await {
                    Ok(Some(chunk)) => message.extend_from_slice(&chunk),
                    Ok(None) => break,
                    // The connection is given up in the middle.
                    Err(_) => {
                        self.0.something.notify_one();
                        return Handed::refused(count, &refusal(451), false);
                    }
                }
            }
            assert_eq!(message.len() as u64, size);
            let recipients = parcel.recipients.iter();
            self.0.taken.lock().push((
                elapsed(),
                recipients.map(|one| one.address.to_string()).collect(),
                String::from_utf8(message).unwrap(),
            ));
            let answers = match order {
                Some(Order::Answer(answers)) => answers,
                Some(Order::Hang) => {
                    self.0.hanging.notify_one();
                    std::future::pending().await
                }
                Some(Order::Slow) => {
                    self.0.hanging.notify_one();
                    self.0.go_on.notified().await;
                    vec![Ok(()); count]
                }
                Some(Order::NoConnection | Order::Gone | Order::Panic | Order::Stall) | None => {
                    vec![Ok(()); count]
                }
            };
            assert_eq!(answers.len(), count);
            self.0.something.notify_one();
            Handed {
                results: answers
                    .into_iter()
                    .map(|answer| answer.map(|()| "250 taken".to_owned()).map_err(refusal))
                    .collect(),
                notifies: *self.0.notifies.lock(),
                reusable: true,
                untouched: false,
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        *self.0.closed.lock() += 1;
        Box::pin(async {})
    }
}

/// A day of the clock.
pub const DAY: Duration = Duration::from_hours(24);
