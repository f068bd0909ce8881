//! `[imap]`

use serde::{Deserialize, Serialize};

use super::units::{ByteSize, Span};

/// `[imap]`
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImapSection {
    /// A signed-in session that sends nothing for so long ends (RFC 9051 §5.4 asks for at least 30 minutes).
    pub idle_timeout: Span,
    /// The same before sign-in.
    pub sign_in_timeout: Span,
    /// Every so long a client that waits in IDLE is told that the server is still there; zero = never.
    pub idle_notice: Span,
    /// The largest message that APPEND takes.
    pub max_message_size: ByteSize,
    /// The longest command, its literals included.
    pub max_command_size: ByteSize,
    /// Connections of one account at once.
    pub connections_per_account: u32,
    /// Capabilities that some clients are not offered: `NAME without CAPABILITY CAPABILITY …`.
    pub masks: Vec<String>,
}

impl ImapSection {
    /// What is wrong with it, if anything is.
    pub(super) fn problem(&self) -> Option<String> {
        if self.connections_per_account == 0 {
            return Some("connections_per_account must be at least 1".into());
        }
        if self.max_message_size.bytes() == 0 {
            return Some("max_message_size must be more than 0".into());
        }
        if !(8 * 1024..=16 * 1024 * 1024).contains(&self.max_command_size.bytes()) {
            return Some("max_command_size must be between 8 KiB and 16 MiB".into());
        }
        self.masks.iter().find_map(|mask| match parse_mask(mask) {
            Some(_) => None,
            None => Some(format!(
                "masks: \"{mask}\" is not of the form \"NAME without CAPABILITY …\", such as \"Outlook without QRESYNC\""
            )),
        })
    }

    /// The masks as the front-end takes them.
    pub fn masks(&self) -> Vec<fieldpost_imap::Mask> {
        self.masks
            .iter()
            .filter_map(|mask| parse_mask(mask))
            .collect()
    }
}

/// `NAME without CAPABILITY …`; a name of `*` is every client.
fn parse_mask(text: &str) -> Option<fieldpost_imap::Mask> {
    let (client, without) = text.split_once(" without ")?;
    let client = client.trim();
    let without: Vec<String> = without
        .split_whitespace()
        .map(str::to_ascii_uppercase)
        .collect();
    if client.is_empty() || without.is_empty() {
        return None;
    }
    Some(fieldpost_imap::Mask {
        client: if client == "*" {
            String::new()
        } else {
            client.to_owned()
        },
        without,
    })
}

impl Default for ImapSection {
    fn default() -> Self {
        Self {
            idle_timeout: Span::seconds(31 * 60),
            sign_in_timeout: Span::seconds(60),
            idle_notice: Span::seconds(120),
            max_message_size: ByteSize::mebibytes(50),
            max_command_size: ByteSize::new(64 * 1024),
            connections_per_account: 100,
            masks: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_name_a_client_and_capabilities() {
        let mask = parse_mask("Some Client without qresync COMPRESS=DEFLATE").unwrap();
        assert_eq!(mask.client, "Some Client");
        assert_eq!(mask.without, ["QRESYNC", "COMPRESS=DEFLATE"]);
        assert_eq!(parse_mask("* without IDLE").unwrap().client, "");
        for wrong in [
            "",
            "without",
            "a without ",
            " without IDLE",
            "Outlook QRESYNC",
        ] {
            assert!(parse_mask(wrong).is_none(), "{wrong:?}");
        }
    }
}
