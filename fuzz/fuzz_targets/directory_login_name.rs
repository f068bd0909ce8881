//! Names that clients sign in with, and addresses: no panic, canonical forms are fixed points, limits hold.
#![no_main]

use fieldpost_directory::{Address, LoginName, MAX_ADDRESS, MAX_LOCAL_PART};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match LoginName::parse(bytes) {
        Ok(LoginName::Address(address)) => check(&address),
        Ok(LoginName::Local(local)) => {
            assert!(local.len() <= MAX_LOCAL_PART);
            assert_eq!(
                LoginName::parse(local.as_bytes()),
                Ok(LoginName::Local(local))
            );
        }
        Ok(LoginName::Domain { domain, local }) => {
            let again = format!("{domain}\\{local}");
            assert_eq!(
                LoginName::parse(again.as_bytes()),
                Ok(LoginName::Domain { domain, local })
            );
        }
        Err(_) => {}
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(address) = Address::parse(text)
    {
        check(&address);
    }
});

fn check(address: &Address) {
    assert!(address.as_str().len() <= MAX_ADDRESS);
    assert!(!address.as_str().contains(char::is_control));
    assert_eq!(Address::parse(address.as_str()).as_ref(), Ok(address));
    assert_eq!(Address::parse(&address.to_unicode()).as_ref(), Ok(address));
}
