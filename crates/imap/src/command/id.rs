//! `ID` (RFC 2971): who is who. The client's name decides which capabilities are kept from it.

use crate::{Service, answer::Answer, command::capability, output::Output, session::Client};

pub(crate) fn answer(
    fields: &[(String, Option<String>)],
    service: &Service,
    client: &mut Client,
    output: &mut Output<'_>,
) -> Answer {
    let field = |name: &str| {
        fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value.as_deref())
    };
    if let Some(name) = field("name") {
        // Fault: names with control characters or megabytes do not reach the log.
        let name: String = name
            .chars()
            .filter(|char| !char.is_control())
            .take(LONGEST_NAME)
            .collect();
        let version: String = field("version")
            .unwrap_or_default()
            .chars()
            .filter(|char| !char.is_control())
            .take(LONGEST_NAME)
            .collect();
        tracing::info!(connection = %client.id, client = name, version, "IMAP client");
        client.name = Some(name);
    }
    output.replies().data("ID (\"name\" \"fieldpost\")");
    let masked = service.settings.masks.iter().any(|mask| {
        mask.without
            .iter()
            .any(|without| capability::is_masked(without, service, client))
    });
    Answer::ok(if masked {
        "Some capabilities are not offered to this client; ask for CAPABILITY again"
    } else {
        "Pleased to meet you"
    })
}

/// How much of a client's name is kept, in characters.
const LONGEST_NAME: usize = 100;
