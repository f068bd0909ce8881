//! The PROXY protocol, versions 1 and 2: a proxy says in front of a connection's first octet for whom it speaks.
//!
//! The protocol is HAProxy's (*The PROXY protocol, versions 1 & 2*, sections 2.1 and 2.2); nginx, Envoy, Traefik and the load balancers of
//! clouds send it, too.
//!
//! Invariants:
//! - Only those who are listed are listened to, and they must send it: a client that writes such a header itself, to be somebody else, is a
//!   client that speaks nonsense.
//! - Not one octet behind the header is read.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use fieldpost_connection::Peer;
use fieldpost_web::Network;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Whose word is taken.
#[derive(Clone, Debug, Default)]
pub struct Senders {
    networks: Vec<Network>,
    /// Whoever may open the Unix socket.
    unix: bool,
}

/// Whom a proxy speaks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Spoken {
    /// For itself: a health check, or a connection that it knows nothing of.
    Itself,
    /// For a client.
    Client {
        /// Where the client is.
        peer: SocketAddr,
        /// Where the client connected to.
        local: SocketAddr,
    },
}

/// How long a proxy may take. It has the header at hand when it connects.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// `PROXY TCP6 ` and two addresses of 39 octets and two ports, with its CRLF, at most.
const LONGEST_LINE: usize = 107;

/// The part of a header of version 2 behind its first 16 octets, at most: what is beyond the addresses is for others, and small.
const LONGEST_REST: usize = 4096;

/// What a header of version 2 begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

impl Senders {
    /// From addresses and networks, and `unix`.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let mut senders = Self::default();
        for text in texts {
            if text == "unix" {
                senders.unix = true;
            } else {
                senders.networks.push(text.parse()?);
            }
        }
        Ok(senders)
    }

    /// Whether `peer` has to say for whom it speaks.
    pub fn include(&self, peer: Peer) -> bool {
        match peer {
            Peer::Inet(address) => self
                .networks
                .iter()
                .any(|network| network.contains(address.ip())),
            Peer::Unix(_) => self.unix,
        }
    }
}

/// Reads a header.
///
/// # Errors
/// `InvalidData` with what is wrong, and whatever reading the socket gave.
pub async fn header(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Spoken> {
    let mut first = [0; SIGNATURE.len()];
    stream.read_exact(&mut first).await?;
    if first == SIGNATURE {
        return second_version(stream).await;
    }
    if !first.starts_with(b"PROXY ") {
        return Err(wrong("no PROXY header"));
    }
    let mut line = first.to_vec();
    // Octet by octet: what stands behind the line is not ours to read.
    while !line.ends_with(b"\r\n") {
        if line.len() >= LONGEST_LINE {
            return Err(wrong("a PROXY line without end"));
        }
        line.push(stream.read_u8().await?);
    }
    first_version(&line)
}

/// ```abnf
/// line = "PROXY " ("UNKNOWN" *octet / ("TCP4" / "TCP6") " " source " " destination " " port " " port) CRLF
/// ```
fn first_version(line: &[u8]) -> io::Result<Spoken> {
    let text = std::str::from_utf8(line).map_err(|_| wrong("a PROXY line that is no text"))?;
    let mut words = text.trim_end_matches("\r\n").split(' ').skip(1);
    let family = words.next();
    if family == Some("UNKNOWN") {
        return Ok(Spoken::Itself);
    }
    let mut address = || {
        let address: IpAddr = words.next()?.parse().ok()?;
        let fits = match family {
            Some("TCP4") => address.is_ipv4(),
            Some("TCP6") => address.is_ipv6(),
            _ => false,
        };
        fits.then_some(address)
    };
    let addresses = (address(), address());
    let mut port = || {
        let port = words.next()?;
        let is_plain = port.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| port.parse::<u16>().ok())?
    };
    let ports = (port(), port());
    match (addresses, ports, words.next()) {
        ((Some(source), Some(destination)), (Some(from), Some(to)), None) => Ok(Spoken::Client {
            peer: SocketAddr::new(source, from),
            local: SocketAddr::new(destination, to),
        }),
        _ => Err(wrong("a malformed PROXY line")),
    }
}

