//! The listeners, as a client on this machine finds them.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use fieldpost_smtp::client;
use rustls::{ClientConfig, crypto::ring, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::TlsConnector;

use super::Finding;
use crate::config::{Config, Endpoint, Listener, Protocol, TlsMode};

const AREA: &str = "listeners";

/// Connects to each.
pub async fn look(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for listener in &config.listeners {
        let Ok(endpoint) = listener.endpoint() else {
            continue;
        };
        let named = format!("{} at {endpoint}", listener.protocol);
        let tried = tokio::time::timeout(PATIENCE, try_one(config, listener, &endpoint)).await;
        findings.push(match tried {
            Ok(Ok(finding)) => finding(named),
            Ok(Err(error)) => Finding::problem(
                AREA,
                format!("{named}: {error}"),
                "see the server's log; after a change of [[listener]] it takes a restart",
            ),
            Err(_) => Finding::problem(
                AREA,
                format!("{named}: no answer within {} s", PATIENCE.as_secs()),
                "see whether it is full: fieldpost's log says when it refuses connections",
            ),
        });
    }
    findings
}

/// Makes a finding of what is named.
type Verdict = Box<dyn FnOnce(String) -> Finding + Send>;

async fn try_one(config: &Config, listener: &Listener, endpoint: &Endpoint) -> io::Result<Verdict> {
    let answers = || -> Verdict { Box::new(|named| Finding::ok(AREA, format!("{named} answers"))) };
    // Who has to say first for whom he speaks gets no greeting.
    let greets = listener.proxy_protocol.is_empty();
    match endpoint {
        Endpoint::Unix(path) => {
            let stream = UnixStream::connect(path).await?;
            if greets {
                greeting(stream, listener.protocol).await?;
            }
            Ok(answers())
        }
        Endpoint::Tcp(address) => {
            let address = reachable(*address);
            let stream = TcpStream::connect(address).await?;
            if !greets {
                return Ok(answers());
            }
            if listener.tls_mode() == TlsMode::Implicit {
                return over_tls(config, address, stream).await;
            }
            greeting(stream, listener.protocol).await?;
            Ok(answers())
        }
    }
}

/// What listens on all addresses is found on the loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
        _ => address,
    }
}

/// A handshake as a client does it that looks at certificates; if that fails, one that does not.
async fn over_tls(config: &Config, address: SocketAddr, stream: TcpStream) -> io::Result<Verdict> {
    let provider = || Arc::new(ring::default_provider());
    let host = config.hostname();
    let refused = match client::certificates(&config.acme.ca_file) {
        Ok(roots) => {
            let trusting = client::verified(provider(), roots).map_err(io::Error::other)?;
            match handshake(trusting, &host, stream).await {
                Ok(()) => {
                    return Ok(Box::new(move |named| {
                        Finding::ok(AREA, format!("{named} answers over TLS, as {host}"))
                    }));
                }
                Err(error) => error.to_string(),
            }
        }
        Err(error) => error.to_string(),
    };
    let any = client::unverified(provider()).map_err(io::Error::other)?;
    handshake(any, &host, TcpStream::connect(address).await?).await?;
    Ok(Box::new(move |named| {
        Finding::warning(
            AREA,
            format!(
                "{named} answers over TLS, but clients refuse its certificate for {host}: {refused}"
            ),
            "get a certificate for that name from an authority that clients know: [acme] does it",
        )
    }))
}

async fn handshake(config: Arc<ClientConfig>, host: &str, stream: TcpStream) -> io::Result<()> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(config).connect(name, stream).await?;
    Ok(())
}

/// Reads how it greets.
async fn greeting<S: AsyncRead + Unpin>(mut stream: S, protocol: Protocol) -> io::Result<()> {
    let expected: &[u8] = match protocol {
        Protocol::Imap | Protocol::Imaps => b"* OK",
        Protocol::Pop3 | Protocol::Pop3s => b"+OK",
        Protocol::Lmtp | Protocol::Submission | Protocol::Submissions => b"220",
        // There the client speaks first.
        Protocol::Http | Protocol::Https | Protocol::Acme => return Ok(()),
    };
    let mut greeting = vec![0; expected.len()];
    stream.read_exact(&mut greeting).await?;
    if greeting == expected {
        Ok(())
    } else {
        let greeting = String::from_utf8_lossy(&greeting).into_owned();
        Err(io::Error::other(format!("it greets with {greeting:?}")))
    }
}

/// How long a listener may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_found_on_the_loopback() {
        for (address, found) in [
            ("0.0.0.0:25", "127.0.0.1:25"),
            ("[::]:25", "[::1]:25"),
            ("192.0.2.1:25", "192.0.2.1:25"),
        ] {
            assert_eq!(reachable(address.parse().unwrap()), found.parse().unwrap());
        }
    }

    #[tokio::test]
    async fn a_greeting_is_the_protocols_own() {
        assert!(greeting(&b"+OK hello"[..], Protocol::Pop3).await.is_ok());
        assert!(greeting(&b"220 hello"[..], Protocol::Pop3).await.is_err());
        assert!(greeting(&b"+O"[..], Protocol::Pop3).await.is_err());
        assert!(greeting(&b""[..], Protocol::Http).await.is_ok());
    }
}
