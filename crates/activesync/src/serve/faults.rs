//! What somebody sends who means harm, or whose program is broken (faults 39, 41 to 44).

use std::fmt::Write as _;

use fieldpost_mailbox::{FolderKind, Mailbox, NewFolder, NewItem, SpecialUse};

use crate::{
    Settings,
    testing::{
        Answer, Fixture, Phone,
        collection::{Sync, deliver, mail},
        text_of, texts_of,
    },
};

/// All that somebody has, to see that nothing of it was touched.
async fn everything(mailbox: &Mailbox) -> String {
    let mut all = String::new();
    for folder in mailbox.folders().await.unwrap() {
        let view = mailbox.view(folder.id).await.unwrap();
        let rows: Vec<_> = view.rows().copied().collect();
        writeln!(all, "{folder:?} {rows:?}").unwrap();
    }
    for device in mailbox.devices().await.unwrap() {
        writeln!(all, "{device:?}").unwrap();
    }
    all
}

/// Bob's secrets: a folder that alice has not, with mail whose entries alice has not, and a phone of his that has seen it
/// all. The ids of the folder and of a mail, and the phone's key.
async fn secrets(fixture: &Fixture) -> (u64, String, String) {
    let mailbox = fixture.mailbox("bob").await;
    let mut folder = 0;
    for name in ["one", "two", "three"] {
        let new = NewFolder {
            parent: None,
            name: format!("secret {name}"),
            kind: FolderKind::Mail,
        };
        folder = mailbox.create_folder(&new).await.unwrap().id.0;
    }
    for number in 0..5 {
        let mut incoming = fixture
            .mailboxes
            .receive(mailbox.account(), None)
            .await
            .unwrap();
        let text = format!(
            "From: x@demo.test\r\nTo: bob@demo.test\r\nSubject: secret {number}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsecret\r\n--b\r\nContent-Type: application/x\r\nContent-Disposition: attachment; filename=s\r\n\r\nsecret\r\n--b--\r\n"
        );
        incoming.write(text.into()).await.unwrap();
        let item = NewItem::new(incoming.finish().await.unwrap());
        mailbox
            .append(fieldpost_mailbox::FolderId(folder), &item)
            .await
            .unwrap();
    }
    let phone = Phone::of(fixture, "bob", "d1", "14.1").await;
    let mut sync = Sync::of(phone, folder).await;
    let all = sync.go("").await;
    let id = text_of(&all, "airsync:ServerId");
    assert_eq!(texts_of(&all, "email:Subject").len(), 5);
    (folder, id, sync.key)
}

fn said(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(!text.contains("secret"), "{text}");
    if answer.body.is_empty() || answer.status != 200 {
        return format!("HTTP {}", answer.status.as_u16());
    }
    answer.xml()
}

fn sync_of(key: &str, folder: u64, inside: &str) -> String {
    format!(
        "<airsync:Sync><airsync:Collections><airsync:Collection><airsync:SyncKey>{key}</airsync:SyncKey><airsync:CollectionId>{folder}</airsync:CollectionId>{inside}</airsync:Collection></airsync:Collections></airsync:Sync>"
    )
}

