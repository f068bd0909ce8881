//! Mail that moves in from other servers and out again: Maildir as Dovecot keeps it, mbox files as several programs write
//! them, with flags, keywords, dates, uids, unique-ids, folders and subscriptions.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::Path,
    process::Command,
    time::{Duration, UNIX_EPOCH},
};

use serde_json::Value;
use support::{Site, succeeded};

const ANNA: &str = "anna@example.org";
const BO: &str = "bo@example.org";

/// Older than any account of a test.
const VALIDITY: u32 = 1_500_000_000;

fn site() -> Site {
    let site = Site::new("");
    site.add(ANNA, "a long enough password");
    site.add(BO, "a long enough password");
    site
}

fn write(path: &Path, text: &str, seconds: i64) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 {
        UNIX_EPOCH - distance
    } else {
        UNIX_EPOCH + distance
    };
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

fn maildir(path: &Path) {
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(path.join(part)).unwrap();
    }
}

/// A Maildir++ as Dovecot leaves it behind.
fn dovecots(root: &Path) {
    let message = |name: &str| format!("Subject: {name}\n\nFrom here\n>From there\n\n{name}\n");
    for (directory, validity, next) in [
        ("", VALIDITY, 90),
        (".Entw&APw-rfe.2024", VALIDITY + 1, 5),
        (".Sent Messages", VALIDITY + 2, 3),
        (".Notes", VALIDITY + 3, 1),
        (".Spam", VALIDITY + 4, 1),
    ] {
        let directory = root.join(directory);
        maildir(&directory);
        let header = format!("3 V{validity} N{next} G57084c0b71d2056b7e26000083ecc375\n");
        fs::write(directory.join("dovecot-uidlist"), header).unwrap();
    }
    let add = |directory: &str, line: &str| {
        let path = root.join(directory).join("dovecot-uidlist");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text + line).unwrap();
    };
    // The order of uids is not that of names.
    for (name, letters, seconds) in [
        ("cur/30.M1P1.host,S=49,W=55", ":2,FS", 1_400_000_000),
        ("cur/20.M1P1.host", ":2,DRTac", -5),
        ("new/10.M1P1.host", "", 7),
        ("new/11.M1P1.host", ":2,Sb", 8),
        ("cur/40.M1P1.host", ":2,", 9),
    ] {
        write(
            &root.join(format!("{name}{letters}")),
            &message(name),
            seconds,
        );
    }
    add(
        "",
        "3 P0000001x W55 :30.M1P1.host,S=49,W=55\n7 :20.M1P1.host\n",
    );
    add("", "20 :10.M1P1.host\n21 :11.M1P1.host\n22 :gone.host\n");
    fs::write(
        root.join("dovecot-keywords"),
        "0 $Forwarded\n1 NonJunk\n2 work\n",
    )
    .unwrap();
    write(
        &root.join(".Entw&APw-rfe.2024/cur/1.host:2,a"),
        &message("draft"),
        1_300_000_000,
    );
    add(".Entw&APw-rfe.2024", "4 :1.host\n");
    fs::write(root.join(".Entw&APw-rfe.2024/dovecot-keywords"), "0 work\n").unwrap();
    write(
        &root.join(".Sent Messages/cur/1.host:2,S"),
        &message("sent"),
        1_300_000_001,
    );
    add(".Sent Messages", "2 :1.host\n");
    fs::write(
        root.join("subscriptions"),
        "V\t2\n\nEntw&APw-rfe\t2024\nSent Messages\n",
    )
    .unwrap();
}

fn folder(site: &Site, address: &str, path: &str) -> Value {
    let folders = site.json(&["folder", "list", address]);
    let mut all = folders.as_array().unwrap().iter();
    let found = all.find(|folder| folder["path"] == path);
    found
        .unwrap_or_else(|| panic!("{path} in {folders}"))
        .clone()
}

fn export(site: &Site, address: &str, how: &str, name: &str) -> Value {
    let target = site.path().join(name);
    let target = target.to_str().unwrap();
    let target = if how == "--mbox" {
        format!("{target}/")
    } else {
        target.to_owned()
    };
    site.json(&["export", address, how, &target])
}

