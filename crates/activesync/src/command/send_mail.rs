//! SendMail, SmartReply and SmartForward (MS-ASCMD §2.2.1.17 to .19): below 14.0 the message is the request's body, from
//! 14.0 on it lies in a document.
//!
//! Rule: a message is sent once. A client id is remembered, durably, after the message was delivered; one that comes again
//! is answered 118 (MS-ASCMD §2.2.2). A crash between the two sends a message twice rather than never.

mod source;

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use bytes::Bytes;
use fieldpost_mailbox::{AccountId, DeviceId, FlagUpdate, Flags, UpdateMode};
use fieldpost_message::outgoing::Outgoing;
use fieldpost_transport::{Address, Addressee, BodyType, Envelope, Refusal, SentCopy, Submission};
use fieldpost_wbxml::{Command, Content, Version, tags::compose_mail as tag};
use parking_lot::Mutex;

use source::Source;

use crate::{
    reply::{Failure, Reply, status},
    session::Session,
};

/// Messages that are being sent now, by device and client id.
#[derive(Default)]
pub struct Sending(Mutex<HashSet<(AccountId, DeviceId, String)>>);

/// A message that is being sent. Dropping it ends that.
struct Underway<'a> {
    all: &'a Sending,
    key: (AccountId, DeviceId, String),
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.all.0.lock().remove(&self.key);
    }
}

/// What a client wants to be sent.
#[derive(Debug, Default)]
struct Asked {
    mime: Bytes,
    client_id: Option<String>,
    save: bool,
    /// The message is whole: nothing of the original is to be added.
    replaces: bool,
    source: Option<(Option<String>, String)>,
}

/// Sends a message.
pub async fn run(session: &mut Session) -> Result<Reply, Failure> {
    let asked = read(session)?;
    let service = Arc::clone(&session.service);
    let _underway = match &asked.client_id {
        None => None,
        Some(id) => {
            if session.device.has_sent(id) {
                return Err(Failure::Status(status::PREVIOUSLY_SENT));
            }
            let key = (
                session.identity.account,
                session.device.id.clone(),
                id.clone(),
            );
            if !service.sending.0.lock().insert(key.clone()) {
                return Err(Failure::RetryAfter(status::SERVER_ERROR_RETRY, 10));
            }
            Some(Underway {
                all: &service.sending,
                key,
            })
        }
    };
    if asked.mime.is_empty() {
        return Err(Failure::Status(status::INVALID_MIME));
    }
    let source = match &asked.source {
        None => None,
        Some((folder, item)) => Some(Source::find(session, folder.as_deref(), item).await?),
    };
    let outgoing = prepare(session, &asked.mime)?;
    let joined = source.as_ref().filter(|_| !asked.replaces);
    let bytes = join(session, joined, &outgoing.bytes).await?;
    send(session, &outgoing, bytes, asked.save).await?;
    if let Some(id) = &asked.client_id {
        session.change_device(|device| device.note_sent(id)).await?;
    }
    if let Some(source) = source {
        source.mark(session).await;
    }
    Ok(Reply::Empty)
}

/// The message with the original in it, if there is one to be added.
async fn join(
    session: &Session,
    source: Option<&Source>,
    message: &[u8],
) -> Result<Vec<u8>, Failure> {
    let Some(source) = source else {
        return Ok(message.to_vec());
    };
    let is_reply = session.request.command == Command::SmartReply;
    source
        .join(session, message, is_reply)
        .await
        .map_err(|error| {
            tracing::warn!(%error, "the original can't be added");
            Failure::Status(status::REPLY_FAILED)
        })
}

/// Reads either form of the request.
fn read(session: &Session) -> Result<Asked, Failure> {
    let request = &session.request;
    let is_smart = request.command != Command::SendMail;
    if session.version() < Version::V14_0 {
        let parameters = &request.parameters;
        let source = match (&parameters.long_id, &parameters.item_id) {
            (Some(long), _) => Some((None, long.clone())),
            (None, Some(item)) => Some((parameters.collection_id.clone(), item.clone())),
            (None, None) => None,
        };
        return Ok(Asked {
            mime: request.body.clone(),
            client_id: None,
            save: parameters.save_in_sent,
            replaces: false,
            source: source.filter(|_| is_smart),
        });
    }
    let root = Session::document(&request.body)?.ok_or(Failure::Status(status::INVALID_CONTENT))?;
    let text =
        |element: &fieldpost_wbxml::Element<'_>, tag| element.text_of(tag).map(Cow::into_owned);
    let source = match root.child(tag::SOURCE) {
        None => None,
        Some(source) => {
            instance(source)?;
            match (text(source, tag::LONG_ID), text(source, tag::ITEM_ID)) {
                (Some(long), None) => Some((None, long)),
                (None, Some(item)) => Some((text(source, tag::FOLDER_ID), item)),
                (None, None) | (Some(_), Some(_)) => {
                    return Err(Failure::Status(status::INVALID_COMBINATION_OF_IDS));
                }
            }
        }
    };
    if root
        .child(fieldpost_wbxml::tags::rights_management::TEMPLATE_ID)
        .is_some()
    {
        return Err(Failure::Status(status::IRM_DISABLED));
    }
    if root.child(tag::ACCOUNT_ID).is_some() {
        return Err(Failure::Status(status::INVALID_ACCOUNT));
    }
    let mime = root
        .child(tag::MIME)
        .map(|mime| match mime.content() {
            [Content::Opaque(bytes)] => request.body.slice_ref(bytes),
            [Content::Text(Cow::Borrowed(text))] => request.body.slice_ref(text.as_bytes()),
            // In pieces: it is no part of the request as it stands.
            _ => mime.bytes().into_owned().into(),
        })
        .unwrap_or_default();
    Ok(Asked {
        mime,
        client_id: Some(text(&root, tag::CLIENT_ID).ok_or(Failure::Status(status::INVALID_XML))?),
        save: root.child(tag::SAVE_IN_SENT_ITEMS).is_some(),
        replaces: root.child(tag::REPLACE_MIME).is_some(),
        source: source.filter(|_| is_smart),
    })
}

