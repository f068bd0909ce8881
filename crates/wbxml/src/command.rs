//! Commands: their numbers in the base64 request line and their names in the plain one.

use std::fmt;

macro_rules! commands {
    ($($name:ident = $code:literal, $documentation:literal;)*) => {
        /// A command (MS-ASHTTP 2.2.1.1.1.2). Autodiscover has a URL of its own and is none of them.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Command {
            $(#[doc = $documentation] $name,)*
        }

        impl Command {
            /// All of them, by code.
            pub const ALL: [Self; 24] = [$(Self::$name,)*];

            /// Its number in the base64 request line.
            pub const fn code(self) -> u8 {
                match self { $(Self::$name => $code,)* }
            }

            /// Its name, as `Cmd=` has it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

commands! {
    Sync = 0, "Changes of items, both ways.";
    SendMail = 1, "A mail to be sent.";
    SmartForward = 2, "A mail that forwards one on the server.";
    SmartReply = 3, "A mail that answers one on the server.";
    GetAttachment = 4, "An attachment, up to 12.1.";
    GetHierarchy = 5, "Folders, up to 12.1. Codes 5 to 8 are history: Microsoft's table has no entry for them.";
    CreateCollection = 6, "A new folder, before 2.5.";
    DeleteCollection = 7, "A folder removed, before 2.5.";
    MoveCollection = 8, "A folder moved, before 2.5.";
    FolderSync = 9, "Changes of folders.";
    FolderCreate = 10, "A new folder.";
    FolderDelete = 11, "A folder removed.";
    FolderUpdate = 12, "A folder moved or renamed.";
    MoveItems = 13, "Items moved to other folders.";
    GetItemEstimate = 14, "How many changes there would be.";
    MeetingResponse = 15, "Meetings accepted or declined.";
    Search = 16, "Address list, mailbox or document library searched.";
    Settings = 17, "Out of office, device and user information; since 12.0.";
    Ping = 18, "Waits for changes in folders.";
    ItemOperations = 19, "Items and attachments fetched, folders emptied, conversations moved; since 12.0.";
    Provision = 20, "Policies and remote wipe.";
    ResolveRecipients = 21, "Recipients, their certificates, pictures and free times.";
    ValidateCert = 22, "Certificates checked.";
    Find = 23, "Mailbox or address list searched; 16.1. The code is what other servers use: Microsoft's sheet names none.";
}

impl Command {
    /// The command of that code. `None`: there is none.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.code() == code)
    }

    /// The command of that name, in any case of letters. `None`: there is none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|command| command.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_by_code_and_by_name() {
        for (index, command) in Command::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(command.code()), index);
            assert_eq!(Command::from_code(command.code()), Some(command));
            assert_eq!(Command::from_name(command.name()), Some(command));
            assert_eq!(
                Command::from_name(&command.name().to_uppercase()),
                Some(command)
            );
        }
        assert_eq!(Command::from_code(24), None);
        assert_eq!(Command::from_name("Autodiscover"), None);
        assert_eq!(Command::from_name(""), None);
    }
}
