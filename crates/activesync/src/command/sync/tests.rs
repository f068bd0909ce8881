//! Conversations about mail.

use fieldpost_mailbox::{FlagUpdate, Flags, SpecialUse, UidSet, UpdateMode};

use crate::testing::{
    Fixture, Phone,
    collection::{PLAIN, Sync, deliver, mail},
    text_of, texts_of,
};

#[tokio::test]
async fn mail_comes_changes_and_goes_in_every_version() {
    for version in ["12.1", "14.0", "14.1"] {
        let fixture = Fixture::new().await;
        let mut sync = Sync::new(&fixture, "d1", version, SpecialUse::Inbox).await;
        deliver(&fixture, &mail("one")).await;
        let uid = deliver(&fixture, &mail("two")).await;
        let added = sync.go(PLAIN).await;
        assert_eq!(texts_of(&added, "email:Subject"), ["two", "one"], "{added}");
        assert_eq!(
            texts_of(&added, "airsyncbase:Data"),
            ["Text of two\r\n", "Text of one\r\n"]
        );
        assert_eq!(
            text_of(&added, "email:To"),
            "\"Adams, Alice\" &lt;alice@demo.test&gt;"
        );
        assert!(!added.contains("MoreAvailable"));
        // Nothing new: an empty response.
        assert_eq!(sync.go("").await, "");
        let mailbox = fixture.mailbox("alice").await;
        let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
        let seen = FlagUpdate::flags(UpdateMode::Add, Flags::SEEN | Flags::FLAGGED);
        let uids: UidSet = [uid].into_iter().collect();
        mailbox
            .update_flags(inbox, &uids, &seen, None)
            .await
            .unwrap();
        let changed = sync.go("").await;
        assert_eq!(text_of(&changed, "email:Read"), "1");
        assert_eq!(text_of(&changed, "email:Status"), "2");
        assert!(!changed.contains("email:Subject"), "{changed}");
        // The phone's own change is not told to it; others see it.
        let id = texts_of(&added, "airsync:ServerId");
        let own = format!(
            "<airsync:Commands><airsync:Change><airsync:ServerId>{}</airsync:ServerId><airsync:ApplicationData><email:Read>1</email:Read><email:Flag><email:Status>2</email:Status></email:Flag></airsync:ApplicationData></airsync:Change><airsync:Delete><airsync:ServerId>{}</airsync:ServerId></airsync:Delete></airsync:Commands>",
            id[1], id[0]
        );
        let lost = sync.lose(&own).await;
        assert!(
            !lost.contains("airsync:Responses") && !lost.contains("airsync:Commands"),
            "{lost}"
        );
        let again = sync.go(&own).await;
        assert!(!again.contains("airsync:Commands"), "{again}");
        assert_eq!(sync.go("").await, "");
        let view = mailbox.view(inbox).await.unwrap();
        assert_eq!(view.len(), 1);
        assert!(
            view.at(0)
                .unwrap()
                .flags
                .contains(Flags::SEEN | Flags::FLAGGED)
        );
        let trash = mailbox.special(SpecialUse::Trash).await.unwrap().id;
        assert_eq!(mailbox.view(trash).await.unwrap().len(), 1);
        // It leaves by another hand.
        mailbox
            .expunge(inbox, &UidSet::all(), fieldpost_mailbox::Expunge::All)
            .await
            .unwrap();
        let gone = sync.go("").await;
        assert!(
            gone.contains(&format!("<airsync:Delete><airsync:ServerId>{}", id[1])),
            "{gone}"
        );
    }
}

