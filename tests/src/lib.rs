//! What the workspace-level tests share: the built binary, a demo server of its own directory and ports, and the
//! plainest clients that can speak LMTP, POP3, IMAP and ActiveSync to it.

pub mod changes;
pub mod collection;
pub mod daemon;
pub mod demo;
pub mod dovecot;
pub mod hierarchy;
pub mod http;
pub mod imap;
pub mod lines;
pub mod lmtp;
pub mod log;
pub mod marionette;
pub mod phone;
pub mod pop3;
pub mod post;
pub mod postfix;
pub mod programs;
pub mod queue;
pub mod restarts;
pub mod smtp;

pub use changes::Changes;
pub use daemon::Daemon;
pub use demo::Demo;
pub use dovecot::Dovecot;
pub use log::Log;
pub use post::Post;
pub use restarts::Restarts;