fn import(site: &Site, address: &str, how: &str, name: &str) -> Value {
    let source = site.path().join(name);
    site.json(&["import", address, how, source.to_str().unwrap()])
}

/// Every file below a directory with its bytes and, if it is a message's, its date.
fn files(root: &Path) -> BTreeMap<String, (String, i64)> {
    let mut files = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            let is_message = name.contains("cur/");
            let date = if is_message {
                path.metadata().unwrap().mtime()
            } else {
                0
            };
            files.insert(name.to_owned(), (fs::read_to_string(&path).unwrap(), date));
        }
    }
    files
}

fn has(answer: &Value, text: &str) -> bool {
    let lines = answer["left_out"].as_array().unwrap();
    lines
        .iter()
        .any(|line| line.as_str().unwrap().contains(text))
}

#[test]
fn a_maildir_of_dovecots_comes_in_with_all_that_it_knows() {
    let site = site();
    dovecots(&site.path().join("in"));
    let answer = import(&site, ANNA, "--maildir", "in");
    assert_eq!(answer["items"], 7);
    assert_eq!(answer["left_out"], serde_json::json!([]));
    // Folders: the special ones by their names, one for mail beside the one for notes, subscriptions.
    let inbox = folder(&site, ANNA, "INBOX");
    assert_eq!(inbox["uid_validity"], VALIDITY);
    assert_eq!(
        (&inbox["uid_next"], &inbox["items"]),
        (&91.into(), &5.into())
    );
    let sent = folder(&site, ANNA, "Sent");
    assert_eq!(
        (&sent["items"], &sent["special_use"]),
        (&1.into(), &"sent".into())
    );
    assert_eq!(sent["uid_validity"], VALIDITY + 2);
    assert_eq!(folder(&site, ANNA, "Junk")["uid_validity"], VALIDITY + 4);
    assert_eq!(folder(&site, ANNA, "Notes (mail)")["items"], 0);
    assert_eq!(folder(&site, ANNA, "Entwürfe/2024")["uid_next"], 5);

    let answer = export(&site, ANNA, "--maildir", "out");
    assert_eq!(answer["items"], 7);
    let out = site.path().join("out");
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    // 20, 21 and 22 are not 1.5 billion seconds ago, but in the order of their uids; the file that Dovecot did not know
    // yet is behind all that it gave out.
    let uidl = |uid: u32| format!("{uid:08x}{VALIDITY:08x}");
    let file = |date: u32, uid: u32| format!("{date}.V{VALIDITY}U{uid:010}.fieldpost");
    let last = read("dovecot-uidlist").lines().last().unwrap().to_owned();
    assert!(
        last.starts_with(&format!("90 P{VALIDITY:08x}.0000005a W")),
        "{last}"
    );
    let sizes = |uid: u32, date: i64| {
        let list = read("dovecot-uidlist");
        let line = list
            .lines()
            // The first one is the version, which is 3.
            .skip(1)
            .find(|line| line.starts_with(&format!("{uid} ")));
        let line = line.unwrap();
        let (fields, name) = line.split_once(" :").unwrap();
        let size: usize = fields.rsplit_once('W').unwrap().1.parse().unwrap();
        let path = files(&out)
            .into_iter()
            .find(|(path, _)| path.starts_with(&format!("cur/{name}:")));
        let (path, (text, modified)) = path.unwrap();
        assert_eq!(modified, date);
        assert_eq!(size, text.len() + text.matches('\n').count());
        path.rsplit_once(',').unwrap().1.to_owned()
    };
    assert_eq!(sizes(3, 1_400_000_000), "FS");
    // The letters are given anew, in the order in which keywords are met.
    assert_eq!(sizes(7, -5), "DRTab");
    assert_eq!(sizes(20, 7), "");
    assert_eq!(sizes(21, 8), "Sc");
    assert_eq!(
        read("dovecot-keywords"),
        "0 $Forwarded\n1 work\n2 NonJunk\n"
    );
    let list = read("dovecot-uidlist");
    assert!(
        list.starts_with(&format!("3 V{VALIDITY} N91\n3 P0000001x W")),
        "{list}"
    );
    assert!(list.contains(&format!("7 P{} W", uidl(7))), "{list}");
    assert!(list.contains(&format!(":{}\n", file(8, 21))), "{list}");
    let subscriptions = read("subscriptions");
    assert!(
        subscriptions.contains("\nEntw&APw-rfe\t2024\n"),
        "{subscriptions}"
    );
    assert!(subscriptions.contains("\nSent\n"), "{subscriptions}");
    assert!(out.join(".Notes (mail)/cur").is_dir());
}

