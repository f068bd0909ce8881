//! OPTIONS: which versions and commands there are (MS-ASHTTP §2.2.3, §3.2.5.2).

use fieldpost_wbxml::{Command, Version};
use hyper::{
    Response, StatusCode,
    header::{self, HeaderName, HeaderValue},
};

use crate::{codec::response, reply::Body};

/// The versions that are spoken, oldest first.
pub const VERSIONS: [Version; 3] = [Version::V12_1, Version::V14_0, Version::V14_1];

/// The commands that are carried out.
pub const COMMANDS: [Command; 16] = [
    Command::Sync,
    Command::SendMail,
    Command::SmartForward,
    Command::SmartReply,
    Command::GetAttachment,
    Command::FolderSync,
    Command::FolderCreate,
    Command::FolderDelete,
    Command::FolderUpdate,
    Command::MoveItems,
    Command::GetItemEstimate,
    Command::Search,
    Command::Settings,
    Command::Ping,
    Command::ItemOperations,
    Command::Provision,
];

/// The answer (MS-ASHTTP_R1107).
pub fn answer() -> Response<Body> {
    let mut response = response::status(StatusCode::OK);
    response::add_capabilities(&mut response);
    let headers = response.headers_mut();
    headers.insert(PUBLIC, HeaderValue::from_static(METHODS));
    headers.insert(header::ALLOW, HeaderValue::from_static(METHODS));
    response
}

/// What may be done with the URL.
pub const METHODS: &str = "OPTIONS,POST";

const PUBLIC: HeaderName = HeaderName::from_static("public");
