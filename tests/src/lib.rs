//! What the workspace-level tests share: starting a server, peers and clients.
