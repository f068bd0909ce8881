//! Autodiscover's answers.

use std::fmt::Write as _;

use crate::{
    Request, Schema, Security, Service, Site,
    text::{push_json, push_xml},
};

const ROOT: &str = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
const MOBILE_SYNC: &str =
    "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006";
const OUTLOOK: &str =
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

/// What goes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The HTTP status. Errors of Autodiscover in XML are 200: clients read them in the body.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// The body, UTF-8.
    pub body: Vec<u8>,
}

/// Who is signed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// As the address list shows them; may be empty.
    pub display_name: String,
    /// Their primary address, also where they have several (MS-ASCMD_R2228).
    pub address: String,
    /// What they sign in with: desktop clients put it into their settings.
    pub login: String,
}

/// What an error says of itself beyond its code, so that a log line is found by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// Seconds since midnight in UTC.
    pub second_of_day: u32,
    /// Any number, not twice on a day.
    pub id: u32,
}

/// The errors of what Autodiscover stands on (MS-ASCMD 2.2.3.64).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ErrorCode {
    /// 600: the request is none (MS-ASCMD_R2287, R3799).
    InvalidRequest,
    /// 601: nobody answers in the schema that was asked for (MS-ASCMD_R2288).
    NoProvider,
}

impl ErrorCode {
    /// Its number.
    pub const fn code(self) -> u16 {
        match self {
            Self::InvalidRequest => 600,
            Self::NoProvider => 601,
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::InvalidRequest => "Invalid Request",
            Self::NoProvider => "Provider is not available",
        }
    }
}

impl Answer {
    /// What a signed-in person is told, in the schema of the request: ActiveSync's URL, or the other services, or that there is no answer in
    /// that schema.
    pub fn to(request: &Request, site: &Site, person: &Person, stamp: Stamp) -> Self {
        match request.schema {
            Schema::MobileSync => Self::mobile_sync(site, person),
            Schema::Outlook if has_services(site) => Self::outlook(site, person),
            // A desktop client is not sent to ActiveSync: it has its own ways to look on.
            Schema::Outlook | Schema::Other => Self::error(ErrorCode::NoProvider, stamp),
        }
    }

    /// Where ActiveSync is (MS-ASCMD 2.2.3.153.1 with 2.2.3.164).
    pub fn mobile_sync(site: &Site, person: &Person) -> Self {
        Self::mobile_sync_response(Some(person), |xml| {
            xml.push_str("<Settings><Server><Type>MobileSync</Type>");
            // With MobileSync, the name is the URL too (MS-ASCMD_R3484).
            element(xml, "Url", &site.url);
            element(xml, "Name", &site.url);
            xml.push_str("</Server></Settings>");
        })
    }

    /// The person is to be asked for at another address (MS-ASCMD 2.2.3.147).
    pub fn redirect(person: &Person, address: &str) -> Self {
        Self::mobile_sync_response(Some(person), |xml| element(xml, "Redirect", address))
    }

    /// Something failed behind a request that was understood: status 2 (MS-ASCMD_R4002); of a message and of debug data what is not empty.
    pub fn failure(message: &str, debug_data: &str) -> Self {
        Self::mobile_sync_response(None, |xml| {
            xml.push_str("<Error><Status>2</Status>");
            for (name, text) in [("Message", message), ("DebugData", debug_data)] {
                if !text.is_empty() {
                    element(xml, name, text);
                }
            }
            xml.push_str("</Error>");
        })
    }

    /// The request is no request, or nobody answers in its schema (MS-ASCMD_R3818).
    pub fn error(code: ErrorCode, stamp: Stamp) -> Self {
        let mut xml = head();
        let second = stamp.second_of_day % 86_400;
        let (hours, minutes, seconds) = (second / 3600, second / 60 % 60, second % 60);
        // A string cannot refuse what is written into it.
        let _ = write!(
            xml,
            "<Response><Error Time=\"{hours:02}:{minutes:02}:{seconds:02}.0000000\" Id=\"{}\"><ErrorCode>{}</ErrorCode>\
             <Message>{}</Message><DebugData/></Error></Response></Autodiscover>",
            stamp.id,
            code.code(),
            code.message()
        );
        Self::xml(xml)
    }

