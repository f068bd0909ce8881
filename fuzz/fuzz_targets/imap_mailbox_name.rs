//! Any bytes as a mailbox's name and as a pattern: no two spellings mean one name, and a name that is written is read again.
#![no_main]

use bytes::BytesMut;
use fieldpost_imap::codec::{
    mailbox_name::{Pattern, decode, decode_utf7, encode_utf7, write_mailbox},
    request::{Command, MailboxName, Mode, parse},
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some(name) = decode(bytes, false) else {
        assert!(std::str::from_utf8(bytes).is_err());
        return;
    };
    let encoded = encode_utf7(&name);
    assert!(encoded.is_ascii() && encoded.len() <= name.len() * 8);
    assert_eq!(decode_utf7(&encoded).as_ref(), Some(&name));
    let spelt = std::str::from_utf8(bytes).expect("it was decoded");
    match decode_utf7(spelt) {
        Some(meant) => assert_eq!(encode_utf7(&meant), spelt),
        None => assert_eq!(name, spelt),
    }
    for utf8 in [false, true] {
        let mut line = BytesMut::from("a GETQUOTAROOT ");
        write_mailbox(&mut line, &name, utf8);
        let read = parse(&line, Mode { utf8 }).map(|request| request.command);
        assert_eq!(read, Ok(Command::GetQuotaRoot(MailboxName(name.clone()))));
    }
    let (pattern, name) = name.split_at(
        name.char_indices()
            .nth(name.chars().count() / 2)
            .map_or(0, |(at, _)| at),
    );
    let pattern = Pattern::new("", pattern);
    if pattern.matches(name)
        && let Some((parent, child)) = name.rsplit_once('/')
        && !child.is_empty()
        && !parent.is_empty()
    {
        assert!(pattern.could_match_below(parent));
    }
});
