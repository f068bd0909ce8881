//! One mailbox through three protocols: what happens in one is told in the others at once, and is the same there.
#![allow(clippy::unwrap_used)]

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use fieldpost_tests::{
    Demo,
    collection::{Collection, Deed, Held, Told},
    hierarchy::Hierarchy,
    http::{Request, Response},
    imap, lmtp,
    phone::{Access, Phone, parse},
    pop3,
};
use fieldpost_wbxml::tags::{air_sync_base, item_operations, ping};

/// Whose mailbox it is: bob, in which little lies.
const BOB: usize = 1;
const ALICE: usize = 0;

/// How long somebody who waits may be left without what has happened.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Who is silent for so long really waits.
const SILENCE: Duration = Duration::from_millis(300);

#[test]
fn what_happens_in_one_protocol_is_told_in_the_others_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Demo::start(directory.path());
    let mut phone = phone(&demo, BOB, "wakes");
    let mut inbox = inbox(&mut phone);
    let before = phone.sync_all(&mut inbox, 100).unwrap().added.len();
    let mut waiting = Waiting::begin(&demo, &phone, &inbox);

    // New mail wakes both who wait, and is there by POP3.
    let mail = mail("news", "Hello\r\n");
    let answered = deliver(&demo, BOB, &mail);
    let (status, pinged) = waiting.pinged(answered);
    assert_eq!((status.as_str(), &*pinged), ("2", &*inbox.folder));
    let told = waiting.told_in_idle(answered);
    assert_eq!(told, format!("* {} EXISTS", before + 1));
    let (number, retrieved) = last_by_pop3(&demo, BOB);
    assert_eq!(number as usize, before + 1);
    assert!(retrieved.ends_with(&mail));
    let added = phone.sync_all(&mut inbox, 100).unwrap().added;
    let [id] = &*added else { panic!("{added:?}") };
    let mut held = Held {
        subject: "news".into(),
        // POP3 marks as read what it was asked for, as it is configured by itself.
        is_read: true,
        is_flagged: false,
    };
    assert_eq!(inbox.items[id], held);
    assert_eq!(waiting.flags_in_idle(Instant::now()), ["\\Seen"]);

    // What IMAP marks as read or unread wakes the phone, and the phone is told what it is now.
    let mut imap = sign_in(&demo, BOB);
    imap.ok("SELECT INBOX").unwrap();
    for is_read in [false, true] {
        waiting.ping(&phone, &inbox);
        let sign = if is_read { '+' } else { '-' };
        imap.ok(&format!("STORE {number} {sign}FLAGS (\\Seen)"))
            .unwrap();
        let answered = Instant::now();
        let (status, pinged) = waiting.pinged(answered);
        assert_eq!((status.as_str(), &*pinged), ("2", &*inbox.folder));
        held.is_read = is_read;
        let told = phone.sync_all(&mut inbox, 100).unwrap();
        assert_eq!(told.changed, [(id.clone(), held.clone())]);
        let flags: &[&str] = if is_read { &["\\Seen"] } else { &[] };
        assert_eq!(waiting.flags_in_idle(answered), flags);
    }

    // A follow-up flag from the phone is told to the IMAP session, and not to the phone itself.
    waiting.ping(&phone, &inbox);
    let mut beside = phone.beside();
    inbox.pending.push((id.clone(), Deed::Flag(true)));
    let told = beside.sync(&mut [&mut inbox], 100).unwrap().remove(0);
    let answered = Instant::now();
    assert_eq!(told, Told::default());
    assert_eq!(waiting.flags_in_idle(answered), ["\\Flagged", "\\Seen"]);
    waiting.is_silent();
    let flags = imap.ok(&format!("FETCH {number} (FLAGS)")).unwrap();
    let flags = flags.fetched().next().unwrap().flags.unwrap();
    assert!(flags.contains("\\Flagged"), "{flags:?}");

    // What POP3 deletes is gone for both.
    let mut pop3 = by_pop3(&demo, BOB);
    pop3.command(&format!("DELE {number}")).unwrap();
    pop3.quit().unwrap();
    let answered = Instant::now();
    let (status, pinged) = waiting.pinged(answered);
    assert_eq!((status.as_str(), &*pinged), ("2", &*inbox.folder));
    let told = waiting.told_in_idle(answered);
    assert_eq!(told, format!("* {number} EXPUNGE"));
    let told = phone.sync_all(&mut inbox, 100).unwrap();
    assert_eq!(told.deleted, std::slice::from_ref(id));
    assert_eq!(inbox.items.len(), before);
}

