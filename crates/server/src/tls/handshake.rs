//! A bound on handshakes under way (fault 5).
//!
//! A client that means it is through in a few round trips; one that opens a connection and stays silent costs memory.
//! So there are so many places, and when all are taken, the handshake that has waited longest loses its own to the
//! newcomer: ten thousand silent connections then cut each other, not the clients in between.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// The handshakes under way.
#[derive(Debug)]
pub struct Handshakes {
    max: usize,
    /// By order of arrival. Written when a handshake begins or ends.
    under_way: Mutex<(u64, BTreeMap<u64, CancellationToken>)>,
}

/// A handshake's place; dropping it frees the place.
#[derive(Debug)]
pub struct Handshake {
    all: Arc<Handshakes>,
    number: u64,
    cut: CancellationToken,
}

impl Handshakes {
    /// Room for `max` at once, at least one.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max: max.max(1),
            under_way: Mutex::default(),
        })
    }

    /// Takes a place; the oldest handshake is cut if there is none.
    pub fn begin(self: &Arc<Self>) -> Handshake {
        let cut = CancellationToken::new();
        let mut under_way = self.under_way.lock();
        let (next, places) = &mut *under_way;
        if places.len() >= self.max
            && let Some((_, oldest)) = places.pop_first()
        {
            oldest.cancel();
        }
        let number = *next;
        *next += 1;
        places.insert(number, cut.clone());
        Handshake {
            all: Arc::clone(self),
            number,
            cut,
        }
    }

    /// How many are under way.
    pub fn count(&self) -> usize {
        self.under_way.lock().1.len()
    }
}

impl Handshake {
    /// Resolves when a newcomer took the place.
    pub async fn cut(&self) {
        self.cut.cancelled().await;
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.all.under_way.lock().1.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_gives_way_and_a_finished_one_frees_its_place() {
        let all = Handshakes::new(2);
        let (first, second) = (all.begin(), all.begin());
        let third = all.begin();
        assert!(first.cut.is_cancelled());
        assert!(!second.cut.is_cancelled() && !third.cut.is_cancelled());
        assert_eq!(all.count(), 2);
        drop(third);
        let fourth = all.begin();
        assert!(!second.cut.is_cancelled() && !fourth.cut.is_cancelled());
        drop((first, second, fourth));
        assert_eq!(all.count(), 0);
    }
}
