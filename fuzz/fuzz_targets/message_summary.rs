//! A stored summary may hold anything: it is refused or read, and what is read can be stored again. Read where it lies it
//! tells the same.
#![no_main]

use fieldpost_message::{
    EncodedAddress, EncodedEnvelope, EncodedList, EncodedPart, EncodedSummary, Error, PartVisitor,
    Summary,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let walked = walk(bytes);
    if let Ok(summary) = Summary::decode(bytes) {
        assert_eq!(walked, Ok(summary.structure.walk().count()));
        assert_eq!(Summary::decode(&summary.encode()), Ok(summary));
    }
});

/// Reads all there is; tells how many parts that were.
fn walk(bytes: &[u8]) -> Result<usize, Error> {
    let summary = EncodedSummary::new(bytes)?;
    let _ = summary.preview();
    summary.references().try_for_each(|id| id.map(drop))?;
    let mut counter = Counter(0);
    counter.envelope(&summary.envelope()?)?;
    summary.structure()?.walk(&mut counter)?;
    Ok(counter.0)
}

struct Counter(usize);

impl<'a> PartVisitor<'a> for Counter {
    fn open(&mut self, part: &EncodedPart<'a>) -> Result<(), Error> {
        self.0 += 1;
        part.params.iter().try_for_each(|param| param.map(drop))?;
        part.language.iter().try_for_each(|tag| tag.map(drop))?;
        let disposition = part.disposition.iter();
        disposition
            .flat_map(|disposition| disposition.params)
            .try_for_each(|param| param.map(drop))
    }

    fn envelope(&mut self, envelope: &EncodedEnvelope<'a>) -> Result<(), Error> {
        let read = |list: EncodedList<'a, EncodedAddress<'a>>| {
            list.iter().try_for_each(|address| address.map(drop))
        };
        read(envelope.from)?;
        read(envelope.sender)?;
        read(envelope.reply_to)?;
        read(envelope.to)?;
        read(envelope.cc)?;
        read(envelope.bcc)
    }

    fn close(&mut self, part: &EncodedPart<'a>) -> Result<(), Error> {
        assert!(part.header <= part.body && part.body <= part.end);
        Ok(())
    }
}