#[test]
fn a_mail_has_the_same_octets_in_all_protocols() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Demo::start(directory.path());
    let mut phone = phone(&demo, BOB, "reads");
    let mut inbox = inbox(&mut phone);
    phone.sync_all(&mut inbox, 100).unwrap();
    let large = "a line of a large message\r\n".repeat(40_000);
    let mails = [
        mail("plain", "Hello\r\n"),
        mail("dots", ".\r\n..\r\n...end\r\n"),
        mail(
            "utf-8\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit",
            "Grüße aus Köln\r\n",
        ),
        [
            mail("latin-1\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit", "Gr"),
            b"\xfc\xdfe\r\n".to_vec(),
        ]
        .concat(),
        mail(
            "parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"x\"",
            "preamble\r\n--x\r\n\r\n<a> &amp; \"b\"\t\r\n--x\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--x--\r\nepilogue",
        ),
        mail("large", &large),
    ];
    for sent in mails {
        deliver(&demo, BOB, &sent);
        // LMTP ends the last line if nobody else did.
        let sent = if sent.ends_with(b"\r\n") {
            sent
        } else {
            [&*sent, b"\r\n"].concat()
        };
        let about = String::from_utf8_lossy(&sent[..sent.len().min(60)]).into_owned();
        let mut imap = sign_in(&demo, BOB);
        imap.ok("EXAMINE INBOX").unwrap();
        let fetched = imap.ok("FETCH * (UID BODY.PEEK[])").unwrap();
        let by_imap = fetched.fetched().next().unwrap().body.unwrap();
        let (_, by_pop3) = last_by_pop3(&demo, BOB);
        let added = phone.sync_all(&mut inbox, 100).unwrap().added;
        let [id] = &*added else {
            panic!("{about}: {added:?}")
        };
        let by_phone = fetch(&mut phone, &inbox, id);
        assert!(by_pop3 == by_imap, "{about}: POP3 and IMAP");
        // Who it came from and for is the server's own business, and phones are not told.
        let names = ["Return-Path", "Delivered-To"];
        is_behind(&by_phone, &by_pop3, &names, &about);
        is_behind(&sent, &by_phone, &["Received"], &about);
    }
}

#[test]
fn what_a_phone_sends_arrives_and_is_in_sent_for_imap() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Demo::start(directory.path());
    let mut phone = phone(&demo, BOB, "sends");
    let mut theirs = sign_in(&demo, ALICE);
    let before = theirs.ok("STATUS INBOX (MESSAGES)").unwrap();
    let before: u32 = before.status("MESSAGES").unwrap().parse().unwrap();
    let (from, _) = demo.account(BOB);
    let (to, _) = demo.account(ALICE);
    let mime = format!(
        "From: {from}\r\nTo: {to}\r\nSubject: from a phone\r\nMessage-ID: &lt;sent@phone.test&gt;\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nOn my way.\r\n"
    );
    let request = format!(
        "<composemail:SendMail><composemail:ClientId>c1</composemail:ClientId><composemail:SaveInSentItems/><composemail:Mime>{mime}</composemail:Mime></composemail:SendMail>"
    );
    assert!(phone.ask("SendMail", &request).unwrap().is_empty());
    theirs.ok("EXAMINE INBOX").unwrap();
    let arrived = theirs
        .ok(&format!("FETCH {}:* (UID BODY.PEEK[])", before + 1))
        .unwrap();
    let arrived: Vec<_> = arrived.fetched().filter_map(|one| one.body).collect();
    assert_eq!(arrived.len(), 1);
    let is_it = |body: &[u8]| {
        let text = String::from_utf8_lossy(body).into_owned();
        text.contains("\r\nMessage-ID: <sent@phone.test>\r\n")
            && text.ends_with("\r\n\r\nOn my way.\r\n")
    };
    assert!(is_it(&arrived[0]));
    let mut own = sign_in(&demo, BOB);
    own.ok("EXAMINE Sent").unwrap();
    let sent = own.ok("FETCH 1:* (UID FLAGS BODY.PEEK[])").unwrap();
    let sent: Vec<_> = sent.fetched().collect();
    let [sent] = &*sent else { panic!("{sent:?}") };
    assert!(is_it(sent.body.as_ref().unwrap()));
    assert!(sent.flags.as_ref().unwrap().contains("\\Seen"));
    // A phone that got no answer sends again: nobody has it twice.
    let again = phone.ask("SendMail", &request).unwrap();
    let status = fieldpost_wbxml::tags::compose_mail::STATUS;
    assert_eq!(parse(&again).unwrap().text_of(status).unwrap(), "118");
    let after = theirs.ok("STATUS INBOX (MESSAGES)").unwrap();
    assert_eq!(after.status("MESSAGES"), Some(&*(before + 1).to_string()));
}

