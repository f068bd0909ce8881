//! Real IMAP clients against the demo server: mbsync, offlineimap, neomutt, curl, Python's imaplib and imapclient. Each must see the
//! mail that was delivered, octet by octet, and what one changes, the others see.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use fieldpost_tests::{
    Post,
    programs::{run, succeeded},
};

/// All files of mail under a Maildir tree.
fn maildir(directory: &Path) -> Vec<Vec<u8>> {
    files(directory)
        .iter()
        .map(|path| fs::read(path).unwrap())
        .collect()
}

/// Their names, in order.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path
                .parent()
                .is_some_and(|parent| parent.ends_with("cur") || parent.ends_with("new"))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn mbsync_both_ways_and_then_has_nothing_to_do() {
    let post = Post::delivered();
    let mail = post.room.join("mail");
    fs::create_dir(&mail).unwrap();
    let config = post.file(
        "mbsyncrc",
        &format!(
            "IMAPAccount post\nHost localhost\nPort {}\nUser {}\nPass {}\nSSLType IMAPS\nCertificateFile {}\n\nIMAPStore far\nAccount post\n\nMaildirStore near\nPath {mail}/\nInbox {mail}/INBOX\nSubFolders Verbatim\n\nChannel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n",
            post.port("imaps"),
            post.address,
            post.password,
            post.ca(),
            mail = mail.display(),
        ),
    );
    let mbsync = || {
        let output = run(
            "isync",
            Command::new("mbsync").arg("-c").arg(&config).arg("-a"),
        );
        succeeded(&output);
    };
    mbsync();
    post.assert_are_there(&maildir(&mail));
    let before = maildir(&mail).len();
    // A message of ours goes there, and flags of ours too.
    let own = mail.join("INBOX/new/1.own");
    fs::write(&own, "From: me@example.org\nSubject: from near\n\nhello\n").unwrap();
    mbsync();
    let told = post.python(
        "python3",
        "import imaplib, os, ssl\n\
         c = imaplib.IMAP4_SSL('localhost', int(os.environ['IMAPS']), ssl_context=ssl.create_default_context(cafile=os.environ['CA']))\n\
         c.login(os.environ['USER_NAME'], os.environ['PASSWORD'])\n\
         c.select('INBOX')\n\
         print(c.search(None, 'SUBJECT', '\"from near\"')[1][0].decode())\n\
         c.store('1', '+FLAGS', '(\\\\Flagged)')\n\
         c.logout()\n",
    );
    assert!(
        !told.trim().is_empty(),
        "the message from near is not there"
    );
    mbsync();
    let is_flagged = |path: &PathBuf| {
        let name = path.to_string_lossy();
        name.rsplit_once(":2,")
            .is_some_and(|(_, flags)| flags.contains('F'))
    };
    assert!(files(&mail).iter().any(is_flagged));
    assert_eq!(maildir(&mail).len(), before + 1);
    // Nothing is left to do: neither side changes.
    let state = || {
        let told = post.python(
            "python3",
            "import imaplib, os, ssl\n\
             c = imaplib.IMAP4_SSL('localhost', int(os.environ['IMAPS']), ssl_context=ssl.create_default_context(cafile=os.environ['CA']))\n\
             c.login(os.environ['USER_NAME'], os.environ['PASSWORD'])\n\
             for box in 'INBOX', 'Archive', 'Sent':\n    print(c.status(box, '(MESSAGES HIGHESTMODSEQ UIDNEXT)')[1])\n\
             c.logout()\n",
        );
        (told, files(&mail))
    };
    let synchronised = state();
    mbsync();
    assert_eq!(state(), synchronised);
}

#[test]
fn offlineimap_reads_all_and_then_copies_nothing() {
    let post = Post::delivered();
    let mail = post.room.join("offline");
    let config = post.file(
        "offlineimaprc",
        &format!(
            "[general]\naccounts = post\nmetadata = {meta}\nui = basic\n\n[Account post]\nlocalrepository = near\nremoterepository = far\n\n[Repository near]\ntype = Maildir\nlocalfolders = {mail}\n\n[Repository far]\ntype = IMAP\nremotehost = localhost\nremoteport = {port}\nremoteuser = {user}\nremotepass = {password}\nssl = yes\nsslcacertfile = {ca}\n",
            meta = post.room.join("meta").display(),
            mail = mail.display(),
            port = post.port("imaps"),
            user = post.address,
            password = post.password,
            ca = post.ca(),
        ),
    );
    let offlineimap = || {
        let output = run(
            "offlineimap3",
            Command::new("offlineimap")
                .arg("-o")
                .arg("-c")
                .arg(&config)
                .env("HOME", &post.room),
        );
        succeeded(&output);
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr)
    };
    offlineimap();
    post.assert_are_there(&maildir(&mail));
    let again = offlineimap();
    assert!(!again.contains("Copy message"), "{again}");
}

