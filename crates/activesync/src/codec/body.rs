//! A request's body, within a limit and a time, decompressed as it comes (fault 37).

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http_body_util::BodyExt as _;
use hyper::{
    StatusCode,
    body::Body,
    header::{self, HeaderMap},
};

/// How a body is packed (RFC 9110 §8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Identity,
    /// gzip.
    Gzip,
}

/// How the body is packed, by its header; what can't be unpacked is refused.
pub fn coding(headers: &HeaderMap) -> Result<Coding, StatusCode> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    let Some(coding) = codings.next() else {
        return Ok(Coding::Identity);
    };
    match coding.to_str().map(|text| text.trim().to_ascii_lowercase()) {
        Ok(text) if codings.next().is_none() => match text.as_str() {
            "gzip" | "x-gzip" => Ok(Coding::Gzip),
            "" | "identity" => Ok(Coding::Identity),
            _ => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
        },
        _ => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    }
}

/// Reads a body to its end. Nothing of it is polled before, so that `Expect: 100-continue` is answered now and not
/// before the client has signed in.
///
/// Beyond `limit` bytes it is 413; unpacked beyond `limit`, or not gzip at all, 400.
pub async fn read<B>(body: B, coding: Coding, limit: usize) -> Result<Bytes, StatusCode>
where
    B: Body<Data = Bytes>,
{
    let announced = body.size_hint();
    if announced.lower() > limit as u64 {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let room = announced.exact().map_or(0, |size| size as usize);
    let mut body = std::pin::pin!(body);
    let mut sink = match coding {
        Coding::Identity => Sink::Plain(Bounded::new(limit, room)),
        Coding::Gzip => Sink::Gzip(Box::new(MultiGzDecoder::new(Bounded::new(limit, 0)))),
    };
    let mut taken = 0_usize;
    while let Some(frame) = body.frame().await {
        // The client went away, or its chunks are no chunks.
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        // Trailers say nothing here.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        taken = taken.saturating_add(data.len());
        if taken > limit {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        sink.write(&data).map_err(|_| StatusCode::BAD_REQUEST)?;
    }
    let bytes = match sink {
        Sink::Plain(bounded) => bounded.bytes,
        // An empty body is none, whatever its header says.
        Sink::Gzip(_) if taken == 0 => Vec::new(),
        Sink::Gzip(decoder) => decoder.finish().map_err(|_| StatusCode::BAD_REQUEST)?.bytes,
    };
    Ok(bytes.into())
}

enum Sink {
    Plain(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

impl Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(bounded) => bounded.write_all(data),
            Self::Gzip(decoder) => decoder.write_all(data),
        }
    }
}

/// Bytes that grow to a limit and no further.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl Bounded {
    fn new(limit: usize, room: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(room.min(limit)),
            limit,
        }
    }
}

impl Write for Bounded {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.len() > self.limit - self.bytes.len() {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.bytes.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