/// What Thunderbird asks before anybody has signed in, and the profile that a person takes to an iPhone.
#[test]
fn other_clients_are_set_up_by_files() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Demo::start(directory.path());
    let access = Access::new(&demo, BOB, "finds").unwrap();
    let get = |target: String, fields: Vec<(&'static str, String)>| -> Response {
        let request = Request {
            method: "GET",
            target,
            fields,
            ..Request::default()
        };
        access.site.connect().unwrap().ask(&request).unwrap()
    };
    let user = &access.user;
    let file = get(
        format!(
            "/mail/config-v1.1.xml?emailaddress={}",
            user.replace('@', "%40")
        ),
        Vec::new(),
    );
    assert_eq!(file.status, 200);
    let xml = String::from_utf8(file.body).unwrap();
    let port = demo.address("imaps").rsplit_once(':').unwrap().1.to_owned();
    let imap = xml
        .split_once("<incomingServer type=\"imap\">")
        .unwrap_or_else(|| panic!("{xml}"))
        .1;
    assert!(imap.contains(&format!("<port>{port}</port>")), "{xml}");
    let elsewhere = get(
        "/mail/config-v1.1.xml?emailaddress=a@elsewhere.test".into(),
        Vec::new(),
    );
    assert_eq!(elsewhere.status, 404);

    let profile = "/profile.mobileconfig".to_owned();
    assert_eq!(get(profile.clone(), Vec::new()).status, 401);
    let found = get(profile, vec![("Authorization", access.authorization())]);
    assert_eq!(found.status, 200);
    // Signed: the property list lies in it as it is.
    assert_eq!(found.body[0], 0x30);
    let text = String::from_utf8_lossy(&found.body);
    assert!(
        text.contains(&format!("<key>EmailAddress</key><string>{user}</string>")),
        "{text}"
    );
}

#[test]
fn autodiscover_leads_to_the_phones_url() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Demo::start(directory.path());
    let access = Access::new(&demo, BOB, "finds").unwrap();
    let ask =
        |request: &Request| -> Response { access.site.connect().unwrap().ask(request).unwrap() };
    let user = &access.user;
    let mut request = Request {
        method: "POST",
        target: "/autodiscover/autodiscover.xml".into(),
        fields: vec![
            ("Content-Type", "text/xml".into()),
            ("Authorization", access.authorization()),
        ],
        body: format!("<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006\"><Request><EMailAddress>{user}</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006</AcceptableResponseSchema></Request></Autodiscover>").into_bytes(),
    };
    let found = ask(&request);
    let xml = String::from_utf8(found.body).unwrap();
    assert_eq!(found.status, 200, "{xml}");
    let behind = |text: &str, open: &str, close: &str| {
        let rest = text.split_once(open)?.1;
        Some(rest.split_once(close)?.0.to_owned())
    };
    let url = behind(&xml, "<Url>", "</Url>").unwrap_or_else(|| panic!("{xml}"));
    assert!(xml.contains("<Type>MobileSync</Type>"), "{xml}");
    assert!(
        xml.contains(&format!("<EMailAddress>{user}</EMailAddress>")),
        "{xml}"
    );
    let port = demo.address("https").rsplit_once(':').unwrap().1.to_owned();
    assert!(url.starts_with("https://"), "{url}");
    let end = format!(":{port}/Microsoft-Server-ActiveSync");
    assert!(url.ends_with(&end), "{url}");

    // Version 2 says the same, and asks nobody to sign in.
    let json = ask(&Request {
        method: "GET",
        target: format!(
            "/autodiscover/autodiscover.json?Email={}&Protocol=ActiveSync",
            user.replace('@', "%40")
        ),
        ..Request::default()
    });
    assert_eq!(json.status, 200);
    let json: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(json["Protocol"], "ActiveSync");
    assert_eq!(json["Url"], *url);

    // Who does not know the password is told nothing.
    let wrong = Access {
        password: "wrong".into(),
        ..access.clone()
    };
    request.fields[1].1 = wrong.authorization();
    let refused = ask(&request);
    assert_eq!(refused.status, 401);
    assert!(
        refused
            .field("www-authenticate")
            .unwrap()
            .starts_with("Basic")
    );
    assert!(!String::from_utf8_lossy(&refused.body).contains("MobileSync"));
}

