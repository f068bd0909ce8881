//! From replies and failures to responses.

use bytes::Bytes;
use fieldpost_wbxml::Command;
use flate2::read::GzDecoder;
use http_body_util::BodyExt as _;
use hyper::StatusCode;

use super::super::{answer, answer_failure};
use crate::reply::{Failure, Reply, status};

/// MS-ASHTTP_R197, R199, R201, R212 to R219, R412, R521, R522.
#[tokio::test]
async fn a_large_document_is_packed_for_who_wants_it() {
    let document: Vec<u8> = b"abc".repeat(1000);
    let parts = async |gzip| {
        let response = answer(Reply::Document(document.clone()), gzip).unwrap();
        let (parts, body) = response.into_parts();
        (parts.headers, body.collect().await.unwrap().to_bytes())
    };
    let (headers, body) = parts(false).await;
    assert!(!headers.contains_key("content-encoding"));
    assert_eq!(body, document);
    let (headers, body) = parts(true).await;
    assert_eq!(headers["content-encoding"], "gzip");
    assert_eq!(headers["content-length"], body.len().to_string());
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut GzDecoder::new(&body[..]), &mut unpacked).unwrap();
    assert_eq!(unpacked, document);
    let small = answer(Reply::Document(vec![0; 1024]), true).unwrap();
    assert!(!small.headers().contains_key("content-encoding"));
}

/// MS-ASHTTP_R220, R212; MS-ASCMD §2.2.1.10.1.
#[tokio::test]
async fn each_reply_has_its_type() {
    let of = |reply| {
        let response = answer(reply, false).unwrap();
        let get = |name| {
            let value = response.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        (get("content-type"), get("content-length").unwrap())
    };
    assert_eq!(of(Reply::Empty), (None, "0".into()));
    assert_eq!(
        of(Reply::Multipart(
            vec![1; 3],
            vec![Bytes::from_static(b"ab")]
        )),
        (
            Some("application/vnd.ms-sync.multipart".into()),
            "25".into()
        )
    );
    assert_eq!(
        of(Reply::Attachment(
            "image/png".into(),
            Bytes::from_static(b"x")
        )),
        (Some("image/png".into()), "1".into())
    );
    // A type out of a mail that can stand in no header.
    assert_eq!(
        of(Reply::Attachment(
            "image/png\r\nX: y".into(),
            Bytes::from_static(b"x")
        ))
        .0,
        Some("application/octet-stream".into())
    );
}

/// MS-ASHTTP_R175 to R192 as far as statuses become them; reference 1.5: none of 100 or above below 14.0.
#[test]
fn below_14_0_http_tells_what_statuses_tell_later() {
    use fieldpost_wbxml::Version;
    let of = |failure: Failure, version| {
        let response = answer_failure(&failure, Some(Command::Sync), Some(version)).unwrap();
        let retry = response.headers().get("retry-after").cloned();
        (
            response.status().as_u16(),
            retry.map(|value| value.to_str().unwrap().to_owned()),
        )
    };
    for (code, http) in [
        (status::NOT_PROVISIONED, 449),
        (status::TOO_MANY_DEVICES, 403),
        (status::QUOTA, 507),
        (status::SERVER_ERROR, 500),
        (status::INVALID_WBXML, 400),
        (status::COMMAND_NOT_SUPPORTED, 501),
        (3, 200),
    ] {
        assert_eq!(of(Failure::Status(code), Version::V12_1).0, http, "{code}");
        assert_eq!(of(Failure::Status(code), Version::V14_0).0, 200, "{code}");
    }
    let later = Failure::RetryAfter(status::SERVER_ERROR_RETRY, 30);
    assert_eq!(of(later.clone(), Version::V12_1), (503, Some("30".into())));
    assert_eq!(of(later, Version::V14_1), (200, Some("30".into())));
    // There is no document for these.
    let failure = Failure::Status(status::COMMAND_NOT_SUPPORTED);
    let response = answer_failure(&failure, Some(Command::GetHierarchy), Some(Version::V14_1));
    assert_eq!(response.unwrap().status(), StatusCode::NOT_IMPLEMENTED);
    assert!(answer_failure(&Failure::Superseded, None, None).is_err());
}

/// MS-ASHTTP_R1104, R1202, R708, R800; client-quirks A16.
#[test]
fn who_begins_anew_is_told_the_versions_a16() {
    let mut response = answer(Reply::Empty, false).unwrap();
    crate::codec::response::add_renewal(&mut response);
    for name in ["x-ms-rp", "ms-asprotocolversions"] {
        assert_eq!(response.headers()[name], "12.1,14.0,14.1");
    }
    assert!(response.headers().contains_key("ms-asprotocolcommands"));
}
