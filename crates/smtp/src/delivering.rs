//! The replies after a message: over LMTP one for each recipient, in the order of RCPT (RFC 2033 §4.2); over submission one.

use fieldpost_transport::{Deliveries, Refusal, Status, Submitted};

use crate::{codec::reply::Reply, session::Ready};

/// A message on its way to its recipients.
#[derive(Debug)]
pub struct Delivering {
    ready: Ready,
    /// The transaction's name in the logs.
    id: String,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    /// The recipients' results, as they become durable.
    Deliveries(Deliveries),
    /// The same reply, so many times.
    Same { reply: Reply, left: usize },
}

impl Delivering {
    /// A message that goes to its recipients.
    pub fn new(ready: Ready, id: String, deliveries: Deliveries) -> Self {
        Self {
            ready,
            id,
            outcome: Outcome::Deliveries(deliveries),
        }
    }

    /// A message that was submitted: one reply.
    pub fn submitted(ready: Ready, id: String, submitted: &Submitted) -> Self {
        let Submitted {
            delivered, queued, ..
        } = submitted;
        let queue = submitted.id.map(|id| id.to_string());
        tracing::info!(transaction = %id, delivered, queued, queue, "message submitted");
        let text = match queue {
            Some(queue) => format!("accepted as {queue}"),
            None => "delivered".to_owned(),
        };
        Self {
            ready,
            id,
            outcome: Outcome::Same {
                reply: Reply::new(250, Status(2, 0, 0), text),
                left: 1,
            },
        }
    }

    /// A message that nobody gets.
    pub fn refused(ready: Ready, id: String, refusal: &Refusal, recipients: usize) -> Self {
        tracing::info!(transaction = %id, %refusal, "message refused");
        Self {
            ready,
            id,
            outcome: Outcome::Same {
                reply: refusal.into(),
                left: recipients,
            },
        }
    }

    /// The next recipient's reply, once its result is durable; `None` behind the last. Safe to drop and call again.
    pub async fn next(&mut self) -> Option<Reply> {
        match &mut self.outcome {
            Outcome::Deliveries(deliveries) => {
                let result = deliveries.next().await?;
                let id = &self.id;
                Some(match result {
                    Ok(delivered) => {
                        let (account, uid) = (delivered.account, delivered.uid);
                        tracing::info!(transaction = %id, %account, uid, "delivered");
                        let text = format!("<{}> delivered", delivered.address);
                        Reply::new(250, Status(2, 0, 0), text)
                    }
                    Err(refusal) => {
                        tracing::info!(transaction = %id, %refusal, "recipient refused");
                        refusal.into()
                    }
                })
            }
            Outcome::Same { left: 0, .. } => None,
            Outcome::Same { reply, left } => {
                *left -= 1;
                Some(reply.clone())
            }
        }
    }

    /// Back to between transactions.
    pub fn into_ready(self) -> Ready {
        self.ready
    }
}