/// Client-quirks A1: the same key again gives an equivalent answer; MS-ASCMD_R4425: a key of nobody's is 3.
#[tokio::test]
async fn a_lost_response_is_given_again_and_a_strange_key_is_status_3() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    for number in 0..7 {
        deliver(&fixture, &mail(&number.to_string())).await;
    }
    let window = "<airsync:WindowSize>3</airsync:WindowSize>";
    let lost = sync.lose(window).await;
    deliver(&fixture, &mail("late")).await;
    let first = sync.go(window).await;
    assert_eq!(texts_of(&lost, "email:Subject").len(), 3);
    assert!(first.contains("<airsync:MoreAvailable/>"));
    let mut subjects = texts_of(&first, "email:Subject");
    loop {
        let next = sync.go(window).await;
        subjects.extend(texts_of(&next, "email:Subject"));
        if !next.contains("MoreAvailable") {
            break;
        }
    }
    subjects.sort();
    assert_eq!(subjects, ["0", "1", "2", "3", "4", "5", "6", "late"]);
    let good = std::mem::replace(&mut sync.key, "0123456789abcdef-7".into());
    assert_eq!(text_of(&sync.lose("").await, "airsync:Status"), "3");
    sync.key = good;
    assert_eq!(sync.go("").await, "");
}

/// MS-ASCMD_R673: an empty request repeats the last one as it was written; MS-ASCMD §2.2.3.177.17: 13 where there is none.
#[tokio::test]
async fn empty_and_partial_requests_repeat_the_last() {
    let fixture = Fixture::new().await;
    let phone = Phone::new(&fixture, "d2", "14.1").await;
    let none = phone.ask("Sync", "").await.xml();
    assert_eq!(text_of(&none, "airsync:Status"), "13");
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    sync.go(PLAIN).await;
    assert_eq!(sync.go("").await, "");
    let empty = sync.phone.ask("Sync", "").await;
    assert!(empty.body.is_empty());
    deliver(&fixture, &mail("x")).await;
    let added = sync.phone.ask("Sync", "").await.xml();
    assert_eq!(text_of(&added, "email:Subject"), "x");
    // The key written in it is the previous one now: the response was lost.
    let again = sync.phone.ask("Sync", "").await.xml();
    assert_eq!(text_of(&again, "email:Subject"), "x");
    let partial =
        "<airsync:Sync><airsync:WindowSize>5</airsync:WindowSize><airsync:Partial/></airsync:Sync>";
    let again = sync.phone.ask("Sync", partial).await.xml();
    assert_eq!(text_of(&again, "email:Subject"), "x");
}

/// Items of other classes can't be made yet, and are never silently dropped.
#[tokio::test]
async fn an_event_that_a_phone_makes_is_refused_aloud() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Calendar).await;
    let add = "<airsync:Commands><airsync:Add><airsync:ClientId>c1</airsync:ClientId><airsync:ApplicationData><calendar:Subject>s</calendar:Subject></airsync:ApplicationData></airsync:Add></airsync:Commands>";
    let refused = sync.go(add).await;
    assert!(
        refused.contains("<airsync:Add><airsync:ClientId>c1</airsync:ClientId><airsync:Status>6</airsync:Status></airsync:Add>"),
        "{refused}"
    );
}

/// MS-ASCMD_R3162, R4748 (both kinds of waiting: 4), R3227 to R3230 (out of range: 14 and the nearest).
#[tokio::test]
async fn waiting_has_bounds() {
    let fixture = Fixture::new().await;
    let sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    for (wait, status, limit) in [
        ("<airsync:Wait>0</airsync:Wait>", "14", "1"),
        ("<airsync:Wait>60</airsync:Wait>", "14", "59"),
        (
            "<airsync:HeartbeatInterval>59</airsync:HeartbeatInterval>",
            "14",
            "60",
        ),
        (
            "<airsync:HeartbeatInterval>1000000000</airsync:HeartbeatInterval>",
            "14",
            "3540",
        ),
        (
            "<airsync:Wait>5</airsync:Wait><airsync:HeartbeatInterval>60</airsync:HeartbeatInterval>",
            "4",
            "",
        ),
    ] {
        let request = sync
            .request("")
            .replace("</airsync:Sync>", &format!("{wait}</airsync:Sync>"));
        let answer = sync.phone.ask("Sync", &request).await.xml();
        assert_eq!(text_of(&answer, "airsync:Status"), status, "{wait}");
        if !limit.is_empty() {
            assert_eq!(text_of(&answer, "airsync:Limit"), limit, "{wait}");
        }
    }
}

