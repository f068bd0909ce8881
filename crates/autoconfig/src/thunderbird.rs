//! Thunderbird's configuration files, which Evolution, K-9, KMail, FairEmail and others read, too.
//!
//! The format is Mozilla's `clientConfig` 1.1. Whoever sets an account up has not signed in yet, so the answer is the same for every address
//! of a domain and does not tell who has an account: the client puts the address in by itself (`%EMAILADDRESS%`).

use crate::{
    Answer, Security, Service, Site,
    answer::{element, write_number},
};

impl Answer {
    /// Where a domain's mail is read and sent. `None`: there is neither IMAP nor POP3.
    pub fn thunderbird(site: &Site, domain: &str) -> Option<Self> {
        if site.imap.is_none() && site.pop3.is_none() {
            return None;
        }
        let mut xml = String::from(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\"><emailProvider id=\"",
        );
        crate::text::push_xml(&mut xml, domain);
        xml.push_str("\">");
        element(&mut xml, "domain", domain);
        element(&mut xml, "displayName", domain);
        element(&mut xml, "displayShortName", domain);
        // The first is what a client proposes.
        for (kind, service) in [("imap", &site.imap), ("pop3", &site.pop3)] {
            if let Some(service) = service {
                server(&mut xml, "incomingServer", kind, service);
            }
        }
        if let Some(service) = &site.smtp {
            server(&mut xml, "outgoingServer", "smtp", service);
        }
        xml.push_str("</emailProvider></clientConfig>\n");
        Some(Self {
            status: 200,
            content_type: "text/xml; charset=utf-8",
            body: xml.into_bytes(),
        })
    }
}

fn server(xml: &mut String, name: &str, kind: &str, service: &Service) {
    xml.push('<');
    xml.push_str(name);
    xml.push_str(" type=\"");
    xml.push_str(kind);
    xml.push_str("\">");
    element(xml, "hostname", &service.host);
    write_number(xml, "port", service.port);
    element(
        xml,
        "socketType",
        match service.security {
            Security::Tls => "SSL",
            Security::StartTls => "STARTTLS",
        },
    );
    element(xml, "username", "%EMAILADDRESS%");
    element(xml, "authentication", "password-cleartext");
    xml.push_str("</");
    xml.push_str(name);
    xml.push('>');
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::site::example;

    #[test]
    fn every_service_is_told_of_and_the_address_is_the_clients() {
        let answer = Answer::thunderbird(&example(), "ex&mple.org").unwrap();
        let xml = String::from_utf8(answer.body).unwrap();
        assert_eq!(
            xml.lines().nth(1).unwrap(),
            "<clientConfig version=\"1.1\"><emailProvider id=\"ex&amp;mple.org\"><domain>ex&amp;mple.org</domain>\
             <displayName>ex&amp;mple.org</displayName><displayShortName>ex&amp;mple.org</displayShortName>\
             <incomingServer type=\"imap\"><hostname>imap.example.org</hostname><port>993</port><socketType>SSL</socketType>\
             <username>%EMAILADDRESS%</username><authentication>password-cleartext</authentication></incomingServer>\
             <incomingServer type=\"pop3\"><hostname>pop.example.org</hostname><port>995</port><socketType>SSL</socketType>\
             <username>%EMAILADDRESS%</username><authentication>password-cleartext</authentication></incomingServer>\
             <outgoingServer type=\"smtp\"><hostname>smtp.example.org</hostname><port>587</port><socketType>STARTTLS</socketType>\
             <username>%EMAILADDRESS%</username><authentication>password-cleartext</authentication></outgoingServer>\
             </emailProvider></clientConfig>"
        );
    }

    #[test]
    fn a_site_without_mailbox_access_has_no_such_file() {
        let site = Site {
            imap: None,
            pop3: None,
            ..example()
        };
        assert_eq!(Answer::thunderbird(&site, "example.org"), None);
    }
}
