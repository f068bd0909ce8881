//! Bodies: their bounds, what they are packed in, what they hold of the memory.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    Request, StatusCode,
    body::{Body as HttpBody, Frame},
};

use super::{gzip, settings};
use crate::{
    Settings,
    testing::{Fixture, SECURE, ask},
};

/// Fault 37: more than it says, more than may be, in plain and packed.
#[tokio::test]
async fn a_body_stays_within_its_bound_fault_37() {
    let fixture = Fixture::with(Settings {
        max_request: 4096,
        ..Settings::default()
    })
    .await;
    let large = settings().body(vec![0; 4097]).of(&fixture).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    let document = settings().body;
    let packed = |bytes: &[u8]| {
        settings()
            .body(gzip(bytes))
            .header("content-encoding", "gzip")
    };
    assert_eq!(packed(&document).of(&fixture).await.status, StatusCode::OK);
    let bomb = vec![0; 3_000_000];
    assert!(gzip(&bomb).len() < 4096);
    for (what, asking) in [
        ("bomb", packed(&bomb)),
        ("one byte too many", packed(&[0; 4097])),
        ("no gzip", settings().header("content-encoding", "gzip")),
        (
            "cut off",
            settings()
                .body(gzip(&document)[..20].to_vec())
                .header("content-encoding", "gzip"),
        ),
    ] {
        assert_eq!(
            asking.of(&fixture).await.status,
            StatusCode::BAD_REQUEST,
            "{what}"
        );
    }
    let other = settings()
        .header("content-encoding", "br")
        .of(&fixture)
        .await;
    assert_eq!(other.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

/// Chunks come and say nothing of how many there will be.
struct Chunks {
    left: usize,
    size: usize,
    /// Then it stays open.
    hangs: bool,
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return if self.hangs {
                Poll::Pending
            } else {
                Poll::Ready(None)
            };
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(vec![0; self.size].into()))))
    }
}

async fn send_chunks(fixture: &Fixture, command: &str, chunks: Chunks) -> StatusCode {
    let (parts, _) = ask(command).build().into_parts();
    let request = Request::from_parts(parts, chunks);
    fixture
        .service
        .handle(request, SECURE)
        .await
        .unwrap()
        .status()
}

#[tokio::test]
async fn chunks_are_counted_and_messages_have_a_bound_of_their_own() {
    let fixture = Fixture::with(Settings {
        max_request: 10_000,
        max_message: 100_000,
        message_memory: 50_000,
        ..Settings::default()
    })
    .await;
    let chunks = |left| Chunks {
        left,
        size: 1000,
        hangs: false,
    };
    let too_large = StatusCode::PAYLOAD_TOO_LARGE;
    assert_eq!(
        send_chunks(&fixture, "Sync", chunks(usize::MAX)).await,
        too_large
    );
    assert_eq!(
        send_chunks(&fixture, "SendMail", chunks(usize::MAX)).await,
        too_large
    );
    // Past the bound of documents; larger than all the memory there is, it takes all of it.
    assert_ne!(
        send_chunks(&fixture, "SendMail", chunks(90)).await,
        too_large
    );
    assert_eq!(
        send_chunks(&fixture, "ItemOperations", chunks(11)).await,
        too_large
    );
    let free = fixture.service.message_memory.available_permits();
    assert_eq!(free, 50_000 / 1024, "it gave all back");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let fixture = Fixture::new().await;
    let chunks = Chunks {
        left: 1,
        size: 10,
        hangs: true,
    };
    let began = tokio::time::Instant::now();
    assert_eq!(
        send_chunks(&fixture, "Sync", chunks).await,
        StatusCode::REQUEST_TIMEOUT
    );
    assert!(began.elapsed() <= Duration::from_secs(121));
}

/// A message waits while others hold the memory, and is then turned away.
#[tokio::test(start_paused = true)]
async fn messages_share_their_memory() {
    let fixture = Fixture::with(Settings {
        message_memory: 10 * 1024,
        ..Settings::default()
    })
    .await;
    let all = fixture
        .service
        .message_memory
        .acquire_many(10)
        .await
        .unwrap();
    let message = || ask("SendMail").body(vec![0; 5000]);
    assert_eq!(
        message().of(&fixture).await.status,
        StatusCode::REQUEST_TIMEOUT
    );
    drop(all);
    assert_ne!(
        message().of(&fixture).await.status,
        StatusCode::REQUEST_TIMEOUT
    );
}
