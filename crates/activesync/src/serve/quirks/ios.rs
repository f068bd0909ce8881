//! iOS Mail (B1 to B5).

use fieldpost_mailbox::SpecialUse;

use crate::testing::{
    Fixture, Phone, ask,
    collection::{Sync, deliver, mail},
    text_of, texts_of, wbxml,
};

fn ping(folder: u64) -> String {
    format!(
        "<ping:Ping><ping:HeartbeatInterval>900</ping:HeartbeatInterval><ping:Folders><ping:Folder><ping:Id>{folder}</ping:Id><ping:Class>Email</ping:Class></ping:Folder></ping:Folders></ping:Ping>"
    )
}

/// FolderSync often, one Sync a collection, and Ping for push, all with one policy key.
#[tokio::test]
async fn b1_ping_is_push() {
    let fixture = Fixture::new().await;
    let phone = Phone::new(&fixture, "ApplDNPXXXX", "14.1").await;
    let folders = "<folderhierarchy:FolderSync><folderhierarchy:SyncKey>0</folderhierarchy:SyncKey></folderhierarchy:FolderSync>";
    let folders = phone.ask("FolderSync", folders).await.xml();
    // It shows no mail unless there are these.
    let types = texts_of(&folders, "folderhierarchy:Type");
    for needed in ["2", "4", "5", "8", "9"] {
        assert_eq!(types.iter().filter(|kind| *kind == needed).count(), 1);
    }
    let hierarchy_key = text_of(&folders, "folderhierarchy:SyncKey");
    let mailbox = fixture.mailbox("alice").await;
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id.0;
    let mut sync = Sync::of(phone, inbox).await;
    sync.go("").await;
    for number in 0..3 {
        let pinging = ping(inbox);
        let waiting = sync.phone.ask("Ping", &pinging);
        let arrival = async {
            while fixture.service.waiting() == 0 {
                tokio::task::yield_now().await;
            }
            deliver(&fixture, &mail(&number.to_string())).await;
        };
        let (pushed, ()) = tokio::join!(waiting, arrival);
        let pushed = pushed.xml();
        assert_eq!(text_of(&pushed, "ping:Status"), "2");
        assert_eq!(text_of(&pushed, "ping:Folder"), inbox.to_string());
        let again = format!(
            "<folderhierarchy:FolderSync><folderhierarchy:SyncKey>{hierarchy_key}</folderhierarchy:SyncKey></folderhierarchy:FolderSync>"
        );
        let again = sync.phone.ask("FolderSync", &again).await.xml();
        assert_eq!(text_of(&again, "folderhierarchy:Count"), "0");
        assert_eq!(
            texts_of(&sync.go("").await, "email:Subject"),
            [number.to_string()]
        );
    }
}

#[tokio::test]
async fn b2_an_empty_list_of_collections_is_never_sent() {
    for version in ["12.1", "14.0", "14.1"] {
        let fixture = Fixture::new().await;
        let mut sync = Sync::new(&fixture, "d1", version, SpecialUse::Inbox).await;
        sync.go("").await;
        let answer = sync.phone.ask("Sync", &sync.request("")).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.is_empty());
    }
}

#[tokio::test]
async fn b3_an_unknown_collection_is_status_12() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    sync.folder = 4711;
    assert_eq!(text_of(&sync.lose("").await, "airsync:Status"), "12");
}

/// A Ping that says 2 where a Sync then tells nothing makes the phone ask every second.
#[tokio::test(start_paused = true)]
async fn b4_ping_keeps_still_where_a_sync_would_tell_nothing() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    deliver(&fixture, &mail("one")).await;
    let three_days =
        "<airsync:Options><airsync:FilterType>2</airsync:FilterType></airsync:Options>";
    let id = text_of(&sync.go(three_days).await, "airsync:ServerId");
    let mailbox = fixture.mailbox("alice").await;
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
    // Its own change.
    let own = format!(
        "<airsync:Commands><airsync:Change><airsync:ServerId>{id}</airsync:ServerId><airsync:ApplicationData><email:Read>1</email:Read></airsync:ApplicationData></airsync:Change></airsync:Commands>"
    );
    sync.go(&own).await;
    // Mail that is too old for it.
    let mut incoming = fixture
        .mailboxes
        .receive(mailbox.account(), None)
        .await
        .unwrap();
    incoming.write(mail("old").into()).await.unwrap();
    let mut old = fieldpost_mailbox::NewItem::new(incoming.finish().await.unwrap());
    old.internal_date = Some(1_000_000_000);
    mailbox.append(inbox, &old).await.unwrap();
    // What comes and goes.
    let uid = deliver(&fixture, &mail("brief")).await;
    let all = fieldpost_mailbox::Expunge::All;
    let uids = [uid].into_iter().collect();
    mailbox.expunge(inbox, &uids, all).await.unwrap();
    let answer = sync.phone.ask("Ping", &ping(inbox.0)).await.xml();
    assert_eq!(text_of(&answer, "ping:Status"), "1");
    assert_eq!(sync.go("").await, "");
}

