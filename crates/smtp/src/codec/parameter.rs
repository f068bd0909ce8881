//! The parameters that submission has besides LMTP's: delivery notices (RFC 3461), and AUTH= (RFC 4954 §5).

use fieldpost_transport::{Notify, Ret};

use super::command::{CommandError, MailCommand, RcptCommand};

/// A parameter of MAIL.
pub(super) fn of_sender(
    keyword: &str,
    value: Option<&str>,
    mail: &mut MailCommand,
) -> Result<(), CommandError> {
    if keyword.eq_ignore_ascii_case("RET") {
        mail.ret = match value {
            Some(value) if value.eq_ignore_ascii_case("FULL") => Some(Ret::Full),
            Some(value) if value.eq_ignore_ascii_case("HDRS") => Some(Ret::Headers),
            Some(_) | None => return Err(CommandError::ParameterValue("RET")),
        };
    } else if keyword.eq_ignore_ascii_case("ENVID") {
        let id = value.filter(|id| (1..=MAX_ENVELOPE_ID).contains(&id.len()) && is_xtext(id));
        mail.envelope_id = Some(id.ok_or(CommandError::ParameterValue("ENVID"))?.into());
    } else if keyword.eq_ignore_ascii_case("AUTH") {
        // Who else the message is from is of no matter to us: the sender is who signed in (RFC 4954 §5).
        let is_good = value.is_some_and(|value| value == "<>" || is_xtext(value));
        if !is_good {
            return Err(CommandError::ParameterValue("AUTH"));
        }
    } else {
        return Err(CommandError::Parameter);
    }
    Ok(())
}

/// A parameter of RCPT.
pub(super) fn of_recipient(word: &str, rcpt: &mut RcptCommand) -> Result<(), CommandError> {
    let (keyword, value) = word.split_once('=').ok_or(CommandError::Parameter)?;
    if keyword.eq_ignore_ascii_case("NOTIFY") {
        rcpt.notify = notify(value).ok_or(CommandError::ParameterValue("NOTIFY"))?;
    } else if keyword.eq_ignore_ascii_case("ORCPT") {
        let is_good = value.len() <= MAX_ORIGINAL
            && value.split_once(';').is_some_and(|(kind, address)| {
                !kind.is_empty()
                    && kind
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                    && !address.is_empty()
                    && is_xtext(address)
            });
        if !is_good {
            return Err(CommandError::ParameterValue("ORCPT"));
        }
        rcpt.original = Some(value.into());
    } else {
        return Err(CommandError::Parameter);
    }
    Ok(())
}

/// ```abnf
/// notify-esmtp-value  = "NEVER" / (notify-list-element *( "," notify-list-element))
/// notify-list-element = "SUCCESS" / "FAILURE" / "DELAY"
/// ```
fn notify(value: &str) -> Option<Notify> {
    let mut notify = Notify::NEVER;
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(notify);
    }
    for element in value.split(',') {
        let wanted = match element.to_ascii_uppercase().as_str() {
            "SUCCESS" => &mut notify.success,
            "FAILURE" => &mut notify.failure,
            "DELAY" => &mut notify.delay,
            _ => return None,
        };
        *wanted = true;
    }
    Some(notify)
}

/// ```abnf
/// xtext   = *( xchar / hexchar )
/// xchar   = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "="
/// hexchar = ASCII "+" immediately followed by two upper case hexadecimal digits
/// ```
fn is_xtext(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_good = match byte {
            b'+' => (0..2).all(|_| {
                bytes
                    .next()
                    .is_some_and(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'))
            }),
            b'=' => false,
            byte => byte.is_ascii_graphic(),
        };
        if !is_good {
            return false;
        }
    }
    true
}

/// RFC 3461 §4.4.
const MAX_ENVELOPE_ID: usize = 100;

/// RFC 3461 §4.2.
const MAX_ORIGINAL: usize = 500;