/// Fault 39, in every command that takes an id, a reference or a key; fault 41: a key of another's device of that name.
#[tokio::test(start_paused = true)]
async fn another_users_ids_lead_nowhere() {
    let fixture = Fixture::new().await;
    let (folder, id, key) = secrets(&fixture).await;
    let bob = fixture.mailbox("bob").await;
    let before = everything(&bob).await;
    // Alice calls her phone as bob calls his.
    let phone = Phone::new(&fixture, "d1", "14.1").await;
    deliver(&fixture, &mail("hers")).await;
    let alice = fixture.mailbox("alice").await;
    let inbox = alice.special(SpecialUse::Inbox).await.unwrap().id.0;
    let folders = phone
        .ask("FolderSync", "<folderhierarchy:FolderSync><folderhierarchy:SyncKey>0</folderhierarchy:SyncKey></folderhierarchy:FolderSync>")
        .await;
    let hierarchy = text_of(&said(&folders), "folderhierarchy:SyncKey");
    let mut sync = Sync::of(phone, inbox).await;
    sync.go("").await;
    let (phone, own_key) = (&sync.phone, &sync.key);
    let change = format!(
        "<airsync:Commands><airsync:Change><airsync:ServerId>{id}</airsync:ServerId><airsync:ApplicationData><email:Read>1</email:Read></airsync:ApplicationData></airsync:Change><airsync:Delete><airsync:ServerId>{id}</airsync:ServerId></airsync:Delete><airsync:Fetch><airsync:ServerId>{id}</airsync:ServerId></airsync:Fetch></airsync:Commands>"
    );
    let source = |inner: &str| {
        format!(
            "<composemail:ClientId>c{}</composemail:ClientId><composemail:Source>{inner}</composemail:Source><composemail:Mime>To: alice@demo.test\r\n\r\nx</composemail:Mime>",
            inner.len()
        )
    };
    let by_item = source(&format!(
        "<composemail:FolderId>{folder}</composemail:FolderId><composemail:ItemId>{id}</composemail:ItemId>"
    ));
    let by_long_id = source(&format!("<composemail:LongId>{id}</composemail:LongId>"));
    let fetch = |inner: &str| {
        format!(
            "<itemoperations:ItemOperations><itemoperations:Fetch><itemoperations:Store>Mailbox</itemoperations:Store>{inner}</itemoperations:Fetch></itemoperations:ItemOperations>"
        )
    };
    let moving = |from: &str, source: u64, target: u64| {
        format!(
            "<move:MoveItems><move:Move><move:SrcMsgId>{from}</move:SrcMsgId><move:SrcFldId>{source}</move:SrcFldId><move:DstFldId>{target}</move:DstFldId></move:Move></move:MoveItems>"
        )
    };
    let entry = id.split_once(':').unwrap().1;
    let hierarchy_of = |command: &str, inside: &str| {
        format!(
            "<folderhierarchy:{command}><folderhierarchy:SyncKey>{hierarchy}</folderhierarchy:SyncKey>{inside}</folderhierarchy:{command}>"
        )
    };
    for (command, request, expected) in [
        ("Sync", sync_of(&key, folder, ""), "airsync:Status>12<"),
        ("Sync", sync_of("0", folder, ""), "airsync:Status>12<"),
        ("Sync", sync_of(&key, folder, &change), "airsync:Status>12<"),
        ("Sync", sync_of(&key, inbox, ""), "airsync:Status>3<"),
        (
            "GetItemEstimate",
            format!(
                "<getitemestimate:GetItemEstimate><getitemestimate:Collections><getitemestimate:Collection><airsync:SyncKey>{key}</airsync:SyncKey><getitemestimate:CollectionId>{folder}</getitemestimate:CollectionId></getitemestimate:Collection></getitemestimate:Collections></getitemestimate:GetItemEstimate>"
            ),
            "getitemestimate:Status>2<",
        ),
        ("MoveItems", moving(&id, folder, inbox), "move:Status>1<"),
        (
            "MoveItems",
            moving(&format!("{inbox}:{entry}"), inbox, 4),
            "move:Status>1<",
        ),
        ("MoveItems", moving("1:1", inbox, folder), "move:Status>2<"),
        (
            "ItemOperations",
            fetch(&format!(
                "<airsync:CollectionId>{folder}</airsync:CollectionId><airsync:ServerId>{id}</airsync:ServerId>"
            )),
            "itemoperations:Status>6<",
        ),
        (
            "ItemOperations",
            fetch(&format!("<search:LongId>{id}</search:LongId>")),
            "itemoperations:Status>6<",
        ),
        (
            "ItemOperations",
            fetch(&format!(
                "<airsyncbase:FileReference>{id}:2</airsyncbase:FileReference>"
            )),
            "itemoperations:Status>15<",
        ),
        (
            "ItemOperations",
            format!(
                "<itemoperations:ItemOperations><itemoperations:EmptyFolderContents><airsync:CollectionId>{folder}</airsync:CollectionId><itemoperations:Options><itemoperations:DeleteSubFolders/></itemoperations:Options></itemoperations:EmptyFolderContents></itemoperations:ItemOperations>"
            ),
            "itemoperations:Status>6<",
        ),
        (
            "SmartReply",
            format!("<composemail:SmartReply>{by_item}</composemail:SmartReply>"),
            "composemail:Status>150<",
        ),
        (
            "SmartForward",
            format!("<composemail:SmartForward>{by_long_id}</composemail:SmartForward>"),
            "composemail:Status>150<",
        ),
        (
            "FolderUpdate",
            hierarchy_of(
                "FolderUpdate",
                &format!(
                    "<folderhierarchy:ServerId>{folder}</folderhierarchy:ServerId><folderhierarchy:ParentId>0</folderhierarchy:ParentId><folderhierarchy:DisplayName>x</folderhierarchy:DisplayName>"
                ),
            ),
            "folderhierarchy:Status>4<",
        ),
        (
            "FolderDelete",
            hierarchy_of(
                "FolderDelete",
                &format!("<folderhierarchy:ServerId>{folder}</folderhierarchy:ServerId>"),
            ),
            "folderhierarchy:Status>4<",
        ),
        (
            "FolderCreate",
            hierarchy_of(
                "FolderCreate",
                &format!(
                    "<folderhierarchy:ParentId>{folder}</folderhierarchy:ParentId><folderhierarchy:DisplayName>x</folderhierarchy:DisplayName><folderhierarchy:Type>12</folderhierarchy:Type>"
                ),
            ),
            "folderhierarchy:Status>5<",
        ),
        (
            "Ping",
            format!(
                "<ping:Ping><ping:HeartbeatInterval>60</ping:HeartbeatInterval><ping:Folders><ping:Folder><ping:Id>{folder}</ping:Id><ping:Class>Email</ping:Class></ping:Folder></ping:Folders></ping:Ping>"
            ),
            "ping:Status>1<",
        ),
    ] {
        let answer = said(&phone.ask(command, &request).await);
        assert!(answer.contains(expected), "{command} {request}: {answer}");
    }
    // In a collection of her own.
    let answer = said(&phone.ask("Sync", &sync_of(own_key, inbox, &change)).await);
    assert_eq!(texts_of(&answer, "airsync:Status"), ["1", "8", "8"]);
    // Below 14.0 they stand in the query.
    for (command, parameters) in [
        ("GetAttachment", format!("&AttachmentName={id}:2")),
        ("SmartReply", format!("&CollectionId={folder}&ItemId={id}")),
        ("SmartForward", format!("&LongId={id}")),
    ] {
        let asking = phone.asking(command, "").version("12.1");
        let query = format!("{}{parameters}", asking.query);
        let answer = asking
            .query(&query)
            .header("content-type", "message/rfc822")
            .body("To: alice@demo.test\r\n\r\nx")
            .of(&fixture)
            .await;
        let missing = if command == "GetAttachment" {
            "HTTP 500"
        } else {
            "HTTP 404"
        };
        assert_eq!(said(&answer), missing, "{command}");
    }
    assert_eq!(everything(&bob).await, before);
    // Bob's phone goes on with its key.
    let phone = Phone::of(&fixture, "bob", "d1", "14.1").await;
    assert!(
        phone
            .ask("Sync", &sync_of(&key, folder, ""))
            .await
            .body
            .is_empty()
    );
}

