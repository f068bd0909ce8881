//! Where a command writes its answer: the connection's buffer, sent on when it is full.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fieldpost_connection::{Connection, ConnectionError, Line};

use crate::codec::response::Replies;

/// A command's side of the connection.
pub(crate) struct Output<'a> {
    connection: &'a mut Connection,
}

impl<'a> Output<'a> {
    pub(crate) fn new(connection: &'a mut Connection) -> Self {
        Self { connection }
    }

    /// Writes responses.
    pub(crate) fn replies(&mut self) -> Replies<'_> {
        Replies::new(self.connection.output())
    }

    /// The buffer itself.
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        self.connection.output()
    }

    /// Call it between the pieces of a long answer: waits for a client that takes them slowly.
    pub(crate) async fn ease(&mut self) -> Result<(), ConnectionError> {
        self.connection.flush_above(HIGH_WATER).await
    }

    /// Sends what waits.
    pub(crate) async fn flush(&mut self) -> Result<(), ConnectionError> {
        self.connection.flush().await
    }

    /// Up to `limit` bytes of a literal, as they come.
    pub(crate) async fn chunk(
        &mut self,
        limit: usize,
        patience: Duration,
    ) -> Result<Bytes, ConnectionError> {
        self.connection.chunk(limit, patience).await
    }

    /// The next line.
    pub(crate) async fn line(
        &mut self,
        limit: usize,
        patience: Duration,
    ) -> Result<Line, ConnectionError> {
        self.connection.line(limit, patience).await
    }

    /// Whether the client has gone: nobody waits for the answer any more.
    pub(crate) fn is_gone(&mut self) -> bool {
        self.connection.is_gone()
    }
}

/// How many octets of an answer gather at most before they are sent.
const HIGH_WATER: usize = 64 * 1024;
