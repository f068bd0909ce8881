//! Proxies in front of us, and whose word they bring.

use std::{fmt, net::IpAddr, str::FromStr};

use hyper::header::{HeaderMap, HeaderName};

use crate::Origin;

/// The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. Everybody else could write anything there,
/// and would then sign in from an address that nobody slows down, over a connection that is not encrypted.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Vec<Network>);

impl Proxies {
    /// These.
    pub fn new(networks: impl IntoIterator<Item = Network>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// Where a request really comes from. `connection` is the one that it came by.
    pub fn origin(&self, connection: Origin, headers: &HeaderMap) -> Origin {
        if !self.trusts(connection.peer) {
            return connection;
        }
        let mut origin = connection;
        // Each proxy appends whom it heard it from: the last one that is no proxy of ours is the client.
        let mut claimed = headers
            .get_all(FORWARDED_FOR)
            .iter()
            .rev()
            .flat_map(|value| value.to_str().unwrap_or("?").rsplit(','));
        let is_forwarded = headers.contains_key(FORWARDED_FOR);
        for address in claimed.by_ref() {
            let Some(address) = parse_address(address.trim()) else {
                break;
            };
            origin.peer = Some(address);
            if !self.trusts(Some(address)) {
                break;
            }
        }
        let scheme = headers
            .get_all(FORWARDED_PROTO)
            .iter()
            .next_back()
            .and_then(|value| value.to_str().ok());
        match scheme {
            Some(scheme) => origin.secure = scheme.trim().eq_ignore_ascii_case("https"),
            // It came from elsewhere, and how is not said.
            None if is_forwarded => origin.secure = false,
            None => {}
        }
        origin
    }

    fn trusts(&self, peer: Option<IpAddr>) -> bool {
        match peer {
            Some(address) => self.0.iter().any(|network| network.contains(address)),
            // Whoever may open a Unix socket is let in by its permissions.
            None => !self.0.is_empty(),
        }
    }
}

/// An address, or all that begin alike: `192.0.2.7`, `2001:db8::/32`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether `address` is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = u32::from(own) ^ u32::from(other);
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = u128::from(own) ^ u128::from(other);
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("\"{text}\" is no IP address or network such as \"192.0.2.0/24\"");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| wrong())?,
            None => longest,
        };
        if prefix > longest {
            return Err(wrong());
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// With or without a port, as proxies write it.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').split(']').next()?;
    bare.parse()
        .or_else(|_| {
            text.parse::<std::net::SocketAddr>()
                .map(|address| address.ip())
        })
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, secure: bool) -> Origin {
        Origin {
            peer: peer.parse().ok(),
            secure,
            connection: 1,
        }
    }

    fn seen(connection: Origin, headers: &[(&'static str, &str)]) -> (String, bool) {
        let proxies = Proxies::new(["127.0.0.1".parse().unwrap(), "10.0.0.0/8".parse().unwrap()]);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let origin = proxies.origin(connection, &map);
        let peer = origin
            .peer
            .map_or_else(String::new, |peer| peer.to_string());
        (peer, origin.secure)
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let headers = [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
        ];
        assert_eq!(
            seen(from("198.51.100.1", false), &headers),
            ("198.51.100.1".into(), false)
        );
    }

    #[test]
    fn a_proxy_tells_whom_it_speaks_for() {
        let proxy = from("127.0.0.1", true);
        assert_eq!(seen(proxy, &[]), ("127.0.0.1".into(), true));
        for (value, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            // What the client claims itself stands further left.
            ("1.2.3.4, 192.0.2.1", "192.0.2.1"),
            ("192.0.2.1, 10.1.2.3", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("192.0.2.1:555", "192.0.2.1"),
            ("unknown", "127.0.0.1"),
            ("192.0.2.1, unknown", "127.0.0.1"),
            ("10.1.1.1", "10.1.1.1"),
        ] {
            let headers = [("x-forwarded-for", value), ("x-forwarded-proto", "https")];
            assert_eq!(seen(proxy, &headers), (expected.into(), true), "{value}");
        }
        let two = [
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-for", "192.0.2.1"),
        ];
        assert_eq!(
            seen(proxy, &two),
            ("192.0.2.1".into(), false),
            "not said to be encrypted"
        );
        let plain = [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "http"),
        ];
        assert_eq!(seen(proxy, &plain), ("192.0.2.1".into(), false));
    }

    #[test]
    fn without_proxies_nobody_is_believed() {
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_PROTO, "https".parse().unwrap());
        let socket = Origin {
            peer: None,
            secure: false,
            connection: 1,
        };
        assert_eq!(Proxies::default().origin(socket, &headers), socket);
    }

    #[test]
    fn networks_hold_what_begins_alike() {
        let network: Network = "192.0.2.128/25".parse().unwrap();
        assert!(network.contains("192.0.2.200".parse().unwrap()));
        assert!(network.contains("::ffff:192.0.2.200".parse().unwrap()));
        assert!(!network.contains("192.0.2.1".parse().unwrap()));
        assert!(
            "::/0"
                .parse::<Network>()
                .unwrap()
                .contains("2001:db8::1".parse().unwrap())
        );
        for wrong in [
            "",
            "192.0.2.1/33",
            "192.0.2.1/x",
            "host",
            "::1/129",
            "1.2.3.4/",
        ] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
