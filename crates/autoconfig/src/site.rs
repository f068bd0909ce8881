//! What a site offers.

/// Where a site's services are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site {
    /// ActiveSync: `https://host/Microsoft-Server-ActiveSync`.
    pub url: String,
    /// IMAP. `None`: not offered.
    pub imap: Option<Service>,
    /// POP3. `None`: not offered.
    pub pop3: Option<Service>,
    /// Submission of mail by SMTP. `None`: not offered.
    pub smtp: Option<Service>,
}

/// A service at a host and a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    /// The host's name.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How its connections are protected.
    pub security: Security,
}

/// How connections of a service are protected. There is no other way: passwords go over TLS only.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Security {
    /// TLS from the first octet.
    Tls,
    /// STARTTLS or STLS.
    StartTls,
}

impl Site {
    /// The host of the URL, with its port if that is not the usual one.
    pub(crate) fn host(&self) -> &str {
        let origin = self.origin();
        origin.split_once("://").map_or(origin, |(_, host)| host)
    }

    /// The URL without its path: `https://host`.
    pub(crate) fn origin(&self) -> &str {
        let authority = self.url.find("://").map_or(0, |scheme| scheme + 3);
        self.url[authority..]
            .find('/')
            .map_or(&self.url, |path| &self.url[..authority + path])
    }
}

#[cfg(test)]
pub(crate) fn example() -> Site {
    let service = |host: &str, port, security| {
        Some(Service {
            host: host.into(),
            port,
            security,
        })
    };
    Site {
        url: "https://mail.example.org/Microsoft-Server-ActiveSync".into(),
        imap: service("imap.example.org", 993, Security::Tls),
        pop3: service("pop.example.org", 995, Security::Tls),
        smtp: service("smtp.example.org", 587, Security::StartTls),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_has_no_path() {
        let mut site = example();
        assert_eq!(site.origin(), "https://mail.example.org");
        assert_eq!(site.host(), "mail.example.org");
        for url in ["https://h:8443", "h", ""] {
            site.url = url.into();
            assert_eq!(site.origin(), url);
        }
    }
}
