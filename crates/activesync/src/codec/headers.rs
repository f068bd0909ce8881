//! The request's headers as far as they are looked at (MS-ASHTTP §2.2.1.1.2).

use hyper::header::{self, HeaderMap, HeaderName};

/// `MS-ASProtocolVersion` (MS-ASHTTP §2.2.1.1.2.6).
pub const VERSION: HeaderName = HeaderName::from_static("ms-asprotocolversion");
/// `MS-ASAcceptMultiPart` (MS-ASHTTP §2.2.1.1.2.5).
pub const ACCEPT_MULTIPART: HeaderName = HeaderName::from_static("ms-asacceptmultipart");
/// `X-MS-PolicyKey` (MS-ASHTTP §2.2.1.1.2.8).
pub const POLICY_KEY: HeaderName = HeaderName::from_static("x-ms-policykey");

/// A header's value as text; `None`: it is not there, or is no text.
pub fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// The key that the client shows in a header; what is no number is none.
pub fn policy_key(headers: &HeaderMap) -> Option<u32> {
    text(headers, POLICY_KEY)?.parse().ok()
}

/// Whether parts are to be sent apart from the document (MS-ASHTTP_R154).
pub fn accepts_multipart(headers: &HeaderMap) -> bool {
    text(headers, ACCEPT_MULTIPART).is_some_and(|value| value.eq_ignore_ascii_case("T"))
}

/// Whether the client takes a compressed response (RFC 9110 §12.5.3).
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';');
            let name = parts.next().unwrap_or_default().trim();
            let is_gzip = name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip");
            let is_refused = parts.any(|parameter| {
                parameter
                    .trim()
                    .strip_prefix("q=")
                    .and_then(|weight| weight.parse::<f32>().ok())
                    .is_some_and(|weight| weight <= 0.0)
            });
            is_gzip && !is_refused
        })
}

/// The program that speaks, as far as it is text.
pub fn user_agent(headers: &HeaderMap) -> String {
    headers
        .get(header::USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn compression_is_wanted_only_where_it_is_said() {
        for yes in ["gzip", "deflate, GZIP;q=0.5", "x-gzip", "br , gzip ; q=1"] {
            assert!(accepts_gzip(&with(header::ACCEPT_ENCODING, yes)), "{yes}");
        }
        for no in ["", "deflate", "gzip;q=0", "gzip; q=0.0", "*"] {
            assert!(!accepts_gzip(&with(header::ACCEPT_ENCODING, no)), "{no}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    /// MS-ASHTTP_R154, MS-ASHTTP_R155, MS-ASHTTP_R440, MS-ASHTTP_R159.
    #[test]
    fn multipart_and_policy_key_are_read() {
        assert!(accepts_multipart(&with(ACCEPT_MULTIPART, "T")));
        assert!(!accepts_multipart(&with(ACCEPT_MULTIPART, "F")));
        assert!(!accepts_multipart(&HeaderMap::new()));
        assert_eq!(policy_key(&with(POLICY_KEY, "4294967295")), Some(u32::MAX));
        for bad in ["", "-1", "4294967296", "abc"] {
            assert_eq!(policy_key(&with(POLICY_KEY, bad)), None, "{bad}");
        }
    }
}