/// Demands that `mail` is all of `longer` but the header lines of these names before it.
fn is_behind(mail: &[u8], longer: &[u8], names: &[&str], about: &str) {
    let shown =
        |octets: &[u8]| String::from_utf8_lossy(&octets[..octets.len().min(999)]).into_owned();
    let before = longer
        .strip_suffix(mail)
        .unwrap_or_else(|| panic!("{about}:\n{}\nis not in\n{}", shown(mail), shown(longer)));
    let before = std::str::from_utf8(before).unwrap();
    assert!(before.ends_with("\r\n"), "{about}: {before}");
    for line in before.lines().filter(|line| !line.starts_with([' ', '\t'])) {
        let name = line.split_once(':').unwrap_or_default().0;
        assert!(names.contains(&name), "{about}: {line}");
    }
}

fn phone(demo: &Demo, account: usize, device: &str) -> Phone {
    Phone::new(Access::new(demo, account, device).unwrap()).unwrap()
}

fn inbox(phone: &mut Phone) -> Collection {
    let mut hierarchy = Hierarchy::default();
    phone.sync_folders(&mut hierarchy).unwrap();
    Collection::new(&hierarchy.id("Inbox"))
}

fn mail(subject: &str, text: &str) -> Vec<u8> {
    format!("From: a@example.org\r\nTo: b@example.org\r\nSubject: {subject}\r\n\r\n{text}").into()
}

/// When the mail was acknowledged.
fn deliver(demo: &Demo, account: usize, mail: &[u8]) -> Instant {
    let mut client = lmtp::Client::connect(&demo.address("lmtp")).unwrap();
    let (address, _) = demo.account(account);
    let replies = client.deliver("a@example.org", &[&address], mail).unwrap();
    let answered = Instant::now();
    assert!(replies[0].starts_with("250 "), "{replies:?}");
    answered
}

fn sign_in(demo: &Demo, account: usize) -> imap::Client {
    let (user, password) = demo.account(account);
    imap::Client::sign_in(&demo.address("imap"), &user, &password).unwrap()
}

fn by_pop3(demo: &Demo, account: usize) -> pop3::Client {
    let (user, password) = demo.account(account);
    pop3::Client::sign_in(&demo.address("pop3"), &user, &password).unwrap()
}

/// The number of the last mail, and its octets.
fn last_by_pop3(demo: &Demo, account: usize) -> (u32, Vec<u8>) {
    let mut pop3 = by_pop3(demo, account);
    let (number, _) = pop3.uidl().unwrap().pop().unwrap();
    let mail = pop3.retr(number).unwrap();
    pop3.quit().unwrap();
    (number, mail)
}

