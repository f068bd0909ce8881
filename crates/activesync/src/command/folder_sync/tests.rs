//! Conversations about the list of folders.

use fieldpost_mailbox::{FolderId, FolderKind, NewFolder};

use crate::testing::{Fixture, Phone, text_of};

/// One FolderSync; takes the new key.
async fn go(phone: &Phone<'_>, key: &mut String) -> String {
    let xml = format!(
        "<folderhierarchy:FolderSync><folderhierarchy:SyncKey>{key}</folderhierarchy:SyncKey></folderhierarchy:FolderSync>"
    );
    let answer = phone.ask("FolderSync", &xml).await.xml();
    *key = text_of(&answer, "folderhierarchy:SyncKey");
    answer
}

/// Notes came with 14.0 (MS-ASCMD §2.2.3.186.3): an older client hears neither of their coming nor of their going, and hears of
/// them when it has learnt 14.0.
#[tokio::test]
async fn a_phone_at_12_1_never_hears_of_notes() {
    let fixture = Fixture::new().await;
    let mut phone = Phone::new(&fixture, "d1", "12.1").await;
    let mut key = "0".to_owned();
    let first = go(&phone, &mut key).await;
    assert!(!first.contains("<folderhierarchy:Type>10<"), "{first}");
    let mailbox = fixture.mailbox("alice").await;
    let new = NewFolder {
        parent: None,
        name: "Slips".into(),
        kind: FolderKind::Notes,
    };
    let slips = mailbox.create_folder(&new).await.unwrap().id;
    assert_eq!(
        text_of(&go(&phone, &mut key).await, "folderhierarchy:Count"),
        "0"
    );
    mailbox.delete_folder(slips).await.unwrap();
    assert_eq!(
        text_of(&go(&phone, &mut key).await, "folderhierarchy:Count"),
        "0"
    );
    phone.version = "14.1";
    let learnt = go(&phone, &mut key).await;
    assert_eq!(text_of(&learnt, "folderhierarchy:Type"), "10");
}

/// A phone hears nothing of a folder whose making it lost the answer to and that is gone again. A Ping then must not say
/// that the list has changed.
#[tokio::test(start_paused = true)]
async fn a_folder_that_came_and_went_behind_a_lost_response_is_no_change_for_ping() {
    let fixture = Fixture::new().await;
    let phone = Phone::new(&fixture, "d1", "14.1").await;
    let mut key = "0".to_owned();
    go(&phone, &mut key).await;
    let create = format!(
        "<folderhierarchy:FolderCreate><folderhierarchy:SyncKey>{key}</folderhierarchy:SyncKey><folderhierarchy:ParentId>0</folderhierarchy:ParentId><folderhierarchy:DisplayName>New</folderhierarchy:DisplayName><folderhierarchy:Type>12</folderhierarchy:Type></folderhierarchy:FolderCreate>"
    );
    let lost = phone.ask("FolderCreate", &create).await.xml();
    let made = text_of(&lost, "folderhierarchy:ServerId").parse().unwrap();
    let mailbox = fixture.mailbox("alice").await;
    mailbox.delete_folder(FolderId(made)).await.unwrap();
    let again = go(&phone, &mut key).await;
    assert_eq!(text_of(&again, "folderhierarchy:Count"), "0");
    let ping = "<ping:Ping><ping:HeartbeatInterval>60</ping:HeartbeatInterval><ping:Folders><ping:Folder><ping:Id>1</ping:Id><ping:Class>Email</ping:Class></ping:Folder></ping:Folders></ping:Ping>";
    let answer = phone.ask("Ping", ping).await.xml();
    assert_eq!(text_of(&answer, "ping:Status"), "1");
}
