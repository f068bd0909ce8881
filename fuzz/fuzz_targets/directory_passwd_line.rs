//! Lines of a Dovecot passwd-file: no panic, and what is taken is bounded and an address.
#![no_main]

use fieldpost_directory::{Address, ImportOptions, parse_line};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let options = ImportOptions {
        default_domain: Some("demo.test".to_owned()),
        allow_plain: true,
        replace_passwords: false,
    };
    if let Some(Ok(line)) = parse_line(bytes, &options) {
        assert_eq!(
            Address::parse(line.address.as_str()).as_ref(),
            Ok(&line.address)
        );
        assert!(!line.display_name.contains(char::is_control));
        assert!(line.ignored.len() <= bytes.len());
        // What is printed of a line holds nothing of its password.
        assert!(format!("{line:?}").contains("REDACTED"));
    }
});
