//! A request as its query and headers give it, before its document is looked at.

use bytes::Bytes;
use fieldpost_mailbox::DeviceId;
use fieldpost_wbxml::{Command, Version};

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is to be done.
    pub command: Command,
    /// The version that the client speaks.
    pub version: Version,
    /// The device.
    pub device: DeviceId,
    /// What kind it says it is.
    pub device_type: String,
    /// The policy key that it shows.
    pub policy_key: Option<u32>,
    /// The program that speaks.
    pub user_agent: String,
    /// Further parameters.
    pub parameters: Parameters,
    /// Whether the client takes a compressed response.
    pub accepts_gzip: bool,
    /// The body, decompressed. Empty: there was none.
    pub body: Bytes,
}

/// Parameters that only some commands have (MS-ASHTTP §2.2.1.1.1.1.2, .2.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// `AttachmentName` of GetAttachment.
    pub attachment_name: Option<String>,
    /// `CollectionId`.
    pub collection_id: Option<String>,
    /// `ItemId`.
    pub item_id: Option<String>,
    /// `LongId`.
    pub long_id: Option<String>,
    /// `Occurrence`.
    pub occurrence: Option<String>,
    /// `SaveInSent=T`.
    pub save_in_sent: bool,
    /// `MS-ASAcceptMultiPart: T`, or the option's bit.
    pub accepts_multipart: bool,
}
