//! Connections to where mail goes.

use std::{io, net::SocketAddr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use fieldpost_transport::{BoxFuture, NextHop, Refusal, Status, Wire, WireSession};
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use zeroize::Zeroizing;

use super::{
    ClientError, ClientSettings, Credentials, RelayTls,
    session::{Extensions, Session, failed},
    stream::ClientStream,
};

/// Opens connections to next hops.
#[derive(Debug)]
pub struct Relay {
    settings: ClientSettings,
}

/// A host to connect to.
struct Target<'a> {
    host: &'a str,
    implicit_tls: bool,
    credentials: Option<&'a Credentials>,
}

impl Relay {
    /// A relay with these settings.
    pub fn new(settings: ClientSettings) -> Self {
        Self { settings }
    }

    /// A connection to the smarthost.
    async fn to_smarthost(&self) -> Result<Session, Refusal> {
        let Some(smarthost) = &self.settings.smarthost else {
            let text = "no smarthost is configured";
            return Err(Refusal::new(451, Status(4, 4, 4), text));
        };
        let host = &smarthost.host;
        let addresses: Vec<SocketAddr> = lookup_host((host.as_str(), smarthost.port))
            .await
            .map_err(|error| unreachable(host, &error))?
            .collect();
        let target = Target {
            host,
            implicit_tls: smarthost.implicit_tls,
            credentials: smarthost.credentials.as_ref(),
        };
        self.open(&target, &addresses).await
    }

    /// A connection to the first mail exchanger of `domain` that takes one (RFC 5321 §5.1).
    async fn to_exchanger(&self, domain: &str) -> Result<Session, Refusal> {
        let Some(exchangers) = &self.settings.exchangers else {
            let text = format!("mail for {domain} is not sent straight to its mail exchangers");
            return Err(Refusal::new(451, Status(4, 4, 4), text));
        };
        let mut last = Refusal::new(
            451,
            Status(4, 4, 1),
            format!("{domain} has no mail exchanger"),
        );
        for host in exchangers.of(domain, &self.settings.hostname).await? {
            let target = Target {
                host: &host,
                implicit_tls: false,
                credentials: None,
            };
            let opened = match exchangers.addresses(&host).await {
                Ok(addresses) => {
                    let port = self.settings.exchanger_port;
                    let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, port));
                    let addresses: Vec<SocketAddr> = addresses.collect();
                    self.open(&target, &addresses).await
                }
                Err(refusal) => Err(refusal),
            };
            match opened {
                Ok(session) => return Ok(session),
                Err(refusal) if !refusal.is_temporary() => return Err(refusal),
                Err(refusal) => last = refusal,
            }
        }
        Err(last)
    }

    async fn open(
        &self,
        target: &Target<'_>,
        addresses: &[SocketAddr],
    ) -> Result<Session, Refusal> {
        let host = target.host;
        let stream = self.connect_to(host, addresses).await?;
        let mut greeted = self.greet(stream, target, self.settings.tls).await;
        // What is taken if it is offered need not work: RFC 7435 §3.
        if self.settings.tls == RelayTls::Opportunistic
            && matches!(greeted, Err(Unwelcome::Failed(ClientError::Tls(_))))
        {
            tracing::info!(
                host,
                "TLS does not work with this server; mail goes in the clear"
            );
            let stream = self.connect_to(host, addresses).await?;
            greeted = self.greet(stream, target, RelayTls::Off).await;
        }
        greeted.map_err(|error| match error {
            Unwelcome::Said(refusal) => refusal,
            Unwelcome::Failed(error) => failed(host, &error),
        })
    }

    /// The first of the host's addresses that answers.
    async fn connect_to(&self, host: &str, addresses: &[SocketAddr]) -> Result<TcpStream, Refusal> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no address");
        for address in addresses.iter().take(MAX_ADDRESSES) {
            let connecting = TcpStream::connect(address);
            match tokio::time::timeout(self.settings.timeouts.connect, connecting).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(unreachable(host, &last))
    }

    /// Greeting, EHLO, TLS, sign-in.
    async fn greet(
        &self,
        tcp: TcpStream,
        target: &Target<'_>,
        tls: RelayTls,
    ) -> Result<Session, Unwelcome> {
        let timeouts = self.settings.timeouts;
        let host = target.host.to_owned();
        let mut stream = ClientStream::new(tcp);
        if target.implicit_tls {
            stream = self.start_tls(stream, &host).await?;
        }
        expect(stream.reply(timeouts.greeting).await?, &host)?;
        let mut extensions = self.hello(&mut stream, &host).await?;
        if !stream.is_secure() && tls != RelayTls::Off {
            if extensions.start_tls {
                stream.send(b"STARTTLS\r\n", timeouts.block).await?;
                let reply = stream.reply(timeouts.command).await?;
                if reply.code == 220 {
                    stream = self.start_tls(stream, &host).await?;
                    // RFC 3207 §4.2: what was said in the clear does not count.
                    extensions = self.hello(&mut stream, &host).await?;
                } else if tls != RelayTls::Opportunistic {
                    return Err(Unwelcome::Said(no_tls(&host)));
                }
            } else if tls != RelayTls::Opportunistic {
                return Err(Unwelcome::Said(no_tls(&host)));
            }
        }
        if let Some(credentials) = target.credentials {
            self.sign_in(&mut stream, &host, &extensions, credentials)
                .await?;
        }
        Ok(Session {
            stream,
            host,
            extensions,
            timeouts,
        })
    }

    async fn start_tls(
        &self,
        stream: ClientStream,
        host: &str,
    ) -> Result<ClientStream, ClientError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            ClientError::Tls(io::Error::new(io::ErrorKind::InvalidInput, error))
        })?;
        let config = self.settings.tls_config.clone();
        stream
            .start_tls(config, name, self.settings.timeouts.connect)
            .await
    }

    async fn hello(&self, stream: &mut ClientStream, host: &str) -> Result<Extensions, Unwelcome> {
        let timeouts = &self.settings.timeouts;
        let hello = |verb: &str| format!("{verb} {}\r\n", self.settings.hostname);
        stream
            .send(hello("EHLO").as_bytes(), timeouts.block)
            .await?;
        let reply = stream.reply(timeouts.command).await?;
        if reply.code / 100 == 2 {
            return Ok(Extensions::of(&reply));
        }
        // RFC 5321 §4.1.4: a server from before 1993 may still know HELO.
        if !matches!(reply.code, 500..=504) {
            return Err(Unwelcome::Said(reply.refusal(host)));
        }
        stream
            .send(hello("HELO").as_bytes(), timeouts.block)
            .await?;
        expect(stream.reply(timeouts.command).await?, host)?;
        Ok(Extensions::default())
    }

    /// AUTH (RFC 4954), by PLAIN or LOGIN.
    async fn sign_in(
        &self,
        stream: &mut ClientStream,
        host: &str,
        extensions: &Extensions,
        credentials: &Credentials,
    ) -> Result<(), Unwelcome> {
        if !stream.is_secure() && self.settings.tls != RelayTls::Off {
            return Err(Unwelcome::Said(no_tls(host)));
        }
        let timeouts = &self.settings.timeouts;
        let (name, password) = (&credentials.username, &credentials.password);
        let offers = |mechanism: &str| extensions.auth.iter().any(|one| one == mechanism);
        let lines = if offers("PLAIN") {
            let message = Zeroizing::new(format!("\0{name}\0{password}"));
            vec![Zeroizing::new(format!(
                "AUTH PLAIN {}\r\n",
                BASE64_STANDARD.encode(message.as_bytes())
            ))]
        } else if offers("LOGIN") {
            let encoded =
                |text: &str| Zeroizing::new(format!("{}\r\n", BASE64_STANDARD.encode(text)));
            vec![
                Zeroizing::new("AUTH LOGIN\r\n".to_owned()),
                encoded(name),
                encoded(password),
            ]
        } else {
            let text = format!("{host} offers no way to sign in that is known here");
            return Err(Unwelcome::Said(Refusal::new(454, Status(4, 7, 0), text)));
        };
        let last = lines.len() - 1;
        for (number, line) in lines.iter().enumerate() {
            stream.send(line.as_bytes(), timeouts.block).await?;
            let reply = stream.reply(timeouts.command).await?;
            let wanted = if number == last { 235 } else { 334 };
            if reply.code != wanted {
                // Whoever runs us can mend that; until then mail waits (RFC 4954 §6 has 535 for good).
                let text = format!("{host} does not let us in: {} {}", reply.code, reply.text());
                return Err(Unwelcome::Said(Refusal::new(454, Status(4, 7, 8), text)));
            }
        }
        Ok(())
    }
}

