//! Android's own mail program and what was made of it (C1 to C7).

use fieldpost_mailbox::SpecialUse;

use crate::{
    Settings,
    testing::{
        Fixture, Phone, ask,
        collection::{Sync, deliver, mail},
        text_of, wbxml,
    },
};

#[tokio::test]
async fn c1_a_look_whether_there_is_a_server_makes_no_device() {
    let fixture = Fixture::new().await;
    let folders = ask("FolderSync")
        .device("validate")
        .body(wbxml("<folderhierarchy:FolderSync><folderhierarchy:SyncKey>0</folderhierarchy:SyncKey></folderhierarchy:FolderSync>"))
        .of(&fixture)
        .await;
    assert_eq!(text_of(&folders.xml(), "folderhierarchy:Status"), "6");
    let offer = ask("Provision")
        .device("validate")
        .version("14.0")
        .body(wbxml("<provision:Provision><provision:Policies><provision:Policy><provision:PolicyType>MS-EAS-Provisioning-WBXML</provision:PolicyType></provision:Policy></provision:Policies></provision:Provision>"))
        .of(&fixture)
        .await
        .xml();
    assert_eq!(text_of(&offer, "provision:Status"), "1");
    assert!(fixture.device("validate").await.is_none());
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

#[tokio::test(start_paused = true)]
async fn c2_ping_needs_no_policy_key_and_waits_8_to_28_minutes() {
    let fixture = Fixture::with(Settings {
        require_policy: true,
        ..Settings::default()
    })
    .await;
    let mut sync = Sync::new(&fixture, "androidc1", "14.1", SpecialUse::Inbox).await;
    sync.go("").await;
    for minutes in [8, 13, 28] {
        let ping = format!(
            "<ping:Ping><ping:HeartbeatInterval>{}</ping:HeartbeatInterval><ping:Folders><ping:Folder><ping:Id>{}</ping:Id><ping:Class>Email</ping:Class></ping:Folder></ping:Folders></ping:Ping>",
            minutes * 60,
            sync.folder
        );
        let begin = tokio::time::Instant::now();
        let answer = sync
            .phone
            .asking("Ping", &ping)
            .without("x-ms-policykey")
            .of(&fixture)
            .await;
        assert_eq!(text_of(&answer.xml(), "ping:Status"), "1");
        assert_eq!(begin.elapsed().as_secs(), minutes * 60);
    }
}

#[tokio::test]
async fn c3_the_device_tells_of_itself_after_provision() {
    for version in ["12.1", "14.0"] {
        let fixture = Fixture::new().await;
        let phone = Phone::new(&fixture, "androidc1", version).await;
        let answer = phone
            .ask("Settings", "<settings:Settings><settings:DeviceInformation><settings:Set><settings:Model>Nexus</settings:Model><settings:OS>Android 6</settings:OS></settings:Set></settings:DeviceInformation></settings:Settings>")
            .await;
        assert_eq!(text_of(&answer.xml(), "settings:Status"), "1");
        let device = fixture.device("androidc1").await.unwrap();
        assert_eq!(device.about.model, "Nexus");
        assert_eq!(device.about.os, "Android 6");
    }
}

/// What the phone did goes up alone, and what happened meanwhile comes with the next Sync that asks for it.
#[tokio::test]
async fn c4_what_goes_up_without_get_changes_brings_nothing_down() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "androidc1", "14.0", SpecialUse::Inbox).await;
    deliver(&fixture, &mail("one")).await;
    let id = text_of(&sync.go("").await, "airsync:ServerId");
    deliver(&fixture, &mail("two")).await;
    let up = format!(
        "<airsync:GetChanges>0</airsync:GetChanges><airsync:Commands><airsync:Change><airsync:ServerId>{id}</airsync:ServerId><airsync:ApplicationData><email:Read>1</email:Read></airsync:ApplicationData></airsync:Change></airsync:Commands>"
    );
    for _ in 0..2 {
        let answer = sync.go(&up).await;
        assert_eq!(text_of(&answer, "airsync:Status"), "1");
        assert!(!answer.contains("airsync:Commands"), "{answer}");
        assert!(!answer.contains("MoreAvailable"), "{answer}");
    }
    assert_eq!(text_of(&sync.go("").await, "email:Subject"), "two");
}

