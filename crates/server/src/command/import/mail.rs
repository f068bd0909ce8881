//! `fieldpost import ADDRESS`: mail into an account, item by item.

use std::{
    io::{self, Read},
    sync::{Arc, mpsc},
};

use bytes::Bytes;
use fieldpost_mailbox::{Incoming, Mailbox, NewItem};
use serde::{Deserialize, Serialize};

use super::{
    intake::{Intake, Tally, flags_of},
    source::{Origin, SourceFolder},
    target::Targets,
};
use crate::{
    command::Context,
    engine::{self, Engine},
    exchange::{Exchange, Failure, FailureKind},
    mail_stream::{self, ItemHead, MAX_CHUNK, Parser, Step},
    operation::Operation,
};

/// Mail to be taken in.
pub struct Source {
    /// The folders that it comes in, empty ones included.
    pub folders: Vec<SourceFolder>,
    /// Whether the folders are somebody's whole tree, of which the special ones are to be known by their names.
    pub is_tree: bool,
    /// What is not taken in, and why.
    pub left_out: Vec<String>,
    /// The mail stream.
    pub input: Box<dyn Read + Send>,
}

/// What the operation needs to know; the mail is its input.
#[derive(Deserialize, Serialize)]
pub struct Request {
    address: String,
    folders: Vec<SourceFolder>,
    is_tree: bool,
}

/// What came in.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    items: u64,
    bytes: u64,
    /// Items that had come before.
    known: u64,
    /// Those among them that are marked otherwise by now.
    changed: u64,
    /// What did not come along.
    left_out: Vec<String>,
}

/// Runs the command.
pub fn run(address: String, source: Source, context: &Context) -> anyhow::Result<()> {
    let request = Request {
        address,
        folders: source.folders,
        is_tree: source.is_tree,
    };
    let mut answer: Answer = context.call_with(
        Operation::ImportMail(request),
        Some(source.input),
        &mut |_| Ok(()),
    )?;
    answer.left_out.extend(source.left_out);
    context.print(&answer, |out| {
        writeln!(out, "{} items taken in", answer.items)?;
        if answer.known > 0 {
            writeln!(
                out,
                "{} had come before, {} of them are marked otherwise by now",
                answer.known, answer.changed
            )?;
        }
        for line in &answer.left_out {
            writeln!(out, "{line}")?;
        }
        Ok(())
    })
}

/// Takes the mail in. What came before a failure stays, and is known when it comes again.
pub async fn operate(
    request: Request,
    engine: &Arc<Engine>,
    exchange: &mut Exchange,
) -> Result<Answer, Failure> {
    let mailbox = engine.mailbox(&request.address).await?;
    let targets = Targets::prepare(&mailbox, &request.folders, request.is_tree).await?;
    let mut stream = Stream {
        mailbox: &mailbox,
        folders: &request.folders,
        targets: &targets,
        intake: None,
        tally: Tally::default(),
    };
    let outcome = stream.take_all(engine, exchange).await;
    let closed = stream.close().await;
    outcome?;
    closed?;
    let tally = stream.tally;
    targets.finish(&mailbox).await?;
    let mut left_out: Vec<String> = targets.uids_left_out().collect();
    left_out.extend(tally.left_out());
    Ok(Answer {
        items: tally.items,
        bytes: tally.bytes,
        known: tally.known,
        changed: tally.changed,
        left_out,
    })
}

/// A mail stream on its way into the mailbox, folder by folder.
struct Stream<'a> {
    mailbox: &'a Mailbox,
    folders: &'a [SourceFolder],
    targets: &'a Targets,
    /// The folder that the last item came from.
    intake: Option<(Vec<String>, Intake)>,
    tally: Tally,
}

