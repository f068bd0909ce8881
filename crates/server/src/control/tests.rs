#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use bytes::Bytes;
use fieldpost_connection::Peer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::exchange::{Event, Exchange, Failure, FailureKind};

/// Sends its input back, doubled; fails when asked to.
struct Doubling;

impl Operator for Doubling {
    fn operate(
        self: Arc<Self>,
        request: Bytes,
        mut exchange: Exchange,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<serde_json::Value, Failure>> + Send>> {
        Box::pin(async move {
            if request == "\"fail\"" {
                return Err(Failure::new(FailureKind::NotFound, "no").advise("ask another"));
            }
            let mut count = 0;
            while let Some(bytes) = exchange.read().await {
                count += bytes.len();
                exchange.progress("doubling", count as u64, 0);
                exchange.write(bytes.clone()).await?;
                exchange.write(bytes).await?;
            }
            Ok(serde_json::json!({ "count": count }))
        })
    }
}

fn start(dir: &std::path::Path) -> std::path::PathBuf {
    let path = dir.join("control.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let peer = Peer::Unix(Some(stream.peer_cred().unwrap().uid()));
            tokio::spawn(serve(
                stream,
                peer,
                Arc::new(Doubling),
                CancellationToken::new(),
            ));
        }
    });
    path
}

#[tokio::test]
async fn an_operation_with_input_output_and_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let path = start(dir.path());
    let client = connect(&path).await.unwrap().unwrap();
    assert_eq!(client.version(), env!("CARGO_PKG_VERSION"));
    let (exchange, mut ends) = Exchange::pair();
    let call = tokio::spawn(client.call(Bytes::from_static(b"\"x\""), exchange));
    // More than all buffers together hold, so both directions have to move at once.
    let input = ends.input;
    tokio::spawn(async move {
        for _ in 0..500 {
            input.send(Bytes::from(vec![1; 40_000])).await.unwrap();
        }
    });
    let mut received = 0;
    while let Some(event) = ends.events.recv().await {
        if let Event::Data(bytes) = event {
            received += bytes.len();
        }
    }
    assert_eq!(received, 500 * 80_000);
    assert_eq!(call.await.unwrap().unwrap()["count"], 500 * 40_000);
}

#[tokio::test]
async fn a_failure_keeps_its_kind_and_advice() {
    let dir = tempfile::tempdir().unwrap();
    let path = start(dir.path());
    let client = connect(&path).await.unwrap().unwrap();
    let (exchange, _ends) = Exchange::pair();
    let failure = client
        .call(Bytes::from_static(b"\"fail\""), exchange)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound);
    assert_eq!(failure.next_step.as_deref(), Some("ask another"));
}

#[tokio::test]
async fn no_server_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    assert!(connect(&dir.path().join("none")).await.unwrap().is_none());
    let left_behind = dir.path().join("left.sock");
    drop(std::os::unix::net::UnixListener::bind(&left_behind).unwrap());
    assert!(connect(&left_behind).await.unwrap().is_none());
}

#[tokio::test]
async fn frames_too_long_or_of_no_kind_end_the_connection() {
    let dir = tempfile::tempdir().unwrap();
    let path = start(dir.path());
    for bytes in [
        &[0xff, 0xff, 0xff, 0xff, b'R'][..],
        &[0, 0, 0, 1, b'?'],
        &[0, 0, 0, 0, 0],
    ] {
        let mut stream = UnixStream::connect(&path).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut hello = Vec::new();
        // What we sent beyond the fault is reset, not read.
        drop(stream.read_to_end(&mut hello).await);
        assert_eq!(hello[4], b'H');
    }
    assert!(connect(&path).await.unwrap().is_some());
}

#[tokio::test]
async fn anybody_else_is_turned_away() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let other = Peer::Unix(Some(rustix::process::geteuid().as_raw() + 1));
    tokio::spawn(serve(
        ours,
        other,
        Arc::new(Doubling),
        CancellationToken::new(),
    ));
    let mut theirs = theirs;
    assert!(matches!(
        Frame::read(&mut theirs).await.unwrap(),
        Frame::Failure(_)
    ));
    assert!(Frame::read(&mut theirs).await.is_err());
}