#[tokio::test]
async fn c5_a_calendar_is_asked_for_ten_at_a_time() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "androidc1", "14.0", SpecialUse::Calendar).await;
    let answer = sync
        .go("<airsync:WindowSize>10</airsync:WindowSize><airsync:Options><airsync:FilterType>4</airsync:FilterType></airsync:Options>")
        .await;
    assert_eq!(text_of(&answer, "airsync:Status"), "1");
    assert_eq!(sync.go("").await, "");
}

/// It does not hear a 4 of GetItemEstimate and never begins anew; a 3 of Sync it hears.
#[tokio::test]
async fn c6_an_estimate_for_a_lost_key_sends_android_to_sync() {
    let fixture = Fixture::new().await;
    let sync = Sync::new(&fixture, "androidc1", "14.0", SpecialUse::Inbox).await;
    let estimate = format!(
        "<getitemestimate:GetItemEstimate><getitemestimate:Collections><getitemestimate:Collection><airsync:SyncKey>1234567890abcdef-5</airsync:SyncKey><getitemestimate:CollectionId>{}</getitemestimate:CollectionId></getitemestimate:Collection></getitemestimate:Collections></getitemestimate:GetItemEstimate>",
        sync.folder
    );
    for (kind, status) in [("Android", "1"), ("iPhone", "4")] {
        let asking = sync.phone.asking("GetItemEstimate", &estimate);
        let query = asking
            .query
            .replace("DeviceType=Phone", &format!("DeviceType={kind}"));
        let answer = asking.query(&query).of(&fixture).await.xml();
        assert_eq!(text_of(&answer, "getitemestimate:Status"), status);
        if kind == "Android" {
            assert_eq!(text_of(&answer, "getitemestimate:Estimate"), "1");
        }
    }
}

/// It waits for an outbox that is not there, and for folders that it never asked for; and names none at times.
#[tokio::test(start_paused = true)]
async fn c7_what_can_not_change_is_no_error() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "androidc1", "14.0", SpecialUse::Inbox).await;
    sync.go("").await;
    deliver(&fixture, &mail("in a folder that is not asked for")).await;
    let calendar = fixture.mailbox("alice").await;
    let calendar = calendar.special(SpecialUse::Calendar).await.unwrap().id;
    let list: String = ["outbox", "4711", &calendar.to_string()]
        .map(|id| {
            format!(
                "<ping:Folder><ping:Id>{id}</ping:Id><ping:Class>Email</ping:Class></ping:Folder>"
            )
        })
        .concat();
    let ping = format!(
        "<ping:Ping><ping:HeartbeatInterval>480</ping:HeartbeatInterval><ping:Folders>{list}</ping:Folders></ping:Ping>"
    );
    let answer = sync.phone.ask("Ping", &ping).await.xml();
    assert_eq!(text_of(&answer, "ping:Status"), "1");
    // An outbox alone is not the list of before.
    sync.phone
        .ask(
            "Ping",
            &ping.replace(&list, &list.replace("outbox", &sync.folder.to_string())),
        )
        .await;
    let outbox = ping.replace(
        &list,
        "<ping:Folder><ping:Id>outbox</ping:Id><ping:Class>Email</ping:Class></ping:Folder>",
    );
    let answer = sync.phone.ask("Ping", &outbox).await.xml();
    assert_eq!(text_of(&answer, "ping:Status"), "1");
    sync.phone.ask("Ping", &ping).await;
    let none = "<ping:Ping><ping:HeartbeatInterval>480</ping:HeartbeatInterval><ping:Folders/></ping:Ping>";
    let answer = sync.phone.ask("Ping", none).await.xml();
    assert_eq!(text_of(&answer, "ping:Status"), "1");
}
