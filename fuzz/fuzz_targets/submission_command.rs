//! Any command line of submission: parsed or refused, never a panic, and what is kept can't break a header, a command to the next
//! server, or a reply.
#![no_main]

use fieldpost_smtp::codec::{
    command::{Command, CommandError, Dialect},
    reply::Reply,
};
use libfuzzer_sys::fuzz_target;

fn harmless(text: &str) {
    assert!(!text.chars().any(|c| c.is_control() || c.is_whitespace()), "{text:?}");
}

fuzz_target!(|line: &[u8]| {
    let parsed: Result<Command, CommandError> = Command::parse(line, Dialect::Submission);
    match parsed {
        Ok(Command::Mail(mail)) => {
            mail.envelope_id.as_deref().into_iter().for_each(harmless);
            if let Some(sender) = mail.sender {
                assert_eq!(sender.as_str().parse().as_ref(), Ok(&sender));
            }
        }
        Ok(Command::Rcpt(rcpt)) => {
            rcpt.original.as_deref().into_iter().for_each(harmless);
            assert_eq!(rcpt.address.as_str().parse().as_ref(), Ok(&rcpt.address));
        }
        Ok(Command::Ehlo(client) | Command::Helo(client)) => harmless(client.as_str()),
        Ok(_) => {}
        Err(error) => {
            let mut output = bytes::BytesMut::new();
            Reply::from(error).write(&mut output);
            assert!(output.len() <= 512 && output.ends_with(b"\r\n"));
        }
    }
});
