//! What a device tells of itself, in Provision (14.1) and in Settings (MS-ASCMD §2.2.3.45).

use fieldpost_mailbox::device::About;
use fieldpost_wbxml::{Element, tags::settings as s};

use crate::session::printable;

/// Takes over what `DeviceInformation` sets. An empty element clears what was told before, one that is missing leaves it.
/// `None`: it has no `Set` in it.
pub fn set(information: &Element<'_>, about: &mut About) -> Option<()> {
    let set = information.child(s::SET)?;
    for (tag, kept) in [
        (s::MODEL, &mut about.model),
        (s::IMEI, &mut about.imei),
        (s::FRIENDLY_NAME, &mut about.friendly_name),
        (s::OS, &mut about.os),
        (s::OS_LANGUAGE, &mut about.os_language),
        (s::PHONE_NUMBER, &mut about.phone_number),
        (s::MOBILE_OPERATOR, &mut about.mobile_operator),
    ] {
        if let Some(text) = set.text_of(tag) {
            *kept = printable(&text);
        }
    }
    Some(())
}
