//! HTML to text: any input, no more text than input, and a limit that holds.
#![no_main]

use fieldpost_message::html;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &str| {
    let text = html::to_text(document, usize::MAX);
    // A list item's three bytes come from four, a paragraph's two line ends from three; a character reference shrinks.
    assert!(text.len() <= document.len() * 2);
    let short = html::to_text(document, 10);
    assert!(text.starts_with(&short));
});
