//! All clients (A1 to A10).

use std::time::Duration;

use fieldpost_mailbox::{FlagUpdate, Flags, SpecialUse, UidSet, UpdateMode};

use crate::{
    Settings,
    testing::{
        Fixture, Phone, SECURE,
        backup::copy_of,
        collection::{PLAIN, Sync, deliver, mail},
        text_of, texts_of,
    },
};

fn ping(folder: u64, heartbeat: &str) -> String {
    format!(
        "<ping:Ping><ping:HeartbeatInterval>{heartbeat}</ping:HeartbeatInterval><ping:Folders><ping:Folder><ping:Id>{folder}</ping:Id><ping:Class>Email</ping:Class></ping:Folder></ping:Folders></ping:Ping>"
    )
}

fn change(id: &str, data: &str) -> String {
    format!(
        "<airsync:Commands><airsync:Change><airsync:ServerId>{id}</airsync:ServerId><airsync:ApplicationData>{data}</airsync:ApplicationData></airsync:Change></airsync:Commands>"
    )
}

/// A backup is put back that was made before the phone was: all that the phone does then may be to wait (MS-ASCMD_R4258).
#[tokio::test(start_paused = true)]
async fn a_phone_that_the_backup_does_not_know_hears_so_by_ping() {
    let fixture = Fixture::new().await;
    let backup = copy_of(&*fixture.store).await;
    let sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    let asked = ping(sync.folder, "900");
    let answer = sync.phone.ask("Ping", &asked).await.xml();
    assert_eq!(text_of(&answer, "ping:Status"), "1");
    let restored = fixture.restored(backup).await;
    deliver(&restored, &mail("one")).await;
    // It has no policy there; without one that is asked for it may wait.
    let mut phone = Phone {
        fixture: &restored,
        policy_key: 0,
        ..sync.phone
    };
    let empty = phone.ask("Ping", "").await.xml();
    assert_eq!(text_of(&empty, "ping:Status"), "3");
    for _ in 0..2 {
        let answer = phone.ask("Ping", &asked).await.xml();
        assert_eq!(text_of(&answer, "ping:Status"), "7");
        phone = Phone::new(&restored, "d1", "14.1").await;
    }
    let all = "<folderhierarchy:FolderSync><folderhierarchy:SyncKey>0</folderhierarchy:SyncKey></folderhierarchy:FolderSync>";
    phone.ask("FolderSync", all).await;
    // Should it take its folders for the same, it hears of each.
    let answer = phone.ask("Ping", &asked).await.xml();
    assert_eq!(text_of(&answer, "ping:Status"), "2");
    let sync = Sync { phone, ..sync };
    assert_eq!(text_of(&sync.lose("").await, "airsync:Status"), "3");
    let mut sync = Sync::of(sync.phone, sync.folder).await;
    assert_eq!(texts_of(&sync.go("").await, "email:Subject"), ["one"]);
}

#[tokio::test]
async fn a1_a_lost_response_neither_doubles_nor_undoes_what_the_phone_did() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    let uid = deliver(&fixture, &mail("one")).await;
    let id = text_of(&sync.go("").await, "airsync:ServerId");
    let read = change(&id, "<email:Read>1</email:Read>");
    sync.lose(&read).await;
    // Another hand undoes it, and the phone, which has no answer, says it again.
    let mailbox = fixture.mailbox("alice").await;
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
    let unread = FlagUpdate::flags(UpdateMode::Remove, Flags::SEEN);
    let uids: UidSet = [uid].into_iter().collect();
    mailbox
        .update_flags(inbox, &uids, &unread, None)
        .await
        .unwrap();
    let deleted = format!(
        "<airsync:Commands><airsync:Delete><airsync:ServerId>{id}</airsync:ServerId></airsync:Delete></airsync:Commands>"
    );
    sync.go(&read).await;
    sync.lose(&deleted).await;
    let again = sync.go(&deleted).await;
    assert!(!again.contains("airsync:Responses"), "{again}");
    let trash = mailbox.special(SpecialUse::Trash).await.unwrap().id;
    assert_eq!(mailbox.view(trash).await.unwrap().len(), 1);
    assert_eq!(sync.go("").await, "");
}

