//! Asks one message: its summary first, its header if that leaves something open, its body last.

use std::ops::Range;

use fieldpost_message::{EncodedEnvelope, EncodedSummary, Summary};
use fieldpost_store::StoreError;

use super::{
    field::{Field, Kept},
    fold::fold,
    message::{FoldedHeader, Segment, SegmentKind, Source, TextDecoder, segments},
    pace::Slices,
    plan::{Answers, Leaf, Plan},
    reading::readable,
};
use crate::{Error, Item, Mailbox, Row};

/// Asks messages one after another; what it holds is used again for the next.
pub(super) struct Asking<'p> {
    mailbox: &'p Mailbox,
    plan: &'p Plan,
    /// What is known of each of the plan's leaves.
    answers: Vec<Option<bool>>,
    /// The leaves whose answer counts and that the summary can't tell.
    open: Vec<usize>,
    fields: FoldedFields,
    header: FoldedHeader,
    hunt: Hunt,
}

impl<'p> Asking<'p> {
    pub(super) fn new(mailbox: &'p Mailbox, plan: &'p Plan) -> Self {
        Self {
            mailbox,
            plan,
            answers: Vec::new(),
            open: Vec::new(),
            fields: FoldedFields::default(),
            header: FoldedHeader::default(),
            hunt: Hunt::default(),
        }
    }

