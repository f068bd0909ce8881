//! The running server: everything started in order, reloaded on SIGHUP, drained on SIGTERM.
//!
//! Order of a start: certificates, sockets (so that what cannot be had is known at once), the store, then the accept
//! loops; connections that come in between wait in the kernel's queue. Order of a stop: no more connections, sessions
//! finish within the drain time, the rest is cut, next hops that have a whole message are heard, the store is closed.

mod health;
mod signals;

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use arc_swap::ArcSwap;
use fieldpost_mailbox::SpecialUse;
use fieldpost_transport::QueueStop;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    acme,
    config::{self, Config, Effect, Endpoint, MailboxSection, Protocol, Span},
    engine::{self, Engine},
    error::ListenError,
    exchange::{Failure, FailureKind},
    front_ends::{Control, FrontEnds},
    listener::{Admission, Bound, Stop},
    logging::LogLevel,
    tls::{self, Certificates},
};

pub use signals::Signals;

/// A server that takes connections.
pub struct Server {
    engine: Arc<Engine>,
    certificates: Arc<Certificates>,
    /// What a reload read last; read by the certificate watch.
    config: Arc<ArcSwap<Config>>,
    file: Option<PathBuf>,
    log: Option<LogLevel>,
    endpoints: Vec<(Protocol, Endpoint)>,
    /// Told at a reload: what kept a certificate from being got may be seen to.
    seen_to: Arc<Notify>,
    loops: TaskTracker,
    sessions: TaskTracker,
    /// The queue, which has a time of its own to stop in.
    queue: TaskTracker,
    stop: Stop,
}

impl Server {
    /// Starts it. `file` is read again on a reload; `log` follows its level.
    pub async fn start(
        config: Config,
        file: Option<PathBuf>,
        log: Option<LogLevel>,
    ) -> Result<Self, Failure> {
        let wrong = |error: &dyn std::fmt::Display| Failure::new(FailureKind::Configuration, error);
        let certificates = match config.acme_files() {
            None => Certificates::load(&config.tls.certificates),
            Some(got) => {
                Certificates::load_with(&config.tls.certificates, &got, &config.acme.names)
            }
        };
        let certificates =
            certificates.map_err(|error| wrong(&error).advise("fieldpost check tells more"))?;
        let acceptor = if config.has_certificate() {
            Some(certificates.acceptor().map_err(|error| wrong(&error))?)
        } else {
            None
        };
        let challenges = Arc::new(acme::Challenges::default());
        let seen_to = Arc::new(Notify::new());
        let renewal = acme::Renewal::new(&config, &challenges, &certificates, &seen_to)?;
        // The directory first: the control socket lies in it.
        engine::make_private_directory(&config.server.data_dir)?;
        let mut bound = Vec::new();
        for listener in &config.listeners {
            let open = Bound::open(listener).map_err(|error| taken_or(&config, &error));
            bound.push((open?, listener.tls_mode()));
        }
        let wire = crate::relay::wire(&config)?;
        let engine = Engine::open(config.clone()).await?;
        let waiting = engine.transport.rebuild_queue().await;
        let waiting = waiting.map_err(engine::of_mailbox)?;
        if waiting > 0 {
            tracing::info!(messages = waiting, "mail waits in the queue");
        }
        engine.serving.store(true, Ordering::Relaxed);
        let stop = Stop::default();
        // After the store, whose lock says that no other server runs on this directory.
        let control = Bound::open(&control_listener(&config)).map_err(|error| wrong(&error))?;
        let probe = Arc::new(health::EngineProbe {
            engine: Arc::clone(&engine),
            draining: stop.drain.clone(),
        });
        let front_ends = FrontEnds::new(
            &config,
            &engine.directory,
            &engine.mailboxes,
            &engine.transport,
            &certificates,
            &challenges,
            probe,
        );
        let admission = Admission::new(
            config.limits.max_connections,
            config.limits.connections_per_address,
        );
        let (loops, sessions) = (TaskTracker::new(), TaskTracker::new());
        let mut endpoints = Vec::new();
        for (bound, mode) in bound {
            let (protocol, endpoint) = (bound.protocol(), bound.endpoint());
            tracing::info!(%protocol, %endpoint, "listening");
            endpoints.push((protocol, endpoint));
            let front_end = front_ends.front_end(protocol, mode, acceptor.clone());
            loops.spawn(bound.accept(
                front_end,
                Arc::clone(&admission),
                sessions.clone(),
                stop.clone(),
            ));
        }
        let draining = stop.drain.clone();
        loops.spawn(async move {
            draining.cancelled().await;
            front_ends.end_waiting();
        });
        // Not bounded with the clients: the command line must get in when the server is full.
        let operators = Admission::new(CONTROL_CONNECTIONS, CONTROL_CONNECTIONS);
        let operator = Arc::new(Control(Arc::clone(&engine) as Arc<_>));
        loops.spawn(control.accept(operator, operators, sessions.clone(), stop.clone()));
        let queue = TaskTracker::new();
        queue.spawn(Arc::clone(&engine.transport).run_queue(
            wire,
            QueueStop {
                drain: stop.drain.clone(),
                cut: stop.cut.clone(),
            },
        ));
        loops.spawn(maintain(
            Arc::clone(&engine),
            config.mailbox.clone(),
            stop.drain.clone(),
        ));
        let watched = config.tls.watch.duration();
        let config = Arc::new(ArcSwap::from_pointee(config));
        loops.spawn(tls::watch(
            Arc::clone(&certificates),
            Arc::clone(&config),
            watched,
            stop.drain.clone(),
        ));
        if let Some(renewal) = renewal {
            loops.spawn(renewal.run(Arc::clone(&config), stop.drain.clone()));
        }
        Ok(Self {
            engine,
            certificates,
            config,
            file,
            log,
            endpoints,
            seen_to,
            loops,
            sessions,
            queue,
            stop,
        })
    }

