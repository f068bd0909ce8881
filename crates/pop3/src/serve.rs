//! The driver of one POP3 connection: lines in, replies out, TLS, deadlines, the end.
//!
//! Replies gather in the connection's buffer and leave when no further command has arrived yet (PIPELINING, RFC 2449 §6.6), or when they
//! are many: a client that sends commands and reads no replies is waited for, and in the end given up.

use std::{sync::Arc, time::Duration};

use fieldpost_connection::{Connection, ConnectionError};
use tokio::time::Instant;

use crate::{
    Error, Service,
    codec::Replies,
    command,
    maildrop::Maildrop,
    outgoing::Outgoing,
    session::{Next, Session},
};

/// Serves one client until it leaves. Where the listener has TLS from the first byte, the handshake is done already.
///
/// A maildrop is left as it was unless the client says QUIT, however the connection ends.
pub async fn serve(connection: Connection, service: Arc<Service>) {
    let (id, peer) = (connection.id(), connection.peer());
    tracing::debug!(connection = %id, %peer, tls = connection.tls().is_some(), "POP3 connection");
    let mut session = Session::new(&connection, service.clone());
    let result = converse(connection, &mut session, &service).await;
    session.end().await;
    match result {
        Ok(()) => tracing::debug!(connection = %id, "POP3 connection done"),
        Err(error) if error.is_ordinary() => {
            tracing::debug!(connection = %id, %error, "POP3 connection ended");
        }
        Err(error) => tracing::warn!(connection = %id, %peer, %error, "POP3 connection failed"),
    }
}

/// Answers line after line. However this ends, `session` is then what it was last.
async fn converse(
    mut connection: Connection,
    session: &mut Session,
    service: &Arc<Service>,
) -> Result<(), Error> {
    let settings = &service.settings;
    let sign_in_by = Instant::now() + settings.sign_in_timeout;
    Replies::new(connection.output()).ok(format_args!("{} POP3 ready", settings.host_name));
    loop {
        if connection.has_line() {
            connection.flush_above(HIGH_WATER).await?;
        } else {
            connection.flush().await?;
        }
        let patience = if session.is_signed_in() {
            settings.idle_timeout()
        } else {
            let left = sign_in_by.saturating_duration_since(Instant::now());
            settings.sign_in_idle_timeout.min(left)
        };
        let line = connection
            .line(session.line_limit(service), patience)
            .await?;
        let state = std::mem::replace(session, Session::Over);
        match state
            .line(line, &mut Replies::new(connection.output()))
            .await
        {
            Next::Line(next) => *session = next,
            Next::Hold(wait, next) => {
                *session = next;
                hold(&connection, wait).await;
            }
            Next::Send(mut transaction, outgoing) => {
                let sent = send(&mut connection, &mut transaction.maildrop, outgoing).await;
                *session = Session::Transaction(transaction);
                if let Err(error) = sent {
                    // Without the line that ends an answer, so that the client knows that something is missing.
                    connection.close().await;
                    return Err(error);
                }
            }
            Next::StartTls => {
                connection = start_tls(connection, settings.handshake_timeout).await?;
                *session = Session::new(&connection, service.clone());
            }
            Next::Close => {
                connection.close().await;
                return Ok(());
            }
        }
    }
}

/// Lets time pass, unless the server drains.
async fn hold(connection: &Connection, wait: Duration) {
    if !wait.is_zero() {
        drop(tokio::time::timeout(wait, connection.shutdown().cancelled()).await);
    }
}

/// Sends a long answer as fast as the client takes it.
async fn send(
    connection: &mut Connection,
    maildrop: &mut Maildrop,
    mut outgoing: Outgoing,
) -> Result<(), Error> {
    while outgoing
        .step(maildrop, connection.output())
        .await
        .map_err(Error::Message)?
    {
        connection.flush_above(HIGH_WATER).await?;
    }
    Ok(())
}

/// Agrees to STLS and does the handshake. Fault 1: what came in the clear behind the command is never read.
async fn start_tls(mut connection: Connection, timeout: Duration) -> Result<Connection, Error> {
    if !connection.buffered().is_empty() {
        command::stls::injected(&mut Replies::new(connection.output()));
        connection.close().await;
        return Err(ConnectionError::PlaintextBeforeTls.into());
    }
    command::stls::go_ahead(&mut Replies::new(connection.output()));
    connection.flush().await?;
    Ok(connection.start_tls(timeout).await?)
}

/// How many octets of replies gather at most before they are sent.
const HIGH_WATER: usize = 64 * 1024;

#[cfg(test)]
mod tests;