    /// Whether the message is one that is looked for. What can't be read is not, and is logged if it is damaged.
    pub(super) async fn is_match(
        &mut self,
        row: &Row,
        item: &Item,
        slices: &mut Slices<'_>,
    ) -> Result<bool, Error> {
        let Some(summary) = readable(item.encoded_summary()) else {
            return Ok(false);
        };
        self.answers.clear();
        self.answers.resize(self.plan.leaves.len(), None);
        self.open.clear();
        self.fields.clear();
        let mut by_summary = BySummary {
            plan: self.plan,
            summary,
            envelope: None,
            answers: &mut self.answers,
            open: &mut self.open,
            fields: &mut self.fields,
        };
        if let Some(answer) = self.plan.answer(row, &mut by_summary) {
            return Ok(answer);
        }
        let Some(summary) = readable(item.summary()) else {
            return Ok(false);
        };
        match self.read(row, item, &summary, slices).await {
            Ok(answer) => Ok(answer),
            // Expunged meanwhile.
            Err(Error::Store(StoreError::NoSuchBody(_))) => Ok(false),
            Err(error @ Error::Store(StoreError::Damaged { .. })) => {
                tracing::error!(account = %self.mailbox.account(), uid = item.uid(), %error, "a message is passed over in a search");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn read(
        &mut self,
        row: &Row,
        item: &Item,
        summary: &Summary,
        slices: &mut Slices<'_>,
    ) -> Result<bool, Error> {
        let is_text = |number: &&usize| matches!(self.plan.leaves[**number], Leaf::Text(_));
        let is_body = |number: &&usize| matches!(self.plan.leaves[**number], Leaf::Body(_));
        let texts = self.open.iter().filter(is_text).count();
        let bodies = self.open.iter().filter(is_body).count();
        let parts = if texts + bodies > 0 {
            segments(summary, texts > 0)
        } else {
            Vec::new()
        };
        let mut source = Source::new(self.mailbox, item);
        if bodies < self.open.len() {
            let range = 0..summary.header_len;
            source.open(0..read_on(range.end, &parts)).await?;
            let bytes = source.bytes(&range, HEADER_LIMIT, slices).await?;
            self.header.read(&bytes);
            self.ask_header();
        }
        if let Some(answer) = self.answer(row) {
            return Ok(answer);
        }
        for (number, segment) in parts.iter().enumerate() {
            if !source.reaches(&segment.range) {
                let end = read_on(segment.range.end, &parts[number + 1..]);
                source.open(segment.range.start..end).await?;
            }
            let found = match segment.kind {
                SegmentKind::Header => {
                    let bytes = source
                        .bytes(&segment.range, PART_HEADER_LIMIT, slices)
                        .await?;
                    self.header.read(&bytes);
                    self.look_into_header()
                }
                SegmentKind::Text(part) => {
                    let decoder = TextDecoder::new(part);
                    self.look_into_text(decoder, &segment.range, &mut source, row, slices)
                        .await?
                }
            };
            if found && let Some(answer) = self.answer(row) {
                return Ok(answer);
            }
        }
        for number in &self.open {
            self.answers[*number].get_or_insert(false);
        }
        Ok(self.answer(row).unwrap_or(false))
    }

    fn answer(&self, row: &Row) -> Option<bool> {
        self.plan.answer(row, &mut Known(&self.answers))
    }

    /// Asks the message's own header all that it can tell.
    fn ask_header(&mut self) {
        let holds = |name: &[u8], needle: Option<usize>| {
            let mut values = self.header.values(name);
            match needle {
                None => values.next().is_some(),
                Some(needle) => values.any(|value| self.plan.needles[needle].is_in(value)),
            }
        };
        for number in &self.open {
            match &self.plan.leaves[*number] {
                Leaf::Field(field, needle) => {
                    self.answers[*number] = Some(holds(field.name(), *needle));
                }
                Leaf::Header(name, needle) => self.answers[*number] = Some(holds(name, *needle)),
                Leaf::SentDay(_) | Leaf::Body(_) | Leaf::Text(_) => {}
            }
        }
        self.look_into_header();
    }

    /// Looks for texts in the header at hand; whether one more was found.
    fn look_into_header(&mut self) -> bool {
        let mut found = false;
        for number in &self.open {
            let answer = &mut self.answers[*number];
            if let Leaf::Text(needle) = &self.plan.leaves[*number]
                && answer.is_none()
                && self.plan.needles[*needle].is_in(self.header.text())
            {
                *answer = Some(true);
                found = true;
            }
        }
        found
    }

    /// Looks for texts in a part until its end, or until the answer is there; whether one more was found.
    async fn look_into_text(
        &mut self,
        mut decoder: TextDecoder,
        range: &Range<u64>,
        source: &mut Source<'_>,
        row: &Row,
        slices: &mut Slices<'_>,
    ) -> Result<bool, Error> {
        self.hunt.begin();
        let mut found = false;
        loop {
            let chunk = source.next(range).await?;
            let text = match &chunk {
                Some(chunk) => decoder.push(chunk),
                None => decoder.finish(),
            };
            if self
                .hunt
                .look(text, self.plan, &self.open, &mut self.answers)
            {
                found = true;
                if self.answer(row).is_some() {
                    return Ok(true);
                }
            }
            let Some(chunk) = chunk else {
                return Ok(found);
            };
            slices.spend(chunk.len() * BYTE_COST).await?;
        }
    }
}

/// The summary's fields, folded when they are first asked for.
#[derive(Default)]
struct FoldedFields {
    text: Vec<u8>,
    known: [Option<(Kept, usize, usize)>; Field::COUNT],
}

impl FoldedFields {
    fn clear(&mut self) {
        self.text.clear();
        self.known.fill(None);
    }

    /// `None`: the summary is damaged.
    fn field(
        &mut self,
        field: Field,
        summary: &EncodedSummary<'_>,
        envelope: &EncodedEnvelope<'_>,
    ) -> Option<(Kept, &[u8])> {
        let text = &mut self.text;
        let known = &mut self.known[field as usize];
        if known.is_none() {
            // In no text: what is folded behind it does not hang on what is before it.
            text.push(0xff);
            let start = text.len();
            let kept = field.fold(summary, envelope, text).ok()?;
            *known = Some((kept, start, text.len()));
        }
        known.map(|(kept, start, end)| (kept, &self.text[start..end]))
    }
}

/// Answers what the summary can tell, and notes what else is asked for.
struct BySummary<'a> {
    plan: &'a Plan,
    summary: EncodedSummary<'a>,
    /// Read when it is first asked for.
    envelope: Option<EncodedEnvelope<'a>>,
    answers: &'a mut [Option<bool>],
    open: &'a mut Vec<usize>,
    fields: &'a mut FoldedFields,
}

impl BySummary<'_> {
    /// Whether a field holds a needle, or is there; `None`: the message itself must tell.
    fn field(&mut self, field: Field, needle: Option<usize>) -> Option<bool> {
        let envelope = match self.envelope {
            Some(envelope) => envelope,
            // Damage shows again, and is logged, where the message is read.
            None => *self.envelope.insert(self.summary.envelope().ok()?),
        };
        let (kept, text) = self.fields.field(field, &self.summary, &envelope)?;
        match (kept, needle) {
            (Kept::Nothing, _) | (Kept::NothingReadable, Some(_)) => Some(false),
            (Kept::NothingReadable, None) => None,
            (Kept::All | Kept::Beginning, None) => Some(true),
            (kept, Some(needle)) => {
                let is_in = self.plan.needles[needle].is_in(text);
                (is_in || kept == Kept::All).then_some(is_in)
            }
        }
    }
}

impl Answers for BySummary<'_> {
    fn leaf(&mut self, number: usize) -> Option<bool> {
        let answer = match &self.plan.leaves[number] {
            Leaf::SentDay(days) => {
                let sent = self.summary.sent();
                Some(sent.is_some_and(|sent| days.contains(&sent.local_day())))
            }
            Leaf::Field(field, needle) => self.field(*field, *needle),
            Leaf::Header(..) | Leaf::Body(_) | Leaf::Text(_) => None,
        };
        if answer.is_none() {
            self.open.push(number);
        }
        self.answers[number] = answer;
        answer
    }
}