#[test]
fn what_goes_out_comes_in_and_goes_out_the_same() {
    for how in ["--maildir", "--mbox"] {
        let site = site();
        dovecots(&site.path().join("in"));
        import(&site, ANNA, "--maildir", "in");
        export(&site, ANNA, how, "one");
        let answer = import(&site, BO, how, "one");
        assert_eq!(answer["items"], 7);
        export(&site, BO, how, "two");
        let (mut one, mut two) = (
            files(&site.path().join("one")),
            files(&site.path().join("two")),
        );
        // Folders made here have uids of their own in each account: those that held nothing, and one above another.
        for files in [&mut one, &mut two] {
            files.retain(|name, _| {
                let is_uidlist = name.ends_with("dovecot-uidlist");
                let from_there = [
                    "dovecot-uidlist",
                    ".Entw&APw-rfe.2024/dovecot-uidlist",
                    ".Sent/dovecot-uidlist",
                ];
                !is_uidlist || from_there.contains(&name.as_str())
            });
        }
        assert_eq!(
            one.keys().collect::<Vec<_>>(),
            two.keys().collect::<Vec<_>>()
        );
        for (name, file) in &one {
            assert_eq!(Some(file), two.get(name), "{how} {name}");
        }
        assert!(one.len() > 8, "{one:?}");
        if how == "--mbox" {
            assert!(one.contains_key("Entw&APw-rfe.sbd/2024"), "{one:?}");
            let text = &one["INBOX"].0;
            assert!(text.contains(&format!("X-IMAPbase: {VALIDITY} 0000000090\n")));
            assert!(text.contains("X-UIDL: 0000001x\n"));
            assert!(text.contains("X-Keywords: $Forwarded work\n"));
            assert!(text.contains("From MAILER-DAEMON Wed Dec 31 23:59:55 1969\n"));
        }
    }
}

#[test]
fn uids_are_given_anew_where_the_old_ones_could_be_mistaken() {
    let site = site();
    dovecots(&site.path().join("in"));
    let message = b"Subject: x\n\nhere before\n";
    succeeded(&site.run_with(&["deliver", ANNA], message));
    let before = folder(&site, ANNA, "INBOX");
    let answer = import(&site, ANNA, "--maildir", "in");
    assert!(has(&answer, "INBOX is not new"), "{answer}");
    let after = folder(&site, ANNA, "INBOX");
    assert_eq!(after["uid_validity"], before["uid_validity"]);
    assert_eq!(after["uid_next"], 7);
    // The other folders were new.
    assert_eq!(folder(&site, ANNA, "Sent")["uid_validity"], VALIDITY + 2);
    // POP3's unique-ids stay all the same.
    site.ok(&["export", ANNA, "--mbox", "out.mbox"]);
    let text = fs::read_to_string(site.path().join("out.mbox")).unwrap();
    assert!(text.contains("X-UIDL: 0000001x\n"), "{text}");
    // Into one folder all together: no uids, but all of the mail.
    let source = site.path().join("in");
    let source = source.to_str().unwrap();
    let answer = site.json(&["import", BO, "--maildir", source, "--folder", "Old/All"]);
    assert_eq!(answer["items"], 7);
    assert_eq!(folder(&site, BO, "Old/All")["uid_next"], 8);
}