async fn second_version(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Spoken> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let [command, family, high, low] = head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST_REST {
        return Err(wrong("a PROXY header that is too long"));
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    let mut rest = rest.as_slice();
    match (command, family) {
        // Version 2, LOCAL; or PROXY for a family that we know nothing of.
        (0x20, _) | (0x21, 0x00 | 0x31 | 0x32) => Ok(Spoken::Itself),
        (0x21, 0x11) => {
            let (source, destination) = (v4(&mut rest)?, v4(&mut rest)?);
            client(source, destination, rest)
        }
        (0x21, 0x21) => {
            let (source, destination) = (v6(&mut rest)?, v6(&mut rest)?);
            client(source, destination, rest)
        }
        _ => Err(wrong(
            "a PROXY header of a version or for a transport that is not known",
        )),
    }
}

fn client(source: IpAddr, destination: IpAddr, mut rest: &[u8]) -> io::Result<Spoken> {
    let (from, to) = (take(&mut rest)?, take(&mut rest)?);
    Ok(Spoken::Client {
        peer: SocketAddr::new(source, u16::from_be_bytes(from)),
        local: SocketAddr::new(destination, u16::from_be_bytes(to)),
    })
}

fn v4(rest: &mut &[u8]) -> io::Result<IpAddr> {
    take(rest).map(|octets: [u8; 4]| Ipv4Addr::from(octets).into())
}

fn v6(rest: &mut &[u8]) -> io::Result<IpAddr> {
    take(rest).map(|octets: [u8; 16]| Ipv6Addr::from(octets).into())
}

fn take<const N: usize>(rest: &mut &[u8]) -> io::Result<[u8; N]> {
    let (octets, after) = rest
        .split_first_chunk()
        .ok_or_else(|| wrong("a PROXY header that is cut short"))?;
    *rest = after;
    Ok(*octets)
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a header says, and what is left behind it.
    fn read(bytes: &[u8]) -> (io::Result<Spoken>, Vec<u8>) {
        let mut stream = bytes;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let spoken = runtime.block_on(header(&mut stream));
        (spoken, stream.to_vec())
    }

    fn client(peer: &str, local: &str) -> Spoken {
        Spoken::Client {
            peer: peer.parse().unwrap(),
            local: local.parse().unwrap(),
        }
    }

    fn second(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut header = SIGNATURE.to_vec();
        header.extend([command, family]);
        header.extend((rest.len() as u16).to_be_bytes());
        header.extend(rest);
        header.extend(b"a NOOP\r\n");
        header
    }

    #[test]
    fn lines() {
        for (line, expected) in [
            (
                "PROXY TCP4 192.0.2.7 198.51.100.1 56324 993\r\n",
                client("192.0.2.7:56324", "198.51.100.1:993"),
            ),
            (
                "PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n",
                client("[2001:db8::7]:1", "[2001:db8::1]:65535"),
            ),
            ("PROXY UNKNOWN\r\n", Spoken::Itself),
            ("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", Spoken::Itself),
        ] {
            let (spoken, rest) = read(format!("{line}a NOOP\r\n").as_bytes());
            assert_eq!(spoken.unwrap(), expected, "{line}");
            assert_eq!(rest, b"a NOOP\r\n", "{line}");
        }
    }

    #[test]
    fn lines_that_are_wrong() {
        for line in [
            "PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 56324 993 7\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 +1 993\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 1 70000\r\n",
            "PROXY TCP4 2001:db8::7 198.51.100.1 1 2\r\n",
            "PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
            "PROXY TCP5 192.0.2.7 198.51.100.1 1 2\r\n",
            "PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
            "PROXY TCP4 mail.example.org 198.51.100.1 1 2\r\n",
            "a1 CAPABILITY\r\n",
            "\r\n\r\n\0\r\nQUIt\n",
        ] {
            let (spoken, _) = read(line.as_bytes());
            assert_eq!(
                spoken.unwrap_err().kind(),
                io::ErrorKind::InvalidData,
                "{line}"
            );
        }
        let endless = format!("PROXY UNKNOWN {}", "x".repeat(1000));
        assert!(read(endless.as_bytes()).0.is_err());
        assert!(read(b"PROXY TCP4").0.is_err());
    }

    #[test]
    fn headers_of_version_2() {
        let v4 = [192, 0, 2, 7, 198, 51, 100, 1, 0xdc, 0x04, 0x03, 0xe1];
        // With a field for others behind the addresses.
        let more = [&v4[..], &[0x04, 0, 1, 0]].concat();
        let expected = client("192.0.2.7:56324", "198.51.100.1:993");
        for rest in [&v4[..], &more] {
            let (spoken, left) = read(&second(0x21, 0x11, rest));
            assert_eq!(spoken.unwrap(), expected);
            assert_eq!(left, b"a NOOP\r\n");
        }
        let mut v6 = [0; 36];
        v6[15] = 7;
        v6[31] = 1;
        v6[33] = 5;
        v6[35] = 6;
        let (spoken, _) = read(&second(0x21, 0x21, &v6));
        assert_eq!(spoken.unwrap(), client("[::7]:5", "[::1]:6"));
        for (command, family) in [(0x20, 0x00), (0x20, 0x11), (0x21, 0x00), (0x21, 0x31)] {
            let (spoken, left) = read(&second(command, family, &[]));
            assert_eq!(spoken.unwrap(), Spoken::Itself);
            assert_eq!(left, b"a NOOP\r\n");
        }
        for (command, family, rest) in [
            (0x11, 0x11, &v4[..]),
            (0x22, 0x11, &v4),
            (0x21, 0x12, &v4),
            (0x21, 0x11, &v4[..11]),
            (0x21, 0x21, &v4),
            (0x21, 0x11, &[0; LONGEST_REST + 1]),
        ] {
            assert!(read(&second(command, family, rest)).0.is_err());
        }
    }

    #[test]
    fn who_has_to_send_it() {
        let texts = ["127.0.0.1", "10.0.0.0/8", "unix"].map(str::to_owned);
        let senders = Senders::parse(&texts).unwrap();
        for (address, included) in [
            ("127.0.0.1:5", true),
            ("10.200.0.1:5", true),
            ("[::ffff:10.0.0.1]:5", true),
            ("192.0.2.1:5", false),
            ("[::1]:5", false),
        ] {
            let peer = Peer::Inet(address.parse().unwrap());
            assert_eq!(senders.include(peer), included, "{address}");
        }
        assert!(senders.include(Peer::Unix(None)));
        assert!(!Senders::default().include(Peer::Unix(None)));
        assert!(Senders::parse(&["proxy.example.org".to_owned()]).is_err());
    }

    proptest! {
        /// No header makes trouble, and none takes more than its own octets.
        #[test]
        fn any_octets(start in 0_usize..3, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let start: &[u8] = [&b""[..], b"PROXY TCP4 ", &SIGNATURE][start];
            let whole = [start, &bytes].concat();
            let (spoken, rest) = read(&whole);
            if spoken.is_ok() {
                prop_assert!(whole.ends_with(&rest) && rest.len() + 15 <= whole.len());
            }
        }
    }
}
