//! A request's body.

use quick_xml::{Reader, XmlVersion, events::Event};

/// Larger bodies are refused, in bytes; a real one has some 400.
const LARGEST: usize = 64 * 1024;
/// Elements within one another; a real one has 3.
const DEEPEST: usize = 16;
/// Addresses and names of schemas are cut off here, in bytes.
const LONGEST: usize = 1024;

const MOBILE_SYNC: &str =
    "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006";
const OUTLOOK: &str =
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Whose service is asked for (MS-ASCMD_R2225); not checked.
    pub email: String,
    /// In which form the answer is wanted (MS-ASCMD_R703).
    pub schema: Schema,
}

/// In which form an answer is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Schema {
    /// ActiveSync's (MS-ASCMD_R711).
    MobileSync,
    /// The desktop Outlook's, 2006a.
    Outlook,
    /// One that is not known here.
    Other,
}

/// Why a body is no request. All are answered with [`crate::ErrorCode::InvalidRequest`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// More than 64 KiB.
    #[error("the body is too large")]
    TooLarge,
    /// Elements within one another beyond any need.
    #[error("elements are nested too deeply")]
    TooDeep,
    /// Not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// Not well-formed.
    #[error("the body is not well-formed XML")]
    Malformed,
    /// A document type declaration: entities may be behind it that read files (CVE-2019-9670).
    #[error("the body has a document type declaration")]
    DocumentType,
    /// A reference to an entity other than XML's own five.
    #[error("the body refers to an entity")]
    Entity,
    /// Not one `Autodiscover` with one `Request` (MS-ASCMD_R806, R3797, R3799) that has one address and one schema (R1582, R708).
    #[error("the body is no Autodiscover request")]
    NoRequest,
}

/// Where an element stands, by its local name: clients use several namespaces, and some none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Request,
    Email,
    Schema,
    Other,
}

impl Request {
    /// Reads a body. What it has besides the address and the schema is passed over.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        if body.len() > LARGEST {
            return Err(Error::TooLarge);
        }
        let text = str::from_utf8(body).map_err(|_| Error::NotUtf8)?;
        let mut reader = Reader::from_str(text.trim_start_matches('\u{FEFF}').trim_start());
        let mut found = Found::default();
        loop {
            match reader.read_event().map_err(|_| Error::Malformed)? {
                Event::Start(start) => found.open(start.local_name().as_ref())?,
                Event::Empty(start) => {
                    found.open(start.local_name().as_ref())?;
                    found.open.pop();
                }
                Event::End(_) => {
                    found.open.pop().ok_or(Error::Malformed)?;
                }
                Event::Text(text) => found.push(&text.xml_content(XmlVersion::Explicit1_0)),
                Event::CData(text) => found.push(&text.xml_content(XmlVersion::Explicit1_0)),
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref() {
                        Ok(Some(character)) => character,
                        Ok(None) => predefined(&reference).ok_or(Error::Entity)?,
                        Err(_) => return Err(Error::Malformed),
                    };
                    found.push(character.encode_utf8(&mut [0; 4]));
                }
                Event::DocType(_) => return Err(Error::DocumentType),
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
        found.finish()
    }
}

#[derive(Default)]
struct Found {
    /// The open elements.
    open: Vec<Place>,
    roots: usize,
    requests: usize,
    emails: usize,
    schemas: usize,
    email: String,
    schema: String,
}

impl Found {
    fn open(&mut self, name: &str) -> Result<(), Error> {
        if self.open.len() >= DEEPEST {
            return Err(Error::TooDeep);
        }
        let place = match (self.open.last(), name) {
            (None, "Autodiscover") => Place::Root,
            (None, _) => return Err(Error::NoRequest),
            (Some(Place::Root), "Request") => Place::Request,
            (Some(Place::Request), "EMailAddress") => Place::Email,
            (Some(Place::Request), "AcceptableResponseSchema") => Place::Schema,
            (Some(_), _) => Place::Other,
        };
        match place {
            Place::Root => self.roots += 1,
            Place::Request => self.requests += 1,
            Place::Email => self.emails += 1,
            Place::Schema => self.schemas += 1,
            Place::Other => {}
        }
        self.open.push(place);
        Ok(())
    }

    fn push(&mut self, text: &str) {
        let value = match self.open.last() {
            Some(Place::Email) => &mut self.email,
            Some(Place::Schema) => &mut self.schema,
            _ => return,
        };
        value.push_str(text);
        value.truncate(value.floor_char_boundary(LONGEST));
    }

    fn finish(self) -> Result<Request, Error> {
        if !self.open.is_empty() {
            return Err(Error::Malformed);
        }
        let email = self.email.trim();
        let schema = self.schema.trim();
        let counts = [self.roots, self.requests, self.emails, self.schemas];
        if counts != [1; 4] || email.is_empty() || schema.is_empty() {
            return Err(Error::NoRequest);
        }
        Ok(Request {
            email: email.to_owned(),
            schema: if schema.eq_ignore_ascii_case(MOBILE_SYNC) {
                Schema::MobileSync
            } else if schema.eq_ignore_ascii_case(OUTLOOK) {
                Schema::Outlook
            } else {
                Schema::Other
            },
        })
    }
}

