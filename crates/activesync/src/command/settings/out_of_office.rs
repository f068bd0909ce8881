//! Oof: what the account answers while its owner is away (MS-ASCMD §2.2.3.116). The setting is the core's, one for all front-ends.

use std::borrow::Cow;

use fieldpost_mailbox::{Audience, MAX_REPLY, OutOfOffice, Reply, When};
use fieldpost_message::html;
use fieldpost_wbxml::{Element, Encoder, Tag, tags::settings as s};

use super::{INVALID_ARGUMENTS, PROPERTY_PROTOCOL_ERROR, SUCCESS, write_status};
use crate::{Session, codec::date, item::body::to_html, reply::Failure};

/// Carries out the property's `Get` or `Set` and writes its answer.
pub async fn run(out: &mut Encoder, session: &Session, oof: &Element<'_>) -> Result<(), Failure> {
    match (oof.child(s::GET), oof.child(s::SET)) {
        (Some(get), None) => match body_type(get) {
            Ok(html) => write(out, &session.mailbox.out_of_office().await?, html),
            Err(status) => write_status(out, s::OOF, status),
        },
        (None, Some(set)) => {
            let mut setting = session.mailbox.out_of_office().await?;
            let status = match change(&mut setting, set) {
                Ok(()) => {
                    session.mailbox.set_out_of_office(&setting).await?;
                    tracing::info!(when = ?setting.when, "out of office set");
                    SUCCESS
                }
                Err(status) => status,
            };
            write_status(out, s::OOF, status);
        }
        // One of them, and not both.
        (None, None) | (Some(_), Some(_)) => write_status(out, s::OOF, PROPERTY_PROTOCOL_ERROR),
    }
    Ok(())
}

/// Whether HTML is meant. There is no default (MS-ASCMD_R824); upper and lower case are the same. `Err`: the status.
fn body_type(element: &Element<'_>) -> Result<bool, u16> {
    let text = element.text_of(s::BODY_TYPE).unwrap_or_default();
    match text.trim() {
        "" => Err(PROPERTY_PROTOCOL_ERROR),
        text if text.eq_ignore_ascii_case("HTML") => Ok(true),
        text if text.eq_ignore_ascii_case("Text") => Ok(false),
        _ => Err(INVALID_ARGUMENTS),
    }
}

fn write(out: &mut Encoder, setting: &OutOfOffice, html: bool) {
    out.start(s::OOF);
    out.number(s::STATUS, SUCCESS);
    out.start(s::GET);
    match setting.when {
        When::Never => out.number(s::OOF_STATE, DISABLED),
        When::Always => out.number(s::OOF_STATE, GLOBAL),
        When::Between { start, end } => {
            out.number(s::OOF_STATE, TIME_BASED);
            out.text(s::START_TIME, &date::long(start));
            out.text(s::END_TIME, &date::long(end));
        }
    }
    // MS-ASCMD_R3504, R3505, R3521: one for each audience, though it is disabled and says nothing.
    for (tag, audience) in AUDIENCES {
        let reply = reply_to(setting, audience);
        out.start(s::OOF_MESSAGE);
        out.empty(tag);
        out.boolean(s::ENABLED, reply.enabled);
        out.text(s::REPLY_MESSAGE, &form(reply, html));
        out.text(s::BODY_TYPE, if html { "HTML" } else { "Text" });
        out.end();
    }
    out.end();
    out.end();
}

