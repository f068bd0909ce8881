//! What a result shows of a mail.

use fieldpost_mailbox::{Flags, FolderId, Item, Row};
use fieldpost_message::{Address, Importance, encoded_word};
use fieldpost_wbxml::{Encoder, tags::email as e};

use crate::{Session, codec::date, reply::Failure};

/// Writes it into `Properties`.
#[expect(clippy::unused_async, reason = "bodies will be read here")]
pub async fn write(
    _session: &Session,
    _folder: FolderId,
    row: &Row,
    item: &Item,
    out: &mut Encoder,
) -> Result<(), Failure> {
    let summary = item.summary()?;
    let subject = summary.envelope.subject.as_deref().unwrap_or_default();
    out.text(e::TO, &list(&summary.envelope.to));
    out.text(e::FROM, &list(&summary.envelope.from));
    out.text(e::SUBJECT, &encoded_word::decode(subject));
    out.text(e::DATE_RECEIVED, &date::long(row.internal_date));
    let importance = match summary.importance {
        Importance::Low => 0,
        Importance::Normal => 1,
        Importance::High => 2,
    };
    out.number(e::IMPORTANCE, importance);
    out.boolean(e::READ, row.flags.contains(Flags::SEEN));
    Ok(())
}

fn list(addresses: &[Address]) -> String {
    let texts: Vec<String> = addresses
        .iter()
        .filter_map(|address| {
            let spec = address.addr_spec()?;
            Some(match address.display_name() {
                Some(name) => format!("\"{}\" <{spec}>", name.replace(['"', '\\'], "")),
                None => spec,
            })
        })
        .collect();
    texts.join(", ")
}