/// A waiting Sync and a Ping are woken by a delivery, and only the newest of a device waits (client-quirks A6).
#[tokio::test]
async fn a_delivery_wakes_who_waits() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    sync.go(PLAIN).await;
    let request = sync.request("").replace(
        "</airsync:Sync>",
        "<airsync:HeartbeatInterval>3000</airsync:HeartbeatInterval></airsync:Sync>",
    );
    let waiting = sync.phone.ask("Sync", &request);
    let wake = async {
        while fixture.service.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        deliver(&fixture, &mail("wake")).await;
    };
    let (answer, ()) = tokio::join!(waiting, wake);
    assert_eq!(text_of(&answer.xml(), "email:Subject"), "wake");
    sync.key = text_of(&answer.xml(), "airsync:SyncKey");
    let ping = format!(
        "<ping:Ping><ping:HeartbeatInterval>600</ping:HeartbeatInterval><ping:Folders><ping:Folder><ping:Id>{}</ping:Id><ping:Class>Email</ping:Class></ping:Folder></ping:Folders></ping:Ping>",
        sync.folder
    );
    let older = fixture.try_send(
        sync.phone.asking("Ping", &ping).build(),
        crate::testing::SECURE,
    );
    let newer = async {
        while fixture.service.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let newer = sync.phone.ask("Ping", "");
        let wake = async {
            tokio::task::yield_now().await;
            deliver(&fixture, &mail("again")).await;
        };
        tokio::join!(newer, wake).0
    };
    let (older, newer) = tokio::join!(older, newer);
    assert!(older.is_err(), "the older Ping's connection is closed");
    let xml = newer.xml();
    assert_eq!(text_of(&xml, "ping:Status"), "2");
    assert_eq!(text_of(&xml, "ping:Folder"), sync.folder.to_string());
    // What is pending answers at once.
    assert_eq!(
        text_of(&sync.phone.ask("Ping", "").await.xml(), "ping:Status"),
        "2"
    );
    assert_eq!(fixture.service.waiting(), 0);
}

/// What a lost response told is not taken for known once there is nothing to tell any more: a Ping would say "changes" for
/// ever, and no Sync would tell any (client-quirks B4).
#[tokio::test(start_paused = true)]
async fn what_came_and_went_behind_a_lost_response_is_no_change_for_ping() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    sync.go("").await;
    deliver(&fixture, &mail("brief")).await;
    assert!(sync.lose("").await.contains("airsync:Add"));
    let mailbox = fixture.mailbox("alice").await;
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
    mailbox
        .expunge(inbox, &UidSet::all(), fieldpost_mailbox::Expunge::All)
        .await
        .unwrap();
    assert!(!sync.go("").await.contains("airsync:Commands"));
    let ping = format!(
        "<ping:Ping><ping:HeartbeatInterval>60</ping:HeartbeatInterval><ping:Folders><ping:Folder><ping:Id>{}</ping:Id><ping:Class>Email</ping:Class></ping:Folder></ping:Folders></ping:Ping>",
        sync.folder
    );
    let answer = sync.phone.ask("Ping", &ping).await.xml();
    assert_eq!(text_of(&answer, "ping:Status"), "1");
    assert_eq!(sync.go("").await, "");
}

/// What comes and goes unseen moves the state on, under the same key: after the log is forgotten the key is good.
#[tokio::test]
async fn a_phone_that_is_told_nothing_does_not_have_to_begin_anew() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    sync.go("").await;
    let mailbox = fixture.mailbox("alice").await;
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
    for _ in 0..3 {
        deliver(&fixture, &mail("brief")).await;
        mailbox
            .expunge(inbox, &UidSet::all(), fieldpost_mailbox::Expunge::All)
            .await
            .unwrap();
        assert_eq!(sync.go("").await, "");
        fixture.pass(100);
        mailbox.maintain(50).await.unwrap();
    }
    assert_eq!(sync.go("").await, "");
}

