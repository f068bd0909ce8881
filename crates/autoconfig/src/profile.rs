//! Configuration profiles for iOS and macOS: a property list that sets an account up when it is opened.
//!
//! Apple's names of payloads and keys: *Device Management, profile-specific payload keys*. No password is in it: the device asks for it.

use std::fmt::Write as _;

use crate::{
    Answer, Person, Security, Service, Site,
    answer::{element, write_number},
};

/// Which account a profile sets up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Account {
    /// ActiveSync: mail with push, calendars, contacts (`com.apple.eas.account`).
    Exchange,
    /// IMAP, or POP3 where there is no IMAP, with submission (`com.apple.mail.managed`).
    Mail,
}

impl Answer {
    /// The profile of one person, not signed. `ids` are the UUIDs of the profile and of the account in it: a profile with the same ones takes
    /// the place of the one before. `None`: the site does not offer what such an account needs.
    pub fn profile(site: &Site, person: &Person, account: Account, ids: [u128; 2]) -> Option<Self> {
        let mut payload = String::new();
        match account {
            Account::Exchange => exchange(&mut payload, site, person),
            Account::Mail => mail(&mut payload, site, person)?,
        }
        let kind = match account {
            Account::Exchange => "exchange",
            Account::Mail => "mail",
        };
        let mut xml = String::from(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
             <plist version=\"1.0\"><dict><key>PayloadContent</key><array><dict>",
        );
        xml.push_str(&payload);
        let title = format!("{} ({kind})", person.address);
        head(
            &mut xml,
            &format!("fieldpost.{kind}.account"),
            &title,
            ids[1],
        );
        xml.push_str("</dict></array>");
        text(&mut xml, "PayloadType", "Configuration");
        head(&mut xml, &format!("fieldpost.{kind}"), &title, ids[0]);
        text(&mut xml, "PayloadOrganization", site.host());
        xml.push_str("<key>PayloadRemovalDisallowed</key><false/></dict></plist>\n");
        Some(Self {
            status: 200,
            content_type: "application/x-apple-aspen-config",
            body: xml.into_bytes(),
        })
    }
}

fn exchange(xml: &mut String, site: &Site, person: &Person) {
    text(xml, "PayloadType", "com.apple.eas.account");
    text(xml, "EmailAddress", &person.address);
    text(xml, "UserName", &person.login);
    text(xml, "Host", site.host());
    flag(xml, "SSL", site.url.starts_with("https:"));
}

fn mail(xml: &mut String, site: &Site, person: &Person) -> Option<()> {
    let (kind, incoming) = match (&site.imap, &site.pop3) {
        (Some(imap), _) => ("EmailTypeIMAP", imap),
        (None, Some(pop3)) => ("EmailTypePOP", pop3),
        (None, None) => return None,
    };
    let outgoing = site.smtp.as_ref()?;
    text(xml, "PayloadType", "com.apple.mail.managed");
    text(xml, "EmailAccountType", kind);
    text(xml, "EmailAccountDescription", &person.address);
    if !person.display_name.is_empty() {
        text(xml, "EmailAccountName", &person.display_name);
    }
    text(xml, "EmailAddress", &person.address);
    server(xml, "Incoming", incoming, person);
    server(xml, "Outgoing", outgoing, person);
    flag(xml, "OutgoingPasswordSameAsIncomingPassword", true);
    Some(())
}

fn server(xml: &mut String, direction: &str, service: &Service, person: &Person) {
    let key = |key: &str| format!("{direction}MailServer{key}");
    text(xml, &key("Authentication"), "EmailAuthPassword");
    text(xml, &key("HostName"), &service.host);
    element(xml, "key", &key("PortNumber"));
    write_number(xml, "integer", service.port);
    // The device finds out by itself whether TLS begins with the first octet or with STARTTLS.
    match service.security {
        Security::Tls | Security::StartTls => flag(xml, &key("UseSSL"), true),
    }
    text(xml, &key("Username"), &person.login);
}

