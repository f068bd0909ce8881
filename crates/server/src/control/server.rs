//! The server's side of the control socket.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fieldpost_connection::Peer;
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

use super::{
    PROTOCOL,
    frame::{Frame, FrameError, Hello},
};
use crate::exchange::{Event, Exchange, Failure, FailureKind};

/// Runs operations.
pub trait Operator: Send + Sync + 'static {
    /// Runs the operation that `request` describes.
    fn operate(
        self: Arc<Self>,
        request: Bytes,
        exchange: Exchange,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<serde_json::Value, Failure>> + Send>>;
}

/// Serves one control connection to its end.
pub async fn serve(
    mut stream: UnixStream,
    peer: Peer,
    operator: Arc<dyn Operator>,
    shutdown: CancellationToken,
) {
    if !may_control(peer) {
        tracing::warn!(%peer, "control connection refused: neither root nor the server's own user");
        let failure = Failure::new(
            FailureKind::Usage,
            "the server answers root and its own user only",
        )
        .advise("run the command with sudo, or as the user that the server runs as");
        drop(Frame::Failure(failure).write(&mut stream).await);
        return;
    }
    match converse(&mut stream, operator, &shutdown).await {
        Ok(()) => {}
        Err(FrameError::Io(error)) => tracing::debug!(%error, "control connection ended"),
        Err(error) => tracing::warn!(%error, "control connection broke off"),
    }
}

async fn converse(
    stream: &mut UnixStream,
    operator: Arc<dyn Operator>,
    shutdown: &CancellationToken,
) -> Result<(), FrameError> {
    let hello = Hello {
        fieldpost: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
    };
    Frame::Hello(hello).write(stream).await?;
    let first = tokio::select! {
        () = shutdown.cancelled() => return Ok(()),
        first = tokio::time::timeout(PATIENCE, Frame::read(stream)) => first,
    };
    let request = match first {
        Ok(Ok(Frame::Request(request))) => request,
        Ok(Ok(_)) | Err(_) => return Ok(()),
        Ok(Err(error)) => return Err(error),
    };
    let (exchange, ends) = Exchange::pair();
    let operation = operator.operate(request, exchange);
    let (mut from, mut to) = stream.split();

    // Three things at once: the operation, its input as it arrives, its events as they come.
    let input = async move {
        loop {
            match Frame::read(&mut from).await {
                Ok(Frame::Data(bytes)) => {
                    if ends.input.send(bytes).await.is_err() {
                        // The operation wants no more; the client finds out by the answer.
                    }
                }
                Ok(Frame::End) => break,
                Ok(_) | Err(_) => return false,
            }
        }
        drop(ends.input);
        // Nothing follows but the client's going away.
        Frame::read(&mut from).await.is_ok()
    };
    let mut events = ends.events;
    let output = async move {
        while let Some(event) = events.recv().await {
            let frame = match event {
                Event::Data(bytes) => Frame::Data(bytes),
                Event::Progress(progress) => Frame::Progress(progress),
            };
            frame.write(&mut to).await?;
        }
        Ok::<_, FrameError>(to)
    };
    let (mut input, mut output) = (std::pin::pin!(input), std::pin::pin!(output));
    let mut operation = operation;
    let mut answer = None;
    let mut to = loop {
        tokio::select! {
            done = &mut operation, if answer.is_none() => answer = Some(done),
            to = &mut output => break to?,
            _ = &mut input => {
                // The client has gone (or talks nonsense). What it asked for is dropped at its next step; what was
                // committed stays.
                return Ok(());
            }
        }
    };
    let answer = match answer {
        Some(answer) => answer,
        // The operation dropped its end of the events before it was through.
        None => operation.await,
    };
    let last = match answer {
        Ok(value) => Frame::Answer(value),
        Err(failure) => Frame::Failure(failure),
    };
    last.write(&mut to).await
}

/// Root, or the user that we run as.
fn may_control(peer: Peer) -> bool {
    match peer {
        Peer::Unix(Some(uid)) => uid == 0 || uid == rustix::process::geteuid().as_raw(),
        Peer::Unix(None) | Peer::Inet(_) => false,
    }
}

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_and_our_own_user_may_control() {
        let own = rustix::process::geteuid().as_raw();
        assert!(may_control(Peer::Unix(Some(own))));
        assert!(may_control(Peer::Unix(Some(0))));
        assert!(!may_control(Peer::Unix(Some(own + 4711))));
        assert!(!may_control(Peer::Unix(None)));
        assert!(!may_control(Peer::Inet("127.0.0.1:1".parse().unwrap())));
    }
}