/// XML's own entities (XML 1.0, 4.6).
fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(inner: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\
             \"http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006\">{inner}</Autodiscover>"
        )
    }

    fn request(email: &str, schema: &str) -> String {
        format!(
            "<Request><EMailAddress>{email}</EMailAddress>\
             <AcceptableResponseSchema>{schema}</AcceptableResponseSchema></Request>"
        )
    }

    fn parse(text: &str) -> Result<Request, Error> {
        Request::parse(text.as_bytes())
    }

    /// MS-ASCMD_R806, R1080, R3797, R2225, R703, R711.
    #[test]
    fn a_request_has_an_address_and_a_schema() {
        for (name, schema) in [
            (MOBILE_SYNC, Schema::MobileSync),
            (OUTLOOK, Schema::Outlook),
            ("urn:other", Schema::Other),
        ] {
            assert_eq!(
                parse(&body(&request(" u@example.org\n", name))),
                Ok(Request {
                    email: "u@example.org".into(),
                    schema
                })
            );
        }
        // With a mark in front, prefixes, a comment, CDATA, character references, more elements than needed.
        let odd = format!(
            "\u{FEFF}<a:Autodiscover xmlns:a='x'><!-- c --><a:Request><a:LegacyDN/><a:EMailAddress><![CDATA[u]]>&#64;&#x64;&amp;</a:EMailAddress>\
             <a:AcceptableResponseSchema>{MOBILE_SYNC}</a:AcceptableResponseSchema></a:Request></a:Autodiscover>"
        );
        assert_eq!(parse(&odd).map(|request| request.email), Ok("u@d&".into()));
    }

    /// MS-ASCMD_R3799; R1582 and R708 for what has to be in it.
    #[test]
    fn there_is_one_of_each() {
        let one = request("u@d", MOBILE_SYNC);
        for inner in [
            String::new(),
            format!("{one}{one}"),
            "<Request/>".into(),
            "<Request><EMailAddress>u@d</EMailAddress></Request>".into(),
            request("", MOBILE_SYNC),
            request("u@d", " "),
            format!("<Other>{one}</Other>"),
        ] {
            assert_eq!(parse(&body(&inner)), Err(Error::NoRequest), "{inner}");
        }
        assert_eq!(parse("<Other/>"), Err(Error::NoRequest));
        assert_eq!(parse(""), Err(Error::NoRequest));
        let whole = body(&one);
        assert_eq!(
            parse(&format!("{whole}<Autodiscover/>")),
            Err(Error::NoRequest)
        );
    }

    /// Fault 38, CVE-2019-9670.
    #[test]
    fn fault_38_document_types_and_entities() {
        let one = request("&xxe;", MOBILE_SYNC);
        let evil = format!(
            "<!DOCTYPE a [<!ENTITY xxe SYSTEM \"file:///etc/passwd\">]><Autodiscover>{one}</Autodiscover>"
        );
        assert_eq!(parse(&evil), Err(Error::DocumentType));
        assert_eq!(
            parse("<!DOCTYPE Autodiscover><Autodiscover/>"),
            Err(Error::DocumentType)
        );
        assert_eq!(parse(&body(&one)), Err(Error::Entity));
        assert_eq!(
            parse(&body(&format!(
                "<a>&lol;</a>{}",
                request("u@d", MOBILE_SYNC)
            ))),
            Err(Error::Entity)
        );
        for reference in ["&#0;", "&#x110000;", "&#xD800;", "&", "&a"] {
            let result = parse(&body(&request(reference, MOBILE_SYNC)));
            assert_eq!(result, Err(Error::Malformed), "{reference}");
        }
    }

    #[test]
    fn size_and_depth_are_bounded() {
        assert_eq!(
            Request::parse(&vec![b' '; LARGEST + 1]),
            Err(Error::TooLarge)
        );
        let deep = "<Autodiscover>".to_owned() + &"<a>".repeat(10_000);
        assert_eq!(parse(&deep), Err(Error::TooDeep));
        let long = parse(&body(&request(&"ä".repeat(5000), MOBILE_SYNC)));
        assert_eq!(long.map(|request| request.email.len()), Ok(LONGEST));
        assert_eq!(Request::parse(b"<Autodiscover>\xFF"), Err(Error::NotUtf8));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for text in [
            "<Autodiscover>",
            "<Autodiscover></Request>",
            "<Autodiscover",
            "</Autodiscover>",
            "<Autodiscover><Request></Autodiscover></Request>",
        ] {
            assert_eq!(parse(text), Err(Error::Malformed), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[<>/&;!\\[\\]A-Za-z =\"'#?-]{0,200}") {
            let _ = Request::parse(&bytes);
            let _ = Request::parse(format!("<Autodiscover>{text}").as_bytes());
        }
    }
}
