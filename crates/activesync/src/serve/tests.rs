//! Whole requests against a service over a store in memory.

mod body;
mod reply;

use std::io::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fieldpost_directory::{AccountUpdate, Protocol, Protocols};
use fieldpost_wbxml::tags;
use flate2::{Compression, write::GzEncoder};
use hyper::StatusCode;

use crate::{
    Origin, Service, Settings,
    reply::status,
    testing::{Answer, Asking, Fixture, PASSWORD, SECURE, ask, within},
};

/// What stands in the root's Status.
fn status_of(answer: &Answer) -> u16 {
    let xml = answer.xml();
    let (_, rest) = xml.split_once("Status>").unwrap();
    rest.split_once('<').unwrap().0.parse().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A Settings request, which tells whether a document arrived whole.
fn settings() -> Asking {
    ask("Settings").document(|out| {
        within(out, tags::settings::SETTINGS, |out| {
            within(out, tags::settings::USER_INFORMATION, |out| {
                out.empty(tags::settings::GET);
            });
        });
    })
}

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

/// MS-ASHTTP_R319, R1107, R247, R249, R459 to R461, R2371: each header once.
#[tokio::test]
async fn options_tells_versions_and_commands() {
    let fixture = Fixture::new().await;
    let options = || {
        let mut asking = ask("").query("");
        asking.method = "OPTIONS";
        asking
    };
    let answer = options().of(&fixture).await;
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
    let mut nobody = options();
    nobody.user = "";
    assert_eq!(nobody.of(&fixture).await.status, StatusCode::UNAUTHORIZED);
}

/// MS-ASHTTP_R1: a command gets through to whoever carries it out.
#[tokio::test]
async fn a_command_reaches_its_file() {
    let fixture = Fixture::new().await;
    let answer = ask("ResolveRecipients").of(&fixture).await;
    assert_eq!(status_of(&answer), status::COMMAND_NOT_SUPPORTED);
    assert_eq!(
        answer.header("content-type"),
        "application/vnd.ms-sync.wbxml"
    );
    assert_eq!(answer.header("cache-control"), "private");
    let below = ask("ResolveRecipients").version("12.1").of(&fixture).await;
    assert_eq!(
        (below.status, below.body.len()),
        (StatusCode::NOT_IMPLEMENTED, 0)
    );
}

/// MS-ASHTTP_R187, MS-ASHTTP_R443.
#[tokio::test]
async fn other_methods_are_refused_before_anybody_signs_in() {
    let fixture = Fixture::new().await;
    for (method, expected) in [
        ("GET", 405),
        ("HEAD", 405),
        ("PUT", 501),
        ("DELETE", 501),
        ("PROPFIND", 501),
    ] {
        let mut asking = settings();
        (asking.method, asking.user) = (method, "");
        let answer = asking.of(&fixture).await;
        assert_eq!(answer.status.as_u16(), expected, "{method}");
        assert_eq!(answer.header("allow"), "OPTIONS,POST");
    }
}

/// MS-ASHTTP_R128, R178, R523.
#[tokio::test]
async fn wrong_credentials_are_asked_for_again() {
    let fixture = Fixture::new().await;
    for authorization in [
        None,
        Some("Basic".to_owned()),
        Some(format!(
            "Basic {}",
            STANDARD.encode("alice@demo.test:wrong")
        )),
        Some(format!(
            "Basic {}",
            STANDARD.encode(format!("nobody:{PASSWORD}"))
        )),
        Some("Bearer abc".to_owned()),
    ] {
        let mut asking = settings();
        asking.user = "";
        if let Some(authorization) = &authorization {
            asking = asking.header("authorization", authorization);
        }
        let answer = asking.of(&fixture).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{authorization:?}");
        assert_eq!(
            answer.header("www-authenticate"),
            "Basic realm=\"localhost\""
        );
    }
}

/// MS-ASHTTP_R180.
#[tokio::test]
async fn who_may_not_is_forbidden() {
    let fixture = Fixture::new().await;
    let id = fixture.directory.resolve("alice@demo.test").unwrap();
    let without = Protocols::ALL.without(Protocol::ActiveSync);
    for update in [
        AccountUpdate {
            protocols: Some(without),
            ..AccountUpdate::default()
        },
        AccountUpdate {
            enabled: Some(false),
            ..AccountUpdate::default()
        },
    ] {
        fixture.directory.set(id, update).await.unwrap();
        assert_eq!(settings().of(&fixture).await.status, StatusCode::FORBIDDEN);
    }
}

/// Fault 3: the password of a connection that others read is not looked at, right or wrong.
#[tokio::test]
async fn no_password_is_taken_in_the_open_fault_3() {
    let fixture = Fixture::new().await;
    let open = Origin {
        peer: "192.0.2.1".parse().ok(),
        secure: false,
        ..SECURE
    };
    let answer = fixture.try_send(settings().build(), open).await.unwrap();
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(fixture.device("d1").await.is_none());
}

/// MS-ASHTTP_R273, R287, R190.
#[tokio::test]
async fn who_guesses_is_told_to_come_later() {
    let fixture = Fixture::new().await;
    let mut last = None;
    for guess in 0..50 {
        // Another one each time: the same again is a phone that was not told of a new password, and no guess.
        let wrong = format!(
            "Basic {}",
            STANDARD.encode(format!("alice@demo.test:{guess}"))
        );
        let mut asking = settings().header("authorization", &wrong);
        asking.user = "";
        let answer = asking.of(&fixture).await;
        if answer.status != StatusCode::UNAUTHORIZED {
            last = Some(answer);
            break;
        }
    }
    let answer = last.expect("guessing is slowed down");
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
}

/// Fault 40; MS-ASHTTP_R90.
#[tokio::test]
async fn the_query_must_name_who_has_signed_in_fault_40() {
    let fixture = Fixture::new().await;
    let user = |user: &str| {
        settings().query(&format!(
            "Cmd=Settings&User={user}&DeviceId=d1&DeviceType=t"
        ))
    };
    for same in [
        "alice",
        "ALICE%40demo.test",
        "alice@demo.test",
        "demo%5Calice",
        "demo.test%5Calice",
        "",
    ] {
        assert_eq!(
            user(same).of(&fixture).await.status,
            StatusCode::OK,
            "{same}"
        );
    }
    for other in [
        "bob",
        "bob%40demo.test",
        "nobody",
        "alice%40other.test",
        "%00",
    ] {
        let answer = user(other).of(&fixture).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{other}");
    }
    let mut bob = user("robert");
    bob.user = "bob@demo.test";
    assert_eq!(bob.of(&fixture).await.status, StatusCode::OK, "an alias");
}

/// Fault 45; MS-ASCMD_R4827, R4828, 109; MS-ASHTTP_R176, R188.
#[tokio::test]
async fn what_is_no_query_and_no_device_is_refused_fault_45() {
    let fixture = Fixture::new().await;
    for query in ["", "!!!!", "jAAJBAp2MTQw"] {
        let answer = settings().query(query).of(&fixture).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
    for id in [
        "",
        "a%0Ab",
        "%3Cscript%3E",
        "a%20b",
        "..%2F..",
        &"x".repeat(65),
    ] {
        let query = format!("Cmd=Settings&User=alice&DeviceId={id}&DeviceType=t");
        let answer = settings().query(&query).of(&fixture).await;
        assert_eq!(status_of(&answer), status::DEVICE_ID, "{id}");
        let below = settings().query(&query).version("12.1").of(&fixture).await;
        assert_eq!(below.status, StatusCode::BAD_REQUEST, "{id}");
    }
    let no_type = settings().query("Cmd=Settings&User=alice&DeviceId=d1");
    assert_eq!(status_of(&no_type.of(&fixture).await), status::DEVICE_TYPE);
    let unknown = settings().query("Cmd=Nonsense&User=alice&DeviceId=d1&DeviceType=t");
    assert_eq!(
        unknown.of(&fixture).await.status,
        StatusCode::NOT_IMPLEMENTED
    );
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

/// MS-ASHTTP_R283, R158, R404, R23, R24; MS-ASCMD 138.
#[tokio::test]
async fn only_versions_that_are_spoken_are_taken() {
    let fixture = Fixture::new().await;
    for version in ["12.1", "14.0", "14.1"] {
        let answer = settings().version(version).of(&fixture).await;
        assert_eq!(answer.status, StatusCode::OK, "{version}");
        assert_eq!(fixture.device("d1").await.unwrap().version, version);
    }
    for version in ["1.0", "2.5", "12.0", "16.0", "16.1", "99", ""] {
        let answer = settings().version(version).of(&fixture).await;
        assert_eq!(
            answer.status,
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "{version}"
        );
    }
    let missing = settings()
        .without("ms-asprotocolversion")
        .of(&fixture)
        .await;
    assert_eq!(missing.status, StatusCode::HTTP_VERSION_NOT_SUPPORTED);
    // A base64 query has its own, whatever the header says.
    let query = |code: u8| {
        let bytes = [&[code, 17, 9, 4, 2][..], b"d1\x00\x05Phone"].concat();
        settings().query(&STANDARD.encode(bytes)).version("16.1")
    };
    assert_eq!(query(141).of(&fixture).await.status, StatusCode::OK);
    let answer = query(161).of(&fixture).await;
    assert_eq!(answer.status, StatusCode::HTTP_VERSION_NOT_SUPPORTED);
}

/// MS-ASHTTP_R105, R110, R411.
#[tokio::test]
async fn a_device_is_kept_and_written_only_when_there_is_news() {
    let fixture = Fixture::new().await;
    settings().of(&fixture).await;
    let first = fixture.device("d1").await.unwrap();
    assert_eq!(
        (
            first.kind.as_str(),
            first.user_agent.as_str(),
            first.version.as_str()
        ),
        ("Phone", "Test/1", "14.1")
    );
    fixture.pass(599);
    settings().of(&fixture).await;
    assert_eq!(fixture.device("d1").await.unwrap(), first, "not yet");
    fixture.pass(1);
    settings().of(&fixture).await;
    let later = fixture.device("d1").await.unwrap();
    assert_eq!(later.last_seen, first.last_seen + 600);
    let long = "x".repeat(300);
    settings().header("user-agent", &long).of(&fixture).await;
    let renamed = fixture.device("d1").await.unwrap();
    assert_eq!(renamed.user_agent, "x".repeat(96));
    fixture.pass(1);
    settings().header("user-agent", &long).of(&fixture).await;
    assert_eq!(
        fixture.device("d1").await.unwrap(),
        renamed,
        "the same again is no news"
    );
}

/// Fault 43: any number of ids; fault 39: an id of another user's device names a device of one's own.
#[tokio::test]
async fn a_user_has_so_many_devices_and_no_more_fault_43() {
    let fixture = Fixture::with(Settings {
        max_devices: 3,
        ..Settings::default()
    })
    .await;
    let requests = (0..10).map(|number| settings().device(&format!("d{number}")).of(&fixture));
    let answers = futures_util::future::join_all(requests).await;
    let let_in = answers
        .iter()
        .filter(|answer| status_of(answer) == 1)
        .count();
    assert_eq!(let_in, 3, "though they all came at once");
    let refused = answers
        .iter()
        .filter(|answer| status_of(answer) == status::TOO_MANY_DEVICES);
    assert_eq!(refused.count(), 7);
    let below = settings()
        .device("other")
        .version("12.1")
        .of(&fixture)
        .await;
    assert_eq!(below.status, StatusCode::FORBIDDEN);
    let mut bob = settings().query("Cmd=Settings&User=bob&DeviceId=d0&DeviceType=t");
    bob.user = "bob";
    assert_eq!(status_of(&bob.of(&fixture).await), 1);
    assert_eq!(
        fixture.mailbox("bob").await.devices().await.unwrap().len(),
        1
    );
    assert_eq!(
        fixture
            .mailbox("alice")
            .await
            .devices()
            .await
            .unwrap()
            .len(),
        3
    );
}

/// Client-quirks C1.
#[tokio::test]
async fn android_validates_without_a_device_c1() {
    let fixture = Fixture::new().await;
    let as_probe = |asking: Asking| asking.device("validate");
    assert_eq!(
        status_of(&as_probe(ask("FolderSync")).of(&fixture).await),
        6
    );
    assert_eq!(status_of(&as_probe(settings()).of(&fixture).await), 1);
    assert_eq!(
        status_of(&as_probe(ask("Sync")).of(&fixture).await),
        status::DEVICE_ID
    );
    let provision = as_probe(ask("Provision").version("14.0")).document(|out| {
        use tags::provision as p;
        within(out, p::PROVISION, |out| {
            within(out, p::POLICIES, |out| {
                within(out, p::POLICY, |out| {
                    out.text(p::POLICY_TYPE, "MS-EAS-Provisioning-WBXML");
                });
            });
        });
    });
    assert!(provision.of(&fixture).await.xml().contains("PolicyKey"));
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

#[tokio::test]
async fn failures_are_kept_with_the_device_but_not_each_of_a_flood() {
    let fixture = Fixture::new().await;
    for _ in 0..3 {
        ask("FolderSync").key(7).of(&fixture).await;
    }
    settings().of(&fixture).await;
    let traces = fixture.device("d1").await.unwrap().traces;
    let kept: Vec<_> = traces
        .iter()
        .map(|trace| (trace.command.as_str(), trace.status))
        .collect();
    assert_eq!(kept, [("FolderSync", status::INVALID_POLICY_KEY)]);
    fixture.pass(600);
    ask("FolderSync").key(7).of(&fixture).await;
    assert_eq!(fixture.device("d1").await.unwrap().traces.len(), 2);
}