    /// Where it listens, with the real ports.
    pub fn endpoints(&self) -> &[(Protocol, Endpoint)] {
        &self.endpoints
    }

    /// The store and what stands on it.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Cancelled when the drain begins.
    pub fn draining(&self) -> &CancellationToken {
        &self.stop.drain
    }

    /// Serves until a signal ends it, then drains.
    pub async fn run(self, mut signals: Signals) -> Result<(), Failure> {
        loop {
            match signals.next().await {
                signals::Signal::Reload => {
                    notify(&[sd_notify::NotifyState::Reloading]);
                    self.reload();
                    notify(&[sd_notify::NotifyState::Ready]);
                }
                signals::Signal::Stop(name) => {
                    tracing::info!(signal = name, "stopping");
                    break;
                }
            }
        }
        self.stop().await
    }

    /// Reads the configuration and the certificates again, puts into force what can be, and logs what differs.
    pub fn reload(&self) {
        let before = self.config.load_full();
        let after = match &self.file {
            None => Config::clone(&before),
            Some(file) => match Config::load(file) {
                Ok(config) => config,
                Err(error) => {
                    tracing::error!(%error, "not reloaded; the configuration before stays in force");
                    return;
                }
            },
        };
        let changes = config::difference(&before, &after);
        for change in &changes {
            let (key, before, after) = (&change.key, &change.before, &change.after);
            match change.effect {
                Effect::Now => tracing::info!(key, before, after, "configuration changed"),
                Effect::Restart => {
                    tracing::warn!(key, before, after, "configuration changed; takes a restart");
                }
            }
        }
        if let Some(log) = &self.log
            && let Err(error) = log.set(&after.log.level)
        {
            tracing::error!(%error, "the log's level stays");
        }
        let certificates = self.certificates.reload(&after.certificate_files());
        certificates.log();
        tracing::info!(
            changes = changes.len(),
            certificates = certificates.changed.len(),
            "reloaded"
        );
        self.config.store(Arc::new(after));
        self.seen_to.notify_one();
    }