    /// Autodiscover in JSON, version 2, as mobile clients ask it (quirk D1). The answer is the same for every address: nobody has signed in,
    /// and it shall not tell who has an account. Without a protocol, or with one that is not known, it is an error with status 400.
    pub fn json(site: &Site, protocol: Option<&str>) -> Self {
        let known = protocol.and_then(|protocol| {
            let urls = [
                ("ActiveSync", site.url.clone()),
                (
                    "AutodiscoverV1",
                    format!("{}/autodiscover/autodiscover.xml", site.origin()),
                ),
            ];
            urls.into_iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(protocol))
        });
        match (known, protocol) {
            (Some((name, url)), _) => json_of(200, [("Protocol", name), ("Url", &url)]),
            (None, Some(_)) => json_of(
                400,
                [
                    ("ErrorCode", "InvalidProtocol"),
                    (
                        "ErrorMessage",
                        "The given protocol value is invalid. Supported values are 'ActiveSync,AutodiscoverV1'",
                    ),
                ],
            ),
            (None, None) => json_of(
                400,
                [
                    ("ErrorCode", "MandatoryParameterMissing"),
                    (
                        "ErrorMessage",
                        "A valid value must be provided for the query parameter 'Protocol'",
                    ),
                ],
            ),
        }
    }

    /// The desktop Outlook's answer: a block for each service that is offered.
    fn outlook(site: &Site, person: &Person) -> Self {
        let mut xml = head();
        let _ = write!(xml, "<Response xmlns=\"{OUTLOOK}\"><User>");
        element(&mut xml, "DisplayName", &person.display_name);
        element(&mut xml, "AutoDiscoverSMTPAddress", &person.address);
        xml.push_str("</User><Account><AccountType>email</AccountType><Action>settings</Action>");
        for (kind, service) in [
            ("IMAP", &site.imap),
            ("POP3", &site.pop3),
            ("SMTP", &site.smtp),
        ] {
            if let Some(service) = service {
                protocol(&mut xml, kind, service, person);
            }
        }
        xml.push_str("</Account></Response></Autodiscover>");
        Self::xml(xml)
    }

    fn mobile_sync_response(person: Option<&Person>, action: impl FnOnce(&mut String)) -> Self {
        let mut xml = head();
        // MS-ASCMD_R2124 has this form and no other.
        let _ = write!(
            xml,
            "<Response xmlns=\"{MOBILE_SYNC}\"><Culture>en:us</Culture>"
        );
        if let Some(person) = person {
            xml.push_str("<User>");
            if !person.display_name.is_empty() {
                element(&mut xml, "DisplayName", &person.display_name);
            }
            element(&mut xml, "EMailAddress", &person.address);
            xml.push_str("</User>");
        }
        xml.push_str("<Action>");
        action(&mut xml);
        xml.push_str("</Action></Response></Autodiscover>");
        Self::xml(xml)
    }

    fn xml(xml: String) -> Self {
        Self {
            status: 200,
            content_type: "text/xml; charset=utf-8",
            body: xml.into_bytes(),
        }
    }
}

fn has_services(site: &Site) -> bool {
    site.imap.is_some() || site.pop3.is_some()
}

fn head() -> String {
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Autodiscover xmlns=\"{ROOT}\">")
}

pub(crate) fn element(xml: &mut String, name: &str, text: &str) {
    let _ = write!(xml, "<{name}>");
    push_xml(xml, text);
    let _ = write!(xml, "</{name}>");
}

pub(crate) fn write_number(xml: &mut String, name: &str, number: u16) {
    let _ = write!(xml, "<{name}>{number}</{name}>");
}

fn protocol(xml: &mut String, kind: &str, service: &Service, person: &Person) {
    let _ = write!(xml, "<Protocol><Type>{kind}</Type>");
    element(xml, "Server", &service.host);
    let _ = write!(
        xml,
        "<Port>{}</Port><DomainRequired>off</DomainRequired>",
        service.port
    );
    element(xml, "LoginName", &person.login);
    // `Encryption` is read from Outlook 2010 on, instead of `SSL`.
    let encryption = match service.security {
        Security::Tls => "SSL",
        Security::StartTls => "TLS",
    };
    let _ = write!(
        xml,
        "<SPA>off</SPA><SSL>on</SSL><Encryption>{encryption}</Encryption><AuthRequired>on</AuthRequired>"
    );
    if kind == "SMTP" {
        xml.push_str("<UsePOPAuth>on</UsePOPAuth><SMTPLast>off</SMTPLast>");
    }
    xml.push_str("</Protocol>");
}

fn json_of<const N: usize>(status: u16, members: [(&str, &str); N]) -> Answer {
    let mut json = String::from("{");
    for (index, (name, value)) in members.into_iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        push_json(&mut json, name);
        json.push(':');
        push_json(&mut json, value);
    }
    json.push('}');
    Answer {
        status,
        content_type: "application/json; charset=utf-8",
        body: json.into_bytes(),
    }
}

#[cfg(test)]
mod tests;
