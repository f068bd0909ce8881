//! What a result shows of a mail.

use fieldpost_mailbox::{FolderId, Item, Row};
use fieldpost_wbxml::Encoder;

use crate::{
    Session,
    item::{mail::Mail, preferences::Preferences},
    reply::Failure,
};

/// Writes the mail as Sync shows it, with its body as `preferences` want it, into `Properties`.
pub async fn write(
    session: &Session,
    folder: FolderId,
    row: &Row,
    item: &Item,
    preferences: &Preferences,
    out: &mut Encoder,
) -> Result<(), Failure> {
    let labels = session.mailbox.labels().await?;
    let mail = Mail {
        mailbox: &session.mailbox,
        folder,
        row,
        labels: &labels,
        version: session.version(),
    };
    Ok(mail.write(out, item, preferences, MAX_BODY).await?)
}

/// The most bytes of one body in a list of results; ItemOperations has the rest.
const MAX_BODY: usize = 64 * 1024;
