//! `BDAT` (RFC 3030 §2): so many bytes of the message follow. Its reply comes when they have been read; behind `LAST` it
//! is one reply a recipient, as behind DATA's dot.
//!
//! A chunk that can't be taken is read all the same, because a client that pipelines has sent it already. Once a message is
//! refused its later chunks are refused with the same words, the last one once for each recipient, so that a client that
//! pipelines finds as many replies as it waits for.

use fieldpost_transport::Status;

use crate::{
    codec::{command::Chunk as ChunkCommand, data::Framing, reply::Reply},
    message::{Message, too_large},
    session::{Chunk, Context, Session, Step, Target},
};

pub(crate) async fn run(session: Session, command: ChunkCommand, cx: &Context<'_>) -> Step {
    let limit = cx.service.settings.max_message_size;
    if command.size > limit.saturating_mul(2) {
        // Not worth reading to its end, and there is no other way to the next command.
        let refusal = too_large(limit);
        return Step::reply(
            Session::Closed,
            Reply::closing(Status(4, 3, 4), refusal.text),
        );
    }
    let target = match session {
        Session::Chunked(message) => Target::Message(message),
        Session::Transaction(transaction) if !transaction.recipients.is_empty() => {
            Target::Message(Message::begin(transaction, Framing::Counted, cx).await)
        }
        other => {
            let text = match &other {
                Session::Transaction(_) => "no valid recipients",
                _ => "say MAIL and RCPT first",
            };
            Target::Nothing {
                before: Box::new(other),
                reply: Reply::out_of_order(text),
            }
        }
    };
    let chunk = Chunk {
        target,
        left: command.size,
        size: command.size,
        last: command.last,
    };
    // An empty chunk is whole already: RFC 3030 §2 allows it, with LAST as the usual end.
    if chunk.left == 0 {
        whole(chunk, cx).await
    } else {
        Step::silent(Session::Chunk(chunk))
    }
}

/// All bytes of a chunk have been read.
pub(crate) async fn whole(chunk: Chunk, cx: &Context<'_>) -> Step {
    match chunk.target {
        Target::Nothing { before, reply } => Step::reply(*before, reply),
        Target::Message(message) if chunk.last => {
            Step::silent(Session::Delivering(message.finish(cx).await))
        }
        Target::Message(message) => {
            let reply = match message.refusal() {
                Some(refusal) => refusal.into(),
                None => Reply::new(
                    250,
                    Status(2, 0, 0),
                    format!("{} bytes received", chunk.size),
                ),
            };
            Step::reply(Session::Chunked(message), reply)
        }
    }
}