/// Takes over what `Set` says; what it leaves out stays. `Err`: the status, and nothing of it counts.
fn change(setting: &mut OutOfOffice, set: &Element<'_>) -> Result<(), u16> {
    let (start, end) = match (set.text_of(s::START_TIME), set.text_of(s::END_TIME)) {
        (None, None) => (None, None),
        (Some(start), Some(end)) => (Some(start), Some(end)),
        // MS-ASCMD_R2272, R3992
        (Some(_), None) | (None, Some(_)) => return Err(PROPERTY_PROTOCOL_ERROR),
    };
    if let Some(state) = set.text_of(s::OOF_STATE) {
        setting.when = match (state.trim(), start, end) {
            // MS-ASCMD_R3535, R7544: times beside another state are no error, and are not stored.
            (DISABLED, ..) => When::Never,
            (GLOBAL, ..) => When::Always,
            (TIME_BASED, Some(start), Some(end)) => {
                between(&start, &end).ok_or(INVALID_ARGUMENTS)?
            }
            // The times that are there already, if any.
            (TIME_BASED, ..) if matches!(setting.when, When::Between { .. }) => setting.when,
            _ => return Err(INVALID_ARGUMENTS),
        };
    }
    let mut told = [false; AUDIENCES.len()];
    for message in set.all(s::OOF_MESSAGE) {
        let mut named = (0..AUDIENCES.len()).filter(|at| message.child(AUDIENCES[*at].0).is_some());
        let at = named.next().ok_or(PROPERTY_PROTOCOL_ERROR)?;
        // MS-ASCMD_R3517, R3526: one audience a message, one message an audience.
        if named.next().is_some() || std::mem::replace(&mut told[at], true) {
            return Err(CONFLICTING_ARGUMENTS);
        }
        change_reply(reply_to_mut(setting, AUDIENCES[at].1), message)?;
    }
    Ok(())
}

fn between(start: &str, end: &str) -> Option<When> {
    let (start, end) = (date::parse(start)?, date::parse(end)?);
    (start < end).then_some(When::Between { start, end })
}

fn change_reply(reply: &mut Reply, message: &Element<'_>) -> Result<(), u16> {
    if message.child(s::ENABLED).is_some() {
        reply.enabled = message.flag(s::ENABLED).ok_or(INVALID_ARGUMENTS)?;
    }
    let Some(text) = message.text_of(s::REPLY_MESSAGE) else {
        return Ok(());
    };
    // MS-ASCMD_R825. Where nothing is said it makes no difference.
    let html = match body_type(message) {
        Err(PROPERTY_PROTOCOL_ERROR) if text.is_empty() => false,
        known => known?,
    };
    if text.len() > MAX_REPLY {
        return Err(INVALID_ARGUMENTS);
    }
    // Who only switches it on or off sends the message along as he was given it: it stays in the form in which it was written.
    if form(reply, html) != text {
        reply.html = html;
        reply.text = text.into_owned();
    }
    Ok(())
}

/// A reply's text in the form that is asked for.
fn form(reply: &Reply, html: bool) -> Cow<'_, str> {
    match (reply.html, html) {
        _ if reply.text.is_empty() => Cow::Borrowed(""),
        (true, false) => html::to_text(&reply.text, MAX_REPLY).into(),
        (false, true) => to_html(&reply.text).into(),
        (true, true) | (false, false) => Cow::Borrowed(&reply.text),
    }
}

fn reply_to(setting: &OutOfOffice, audience: Audience) -> &Reply {
    match audience {
        Audience::Internal => &setting.internal,
        Audience::Known => &setting.known,
        Audience::Unknown => &setting.unknown,
    }
}

fn reply_to_mut(setting: &mut OutOfOffice, audience: Audience) -> &mut Reply {
    match audience {
        Audience::Internal => &mut setting.internal,
        Audience::Known => &mut setting.known,
        Audience::Unknown => &mut setting.unknown,
    }
}

const AUDIENCES: [(Tag, Audience); 3] = [
    (s::APPLIES_TO_INTERNAL, Audience::Internal),
    (s::APPLIES_TO_EXTERNAL_KNOWN, Audience::Known),
    (s::APPLIES_TO_EXTERNAL_UNKNOWN, Audience::Unknown),
];

/// `OofState` (MS-ASCMD_R3531 to R3533).
const DISABLED: &str = "0";
const GLOBAL: &str = "1";
const TIME_BASED: &str = "2";

const CONFLICTING_ARGUMENTS: u16 = 6;

#[cfg(test)]
mod tests;
