//! The command line's side of the control socket.

use std::{io, path::Path};

use bytes::Bytes;
use tokio::net::UnixStream;

use super::{
    PROTOCOL,
    frame::{Frame, FrameError},
};
use crate::exchange::{Event, Exchange, Failure, FailureKind};

/// A connection to the running server.
pub struct Client {
    stream: UnixStream,
    version: String,
}

/// Connects to the server whose control socket is at `path`; `None` if no server listens there.
pub async fn connect(path: &Path) -> Result<Option<Client>, Failure> {
    let mut stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(
                Failure::new(FailureKind::Usage, format!("{}: {error}", path.display()))
                    .advise("run the command with sudo, or as the user that the server runs as"),
            );
        }
        Err(error) => {
            return Err(Failure::new(
                FailureKind::Busy,
                format!("{}: {error}", path.display()),
            ));
        }
    };
    match Frame::read(&mut stream).await.map_err(broken)? {
        Frame::Hello(hello) if hello.protocol == PROTOCOL => Ok(Some(Client {
            stream,
            version: hello.fieldpost,
        })),
        Frame::Hello(hello) => Err(Failure::new(
            FailureKind::Busy,
            format!(
                "the running server is fieldpost {} and speaks another control protocol ({}, we {PROTOCOL})",
                hello.fieldpost, hello.protocol
            ),
        )
        .advise("restart the server, so that it runs the same version as this command")),
        Frame::Failure(failure) => Err(failure),
        _ => Err(broken(FrameError::Kind(0))),
    }
}

impl Client {
    /// The server's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Has the server run the operation that `request` describes: the same as running it here with this `exchange`.
    pub async fn call(
        mut self,
        request: Bytes,
        exchange: Exchange,
    ) -> Result<serde_json::Value, Failure> {
        let (mut input, events) = exchange.into_parts();
        Frame::Request(request)
            .write(&mut self.stream)
            .await
            .map_err(broken)?;
        let (mut from, mut to) = self.stream.split();
        let send = async move {
            while let Some(bytes) = input.recv().await {
                Frame::Data(bytes).write(&mut to).await?;
            }
            Frame::End.write(&mut to).await?;
            Ok::<_, FrameError>(to)
        };
        let receive = async {
            loop {
                match Frame::read(&mut from).await.map_err(broken)? {
                    Frame::Data(bytes) => drop(events.send(Event::Data(bytes)).await),
                    Frame::Progress(progress) => drop(events.try_send(Event::Progress(progress))),
                    Frame::Answer(answer) => return Ok(answer),
                    Frame::Failure(failure) => return Err(failure),
                    Frame::Hello(_) | Frame::Request(_) | Frame::End => {
                        return Err(broken(FrameError::Kind(0)));
                    }
                }
            }
        };
        let (mut send, mut receive) = (std::pin::pin!(send), std::pin::pin!(receive));
        tokio::select! {
            answer = &mut receive => answer,
            // All sent, or the server wants no more: either way it says how it ended. The sending half is kept until
            // then: closing it would mean that we have gone.
            sent = &mut send => {
                let answer = receive.await;
                drop(sent);
                answer
            }
        }
    }
}

fn broken(error: FrameError) -> Failure {
    Failure::new(FailureKind::Failed, error)
        .advise("the server may have stopped; its log tells (journalctl -u fieldpost)")
}
