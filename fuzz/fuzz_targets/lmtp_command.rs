//! Any command line: parsed or refused, never a panic, and what is kept can't break a header or a reply.
#![no_main]

use fieldpost_smtp::codec::{
    command::{Command, CommandError, Dialect},
    reply::Reply,
};
use libfuzzer_sys::fuzz_target;

fn harmless(text: &str) {
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

fuzz_target!(|line: &[u8]| {
    let parsed: Result<Command, CommandError> = Command::parse(line, Dialect::Lmtp);
    match parsed {
        Ok(Command::Mail(mail)) => {
            if let Some(sender) = mail.sender {
                harmless(sender.as_str());
                assert_eq!(sender.as_str().parse().as_ref(), Ok(&sender));
            }
        }
        Ok(Command::Rcpt(recipient)) => {
            let address = recipient.address;
            harmless(address.as_str());
            assert_eq!(address.as_str().parse().as_ref(), Ok(&address));
        }
        Ok(Command::Lhlo(client)) => harmless(client.as_str()),
        Ok(_) => {}
        Err(error) => {
            let mut output = bytes::BytesMut::new();
            Reply::from(error).write(&mut output);
            assert!(output.len() <= 512 && output.ends_with(b"\r\n"));
        }
    }
});
