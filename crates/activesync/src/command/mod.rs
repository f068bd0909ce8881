//! The commands, one file each.

mod folder_create;
mod folder_delete;
mod folder_sync;
mod folder_type;
mod folder_update;
mod get_attachment;
mod get_item_estimate;
mod item_operations;
mod move_items;
mod pending;
mod ping;
mod send_mail;
mod sync;

pub use move_items::Moved;
pub use send_mail::Sending;
pub use sync::{LastRequests, Repeats};
mod device_information;
pub mod options;
mod provision;
mod search;
mod settings;

use fieldpost_wbxml::{Command, Tag, tags};

use crate::{
    reply::{Failure, Reply, status},
    session::Session,
};

/// Carries out a request.
///
/// Each command in a box of its own: a request that waits takes up what waiting needs, not what the largest command would.
pub async fn run(session: &mut Session) -> Result<Reply, Failure> {
    match session.request.command {
        Command::FolderCreate => Box::pin(folder_create::run(session)).await,
        Command::FolderDelete => Box::pin(folder_delete::run(session)).await,
        Command::FolderSync => Box::pin(folder_sync::run(session)).await,
        Command::FolderUpdate => Box::pin(folder_update::run(session)).await,
        Command::GetAttachment if session.version() < fieldpost_wbxml::Version::V14_0 => {
            Box::pin(get_attachment::run(session)).await
        }
        Command::GetItemEstimate => Box::pin(get_item_estimate::run(session)).await,
        Command::ItemOperations => Box::pin(item_operations::run(session)).await,
        Command::MoveItems => Box::pin(move_items::run(session)).await,
        Command::Ping => Box::pin(ping::run(session)).await,
        Command::SendMail | Command::SmartForward | Command::SmartReply => {
            Box::pin(send_mail::run(session)).await
        }
        Command::Sync => Box::pin(sync::run(session)).await,
        Command::Provision => Box::pin(provision::run(session)).await,
        Command::Search => Box::pin(search::run(session)).await,
        Command::Settings => Box::pin(settings::run(session)).await,
        _ => Err(Failure::Status(status::COMMAND_NOT_SUPPORTED)),
    }
}

/// The root element of a command's response and the element in it that says how it went.
pub fn root_and_status(command: Command) -> Option<(Tag, Tag)> {
    Some(match command {
        Command::Sync => (tags::air_sync::SYNC, tags::air_sync::STATUS),
        Command::FolderSync => (
            tags::folder_hierarchy::FOLDER_SYNC,
            tags::folder_hierarchy::STATUS,
        ),
        Command::FolderCreate => (
            tags::folder_hierarchy::FOLDER_CREATE,
            tags::folder_hierarchy::STATUS,
        ),
        Command::FolderDelete => (
            tags::folder_hierarchy::FOLDER_DELETE,
            tags::folder_hierarchy::STATUS,
        ),
        Command::FolderUpdate => (
            tags::folder_hierarchy::FOLDER_UPDATE,
            tags::folder_hierarchy::STATUS,
        ),
        Command::MoveItems => (tags::move_items::MOVE_ITEMS, tags::move_items::STATUS),
        Command::GetItemEstimate => (
            tags::get_item_estimate::GET_ITEM_ESTIMATE,
            tags::get_item_estimate::STATUS,
        ),
        Command::Ping => (tags::ping::PING, tags::ping::STATUS),
        Command::Provision => (tags::provision::PROVISION, tags::provision::STATUS),
        Command::Settings => (tags::settings::SETTINGS, tags::settings::STATUS),
        Command::Search => (tags::search::SEARCH, tags::search::STATUS),
        Command::ItemOperations => (
            tags::item_operations::ITEM_OPERATIONS,
            tags::item_operations::STATUS,
        ),
        Command::SendMail => (tags::compose_mail::SEND_MAIL, tags::compose_mail::STATUS),
        Command::SmartReply => (tags::compose_mail::SMART_REPLY, tags::compose_mail::STATUS),
        Command::SmartForward => (
            tags::compose_mail::SMART_FORWARD,
            tags::compose_mail::STATUS,
        ),
        Command::MeetingResponse => (
            tags::meeting_response::MEETING_RESPONSE,
            tags::meeting_response::STATUS,
        ),
        Command::ResolveRecipients => (
            tags::resolve_recipients::RESOLVE_RECIPIENTS,
            tags::resolve_recipients::STATUS,
        ),
        Command::ValidateCert => (
            tags::validate_cert::VALIDATE_CERT,
            tags::validate_cert::STATUS,
        ),
        Command::Find => (tags::find::FIND, tags::find::STATUS),
        Command::GetAttachment
        | Command::GetHierarchy
        | Command::CreateCollection
        | Command::DeleteCollection
        | Command::MoveCollection => return None,
    })
}
