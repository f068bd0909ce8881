//! `fieldpost import ADDRESS`: mail into an account, item by item.

use std::{
    collections::HashMap,
    io::{self, Read},
    sync::{Arc, mpsc},
};

use bytes::Bytes;
use fieldpost_mailbox::{Flags, FolderId, FolderKind, Incoming, Mailbox, NewFolder, NewItem};
use serde::{Deserialize, Serialize};

use crate::{
    command::{Context, export::mail::FLAGS},
    engine::{self, Engine},
    exchange::{Exchange, Failure, FailureKind},
    mail_stream::{self, ItemHead, MAX_CHUNK, Parser, Step},
    operation::Operation,
};

/// What the operation needs to know; the mail is its input.
#[derive(Deserialize, Serialize)]
pub struct Request {
    address: String,
}

/// What came in.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    items: u64,
    bytes: u64,
}

/// Runs the command.
pub fn run(address: String, input: Box<dyn Read + Send>, context: &Context) -> anyhow::Result<()> {
    let answer: Answer = context.call_with(
        Operation::ImportMail(Request { address }),
        Some(input),
        &mut |_| Ok(()),
    )?;
    context.print(&answer, |out| {
        writeln!(out, "{} items taken in", answer.items)
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
    let mut parser = Parser::default();
    let mut folders = HashMap::new();
    let mut answer = Answer { items: 0, bytes: 0 };
    let mut current: Option<(ItemHead, Incoming)> = None;
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
                current = Some((head, incoming.map_err(engine::of_mailbox)?));
            }
            (Step::Bytes(bytes), Some((_, incoming))) => {
                answer.bytes += bytes.len() as u64;
                incoming.write(bytes).await.map_err(engine::of_mailbox)?;
            }
            (Step::End, current) => {
                let Some((head, incoming)) = current.take() else {
                    continue;
                };
                let folder = folder(&mailbox, &head.folder, &mut folders).await?;
                let received = incoming.finish().await.map_err(engine::of_mailbox)?;
                let mut item = NewItem::new(received);
                item.internal_date = head.internal_date;
                item.keywords = head.keywords;
                for name in &head.flags {
                    item.flags |= FLAGS
                        .iter()
                        .find(|(known, _)| known == name)
                        .map_or(Flags::EMPTY, |(_, flag)| *flag);
                }
                mailbox
                    .append(folder, &item)
                    .await
                    .map_err(engine::of_mailbox)?;
                answer.items += 1;
                exchange.progress("taking mail in", answer.items, 0);
            }
            (Step::Void, current) => *current = None,
            (Step::Bytes(_), None) => {}
        }
    }
    parser.finish().map_err(wrong)?;
    Ok(answer)
}

/// The folder at `path`, made with its parents if it is not there.
async fn folder(
    mailbox: &Mailbox,
    path: &[String],
    known: &mut HashMap<Vec<String>, FolderId>,
) -> Result<FolderId, Failure> {
    if let Some(id) = known.get(path) {
        return Ok(*id);
    }
    // Before any parent is made.
    if path.is_empty() || path.iter().any(String::is_empty) {
        return Err(unnamed(&path.join("/")));
    }
    let mut parent = None;
    for depth in 1..=path.len() {
        let names: Vec<&str> = path[..depth].iter().map(String::as_str).collect();
        let found = mailbox
            .folder_at(&names)
            .await
            .map_err(engine::of_mailbox)?;
        let id = match found {
            Some(found) if depth == path.len() && found.kind != FolderKind::Mail => {
                return Err(Failure::new(
                    FailureKind::Usage,
                    format!("{} is no folder for mail", path.join("/")),
                )
                .advise("name another folder with --folder; one that is not there is made"));
            }
            Some(found) => found.id,
            None => {
                let new = NewFolder {
                    parent,
                    name: path[depth - 1].clone(),
                    kind: FolderKind::Mail,
                };
                mailbox
                    .create_folder(&new)
                    .await
                    .map_err(engine::of_mailbox)?
                    .id
            }
        };
        parent = Some(id);
    }
    let id = parent.ok_or_else(|| unnamed(""))?;
    known.insert(path.to_vec(), id);
    Ok(id)
}

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
    pub fn begin(&mut self, head: &ItemHead) -> io::Result<()> {
        let begin = mail_stream::begin(head).map_err(io::Error::other)?;
        self.send(begin)
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
