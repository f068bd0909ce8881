//! Response codes (RFC 9051 §7.1, RFC 5530 and extensions).

use std::fmt;

use fieldpost_mailbox::UidSet;

/// What a program may make of a response.
#[derive(Clone, Debug, PartialEq)]
pub enum Code<'a> {
    /// The user must see the text.
    Alert,
    /// A mailbox of that name exists.
    AlreadyExists,
    /// Where APPEND put the messages (RFC 4315).
    AppendUid(u32, UidSet),
    /// Wrong name or password.
    AuthenticationFailed,
    /// The password was right, and yet.
    AuthorizationFailed,
    /// A search's charset is not known; these are.
    BadCharset(&'static [&'static str]),
    /// It can never be done.
    Cannot,
    /// What the server can do now.
    Capability(&'a str),
    /// The client asked for what it should not.
    ClientBug,
    /// The mailbox selected before is closed; what follows is about the new one.
    Closed,
    /// The stream is compressed already (RFC 4978).
    CompressionActive,
    /// Where COPY and MOVE put the messages (RFC 4315): uid_validity, from, to.
    CopyUid(u32, UidSet, UidSet),
    /// Messages that were asked for are gone.
    ExpungeIssued,
    /// The mailbox has others below it.
    HasChildren,
    /// The mailbox's newest mod_seq (RFC 7162).
    HighestModSeq(u64),
    /// Somebody else is at it.
    InUse,
    /// A limit was reached.
    Limit,
    /// The mailbox's id (RFC 8474).
    MailboxId(u64),
    /// These had changed since (RFC 7162): numbers or uids, as in the command.
    Modified(UidSet),
    /// No such mailbox.
    NonExistent,
    /// What SEARCH found was not saved (RFC 5182).
    NotSaved,
    /// No room.
    OverQuota,
    /// A message could not be read.
    Parse,
    /// The flags that can be set for good; `\*`: new ones too.
    PermanentFlags(&'a str),
    /// It needs TLS.
    PrivacyRequired,
    /// The mailbox can't be changed in this session.
    ReadOnly,
    /// The mailbox can be changed in this session.
    ReadWrite,
    /// An error of the server.
    ServerBug,
    /// The message is larger than is taken (RFC 7889).
    TooBig,
    /// It would work if the mailbox were made first.
    TryCreate,
    /// The next message's uid.
    UidNext(u32),
    /// The mailbox's uid_validity.
    UidValidity(u32),
    /// It may work later.
    Unavailable,
    /// The part's transfer encoding is not known (RFC 3516).
    UnknownCte,
    /// The first message without `\Seen` (RFC 3501).
    Unseen(u32),
    /// The special use can't be had (RFC 6154).
    UseAttr,
}

impl fmt::Display for Code<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alert => f.write_str("ALERT"),
            Self::AlreadyExists => f.write_str("ALREADYEXISTS"),
            Self::AppendUid(validity, uids) => write!(f, "APPENDUID {validity} {}", Set(uids)),
            Self::AuthenticationFailed => f.write_str("AUTHENTICATIONFAILED"),
            Self::AuthorizationFailed => f.write_str("AUTHORIZATIONFAILED"),
            Self::BadCharset(known) => write!(f, "BADCHARSET ({})", known.join(" ")),
            Self::Cannot => f.write_str("CANNOT"),
            Self::Capability(list) => write!(f, "CAPABILITY {list}"),
            Self::ClientBug => f.write_str("CLIENTBUG"),
            Self::Closed => f.write_str("CLOSED"),
            Self::CompressionActive => f.write_str("COMPRESSIONACTIVE"),
            Self::CopyUid(validity, from, to) => {
                write!(f, "COPYUID {validity} {} {}", Set(from), Set(to))
            }
            Self::ExpungeIssued => f.write_str("EXPUNGEISSUED"),
            Self::HasChildren => f.write_str("HASCHILDREN"),
            Self::HighestModSeq(mod_seq) => write!(f, "HIGHESTMODSEQ {mod_seq}"),
            Self::InUse => f.write_str("INUSE"),
            Self::Limit => f.write_str("LIMIT"),
            Self::MailboxId(id) => write!(f, "MAILBOXID (F{id})"),
            Self::Modified(set) => write!(f, "MODIFIED {}", Set(set)),
            Self::NonExistent => f.write_str("NONEXISTENT"),
            Self::NotSaved => f.write_str("NOTSAVED"),
            Self::OverQuota => f.write_str("OVERQUOTA"),
            Self::Parse => f.write_str("PARSE"),
            Self::PermanentFlags(flags) => write!(f, "PERMANENTFLAGS ({flags})"),
            Self::PrivacyRequired => f.write_str("PRIVACYREQUIRED"),
            Self::ReadOnly => f.write_str("READ-ONLY"),
            Self::ReadWrite => f.write_str("READ-WRITE"),
            Self::ServerBug => f.write_str("SERVERBUG"),
            Self::TooBig => f.write_str("TOOBIG"),
            Self::TryCreate => f.write_str("TRYCREATE"),
            Self::UidNext(uid) => write!(f, "UIDNEXT {uid}"),
            Self::UidValidity(validity) => write!(f, "UIDVALIDITY {validity}"),
            Self::Unavailable => f.write_str("UNAVAILABLE"),
            Self::UnknownCte => f.write_str("UNKNOWN-CTE"),
            Self::Unseen(number) => write!(f, "UNSEEN {number}"),
            Self::UseAttr => f.write_str("USEATTR"),
        }
    }
}

/// A set as it is written: `1:3,7`.
#[derive(Clone, Copy, Debug)]
pub struct Set<'a>(pub &'a UidSet);

impl fmt::Display for Set<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, range) in self.0.ranges().iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            write!(f, "{}", range.start())?;
            if range.end() > range.start() {
                write!(f, ":{}", range.end())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_compact() {
        let set = UidSet::from_iter([7, 1, 2, 3, 9]);
        assert_eq!(
            Code::CopyUid(5, set, UidSet::from_iter([4])).to_string(),
            "COPYUID 5 1:3,7,9 4"
        );
        assert_eq!(
            Code::BadCharset(&["US-ASCII", "UTF-8"]).to_string(),
            "BADCHARSET (US-ASCII UTF-8)"
        );
    }
}
