//! Conversations about moves.

use fieldpost_mailbox::{Expunge, FolderId, SpecialUse, UidSet};

use crate::{
    Settings,
    testing::{
        Fixture, Phone,
        collection::{Sync, deliver, mail},
        text_of, texts_of,
    },
};

fn moving(moves: &[(&str, u64, u64)]) -> String {
    let moves: Vec<String> = moves
        .iter()
        .map(|(id, from, to)| {
            format!(
                "<move:Move><move:SrcMsgId>{id}</move:SrcMsgId><move:SrcFldId>{from}</move:SrcFldId><move:DstFldId>{to}</move:DstFldId></move:Move>"
            )
        })
        .collect();
    format!("<move:MoveItems>{}</move:MoveItems>", moves.concat())
}

async fn special(fixture: &Fixture, special: SpecialUse) -> u64 {
    let mailbox = fixture.mailbox("alice").await;
    mailbox.special(special).await.unwrap().id.0
}

/// MS-ASCMD_R285, R290 (it has a new id), R289 (the next Sync of either folder tells of it), R4217.
#[tokio::test]
async fn an_item_moves_and_both_folders_tell_of_it() {
    for version in ["12.1", "14.0", "14.1"] {
        let fixture = Fixture::new().await;
        let archive = special(&fixture, SpecialUse::Archive).await;
        let mut inbox = Sync::new(&fixture, "d1", version, SpecialUse::Inbox).await;
        let phone = Phone {
            id: "d1".into(),
            ..Phone::new(&fixture, "d2", version).await
        };
        let phone = Phone {
            policy_key: inbox.phone.policy_key,
            ..phone
        };
        let mut target = Sync::of(phone, archive).await;
        target.go("").await;
        deliver(&fixture, &mail("one")).await;
        let id = text_of(&inbox.go("").await, "airsync:ServerId");
        let request = moving(&[(&id, inbox.folder, archive)]);
        let moved = inbox.phone.ask("MoveItems", &request).await.xml();
        assert_eq!(text_of(&moved, "move:Status"), "3");
        assert_eq!(text_of(&moved, "move:SrcMsgId"), id);
        let new = text_of(&moved, "move:DstMsgId");
        assert_ne!(new, id);
        let gone = inbox.go("").await;
        assert!(
            gone.contains(&format!(
                "<airsync:Delete><airsync:ServerId>{id}</airsync:ServerId></airsync:Delete>"
            )),
            "{gone}"
        );
        let came = target.go("").await;
        assert_eq!(text_of(&came, "airsync:ServerId"), new);
        assert_eq!(text_of(&came, "email:Subject"), "one");
    }
}

/// A move whose answer was lost is asked for again and went well; MS-ASCMD_R4208: 1 once nobody knows of it.
#[tokio::test]
async fn a_move_that_was_done_is_done_when_it_is_asked_for_again() {
    let fixture = Fixture::new().await;
    let archive = special(&fixture, SpecialUse::Archive).await;
    let trash = special(&fixture, SpecialUse::Trash).await;
    let mut inbox = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    deliver(&fixture, &mail("one")).await;
    let id = text_of(&inbox.go("").await, "airsync:ServerId");
    let request = moving(&[(&id, inbox.folder, archive)]);
    let first = inbox.phone.ask("MoveItems", &request).await.xml();
    let again = inbox.phone.ask("MoveItems", &request).await.xml();
    assert_eq!(first, again);
    // It is not in the other folder.
    let elsewhere = moving(&[(&id, inbox.folder, trash)]);
    let elsewhere = inbox.phone.ask("MoveItems", &elsewhere).await.xml();
    assert_eq!(text_of(&elsewhere, "move:Status"), "1");
    let restarted = fixture.restarted(Settings::default());
    inbox.phone.fixture = &restarted;
    let forgotten = inbox.phone.ask("MoveItems", &request).await.xml();
    assert_eq!(text_of(&forgotten, "move:Status"), "1");
    let mailbox = fixture.mailbox("alice").await;
    assert_eq!(mailbox.view(FolderId(archive)).await.unwrap().len(), 1);
}

/// MS-ASCMD_R4207, R4208 (1), R4212 (2), R4219 (4), R4222 (5), R4203; those that can go do go.
#[tokio::test]
async fn each_move_has_a_status_of_its_own() {
    let fixture = Fixture::new().await;
    let archive = special(&fixture, SpecialUse::Archive).await;
    let calendar = special(&fixture, SpecialUse::Calendar).await;
    let mut inbox = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    let from = inbox.folder;
    for number in 0..4 {
        deliver(&fixture, &mail(&number.to_string())).await;
    }
    let ids = texts_of(&inbox.go("").await, "airsync:ServerId");
    let mailbox = fixture.mailbox("alice").await;
    let view = mailbox.view(FolderId(from)).await.unwrap();
    let gone: UidSet = view.rows().take(1).map(|row| row.uid).collect();
    drop(view);
    mailbox
        .expunge(FolderId(from), &gone, Expunge::All)
        .await
        .unwrap();
    let request = moving(&[
        (&ids[0], from, archive),
        (&ids[3], from, archive),
        (&ids[1], from, 4711),
        (&ids[1], 4711, archive),
        (&ids[1], archive, from),
        (&ids[1], from, from),
        (&ids[1], from, calendar),
        ("x", from, archive),
        (&ids[2], from, archive),
        (&ids[2], from, archive),
    ]);
    let answer = inbox.phone.ask("MoveItems", &request).await.xml();
    assert_eq!(
        texts_of(&answer, "move:Status"),
        ["3", "1", "2", "1", "1", "4", "5", "1", "3", "3"]
    );
    assert_eq!(texts_of(&answer, "move:DstMsgId").len(), 3);
    let several = moving(&[(&ids[1], from, archive)]).replace(
        "</move:Move>",
        &format!("<move:DstFldId>{archive}</move:DstFldId></move:Move>"),
    );
    let answer = inbox.phone.ask("MoveItems", &several).await.xml();
    assert_eq!(text_of(&answer, "move:Status"), "5");
    assert_eq!(mailbox.view(FolderId(archive)).await.unwrap().len(), 2);
}

/// No more than Exchange takes; MS-ASCMD_R4817: 103.
#[tokio::test]
async fn none_and_more_than_a_thousand_moves_are_refused() {
    let fixture = Fixture::new().await;
    let phone = Phone::new(&fixture, "d1", "14.1").await;
    for count in [0, 1001] {
        let answer = phone
            .ask("MoveItems", &moving(&vec![("1:1", 1, 4); count]))
            .await
            .xml();
        assert_eq!(text_of(&answer, "move:Status"), "103", "{count}");
    }
    let answer = phone
        .ask("MoveItems", &moving(&vec![("1:1", 1, 4); 1000]))
        .await
        .xml();
    assert_eq!(texts_of(&answer, "move:Status"), vec!["1"; 1000]);
}