/// What every payload says of itself.
fn head(xml: &mut String, identifier: &str, title: &str, id: u128) {
    text(xml, "PayloadIdentifier", identifier);
    text(xml, "PayloadDisplayName", title);
    text(xml, "PayloadUUID", &uuid(id));
    element(xml, "key", "PayloadVersion");
    xml.push_str("<integer>1</integer>");
}

/// A UUID of version 8 (RFC 9562 §5.8) from any number.
fn uuid(id: u128) -> String {
    let id = id & !(0xf000 << 64 | 0xc000 << 48) | 0x8000 << 64 | 0x8000 << 48;
    let hex = format!("{id:032X}");
    let mut uuid = String::with_capacity(36);
    let mut rest = hex.as_str();
    for length in [8, 4, 4, 4, 12] {
        let (part, after) = rest.split_at(length);
        // A string cannot refuse what is written into it.
        let _ = write!(uuid, "{}{part}", if uuid.is_empty() { "" } else { "-" });
        rest = after;
    }
    uuid
}

fn text(xml: &mut String, key: &str, value: &str) {
    element(xml, "key", key);
    element(xml, "string", value);
}

fn flag(xml: &mut String, key: &str, value: bool) {
    element(xml, "key", key);
    xml.push_str(if value { "<true/>" } else { "<false/>" });
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::site::example;

    fn person() -> Person {
        Person {
            display_name: "Ann <Field>".into(),
            address: "ann@example.org".into(),
            login: "ann@example.org".into(),
        }
    }

    fn profile(site: &Site, account: Account) -> Option<String> {
        let answer = Answer::profile(site, &person(), account, [1, 2])?;
        assert_eq!(answer.content_type, "application/x-apple-aspen-config");
        Some(String::from_utf8(answer.body).unwrap())
    }

    #[test]
    fn an_exchange_account_has_host_and_address() {
        let xml = profile(&example(), Account::Exchange).unwrap();
        for pair in [
            "<key>PayloadType</key><string>com.apple.eas.account</string>",
            "<key>EmailAddress</key><string>ann@example.org</string>",
            "<key>UserName</key><string>ann@example.org</string>",
            "<key>Host</key><string>mail.example.org</string>",
            "<key>SSL</key><true/>",
            "<key>PayloadType</key><string>Configuration</string>",
            "<key>PayloadUUID</key><string>00000000-0000-8000-8000-000000000001</string>",
            "<key>PayloadUUID</key><string>00000000-0000-8000-8000-000000000002</string>",
        ] {
            assert_eq!(xml.matches(pair).count(), 1, "{pair} in {xml}");
        }
        let mut reader = quick_xml::Reader::from_str(&xml);
        while !matches!(reader.read_event().unwrap(), quick_xml::events::Event::Eof) {}
    }

    #[test]
    fn a_mail_account_needs_both_ways() {
        let xml = profile(&example(), Account::Mail).unwrap();
        for pair in [
            "<key>EmailAccountType</key><string>EmailTypeIMAP</string>",
            "<key>EmailAccountName</key><string>Ann &lt;Field&gt;</string>",
            "<key>IncomingMailServerHostName</key><string>imap.example.org</string>",
            "<key>IncomingMailServerPortNumber</key><integer>993</integer>",
            "<key>OutgoingMailServerPortNumber</key><integer>587</integer>",
            "<key>OutgoingMailServerUseSSL</key><true/>",
        ] {
            assert_eq!(xml.matches(pair).count(), 1, "{pair} in {xml}");
        }
        let mut site = example();
        site.imap = None;
        assert!(
            profile(&site, Account::Mail)
                .unwrap()
                .contains("<string>EmailTypePOP</string>")
        );
        site.pop3 = None;
        assert_eq!(profile(&site, Account::Mail), None);
        site = Site {
            smtp: None,
            ..example()
        };
        assert_eq!(profile(&site, Account::Mail), None);
    }

    #[test]
    fn uuids_are_of_version_8() {
        assert_eq!(uuid(u128::MAX), "FFFFFFFF-FFFF-8FFF-BFFF-FFFFFFFFFFFF");
    }
}
