//! What is to stand in DNS for a domain, so that its mail comes in and its people's programs find the server.

use std::fmt::{self, Write as _};

use crate::dkim::KeyRecord;

/// A record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its name, without the dot at its end.
    pub name: String,
    /// What it says.
    pub data: Data,
    /// What it is for, for people.
    pub purpose: &'static str,
}

/// What a record says. Names are without the dot at their end; an empty one is the root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Data {
    /// Who takes the domain's mail.
    Mx {
        /// The least comes first.
        preference: u16,
        /// The host.
        exchange: String,
    },
    /// Text.
    Txt(String),
    /// Another name for a host.
    Cname(String),
    /// Where a service is (RFC 2782). The root as target: not offered (RFC 6186 §3.4).
    Srv {
        /// The least comes first.
        priority: u16,
        /// Among several of one priority, the more the more often.
        weight: u16,
        /// The port.
        port: u16,
        /// The host.
        target: String,
    },
    /// Which authority may give certificates (RFC 8659).
    Caa {
        /// `issue`
        tag: String,
        /// The authority's own domain.
        value: String,
    },
}

/// What a server offers, and where.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Offer {
    /// The server's name.
    pub host: String,
    /// Host and port of HTTPS, where Autodiscover and the configuration files are. `None`: not offered.
    pub https: Option<(String, u16)>,
    /// The port of IMAP with TLS from the first octet. `None`: not offered.
    pub imaps: Option<u16>,
    /// IMAP with STARTTLS.
    pub imap: Option<u16>,
    /// POP3 with TLS from the first octet.
    pub pop3s: Option<u16>,
    /// POP3 with STLS.
    pub pop3: Option<u16>,
    /// Submission with TLS from the first octet.
    pub submissions: Option<u16>,
    /// Submission with STARTTLS.
    pub submission: Option<u16>,
    /// The host that takes mail from the world; it may be another one, in front.
    pub exchange: String,
    /// The host that mail leaves by, if it is not the one that takes it.
    pub relay: Option<String>,
    /// The authority that gives the server's certificates. `None`: nobody is asked.
    pub authority: Option<&'static str>,
    /// The keys that mail leaves signed with.
    pub dkim: Vec<DkimKey>,
}

/// A key that signs the mail of a domain (RFC 6376).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DkimKey {
    /// Whose mail it signs.
    pub domain: String,
    /// Which of the domain's keys it is.
    pub selector: String,
    /// What is to stand in DNS: `v=DKIM1; k=…; p=…`.
    pub record: String,
}

/// The records of `domain`.
pub fn records(domain: &str, offer: &Offer) -> Vec<Record> {
    let mut all = Records {
        domain,
        all: Vec::new(),
    };
    let mx = Data::Mx {
        preference: 10,
        exchange: offer.exchange.clone(),
    };
    all.push("", mx, "mail to the domain goes there");
    // RFC 7208 §5: who may send in the domain's name.
    let relay = offer.relay.as_deref();
    let relay = relay.map_or_else(String::new, |relay| format!(" a:{relay}"));
    let spf = Data::Txt(format!("v=spf1 mx{relay} ~all"));
    all.push("", spf, "who may send mail of the domain (SPF)");
    let dmarc = Data::Txt(format!("v=DMARC1; p=none; rua=mailto:postmaster@{domain}"));
    all.push(
        "_dmarc",
        dmarc,
        "what becomes of mail that fails SPF and DKIM, and who hears of it (DMARC)",
    );
    for key in offer.dkim.iter().filter(|key| key.domain == domain) {
        all.push(
            &format!("{}._domainkey", key.selector),
            Data::Txt(key.record.clone()),
            "the key that mail of the domain is signed with (DKIM)",
        );
    }
    if let Some((host, port)) = &offer.https {
        // A host name says nothing of a port: these are asked at 443.
        if *port == 443 {
            for (label, purpose) in [
                ("autodiscover", "Outlook and phones ask there"),
                ("autoconfig", "Thunderbird and its kin ask there"),
            ] {
                // The server may bear that very name.
                if *host != format!("{label}.{domain}") {
                    all.push(label, Data::Cname(host.clone()), purpose);
                }
            }
        }
        let found = Some((host.as_str(), *port));
        all.service(
            "_autodiscover",
            found,
            "Outlook and phones, where the host name above can't be",
        );
    }
    let host = offer.host.as_str();
    for (label, port, purpose) in [
        ("_imaps", offer.imaps, "IMAP over TLS"),
        ("_imap", offer.imap, "IMAP with STARTTLS"),
        ("_pop3s", offer.pop3s, "POP3 over TLS"),
        ("_pop3", offer.pop3, "POP3 with STLS"),
        ("_submissions", offer.submissions, "submission over TLS"),
        ("_submission", offer.submission, "submission with STARTTLS"),
    ] {
        all.service(label, port.map(|port| (host, port)), purpose);
    }
    // It counts for the name and all below it; elsewhere it is another zone's matter.
    let is_inside = host == domain
        || host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'));
    if let Some(authority) = offer.authority.filter(|_| is_inside) {
        let caa = Data::Caa {
            tag: "issue".to_owned(),
            value: authority.to_owned(),
        };
        all.all.push(Record {
            name: host.to_owned(),
            data: caa,
            purpose: "the authority that gives the server's certificates, and no other",
        });
    }
    all.all
}