/// Fault 41.
#[tokio::test]
async fn keys_that_were_never_given_out_are_status_3() {
    let fixture = Fixture::new().await;
    let mut other = Sync::new(&fixture, "d2", "14.1", SpecialUse::Inbox).await;
    other.go("").await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    let oldest = sync.key.clone();
    for number in 0..3 {
        deliver(&fixture, &mail(&number.to_string())).await;
        sync.go("").await;
    }
    let good = sync.key.clone();
    let (id, counter) = good.split_once('-').unwrap();
    let counter: u64 = counter.parse().unwrap();
    let skipped = format!("{id}-{}", counter + 1);
    let huge = "9".repeat(10_000);
    for bad in [
        other.key.as_str(),
        &oldest,
        &skipped,
        &format!("{id}--{counter}"),
        &format!("-{good}"),
        &format!("{id}-0{counter}"),
        &format!("{id}-18446744073709551616"),
        "-1",
        "1",
        "18446744073709551616",
        "00",
        "{0}",
        &huge,
    ] {
        sync.key = bad.to_owned();
        let answer = sync.lose("").await;
        assert_eq!(text_of(&answer, "airsync:Status"), "3", "{bad}");
        assert!(!answer.contains("airsync:Commands"));
    }
    // None of that has done any harm.
    sync.key = good;
    assert_eq!(sync.go("").await, "");
    let no_key = sync.request("").replace(
        &format!("<airsync:SyncKey>{}</airsync:SyncKey>", sync.key),
        "",
    );
    let answer = sync.phone.ask("Sync", &no_key).await.xml();
    assert_eq!(text_of(&answer, "airsync:Status"), "4");
}

