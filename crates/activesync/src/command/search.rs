//! Search: the address list and the mailbox (MS-ASCMD §2.2.1.16).
//!
//! Nothing of a search is kept: the next page is searched anew, so `RebuildResults` asks for what happens anyway.

mod gal;
mod mailbox;
mod properties;

use std::ops::RangeInclusive;

use fieldpost_wbxml::{Element, Encoder, tags::search as t};

use crate::{
    Session,
    item::preferences::Preferences,
    reply::{Failure, Reply},
};

/// Carries it out.
pub async fn run(session: &mut Session) -> Result<Reply, Failure> {
    let body = std::mem::take(&mut session.request.body);
    let document = Session::document(&body)?.ok_or(NOT_A_SEARCH)?;
    if document.tag != t::SEARCH {
        return Err(NOT_A_SEARCH);
    }
    let store = document.child(t::STORE).ok_or(NOT_A_SEARCH)?;
    let mut out = Encoder::new();
    out.start(t::SEARCH);
    out.number(t::STATUS, 1);
    out.start(t::RESPONSE);
    out.start(t::STORE);
    let before = out.checkpoint();
    if let Err(wrong) = search(session, store, &mut out).await? {
        out.rollback(before);
        out.number(t::STATUS, wrong.0);
        session.trouble = Some((wrong.0, "search refused".to_owned()));
    }
    out.end();
    out.end();
    out.end();
    Ok(Reply::Document(out.finish()))
}

async fn search(
    session: &Session,
    store: &Element<'_>,
    out: &mut Encoder,
) -> Result<Result<(), Wrong>, Failure> {
    let Some(query) = store.child(t::QUERY) else {
        return Ok(Err(INVALID));
    };
    let options = store.child(t::OPTIONS);
    let page = match options.and_then(|options| options.text_of(t::RANGE)) {
        None => Page::default(),
        Some(text) => match Page::parse(&text) {
            Ok(page) => page,
            Err(wrong) => return Ok(Err(wrong)),
        },
    };
    let name = store.text_of(t::NAME).unwrap_or_default();
    if name.eq_ignore_ascii_case("GAL") {
        let wants_pictures = options.is_some_and(|options| options.child(t::PICTURE).is_some());
        gal::search(session, &query.text(), page, wants_pictures, out).await;
        Ok(Ok(()))
    } else if name.eq_ignore_ascii_case("Mailbox") {
        let is_deep = options.is_some_and(|options| options.child(t::DEEP_TRAVERSAL).is_some());
        let Some(preferences) = options.map_or(Some(Preferences::default()), Preferences::parse)
        else {
            return Ok(Err(INVALID));
        };
        let preferences = session.service.settings.policy.bound(preferences);
        mailbox::search(session, query, page, is_deep, &preferences, out).await
    } else if name.eq_ignore_ascii_case("DocumentLibrary") {
        Ok(Err(DENIED))
    } else {
        Ok(Err(INVALID))
    }
}

/// A status of `Store` that stands there alone (MS-ASCMD §2.2.3.177.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wrong(u16);

/// Which of the results are asked for: `m-n`, from 0 (MS-ASCMD §2.2.3.143.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page {
    first: usize,
    last: usize,
    /// More were asked for than there can be.
    is_cut: bool,
}

impl Page {
    fn parse(text: &str) -> Result<Self, Wrong> {
        let (first, last) = text.trim().split_once('-').ok_or(INVALID)?;
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| INVALID);
        let (first, last) = (number(first)? as usize, number(last)? as usize);
        if first > last {
            return Err(INVALID);
        }
        if first >= MAX_RESULTS {
            return Err(BEYOND_THE_END);
        }
        Ok(Self {
            first,
            last: last.min(MAX_RESULTS - 1),
            // MS-ASCMD_R3736
            is_cut: last >= MAX_RESULTS,
        })
    }

    /// Its part of `found` results; `None`: none of them.
    fn of(self, found: usize) -> Option<RangeInclusive<usize>> {
        (self.first < found).then(|| self.first..=self.last.min(found - 1))
    }

    /// The status of a search that found something.
    fn status(self) -> u16 {
        if self.is_cut { BEYOND_THE_END.0 } else { 1 }
    }

    /// Ends the results: which they are, and how many there would be. Android wants both (client-quirks C8), even
    /// of nothing, for which there is one empty `Result` (MS-ASCMD_R3850).
    fn write_end(self, shown: usize, found: usize, out: &mut Encoder) {
        if shown == 0 {
            out.empty(t::RESULT);
            out.text(t::RANGE, "0-0");
        } else {
            let last = self.first + shown - 1;
            out.text(t::RANGE, &format!("{}-{last}", self.first));
        }
        out.number(t::TOTAL, found);
    }
}

impl Default for Page {
    fn default() -> Self {
        Self {
            first: 0,
            last: MAX_RESULTS - 1,
            is_cut: false,
        }
    }
}

/// The most results that can be had of one search (MS-ASCMD_R3733, R3735).
const MAX_RESULTS: usize = 100;

/// `Search` itself knows success and this.
const NOT_A_SEARCH: Failure = Failure::Status(3);
const INVALID: Wrong = Wrong(2);
const DENIED: Wrong = Wrong(5);
const TOO_COMPLEX: Wrong = Wrong(8);
const TIMED_OUT: Wrong = Wrong(10);
const UNKNOWN_FOLDER: Wrong = Wrong(11);
const BEYOND_THE_END: Wrong = Wrong(12);

#[cfg(test)]
mod tests;