struct Records<'a> {
    domain: &'a str,
    all: Vec<Record>,
}

impl Records<'_> {
    fn push(&mut self, label: &str, data: Data, purpose: &'static str) {
        let domain = self.domain;
        let name = if label.is_empty() {
            domain.to_owned()
        } else {
            format!("{label}.{domain}")
        };
        self.all.push(Record {
            name,
            data,
            purpose,
        });
    }

    /// RFC 6186 §3.4: what is not offered is said to be nowhere, so that nobody looks further.
    fn service(&mut self, label: &str, at: Option<(&str, u16)>, purpose: &'static str) {
        let (target, port) = at.unwrap_or(("", 0));
        let srv = Data::Srv {
            priority: 0,
            weight: 0,
            port,
            target: target.to_owned(),
        };
        let purpose = if at.is_some() { purpose } else { "not offered" };
        self.push(&format!("{label}._tcp"), srv, purpose);
    }
}

impl Record {
    /// Whether things go well without it: it says only that something is not offered.
    pub fn is_optional(&self) -> bool {
        matches!(&self.data, Data::Srv { target, .. } if target.is_empty())
    }
}

impl Data {
    /// Whether `other` says something of the same matter: of texts there may be many.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Txt(one), Self::Txt(other)) if KeyRecord::parse(one).is_some() => {
                KeyRecord::parse(other).is_some()
            }
            (Self::Txt(one), Self::Txt(other)) => {
                let version = |text: &str| {
                    let (version, _) = text.split_once([' ', ';']).unwrap_or((text, ""));
                    version.to_ascii_lowercase()
                };
                version(one) == version(other)
            }
            (Self::Caa { tag: one, .. }, Self::Caa { tag: other, .. }) => one == other,
            (one, other) => one.kind() == other.kind(),
        }
    }

    /// Whether `found` says what this one is to say.
    pub fn is_met_by(&self, found: &Self) -> bool {
        if let (Self::Txt(wanted), Self::Txt(found)) = (self, found)
            && let (Some(wanted), Some(found)) = (KeyRecord::parse(wanted), KeyRecord::parse(found))
        {
            return wanted.is_met_by(&found);
        }
        self == found
    }

    /// `MX`
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Mx { .. } => "MX",
            Self::Txt(_) => "TXT",
            Self::Cname(_) => "CNAME",
            Self::Srv { .. } => "SRV",
            Self::Caa { .. } => "CAA",
        }
    }
}

impl fmt::Display for Data {
    /// As it stands in a zone file (RFC 1035 §5.1).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mx {
                preference,
                exchange,
            } => write!(f, "{preference} {exchange}."),
            Self::Txt(text) => quoted(f, text),
            Self::Cname(target) => write!(f, "{target}."),
            Self::Srv {
                priority,
                weight,
                port,
                target,
            } => write!(f, "{priority} {weight} {port} {target}."),
            Self::Caa { tag, value } => {
                write!(f, "0 {tag} ")?;
                quoted(f, value)
            }
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, kind) = (&self.name, self.data.kind());
        write!(f, "{name}. IN {kind} {}", self.data)
    }
}

