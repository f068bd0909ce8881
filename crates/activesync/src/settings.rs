//! What whoever runs the server decides.

use std::time::Duration;

use crate::Policy;

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
    /// What devices that ask for a policy are to keep to.
    pub policy: Policy,
    /// Whether a device that has taken no policy is turned away until it does.
    ///
    /// Off by default. Outlook on a desktop can't take any policy, and Windows Mail asks for one only when it is told to
    /// (client-quirks D2, D3), while the default policy demands nothing that would be worth shutting them out. A device
    /// that shows a key of a policy is always held to the policy that is in force.
    pub require_policy: bool,
    /// Whether a device may speak that took the policy in part, not at all, or is looked after by somebody else, and says
    /// so (MS-ASPROV_R387 to R389).
    pub allow_non_provisionable: bool,
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
            policy: Policy::default(),
            require_policy: false,
            allow_non_provisionable: true,
            response_time: Duration::from_secs(15),
        }
    }
}