/// Fault 42: a key of another device, of another user's, an old one, none.
#[tokio::test]
async fn policy_keys_of_others_open_nothing() {
    let fixture = Fixture::with(Settings {
        require_policy: true,
        ..Settings::default()
    })
    .await;
    let mut phone = Phone::new(&fixture, "d1", "14.1").await;
    let old = phone.policy_key;
    phone = Phone::new(&fixture, "d1", "14.1").await;
    let own = phone.policy_key;
    let other = Phone::new(&fixture, "d2", "14.1").await.policy_key;
    let bobs = Phone::of(&fixture, "bob", "d1", "14.1").await.policy_key;
    assert_ne!(old, own);
    let folders = "<folderhierarchy:FolderSync><folderhierarchy:SyncKey>0</folderhierarchy:SyncKey></folderhierarchy:FolderSync>";
    for (key, status) in [
        (old, "144"),
        (other, "144"),
        (bobs, "144"),
        (own.wrapping_add(1).max(1), "144"),
        (0, "142"),
        (own, "1"),
    ] {
        phone.policy_key = key;
        let answer = phone.ask("FolderSync", folders).await.xml();
        assert_eq!(text_of(&answer, "folderhierarchy:Status"), status, "{key}");
    }
}

/// Fault 43; MS-ASCMD_R4247, R4248: out of range is 5 and the nearest that is taken.
#[tokio::test(start_paused = true)]
async fn ping_has_bounds() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    sync.go("").await;
    let ping = |heartbeat: &str, count: u64| {
        let mut folders = String::new();
        for id in 1..=count {
            folders.extend([
                "<ping:Folder><ping:Id>",
                &id.to_string(),
                "</ping:Id><ping:Class>Email</ping:Class></ping:Folder>",
            ]);
        }
        format!(
            "<ping:Ping><ping:HeartbeatInterval>{heartbeat}</ping:HeartbeatInterval><ping:Folders>{folders}</ping:Folders></ping:Ping>"
        )
    };
    for (heartbeat, nearest) in [
        ("0", "60"),
        ("-1", "60"),
        ("59", "60"),
        ("3541", "3540"),
        ("1000000000", "3540"),
        ("9000000000000000000", "3540"),
    ] {
        let answer = sync.phone.ask("Ping", &ping(heartbeat, 1)).await.xml();
        assert_eq!(text_of(&answer, "ping:Status"), "5", "{heartbeat}");
        assert_eq!(text_of(&answer, "ping:HeartbeatInterval"), nearest);
    }
    for heartbeat in ["", "x", "1.5", "99999999999999999999"] {
        let answer = sync.phone.ask("Ping", &ping(heartbeat, 1)).await.xml();
        assert_eq!(text_of(&answer, "ping:Status"), "4", "{heartbeat}");
    }
    for count in [301, 5000] {
        let answer = sync.phone.ask("Ping", &ping("60", count)).await.xml();
        assert_eq!(text_of(&answer, "ping:Status"), "6", "{count}");
        assert_eq!(text_of(&answer, "ping:MaxFolders"), "300");
    }
    let answer = sync.phone.ask("Ping", &ping("60", 300)).await.xml();
    assert_eq!(text_of(&answer, "ping:Status"), "1");
    // The same folder many times is told once.
    deliver(&fixture, &mail("x")).await;
    let twice = ping("60", 1).replace("</ping:Folders>", "<ping:Folder><ping:Id>1</ping:Id><ping:Class>Email</ping:Class></ping:Folder></ping:Folders>");
    let answer = sync.phone.ask("Ping", &twice).await.xml();
    assert_eq!(texts_of(&answer, "ping:Folder"), ["1"]);
}