#[test]
fn a_second_run_brings_only_what_is_new_and_how_it_is_marked() {
    let site = site();
    let root = site.path().join("in");
    dovecots(&root);
    import(&site, ANNA, "--maildir", "in");
    let again = import(&site, ANNA, "--maildir", "in");
    assert_eq!(
        (&again["items"], &again["known"], &again["changed"]),
        (&0.into(), &7.into(), &0.into())
    );
    assert_eq!(again["left_out"], serde_json::json!([]));
    assert_eq!(folder(&site, ANNA, "INBOX")["uid_next"], 91);

    // There, one is marked otherwise, one goes, two come: one that Dovecot has given a uid, and one that it has not.
    let rename = |from: &str, to: &str| fs::rename(root.join(from), root.join(to)).unwrap();
    rename("cur/20.M1P1.host:2,DRTac", "cur/20.M1P1.host:2,FRa");
    fs::remove_file(root.join("new/11.M1P1.host:2,Sb")).unwrap();
    write(&root.join("cur/50.host:2,S"), "Subject: new\n\nx\n", 50);
    write(&root.join("new/51.host"), "Subject: newest\n\nx\n", 51);
    let list = fs::read_to_string(root.join("dovecot-uidlist")).unwrap();
    let list = list.replace(" N90 ", " N96 ") + "91 :40.M1P1.host\n95 :50.host\n";
    fs::write(root.join("dovecot-uidlist"), list).unwrap();
    let third = import(&site, ANNA, "--maildir", "in");
    // What had no uid there has one by now, so it is taken for another one: it cannot be told.
    assert_eq!(
        (&third["items"], &third["known"], &third["changed"]),
        (&3.into(), &5.into(), &1.into())
    );
    export(&site, ANNA, "--maildir", "out");
    let out = files(&site.path().join("out"));
    let letters = |uid: u32| {
        let name = format!("cur/{{}}.V{VALIDITY}U{uid:010}.fieldpost");
        let (_, end) = name.split_once("{}").unwrap();
        let found = out.keys().find(|path| path.contains(end));
        found.map(|path| path.rsplit_once(',').unwrap().1.to_owned())
    };
    // The letters of keywords are given anew: the first one met is a.
    assert_eq!(letters(7).as_deref(), Some("FRa"));
    assert_eq!(letters(21).as_deref(), Some("Sb"), "what came stays");
    assert_eq!(letters(95).as_deref(), Some("S"));
    assert_eq!(folder(&site, ANNA, "INBOX")["uid_next"], 97);
}

#[test]
fn a_tree_of_eml_files_comes_in_once() {
    let site = site();
    let root = site.path().join("saved");
    let received = "Received: by a; Thu, 1 Jan 1970 00:01:40 +0000\n";
    write(
        &root.join("one.eml"),
        &format!("{received}Subject: 1\n\nx\n"),
        5,
    );
    write(&root.join("Old/two.EML"), "Subject: 2\n\nx\n", 50);
    write(
        &root.join("Old/Deep/three.eml"),
        "Subject: 3\r\n\r\nx\r\n",
        60,
    );
    write(&root.join("Old/readme.txt"), "Subject: 4\n\nx\n", 70);
    let answer = import(&site, ANNA, "--eml", "saved");
    assert_eq!(answer["items"], 3);
    assert_eq!(folder(&site, ANNA, "INBOX")["items"], 1);
    assert_eq!(folder(&site, ANNA, "Old/Deep")["items"], 1);
    let again = import(&site, ANNA, "--eml", "saved");
    assert_eq!((&again["items"], &again["known"]), (&0.into(), &3.into()));
    export(&site, ANNA, "--maildir", "out");
    let out = files(&site.path().join("out"));
    let date = |start: &str| {
        let (name, (_, date)) = out
            .iter()
            .find(|(name, _)| name.starts_with(start))
            .unwrap();
        assert!(name.ends_with(":2,S"), "{name}");
        *date
    };
    assert_eq!(
        [date("cur/"), date(".Old/cur/"), date(".Old.Deep/cur/")],
        [100, 50, 60]
    );
    fs::create_dir(site.path().join("empty")).unwrap();
    let empty = site.path().join("empty");
    site.fails(4, &["import", ANNA, "--eml", empty.to_str().unwrap()]);
}

