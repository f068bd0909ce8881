//! What whoever runs the server decides.

use std::time::Duration;

/// Settings of the ActiveSync front-end.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server's name, for the ids of what it composes.
    pub host_name: String,
    /// The largest request document, in bytes; a message that is sent ([`Settings::max_message`]) counts apart.
    pub max_request: usize,
    /// The largest message that is sent, in bytes.
    pub max_message: usize,
    /// How many bytes of messages being sent all requests together may hold.
    pub message_memory: usize,
    /// The shortest and longest time that a request may wait for changes, in seconds.
    pub heartbeat: (u32, u32),
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
    /// The most devices an account may have.
    pub max_devices: usize,
    /// The most collections one request may name.
    pub max_collections: usize,
    /// The bytes that a response to Sync grows to before the rest waits for the next round.
    pub response_size: usize,
    /// The time that a Sync works before the rest waits for the next round.
    pub response_time: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host_name: "localhost".to_owned(),
            max_request: 1024 * 1024,
            max_message: 50 * 1024 * 1024,
            message_memory: 200 * 1024 * 1024,
            // MS-ASCMD §2.2.3.79: Exchange takes 60 s to 59 min.
            heartbeat: (60, 3540),
            body_timeout: Duration::from_mins(2),
            max_devices: 100,
            max_collections: 300,
            response_size: 4 * 1024 * 1024,
            response_time: Duration::from_secs(15),
        }
    }
}
