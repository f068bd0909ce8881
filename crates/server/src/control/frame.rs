//! Frames of the control socket.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::exchange::{Failure, Progress};

/// One frame.
#[derive(Debug)]
pub enum Frame {
    /// The server's greeting.
    Hello(Hello),
    /// The operation, as JSON.
    Request(Bytes),
    /// Input or output.
    Data(Bytes),
    /// The end of the input.
    End,
    /// How far the operation is.
    Progress(Progress),
    /// The answer, as JSON.
    Answer(serde_json::Value),
    /// Why there is no answer.
    Failure(Failure),
}

/// The server's greeting.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Hello {
    /// The server's version.
    pub fieldpost: String,
    /// What it speaks.
    pub protocol: u32,
}

/// The other side does not speak as it should, or went away.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The connection ended between or within frames.
    #[error("the control connection ended: {0}")]
    Io(#[from] std::io::Error),
    /// A frame longer than any may be.
    #[error("a control frame of {0} bytes")]
    TooLong(usize),
    /// A kind that is not known.
    #[error("a control frame of unknown kind {0:#04x}")]
    Kind(u8),
    /// A payload that does not parse.
    #[error("a control frame that does not parse: {0}")]
    Payload(#[from] serde_json::Error),
}

impl Frame {
    /// Reads the next frame.
    pub async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Self, FrameError> {
        let length = from.read_u32().await? as usize;
        if length == 0 || length > MAX_FRAME {
            return Err(FrameError::TooLong(length));
        }
        let kind = from.read_u8().await?;
        let mut payload = vec![0; length - 1];
        from.read_exact(&mut payload).await?;
        Ok(match kind {
            b'H' => Self::Hello(serde_json::from_slice(&payload)?),
            b'R' => Self::Request(payload.into()),
            b'D' => Self::Data(payload.into()),
            b'E' => Self::End,
            b'P' => Self::Progress(serde_json::from_slice(&payload)?),
            b'A' => Self::Answer(serde_json::from_slice(&payload)?),
            b'F' => Self::Failure(serde_json::from_slice(&payload)?),
            other => return Err(FrameError::Kind(other)),
        })
    }

    /// Writes it.
    pub async fn write(&self, to: &mut (impl AsyncWrite + Unpin)) -> Result<(), FrameError> {
        let (kind, payload) = match self {
            Self::Hello(hello) => (b'H', serde_json::to_vec(hello)?.into()),
            Self::Request(json) => (b'R', json.clone()),
            Self::Data(bytes) => (b'D', bytes.clone()),
            Self::End => (b'E', Bytes::new()),
            Self::Progress(progress) => (b'P', serde_json::to_vec(progress)?.into()),
            Self::Answer(answer) => (b'A', serde_json::to_vec(answer)?.into()),
            Self::Failure(failure) => (b'F', serde_json::to_vec(failure)?.into()),
        };
        let length = payload.len() + 1;
        if length > MAX_FRAME {
            return Err(FrameError::TooLong(length));
        }
        let mut head = [0; 5];
        head[..4].copy_from_slice(&(length as u32).to_be_bytes());
        head[4] = kind;
        to.write_all(&head).await?;
        to.write_all(&payload).await?;
        to.flush().await?;
        Ok(())
    }
}

/// The longest frame, kind included: 8 MiB, so that an answer with a list of many accounts fits.
pub const MAX_FRAME: usize = 8 << 20;
