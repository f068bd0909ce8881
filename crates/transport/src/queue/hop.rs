//! Connections to next hops: a bounded number to each and to all, used again for the next message while there is one.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::QueueSettings;
use crate::{NextHop, Refusal, Wire, WireSession};

/// All next hops.
pub(crate) struct Hops {
    wire: Arc<dyn Wire>,
    settings: QueueSettings,
    /// Bounds the connections to all of them together.
    all: Arc<Semaphore>,
    /// Those in use; one that nobody uses is forgotten.
    by_name: Mutex<HashMap<NextHop, Arc<Hop>>>,
    next_number: AtomicU64,
}

/// One next hop.
struct Hop {
    name: NextHop,
    slots: Arc<Semaphore>,
    idle: Mutex<Vec<Open>>,
    /// Until when it is not tried, and why: it could not be reached lately.
    down: Mutex<Option<(Instant, Refusal)>>,
}

/// An open connection.
pub(super) struct Open {
    pub(super) session: Box<dyn WireSession>,
    number: u64,
    sent: u32,
}

/// The right to have one connection to a hop.
pub(super) struct Slot {
    hops: Arc<Hops>,
    hop: Arc<Hop>,
    _of_hop: Option<OwnedSemaphorePermit>,
    _of_all: Option<OwnedSemaphorePermit>,
}

impl Hops {
    pub(super) fn new(wire: Arc<dyn Wire>, settings: QueueSettings) -> Arc<Self> {
        Arc::new(Self {
            wire,
            all: Arc::new(Semaphore::new(settings.connections.max(1))),
            settings,
            by_name: Mutex::default(),
            next_number: AtomicU64::new(0),
        })
    }

    /// Waits for the right to have a connection to `name`.
    pub(super) async fn slot(self: &Arc<Self>, name: &NextHop) -> Slot {
        let hop = {
            let mut hops = self.by_name.lock();
            if hops.len() >= HOPS_KEPT {
                hops.retain(|_, hop| Arc::strong_count(hop) > 1 || hop.is_down());
            }
            Arc::clone(hops.entry(name.clone()).or_insert_with(|| {
                Arc::new(Hop {
                    name: name.clone(),
                    slots: Arc::new(Semaphore::new(self.settings.connections_per_hop.max(1))),
                    idle: Mutex::default(),
                    down: Mutex::default(),
                })
            }))
        };
        // Neither is ever closed, so both are there.
        let of_hop = Arc::clone(&hop.slots).acquire_owned().await.ok();
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok();
        Slot {
            hops: Arc::clone(self),
            hop,
            _of_hop: of_hop,
            _of_all: of_all,
        }
    }

    /// Forgets which hops could not be reached: somebody wants them to be tried now.
    pub(super) fn forget_failures(&self) {
        for hop in self.by_name.lock().values() {
            *hop.down.lock() = None;
        }
    }

    /// Says goodbye on all connections that have nothing to do, on all at once.
    pub(super) async fn close(&self) {
        let hops: Vec<_> = self.by_name.lock().values().cloned().collect();
        let idle = hops
            .iter()
            .flat_map(|hop| std::mem::take(&mut *hop.idle.lock()));
        let goodbyes = idle.map(|open| open.session.close());
        let goodbyes = futures_util::future::join_all(goodbyes);
        drop(tokio::time::timeout(GOODBYE, goodbyes).await);
    }
}

impl Slot {
    /// A connection that was used before and waits for work.
    pub(super) fn used(&self) -> Option<Open> {
        self.hop.idle.lock().pop()
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> Result<Open, Refusal> {
        if let Some((_, refusal)) = self
            .hop
            .down
            .lock()
            .as_ref()
            .filter(|(until, _)| *until > Instant::now())
        {
            return Err(refusal.clone());
        }
        match self.hops.wire.connect(&self.hop.name).await {
            Ok(session) => {
                *self.hop.down.lock() = None;
                Ok(Open {
                    session,
                    number: self.hops.next_number.fetch_add(1, Ordering::Relaxed),
                    sent: 0,
                })
            }
            Err(refusal) => {
                tracing::warn!(hop = %self.hop.name, %refusal, "no connection to the next hop");
                if refusal.is_temporary() {
                    let pause = self.hops.settings.first_retry.min(PAUSE);
                    *self.hop.down.lock() = Some((Instant::now() + pause, refusal.clone()));
                }
                Err(refusal)
            }
        }
    }

    /// Keeps a connection for the next message, for a while.
    pub(super) fn keep(&self, mut open: Open) {
        open.sent += 1;
        if open.sent >= self.hops.settings.messages_per_connection {
            tokio::spawn(tokio::time::timeout(GOODBYE, open.session.close()));
            return;
        }
        let number = open.number;
        let sent = open.sent;
        self.hop.idle.lock().push(open);
        let (hop, idle) = (Arc::clone(&self.hop), self.hops.settings.idle);
        tokio::spawn(async move {
            tokio::time::sleep(idle).await;
            if let Some(open) = hop.take_unused(number, sent) {
                drop(tokio::time::timeout(GOODBYE, open.session.close()).await);
            }
        });
    }
}

impl Hop {
    /// The connection of that number, if nobody has used it since.
    fn take_unused(&self, number: u64, sent: u32) -> Option<Open> {
        let mut idle = self.idle.lock();
        let at = idle
            .iter()
            .position(|open| open.number == number && open.sent == sent)?;
        Some(idle.swap_remove(at))
    }

    fn is_down(&self) -> bool {
        self.down
            .lock()
            .as_ref()
            .is_some_and(|(until, _)| *until > Instant::now())
    }
}

impl std::fmt::Debug for Hops {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hops")
            .field("hops", &self.by_name.lock().len())
            .finish_non_exhaustive()
    }
}

/// When so many hops are known, those that nobody uses are forgotten.
const HOPS_KEPT: usize = 1000;

/// For so long a hop that could not be reached is not tried by the next messages either.
const PAUSE: Duration = Duration::from_secs(15);

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(5);