/// Strings in quotes, each of at most 255 octets.
fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let mut left = text;
    loop {
        let (piece, rest) = left.split_at(left.floor_char_boundary(255));
        f.write_char('"')?;
        for c in piece.chars() {
            if matches!(c, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('"')?;
        if rest.is_empty() {
            return Ok(());
        }
        f.write_char(' ')?;
        left = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> Offer {
        Offer {
            host: "mail.example.org".into(),
            https: Some(("mail.example.org".into(), 443)),
            imaps: Some(993),
            submissions: Some(465),
            exchange: "mail.example.org".into(),
            authority: Some("letsencrypt.org"),
            ..Offer::default()
        }
    }

    fn zone(domain: &str, offer: &Offer) -> Vec<String> {
        records(domain, offer)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_domain_has_all_its_records() {
        assert_eq!(
            zone("example.org", &offer()),
            [
                "example.org. IN MX 10 mail.example.org.",
                "example.org. IN TXT \"v=spf1 mx ~all\"",
                "_dmarc.example.org. IN TXT \"v=DMARC1; p=none; rua=mailto:postmaster@example.org\"",
                "autodiscover.example.org. IN CNAME mail.example.org.",
                "autoconfig.example.org. IN CNAME mail.example.org.",
                "_autodiscover._tcp.example.org. IN SRV 0 0 443 mail.example.org.",
                "_imaps._tcp.example.org. IN SRV 0 0 993 mail.example.org.",
                "_imap._tcp.example.org. IN SRV 0 0 0 .",
                "_pop3s._tcp.example.org. IN SRV 0 0 0 .",
                "_pop3._tcp.example.org. IN SRV 0 0 0 .",
                "_submissions._tcp.example.org. IN SRV 0 0 465 mail.example.org.",
                "_submission._tcp.example.org. IN SRV 0 0 0 .",
                "mail.example.org. IN CAA 0 issue \"letsencrypt.org\"",
            ]
        );
    }

    #[test]
    fn what_another_zone_says_is_left_to_it() {
        let other = zone("example.net", &offer());
        assert!(
            !other.iter().any(|record| record.contains("CAA")),
            "{other:?}"
        );
        // A domain that merely ends alike is another one.
        assert!(
            !zone("ample.org", &offer())
                .iter()
                .any(|record| record.contains("CAA"))
        );
    }

    #[test]
    fn host_names_are_for_port_443_alone() {
        let mut offer = offer();
        offer.https = Some(("mail.example.org".into(), 8443));
        let zone = zone("example.org", &offer);
        assert!(!zone.iter().any(|record| record.contains("CNAME")));
        assert!(zone.iter().any(|record| record.contains("SRV 0 0 8443")));
    }

    #[test]
    fn a_server_that_bears_the_name_needs_no_other_name() {
        let mut offer = offer();
        offer.https = Some(("autodiscover.example.org".into(), 443));
        let zone = zone("example.org", &offer);
        assert_eq!(
            zone.iter()
                .filter(|record| record.contains("CNAME"))
                .count(),
            1
        );
    }

    #[test]
    fn mail_that_leaves_by_another_host_is_allowed() {
        let mut offer = offer();
        offer.relay = Some("smtp.example.net".into());
        assert!(zone("example.org", &offer)[1].contains("\"v=spf1 mx a:smtp.example.net ~all\""));
    }

    /// RFC 6376 §3.6.2.1; a key of 2048 bits takes two strings.
    #[test]
    fn a_key_that_signs_is_told() {
        let mut offer = offer();
        let key = format!("v=DKIM1; k=rsa; p={}", "A".repeat(392));
        for domain in ["example.org", "example.net"] {
            offer.dkim.push(DkimKey {
                domain: domain.into(),
                selector: "fp1".into(),
                record: key.clone(),
            });
        }
        let zone = zone("example.org", &offer);
        let keys: Vec<_> = zone.iter().filter(|one| one.contains("DKIM1")).collect();
        let (first, second) = key.split_at(255);
        assert_eq!(
            keys,
            [&format!(
                "fp1._domainkey.example.org. IN TXT \"{first}\" \"{second}\""
            )]
        );
        let wanted = Data::Txt(key);
        let without_version = Data::Txt(format!("p={}", "A".repeat(392)));
        assert!(wanted.is_like(&without_version) && wanted.is_met_by(&without_version));
        assert!(!wanted.is_like(&Data::Txt("v=spf1 -all".into())));
    }

    #[test]
    fn texts_are_cut_and_quoted() {
        let text = Data::Txt(format!("{}\"\\é", "a".repeat(254))).to_string();
        assert_eq!(text, format!("\"{}\\\"\" \"\\\\é\"", "a".repeat(254)));
        assert_eq!(Data::Txt(String::new()).to_string(), "\"\"");
    }
}
