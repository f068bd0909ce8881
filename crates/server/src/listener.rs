//! Sockets that take connections, and the loop that takes them.
//!
//! A listener is opened ([`Bound::open`]) before anything else starts, so that an address that cannot be had is an
//! error at start; it takes connections only when [`Bound::accept`] runs. Each connection is handed to a [`Handler`]
//! in a task of its own: a panic there ends that connection and nothing else.
//!
//! Invariant: nothing that `accept` reports ends the loop. When file descriptors are used up, it waits and tries again.
//!
//! Invariant: a connection counts against its listener, against the whole process and against its address from
//! `accept` to its end, whatever state it is in.

mod admission;
mod proxy;
mod socket;

#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use fieldpost_connection::{ConnectionId, Peer};
use futures_util::FutureExt;
use tokio::{net::TcpStream, net::UnixStream, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use crate::{
    config::{self, Endpoint, Protocol},
    error::ListenError,
};

pub use admission::{Admission, Admitted, Refused};
pub use proxy::Senders;
use socket::Socket;
pub use socket::try_tcp;

/// Serves connections of one listener.
pub trait Handler: Send + Sync + 'static {
    /// Serves `accepted` to its end. Must end soon after `shutdown` was cancelled.
    fn serve(&self, accepted: Accepted, shutdown: CancellationToken) -> BoxedSession;
}

/// How listeners and their sessions are told to end.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Take no more connections; sessions finish what they are at.
    pub drain: CancellationToken,
    /// Sessions end at once.
    pub cut: CancellationToken,
}

/// One session, to be driven to its end.
pub type BoxedSession = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection that was accepted.
pub struct Accepted {
    /// The socket.
    pub socket: AcceptedSocket,
    /// Who is at the other end.
    pub peer: Peer,
    /// Our own end.
    pub local: Option<SocketAddr>,
    /// Its name in the logs.
    pub id: ConnectionId,
}

/// An accepted socket.
pub enum AcceptedSocket {
    /// TCP, with `TCP_NODELAY` set.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

/// A listener that is open but takes no connections yet.
pub struct Bound {
    socket: Socket,
    protocol: Protocol,
    max_connections: usize,
    /// Who says for whom a connection is.
    senders: Arc<Senders>,
}

impl Bound {
    /// Opens the socket.
    pub fn open(listener: &config::Listener) -> Result<Self, ListenError> {
        let endpoint = listener
            .endpoint()
            .map_err(|reason| ListenError::Wrong { reason })?;
        let socket = match &endpoint {
            Endpoint::Tcp(address) => Socket::tcp(*address, listener.backlog)?,
            Endpoint::Unix(path) => {
                let mode = listener
                    .mode()
                    .map_err(|reason| ListenError::Wrong { reason })?;
                Socket::unix(path, mode, listener.backlog)?
            }
        };
        let senders = Senders::parse(&listener.proxy_protocol)
            .map_err(|reason| ListenError::Wrong { reason })?;
        Ok(Self {
            socket,
            protocol: listener.protocol,
            max_connections: listener.max_connections,
            senders: Arc::new(senders),
        })
    }

    /// What is spoken here.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Where it listens; with the real port, if any port was asked for.
    pub fn endpoint(&self) -> Endpoint {
        self.socket.endpoint()
    }

