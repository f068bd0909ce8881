//! The section about certificates that an authority gives us by ACME: `[acme]`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{CertificateFiles, Protocol};

/// `[acme]`
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AcmeSection {
    /// The host names that the certificate is for. Empty = no certificate is asked for.
    pub names: Vec<String>,
    /// The authority's directory (RFC 8555 §7.1.1).
    pub directory: String,
    /// Whether the operator agrees to the authority's terms of service.
    pub terms_agreed: bool,
    /// An address of mail at which the authority finds the operator. Empty = none is given.
    pub contact: String,
    /// How it is proved that the names are ours.
    pub challenge: AcmeChallenge,
    /// The key identifier of an account that the authority knows by other ways (RFC 8555 §7.3.4). Empty = none.
    pub external_account: String,
    /// The file with that account's MAC key, in base64url, and nothing else.
    pub external_account_key_file: PathBuf,
    /// The authorities that may vouch for the directory's server, in one PEM file.
    pub ca_file: PathBuf,
}

/// How it is proved to an authority that a name is ours.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum AcmeChallenge {
    /// It fetches a file over HTTP at port 80 (RFC 8555 §8.3).
    #[default]
    #[serde(rename = "http-01")]
    Http01,
    /// It opens a TLS connection to port 443 (RFC 8737).
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
}

impl AcmeSection {
    /// Whether certificates are asked for.
    pub fn is_on(&self) -> bool {
        !self.names.is_empty()
    }

    /// The directory that holds what belongs to ACME.
    pub fn home(data_dir: &Path) -> PathBuf {
        data_dir.join("acme")
    }

    /// The file of the certificate, its chain and its key: one, so that they are replaced together.
    pub fn files(data_dir: &Path) -> CertificateFiles {
        let file = Self::home(data_dir).join("certificate.pem");
        CertificateFiles {
            cert: file.clone(),
            key: file,
        }
    }

    /// Whether a listener of `protocol` can answer the challenge.
    pub fn is_answered_by(&self, protocol: Protocol) -> bool {
        match self.challenge {
            AcmeChallenge::Http01 => matches!(protocol, Protocol::Acme | Protocol::Http),
            AcmeChallenge::TlsAlpn01 => protocol == Protocol::Https,
        }
    }

    /// What is wrong with it, if anything.
    pub(super) fn problem(&self, mut listeners: impl Iterator<Item = Protocol>) -> Option<String> {
        if !self.is_on() {
            return None;
        }
        if self.names.len() > MAX_NAMES {
            return Some(format!("names: more than {MAX_NAMES} in one certificate"));
        }
        if let Some(wrong) = self.names.iter().find_map(|name| wrong_name(name)) {
            return Some(wrong);
        }
        if !self.directory.starts_with("https://") {
            return Some("directory must begin with https://".into());
        }
        if !self.terms_agreed {
            return Some(format!(
                "terms_agreed must be true, which says that you have read the terms of service of the authority at {} \
                 and agree to them",
                self.directory
            ));
        }
        let key_file = self.external_account_key_file.as_os_str();
        if self.external_account.is_empty() != key_file.is_empty() {
            return Some("external_account and external_account_key_file go together".into());
        }
        if !listeners.any(|protocol| self.is_answered_by(protocol)) {
            return Some(
                match self.challenge {
                    AcmeChallenge::Http01 => {
                        "challenge = \"http-01\" is asked at port 80: add a [[listener]] with protocol = \"acme\" and \
                         address = \"[::]:80\", or protocol = \"http\" behind a proxy that hands on /.well-known/acme-challenge/"
                    }
                    AcmeChallenge::TlsAlpn01 => {
                        "challenge = \"tls-alpn-01\" is asked at port 443: add a [[listener]] with protocol = \"https\" \
                         and address = \"[::]:443\""
                    }
                }
                .into(),
            );
        }
        None
    }
}

impl AcmeChallenge {
    /// The port that the authority connects to.
    pub fn port(self) -> u16 {
        match self {
            Self::Http01 => 80,
            Self::TlsAlpn01 => 443,
        }
    }
}

impl Default for AcmeSection {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            directory: "https://acme-v02.api.letsencrypt.org/directory".into(),
            terms_agreed: false,
            contact: String::new(),
            challenge: AcmeChallenge::default(),
            external_account: String::new(),
            external_account_key_file: PathBuf::new(),
            ca_file: "/etc/ssl/certs/ca-certificates.crt".into(),
        }
    }
}

/// Why a certificate can't be had for `name`, if it can't.
fn wrong_name(name: &str) -> Option<String> {
    if name.starts_with("*.") {
        return Some(format!(
            "names: {name:?}: certificates for * take a challenge in DNS, which is not offered; list each name"
        ));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    let fits = name.len() <= 253 && name.contains('.') && name.split('.').all(label);
    (is_address || !fits).then(|| {
        format!("names: {name:?} is no host name in lower case, such as \"mail.example.org\"")
    })
}

/// The most names that the known authorities take.
const MAX_NAMES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn section() -> AcmeSection {
        AcmeSection {
            names: vec!["mail.example.org".into()],
            terms_agreed: true,
            ..AcmeSection::default()
        }
    }

    #[test]
    fn nothing_is_asked_of_who_does_not_use_it() {
        assert_eq!(AcmeSection::default().problem([].into_iter()), None);
    }

    #[test]
    fn the_terms_are_agreed_to_by_the_operator_alone() {
        let mut section = section();
        assert_eq!(section.problem([Protocol::Acme].into_iter()), None);
        section.terms_agreed = false;
        let problem = section.problem([Protocol::Acme].into_iter()).unwrap();
        assert!(problem.contains("letsencrypt"), "{problem}");
    }

    #[test]
    fn a_challenge_has_a_listener_that_answers_it() {
        let mut section = section();
        assert!(section.problem([Protocol::Https].into_iter()).is_some());
        section.challenge = AcmeChallenge::TlsAlpn01;
        assert_eq!(section.problem([Protocol::Https].into_iter()), None);
        assert!(section.problem([Protocol::Acme].into_iter()).is_some());
    }

    #[test]
    fn names_are_host_names() {
        for wrong in [
            "",
            "localhost",
            "*.example.org",
            "192.0.2.1",
            "Mail.example.org",
            "-a.example",
            "a..b",
            "a b.example",
        ] {
            assert!(wrong_name(wrong).is_some(), "{wrong}");
        }
        for right in ["mail.example.org", "a-1.xn--bcher-kva.example"] {
            assert_eq!(wrong_name(right), None);
        }
    }

    #[test]
    fn an_external_account_has_a_key() {
        let mut section = section();
        section.external_account = "kid-1".into();
        assert!(section.problem([Protocol::Acme].into_iter()).is_some());
        section.external_account_key_file = "key".into();
        assert_eq!(section.problem([Protocol::Acme].into_iter()), None);
    }
}
