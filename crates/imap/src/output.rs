//! Where a command writes its answer: the connection's buffer, sent on when it is full.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fieldpost_connection::{Connection, ConnectionError, Line};

use crate::codec::response::Replies;

/// A command's side of the connection.
pub(crate) struct Output<'a> {
    connection: &'a mut Connection,
    /// Pieces since other tasks last had a turn.
    pieces: usize,
}

impl<'a> Output<'a> {
    pub(crate) fn new(connection: &'a mut Connection) -> Self {
        Self {
            connection,
            pieces: 0,
        }
    }

    /// Writes responses.
    pub(crate) fn replies(&mut self) -> Replies<'_> {
        Replies::new(self.connection.output())
    }

    /// The buffer itself.
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        self.connection.output()
    }

    /// Call it between the pieces of a long answer: waits for a client that takes them slowly, and lets other tasks have their turn. A
    /// client that takes all at once would otherwise keep everybody else waiting until its answer ends.
    pub(crate) async fn ease(&mut self) -> Result<(), ConnectionError> {
        self.pieces += 1;
        let is_much = self.connection.output().len() > HIGH_WATER;
        if is_much {
            self.connection.flush_above(HIGH_WATER).await?;
        }
        if is_much || self.pieces >= PIECES_A_TURN {
            self.pieces = 0;
            tokio::task::yield_now().await;
        }
        Ok(())
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

/// After so many pieces of an answer other tasks have a turn: a piece takes from 0.1 to some 10 µs.
const PIECES_A_TURN: usize = 64;

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc, time::Duration};

    use fieldpost_connection::{ConnectionId, Origin, Peer};
    use tokio::{io::AsyncReadExt, net::UnixStream, task::LocalSet};

    use super::*;

    /// How often another task has its turn while `work` is done.
    async fn turns(work: impl AsyncFnOnce(&mut Output<'_>) + 'static) -> usize {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let origin = Origin {
            id: ConnectionId::next(),
            peer: Peer::Unix(None),
            local: None,
            tls: None,
            shutdown: tokio_util::sync::CancellationToken::new(),
            write_timeout: Duration::from_secs(30),
        };
        let tasks = LocalSet::new();
        tasks.spawn_local(async move {
            let mut room = vec![0; 1024 * 1024];
            while theirs.read(&mut room).await.is_ok_and(|count| count > 0) {}
        });
        let turns = Rc::new(Cell::new(0));
        let other = Rc::clone(&turns);
        tasks.spawn_local(async move {
            loop {
                other.set(other.get() + 1);
                tokio::task::yield_now().await;
            }
        });
        let working = tasks.spawn_local(async move {
            let mut connection = Connection::new(ours, origin);
            work(&mut Output::new(&mut connection)).await;
        });
        tasks.run_until(working).await.unwrap();
        turns.get()
    }

    #[tokio::test]
    async fn others_have_their_turn_between_many_small_pieces() {
        let turns = turns(async |output| {
            for _ in 0..100 * PIECES_A_TURN {
                output.buffer().extend_from_slice(b"x");
                output.ease().await.unwrap();
            }
        })
        .await;
        assert!(turns >= 100, "{turns}");
    }

    #[tokio::test]
    async fn others_have_their_turn_between_few_large_pieces() {
        let turns = turns(async |output| {
            for _ in 0..40 {
                output
                    .buffer()
                    .extend_from_slice(&vec![b'x'; HIGH_WATER + 1]);
                output.ease().await.unwrap();
            }
        })
        .await;
        assert!(turns >= 40, "{turns}");
    }
}