/// Answers what was found out.
struct Known<'a>(&'a [Option<bool>]);

impl Answers for Known<'_> {
    fn leaf(&mut self, number: usize) -> Option<bool> {
        self.0[number]
    }
}

/// Looks for needles in a text that comes in pieces. What lies across two pieces is found.
#[derive(Default)]
struct Hunt {
    /// The end of what was looked at, then what is new, folded.
    text: Vec<u8>,
}

impl Hunt {
    /// Another text begins.
    fn begin(&mut self) {
        self.text.clear();
    }

    /// Looks into the next piece; whether one more of the `open` leaves has its answer.
    fn look(
        &mut self,
        piece: &str,
        plan: &Plan,
        open: &[usize],
        answers: &mut [Option<bool>],
    ) -> bool {
        if piece.is_empty() {
            return false;
        }
        fold(piece, &mut self.text);
        let mut found = false;
        let mut longest = 1;
        for number in open {
            let (Leaf::Body(needle) | Leaf::Text(needle)) = &plan.leaves[*number] else {
                continue;
            };
            let needle = &plan.needles[*needle];
            if answers[*number].is_some() {
                continue;
            }
            longest = longest.max(needle.len());
            if needle.is_in(&self.text) {
                answers[*number] = Some(true);
                found = true;
            }
        }
        // One byte at least is kept, since white space at the start of the next piece may be part of it.
        let kept = self.text.len().min(longest);
        self.text.drain(..self.text.len() - kept);
        found
    }
}

/// How far it is worth to read on from `end`, which is needed, for the sake of what is needed behind it.
fn read_on(mut end: u64, parts: &[Segment<'_>]) -> u64 {
    for part in parts {
        if part.range.start > end.saturating_add(READ_ALONG) {
            break;
        }
        end = end.max(part.range.end);
    }
    end
}

/// What is not needed is read along if it is shorter.
const READ_ALONG: u64 = 64 * 1024;

/// How much of a message's header is looked at.
const HEADER_LIMIT: usize = 1024 * 1024;

/// How much of a part's header is looked at.
const PART_HEADER_LIMIT: usize = 64 * 1024;

/// What it costs to decode and search a byte, in nanoseconds, about.
const BYTE_COST: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Labels, Query};

    #[test]
    fn what_lies_across_two_pieces_is_found() {
        let text = "The quick  brown\r\n fox söt";
        let needles = [
            "quick brown fox",
            "t",
            "SÖT",
            "the quick brown fox söt",
            "ö",
            "x s",
        ];
        let query = Query::Any(needles.map(|needle| Query::Body(needle.into())).to_vec());
        let plan = Plan::new(&query, &Labels::default()).unwrap();
        let open: Vec<_> = (0..needles.len()).collect();
        for size in 1..text.len() {
            let mut hunt = Hunt::default();
            let mut answers = vec![None; needles.len()];
            let mut rest = text;
            while !rest.is_empty() {
                let mut cut = size.min(rest.len());
                while !rest.is_char_boundary(cut) {
                    cut += 1;
                }
                hunt.look(&rest[..cut], &plan, &open, &mut answers);
                rest = &rest[cut..];
            }
            assert!(answers.iter().all(Option::is_some), "{size}: {answers:?}");
        }
        let mut hunt = Hunt::default();
        let mut answers = vec![None; needles.len()];
        hunt.look("the quick brow", &plan, &open, &mut answers);
        hunt.begin();
        hunt.look("n fox", &plan, &open, &mut answers);
        assert_eq!(answers[0], None);
    }
}