    /// Drains: takes no more connections, waits for sessions, cuts what is left, waits for the answers to messages that next
    /// hops have whole, closes the store.
    pub async fn stop(self) -> Result<(), Failure> {
        notify(&[sd_notify::NotifyState::Stopping]);
        self.stop.drain.cancel();
        self.loops.close();
        self.sessions.close();
        self.queue.close();
        let drain = self.config.load().server.drain.duration();
        let drained = tokio::time::timeout(drain, async {
            self.loops.wait().await;
            self.sessions.wait().await;
            self.queue.wait().await;
        });
        if drained.await.is_err() {
            let left = self.sessions.len();
            tracing::warn!(
                connections = left,
                "the drain is over, cutting what is left"
            );
            self.stop.cut.cancel();
            // Cut sessions end at their next await; one that computes is not waited for.
            drop(tokio::time::timeout(CUT, self.sessions.wait()).await);
            // Bounded by `QueueStop::ANSWER`. What it does needs the store.
            self.queue.wait().await;
        }
        let closed = self.engine.close().await;
        tracing::info!("stopped");
        closed
    }
}

/// Has the mailboxes do now and then what nobody waits for: end deletions that were cut short, fold change logs, forget
/// what left before the horizon.
async fn maintain(engine: Arc<Engine>, section: MailboxSection, shutdown: CancellationToken) {
    let seconds = |span: Span| i64::try_from(span.duration().as_secs()).unwrap_or(i64::MAX);
    let horizon = seconds(section.change_horizon);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(MAINTENANCE) => {}
        }
        let round = tokio::select! {
            () = shutdown.cancelled() => return,
            round = engine.mailboxes.maintain(horizon) => round,
        };
        for (special, age) in [
            (SpecialUse::Trash, section.trash_expiry),
            (SpecialUse::Junk, section.junk_expiry),
        ] {
            if age.is_zero() {
                continue;
            }
            match engine.mailboxes.expire(special, seconds(age)).await {
                Ok(items) => tracing::info!(?special, items, "old mail expired"),
                Err(error) => tracing::error!(?special, %error, "old mail not expired"),
            }
        }
        match round {
            Ok(done) => tracing::info!(
                folded = done.folded,
                purged = done.purged,
                "mailboxes maintained"
            ),
            Err(error) => tracing::error!(%error, "mailboxes not maintained"),
        }
    }
}

/// Raises the soft limit on file descriptors to the hard one; a connection is one, each store segment another.
pub fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "cannot raise the limit on file descriptors");
    }
}

/// Tells systemd, if it started us with `Type=notify`.
pub fn notify(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd was not told");
    }
}

/// Why a listener cannot be had: because a server with this configuration has it, or for its own reason.
fn taken_or(config: &Config, error: &ListenError) -> Failure {
    let socket = config.control_socket();
    if error.is_taken() && std::os::unix::net::UnixStream::connect(&socket).is_ok() {
        return Failure::new(
            FailureKind::Busy,
            format!(
                "a server with this configuration runs already; it answers at {}",
                socket.display()
            ),
        )
        .advise("send it SIGHUP to read its configuration again, or stop it first");
    }
    Failure::new(FailureKind::Configuration, error)
}

fn control_listener(config: &Config) -> config::Listener {
    config::Listener {
        // The protocol of a listener is for logs only here.
        unix: Some(config.control_socket()),
        address: None,
        unix_mode: "0600".into(),
        backlog: 64,
        proxy_protocol: Vec::new(),
        ..config::Listener::tcp(
            Protocol::Lmtp,
            std::net::SocketAddr::from(([0, 0, 0, 0], 0)),
        )
    }
}

/// Commands at once.
const CONTROL_CONNECTIONS: usize = 64;

/// How long cut sessions may take to end.
const CUT: Duration = Duration::from_secs(1);

/// How often mailboxes are maintained.
const MAINTENANCE: Duration = Duration::from_hours(6);