#[test]
fn mbox_files_that_come_twice_come_once() {
    let site = site();
    let message = |subject: &str| {
        format!("From a@b Thu Jan  1 00:00:07 1970\nSubject: {subject}\n\nbody\n\n")
    };
    // Two of the same are two.
    let text = message("twin") + &message("twin") + &message("one");
    fs::write(site.path().join("in.mbox"), &text).unwrap();
    assert_eq!(import(&site, ANNA, "--mbox", "in.mbox")["items"], 3);
    fs::write(site.path().join("in.mbox"), text + &message("two")).unwrap();
    let again = import(&site, ANNA, "--mbox", "in.mbox");
    assert_eq!((&again["items"], &again["known"]), (&1.into(), &3.into()));
    // Elsewhere they have not been.
    let source = site.path().join("in.mbox");
    let source = source.to_str().unwrap();
    let other = site.json(&["import", ANNA, "--mbox", source, "--folder", "Other"]);
    assert_eq!(other["items"], 4);
}

#[test]
fn keywords_that_cannot_be_kept_keep_no_mail_out() {
    let site = site();
    let keywords: Vec<String> = (0..130).map(|number| format!(" k{number}")).collect();
    let keywords = keywords.concat();
    let text = format!(
        "From a@b Thu Jan  1 00:00:07 1970\nX-Keywords: fine b(ad\nSubject: x\n\none\n\n\
         From a@b Thu Jan  1 00:00:07 1970\nX-Keywords:{keywords}\nSubject: y\n\ntwo\n\n\
         From a@b Thu Jan  1 00:00:07 1970\nX-Keywords: fine\nSubject: z\n\nthree\n"
    );
    fs::write(site.path().join("in.mbox"), text).unwrap();
    let answer = import(&site, ANNA, "--mbox", "in.mbox");
    assert_eq!(answer["items"], 3);
    assert!(has(&answer, "\"b(ad\" cannot be kept"), "{answer}");
    // More than there are letters in a Maildir.
    let mails: Vec<String> = (0..30)
        .map(|number| {
            format!(
                "From a@b Thu Jan  1 00:00:07 1970\nX-Keywords: m{number}\nSubject: {number}\n\nx\n\n"
            )
        })
        .collect();
    fs::write(site.path().join("many.mbox"), mails.concat()).unwrap();
    import(&site, BO, "--mbox", "many.mbox");
    let answer = export(&site, BO, "--maildir", "out");
    assert!(has(&answer, "no room for the keyword m26"), "{answer}");
    assert_eq!(answer["items"], 30);
}

#[test]
fn a_tree_of_mbox_files_comes_in() {
    let site = site();
    let root = site.path().join("mail");
    let message = |uid: u32, more: &str| {
        format!("From a@b Fri Jan  2 00:00:00 1970\nX-UID: {uid}\n{more}Subject: {uid}\n\nbody\n\n")
    };
    let base = format!("X-IMAPbase: {VALIDITY} 0000000009 work\n");
    write(&root.join("inbox"), &message(5, &base), 0);
    let text = message(1, "Status: RO\nX-Status: AFTD\nContent-Length: 9999\n") + &message(2, "");
    write(&root.join("Projekte/Gr&APw-n"), &text, 0);
    write(&root.join("Thunder.sbd/Bird"), &message(1, ""), 0);
    write(&root.join("Thunder"), "", 0);
    write(&root.join("Trash"), &message(1, ""), 0);
    write(&root.join("Thunder.msf"), "x", 0);
    write(&root.join(".hidden"), "x", 0);
    write(&root.join("readme"), "nothing\n", 0);
    write(&root.join(".subscriptions"), "Projekte/Gr&APw-n\n", 0);
    let answer = import(&site, ANNA, "--mbox", "mail");
    assert_eq!(answer["items"], 5);
    assert!(has(&answer, "readme is no mbox file"), "{answer}");
    let inbox = folder(&site, ANNA, "INBOX");
    assert_eq!(inbox["uid_validity"], VALIDITY);
    assert_eq!(inbox["uid_next"], 10);
    assert_eq!(folder(&site, ANNA, "Projekte/Grün")["items"], 2);
    assert_eq!(folder(&site, ANNA, "Thunder/Bird")["items"], 1);
    assert_eq!(folder(&site, ANNA, "Thunder")["items"], 0);
    assert_eq!(folder(&site, ANNA, "Trash")["items"], 1);
    export(&site, ANNA, "--maildir", "out");
    let out = files(&site.path().join("out"));
    let marked = out.iter().find(|(name, _)| name.ends_with(":2,DFRST"));
    let (name, (text, date)) = marked.unwrap();
    assert!(name.starts_with(".Projekte.Gr&APw-n/cur/"), "{name}");
    assert_eq!(text, "Content-Length: 9999\nSubject: 1\n\nbody\n");
    assert_eq!(*date, 86_400);
    assert!(out["subscriptions"].0.contains("\nProjekte\tGr&APw-n\n"));
    site.fails(4, &["import", ANNA, "--mbox", "out/cur"]);
}

