//! Joins listeners to the front-ends: which protocol's code gets an accepted socket, and where its TLS begins.

use std::{pin::Pin, sync::Arc, time::Duration};

use fieldpost_connection::{Connection, ConnectionError, Origin, Peer};
use fieldpost_directory::Directory;
use fieldpost_mailbox::Mailboxes;
use fieldpost_transport::Transport;
use fieldpost_web as web;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Config, Protocol, TlsMode},
    control::{self, Operator},
    listener::{Accepted, AcceptedSocket, BoxedSession, Handler},
    tls::Handshakes,
};

/// The services of all protocols, one each, whatever number of listeners they have.
#[derive(Clone)]
pub struct FrontEnds {
    imap: Arc<fieldpost_imap::Service>,
    pop3: Arc<fieldpost_pop3::Service>,
    lmtp: Arc<fieldpost_smtp::Service>,
    web: Arc<web::Service>,
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
            idle_timeout: config.pop3.idle_timeout.duration(),
            sign_in_idle_timeout: config.pop3.sign_in_timeout.duration(),
            mark_seen: config.pop3.mark_seen,
            login_delay: config.pop3.login_delay.duration(),
            handshake_timeout,
            ..fieldpost_pop3::Settings::default()
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
        Self {
            imap: fieldpost_imap::Service::new(Arc::clone(directory), Arc::clone(mailboxes), imap),
            pop3: fieldpost_pop3::Service::new(Arc::clone(directory), Arc::clone(mailboxes), pop3),
            lmtp: Arc::new(fieldpost_smtp::Service {
                transport: Arc::clone(transport),
                settings: lmtp,
            }),
            web: Arc::new(web::Service {
                probe,
                settings: web::Settings::default(),
            }),
            handshakes: Handshakes::new(config.tls.max_handshakes),
            handshake_timeout,
        }
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
    async fn https(
        all: FrontEnds,
        socket: AcceptedSocket,
        acceptor: TlsAcceptor,
        shutdown: CancellationToken,
    ) -> Result<(), ConnectionError> {
        let handshake = all.handshakes.begin();
        let within = |result: Result<_, _>| {
            result.map_err(|_| ConnectionError::TimedOut).and_then(
                |done: Result<_, std::io::Error>| done.map_err(ConnectionError::Handshake),
            )
        };
        match socket {
            AcceptedSocket::Tcp(stream) => {
                let stream = tokio::select! {
                    done = tokio::time::timeout(all.handshake_timeout, acceptor.accept(stream)) => within(done)?,
                    () = handshake.cut() => return Err(ConnectionError::TimedOut),
                };
                drop(handshake);
                web::serve(stream, all.web, shutdown).await;
            }
            AcceptedSocket::Unix(stream) => {
                let done = tokio::time::timeout(all.handshake_timeout, acceptor.accept(stream));
                let stream = done
                    .await
                    .map_err(|_| ConnectionError::TimedOut)?
                    .map_err(ConnectionError::Handshake)?;
                drop(handshake);
                web::serve(stream, all.web, shutdown).await;
            }
        }
        Ok(())
    }

    async fn lines(
        all: FrontEnds,
        protocol: Protocol,
        mode: TlsMode,
        accepted: Accepted,
        acceptor: Option<TlsAcceptor>,
        shutdown: CancellationToken,
    ) -> Result<(), ConnectionError> {
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
        match protocol {
            Protocol::Pop3 | Protocol::Pop3s => fieldpost_pop3::serve(connection, all.pop3).await,
            Protocol::Imap | Protocol::Imaps => fieldpost_imap::serve(connection, all.imap).await,
            Protocol::Lmtp => fieldpost_smtp::serve(connection, all.lmtp).await,
            // It has a way of its own.
            Protocol::Https => connection.close().await,
        }
        Ok(())
    }
}

impl Handler for FrontEnd {
    fn serve(&self, accepted: Accepted, shutdown: CancellationToken) -> BoxedSession {
        let (all, protocol, mode) = (self.all.clone(), self.protocol, self.mode);
        let acceptor = self.acceptor.clone();
        let session: Pin<Box<dyn Future<Output = Result<(), ConnectionError>> + Send>> =
            match (protocol, acceptor) {
                (Protocol::Https, Some(acceptor)) => {
                    Box::pin(Self::https(all, accepted.socket, acceptor, shutdown))
                }
                (Protocol::Https, None) => Box::pin(async { Err(ConnectionError::NoTls) }),
                (_, acceptor) => Box::pin(Self::lines(
                    all, protocol, mode, accepted, acceptor, shutdown,
                )),
            };
        Box::pin(async move {
            if let Err(error) = session.await {
                tracing::debug!(%error, "connection ended before a session began");
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