/// One item within the filter brings in its conversation, as far as it lies in the folder, and takes it along when it goes
/// (MS-ASCMD_R2107, R2109 to R2112); of what is outside the filter a preview comes, but no body (MS-ASCMD_R2108).
/// GetItemEstimate counts the same way (MS-ASCMD_R2096, R2097).
#[tokio::test]
async fn a_conversation_comes_and_goes_as_a_whole() {
    const WANTED: &str = "<airsync:Options><airsync:FilterType>3</airsync:FilterType><airsyncbase:BodyPreference><airsyncbase:Type>1</airsyncbase:Type><airsyncbase:Preview>50</airsyncbase:Preview></airsyncbase:BodyPreference></airsync:Options>";
    let mode = |on| format!("<airsync:ConversationMode>{on}</airsync:ConversationMode>{WANTED}");
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    deliver(
        &fixture,
        &format!("Message-ID: <r@demo.test>\r\n{}", mail("old")),
    )
    .await;
    deliver(&fixture, &mail("alone")).await;
    fixture.pass(10 * 86_400);
    let first = sync.go(&mode(1)).await;
    assert!(!first.contains("email:Subject"), "{first}");
    let answer = format!("References: <r@demo.test>\r\n{}", mail("new"));
    let uid = deliver(&fixture, &answer).await;
    // What the client said last time still holds.
    let both = sync.lose("").await;
    assert_eq!(texts_of(&both, "email:Subject"), ["new", "old"], "{both}");
    assert_eq!(texts_of(&both, "airsyncbase:Data"), ["Text of new\r\n"]);
    assert_eq!(texts_of(&both, "airsyncbase:Preview").len(), 2, "{both}");
    for (mode, count) in [("0", "1"), ("1", "2"), ("", "2")] {
        let mode = match mode {
            "" => String::new(),
            mode => format!("<airsync:ConversationMode>{mode}</airsync:ConversationMode>"),
        };
        let estimate = format!(
            "<getitemestimate:GetItemEstimate><getitemestimate:Collections><getitemestimate:Collection><airsync:SyncKey>{}</airsync:SyncKey><getitemestimate:CollectionId>{}</getitemestimate:CollectionId>{mode}</getitemestimate:Collection></getitemestimate:Collections></getitemestimate:GetItemEstimate>",
            sync.key, sync.folder
        );
        let estimate = sync.phone.ask("GetItemEstimate", &estimate).await.xml();
        assert_eq!(text_of(&estimate, "getitemestimate:Estimate"), count);
    }
    let both = sync.go("").await;
    let ids = texts_of(&both, "airsync:ServerId");
    assert_eq!(ids.len(), 2, "{both}");
    assert_eq!(sync.go("").await, "", "nothing twice");
    // Without the mode the filter alone counts, and with it all comes back.
    let less = sync.go(&mode(0)).await;
    assert!(less.contains("airsync:SoftDelete"), "{less}");
    assert_eq!(texts_of(&less, "airsync:ServerId"), ids[1..]);
    let more = sync.go(&mode(1)).await;
    assert_eq!(texts_of(&more, "airsync:ServerId"), ids[1..]);
    let mailbox = fixture.mailbox("alice").await;
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
    let uids: UidSet = [uid].into_iter().collect();
    let all = fieldpost_mailbox::Expunge::All;
    mailbox.expunge(inbox, &uids, all).await.unwrap();
    let gone = sync.go("").await;
    assert!(gone.contains("airsync:Delete>"), "{gone}");
    assert!(gone.contains("airsync:SoftDelete>"), "{gone}");
    assert_eq!(texts_of(&gone, "airsync:ServerId"), ids);
    assert_eq!(sync.go("").await, "");
}

