//! The request of each ActiveSync command: any bytes, or a document that is put together of the command's own tags with
//! values that mean something. It is read and carried out as the server does it, by a device that knows its folders and has
//! begun with its inbox; the answer parses, and nobody else's mailbox is touched.
//!
//! Input: a byte for the command, one for the version (its lowest two bits) and for the form of the rest (its third: a list
//! of tokens, else the document itself). `@K` stands for the device's newest key, of its inbox or its list of folders, `@F`
//! for its inbox. Of GetAttachment, which has no document, it is the name of the attachment.
#![no_main]

mod activesync;

use std::sync::{Mutex, OnceLock};

use fieldpost_wbxml::{
    Command, Encoder, Tag,
    schema::{self, Direction, Rule},
    tags::{air_sync, folder_hierarchy},
};

use crate::activesync::{Office, key_in, sends, with};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    static DEVICE: OnceLock<Device> = OnceLock::new();
    let [code, form, rest @ ..] = input else {
        return;
    };
    let device = DEVICE.get_or_init(Device::begin);
    let command = Command::ALL[usize::from(*code) % Command::ALL.len()];
    let version = VERSIONS[usize::from(form & 3) % VERSIONS.len()];
    let document = if form & 4 == 0 {
        rest.to_vec()
    } else {
        document(command, rest)
    };
    let office = &device.office;
    office
        .runtime
        .block_on(device.ask(command, version, &document));
});

const VERSIONS: [&str; 3] = ["14.1", "14.0", "12.1"];

struct Device {
    office: Office,
    /// The newest key of its inbox, and of its list of folders.
    keys: Mutex<[String; 2]>,
}

impl Device {
    fn begin() -> Self {
        let device = Self {
            office: Office::open(),
            keys: Mutex::new(["0".into(), "0".into()]),
        };
        device.office.runtime.block_on(async {
            let mut folders = Encoder::new();
            folders.start(folder_hierarchy::FOLDER_SYNC);
            folders.text(folder_hierarchy::SYNC_KEY, "0");
            let folders = folders.finish();
            device.ask(Command::FolderSync, VERSIONS[0], &folders).await;
            let mut inbox = Encoder::new();
            for tag in [air_sync::SYNC, air_sync::COLLECTIONS, air_sync::COLLECTION] {
                inbox.start(tag);
            }
            inbox.text(air_sync::SYNC_KEY, "0");
            inbox.text(air_sync::COLLECTION_ID, "@F");
            let inbox = inbox.finish();
            device.ask(Command::Sync, VERSIONS[0], &inbox).await;
        });
        let keys = device.keys.lock().unwrap().clone();
        assert!(keys.iter().all(|key| key != "0"), "{keys:?}");
        device
    }

    async fn ask(&self, command: Command, version: &str, document: &[u8]) {
        let office = &self.office;
        let before = office.of_bob().await;
        let which = usize::from(is_of_folders(command));
        let key = self.keys.lock().unwrap()[which].clone();
        let inbox = office.inbox.to_string();
        let document = with(document, "@K", &key);
        let document = with(&document, "@F", &inbox);
        let xml = office.ask(command, version, document).await;
        let changes_key = command == Command::Sync || is_of_folders(command);
        if let Some(new) = xml.as_deref().and_then(key_in).filter(|_| changes_key) {
            self.keys.lock().unwrap()[which] = new.to_owned();
        }
        if !sends(command) {
            assert_eq!(office.of_bob().await, before);
        }
    }
}

fn is_of_folders(command: Command) -> bool {
    matches!(
        command,
        Command::FolderSync | Command::FolderCreate | Command::FolderUpdate | Command::FolderDelete
    )
}

/// A document from a list of tokens. Elements stand where the command has them, most of the time; what is in them is a value
/// that means something to some command, or bytes of the list.
fn document(command: Command, mut tokens: &[u8]) -> Vec<u8> {
    let mut out = Encoder::new();
    let Some(root) = schema::root(command, Direction::Request) else {
        return tokens.to_vec();
    };
    out.start(root.tag);
    // The open elements; `None`: one that has no place there.
    let mut open: Vec<Option<&Rule>> = vec![Some(root)];
    while let [token, rest @ ..] = tokens {
        tokens = rest;
        match *token {
            0x00..0x60 if open.len() < DEEPEST => {
                let rules: Vec<&Rule> = open
                    .last()
                    .and_then(|rule| rule.as_ref())
                    .map(|rule| rule.rules().collect())
                    .unwrap_or_default();
                if let Some(rule) = pick(&rules, *token) {
                    out.start(rule.tag);
                    open.push(Some(rule));
                }
            }
            0x00..0xa0 => {
                if open.len() > 1 {
                    open.pop();
                    out.end();
                }
            }
            0xa0..0xd0 => out.push_text(pick(&VALUES, *token).unwrap_or_default()),
            0xd0..0xf0 => {
                let length = usize::from(*token & 0x0f).min(tokens.len());
                let (bytes, rest) = tokens.split_at(length);
                tokens = rest;
                if *token < 0xe0 {
                    out.push_text(&String::from_utf8_lossy(bytes));
                } else {
                    out.push_opaque(bytes);
                }
            }
            0xf0.. => {
                let [page, number, rest @ ..] = tokens else {
                    break;
                };
                tokens = rest;
                if open.len() < DEEPEST {
                    out.start(Tag::new(page % 27, (number & 0x3f).max(5)));
                    open.push(None);
                }
            }
        }
    }
    out.finish()
}

fn pick<T: Copy>(all: &[T], at: u8) -> Option<T> {
    (!all.is_empty()).then(|| all[usize::from(at) % all.len()])
}

/// Deeper than any document is meant to be, and than the server reads.
const DEEPEST: usize = 80;

const VALUES: [&str; 48] = [
    "@K",
    "@F",
    "@F:1",
    "@F:2",
    "@F:3",
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "512",
    "60",
    "3540",
    "99999999999999999999",
    "-1",
    "0-99",
    "5-1",
    "0-4294967295",
    "Text",
    "HTML",
    "RTF",
    "Mailbox",
    "GAL",
    "DocumentLibrary",
    "Email",
    "SMS",
    "Calendar",
    "IPM.Note",
    "MS-EAS-Provisioning-WBXML",
    "2026-12-20T08:00:00.000Z",
    "20270104T070000Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "alice@demo.test",
    "demo\\alice",
    "plain",
    "text",
    "Folder",
    "INBOX",
    "@F/@F",
    "@F:3:2",
    "@F%3a3%3a2",
    "d1",
    "From: alice@demo.test\r\nTo: alice@demo.test\r\nSubject: s\r\n\r\nText\r\n",
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--b--\r\n",
    "\u{e4}\u{4e2d}\u{1f600}",
    "@K@K@K@K",
];