#[tokio::test]
async fn a2_status_3_is_never_said_while_the_state_is_there() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    deliver(&fixture, &mail("one")).await;
    let before = sync.key.clone();
    sync.go("").await;
    let newest = sync.key.clone();
    let restarted = fixture.restarted(Settings::default());
    restarted.mailboxes.forget_all().await;
    sync.phone.fixture = &restarted;
    for key in [&newest, &before, &before] {
        sync.key.clone_from(key);
        let answer = sync.lose("").await;
        assert!(
            answer.is_empty() || text_of(&answer, "airsync:Status") == "1",
            "{answer}"
        );
    }
}

/// What a phone takes that drops the connection at a certain mail, within so many requests.
async fn taken_by_a_phone_that_chokes(
    sync: &mut Sync<'_>,
    requests: usize,
    begins_anew: bool,
) -> Vec<String> {
    let mut taken = Vec::new();
    let mut failures = 0;
    for _ in 0..requests {
        sync.phone.fixture.pass(120);
        let answer = sync.lose(PLAIN).await;
        if answer.contains("poison") {
            failures += 1;
            if begins_anew && failures % 3 == 0 {
                sync.key = "0".into();
                taken.clear();
                sync.go("").await;
            }
            continue;
        }
        if answer.is_empty() {
            break;
        }
        sync.key = text_of(&answer, "airsync:SyncKey");
        taken.extend(texts_of(&answer, "email:Subject"));
    }
    taken.sort();
    taken
}

/// Also for iPhones, which begin from nothing after some failures: that is the same circle.
#[tokio::test]
async fn a3_an_item_that_a_phone_can_not_read_is_found_and_left_out() {
    for begins_anew in [false, true] {
        let fixture = Fixture::new().await;
        let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
        let mut good = Vec::new();
        let mut poison = 0;
        for number in 10..50 {
            if number == 23 {
                poison = deliver(&fixture, &mail("poison")).await;
            } else {
                deliver(&fixture, &mail(&number.to_string())).await;
                good.push(number.to_string());
            }
        }
        let taken = taken_by_a_phone_that_chokes(&mut sync, 90, begins_anew).await;
        assert_eq!(taken, good, "begins anew: {begins_anew}");
        // Who looks after the server is told.
        let device = fixture.device("d1").await.unwrap();
        let traces: Vec<_> = device.traces.iter().map(|trace| &trace.detail).collect();
        assert!(
            traces.iter().any(|detail| detail.contains("is left out")),
            "{traces:?}"
        );
        // The phone does not hear of it again, whatever happens to it, also after a restart.
        let restarted = fixture.restarted(Settings::default());
        sync.phone.fixture = &restarted;
        let mailbox = fixture.mailbox("alice").await;
        let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
        let uids: UidSet = [poison].into_iter().collect();
        let flag = FlagUpdate::flags(UpdateMode::Add, Flags::FLAGGED);
        mailbox
            .update_flags(inbox, &uids, &flag, None)
            .await
            .unwrap();
        assert_eq!(sync.go("").await, "");
        let all = fieldpost_mailbox::Expunge::All;
        mailbox.expunge(inbox, &uids, all).await.unwrap();
        assert_eq!(sync.go("").await, "");
    }
}

/// A key that comes a third time makes the answer smaller, and two lost answers cost no mail.
#[tokio::test]
async fn a3_a_bad_network_gets_smaller_answers_and_loses_nothing() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    for number in 0..8 {
        deliver(&fixture, &mail(&number.to_string())).await;
    }
    // One mail at last; that is sent for ten minutes, whatever happens to it.
    for expected in [8, 8, 4, 4, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1] {
        fixture.pass(50);
        let lost = sync.lose("").await;
        assert_eq!(texts_of(&lost, "email:Subject").len(), expected);
        assert_eq!(lost.contains("MoreAvailable"), expected < 8);
    }
    let mut taken = 0;
    while taken < 8 {
        let answer = sync.go("").await;
        assert!(!answer.is_empty());
        taken += texts_of(&answer, "email:Subject").len();
    }
    assert_eq!(sync.go("").await, "");
}

