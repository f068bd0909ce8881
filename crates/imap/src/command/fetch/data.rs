//! A message's FETCH response, item by item (RFC 9051 §7.5.2).

use bytes::BytesMut;
use fieldpost_mailbox::{Item, Labels, Row};

use super::{Plan, Trouble, text};
use crate::{
    answer::Refusal,
    codec::{
        date::write_internal_date,
        request::FetchItem,
        response::{
            body_structure::{write_body, write_body_structure},
            envelope::write_envelope,
            flags::{write_flags, write_mod_seq},
            number::write_number,
            string::write_nstring,
        },
    },
    output::Output,
    session::Selected,
};

/// Whether it takes the message's record to write `item`.
pub(super) fn needs_record(item: &FetchItem) -> bool {
    match item {
        FetchItem::Uid
        | FetchItem::Flags
        | FetchItem::InternalDate
        | FetchItem::SaveDate
        | FetchItem::Rfc822Size
        | FetchItem::ModSeq
        | FetchItem::EmailId
        | FetchItem::ThreadId => false,
        FetchItem::Envelope
        | FetchItem::Body
        | FetchItem::BodyStructure
        | FetchItem::Preview { .. }
        | FetchItem::Rfc822
        | FetchItem::Rfc822Header
        | FetchItem::Rfc822Text
        | FetchItem::Section(_)
        | FetchItem::Binary(_)
        | FetchItem::BinarySize(_) => true,
    }
}

/// Writes a response that takes no more than the row.
pub(super) fn write_row(
    number: u32,
    row: &Row,
    plan: &Plan<'_>,
    labels: &Labels,
    out: &mut BytesMut,
) {
    begin(number, out);
    for (position, item) in plan.items.iter().enumerate() {
        if position > 0 {
            out.extend_from_slice(b" ");
        }
        write_from_row(item, row, plan, labels, out);
    }
    out.extend_from_slice(b")\r\n");
}

/// Writes a response that takes the record, and perhaps the body. Whether it is whole.
#[expect(
    clippy::too_many_arguments,
    reason = "what all messages of one command share"
)]
pub(super) async fn write_message(
    state: &Selected,
    number: u32,
    row: &Row,
    item: &Item,
    plan: &Plan<'_>,
    labels: &Labels,
    trouble: &mut Trouble,
    output: &mut Output<'_>,
) -> Result<bool, Refusal> {
    let summary = match item.encoded_summary() {
        Ok(summary) => summary,
        Err(error) => {
            tracing::error!(account = %state.user.mailbox.account(), folder = %state.folder.id, uid = row.uid, %error, "a message's summary can't be read");
            trouble.unreadable = true;
            return Ok(false);
        }
    };
    let mut is_whole = true;
    let earlier = std::mem::take(&mut trouble.unknown_encoding);
    begin(number, output.buffer());
    for (position, asked) in plan.items.iter().enumerate() {
        let out = output.buffer();
        if position > 0 {
            out.extend_from_slice(b" ");
        }
        match asked {
            FetchItem::Envelope => {
                out.extend_from_slice(b"ENVELOPE ");
                is_whole &= whole(out, |out| {
                    write_envelope(out, &summary.envelope()?, plan.utf8)
                });
            }
            FetchItem::Body => {
                out.extend_from_slice(b"BODY ");
                is_whole &= whole(out, |out| write_body(out, &summary.structure()?, plan.utf8));
            }
            FetchItem::BodyStructure => {
                out.extend_from_slice(b"BODYSTRUCTURE ");
                is_whole &= whole(out, |out| {
                    write_body_structure(out, &summary.structure()?, plan.utf8)
                });
            }
            FetchItem::Preview { .. } => {
                out.extend_from_slice(b"PREVIEW ");
                write_nstring(out, Some(summary.preview()), plan.utf8);
            }
            FetchItem::Rfc822
            | FetchItem::Rfc822Header
            | FetchItem::Rfc822Text
            | FetchItem::Section(_)
            | FetchItem::Binary(_)
            | FetchItem::BinarySize(_) => {
                is_whole &= text::write(&state.user.mailbox, item, asked, trouble, output).await?;
            }
            FetchItem::Uid
            | FetchItem::Flags
            | FetchItem::InternalDate
            | FetchItem::SaveDate
            | FetchItem::Rfc822Size
            | FetchItem::ModSeq
            | FetchItem::EmailId
            | FetchItem::ThreadId => write_from_row(asked, row, plan, labels, out),
        }
    }
    let out = output.buffer();
    // What just became \Seen is told here, unless it was asked for anyway.
    if plan.seen_first.contains_key(&row.uid) {
        for item in [&FetchItem::Flags, &FetchItem::ModSeq] {
            let is_told = *item == FetchItem::Flags || plan.tells_mod_seq;
            if is_told && !plan.items.contains(&item) {
                out.extend_from_slice(b" ");
                write_from_row(item, row, plan, labels, out);
            }
        }
    }
    out.extend_from_slice(b")\r\n");
    let is_shown = is_whole && !trouble.unknown_encoding;
    trouble.unreadable |= !is_whole;
    trouble.unknown_encoding |= earlier;
    Ok(is_shown)
}

/// Writes what a damaged record may have no more of: `NIL` stands in for it.
fn whole(
    out: &mut BytesMut,
    write: impl FnOnce(&mut BytesMut) -> Result<(), fieldpost_message::Error>,
) -> bool {
    let before = out.len();
    if let Err(error) = write(out) {
        tracing::error!(%error, "a message's summary is damaged");
        out.truncate(before);
        out.extend_from_slice(b"NIL");
        return false;
    }
    true
}

fn begin(number: u32, out: &mut BytesMut) {
    out.extend_from_slice(b"* ");
    write_number(out, number.into());
    out.extend_from_slice(b" FETCH (");
}

fn write_from_row(
    item: &FetchItem,
    row: &Row,
    plan: &Plan<'_>,
    labels: &Labels,
    out: &mut BytesMut,
) {
    match item {
        FetchItem::Uid => {
            out.extend_from_slice(b"UID ");
            write_number(out, row.uid.into());
        }
        FetchItem::Flags => {
            out.extend_from_slice(b"FLAGS ");
            write_flags(out, row, labels, plan.recent_from);
        }
        FetchItem::InternalDate => {
            out.extend_from_slice(b"INTERNALDATE ");
            write_internal_date(out, row.internal_date);
        }
        FetchItem::SaveDate => {
            out.extend_from_slice(b"SAVEDATE ");
            write_internal_date(out, row.save_date);
        }
        FetchItem::Rfc822Size => {
            out.extend_from_slice(b"RFC822.SIZE ");
            write_number(out, row.size);
        }
        FetchItem::ModSeq => write_mod_seq(out, row),
        FetchItem::EmailId => {
            out.extend_from_slice(b"EMAILID (M");
            write_number(out, row.content.0);
            out.extend_from_slice(b")");
        }
        FetchItem::ThreadId => {
            out.extend_from_slice(b"THREADID (T");
            write_number(out, row.thread.0);
            out.extend_from_slice(b")");
        }
        FetchItem::Envelope
        | FetchItem::Body
        | FetchItem::BodyStructure
        | FetchItem::Preview { .. }
        | FetchItem::Rfc822
        | FetchItem::Rfc822Header
        | FetchItem::Rfc822Text
        | FetchItem::Section(_)
        | FetchItem::Binary(_)
        | FetchItem::BinarySize(_) => {}
    }
}
