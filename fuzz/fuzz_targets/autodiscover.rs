//! Any body as an Autodiscover request: it is refused, or answered in XML that is read again. Any path and query are somebody's or nobody's.
#![no_main]

use fieldpost_autoconfig::{Answer, Person, Request, Route, Site, Stamp, route};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let site = Site {
        url: "https://mail.example.org/Microsoft-Server-ActiveSync".into(),
        imap: None,
        pop3: None,
        smtp: None,
    };
    if let Ok(request) = Request::parse(bytes) {
        // A person of that name shows that answers are escaped: nothing of it is markup.
        let person = |name: &str| Person {
            display_name: name.into(),
            address: name.into(),
            login: name.into(),
        };
        let stamp = Stamp {
            second_of_day: 1,
            id: 1,
        };
        let markup = |answer: &Answer| answer.body.iter().filter(|byte| **byte == b'<').count();
        let answer = Answer::to(&request, &site, &person(&request.email), stamp);
        let plain = Answer::to(&request, &site, &person("plain"), stamp);
        assert_eq!(markup(&answer), markup(&plain));
    }
    if let Ok(text) = str::from_utf8(bytes) {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        if let Some(Route::Json { protocol, .. }) = route("GET", path, query) {
            assert!(
                !Answer::json(&site, protocol.as_deref())
                    .body
                    .contains(&b'<')
            );
        }
    }
});
