//! Folder types as ActiveSync numbers them (MS-ASCMD §2.2.3.186.3).

use fieldpost_mailbox::{Folder, FolderId, FolderKind, SpecialUse};
use fieldpost_wbxml::{Encoder, Tag, Version, tags::folder_hierarchy as tag};

/// The type of a folder.
///
/// Junk and archive have none of their own: they are mail folders of the user's, which clients tell by their names.
pub fn of(folder: &Folder) -> u8 {
    match folder.special_use {
        Some(SpecialUse::Inbox) => 2,
        Some(SpecialUse::Drafts) => 3,
        Some(SpecialUse::Trash) => 4,
        Some(SpecialUse::Sent) => 5,
        Some(SpecialUse::Tasks) => 7,
        Some(SpecialUse::Calendar) => 8,
        Some(SpecialUse::Contacts) => 9,
        Some(SpecialUse::Notes) => 10,
        Some(SpecialUse::Junk | SpecialUse::Archive | SpecialUse::Important) | None => {
            match folder.kind {
                FolderKind::Mail => 12,
                FolderKind::Calendar => 13,
                FolderKind::Contacts => 14,
                FolderKind::Tasks => 15,
                FolderKind::Notes => 17,
            }
        }
    }
}

/// What a folder of this type holds, if a client may make one.
pub fn kind(number: u8) -> Option<FolderKind> {
    Some(match number {
        1 | 12 => FolderKind::Mail,
        13 => FolderKind::Calendar,
        14 => FolderKind::Contacts,
        15 => FolderKind::Tasks,
        17 => FolderKind::Notes,
        _ => return None,
    })
}

/// Whether a client of this version knows such folders: notes came with 14.0.
pub fn is_known_to(version: Version, kind: FolderKind) -> bool {
    kind != FolderKind::Notes || version >= Version::V14_0
}

/// The class of what lies in such a folder (MS-ASCMD §2.2.3.27.5).
pub fn class(kind: FolderKind) -> &'static str {
    match kind {
        FolderKind::Mail => "Email",
        FolderKind::Calendar => "Calendar",
        FolderKind::Contacts => "Contacts",
        FolderKind::Tasks => "Tasks",
        FolderKind::Notes => "Notes",
    }
}

/// Reads a folder's id as a client sends it; `None`: no folder of ours has it. The root is not among them.
pub fn parse_id(text: &str) -> Option<FolderId> {
    let id: u64 = text.parse().ok()?;
    (id != 0 && id.to_string() == text).then_some(FolderId(id))
}

/// Writes `ServerId`, `ParentId`, `DisplayName` and `Type` within `container`.
pub fn write(out: &mut Encoder, container: Tag, folder: &Folder) {
    out.start(container);
    out.number(tag::SERVER_ID, folder.id);
    out.number(tag::PARENT_ID, folder.parent.map_or(0, |parent| parent.0));
    let name = if folder.special_use == Some(SpecialUse::Inbox) {
        "Inbox"
    } else {
        &folder.name
    };
    out.text(tag::DISPLAY_NAME, name);
    out.number(tag::TYPE, of(folder));
    out.end();
}