/// Two answers are lost and the third arrives; the phone then begins anew for another reason. That is no failure more.
#[tokio::test]
async fn a3_what_arrived_in_the_end_is_not_suspected() {
    for is_idle in [false, true] {
        let fixture = Fixture::new().await;
        let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
        deliver(&fixture, &mail("one")).await;
        sync.lose("").await;
        sync.lose("").await;
        assert!(sync.go("").await.contains("airsync:Add"));
        if is_idle {
            assert_eq!(sync.go("").await, "");
        } else {
            let mailbox = fixture.mailbox("alice").await;
            let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
            let device = fieldpost_mailbox::DeviceId::new("d1").unwrap();
            mailbox.forget_states(&device, Some(inbox)).await.unwrap();
            assert_eq!(text_of(&sync.lose("").await, "airsync:Status"), "3");
        }
        sync.key = "0".into();
        sync.go("").await;
        let again = sync.go("").await;
        assert_eq!(texts_of(&again, "email:Subject"), ["one"], "{is_idle}");
    }
}

#[tokio::test]
async fn a4_what_the_server_stores_in_other_words_does_not_come_back() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    deliver(&fixture, &mail("one")).await;
    let id = text_of(&sync.go("").await, "airsync:ServerId");
    for data in [
        "<email:Flag><email:Status>2</email:Status><email:FlagType>to do!</email:FlagType><tasks:ReminderSet>1</tasks:ReminderSet></email:Flag>",
        "<email:Categories><email:Category>Red</email:Category><email:Category>red</email:Category><email:Category>Red</email:Category></email:Categories>",
        "<email:Flag><email:Status>1</email:Status><email:CompleteTime>2026-01-01T00:00:00.000Z</email:CompleteTime></email:Flag>",
        "<email:Flag><email:Status>0</email:Status></email:Flag>",
        "<email:Importance>2</email:Importance><email:Subject>other</email:Subject>",
    ] {
        let answer = sync.go(&change(&id, data)).await;
        assert!(!answer.contains("airsync:Commands"), "{data}: {answer}");
        assert_eq!(sync.go("").await, "", "{data}");
    }
}

#[tokio::test]
async fn a5_commands_for_a_folder_that_is_gone_are_told_so() {
    let fixture = Fixture::new().await;
    let phone = Phone::new(&fixture, "d1", "14.1").await;
    let mailbox = fixture.mailbox("alice").await;
    let new = fieldpost_mailbox::NewFolder {
        parent: None,
        name: "Gone".into(),
        kind: fieldpost_mailbox::FolderKind::Mail,
    };
    let folder = mailbox.create_folder(&new).await.unwrap().id;
    let sync = Sync::of(phone, folder.0).await;
    mailbox.delete_folder(folder).await.unwrap();
    let read = change(&format!("{folder}:1"), "<email:Read>1</email:Read>");
    for _ in 0..2 {
        let answer = sync.lose(&read).await;
        assert_eq!(text_of(&answer, "airsync:Status"), "12");
        assert_eq!(text_of(&answer, "airsync:SyncKey"), sync.key);
    }
}