impl Stream<'_> {
    async fn take_all(
        &mut self,
        engine: &Arc<Engine>,
        exchange: &mut Exchange,
    ) -> Result<(), Failure> {
        let wrong = |error: mail_stream::StreamError| Failure::new(FailureKind::Failed, error);
        let mut parser = Parser::default();
        let mut current: Option<Coming> = None;
        let mut count = 0;
        loop {
            let Some(step) = parser.step().map_err(wrong)? else {
                match exchange.read().await {
                    Some(bytes) => parser.push(&bytes),
                    None => break,
                }
                continue;
            };
            match (step, &mut current) {
                (Step::Begin(head), _) => {
                    let incoming = engine.mailboxes.receive(self.mailbox.account(), None).await;
                    current = Some(Coming {
                        head,
                        origin: None,
                        incoming: incoming.map_err(engine::of_mailbox)?,
                        hash: blake3::Hasher::new(),
                    });
                }
                (Step::Bytes(bytes), Some(coming)) => {
                    if coming.origin.is_none() {
                        coming.origin =
                            Some(serde_json::from_slice(&bytes).map_err(|e| wrong(e.into()))?);
                        continue;
                    }
                    coming.hash.update(&bytes);
                    let written = coming.incoming.write(bytes).await;
                    written.map_err(engine::of_mailbox)?;
                }
                (Step::End, current) => {
                    if let Some(coming) = current.take() {
                        self.take_in(coming).await?;
                        count += 1;
                        exchange.progress("taking mail in", count, 0);
                    }
                }
                (Step::Void, current) => *current = None,
                (Step::Bytes(_), None) => {}
            }
        }
        parser.finish().map_err(wrong)
    }

    async fn take_in(&mut self, coming: Coming) -> Result<(), Failure> {
        let Coming {
            head,
            origin,
            incoming,
            hash,
        } = coming;
        let origin = origin.unwrap_or_default();
        let intake = self.intake(&head.folder).await?;
        let flags = flags_of(head.flags.iter().map(String::as_str));
        let key = match (origin.uid, head.internal_date) {
            (Some(uid), Some(date)) => intake.known().of_uid(uid, date),
            (Some(_) | None, _) => intake.known().of_bytes(&hash),
        };
        if intake.known().contains(&key) {
            return intake.again(key, flags, &head.keywords).await;
        }
        let received = incoming.finish().await.map_err(engine::of_mailbox)?;
        let mut item = NewItem::new(received);
        item.internal_date = head.internal_date;
        item.keywords = head.keywords;
        item.flags = flags;
        item.stored_uidl = origin.uidl;
        item.uid = origin.uid;
        intake.add(item, key).await?;
        Ok(())
    }

    async fn intake(&mut self, path: &[String]) -> Result<&mut Intake, Failure> {
        if self.intake.as_ref().is_none_or(|(of, _)| of != path) {
            self.close().await?;
        }
        let (_, intake) = match self.intake.take() {
            Some(open) => self.intake.insert(open),
            None => {
                let target = self.targets.of(path)?;
                let source = self.folders.iter().find(|folder| folder.path == path);
                let source = source.cloned().unwrap_or_default();
                let opened = Intake::open(self.mailbox, &source, target).await?;
                self.intake.insert((path.to_vec(), opened))
            }
        };
        Ok(intake)
    }

    async fn close(&mut self) -> Result<(), Failure> {
        if let Some((_, intake)) = self.intake.take() {
            self.tally.add(intake.finish().await?);
        }
        Ok(())
    }
}

/// An item under way.
struct Coming {
    head: ItemHead,
    /// Comes before the item's bytes.
    origin: Option<Origin>,
    incoming: Incoming,
    /// Of its bytes.
    hash: blake3::Hasher,
}

/// The longest unique-id (RFC 1939 §7).
const MAX_UIDL: usize = 70;

/// What to say of a path of folders in which a name is missing.
pub fn unnamed(path: &str) -> Failure {
    Failure::new(
        FailureKind::Usage,
        format!("\"{path}\": a folder needs a name"),
    )
    .advise("write names with one / between them, such as Archive/2024")
}

/// Runs `produce` in a thread and reads what it makes.
pub fn produced(
    produce: impl FnOnce(&mut Producer) -> io::Result<()> + Send + 'static,
) -> Box<dyn Read + Send> {
    let (sender, receiver) = mpsc::sync_channel(16);
    std::thread::spawn(move || {
        let mut producer = Producer(sender);
        if let Err(error) = produce(&mut producer) {
            // Whoever reads finds out; if nobody does, nobody wants to know.
            drop(producer.0.send(Err(error)));
        }
    });
    Box::new(Produced {
        receiver,
        current: Bytes::new(),
    })
}

/// Makes a mail stream.
pub struct Producer(mpsc::SyncSender<io::Result<Bytes>>);

impl Producer {
    /// Begins an item.
    pub fn begin(&mut self, head: &ItemHead, origin: &Origin) -> io::Result<()> {
        let begin = mail_stream::begin(head).map_err(io::Error::other)?;
        self.send(begin)?;
        let mut origin = origin.clone();
        origin.uidl = origin.uidl.filter(|uidl| uidl.len() <= MAX_UIDL);
        self.send(mail_stream::chunk(&serde_json::to_vec(&origin)?))
    }

    /// Adds bytes to it.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        bytes
            .chunks(MAX_CHUNK)
            .try_for_each(|piece| self.send(mail_stream::chunk(piece)))
    }

    /// Ends it.
    pub fn end(&mut self) -> io::Result<()> {
        self.send(Bytes::from_static(&mail_stream::END))
    }

    fn send(&mut self, bytes: Bytes) -> io::Result<()> {
        self.0
            .send(Ok(bytes))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

struct Produced {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Read for Produced {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.recv() {
                Ok(next) => self.current = next?,
                Err(_) => return Ok(0),
            }
        }
        let count = out.len().min(self.current.len());
        out[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}