/// A whole mail by ItemOperations.
fn fetch(phone: &mut Phone, folder: &Collection, id: &str) -> Vec<u8> {
    let answer = phone
        .ask("ItemOperations", &format!("<itemoperations:ItemOperations><itemoperations:Fetch><itemoperations:Store>Mailbox</itemoperations:Store><airsync:CollectionId>{}</airsync:CollectionId><airsync:ServerId>{id}</airsync:ServerId><itemoperations:Options><airsync:MIMESupport>2</airsync:MIMESupport><airsyncbase:BodyPreference><airsyncbase:Type>4</airsyncbase:Type></airsyncbase:BodyPreference></itemoperations:Options></itemoperations:Fetch></itemoperations:ItemOperations>", folder.folder))
        .unwrap();
    let root = parse(&answer).unwrap();
    let body = root
        .child(item_operations::RESPONSE)
        .and_then(|response| response.child(item_operations::FETCH))
        .and_then(|fetch| fetch.child(item_operations::PROPERTIES))
        .and_then(|properties| properties.child(air_sync_base::BODY));
    let body = body.unwrap_or_else(|| panic!("{}", root.to_xml(|_| false)));
    assert_eq!(body.text_of(air_sync_base::TYPE).unwrap(), "4");
    assert!(body.child(air_sync_base::TRUNCATED).is_none());
    body.child(air_sync_base::DATA)
        .unwrap()
        .bytes()
        .into_owned()
}

/// Somebody who waits in Ping, and somebody who waits in IDLE.
struct Waiting {
    /// Status and folder, and when they came.
    pings: mpsc::Receiver<(String, String, Instant)>,
    idle: mpsc::Receiver<(String, Instant)>,
}

impl Waiting {
    fn begin(demo: &Demo, phone: &Phone, folder: &Collection) -> Self {
        let mut client = sign_in(demo, BOB);
        client.ok("SELECT INBOX").unwrap();
        let (tell, idle) = mpsc::channel();
        client.queue("IDLE");
        client.flush().unwrap();
        assert!(client.line().unwrap().starts_with("+ "));
        thread::spawn(move || {
            // It ends with the server.
            while let Ok(line) = client.line() {
                // What IMAP4rev1 has beside EXISTS.
                if !line.ends_with(" RECENT") {
                    let _ = tell.send((line, Instant::now()));
                }
            }
        });
        let (_, pings) = mpsc::channel();
        let mut waiting = Self { pings, idle };
        waiting.ping(phone, folder);
        waiting
    }

    /// A Ping of the folder.
    fn ping(&mut self, phone: &Phone, folder: &Collection) {
        let (tell, pings) = mpsc::channel();
        let mut phone = phone.beside();
        let folder = folder.folder.clone();
        thread::spawn(move || {
            phone.send_ping(&[&folder]).unwrap();
            // If it breaks, who waits for the answer is told that none will come.
            let Ok(answer) = phone.answer("Ping") else {
                return;
            };
            let came = Instant::now();
            let root = parse(&answer).unwrap();
            let status = root.text_of(ping::STATUS).unwrap().into_owned();
            let folders = root.child(ping::FOLDERS);
            let folder = folders.and_then(|folders| folders.text_of(ping::FOLDER));
            let _ = tell.send((status, folder.unwrap_or_default().into_owned(), came));
        });
        self.pings = pings;
        self.is_silent();
    }

    /// Demands that nobody has anything to say.
    fn is_silent(&self) {
        let pinged = self.pings.recv_timeout(SILENCE);
        assert_eq!(pinged, Err(mpsc::RecvTimeoutError::Timeout));
        let told = self.idle.try_recv();
        assert_eq!(told, Err(mpsc::TryRecvError::Empty));
    }

    /// What Ping answers, at once after `since`.
    fn pinged(&self, since: Instant) -> (String, String) {
        let (status, folder, came) = self.pings.recv_timeout(AT_ONCE).unwrap();
        assert!(came.saturating_duration_since(since) < AT_ONCE);
        (status, folder)
    }

    /// The flags that the next line in IDLE tells, sorted.
    fn flags_in_idle(&self, since: Instant) -> Vec<String> {
        let line = self.told_in_idle(since);
        let flags = line
            .split_once(" FETCH (FLAGS (")
            .map(|(_, rest)| rest.split_once(')'));
        let flags = flags.flatten().unwrap_or_else(|| panic!("{line}")).0;
        // `\Recent` is for one session and no other.
        let flags = flags
            .split(' ')
            .filter(|flag| !["", "\\Recent"].contains(flag));
        let mut flags: Vec<String> = flags.map(str::to_owned).collect();
        flags.sort();
        flags
    }

    /// The next line in IDLE, at once after `since`.
    fn told_in_idle(&self, since: Instant) -> String {
        let (line, came) = self.idle.recv_timeout(AT_ONCE).unwrap();
        assert!(came.saturating_duration_since(since) < AT_ONCE);
        line
    }
}
