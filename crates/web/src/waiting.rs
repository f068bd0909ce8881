//! A request whose answer takes its time is waited for without the HTTP machine.
//!
//! hyper keeps two buffers of 8 KiB for a connection however little goes over it, and ten thousand phones wait at once.
//! So once a request has come whole and its answer takes longer than [`WAITS_AFTER`], the stream is taken out of hyper and
//! only it and the future of the answer are held. With the answer, a new machine is put on the stream: it reads what
//! matters of the request's head once more and frames the answer as the first would have.

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf as _, Bytes, BytesMut};
use hyper::{
    Method, Request, Response, Version,
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    header,
};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
};

use crate::{Answering, Body, Hangup};

/// After how long an answer takes its time.
pub const WAITS_AFTER: Duration = Duration::from_secs(1);

/// The request that a connection is at, shared by its driver and what it has put into hyper.
#[derive(Default)]
pub struct Current {
    request: Mutex<Option<Underway>>,
    /// Woken when a request has come whole.
    whole: Arc<Notify>,
}

struct Underway {
    head: Head,
    is_whole: Arc<AtomicBool>,
    answering: Answering,
}

/// What of a request's head says how its answer is framed.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    without_body: bool,
    is_old: bool,
    close: bool,
    keep_alive: bool,
}

/// The body of a request.
pub struct RequestBody {
    body: Incoming,
    is_whole: Arc<AtomicBool>,
    whole: Arc<Notify>,
}

impl Current {
    /// Takes up a request, of which `answer` makes the answer.
    pub fn begin(
        &self,
        request: Request<Incoming>,
        answer: impl FnOnce(Request<RequestBody>) -> Answering,
    ) {
        let head = Head::of(&request);
        let is_whole = Arc::new(AtomicBool::new(false));
        let request = request.map(|body| {
            let body = RequestBody {
                body,
                is_whole: Arc::clone(&is_whole),
                whole: Arc::clone(&self.whole),
            };
            body.note_end();
            body
        });
        *self.request.lock() = Some(Underway {
            head,
            is_whole,
            answering: answer(request),
        });
    }

    /// Polls the answer, in hyper's name.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<Response<Body>, Hangup>> {
        let mut request = self.request.lock();
        // It was taken out: hyper's side of it is about to be dropped.
        let Some(underway) = request.as_mut() else {
            return Poll::Pending;
        };
        let answer = ready!(underway.answering.as_mut().poll(cx));
        *request = None;
        Poll::Ready(answer)
    }

    /// Resolves when an answer takes its time whose request has come whole, and takes it out.
    pub async fn takes_its_time(&self) -> (Head, Answering) {
        loop {
            self.whole.notified().await;
            tokio::time::sleep(WAITS_AFTER).await;
            let mut request = self.request.lock();
            // Else it was answered meanwhile, or the next one is still coming.
            if let Some(underway) =
                request.take_if(|underway| underway.is_whole.load(Ordering::Relaxed))
            {
                return (underway.head, underway.answering);
            }
        }
    }
}

impl Head {
    fn of(request: &Request<Incoming>) -> Self {
        let says = |option: &str| {
            request
                .headers()
                .get_all(header::CONNECTION)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(','))
                .any(|said| said.trim().eq_ignore_ascii_case(option))
        };
        Self {
            without_body: request.method() == Method::HEAD,
            is_old: request.version() == Version::HTTP_10,
            close: says("close"),
            keep_alive: says("keep-alive"),
        }
    }

    /// As it is read once more. With `close`, the connection ends behind the answer.
    fn write(self, close: bool) -> String {
        let method = if self.without_body { "HEAD" } else { "GET" };
        let version = if self.is_old { "1.0" } else { "1.1" };
        let connection = match (close || self.close, self.keep_alive) {
            (true, _) => "connection: close\r\n",
            (false, true) => "connection: keep-alive\r\n",
            (false, false) => "",
        };
        format!("{method} / HTTP/{version}\r\nhost: a\r\n{connection}\r\n")
    }
}

impl RequestBody {
    fn note_end(&self) {
        if self.body.is_end_stream() {
            self.is_whole.store(true, Ordering::Relaxed);
            self.whole.notify_one();
        }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &polled {
            // A body in chunks is known to have ended only now.
            None => {
                self.is_whole.store(true, Ordering::Relaxed);
                self.whole.notify_one();
            }
            Some(_) => self.note_end(),
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream with bytes before those that are still to come.
pub struct Resumed<I> {
    io: I,
    before: BytesMut,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Resumed<I> {
    /// A stream of which nothing was read yet.
    pub fn new(io: I) -> Self {
        Self {
            io,
            before: BytesMut::new(),
        }
    }

    /// Puts `bytes` before all others.
    pub fn unread(&mut self, bytes: &[u8]) {
        let rest = std::mem::take(&mut self.before);
        self.before = BytesMut::with_capacity(bytes.len() + rest.len());
        self.before.extend_from_slice(bytes);
        self.before.extend_from_slice(&rest);
    }

    /// Waits for `answering`; `None`: the client went away before. At most `limit` bytes of the requests that a client
    /// sends ahead are kept meanwhile.
    pub async fn wait(
        &mut self,
        answering: &mut Answering,
        limit: usize,
    ) -> Option<Result<Response<Body>, Hangup>> {
        poll_fn(|cx| {
            if let Poll::Ready(answer) = answering.as_mut().poll(cx) {
                return Poll::Ready(Some(answer));
            }
            while self.before.len() < limit {
                let mut space = [const { MaybeUninit::<u8>::uninit() }; 1024];
                let mut buffer = ReadBuf::uninit(&mut space);
                match ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer)) {
                    Ok(()) if !buffer.filled().is_empty() => {
                        self.before.extend_from_slice(buffer.filled());
                    }
                    Ok(()) | Err(_) => return Poll::Ready(None),
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Has the head read once more. With `close`, the connection ends behind its answer.
    pub fn ask_again(&mut self, head: Head, close: bool) {
        self.unread(head.write(close).as_bytes());
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Resumed<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.before.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buffer);
        }
        let count = self.before.len().min(buffer.remaining());
        buffer.put_slice(&self.before[..count]);
        self.before.advance(count);
        if self.before.is_empty() {
            self.before = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Resumed<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