#[test]
fn curl_lists_reads_and_searches() {
    let post = Post::delivered();
    let url = |rest: &str| format!("imaps://localhost:{}/{rest}", post.port("imaps"));
    let curl = |url: String, more: &[&str]| {
        let output = run(
            "curl",
            Command::new("curl")
                .args(["--silent", "--show-error", "--cacert", &post.ca(), "--user"])
                .arg(format!("{}:{}", post.address, post.password))
                .args(more)
                .arg(url),
        );
        succeeded(&output);
        output.stdout
    };
    let listed = String::from_utf8(curl(url(""), &[])).unwrap();
    assert!(
        listed.contains("INBOX") && listed.contains("\\Drafts"),
        "{listed}"
    );
    let found = String::from_utf8(curl(url("INBOX?SUBJECT%20plain"), &[])).unwrap();
    assert!(found.trim().starts_with("* SEARCH "), "{found}");
    let number = found.trim().rsplit(' ').next().unwrap();
    let read = curl(url(&format!("INBOX;MAILINDEX={number}")), &[]);
    assert!(
        read.ends_with(&post.mails[0]),
        "{}",
        String::from_utf8_lossy(&read)
    );
    let upload = post.file("upload.eml", "Subject: by curl\r\n\r\nhello\r\n");
    curl(url("Drafts"), &["-T", upload.to_str().unwrap()]);
    let found = String::from_utf8(curl(url("Drafts?SUBJECT%20curl"), &[])).unwrap();
    assert_eq!(found.trim(), "* SEARCH 1");
}

#[test]
fn neomutt_shows_and_copies_a_mailbox() {
    let post = Post::delivered();
    let target = post.room.join("copy");
    let config = post.file(
        "neomuttrc",
        &format!(
            "set ssl_ca_certificates_file=\"{}\"\nset ssl_verify_host=yes\nset imap_user=\"{}\"\nset imap_pass=\"{}\"\nset folder=\"imaps://localhost:{port}/\"\nset spoolfile=\"imaps://localhost:{port}/INBOX\"\nset mbox_type=Maildir\nset confirmcreate=no\nset confirmappend=no\nset delete=no\nset quit=yes\nset sort=mailbox-order\nset header_cache=\"\"\n",
            post.ca(),
            post.address,
            post.password,
            port = post.port("imaps"),
        ),
    );
    // neomutt wants a terminal: `script` is one.
    let keys = format!(
        "push \"<tag-pattern>~A<enter><tag-prefix><copy-message>{}<enter><exit>\"",
        target.display()
    );
    let command = format!("neomutt -F '{}' -e '{keys}'", config.display());
    let output = run(
        "bsdutils",
        Command::new("timeout")
            .args([
                "60",
                "script",
                "--quiet",
                "--return",
                "--command",
                &command,
                "/dev/null",
            ])
            .env("TERM", "xterm")
            .env("HOME", &post.room),
    );
    assert!(target.exists(), "{output:?}");
    post.assert_are_there(&maildir(&target));
}

#[test]
fn imaplib_and_imapclient_read_change_and_wait() {
    let post = Post::delivered();
    let told = post.python(
        "python3-imapclient",
        r#"
import imaplib, os, ssl
context = ssl.create_default_context(cafile=os.environ['CA'])
c = imaplib.IMAP4('localhost', int(os.environ['IMAP']))
c.starttls(context)
c.authenticate('PLAIN', lambda _: b'\0' + os.environ['USER_NAME'].encode() + b'\0' + os.environ['PASSWORD'].encode())
assert c.create('Projects/One')[0] == 'OK'
assert c.select('INBOX')[0] == 'OK'
numbers = c.search(None, 'SUBJECT', '"dots"')[1][0].split()
assert len(numbers) == 1, numbers
body = c.fetch(numbers[0], '(BODY.PEEK[])')[1][0][1]
assert body.endswith(b'.\r\n..\r\nend\r\n'), body
assert c.copy(numbers[0], 'Projects/One')[0] == 'OK'
assert c.append('Projects/One', r'(\Seen)', None, b'Subject: appended\r\n\r\nx\r\n')[0] == 'OK'
assert c.select('Projects/One')[1] == [b'2']
assert c.sort('REVERSE ARRIVAL', 'UTF-8', 'ALL')[1] in ([b'2 1'], [b'1 2'])
assert c.thread('REFERENCES', 'UTF-8', 'ALL')[0] == 'OK'
c.store('1', '+FLAGS', r'(\Deleted)')
assert c.expunge()[1] == [b'1']
c.close(); c.logout()

from imapclient import IMAPClient
with IMAPClient('localhost', port=int(os.environ['IMAPS']), ssl_context=context) as i:
    i.login(os.environ['USER_NAME'], os.environ['PASSWORD'])
    print(sorted(name for _, _, name in i.list_folders()))
    i.select_folder('INBOX')
    found = i.search(['SUBJECT', 'Grüße'], charset='UTF-8')
    assert len(found) == 1, found
    data = i.fetch(found, ['ENVELOPE', 'BODYSTRUCTURE', 'FLAGS', 'RFC822.SIZE', 'INTERNALDATE'])
    assert data[found[0]][b'ENVELOPE'].message_id == b'<3@example.org>', data
    i.idle()
    with IMAPClient('localhost', port=int(os.environ['IMAPS']), ssl_context=context) as other:
        other.login(os.environ['USER_NAME'], os.environ['PASSWORD'])
        other.select_folder('INBOX')
        other.add_flags(found, [rb'\Answered'])
    heard = i.idle_check(timeout=30)
    assert any(b'FETCH' in line for line in heard), heard
    i.idle_done()
    i.move(found, 'Archive')
    i.select_folder('Archive')
    assert len(i.search('ANSWERED')) == 1
"#,
    );
    assert!(told.contains("Projects/One"), "{told}");
}
