//! The address list: the organisation's accounts.

use std::sync::Arc;

use fieldpost_directory::Account;
use fieldpost_wbxml::{Encoder, Version, tags::gal as g, tags::search as t};

use super::Page;
use crate::Session;

/// Finds accounts that something begins like `query`: an address, its local part, or words of the name (MS-ASCMD_R421,
/// R3698, R3699). In the order of their names (R426).
pub async fn search(
    session: &Session,
    query: &str,
    page: Page,
    wants_pictures: bool,
    out: &mut Encoder,
) {
    let query = query.trim().to_lowercase();
    let directory = &session.service.directory;
    let mut found: Vec<(String, Arc<Account>)> = Vec::new();
    let mut after = None;
    while !query.is_empty() {
        let accounts = directory.list(after, AT_ONCE);
        let Some(last) = accounts.last() else { break };
        after = Some(last.id);
        let matching = accounts
            .iter()
            .filter(|account| account.enabled && is_match(account, &query));
        found.extend(
            matching.map(|account| (shown_name(account).to_lowercase(), Arc::clone(account))),
        );
        tokio::task::yield_now().await;
    }
    found.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| one.id.cmp(&other.id)));
    out.number(t::STATUS, page.status());
    let shown = page.of(found.len()).map_or(&[][..], |range| &found[range]);
    let has_pictures = wants_pictures && session.version() >= Version::V14_1;
    for (_, account) in shown {
        write(account, has_pictures, out);
    }
    page.write_end(shown.len(), found.len(), out);
}

fn is_match(account: &Account, query: &str) -> bool {
    if account
        .addresses()
        .any(|address| address.to_unicode().to_lowercase().starts_with(query))
    {
        return true;
    }
    // "ali ad" is Alice Adams, and so is "adams alice".
    let name = account.display_name.to_lowercase();
    let words = || name.split(|c: char| !c.is_alphanumeric());
    !name.is_empty()
        && query
            .split_whitespace()
            .all(|part| words().any(|word| word.starts_with(part)))
}

fn write(account: &Account, has_pictures: bool, out: &mut Encoder) {
    let address = account.address.to_unicode();
    let (first, last) = parts(&account.display_name);
    out.start(t::RESULT);
    out.start(t::PROPERTIES);
    out.text(g::DISPLAY_NAME, &shown_name(account));
    out.text(g::ALIAS, account.address.local_part());
    // Nokia wants one, though there is none (client-quirks D4).
    out.text(g::FIRST_NAME, first);
    out.text(g::LAST_NAME, last);
    out.text(g::EMAIL_ADDRESS, &address);
    if has_pictures {
        out.start(g::PICTURE);
        // MS-ASCMD_R4373: nobody has one.
        out.number(g::STATUS, NO_PICTURE);
        out.end();
    }
    out.end();
    out.end();
}

fn shown_name(account: &Account) -> String {
    if account.display_name.is_empty() {
        account.address.to_unicode()
    } else {
        account.display_name.clone()
    }
}

/// The last word of a name, and what is before it.
fn parts(name: &str) -> (&str, &str) {
    name.trim().rsplit_once(' ').unwrap_or((name.trim(), ""))
}

/// Accounts that are looked at before others have a turn.
const AT_ONCE: usize = 1000;
/// MS-ASCMD §2.2.2, 173.
const NO_PICTURE: u16 = 173;