#[tokio::test]
async fn a6_the_newest_waiting_request_of_a_device_ends_those_before() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    sync.go("").await;
    let request = ping(sync.folder, "3000");
    let one = |expected: usize| {
        let waiting = fixture.try_send(sync.phone.asking("Ping", &request).build(), SECURE);
        (waiting, expected)
    };
    let others = async {
        let mut ended = 0;
        let mut last = Box::pin(one(0).0);
        for _ in 0..4 {
            // The next one comes while this one waits.
            let next = Box::pin(one(0).0);
            tokio::select! {
                biased;
                answer = &mut last => panic!("{answer:?}"),
                () = tokio::task::yield_now() => {}
            }
            last = {
                let mut next = next;
                tokio::select! {
                    biased;
                    answer = &mut last => { assert!(answer.is_err()); ended += 1; }
                    answer = &mut next => panic!("{answer:?}"),
                }
                next
            };
            assert_eq!(fixture.service.waiting(), 1);
        }
        // The server stops: who still waits is let go, and asks again.
        fixture.service.end_waiting();
        (ended, last.await.is_err())
    };
    assert_eq!(others.await, (4, true));
    assert_eq!(fixture.service.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a7_the_longest_heartbeat_can_be_set_and_clients_are_told_it() {
    let fixture = Fixture::with(Settings {
        heartbeat: (60, 50 * 60),
        ..Settings::default()
    })
    .await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    sync.go("").await;
    let answer = sync.phone.ask("Ping", &ping(sync.folder, "3540")).await;
    let answer = answer.xml();
    assert_eq!(text_of(&answer, "ping:Status"), "5");
    assert_eq!(text_of(&answer, "ping:HeartbeatInterval"), "3000");
    let begin = tokio::time::Instant::now();
    let answer = sync.phone.ask("Ping", &ping(sync.folder, "3000")).await;
    assert_eq!(text_of(&answer.xml(), "ping:Status"), "1");
    assert_eq!(begin.elapsed().as_secs(), 3000);
}

/// In bytes over all collections, and in time.
#[tokio::test]
async fn a8_a_large_response_breaks_off_with_more_available() {
    for (size, time, at_once) in [
        (3000, Duration::from_mins(1), 2..=4),
        (usize::MAX, Duration::ZERO, 1..=1),
    ] {
        let fixture = Fixture::with(Settings {
            response_size: size,
            response_time: time,
            ..Settings::default()
        })
        .await;
        let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
        for number in 0..8 {
            let text = "x".repeat(700);
            deliver(
                &fixture,
                &format!("{}{text}\r\n", mail(&number.to_string())),
            )
            .await;
        }
        let mut taken = Vec::new();
        loop {
            let answer = sync.go(PLAIN).await;
            let subjects = texts_of(&answer, "email:Subject");
            let more = answer.contains("<airsync:MoreAvailable/><airsync:Commands>");
            assert_eq!(more, answer.contains("MoreAvailable"), "before Commands");
            taken.extend(subjects.clone());
            if !more {
                break;
            }
            assert!(at_once.contains(&subjects.len()), "{}", subjects.len());
        }
        taken.sort();
        assert_eq!(taken, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    }
}

/// The size is that of the response, not of each collection in it.
#[tokio::test]
async fn a8_all_collections_share_the_size_of_a_response() {
    let fixture = Fixture::with(Settings {
        response_size: 3000,
        ..Settings::default()
    })
    .await;
    let phone = Phone::new(&fixture, "d1", "14.1").await;
    let mailbox = fixture.mailbox("alice").await;
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
    let trash = mailbox.special(SpecialUse::Trash).await.unwrap().id;
    for number in 0..5 {
        let text = "x".repeat(1000);
        deliver(
            &fixture,
            &format!("{}{text}\r\n", mail(&number.to_string())),
        )
        .await;
    }
    mailbox.copy(inbox, &UidSet::all(), trash).await.unwrap();
    let first = Sync::of(phone, inbox.0).await;
    let key = first.key;
    let second = Sync::of(first.phone, trash.0).await;
    let collection = |key: &str, folder| {
        format!(
            "<airsync:Collection><airsync:SyncKey>{key}</airsync:SyncKey><airsync:CollectionId>{folder}</airsync:CollectionId>{PLAIN}</airsync:Collection>"
        )
    };
    let request = format!(
        "<airsync:Sync><airsync:Collections>{}{}</airsync:Collections></airsync:Sync>",
        collection(&key, inbox),
        collection(&second.key, trash)
    );
    let answer = second.phone.ask("Sync", &request).await;
    assert!(answer.body.len() < 6000, "{}", answer.body.len());
    assert_eq!(answer.xml().matches("<airsync:MoreAvailable/>").count(), 2);
}

#[tokio::test]
async fn a9_no_string_holds_what_stalls_a_phone() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    let mailbox = fixture.mailbox("alice").await;
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
    let mut text = b"From: \"a\x00b\x01\" <bob\x02@demo.test>\r\nTo: =?utf-8?B?AAFi77+/7bOg?= <alice@demo.test>\r\nSubject: n\x00u\x01l =?utf-8?Q?=00=07=ED=A0=80=FF?= \xff\xfe \xed\xa0\x80 end\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n".to_vec();
    text.extend((0..=255u8).filter(|byte| !matches!(byte, b'\r' | b'\n')));
    text.extend(b"\xed\xbf\xbf\xf4\x90\x80\x80 last\r\n--b\r\nContent-Type: application/x\r\nContent-Disposition: attachment; filename=\"a\x00\x1fb.x\"\r\nContent-Location: l\x00\x03\r\nContent-ID: <c\x00d>\r\n\r\nx\r\n--b--\r\n");
    let mut incoming = fixture
        .mailboxes
        .receive(mailbox.account(), None)
        .await
        .unwrap();
    incoming.write(text.into()).await.unwrap();
    let item = fieldpost_mailbox::NewItem::new(incoming.finish().await.unwrap());
    mailbox.append(inbox, &item).await.unwrap();
    for kind in [1, 2] {
        let options = format!(
            "<airsync:Options><airsyncbase:BodyPreference><airsyncbase:Type>{kind}</airsyncbase:Type><airsyncbase:Preview>255</airsyncbase:Preview></airsyncbase:BodyPreference></airsync:Options>"
        );
        // Not to_xml, which would hide it: the strings as they are.
        let answer = sync.phone.ask("Sync", &sync.request(&options)).await;
        let root =
            fieldpost_wbxml::Element::parse(&answer.body, fieldpost_wbxml::Limits::default())
                .unwrap();
        let mut texts = 0;
        let mut open = vec![&root];
        while let Some(element) = open.pop() {
            open.extend(element.children());
            for content in element.content() {
                if let fieldpost_wbxml::Content::Text(text) = content {
                    texts += 1;
                    let bad = text.chars().find(|c| {
                        matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}')
                    });
                    assert_eq!(bad, None, "{text:?}");
                }
            }
        }
        assert!(texts > 15);
        let xml = answer.xml();
        assert!(text_of(&xml, "email:Subject").ends_with("end"), "{xml}");
        assert!(text_of(&xml, "airsyncbase:Data").contains("last"), "{xml}");
    }
    sync.go("").await;
}

