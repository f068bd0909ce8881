//! Which requests are for what is answered here.

use crate::{Account, text::percent_decoded};

/// Longer paths and queries are nobody's, in bytes.
const LONGEST: usize = 2048;

/// What a request asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Route {
    /// Autodiscover in XML; the body is for [`crate::Request::parse`], and it wants a signed-in user.
    Xml,
    /// Autodiscover in JSON, which mobile clients ask without signing in; [`crate::Answer::json`] has the answer.
    Json {
        /// Whose service is asked for, from the path or the query; not checked. `None`: not told.
        email: Option<String>,
        /// Which service: `ActiveSync`. `None`: not told.
        protocol: Option<String>,
    },
    /// A configuration file for Thunderbird and others, which nobody signs in for; [`crate::Answer::thunderbird`] has the answer.
    Thunderbird {
        /// Whose account is to be set up. `None`: not told, the host name says of which domain.
        email: Option<String>,
    },
    /// A configuration profile for iOS and macOS, for a signed-in user; [`crate::Answer::profile`] has it.
    Profile(Account),
}

/// What a request asks for, by its method, its path and its query (without `?`; empty if there is none).
///
/// Every spelling is taken that clients and people have: any case of letters, slashes doubled or at the end. The XML answers `GET` too, as a
/// request without a body: people try it in a browser, and it shows that the server is the right one.
pub fn route(method: &str, path: &str, query: &str) -> Option<Route> {
    if path.len() > LONGEST || query.len() > LONGEST {
        return None;
    }
    if let Some(route) = file_route(method, path, query) {
        return Some(route);
    }
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    if !segments.next()?.eq_ignore_ascii_case("autodiscover") {
        return None;
    }
    let file = segments.next()?;
    let reads = ["GET", "HEAD"].contains(&method);
    if file.eq_ignore_ascii_case("autodiscover.xml") {
        let known = reads || method == "POST";
        (known && segments.next().is_none()).then_some(Route::Xml)
    } else if file.eq_ignore_ascii_case("autodiscover.json") && reads {
        json_route(segments, query)
    } else {
        None
    }
}

/// The files that are not Autodiscover's.
fn file_route(method: &str, path: &str, query: &str) -> Option<Route> {
    if !["GET", "HEAD"].contains(&method) {
        return None;
    }
    match path {
        // At `autoconfig.DOMAIN`, and at the domain itself.
        "/mail/config-v1.1.xml" | "/.well-known/autoconfig/mail/config-v1.1.xml" => {
            let email = parameter(query, "emailaddress").filter(|email| !email.is_empty());
            Some(Route::Thunderbird { email })
        }
        "/profile.mobileconfig" => Some(Route::Profile(match parameter(query, "account") {
            Some(account) if account.eq_ignore_ascii_case("mail") => Account::Mail,
            Some(_) | None => Account::Exchange,
        })),
        _ => None,
    }
}

/// Behind the file's name there may be `v1.0` and, behind that, an address.
fn json_route<'a>(mut rest: impl Iterator<Item = &'a str>, query: &str) -> Option<Route> {
    let in_path = match rest.next() {
        None => None,
        Some(version) if version.eq_ignore_ascii_case("v1.0") => rest.next(),
        Some(_) => return None,
    };
    if rest.next().is_some() {
        return None;
    }
    let email = match in_path {
        Some(encoded) => Some(percent_decoded(encoded, false)?),
        None => parameter(query, "Email"),
    };
    Some(Route::Json {
        email: email.filter(|email| !email.is_empty()),
        protocol: parameter(query, "Protocol").filter(|protocol| !protocol.is_empty()),
    })
}

/// The first parameter of that name, in any case of letters; `None` if there is none or its encoding is broken.
fn parameter(query: &str, name: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })?;
    // A plus stands for itself in an address, and clients leave it as it is.
    percent_decoded(value, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_xml_is_found_in_every_spelling() {
        for path in [
            "/autodiscover/autodiscover.xml",
            "/Autodiscover/Autodiscover.xml",
            "/AutoDiscover/AutoDiscover.XML",
            "/AUTODISCOVER/autodiscover.xml",
            "//autodiscover/autodiscover.xml",
            "/autodiscover//autodiscover.xml",
            "/autodiscover/autodiscover.xml/",
        ] {
            assert_eq!(route("POST", path, ""), Some(Route::Xml), "{path}");
            assert_eq!(route("GET", path, "a=b"), Some(Route::Xml), "{path}");
        }
        for path in [
            "",
            "/",
            "/autodiscover",
            "/autodiscover.xml",
            "/autodiscover/autodiscover.xml/more",
            "/more/autodiscover/autodiscover.xml",
            "/autodiscover/autodiscover.svc",
            "/autodiscover/../autodiscover.xml",
        ] {
            assert_eq!(route("POST", path, ""), None, "{path}");
        }
        assert_eq!(route("PUT", "/autodiscover/autodiscover.xml", ""), None);
    }

    #[test]
    fn files_for_other_clients() {
        let thunderbird = |email: Option<&str>| {
            Some(Route::Thunderbird {
                email: email.map(str::to_owned),
            })
        };
        for path in [
            "/mail/config-v1.1.xml",
            "/.well-known/autoconfig/mail/config-v1.1.xml",
        ] {
            assert_eq!(
                route("GET", path, "emailaddress=u%40d.org"),
                thunderbird(Some("u@d.org"))
            );
            assert_eq!(route("HEAD", path, ""), thunderbird(None));
            assert_eq!(route("POST", path, ""), None);
        }
        for (query, account) in [
            ("", Account::Exchange),
            ("account=exchange", Account::Exchange),
            ("account=Mail", Account::Mail),
        ] {
            assert_eq!(
                route("GET", "/profile.mobileconfig", query),
                Some(Route::Profile(account)),
                "{query}"
            );
        }
    }

    /// Quirk D1: Outlook mobile needs version 2 as well.
    #[test]
    fn the_json_is_found_with_its_address_in_path_or_query() {
        let json = |email: Option<&str>, protocol: Option<&str>| {
            Some(Route::Json {
                email: email.map(str::to_owned),
                protocol: protocol.map(str::to_owned),
            })
        };
        let plain = "/autodiscover/autodiscover.json";
        assert_eq!(
            route("GET", plain, "Email=u%40d&Protocol=ActiveSync"),
            json(Some("u@d"), Some("ActiveSync"))
        );
        assert_eq!(
            route(
                "GET",
                plain,
                "protocol=activesync&EMAIL=u+1@d&RedirectCount=1"
            ),
            json(Some("u+1@d"), Some("activesync"))
        );
        assert_eq!(
            route(
                "GET",
                "/autoDiscover/AutoDiscover.JSON/v1.0/u%40d/",
                "Protocol=ActiveSync"
            ),
            json(Some("u@d"), Some("ActiveSync"))
        );
        assert_eq!(
            route("HEAD", "/autodiscover/autodiscover.json/V1.0", "Email=u@d"),
            json(Some("u@d"), None)
        );
        assert_eq!(route("GET", plain, "Email=&Protocol="), json(None, None));
        assert_eq!(route("GET", plain, "Email=%zz"), json(None, None));
        assert_eq!(route("POST", plain, ""), None);
        assert_eq!(route("GET", "/autodiscover/autodiscover.json/v2", ""), None);
        assert_eq!(
            route("GET", "/autodiscover/autodiscover.json/v1.0/a/b", ""),
            None
        );
        assert_eq!(
            route("GET", "/autodiscover/autodiscover.json/v1.0/%zz", ""),
            None
        );
        assert_eq!(route("GET", plain, &"a".repeat(3000)), None);
    }
}
