//! `fieldpost export ADDRESS`: an account's mail, item by item.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use fieldpost_mailbox::{Flags, Folder, FolderId, FolderKind, Mailbox};
use serde::{Deserialize, Serialize};

use crate::{
    command::{
        Context, folder,
        import::source::{Origin, SourceFolder, Uids},
    },
    engine::{self, Engine},
    exchange::{Exchange, Failure, FailureKind},
    mail_stream::{self, ItemHead, MAX_CHUNK, Parser, Step},
    operation::Operation,
};

/// Takes items as they come: an mbox file, a Maildir.
pub trait Sink {
    /// An item begins.
    fn begin(&mut self, head: &ItemHead, origin: &Origin) -> anyhow::Result<()>;
    /// Bytes of it.
    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()>;
    /// It ends.
    fn end(&mut self) -> anyhow::Result<()>;
    /// It does not come to its end: what was written of it is taken back.
    fn void(&mut self) -> anyhow::Result<()>;
    /// All have come, from these folders; what was written is to be on disk. What could not be written is returned.
    fn finish(&mut self, folders: &[SourceFolder]) -> anyhow::Result<Vec<String>>;
    /// No more come, because something failed. An item under way is taken back; if none was written, so is the file or
    /// directory itself, so that it is not in the way of the next try.
    fn give_up(&mut self) -> anyhow::Result<()>;
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    address: String,
    folder: Option<String>,
}

/// What was written.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    items: u64,
    bytes: u64,
    /// The folders, empty ones included.
    folders: Vec<SourceFolder>,
    /// Items that could not be read, with the reason; the others are there.
    damaged: Vec<String>,
    /// What such files have no place for.
    left_out: Vec<String>,
}

/// Runs the command.
pub fn run(
    address: String,
    folder: Option<String>,
    sink: &mut dyn Sink,
    context: &Context,
) -> anyhow::Result<()> {
    let answer = match fill(address, folder, sink, context) {
        Ok(answer) => answer,
        Err(error) => {
            // The first failure is what there is to tell.
            drop(sink.give_up());
            return Err(error);
        }
    };
    context.print(&answer, |out| {
        writeln!(out, "{} items written", answer.items)?;
        for line in &answer.damaged {
            writeln!(out, "not readable: {line}")?;
        }
        for line in &answer.left_out {
            writeln!(out, "{line}")?;
        }
        Ok(())
    })?;
    if answer.damaged.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(
            FailureKind::Damaged,
            format!("{} items are damaged", answer.damaged.len()),
        )
        .advise("fieldpost fsck tells more")
        .into())
    }
}

fn fill(
    address: String,
    folder: Option<String>,
    sink: &mut dyn Sink,
    context: &Context,
) -> anyhow::Result<Answer> {
    let mut parser = Parser::default();
    let mut begun = None;
    let mut answer: Answer = context.call_with(
        Operation::ExportMail(Request { address, folder }),
        None,
        &mut |bytes| {
            parser.push(&bytes);
            while let Some(step) = parser.step()? {
                match step {
                    Step::Begin(head) => begun = Some(head),
                    Step::Bytes(bytes) => match begun.take() {
                        Some(head) => sink.begin(&head, &serde_json::from_slice(&bytes)?)?,
                        None => sink.write(&bytes)?,
                    },
                    Step::End => sink.end()?,
                    Step::Void => sink.void()?,
                }
            }
            Ok(())
        },
    )?;
    parser.finish()?;
    answer.left_out = sink.finish(&answer.folders)?;
    Ok(answer)
}