/// An occurrence of a series can't be meant: there are only mails (MS-ASCMD_R541: 104; MS-ASCMD_R4919: 146).
fn instance(source: &fieldpost_wbxml::Element<'_>) -> Result<(), Failure> {
    let Some(text) = source.text_of(tag::INSTANCE_ID) else {
        return Ok(());
    };
    // `2026-11-23T18:01:10.000Z`
    let is_date = text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok();
    Err(Failure::Status(if is_date {
        status::NO_RECURRENCE
    } else {
        status::INVALID_DATE_TIME
    }))
}

/// The message made fit to travel, if who sends it may send in that name (MS-ASCMD_R448).
fn prepare(session: &Session, mime: &[u8]) -> Result<Outgoing, Failure> {
    let service = &session.service;
    let host = &service.settings.host_name;
    let outgoing = service.transport.outgoing(&session.identity, host, mime);
    outgoing.map_err(|refusal| {
        let account = session.identity.account;
        tracing::warn!(%account, device = %session.device.id, %refusal, "a message is not sent");
        Failure::Status(status::SUBMISSION_FAILED)
    })
}

/// Sends the message: to recipients of ours at once, to others through the queue; with its copy in the sent items if that is
/// wanted. Or it is refused before anybody has it.
async fn send(
    session: &Session,
    outgoing: &Outgoing,
    bytes: Vec<u8>,
    save: bool,
) -> Result<(), Failure> {
    let service = &session.service;
    let account = session.identity.account;
    let recipients = addressees(session, outgoing)?;
    let failed = |refusal: Refusal| {
        tracing::warn!(%account, %refusal, "a message is not sent");
        if refusal.is_temporary() {
            Failure::RetryAfter(status::SERVER_ERROR_RETRY, 60)
        } else {
            Failure::Status(status::SUBMISSION_FAILED)
        }
    };
    let mut incoming = service
        .transport
        .compose(account, Some(bytes.len() as u64))
        .await
        .map_err(failed)?;
    let body = if bytes.is_ascii() {
        BodyType::SevenBit
    } else {
        BodyType::EightBitMime
    };
    let mut bytes = Bytes::from(bytes);
    while !bytes.is_empty() {
        let piece = bytes.split_to(bytes.len().min(PIECE));
        incoming.write(piece).await.map_err(failed)?;
    }
    let received = incoming.finish().await.map_err(failed)?;
    let copy = save.then(|| SentCopy {
        received: received.clone(),
        prefix: outgoing.hidden.clone().into(),
    });
    let submission = Submission {
        account,
        envelope: Envelope {
            sender: session.identity.address.parse().ok(),
            body,
            ..Envelope::default()
        },
        received,
        recipients,
        copy,
    };
    service
        .transport
        .submit(submission)
        .await
        .map(drop)
        .map_err(failed)
}

/// Whom To, Cc and Bcc name, if all of them can be written to.
fn addressees(session: &Session, outgoing: &Outgoing) -> Result<Vec<Addressee>, Failure> {
    let service = &session.service;
    let account = session.identity.account;
    let sender: Option<Address> = session.identity.address.parse().ok();
    let mut addressees = Vec::new();
    for address in &outgoing.recipients {
        let spec = address.addr_spec().unwrap_or_default();
        let parsed: Address = spec
            .parse()
            .map_err(|_| Failure::Status(status::RECIPIENT_UNRESOLVED))?;
        let destination = service.transport.destination(&parsed, sender.as_ref());
        let destination = destination.map_err(|refusal| {
            let is_local = parsed
                .domain()
                .is_none_or(|domain| service.directory.is_local_domain(domain));
            tracing::warn!(%account, %refusal, is_local, "a message is refused");
            Failure::Status(if is_local {
                status::RECIPIENT_UNRESOLVED
            } else {
                status::SUBMISSION_FAILED
            })
        })?;
        addressees.push(Addressee::new(parsed, destination));
    }
    if addressees.is_empty() {
        return Err(Failure::Status(status::NO_RECIPIENT));
    }
    Ok(addressees)
}

impl Source {
    /// Notes on the original that it was answered or forwarded; the message is sent whether or not that works.
    async fn mark(&self, session: &Session) {
        let update = if session.request.command == Command::SmartReply {
            FlagUpdate::flags(UpdateMode::Add, Flags::ANSWERED)
        } else {
            FlagUpdate::keywords(UpdateMode::Add, ["$Forwarded"])
        };
        let uids = std::iter::once(self.row.uid).collect();
        let marked = session
            .mailbox
            .update_flags(self.folder, &uids, &update, None)
            .await;
        if let Err(error) = marked {
            tracing::warn!(%error, "the original was not marked as answered");
        }
    }
}

const PIECE: usize = 64 * 1024;

#[cfg(test)]
mod tests;
