//! `fieldpost deliver ADDRESS… < message`

use std::sync::Arc;

use clap::Args;
use fieldpost_transport::{Address, Addressee, Envelope, Refusal};
use serde::{Deserialize, Serialize};

use super::Context;
use crate::{
    engine::Engine,
    exchange::{Exchange, Failure, FailureKind},
    operation::Operation,
};

/// Arguments of `deliver`.
#[derive(Args)]
#[command(
    after_help = "The message is read from standard input. It is on disk when the command ends with 0.\n\n\
                  Exit codes are those of sysexits.h, so that an MTA can pipe into it: 67 no such recipient, 75 try again \
                  later, 69 refused.\n\n\
                  Example:\n  fieldpost deliver anna@example.org --sender bo@example.net < message.eml"
)]
pub struct Arguments {
    /// Whom to deliver to.
    #[arg(required = true)]
    recipients: Vec<String>,
    /// Who sent it (Return-Path); left out, it is the null sender, whom nobody answers.
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,
}

/// What the operation needs to know; the message is its input.
#[derive(Deserialize, Serialize)]
pub struct Request {
    recipients: Vec<String>,
    sender: Option<String>,
}

/// What became of it, a recipient each.
#[derive(Deserialize, Serialize)]
pub struct Outcome {
    recipient: String,
    delivered: bool,
    /// The reply that LMTP would have given: `250 2.1.5 …`, `550 5.1.1 …`.
    reply: String,
    code: u16,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let operation = Operation::Deliver(Request {
        recipients: arguments.recipients,
        sender: arguments.sender,
    });
    let input = Box::new(CrlfReader::new(std::io::stdin()));
    let outcomes: Vec<Outcome> = context.call_with(operation, Some(input), &mut |_| Ok(()))?;
    context.print(&outcomes, |out| {
        for outcome in &outcomes {
            writeln!(out, "{}: {}", outcome.recipient, outcome.reply)?;
        }
        Ok(())
    })?;
    // The worst of them decides: an MTA keeps the message if any recipient may work later.
    let refused =
        |test: fn(u16) -> bool| outcomes.iter().any(|one| !one.delivered && test(one.code));
    let code = if refused(|code| code < 500) {
        75
    } else if refused(|code| code == 550) {
        67
    } else if refused(|_| true) {
        69
    } else {
        return Ok(());
    };
    std::process::exit(code);
}

/// Delivers the message.
pub async fn operate(
    request: Request,
    engine: &Arc<Engine>,
    exchange: &mut Exchange,
) -> Result<Vec<Outcome>, Failure> {
    let parse = |text: &str| {
        text.parse::<Address>()
            .map_err(|error| Failure::new(FailureKind::Usage, format!("{text}: {error}")))
    };
    let sender = request.sender.as_deref().map(parse).transpose()?;
    let mut outcomes = Vec::new();
    let mut recipients = Vec::new();
    for text in &request.recipients {
        let address = parse(text)?;
        match engine.transport.inbound(&address, sender.as_ref()) {
            Ok(destination) => {
                // Filled in when the delivery is done.
                outcomes.push(None);
                recipients.push(Addressee::new(address, destination));
            }
            Err(refusal) => outcomes.push(Some(refused(text, &refusal))),
        }
    }
    if recipients.is_empty() {
        return Ok(outcomes.into_iter().flatten().collect());
    }
    let temporary = |refusal: Refusal| {
        let kind = if refusal.is_temporary() {
            FailureKind::Temporary
        } else {
            FailureKind::Failed
        };
        Failure::new(kind, refusal)
    };
    let mut incoming = engine
        .transport
        .receive(&[], None)
        .await
        .map_err(temporary)?;
    let limit = engine.config.lmtp.max_message_size.bytes();
    while let Some(bytes) = exchange.read().await {
        if incoming.size() + bytes.len() as u64 > limit {
            // Whoever writes it is not to find the pipe broken before the answer is there.
            while exchange.read().await.is_some() {}
            let too_large = |recipient: &String| Outcome {
                recipient: recipient.clone(),
                delivered: false,
                reply: format!(
                    "552 5.3.4 the message is larger than {limit} bytes ([lmtp] max_message_size)"
                ),
                code: 552,
            };
            return Ok(outcomes
                .into_iter()
                .zip(&request.recipients)
                .map(|(outcome, text)| outcome.unwrap_or_else(|| too_large(text)))
                .collect());
        }
        incoming.write(bytes).await.map_err(temporary)?;
    }
    if incoming.size() == 0 {
        return Err(
            Failure::new(FailureKind::Usage, "there was no message on standard input")
                .advise("fieldpost deliver ADDRESS < message.eml"),
        );
    }
    let received = incoming.finish().await.map_err(temporary)?;
    let envelope = Envelope {
        sender,
        ..Envelope::default()
    };
    let mut results = engine
        .transport
        .distribute(envelope, received, recipients)
        .all()
        .await
        .into_iter();
    Ok(outcomes
        .into_iter()
        .zip(&request.recipients)
        .map(|(outcome, text)| {
            outcome.unwrap_or_else(|| match results.next() {
                Some(Ok(_)) => Outcome {
                    recipient: text.clone(),
                    delivered: true,
                    reply: "250 2.1.5 delivered".into(),
                    code: 250,
                },
                Some(Err(refusal)) => refused(text, &refusal),
                None => Outcome {
                    recipient: text.clone(),
                    delivered: false,
                    reply: "451 4.3.0 no result".into(),
                    code: 451,
                },
            })
        })
        .collect())
}

fn refused(recipient: &str, refusal: &Refusal) -> Outcome {
    Outcome {
        recipient: recipient.to_owned(),
        delivered: false,
        reply: refusal.to_string(),
        code: refusal.code,
    }
}

/// Mail on standard input has the line ends of Unix; mail in a mailbox those of RFC 5322. A line end that is right
/// already stays.
pub struct CrlfReader<R> {
    inner: R,
    last: u8,
}

impl<R> CrlfReader<R> {
    /// Reads `inner`.
    pub fn new(inner: R) -> Self {
        Self { inner, last: 0 }
    }
}

impl<R: std::io::Read> std::io::Read for CrlfReader<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        // Each byte becomes two at most.
        let mut raw = vec![0; (out.len() / 2).max(1)];
        if out.len() < 2 {
            return Ok(0);
        }
        let count = self.inner.read(&mut raw)?;
        let mut written = 0;
        for byte in &raw[..count] {
            if *byte == b'\n' && self.last != b'\r' {
                out[written] = b'\r';
                written += 1;
            }
            out[written] = *byte;
            written += 1;
            self.last = *byte;
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn line_ends_become_those_of_mail() {
        let mut out = Vec::new();
        CrlfReader::new(&b"a\nb\r\n\n\r\nc"[..])
            .read_to_end(&mut out)
            .unwrap();
        assert_eq!(out, b"a\r\nb\r\n\r\n\r\nc");
    }
}
