//! The files that Dovecot keeps beside a Maildir's messages: whatever stands in them is read or passed over, and no uid is given twice.
#![no_main]

use std::collections::HashSet;

use fieldpost_server::command::import::{
    dovecot::{Keywords, UidList},
    modified_utf7, source,
};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let list = UidList::parse(text);
    let mut uids = HashSet::new();
    let mut names = HashSet::new();
    for line in text.lines() {
        let name = line.rsplit([' ', ':']).next().unwrap_or_default();
        let origin = list.origin(name, true);
        if let Some(uid) = origin.uid {
            let folder = list.uids.expect("a uid without a folder's uids");
            assert!(uid > 0 && uid < folder.next);
            if names.insert(name.split(":2,").next().unwrap_or_default().to_owned()) {
                assert!(uids.insert(uid), "a uid twice");
            }
        }
    }
    let keywords = Keywords::parse(text);
    for line in text.lines() {
        assert!(keywords.of(line).len() <= line.len());
    }
    for separator in ['.', '/'] {
        drop(source::subscriptions(text, separator));
    }
    drop(modified_utf7::decode(text));
    assert_eq!(modified_utf7::decode(&modified_utf7::encode(text)), text);
});
