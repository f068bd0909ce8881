//! Which element may stand where: the trees of each command's request and response, and their check.
//!
//! [`validate`] is for what the server is about to send and for tests; requests are taken with [`Mode::Lenient`], which passes over what it
//! does not know. The trees hold facts only: parent, occurrence, type and version. They leave out ranges and lengths of values, which are
//! each command's to answer with its own status, and the order of elements, which no receiver may rely on in requests.
//!
//! They are Microsoft's schemas with these differences, which clients make necessary: a collection of Sync has its `Class` up to 12.1; an
//! item in a Sync request may have whatever one in a response has that clients write, 2.5's bodies and 16.x's attachments too; an address
//! list entry and its picture stand on the page `GAL`; Ping's `HeartbeatInterval` is needed in a first request only; `Mime` may be missing
//! where a meeting is forwarded, `CollectionId` where an item is fetched by another name.
//!
//! - [`Rule`]: one place of a tree.
//! - `command`: the trees, by command.
//! - `class`: what items consist of, by class; several commands share it.

mod class;
mod command;
mod rule;
mod validate;

use crate::Command;

pub use self::{
    rule::{Kind, Rule},
    validate::{Mode, Reason, Violation, validate, validate_in},
};

/// Who sends a document.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// The client.
    Request,
    /// The server.
    Response,
}

/// The tree of a command's request or response. `None`: there is no document, as with GetAttachment, or none that is known.
pub fn root(command: Command, direction: Direction) -> Option<&'static Rule> {
    Some(match (command, direction) {
        (Command::Find, Direction::Request) => &command::search::FIND_REQUEST,
        (Command::Find, Direction::Response) => &command::search::FIND_RESPONSE,
        (Command::FolderCreate, Direction::Request) => &command::folders::FOLDER_CREATE_REQUEST,
        (Command::FolderCreate, Direction::Response) => &command::folders::FOLDER_CREATE_RESPONSE,
        (Command::FolderDelete, Direction::Request) => &command::folders::FOLDER_DELETE_REQUEST,
        (Command::FolderDelete, Direction::Response) => &command::folders::FOLDER_DELETE_RESPONSE,
        (Command::FolderSync, Direction::Request) => &command::folders::FOLDER_SYNC_REQUEST,
        (Command::FolderSync, Direction::Response) => &command::folders::FOLDER_SYNC_RESPONSE,
        (Command::FolderUpdate, Direction::Request) => &command::folders::FOLDER_UPDATE_REQUEST,
        (Command::FolderUpdate, Direction::Response) => &command::folders::FOLDER_UPDATE_RESPONSE,
        (Command::GetHierarchy, Direction::Response) => &command::folders::GET_HIERARCHY_RESPONSE,
        (Command::GetItemEstimate, Direction::Request) => {
            &command::items::GET_ITEM_ESTIMATE_REQUEST
        }
        (Command::GetItemEstimate, Direction::Response) => {
            &command::items::GET_ITEM_ESTIMATE_RESPONSE
        }
        (Command::ItemOperations, Direction::Request) => &command::items::ITEM_OPERATIONS_REQUEST,
        (Command::ItemOperations, Direction::Response) => &command::items::ITEM_OPERATIONS_RESPONSE,
        (Command::MeetingResponse, Direction::Request) => {
            &command::compose::MEETING_RESPONSE_REQUEST
        }
        (Command::MeetingResponse, Direction::Response) => {
            &command::compose::MEETING_RESPONSE_RESPONSE
        }
        (Command::MoveItems, Direction::Request) => &command::items::MOVE_ITEMS_REQUEST,
        (Command::MoveItems, Direction::Response) => &command::items::MOVE_ITEMS_RESPONSE,
        (Command::Ping, Direction::Request) => &command::ping::PING_REQUEST,
        (Command::Ping, Direction::Response) => &command::ping::PING_RESPONSE,
        (Command::Provision, Direction::Request) => &command::provision::PROVISION_REQUEST,
        (Command::Provision, Direction::Response) => &command::provision::PROVISION_RESPONSE,
        (Command::ResolveRecipients, Direction::Request) => {
            &command::recipients::RESOLVE_RECIPIENTS_REQUEST
        }
        (Command::ResolveRecipients, Direction::Response) => {
            &command::recipients::RESOLVE_RECIPIENTS_RESPONSE
        }
        (Command::Search, Direction::Request) => &command::search::SEARCH_REQUEST,
        (Command::Search, Direction::Response) => &command::search::SEARCH_RESPONSE,
        (Command::SendMail, Direction::Request) => &command::compose::SEND_MAIL_REQUEST,
        (Command::SendMail, Direction::Response) => &command::compose::SEND_MAIL_RESPONSE,
        (Command::Settings, Direction::Request) => &command::settings::SETTINGS_REQUEST,
        (Command::Settings, Direction::Response) => &command::settings::SETTINGS_RESPONSE,
        (Command::SmartForward, Direction::Request) => &command::compose::SMART_FORWARD_REQUEST,
        (Command::SmartForward, Direction::Response) => &command::compose::SMART_FORWARD_RESPONSE,
        (Command::SmartReply, Direction::Request) => &command::compose::SMART_REPLY_REQUEST,
        (Command::SmartReply, Direction::Response) => &command::compose::SMART_REPLY_RESPONSE,
        (Command::Sync, Direction::Request) => &command::sync::SYNC_REQUEST,
        (Command::Sync, Direction::Response) => &command::sync::SYNC_RESPONSE,
        (Command::ValidateCert, Direction::Request) => &command::recipients::VALIDATE_CERT_REQUEST,
        (Command::ValidateCert, Direction::Response) => {
            &command::recipients::VALIDATE_CERT_RESPONSE
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
