//! `ENABLE` (RFC 5161): what changes how the server speaks from here on.

use crate::{answer::Answer, command::capability, output::Output, user::User};

pub(crate) fn answer(user: &mut User, capabilities: &[String], output: &mut Output<'_>) -> Answer {
    let mut enabled = Vec::new();
    for capability in capabilities {
        if capability::is_masked(capability, &user.service, &user.client) {
            continue;
        }
        let now = &mut user.enabled;
        let before = *now;
        match capability.as_str() {
            "CONDSTORE" => now.condstore = true,
            "QRESYNC" => (now.condstore, now.qresync) = (true, true),
            "UTF8=ACCEPT" | "UTF8=ONLY" => now.utf8 = true,
            "IMAP4REV2" => now.rev2 = true,
            _ => continue,
        }
        if *now != before {
            // RFC 7162 §3.2.3: QRESYNC brings CONDSTORE along, and both are told (MailKit waits for it).
            enabled.push(match capability.as_str() {
                "IMAP4REV2" => "IMAP4rev2",
                "QRESYNC" if !before.condstore => "QRESYNC CONDSTORE",
                "UTF8=ONLY" => "UTF8=ACCEPT",
                other => other,
            });
        }
    }
    let mut line = String::from("ENABLED");
    for capability in enabled {
        line.push(' ');
        line.push_str(capability);
    }
    output.replies().data(line);
    Answer::ok("Enabled")
}