impl Wire for Relay {
    fn connect<'a>(
        &'a self,
        hop: &'a NextHop,
    ) -> BoxFuture<'a, Result<Box<dyn WireSession>, Refusal>> {
        Box::pin(async move {
            let connecting = async {
                match hop {
                    NextHop::Smarthost => self.to_smarthost().await,
                    NextHop::Domain(domain) => self.to_exchanger(domain).await,
                }
            };
            let session = tokio::time::timeout(self.settings.timeouts.ready, connecting)
                .await
                .unwrap_or_else(|_| Err(failed(&hop.to_string(), &ClientError::TimedOut)))?;
            Ok(Box::new(session) as Box<dyn WireSession>)
        })
    }
}

/// Why no messages can be sent on a connection.
enum Unwelcome {
    /// The server said so, or we do.
    Said(Refusal),
    /// The connection failed.
    Failed(ClientError),
}

impl From<ClientError> for Unwelcome {
    fn from(error: ClientError) -> Self {
        Self::Failed(error)
    }
}

fn expect(reply: super::ServerReply, host: &str) -> Result<(), Unwelcome> {
    if reply.code / 100 == 2 {
        return Ok(());
    }
    Err(Unwelcome::Said(reply.refusal(host)))
}

fn unreachable(host: &str, error: &io::Error) -> Refusal {
    Refusal::new(451, Status(4, 4, 1), format!("{host}: {error}"))
}

fn no_tls(host: &str) -> Refusal {
    let text = format!("{host} offers no TLS, and nothing is sent to it without");
    Refusal::new(454, Status(4, 7, 5), text)
}

/// How many of a host's addresses are tried.
const MAX_ADDRESSES: usize = 8;
