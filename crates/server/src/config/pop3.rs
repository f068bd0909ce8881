//! `[pop3]`

use fieldpost_pop3 as pop3;
use serde::{Deserialize, Serialize};

use super::units::Span;

/// `[pop3]`
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pop3Section {
    /// A session that sends nothing for so long ends (RFC 1939 §3 asks for at least 10 minutes).
    pub idle_timeout: Span,
    /// The same before sign-in.
    pub sign_in_timeout: Span,
    /// Whether a message that was fetched whole becomes read for all other programs too.
    pub mark_seen: bool,
    /// The least time between two sign-ins to one mailbox; zero = none. Mail programs are told of it.
    pub login_delay: Span,
    /// The folder that is shown, names separated by `/`.
    pub folder: String,
    /// Which of its messages are shown.
    pub serve: Serve,
    /// What becomes of a message that a client deletes.
    pub deleted: Deleted,
    /// For how many days a message that was read stays at least: `never` ends, or whole days. Mail programs are told of it.
    pub expire: String,
}

/// Which messages are shown.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Serve {
    /// All.
    #[default]
    All,
    /// Those that nobody has read.
    Unseen,
}

/// What becomes of a message that a client deletes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Deleted {
    /// It is removed.
    #[default]
    Remove,
    /// It is moved to Trash.
    Trash,
}

impl Pop3Section {
    /// What is wrong with it, if anything is.
    pub(super) fn problem(&self) -> Option<String> {
        if self.folder.split('/').any(str::is_empty) {
            return Some(format!(
                "folder: \"{}\": a folder needs a name, and / between names only",
                self.folder
            ));
        }
        self.expire().err()
    }

    /// The front-end's settings, what other sections say aside.
    pub fn settings(&self) -> pop3::Settings {
        pop3::Settings {
            idle_timeout: self.idle_timeout.duration(),
            sign_in_idle_timeout: self.sign_in_timeout.duration(),
            mark_seen: self.mark_seen,
            login_delay: self.login_delay.duration(),
            folder: self.path(),
            serve: match self.serve {
                Serve::All => pop3::Serve::All,
                Serve::Unseen => pop3::Serve::Unseen,
            },
            deleted: match self.deleted {
                Deleted::Remove => pop3::Deleted::Remove,
                Deleted::Trash => pop3::Deleted::Trash,
            },
            // It was checked when the file was read.
            expire: self.expire().unwrap_or_default(),
            ..pop3::Settings::default()
        }
    }

    /// The names of the folder that is shown, from the top down.
    pub fn path(&self) -> Vec<String> {
        self.folder.split('/').map(String::from).collect()
    }

    fn expire(&self) -> Result<pop3::Expire, String> {
        let wrong = || {
            format!(
                "expire: \"{}\" is neither \"never\" nor a number of whole days such as \"0\" or \"30d\"",
                self.expire
            )
        };
        if self.expire == "never" {
            return Ok(pop3::Expire::Never);
        }
        let span: Span = self.expire.parse().map_err(|_| wrong())?;
        let seconds = span.duration().as_secs();
        let is_whole = seconds.is_multiple_of(SECONDS_A_DAY) && span.duration().subsec_nanos() == 0;
        match u32::try_from(seconds / SECONDS_A_DAY) {
            Ok(days) if is_whole => Ok(pop3::Expire::Days(days)),
            Ok(_) | Err(_) => Err(wrong()),
        }
    }
}

impl Default for Pop3Section {
    fn default() -> Self {
        Self {
            idle_timeout: Span::seconds(600),
            sign_in_timeout: Span::seconds(60),
            mark_seen: true,
            login_delay: Span::seconds(0),
            folder: "INBOX".into(),
            serve: Serve::default(),
            deleted: Deleted::default(),
            expire: "never".into(),
        }
    }
}

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_or_never_end() {
        let section = |expire: &str| Pop3Section {
            expire: expire.into(),
            ..Pop3Section::default()
        };
        for (text, expire) in [
            ("never", pop3::Expire::Never),
            ("0", pop3::Expire::Days(0)),
            ("30d", pop3::Expire::Days(30)),
            ("48h", pop3::Expire::Days(2)),
        ] {
            assert_eq!(section(text).problem(), None);
            assert_eq!(section(text).settings().expire, expire);
        }
        for wrong in ["", "30", "12h", "1d1ms", "Never", "9999999999999d"] {
            assert!(section(wrong).problem().is_some(), "{wrong:?}");
        }
    }

    #[test]
    fn a_folder_has_names() {
        let section = |folder: &str| Pop3Section {
            folder: folder.into(),
            ..Pop3Section::default()
        };
        assert_eq!(section("Scans/2026").settings().folder, ["Scans", "2026"]);
        for wrong in ["", "/", "a//b", "a/"] {
            assert!(section(wrong).problem().is_some(), "{wrong:?}");
        }
    }
}