/// Runs doveadm on a Maildir, without a server of Dovecot's.
fn doveadm(site: &Site, maildir: &Path, arguments: &[&str]) -> String {
    let owner = rustix::process::getuid().as_raw();
    // Dovecot reads no mail as root.
    let user = if owner == 0 { 65_534 } else { owner };
    let config = site.path().join("dovecot.conf");
    fs::write(
        &config,
        format!(
            "base_dir = {0}\nlog_path = /dev/stderr\nssl = no\nprotocols =\nmail_location = maildir:{1}\n\
             first_valid_uid = 1\nmail_uid = {user}\nmail_gid = {user}\n\
             namespace inbox {{\n  inbox = yes\n  separator = /\n}}\n",
            site.path().join("run").display(),
            maildir.display()
        ),
    )
    .unwrap();
    if owner == 0 {
        fs::set_permissions(
            site.path(),
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .unwrap();
        let owned = Command::new("chown")
            .args(["-R", "65534:65534"])
            .arg(maildir)
            .status();
        assert!(owned.unwrap().success());
    }
    let output = Command::new("doveadm")
        .arg("-c")
        .arg(&config)
        .args(arguments)
        .env("USER", "someone")
        .env("HOME", site.path())
        .output()
        .expect("doveadm is needed (Debian: apt-get install dovecot-core)");
    succeeded(&output)
}

#[test]
fn dovecot_reads_what_goes_out_and_what_it_writes_comes_back() {
    let site = site();
    dovecots(&site.path().join("in"));
    import(&site, ANNA, "--maildir", "in");
    export(&site, ANNA, "--maildir", "out");
    let out = site.path().join("out");
    let ask = |arguments: &[&str]| doveadm(&site, &out, arguments);
    let answer = ask(&[
        "-f",
        "flow",
        "fetch",
        "uid flags pop3.uidl size.virtual",
        "mailbox",
        "INBOX",
    ]);
    let lines: Vec<&str> = answer.lines().collect();
    assert_eq!(lines.len(), 5, "{answer}");
    assert!(lines[0].starts_with("uid=3 "), "{answer}");
    assert!(
        lines[0].contains("\\Flagged") && lines[0].contains("\\Seen"),
        "{answer}"
    );
    assert!(lines[0].contains("pop3.uidl=0000001x"), "{answer}");
    assert!(
        lines[1].contains("$Forwarded") && lines[1].contains("work"),
        "{answer}"
    );
    let status = ask(&["mailbox", "status", "uidvalidity uidnext", "INBOX"]);
    assert!(
        status.contains(&format!("uidnext=91 uidvalidity={VALIDITY}")),
        "{status}"
    );
    let subscribed = ask(&["mailbox", "list", "-s"]);
    assert!(
        subscribed.contains("Entwürfe/2024") || subscribed.contains("Entw&APw-rfe/2024"),
        "{subscribed}"
    );

    ask(&[
        "flags",
        "add",
        "later \\Answered",
        "mailbox",
        "INBOX",
        "uid",
        "20",
    ]);
    ask(&["expunge", "mailbox", "INBOX", "uid", "90"]);
    let answer = import(&site, BO, "--maildir", "out");
    assert_eq!(answer["items"], 6);
    let inbox = folder(&site, BO, "INBOX");
    assert_eq!(
        (&inbox["uid_validity"], &inbox["uid_next"]),
        (&VALIDITY.into(), &91.into())
    );
    site.ok(&["export", BO, "--mbox", "back.mbox"]);
    let text = fs::read_to_string(site.path().join("back.mbox")).unwrap();
    let changed = text
        .split("From MAILER-DAEMON")
        .find(|message| message.contains("X-UID: 20\n"));
    let changed = changed.unwrap();
    assert!(
        changed.contains("X-Status: A\nX-Keywords: later\n"),
        "{changed}"
    );
}
