//! What goes back (MS-ASHTTP §2.2.2, §2.2.4).

use std::io::Write as _;

use bytes::Bytes;
use fieldpost_wbxml::{Command, Version};
use flate2::{Compression, write::GzEncoder};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Response, StatusCode,
    ext::ReasonPhrase,
    header::{self, HeaderName, HeaderValue},
};

use crate::{command::options, reply::Body};

/// The media type of a document (MS-ASHTTP_R219).
pub const WBXML: &str = "application/vnd.ms-sync.wbxml";
/// The media type of a document with its parts (MS-ASCMD §2.2.1.10.1).
pub const MULTIPART: &str = "application/vnd.ms-sync.multipart";

/// A response with a status and nothing else.
pub fn status(status: StatusCode) -> Response<Body> {
    let mut response = with(status, Bytes::new());
    if status.as_u16() == 449 {
        response
            .extensions_mut()
            .insert(ReasonPhrase::from_static(b"Provisioning required"));
    }
    response
}

/// The same, to be tried again after some seconds (MS-ASHTTP_R287).
pub fn later(code: StatusCode, seconds: u64) -> Response<Body> {
    let mut response = status(code);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

/// The credentials are missing or wrong (MS-ASHTTP_R178).
pub fn unauthorized(realm: &str) -> Response<Body> {
    let mut response = status(StatusCode::UNAUTHORIZED);
    let challenge = format!("Basic realm=\"{}\"", realm.replace(['"', '\\'], ""));
    let challenge = HeaderValue::try_from(challenge)
        .unwrap_or_else(|_| HeaderValue::from_static("Basic realm=\"mail\""));
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// A body of a media type, compressed where that is wanted and worth it; an empty one has no type (reference 1.5).
pub fn content(content_type: &str, body: Bytes, gzip: bool) -> Response<Body> {
    if body.is_empty() {
        return with(StatusCode::OK, body);
    }
    let packed = (gzip && body.len() > WORTH_PACKING)
        .then(|| pack(&body))
        .flatten();
    let is_packed = packed.is_some();
    let mut response = with(StatusCode::OK, packed.unwrap_or(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media_type(content_type));
    if is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// A document and its parts as one body (MS-ASCMD §2.2.1.10.1): how many there are, where each begins and how long it
/// is, all in four bytes, then the parts themselves, the document first. `None`: it is beyond what four bytes count.
pub fn multipart(document: &[u8], parts: &[Bytes]) -> Option<Bytes> {
    let count = parts.len() + 1;
    let mut offset = 4 + 8 * count;
    let all = || std::iter::once(document).chain(parts.iter().map(AsRef::as_ref));
    let total = offset + all().map(<[u8]>::len).sum::<usize>();
    u32::try_from(total).ok()?;
    let mut body = Vec::with_capacity(total);
    body.extend((count as u32).to_le_bytes());
    for part in all() {
        body.extend((offset as u32).to_le_bytes());
        body.extend((part.len() as u32).to_le_bytes());
        offset += part.len();
    }
    all().for_each(|part| body.extend_from_slice(part));
    Some(body.into())
}

/// Adds the versions and commands that are spoken (MS-ASHTTP §2.2.4.1.2), each header once: clients that join repeated
/// ones break.
pub fn add_capabilities(response: &mut Response<Body>) {
    let headers = response.headers_mut();
    headers.insert(VERSIONS, list(versions()));
    headers.insert(COMMANDS, list(options::COMMANDS.map(Command::name)));
}

/// Adds that the versions may be other ones than the client remembers (MS-ASHTTP_R1104): clients ask for them only when
/// an account is set up, and would stay with an old version for years (client-quirks A16).
pub fn add_renewal(response: &mut Response<Body>) {
    add_capabilities(response);
    response.headers_mut().insert(RENEWAL, list(versions()));
}

fn versions() -> impl IntoIterator<Item = &'static str> {
    options::VERSIONS.map(Version::as_str)
}

fn list(items: impl IntoIterator<Item = &'static str>) -> HeaderValue {
    let items: Vec<_> = items.into_iter().collect();
    HeaderValue::try_from(items.join(",")).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn with(status: StatusCode, body: Bytes) -> Response<Body> {
    let size = body.len();
    let body = Full::new(body).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    usual_headers(&mut response);
    // MS-ASHTTP_R216
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    response
}

fn usual_headers(response: &mut Response<Body>) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
    headers.insert(SERVER, HeaderValue::from_static(SERVER_VERSION));
}

fn media_type(text: &str) -> HeaderValue {
    HeaderValue::try_from(text)
        .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"))
}

fn pack(body: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 2), Compression::fast());
    encoder.write_all(body).ok()?;
    let packed = encoder.finish().ok()?;
    (packed.len() < body.len()).then(|| packed.into())
}

const VERSIONS: HeaderName = HeaderName::from_static("ms-asprotocolversions");
const COMMANDS: HeaderName = HeaderName::from_static("ms-asprotocolcommands");
const RENEWAL: HeaderName = HeaderName::from_static("x-ms-rp");
const SERVER: HeaderName = HeaderName::from_static("ms-server-activesync");
/// MS-ASHTTP §2.2.2.1.2.5: a free string. Clients read versions of Exchange from it, and this is the one that speaks
/// 14.1 at most.
const SERVER_VERSION: &str = "14.3";
/// Smaller bodies are sent as they are: a response of one packet gains nothing.
const WORTH_PACKING: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// MS-ASCMD §2.2.1.10.1.
    #[test]
    fn parts_lie_where_the_table_says() {
        let parts = [
            Bytes::from_static(b"abc"),
            Bytes::new(),
            Bytes::from_static(b"de"),
        ];
        let body = multipart(b"document", &parts).unwrap();
        let number = |at: usize| u32::from_le_bytes(body[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!(number(0), 4);
        let part = |n: usize| {
            let offset = number(4 + 8 * n);
            &body[offset..offset + number(8 + 8 * n)]
        };
        assert_eq!(part(0), b"document");
        assert_eq!(part(1), b"abc");
        assert_eq!(part(2), b"");
        assert_eq!(part(3), b"de");
        assert_eq!(body.len(), 4 + 8 * 4 + 13);
    }

    #[test]
    fn a_body_that_does_not_shrink_is_sent_as_it_is() {
        let mut noise = vec![0; 2000];
        let mut state = 1_u64;
        for byte in &mut noise {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (state >> 56) as u8;
        }
        assert!(pack(&noise).is_none());
        assert!(pack(&[7; 2000]).is_some_and(|packed| packed.len() < 100));
    }
}
