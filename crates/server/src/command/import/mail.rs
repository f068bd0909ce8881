//! `fieldpost import ADDRESS`: mail into an account, item by item.

use std::{
    collections::BTreeSet,
    io::{self, Read},
    sync::{Arc, mpsc},
};

use bytes::Bytes;
use fieldpost_mailbox::{Error, Flags, Incoming, Mailbox, NewItem};
use serde::{Deserialize, Serialize};

use super::{
    source::{Origin, SourceFolder},
    target::{Target, Targets},
};
use crate::{
    command::{Context, export::mail::FLAGS},
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
        for line in &answer.left_out {
            writeln!(out, "{line}")?;
        }
        Ok(())
    })
}

/// Takes the mail in. What came before a failure stays.
pub async fn operate(
    request: Request,
    engine: &Arc<Engine>,
    exchange: &mut Exchange,
) -> Result<Answer, Failure> {
    let mailbox = engine.mailbox(&request.address).await?;
    let wrong = |error: mail_stream::StreamError| Failure::new(FailureKind::Failed, error);
    let mut answer = Answer {
        items: 0,
        bytes: 0,
        left_out: Vec::new(),
    };
    let targets = Targets::prepare(&mailbox, &request.folders, request.is_tree).await?;
    answer.left_out.extend(targets.uids_left_out());
    let mut keywords_left_out = BTreeSet::new();
    let mut parser = Parser::default();
    let mut current: Option<Coming> = None;
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
                let incoming = engine.mailboxes.receive(mailbox.account(), None).await;
                current = Some(Coming {
                    head,
                    origin: None,
                    incoming: incoming.map_err(engine::of_mailbox)?,
                });
            }
            (Step::Bytes(bytes), Some(coming)) => {
                if coming.origin.is_none() {
                    coming.origin =
                        Some(serde_json::from_slice(&bytes).map_err(|e| wrong(e.into()))?);
                    continue;
                }
                answer.bytes += bytes.len() as u64;
                let written = coming.incoming.write(bytes).await;
                written.map_err(engine::of_mailbox)?;
            }
            (Step::End, current) => {
                let Some(coming) = current.take() else {
                    continue;
                };
                let target = targets.of(&coming.head.folder)?;
                coming
                    .take_in(&mailbox, target, &mut keywords_left_out)
                    .await?;
                answer.items += 1;
                exchange.progress("taking mail in", answer.items, 0);
            }
            (Step::Void, current) => *current = None,
            (Step::Bytes(_), None) => {}
        }
    }
    parser.finish().map_err(wrong)?;
    targets.finish(&mailbox).await?;
    answer.left_out.extend(
        keywords_left_out
            .into_iter()
            .map(|keyword| format!("the keyword {keyword:?} cannot be kept")),
    );
    Ok(answer)
}

/// An item under way.
struct Coming {
    head: ItemHead,
    /// Comes before the item's bytes.
    origin: Option<Origin>,
    incoming: Incoming,
}

impl Coming {
    async fn take_in(
        self,
        mailbox: &Mailbox,
        target: Target,
        left_out: &mut BTreeSet<String>,
    ) -> Result<(), Failure> {
        let received = self.incoming.finish().await.map_err(engine::of_mailbox)?;
        let origin = self.origin.unwrap_or_default();
        let mut item = NewItem::new(received);
        item.internal_date = self.head.internal_date;
        item.keywords = self.head.keywords;
        item.stored_uidl = origin.uidl;
        item.uid = origin.uid.filter(|_| target.keeps_uids);
        for name in &self.head.flags {
            item.flags |= FLAGS
                .iter()
                .find(|(known, _)| known == name)
                .map_or(Flags::EMPTY, |(_, flag)| *flag);
        }
        loop {
            match mailbox.append(target.folder, &item).await {
                Ok(_) => return Ok(()),
                // Mail counts for more than its keywords. Each round has fewer of them.
                Err(Error::BadKeyword(bad)) if item.keywords.contains(&bad) => {
                    item.keywords.retain(|keyword| *keyword != bad);
                    note(left_out, bad);
                }
                Err(Error::TooManyKeywords(_)) if !item.keywords.is_empty() => {
                    let labels = mailbox.labels().await.map_err(engine::of_mailbox)?;
                    let (known, new) = std::mem::take(&mut item.keywords)
                        .into_iter()
                        .partition(|keyword| labels.keyword(keyword).is_some());
                    item.keywords = known;
                    let new: Vec<String> = new;
                    for keyword in new {
                        note(left_out, keyword);
                    }
                }
                Err(error) => return Err(engine::of_mailbox(error)),
            }
        }
    }
}

/// Keeps a keyword that is left out, unless that would be too many.
fn note(left_out: &mut BTreeSet<String>, keyword: String) {
    if left_out.len() < MAX_NOTED {
        left_out.insert(keyword.chars().take(100).collect());
    }
}

/// The longest unique-id (RFC 1939 §7).
const MAX_UIDL: usize = 70;

/// How many keywords that cannot be kept are named.
const MAX_NOTED: usize = 100;

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
