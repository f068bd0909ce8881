//! Who may connect: bounds on connections of the whole process and of one address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use fieldpost_connection::Peer;
use parking_lot::Mutex;

use crate::config::Protocol;

/// Counts connections and refuses those beyond a bound.
#[derive(Debug)]
pub struct Admission {
    max_connections: usize,
    per_address: usize,
    /// Written at the begin and end of each connection.
    counts: Mutex<Counts>,
}

/// A connection that was let in; dropping it gives its place back.
#[derive(Debug)]
pub struct Admitted {
    admission: Arc<Admission>,
    /// It counts against the whole process.
    whole: bool,
    key: Option<Key>,
}

/// Why a connection was closed at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// The whole process has as many as it may.
    Full,
    /// This address has.
    Address,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    /// Only addresses that have a connection.
    by_address: HashMap<Key, usize>,
    last_logged: Option<Instant>,
    unlogged: u64,
}

/// An IPv4 address, or the first half of an IPv6 address: what one customer of a provider holds.
type Key = u64;

impl Admission {
    /// At most `max_connections` in all and `per_address` of one address.
    pub fn new(max_connections: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            max_connections,
            per_address,
            counts: Mutex::default(),
        })
    }

    /// Lets a connection of `peer` in, or not. This machine's own processes (webmail, the MTA, a proxy) speak for many
    /// users, so only the bound on all counts for them.
    pub fn admit(self: &Arc<Self>, peer: Peer) -> Result<Admitted, Refused> {
        self.take(true, key(peer))
    }

    /// Lets a connection of a proxy in, or not: whose it is will be heard, and [`Self::admit_behind_proxy`] asked then.
    pub fn admit_proxy(self: &Arc<Self>) -> Result<Admitted, Refused> {
        self.take(true, None)
    }

    /// Lets the client of a proxy's connection in, or not. The connection itself counts already.
    pub fn admit_behind_proxy(self: &Arc<Self>, client: Peer) -> Result<Admitted, Refused> {
        self.take(false, key(client))
    }

    fn take(self: &Arc<Self>, whole: bool, key: Option<Key>) -> Result<Admitted, Refused> {
        let mut counts = self.counts.lock();
        if whole && counts.all >= self.max_connections {
            return Err(Refused::Full);
        }
        if let Some(key) = key {
            let count = counts.by_address.entry(key).or_default();
            if *count >= self.per_address {
                return Err(Refused::Address);
            }
            *count += 1;
        }
        counts.all += usize::from(whole);
        Ok(Admitted {
            admission: Arc::clone(self),
            whole,
            key,
        })
    }

    /// Connections now.
    pub fn count(&self) -> usize {
        self.counts.lock().all
    }

    /// Writes a refusal to the log, at most one a second: a flood must not fill the disk.
    pub fn log_refusal(&self, refused: Refused, peer: Peer, protocol: Protocol) {
        let mut counts = self.counts.lock();
        let now = Instant::now();
        if counts
            .last_logged
            .is_some_and(|last| now.duration_since(last) < Duration::from_secs(1))
        {
            counts.unlogged += 1;
            return;
        }
        counts.last_logged = Some(now);
        let others = std::mem::take(&mut counts.unlogged);
        drop(counts);
        let bound = match refused {
            Refused::Full => "limits.max_connections",
            Refused::Address => "limits.connections_per_address",
        };
        tracing::warn!(%peer, %protocol, bound, others, "connection refused: too many");
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock();
        counts.all -= usize::from(self.whole);
        if let Some(key) = self.key
            && let Some(count) = counts.by_address.get_mut(&key)
        {
            *count -= 1;
            if *count == 0 {
                counts.by_address.remove(&key);
            }
        }
    }
}

fn key(peer: Peer) -> Option<Key> {
    if peer.is_local() {
        return None;
    }
    match peer {
        Peer::Unix(_) => None,
        Peer::Inet(address) => Some(match address.ip().to_canonical() {
            // No IPv6 address in use has a first half this small (::/32 is reserved), so the two kinds never meet.
            IpAddr::V4(four) => u64::from(u32::from(four)),
            IpAddr::V6(six) => first_half(six),
        }),
    }
}

fn first_half(address: Ipv6Addr) -> u64 {
    (u128::from(address) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::Inet(address.parse().unwrap())
    }

    #[test]
    fn an_address_has_its_bound_and_gets_places_back() {
        let admission = Admission::new(100, 2);
        let one = admission.admit(peer("192.0.2.1:1000")).unwrap();
        let _two = admission.admit(peer("[::ffff:192.0.2.1]:1001")).unwrap();
        assert_eq!(
            admission.admit(peer("192.0.2.1:1002")).unwrap_err(),
            Refused::Address
        );
        assert!(admission.admit(peer("192.0.2.2:1")).is_ok());
        drop(one);
        assert!(admission.admit(peer("192.0.2.1:1003")).is_ok());
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let admission = Admission::new(100, 1);
        let _one = admission.admit(peer("[2001:db8:1:2::1]:1")).unwrap();
        assert!(admission.admit(peer("[2001:db8:1:2:ffff::9]:1")).is_err());
        assert!(admission.admit(peer("[2001:db8:1:3::1]:1")).is_ok());
    }

    #[test]
    fn clients_behind_a_proxy_have_their_own_bounds() {
        let admission = Admission::new(3, 1);
        let proxies: Vec<_> = (0..3).map(|_| admission.admit_proxy().unwrap()).collect();
        assert_eq!(admission.admit_proxy().unwrap_err(), Refused::Full);
        let client = admission.admit_behind_proxy(peer("192.0.2.1:1")).unwrap();
        assert_eq!(
            admission
                .admit_behind_proxy(peer("192.0.2.1:2"))
                .unwrap_err(),
            Refused::Address
        );
        assert!(admission.admit_behind_proxy(peer("192.0.2.2:1")).is_ok());
        assert_eq!(admission.count(), 3);
        drop((client, proxies));
        assert_eq!(admission.count(), 0);
        assert!(admission.counts.lock().by_address.is_empty());
    }

    #[test]
    fn this_machine_is_bound_by_the_whole_only() {
        let admission = Admission::new(3, 1);
        let held: Vec<_> = (0..3)
            .map(|_| admission.admit(peer("127.0.0.1:1")).unwrap())
            .collect();
        assert_eq!(
            admission.admit(Peer::Unix(None)).unwrap_err(),
            Refused::Full
        );
        drop(held);
        assert_eq!(admission.count(), 0);
        assert!(admission.counts.lock().by_address.is_empty());
    }
}