/// Reads the mail.
pub async fn operate(
    request: Request,
    engine: &Arc<Engine>,
    exchange: &mut Exchange,
) -> Result<Answer, Failure> {
    let mailbox = engine.mailbox(&request.address).await?;
    let folders = mailbox.folders().await.map_err(engine::of_mailbox)?;
    let by_id: BTreeMap<FolderId, &Folder> = folders
        .iter()
        .map(|folder| (folder.id, &**folder))
        .collect();
    let chosen: Vec<(Vec<String>, &Folder)> = folders
        .iter()
        .map(|folder| (folder::path(folder, &by_id), &**folder))
        .filter(|(path, folder)| match &request.folder {
            None => folder.kind == FolderKind::Mail,
            Some(wanted) => path.join("/") == *wanted || folder.is_named(wanted),
        })
        .collect();
    if let (Some(wanted), true) = (&request.folder, chosen.is_empty()) {
        return Err(Failure::new(
            FailureKind::NotFound,
            format!("there is no folder {wanted}"),
        )
        .advise(format!(
            "fieldpost folder list {} shows those there are",
            request.address
        )));
    }
    let total = chosen
        .iter()
        .map(|(_, folder)| u64::from(folder.counters.exists))
        .sum();
    let mut answer = Answer {
        items: 0,
        bytes: 0,
        folders: Vec::new(),
        damaged: Vec::new(),
        left_out: Vec::new(),
    };
    let shown = engine.config.pop3.path();
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    for (path, folder) in chosen {
        let view = mailbox.view(folder.id).await.map_err(engine::of_mailbox)?;
        let uids = Uids {
            validity: view.uid_validity,
            next: view.uid_next,
        };
        answer.folders.push(SourceFolder {
            path: path.clone(),
            uids: Some(uids),
            subscribed: folder.subscribed,
            purpose: None,
        });
        let labels = mailbox.labels().await.map_err(engine::of_mailbox)?;
        // All that is in the folder that POP3 shows has a unique-id.
        let unique_ids = if mailbox
            .folder_at(&shown)
            .await
            .map_err(engine::of_mailbox)?
            .is_some_and(|shown| shown.id == folder.id)
        {
            let ids = mailbox.unique_ids(folder.id, &view).await;
            Some(ids.map_err(engine::of_mailbox)?)
        } else {
            None
        };
        for row in view.rows() {
            let head = ItemHead {
                folder: path.clone(),
                flags: flag_names(row.flags),
                keywords: labels.keywords(row.labels).map(String::from).collect(),
                internal_date: Some(row.internal_date),
            };
            let origin = Origin {
                uid: Some(row.uid),
                uidl: unique_ids.as_ref().map(|ids| ids.of(row.uid).into_owned()),
                uids: Some(uids),
            };
            match send_item(&mailbox, folder.id, &head, origin, exchange).await {
                Ok(bytes) => {
                    answer.items += 1;
                    answer.bytes += bytes;
                }
                Err(Trouble::Damaged(what)) => {
                    answer
                        .damaged
                        .push(format!("{}, uid {}: {what}", path.join("/"), row.uid));
                }
                Err(Trouble::Failed(failure)) => return Err(failure),
            }
            exchange.progress("writing mail", answer.items, total);
        }
    }
    Ok(answer)
}

enum Trouble {
    /// This item cannot be read; the next one may be.
    Damaged(String),
    /// Nothing can.
    Failed(Failure),
}

/// Sends one item. One that turns out damaged within its body is called off: half a message would pass for a whole one
/// wherever it goes from there.
async fn send_item(
    mailbox: &Mailbox,
    folder: FolderId,
    head: &ItemHead,
    mut origin: Origin,
    exchange: &mut Exchange,
) -> Result<u64, Trouble> {
    let damaged = |error: fieldpost_mailbox::Error| match error {
        // Expunged since we looked.
        fieldpost_mailbox::Error::NoSuchItem { .. } => Trouble::Damaged("it has just gone".into()),
        error => Trouble::Damaged(error.to_string()),
    };
    let uid = origin.uid.unwrap_or(0);
    let item = mailbox.item(folder, uid).await.map_err(damaged)?;
    if origin.uidl.is_none() {
        origin.uidl = item.stored_uidl().map(String::from);
    }
    let origin =
        serde_json::to_vec(&origin).map_err(|error| Trouble::Damaged(error.to_string()))?;
    let mut reader = mailbox.read(&item, 0..u64::MAX).await.map_err(damaged)?;
    let begin = mail_stream::begin(head).map_err(|error| Trouble::Damaged(error.to_string()))?;
    exchange.write(begin).await.map_err(Trouble::Failed)?;
    exchange
        .write(mail_stream::chunk(&origin))
        .await
        .map_err(Trouble::Failed)?;
    let mut sent = 0;
    let outcome = loop {
        match reader.next().await {
            Ok(Some(bytes)) => {
                sent += bytes.len() as u64;
                for piece in bytes.chunks(MAX_CHUNK) {
                    exchange
                        .write(mail_stream::chunk(piece))
                        .await
                        .map_err(Trouble::Failed)?;
                }
            }
            Ok(None) => break Ok(sent),
            Err(error) => break Err(damaged(error)),
        }
    };
    let last = if outcome.is_ok() {
        &mail_stream::END
    } else {
        &mail_stream::VOID
    };
    exchange
        .write(Bytes::from_static(last))
        .await
        .map_err(Trouble::Failed)?;
    outcome
}

/// The names of flags in a stream.
pub const FLAGS: [(&str, Flags); 5] = [
    ("seen", Flags::SEEN),
    ("answered", Flags::ANSWERED),
    ("flagged", Flags::FLAGGED),
    ("deleted", Flags::DELETED),
    ("draft", Flags::DRAFT),
];

fn flag_names(flags: Flags) -> Vec<String> {
    FLAGS
        .iter()
        .filter(|(_, flag)| flags.contains(*flag))
        .map(|(name, _)| (*name).to_owned())
        .collect()
}
