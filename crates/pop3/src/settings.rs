//! What an operator may choose.

use std::time::Duration;

/// How the POP3 front-end behaves. The default is fit for use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// The name by which the greeting introduces the server.
    pub host_name: String,
    /// Whether a message that was fetched whole becomes \Seen, as somebody expects who looks at the same mailbox by IMAP. The flags are written
    /// once, when the session ends: fetching writes nothing. Default: yes.
    pub mark_seen: bool,
    /// The least time between two sign-ins to one maildrop (`LOGIN-DELAY`, RFC 2449 §6.5), to the second. Default: none.
    pub login_delay: Duration,
    /// The folder that is the maildrop, its names from the top down. Default: INBOX.
    pub folder: Vec<String>,
    /// Which of its messages a session sees. Default: all.
    pub serve: Serve,
    /// What becomes of a message that a client deletes. Default: it is removed.
    pub deleted: Deleted,
    /// How long a message that was read stays at least (`EXPIRE`, RFC 2449 §6.7), in whole days; see [`Expire`]. Default: for ever.
    pub expire: Expire,
    /// How long a sign-in waits for another session to give the maildrop back before it is refused (RFC 1939 §8): two programs that look
    /// at the same time, or one that comes again at once, do not trouble their user. Default: 5 s.
    pub maildrop_wait: Duration,
    /// How long a signed-in client may be silent. RFC 1939 §3 asks for ten minutes at least. Default: ten minutes.
    pub idle_timeout: Duration,
    /// How long a client that has not signed in may take for one line. Default: one minute.
    pub sign_in_idle_timeout: Duration,
    /// How long a connection may last without sign-in, however busy. Default: three minutes.
    pub sign_in_timeout: Duration,
    /// How long a TLS handshake may take. Default: 30 s.
    pub handshake_timeout: Duration,
    /// The longest command line, without its end. RFC 2449 §4 asks for 255 at least; more than 4096 is of no use. Default: 4096.
    pub command_limit: usize,
    /// After so many refused sign-ins the connection is closed. Default: 5.
    pub failed_sign_ins: u32,
    /// After so many lines that are no command, or not allowed before sign-in, the connection is closed. Default: 20.
    pub bad_commands: u32,
}

impl Settings {
    /// The limit of a command line, kept within 255..=4096.
    pub(crate) fn command_limit(&self) -> usize {
        self.command_limit.clamp(255, 4096)
    }

    /// The idle time after sign-in, never below what the RFC asks for.
    pub(crate) fn idle_timeout(&self) -> Duration {
        self.idle_timeout.max(LEAST_IDLE_TIMEOUT)
    }
}

/// Which messages a session sees.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Serve {
    /// All that are in the folder.
    #[default]
    All,
    /// Those that were not \\Seen at sign-in: for programs that would fetch a large mailbox anew.
    Unseen,
}

/// What becomes of a message that a client deletes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Deleted {
    /// It is removed.
    #[default]
    Remove,
    /// It is moved to the folder for deleted mail, as other programs do.
    Trash,
}

/// How long a message stays that was read. What is due leaves at the end of a session, when the client says QUIT: with what it deleted, and to
/// the same place.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Expire {
    /// For ever.
    #[default]
    Never,
    /// So many days from when it came into the folder, if it is \\Seen or was fetched whole by then. 0: until the end of the session that fetches
    /// it whole (an implicit DELE); what only another program read stays.
    Days(u32),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host_name: "localhost".to_owned(),
            mark_seen: true,
            login_delay: Duration::ZERO,
            folder: vec!["INBOX".to_owned()],
            serve: Serve::default(),
            deleted: Deleted::default(),
            expire: Expire::default(),
            maildrop_wait: Duration::from_secs(5),
            idle_timeout: LEAST_IDLE_TIMEOUT,
            sign_in_idle_timeout: Duration::from_mins(1),
            sign_in_timeout: Duration::from_mins(3),
            handshake_timeout: Duration::from_secs(30),
            command_limit: 4096,
            failed_sign_ins: 5,
            bad_commands: 20,
        }
    }
}

/// RFC 1939 §3: the autologout timer must be at least ten minutes.
const LEAST_IDLE_TIMEOUT: Duration = Duration::from_mins(10);
