//! What a front-end may want to know of the TLS in force.

use rustls::ServerConnection;

/// The TLS of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// As logs and `Received:` fields write it: `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite's IANA name: `TLS13_AES_256_GCM_SHA384`.
    pub cipher: &'static str,
    /// The name that the client asked for (SNI).
    pub server_name: Option<String>,
    /// The `tls-exporter` channel binding (RFC 9266), where the session is sure to be fit for it: TLS 1.3
    /// (RFC 9266 §4).
    pub exporter: Option<[u8; 32]>,
}

impl TlsInfo {
    pub(crate) fn of(session: &ServerConnection) -> Self {
        let version = match session.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
            _ => "TLS",
        };
        let cipher = session
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            .unwrap_or("unknown");
        // rustls does not tell whether a 1.2 session has the extended master secret, so only 1.3 is sure to be fit.
        let fit = session.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
        let exporter = fit
            .then(|| {
                session
                    .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", None)
                    .ok()
            })
            .flatten();
        Self {
            version,
            cipher,
            server_name: session.server_name().map(str::to_owned),
            exporter,
        }
    }
}
