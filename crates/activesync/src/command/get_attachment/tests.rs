//! Conversations about attachments below 14.0.

use fieldpost_mailbox::SpecialUse;

use crate::testing::{
    Answer, Fixture,
    collection::{Sync, deliver},
    text_of,
};

const WITH_ATTACHMENT: &str = "From: x@demo.test\r\nSubject: a\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\ntext\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=a.png\r\n\r\niVBORw0KGgo=\r\n--b--\r\n";

async fn load(sync: &Sync<'_>, name: &str) -> Answer {
    let asking = sync.phone.asking("GetAttachment", "");
    let query = format!("{}&AttachmentName={name}", asking.query);
    asking.query(&query).of(sync.phone.fixture).await
}

/// MS-ASCMD_R157, R162, R164: its bytes, and its own content type; R166: 500 for one that is gone.
#[tokio::test]
async fn an_attachment_comes_as_it_is() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "12.1", SpecialUse::Inbox).await;
    let uid = deliver(&fixture, WITH_ATTACHMENT).await;
    let added = sync.go("").await;
    assert_eq!(text_of(&added, "airsyncbase:DisplayName"), "a.png");
    let reference = text_of(&added, "airsyncbase:FileReference");
    // Some clients encode it twice.
    for name in [reference.clone(), reference.replace(':', "%253a")] {
        let answer = load(&sync, &name).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "image/png");
        assert_eq!(&answer.body[..], b"\x89PNG\r\n\x1a\n");
    }
    for bad in ["", "x", "1", "1:1:99", "1:1:1:1", "-1:1:1"] {
        assert_eq!(load(&sync, bad).await.status, 500, "{bad}");
    }
    assert_eq!(
        sync.phone.ask("GetAttachment", "").await.status,
        400,
        "no name at all"
    );
    let mailbox = fixture.mailbox("alice").await;
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
    let uids = [uid].into_iter().collect();
    let all = fieldpost_mailbox::Expunge::All;
    mailbox.expunge(inbox, &uids, all).await.unwrap();
    assert_eq!(load(&sync, &reference).await.status, 500);
}

/// MS-ASCMD_R6021, R6022.
#[tokio::test]
async fn later_versions_know_no_such_command() {
    let fixture = Fixture::new().await;
    for version in ["14.0", "14.1"] {
        let sync = Sync::new(&fixture, "d1", version, SpecialUse::Inbox).await;
        assert_eq!(load(&sync, "1:1:1").await.status, 501, "{version}");
    }
}
