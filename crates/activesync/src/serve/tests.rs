//! Whole requests against a service over a store in memory.

use hyper::StatusCode;

use crate::{
    Service,
    testing::{Fixture, ask},
};

/// MS-ASHTTP_R15, MS-ASHTTP_R237.
#[test]
fn the_path_is_known_in_any_case_and_with_a_slash() {
    for mine in [
        "/Microsoft-Server-ActiveSync",
        "/microsoft-server-activesync/",
    ] {
        assert!(Service::is_mine(mine), "{mine}");
    }
    for other in ["/", "", "/Microsoft-Server-ActiveSync//", "/x"] {
        assert!(!Service::is_mine(other), "{other}");
    }
}

/// MS-ASHTTP_R319, R1107, R247, R249, R459 to R461: each header once.
#[tokio::test]
async fn options_tells_versions_and_commands() {
    let fixture = Fixture::new().await;
    let mut options = ask("");
    options.method = "OPTIONS";
    let answer = options.query("").of(&fixture).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("ms-asprotocolversions"), "12.1,14.0,14.1");
    assert!(answer.header("ms-asprotocolcommands").starts_with("Sync,"));
    assert_eq!(answer.header("allow"), "OPTIONS,POST");
    assert_eq!(answer.header("content-length"), "0");
    assert!(!answer.headers.contains_key("content-type"));
    for name in ["ms-asprotocolversions", "ms-asprotocolcommands", "allow"] {
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{name}");
    }
    assert!(
        fixture
            .mailbox("alice")
            .await
            .devices()
            .await
            .unwrap()
            .is_empty()
    );
}

/// MS-ASHTTP_R1: a command gets through to whoever carries it out.
#[tokio::test]
async fn a_command_reaches_its_file() {
    let fixture = Fixture::new().await;
    let answer = ask("ResolveRecipients").of(&fixture).await;
    assert_eq!(
        answer.xml(),
        "<resolverecipients:ResolveRecipients><resolverecipients:Status>137</resolverecipients:Status></resolverecipients:ResolveRecipients>"
    );
    let device = fixture.device("d1").await.unwrap();
    assert_eq!(
        (
            device.kind.as_str(),
            device.user_agent.as_str(),
            device.version.as_str()
        ),
        ("Phone", "Test/1", "14.1")
    );
    assert_eq!(device.traces.len(), 1);
}