#[tokio::test(start_paused = true)]
async fn a10_odd_requests_are_understood() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    deliver(&fixture, &mail("one")).await;
    let sms = "<airsync:Options><airsync:Class>SMS</airsync:Class><airsyncbase:BodyPreference><airsyncbase:Type>1</airsyncbase:Type></airsyncbase:BodyPreference></airsync:Options>";
    let added = sync.go(&format!("{PLAIN}{sms}<airsync:Commands/>")).await;
    assert_eq!(texts_of(&added, "email:Subject"), ["one"]);
    assert_eq!(text_of(&added, "airsyncbase:Type"), "1");
    let id = text_of(&added, "airsync:ServerId");
    for data in [
        "",
        "<email:Flag/>",
        "<email:Flag>text<email:Status>2</email:Status></email:Flag>",
        "<email:Flag><email:Status>2</email:Status><tasks:DueDate>yesterday</tasks:DueDate><tasks:UtcDueDate>20260101T000000Z</tasks:UtcDueDate></email:Flag>",
        "<email:Flag><email:Status>7</email:Status></email:Flag>",
        "<email:Categories/>",
        "<email:Read/>",
    ] {
        let answer = sync.go(&change(&id, data)).await;
        assert_eq!(text_of(&answer, "airsync:Status"), "1", "{data}");
        assert!(!answer.contains("airsync:Commands"), "{data}: {answer}");
    }
    // An empty list is the list of before.
    deliver(&fixture, &mail("two")).await;
    let request = sync.request("<airsync:GetChanges/><airsync:Supported/>");
    let answer = sync.phone.ask("Sync", &request).await.xml();
    assert_eq!(text_of(&answer, "email:Subject"), "two");
    sync.key = text_of(&answer, "airsync:SyncKey");
    assert_eq!(sync.go("").await, "");
    deliver(&fixture, &mail("three")).await;
    let none = "<airsync:Sync><airsync:Collections/><airsync:HeartbeatInterval>60</airsync:HeartbeatInterval></airsync:Sync>";
    let answer = sync.phone.ask("Sync", none).await.xml();
    assert_eq!(text_of(&answer, "email:Subject"), "three");
    // GetChanges beside the first key.
    sync.key = "0".into();
    let first = sync
        .go("<airsync:GetChanges>1</airsync:GetChanges><airsync:WindowSize>x</airsync:WindowSize>")
        .await;
    assert_eq!(text_of(&first, "airsync:Status"), "1");
    assert!(!first.contains("airsync:Commands"));
}
