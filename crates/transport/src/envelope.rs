//! What travels beside a message: who sent it, to whom, and what the sender asked for.

use crate::Address;

/// The envelope of one message (RFC 5321 §2.3.1), without its recipients: they are resolved one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The reverse-path; `None` is the null one, `<>`, of bounces and other notices that must not be answered.
    pub sender: Option<Address>,
    /// What the body holds.
    pub body: BodyType,
    /// Whether the sender asked for internationalised mail (RFC 6531 §3.4): headers may be UTF-8.
    pub smtp_utf8: bool,
    /// The size the sender declared, in bytes (RFC 1870); only a hint.
    pub size: Option<u64>,
    /// How much of the message a notice of failure is to hold (RFC 3461 §4.3); `None`: not said.
    pub ret: Option<Ret>,
    /// The sender's own name for the transaction, in xtext as it was written (RFC 3461 §4.4).
    pub envelope_id: Option<Box<str>>,
}

/// The RET parameter (RFC 3461 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ret {
    /// `FULL`: the whole message.
    Full,
    /// `HDRS`: its header.
    Headers,
}

/// The NOTIFY parameter (RFC 3461 §4.1): of what the sender wants to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notify {
    /// `SUCCESS`: that it was delivered, or left our reach.
    pub success: bool,
    /// `FAILURE`: that it was not.
    pub failure: bool,
    /// `DELAY`: that it takes long.
    pub delay: bool,
}

impl Notify {
    /// `NEVER`.
    pub const NEVER: Self = Self {
        success: false,
        failure: false,
        delay: false,
    };
}

/// Without the parameter: failures, and delays too (RFC 3461 §4.1 leaves those to us).
impl Default for Notify {
    fn default() -> Self {
        Self {
            success: false,
            failure: true,
            delay: true,
        }
    }
}

/// The BODY parameter (RFC 6152 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyType {
    /// Not said, or `7BIT`.
    #[default]
    SevenBit,
    /// `8BITMIME`.
    EightBitMime,
}

impl Envelope {
    /// The bytes of the Return-Path header field that final delivery puts on top (RFC 5321 §4.4).
    pub fn return_path(&self) -> String {
        match &self.sender {
            Some(sender) => format!("Return-Path: <{sender}>\r\n"),
            None => "Return-Path: <>\r\n".to_owned(),
        }
    }
}
