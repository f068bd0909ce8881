//! Settings: what a device tells and asks beside the mailbox's content (MS-ASCMD §2.2.1.18).
//!
//! Properties are answered in the order Oof, DeviceInformation, DevicePassword, UserInformation,
//! RightsManagementInformation, whatever the order in the request (reference 18).

mod out_of_office;

use fieldpost_mailbox::device::About;
use fieldpost_wbxml::{Element, Encoder, Tag, Version, tags::settings as s};

use crate::{
    Session,
    command::device_information,
    reply::{Failure, Reply, status},
};

/// Carries it out.
pub async fn run(session: &mut Session) -> Result<Reply, Failure> {
    let body = std::mem::take(&mut session.request.body);
    let document = Session::document(&body)?.ok_or(PROTOCOL_ERROR)?;
    if document.tag != s::SETTINGS {
        return Err(PROTOCOL_ERROR);
    }
    let mut out = Encoder::new();
    out.start(s::SETTINGS);
    out.number(s::STATUS, SUCCESS);
    if let Some(oof) = document.child(s::OOF) {
        out_of_office::run(&mut out, session, oof).await?;
    }
    if let Some(information) = document.child(s::DEVICE_INFORMATION) {
        let status = keep_information(session, information).await?;
        write_status(&mut out, s::DEVICE_INFORMATION, status);
    }
    if let Some(password) = document.child(s::DEVICE_PASSWORD) {
        write_status(&mut out, s::DEVICE_PASSWORD, password_status(password));
    }
    if document.child(s::USER_INFORMATION).is_some() {
        write_user_information(&mut out, session);
    }
    if document.child(s::RIGHTS_MANAGEMENT_INFORMATION).is_some() {
        write_status(
            &mut out,
            s::RIGHTS_MANAGEMENT_INFORMATION,
            status::IRM_DISABLED,
        );
    }
    out.end();
    Ok(Reply::Document(out.finish()))
}

async fn keep_information(
    session: &mut Session,
    information: &Element<'_>,
) -> Result<u16, Failure> {
    let mut told = About::default();
    if device_information::set(information, &mut told).is_none() {
        return Ok(PROPERTY_PROTOCOL_ERROR);
    }
    session
        .change_device(|device| device_information::set(information, &mut device.about))
        .await?;
    Ok(SUCCESS)
}

/// Recovery passwords are not kept yet (MS-ASCMD_R4401, R4402): no policy allows them.
fn password_status(password: &Element<'_>) -> u16 {
    match password
        .child(s::SET)
        .and_then(|set| set.text_of(s::PASSWORD))
    {
        None => PROPERTY_PROTOCOL_ERROR,
        // MS-ASCMD_R3660, R4400
        Some(text) if text.chars().count() > 255 => INVALID_ARGUMENTS,
        Some(_) => DENIED_BY_POLICY,
    }
}

/// The user's addresses: from 14.1 on by account, of which there is one.
fn write_user_information(out: &mut Encoder, session: &Session) {
    let account = session.service.directory.account(session.identity.account);
    let primary = session.identity.address.as_str();
    let addresses = account
        .iter()
        .flat_map(|account| account.aliases.iter())
        .map(ToString::to_string);
    let addresses: Vec<String> = std::iter::once(primary.to_owned())
        .chain(addresses)
        .collect();
    out.start(s::USER_INFORMATION);
    out.number(s::STATUS, SUCCESS);
    out.start(s::GET);
    let is_by_account = session.version() >= Version::V14_1;
    if is_by_account {
        out.start(s::ACCOUNTS);
        out.start(s::ACCOUNT);
        if let Some(account) = &account
            && !account.display_name.is_empty()
        {
            out.text(s::USER_DISPLAY_NAME, &account.display_name);
        }
    }
    out.start(s::EMAIL_ADDRESSES);
    for address in &addresses {
        out.text(s::SMTP_ADDRESS, address);
    }
    if is_by_account {
        out.text(s::PRIMARY_SMTP_ADDRESS, primary);
        out.end();
        out.end();
    }
    out.end();
    out.end();
    out.end();
}

fn write_status(out: &mut Encoder, property: Tag, status: u16) {
    out.start(property);
    out.number(s::STATUS, status);
    out.end();
}

const PROTOCOL_ERROR: Failure = Failure::Status(2);
const SUCCESS: u16 = 1;
const PROPERTY_PROTOCOL_ERROR: u16 = 2;
const INVALID_ARGUMENTS: u16 = 5;
const DENIED_BY_POLICY: u16 = 7;

#[cfg(test)]
mod tests;