/// Somebody lets the phone begin anew: the next Ping brings it to do so.
#[tokio::test(start_paused = true)]
async fn b4_a_phone_that_is_to_begin_anew_hears_so_by_ping() {
    let fixture = Fixture::new().await;
    let phone = Phone::new(&fixture, "d1", "14.1").await;
    let folders = "<folderhierarchy:FolderSync><folderhierarchy:SyncKey>0</folderhierarchy:SyncKey></folderhierarchy:FolderSync>";
    let folders = phone.ask("FolderSync", folders).await.xml();
    let hierarchy_key = text_of(&folders, "folderhierarchy:SyncKey");
    let mailbox = fixture.mailbox("alice").await;
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
    let mut sync = Sync::of(phone, inbox.0).await;
    deliver(&fixture, &mail("one")).await;
    sync.go("").await;
    let device = fieldpost_mailbox::DeviceId::new("d1").unwrap();
    mailbox.forget_states(&device, Some(inbox)).await.unwrap();
    let answer = sync.phone.ask("Ping", &ping(inbox.0)).await.xml();
    assert_eq!(text_of(&answer, "ping:Status"), "2");
    assert_eq!(text_of(&sync.lose("").await, "airsync:Status"), "3");
    mailbox.forget_states(&device, None).await.unwrap();
    let answer = sync.phone.ask("Ping", &ping(inbox.0)).await.xml();
    assert_eq!(text_of(&answer, "ping:Status"), "7");
    let again = format!(
        "<folderhierarchy:FolderSync><folderhierarchy:SyncKey>{hierarchy_key}</folderhierarchy:SyncKey></folderhierarchy:FolderSync>"
    );
    let again = sync.phone.ask("FolderSync", &again).await.xml();
    assert_eq!(text_of(&again, "folderhierarchy:Status"), "9");
}

/// Also a Ping or a Sync that waits already is woken, though nothing in the folder has changed.
#[tokio::test(start_paused = true)]
async fn b4_a_phone_that_is_to_begin_anew_does_not_wait_for_the_next_mail() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    sync.go("").await;
    let folder = fieldpost_mailbox::FolderId(sync.folder);
    let device = fieldpost_mailbox::DeviceId::new("d1").unwrap();
    let mailbox = fixture.mailbox("alice").await;
    let began = tokio::time::Instant::now();
    let forget = async || {
        while fixture.service.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        mailbox.forget_states(&device, Some(folder)).await.unwrap();
    };
    deliver(&fixture, &mail("one")).await;
    sync.go("").await;
    let ping = ping(sync.folder);
    let (answer, ()) = tokio::join!(sync.phone.ask("Ping", &ping), forget());
    assert_eq!(text_of(&answer.xml(), "ping:Status"), "2");
    sync.key = "0".into();
    sync.go("").await;
    sync.go("").await;
    let wait = sync.request("").replace(
        "</airsync:Collections>",
        "</airsync:Collections><airsync:HeartbeatInterval>600</airsync:HeartbeatInterval>",
    );
    let (answer, ()) = tokio::join!(sync.phone.ask("Sync", &wait), forget());
    assert_eq!(text_of(&answer.xml(), "airsync:Status"), "3");
    assert!(began.elapsed() < std::time::Duration::from_mins(1));
}

/// iOS takes no policy whose key is 0: the one on offer has another as well.
#[tokio::test]
async fn b5_no_policy_key_is_0() {
    let fixture = Fixture::new().await;
    let mut seen = std::collections::HashSet::new();
    for number in 0..20 {
        let offer = ask("Provision")
            .device(&format!("p{number}"))
            .version("14.0")
            .body(wbxml("<provision:Provision><provision:Policies><provision:Policy><provision:PolicyType>MS-EAS-Provisioning-WBXML</provision:PolicyType></provision:Policy></provision:Policies></provision:Provision>"))
            .of(&fixture)
            .await
            .xml();
        let key = text_of(&offer, "provision:PolicyKey");
        assert_ne!(key, "0");
        seen.insert(key);
    }
    assert_eq!(seen.len(), 20);
}