    /// Takes connections until the drain begins, each served in a task that `sessions` counts.
    pub async fn accept(
        self,
        handler: Arc<dyn Handler>,
        admission: Arc<Admission>,
        sessions: TaskTracker,
        stop: Stop,
    ) {
        let shutdown = stop.drain;
        let places = Arc::new(Semaphore::new(self.max_connections));
        let mut trouble = Trouble::default();
        loop {
            // The place first: while all are taken, connections wait in the kernel's queue.
            let place = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            let Ok(place) = place else { break };
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = self.socket.accept() => accepted,
            };
            let (socket, peer, local) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    let pause = trouble.note(&error, &self.endpoint());
                    tokio::select! {
                        () = shutdown.cancelled() => break,
                        () = tokio::time::sleep(pause) => continue,
                    }
                }
            };
            trouble.over(&self.endpoint());
            let behind_proxy = self.senders.include(peer);
            let admitted = if behind_proxy {
                admission.admit_proxy()
            } else {
                admission.admit(peer)
            };
            let admitted = match admitted {
                Ok(admitted) => admitted,
                Err(refused) => {
                    admission.log_refusal(refused, peer, self.protocol);
                    continue;
                }
            };
            let accepted = Accepted {
                socket,
                peer,
                local,
                id: ConnectionId::next(),
            };
            let span = tracing::info_span!(
                "connection",
                id = %accepted.id,
                peer = %peer,
                protocol = %self.protocol,
            );
            let session: BoxedSession = if behind_proxy {
                Box::pin(proxied(
                    accepted,
                    Arc::clone(&handler),
                    Arc::clone(&admission),
                    self.protocol,
                    shutdown.clone(),
                ))
            } else {
                handler.serve(accepted, shutdown.clone())
            };
            let cut = stop.cut.clone();
            sessions.spawn(
                async move {
                    let session = std::panic::AssertUnwindSafe(session).catch_unwind();
                    tokio::select! {
                        ended = session => if ended.is_err() {
                            tracing::error!("a session ended by a panic: a defect, please report it");
                        },
                        () = cut.cancelled() => tracing::info!("connection cut: it took longer than the drain"),
                    }
                    drop((place, admitted));
                }
                .instrument(span),
            );
        }
        self.socket.remove();
    }
}

/// Hears from a proxy for whom it speaks, and serves that client, who counts against its own address from then on.
async fn proxied(
    mut accepted: Accepted,
    handler: Arc<dyn Handler>,
    admission: Arc<Admission>,
    protocol: Protocol,
    shutdown: CancellationToken,
) {
    let read = async {
        match &mut accepted.socket {
            AcceptedSocket::Tcp(stream) => proxy::header(stream).await,
            AcceptedSocket::Unix(stream) => proxy::header(stream).await,
        }
    };
    let spoken = tokio::select! {
        read = tokio::time::timeout(proxy::PATIENCE, read) => {
            read.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        }
        () = shutdown.cancelled() => return,
    };
    let place = match spoken {
        Ok(proxy::Spoken::Itself) => None,
        Ok(proxy::Spoken::Client { peer, local }) => {
            accepted.peer = Peer::Inet(peer);
            accepted.local = Some(local);
            tracing::debug!(client = %accepted.peer, "a proxy speaks for a client");
            match admission.admit_behind_proxy(accepted.peer) {
                Ok(place) => Some(place),
                Err(refused) => return admission.log_refusal(refused, accepted.peer, protocol),
            }
        }
        // Load balancers look whether a port is open, and say nothing.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return tracing::debug!("a proxy connected and said nothing");
        }
        Err(error) => {
            return tracing::warn!(%error, "a proxy is listed in proxy_protocol and does not send it");
        }
    };
    handler.serve(accepted, shutdown).await;
    drop(place);
}

/// Trouble with `accept`, as it was last told to the log.
#[derive(Default)]
struct Trouble {
    /// How often in a row.
    times: u32,
}

impl Trouble {
    /// Notes an error; returns how long to wait before the next try.
    fn note(&mut self, error: &io::Error, endpoint: &Endpoint) -> Duration {
        if is_about_one_connection(error) {
            tracing::debug!(%error, %endpoint, "a connection went away before it was accepted");
            return Duration::ZERO;
        }
        self.times += 1;
        if self.times == 1 {
            tracing::error!(
                %error, %endpoint,
                "cannot accept connections; trying again until it works{}",
                descriptors_hint(error)
            );
        }
        Duration::from_millis(50 << self.times.min(4))
    }

    fn over(&mut self, endpoint: &Endpoint) {
        if self.times > 0 {
            tracing::info!(%endpoint, tries = self.times, "accepting connections again");
            self.times = 0;
        }
    }
}

/// Errors that `accept(2)` passes on from a connection that has died already.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::TimedOut
    )
}

fn descriptors_hint(error: &io::Error) -> &'static str {
    use rustix::io::Errno;
    match Errno::from_io_error(error) {
        Some(Errno::MFILE) => {
            " (all file descriptors are in use: raise LimitNOFILE in the systemd unit)"
        }
        Some(Errno::NFILE) => " (the system's file descriptors are all in use: raise fs.file-max)",
        _ => "",
    }
}
