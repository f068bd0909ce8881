//! What a device says and is told, decoded, for whoever has to find out why it does not get on. It is written into the
//! server's log for one device and for some time only ([`fieldpost_mailbox::Device::wire_log_until`]), and what people
//! wrote to each other is not in it: only how long it was.

use fieldpost_mailbox::Device;
use fieldpost_wbxml::{
    Element, Limits, Tag,
    tags::{air_sync_base, compose_mail, email, email2, find, item_operations, search, settings},
};

use crate::reply::{Failure, Reply};

/// Writes a request's document.
pub fn request(device: &Device, now: i64, document: &[u8]) {
    if now < device.wire_log_until {
        tracing::info!(direction = "request", document = %decoded(document), "wire log");
    }
}

/// Writes what it is answered.
pub fn answer(device: &Device, now: i64, result: &Result<Reply, Failure>) {
    if now >= device.wire_log_until {
        return;
    }
    let document = match result {
        Ok(Reply::Empty) => String::from("(empty)"),
        Ok(Reply::Document(document)) => decoded(document),
        Ok(Reply::Multipart(document, parts)) => {
            format!("{} and {} parts", decoded(document), parts.len())
        }
        Ok(Reply::Attachment(content_type, bytes)) => {
            format!("({content_type}, {} bytes)", bytes.len())
        }
        Err(failure) => failure.to_string(),
    };
    tracing::info!(direction = "answer", document, "wire log");
}

/// The document as XML, what is private shortened to its length, cut after [`LONGEST`] bytes.
fn decoded(document: &[u8]) -> String {
    if document.is_empty() {
        return String::from("(empty)");
    }
    match Element::parse(document, Limits::default()) {
        Ok(root) => {
            let mut xml = root.to_xml(is_private);
            if xml.len() > LONGEST {
                xml.truncate(xml.floor_char_boundary(LONGEST));
                xml.push('…');
            }
            xml
        }
        Err(error) => format!("({} bytes: {error})", document.len()),
    }
}

/// Whether an element holds what people wrote, or who they are.
fn is_private(tag: Tag) -> bool {
    // Contacts, calendar, tasks, contacts 2, the address list and notes: all of it.
    const WHOLE_PAGES: [u8; 6] = [1, 4, 9, 12, 16, 23];
    WHOLE_PAGES.contains(&tag.page())
        || [
            air_sync_base::DATA,
            air_sync_base::PREVIEW,
            air_sync_base::DISPLAY_NAME,
            compose_mail::MIME,
            email::SUBJECT,
            email::TO,
            email::CC,
            email::FROM,
            email::REPLY_TO,
            email::DISPLAY_TO,
            email::THREAD_TOPIC,
            email::CATEGORY,
            email::BODY,
            email2::SENDER,
            email2::BCC,
            find::FREE_TEXT,
            find::PREVIEW,
            item_operations::DATA,
            search::QUERY,
            search::FREE_TEXT,
            settings::PASSWORD,
            settings::PHONE_NUMBER,
            settings::IMEI,
            settings::REPLY_MESSAGE,
        ]
        .contains(&tag)
}

const LONGEST: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::wbxml;

    #[test]
    fn what_people_wrote_is_not_in_it() {
        let document = wbxml(
            "<airsync:Sync><airsync:Collections><airsync:Collection><airsync:SyncKey>0f-1</airsync:SyncKey>\
             <airsync:Commands><airsync:Add><airsync:ApplicationData><email:Subject>secret one</email:Subject>\
             <email:Read>1</email:Read><airsyncbase:Body><airsyncbase:Data>secret two</airsyncbase:Data></airsyncbase:Body>\
             <contacts:FirstName>secret three</contacts:FirstName></airsync:ApplicationData></airsync:Add></airsync:Commands>\
             </airsync:Collection></airsync:Collections></airsync:Sync>",
        );
        let xml = decoded(&document);
        assert!(!xml.contains("secret"), "{xml}");
        assert!(
            xml.contains("0f-1") && xml.contains("<email:Read>1"),
            "{xml}"
        );
        assert_eq!(decoded(b""), "(empty)");
        assert!(decoded(b"\x03\x01\x6a\x00\x45").contains("5 bytes"));
    }
}