/// Fault 44; MS-ASCMD_R4768: 0 and more than 512 are 512.
#[tokio::test]
async fn windows_have_bounds() {
    let fixture = Fixture::new().await;
    let mailbox = fixture.mailbox("alice").await;
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
    let mut items = Vec::new();
    for number in 0..514 {
        let mut incoming = fixture
            .mailboxes
            .receive(mailbox.account(), None)
            .await
            .unwrap();
        incoming
            .write(mail(&number.to_string()).into())
            .await
            .unwrap();
        items.push(NewItem::new(incoming.finish().await.unwrap()));
    }
    mailbox.append_all(inbox, &items).await.unwrap();
    for (number, (window, expected)) in [
        ("0", 512),
        ("65536", 512),
        ("-1", 512),
        ("18446744073709551616", 512),
        ("511", 511),
    ]
    .into_iter()
    .enumerate()
    {
        let phone = Phone::new(&fixture, &format!("w{number}"), "14.1").await;
        let sync = Sync::of(phone, inbox.0).await;
        let window = format!("<airsync:WindowSize>{window}</airsync:WindowSize>");
        // The same for the collection and for the whole response.
        let request = sync
            .request(&window)
            .replace("</airsync:Sync>", &format!("{window}</airsync:Sync>"));
        let answer = sync.phone.ask("Sync", &request).await.xml();
        let told = texts_of(&answer, "email:Subject").len();
        assert_eq!(told, expected, "{window}");
        assert!(answer.contains("MoreAvailable"));
    }
}

/// Fault 44: 15 and how many may be named (MS-ASCMD §2.2.3.177.17); GetItemEstimate says 103.
#[tokio::test]
async fn requests_for_thousands_of_collections_are_refused() {
    let fixture = Fixture::new().await;
    let phone = Phone::new(&fixture, "d1", "14.1").await;
    let many = |count: u64| {
        let mut all = String::new();
        for id in 1..=count {
            write!(all, "<airsync:Collection><airsync:SyncKey>0</airsync:SyncKey><airsync:CollectionId>{id}</airsync:CollectionId></airsync:Collection>").unwrap();
        }
        format!("<airsync:Sync><airsync:Collections>{all}</airsync:Collections></airsync:Sync>")
    };
    let answer = phone.ask("Sync", &many(5000)).await.xml();
    assert_eq!(texts_of(&answer, "airsync:Status"), ["15"]);
    assert_eq!(text_of(&answer, "airsync:Limit"), "300");
    let answer = phone.ask("Sync", &many(300)).await.xml();
    assert_eq!(texts_of(&answer, "airsync:Status").len(), 300);
    let many = "<getitemestimate:Collection><airsync:SyncKey>0</airsync:SyncKey><getitemestimate:CollectionId>1</getitemestimate:CollectionId></getitemestimate:Collection>"
        .repeat(5000);
    let answer = phone
        .ask("GetItemEstimate", &format!("<getitemestimate:GetItemEstimate><getitemestimate:Collections>{many}</getitemestimate:Collections></getitemestimate:GetItemEstimate>"))
        .await
        .xml();
    assert_eq!(text_of(&answer, "getitemestimate:Status"), "103");
    // Folders that are named twice, and partial requests that add up.
    let twice = sync_of("0", 1, "").replace("</airsync:Collections>", "<airsync:Collection><airsync:SyncKey>0</airsync:SyncKey><airsync:CollectionId>1</airsync:CollectionId></airsync:Collection></airsync:Collections>");
    let answer = phone.ask("Sync", &twice).await.xml();
    assert_eq!(texts_of(&answer, "airsync:Status"), ["4"]);
}
