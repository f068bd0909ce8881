//! Who has signed in, and what the session has switched on.

use std::sync::Arc;

use fieldpost_mailbox::Mailbox;

use crate::{Service, codec::request::Mode, service::Place, session::Client};

/// A signed-in client.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) service: Arc<Service>,
    pub(crate) client: Client,
    pub(crate) mailbox: Mailbox,
    pub(crate) enabled: Enabled,
    /// Commands that were none.
    pub(crate) bad_commands: u32,
    /// Counts the connection among the account's.
    pub(crate) _place: Place,
}

/// What `ENABLE`, or a command that implies it, has switched on for the rest of the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Enabled {
    /// RFC 7162: FETCH responses carry MODSEQ.
    pub(crate) condstore: bool,
    /// RFC 7162: `VANISHED` instead of `EXPUNGE`.
    pub(crate) qresync: bool,
    /// RFC 6855: UTF-8 in names and quoted strings.
    pub(crate) utf8: bool,
    /// RFC 9051: no RECENT, ESEARCH answers, UTF-8 names.
    pub(crate) rev2: bool,
}

impl Enabled {
    /// How commands are read.
    pub(crate) fn mode(self) -> Mode {
        Mode {
            utf8: self.is_utf8(),
        }
    }

    /// Whether responses may have UTF-8 in quoted strings.
    pub(crate) fn is_utf8(self) -> bool {
        self.utf8 || self.rev2
    }
}
