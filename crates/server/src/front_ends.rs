//! Joins listeners to the front-ends: which protocol's code gets an accepted socket, and where its TLS begins.

use std::{pin::Pin, sync::Arc, time::Duration};

use fieldpost_connection::{Connection, ConnectionError, Origin, Peer};
use fieldpost_directory::Directory;
use fieldpost_mailbox::Mailboxes;
use fieldpost_transport::Transport;
use fieldpost_web as web;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::{
    acme::{self, Challenges},
    config::{Config, Protocol, TlsMode},
    control::{self, Operator},
    listener::{Accepted, AcceptedSocket, BoxedSession, Handler},
    routes,
    tls::{Certificates, Handshakes},
};

/// The services of all protocols, one each, whatever number of listeners they have.
#[derive(Clone)]
pub struct FrontEnds {
    imap: Arc<fieldpost_imap::Service>,
    pop3: Arc<fieldpost_pop3::Service>,
    lmtp: Arc<fieldpost_smtp::Service>,
    submission: Arc<fieldpost_smtp::Service>,
    activesync: Arc<fieldpost_activesync::Service>,
    web: Arc<web::Service>,
    /// What listens for authorities alone.
    acme: Arc<web::Service>,
    challenges: Arc<Challenges>,
    handshakes: Arc<Handshakes>,
    handshake_timeout: Duration,
}

/// Serves the connections of one listener.
pub struct FrontEnd {
    all: FrontEnds,
    protocol: Protocol,
    mode: TlsMode,
    acceptor: Option<TlsAcceptor>,
}

/// Serves the control socket.
pub struct Control(pub Arc<dyn Operator>);

impl FrontEnds {
    /// The services, as the configuration wants them.
    pub fn new(
        config: &Config,
        directory: &Arc<Directory>,
        mailboxes: &Arc<Mailboxes>,
        transport: &Arc<Transport>,
        certificates: &Arc<Certificates>,
        challenges: &Arc<Challenges>,
        probe: Arc<dyn web::Probe>,
    ) -> Self {
        let handshake_timeout = config.tls.handshake_timeout.duration();
        let imap = fieldpost_imap::Settings {
            host_name: config.hostname(),
            idle_timeout: config.imap.idle_timeout.duration(),
            sign_in_idle_timeout: config.imap.sign_in_timeout.duration(),
            idle_notice: config.imap.idle_notice.duration(),
            append_limit: config.imap.max_message_size.bytes(),
            command_limit: config.imap.max_command_size.bytes() as usize,
            connections_per_account: config.imap.connections_per_account,
            masks: config.imap.masks(),
            handshake_timeout,
            ..fieldpost_imap::Settings::default()
        };
        let pop3 = fieldpost_pop3::Settings {
            host_name: config.hostname(),
            handshake_timeout,
            ..config.pop3.settings()
        };
        let mut lmtp = fieldpost_smtp::Settings {
            hostname: config.hostname(),
            max_message_size: config.lmtp.max_message_size.bytes(),
            max_recipients: config.lmtp.max_recipients,
            line_ends: config.lmtp.line_ends.on_the_wire(),
            ..fieldpost_smtp::Settings::default()
        };
        lmtp.timeouts.command = config.lmtp.idle_timeout.duration();
        lmtp.timeouts.handshake = handshake_timeout;
        let activesync = fieldpost_activesync::Service::new(
            Arc::clone(directory),
            Arc::clone(mailboxes),
            Arc::clone(transport),
            config.activesync.settings(config.hostname()),
        );
        // One adaptor for each front-end over HTTP; the first that takes a path answers.
        let routes: Vec<Arc<dyn web::Route>> = vec![
            Arc::new(routes::ActiveSync(Arc::clone(&activesync))),
            Arc::new(routes::Autoconfig::new(config, directory, certificates)),
            Arc::new(routes::Acme::new(challenges)),
        ];
        Self {
            imap: fieldpost_imap::Service::new(Arc::clone(directory), Arc::clone(mailboxes), imap),
            pop3: fieldpost_pop3::Service::new(Arc::clone(directory), Arc::clone(mailboxes), pop3),
            lmtp: Arc::new(fieldpost_smtp::Service {
                transport: Arc::clone(transport),
                settings: lmtp,
                submission: None,
            }),
            submission: Arc::new(fieldpost_smtp::Service {
                transport: Arc::clone(transport),
                settings: config
                    .submission
                    .settings(config.hostname(), handshake_timeout),
                submission: Some(fieldpost_smtp::Submission::new(
                    Arc::clone(directory),
                    config.submission.submission(),
                )),
            }),
            activesync,
            acme: Arc::new(web::Service {
                probe: Arc::clone(&probe),
                routes: vec![Arc::new(routes::Acme::alone(challenges))],
                proxies: config.http.proxies(),
                settings: web::Settings::default(),
            }),
            challenges: Arc::clone(challenges),
            web: Arc::new(web::Service {
                probe,
                routes,
                proxies: config.http.proxies(),
                settings: web::Settings::default(),
            }),
            handshakes: Handshakes::new(config.tls.max_handshakes),
            handshake_timeout,
        }
    }

    /// Ends what waits for changes, so that it does not hold up a stop.
    pub fn end_waiting(&self) {
        self.activesync.end_waiting();
    }

    /// What serves a listener of `protocol`. `acceptor` is there if any certificate is.
    pub fn front_end(
        &self,
        protocol: Protocol,
        mode: TlsMode,
        acceptor: Option<TlsAcceptor>,
    ) -> Arc<FrontEnd> {
        Arc::new(FrontEnd {
            all: self.clone(),
            protocol,
            mode,
            acceptor: acceptor.filter(|_| mode != TlsMode::None),
        })
    }
}