/// MS-ASCMD_R2117, MS-ASCMD_R2100: conversations are of mails.
#[tokio::test]
async fn other_classes_have_no_conversations() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Contacts).await;
    let key = sync.key.clone();
    let refused = sync
        .go("<airsync:ConversationMode>1</airsync:ConversationMode>")
        .await;
    assert_eq!(text_of(&refused, "airsync:Status"), "4", "{refused}");
    let estimate = format!(
        "<getitemestimate:GetItemEstimate><getitemestimate:Collections><getitemestimate:Collection><airsync:SyncKey>{key}</airsync:SyncKey><getitemestimate:CollectionId>{}</getitemestimate:CollectionId><airsync:ConversationMode>1</airsync:ConversationMode></getitemestimate:Collection></getitemestimate:Collections></getitemestimate:GetItemEstimate>",
        sync.folder
    );
    let estimate = sync.phone.ask("GetItemEstimate", &estimate).await.xml();
    assert_eq!(text_of(&estimate, "getitemestimate:Status"), "103");
}

/// MS-ASPROV_R257, R740: a device that wants all gets what the policy allows, by Sync, GetItemEstimate and Ping alike.
#[tokio::test]
async fn the_policy_bounds_how_far_back_mail_goes() {
    let fixture = Fixture::with(crate::Settings {
        policy: crate::Policy {
            max_email_age_filter: Some(3),
            ..crate::Policy::default()
        },
        ..crate::Settings::default()
    })
    .await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    deliver(&fixture, &mail("old")).await;
    fixture.pass(10 * 86_400);
    deliver(&fixture, &mail("new")).await;
    let all = "<airsync:Options><airsync:FilterType>0</airsync:FilterType></airsync:Options>";
    for filter in ["", all] {
        let estimate = format!(
            "<getitemestimate:GetItemEstimate><getitemestimate:Collections><getitemestimate:Collection><airsync:SyncKey>{}</airsync:SyncKey><getitemestimate:CollectionId>{}</getitemestimate:CollectionId>{filter}</getitemestimate:Collection></getitemestimate:Collections></getitemestimate:GetItemEstimate>",
            sync.key, sync.folder
        );
        let estimate = sync.phone.ask("GetItemEstimate", &estimate).await.xml();
        assert_eq!(text_of(&estimate, "getitemestimate:Estimate"), "1");
    }
    let added = sync.go(all).await;
    assert_eq!(texts_of(&added, "email:Subject"), ["new"]);
    fixture.pass(10 * 86_400);
    assert!(sync.go("").await.contains("airsync:SoftDelete"));
}

/// A backup is put back after a phone moved mail: by its key it would pass for one that still shows it, and would never be told
/// of it again. It begins anew.
#[tokio::test]
async fn after_a_restore_a_phone_begins_anew() {
    let fixture = Fixture::new().await;
    deliver(&fixture, &mail("one")).await;
    let mut inbox = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    let added = inbox.go("").await;
    let item = text_of(&added, "airsync:ServerId");
    let backup = crate::testing::backup::copy_of(&*fixture.store).await;
    let mailbox = fixture.mailbox("alice").await;
    let trash = mailbox.special(SpecialUse::Trash).await.unwrap().id.0;
    let moved = format!(
        "<move:MoveItems><move:Move><move:SrcMsgId>{item}</move:SrcMsgId><move:SrcFldId>{}</move:SrcFldId><move:DstFldId>{trash}</move:DstFldId></move:Move></move:MoveItems>",
        inbox.folder
    );
    let moved = inbox.phone.ask("MoveItems", &moved).await.xml();
    assert_eq!(text_of(&moved, "move:Status"), "3");
    let restored = fixture.restored(backup).await;
    inbox.phone.fixture = &restored;
    let refused = inbox.go("").await;
    assert_eq!(text_of(&refused, "airsync:Status"), "3", "{refused}");
    inbox.key = "0".into();
    inbox.go("").await;
    let again = inbox.go("").await;
    assert_eq!(texts_of(&again, "email:Subject"), ["one"]);
}
