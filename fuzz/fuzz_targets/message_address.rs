//! Address lists: groups are closed, room is kept, and what an address is written as is read as the same address.
#![no_main]

use fieldpost_message::address::{Room, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &[u8]| {
    let room = Room {
        count: 20,
        bytes: 1000,
    };
    let list = parse(value, room);
    let mut group = false;
    for address in &list {
        match (&address.mailbox, &address.host) {
            (Some(_), Some(_)) => {}
            (Some(_), None) => {
                assert!(!group);
                group = true;
            }
            (None, None) => {
                assert!(group);
                group = false;
            }
            (None, Some(_)) => panic!("a host without a mailbox"),
        }
        let _ = (address.addr_spec(), address.display_name());
    }
    assert!(!group);
    assert!(list.len() <= 21);
});