impl FrontEnd {
    /// Gets a connection over HTTP to where its session begins.
    async fn open_http(
        all: FrontEnds,
        service: Arc<web::Service>,
        accepted: Accepted,
        acceptor: Option<TlsAcceptor>,
        shutdown: CancellationToken,
    ) -> Result<BoxedSession, ConnectionError> {
        let origin = web::Origin {
            peer: match accepted.peer {
                Peer::Inet(address) => Some(address.ip().to_canonical()),
                Peer::Unix(_) => None,
            },
            secure: acceptor.is_some() || accepted.peer.is_local(),
            connection: accepted.id.0,
        };
        match accepted.socket {
            AcceptedSocket::Tcp(stream) => {
                Self::open_http_over(all, service, stream, origin, acceptor, shutdown).await
            }
            AcceptedSocket::Unix(stream) => {
                Self::open_http_over(all, service, stream, origin, acceptor, shutdown).await
            }
        }
    }

    async fn open_http_over<S>(
        all: FrontEnds,
        service: Arc<web::Service>,
        stream: S,
        origin: web::Origin,
        acceptor: Option<TlsAcceptor>,
        shutdown: CancellationToken,
    ) -> Result<BoxedSession, ConnectionError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Some(acceptor) = acceptor else {
            return Ok(Box::pin(web::serve(stream, origin, service, shutdown)));
        };
        let handshake = all.handshakes.begin();
        let shaken = acme::accept(stream, &acceptor, &all.challenges);
        let stream = tokio::select! {
            done = tokio::time::timeout(all.handshake_timeout, Box::pin(shaken)) => done
                .map_err(|_| ConnectionError::TimedOut)?
                .map_err(ConnectionError::Handshake)?,
            () = handshake.cut() => return Err(ConnectionError::TimedOut),
        };
        drop(handshake);
        let Some(stream) = stream else {
            tracing::info!("an authority had what it asked for over TLS");
            return Ok(Box::pin(std::future::ready(())));
        };
        // Boxed, or each future that it is handed on by has room for all of it.
        let stream = Box::new(stream);
        Ok(Box::pin(web::serve(stream, origin, service, shutdown)))
    }

    /// Gets a connection that is read by lines to where its session begins.
    async fn open_lines(
        all: FrontEnds,
        protocol: Protocol,
        mode: TlsMode,
        accepted: Accepted,
        acceptor: Option<TlsAcceptor>,
        shutdown: CancellationToken,
    ) -> Result<BoxedSession, ConnectionError> {
        let origin = Origin {
            id: accepted.id,
            peer: accepted.peer,
            local: accepted.local,
            tls: acceptor,
            shutdown,
            write_timeout: WRITE_TIMEOUT,
        };
        let mut connection = match accepted.socket {
            AcceptedSocket::Tcp(stream) => Connection::new(stream, origin),
            AcceptedSocket::Unix(stream) => Connection::new(stream, origin),
        };
        if mode == TlsMode::Implicit {
            let handshake = all.handshakes.begin();
            connection = tokio::select! {
                done = connection.start_tls(all.handshake_timeout) => done?,
                () = handshake.cut() => return Err(ConnectionError::TimedOut),
            };
        }
        Ok(match protocol {
            Protocol::Pop3 | Protocol::Pop3s => {
                Box::pin(fieldpost_pop3::serve(connection, all.pop3))
            }
            Protocol::Imap | Protocol::Imaps => {
                Box::pin(fieldpost_imap::serve(connection, all.imap))
            }
            Protocol::Lmtp => Box::pin(fieldpost_smtp::serve(connection, all.lmtp)),
            Protocol::Submission | Protocol::Submissions => {
                Box::pin(fieldpost_smtp::serve(connection, all.submission))
            }
            // It has a way of its own.
            Protocol::Https | Protocol::Http | Protocol::Acme => {
                Box::pin(async move { connection.close().await })
            }
        })
    }
}

/// Gets a connection, with its handshake, to where a session can begin.
type Opening = Pin<Box<dyn Future<Output = Result<BoxedSession, ConnectionError>> + Send>>;

impl Handler for FrontEnd {
    fn serve(&self, accepted: Accepted, shutdown: CancellationToken) -> BoxedSession {
        let (all, protocol, mode) = (self.all.clone(), self.protocol, self.mode);
        let acceptor = self.acceptor.clone();
        let opening: Opening = match (protocol, acceptor) {
            (Protocol::Https, None) => Box::pin(async { Err(ConnectionError::NoTls) }),
            (Protocol::Https | Protocol::Http, acceptor) => {
                let service = Arc::clone(&all.web);
                Box::pin(Self::open_http(all, service, accepted, acceptor, shutdown))
            }
            (Protocol::Acme, _) => {
                let service = Arc::clone(&all.acme);
                Box::pin(Self::open_http(all, service, accepted, None, shutdown))
            }
            (_, acceptor) => Box::pin(Self::open_lines(
                all, protocol, mode, accepted, acceptor, shutdown,
            )),
        };
        Box::pin(async move {
            // A handshake needs kilobytes: they are given back before the session, which may take days, begins.
            let opened = opening.await;
            match opened {
                Ok(session) => session.await,
                Err(error) => {
                    tracing::debug!(%error, "connection ended before a session began");
                }
            }
        })
    }
}

impl Handler for Control {
    fn serve(&self, accepted: Accepted, shutdown: CancellationToken) -> BoxedSession {
        let operator = Arc::clone(&self.0);
        let peer: Peer = accepted.peer;
        Box::pin(async move {
            if let AcceptedSocket::Unix(stream) = accepted.socket {
                control::serve(stream, peer, operator, shutdown).await;
            }
        })
    }
}

/// How long one write may wait for a client that does not read.
const WRITE_TIMEOUT: Duration = Duration::from_mins(1);
