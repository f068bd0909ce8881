//! Import streams: no panic, no memory that the bytes do not pay for, an error for whatever is not a whole export.
#![no_main]

use fieldpost_store::{MemoryStore, transfer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = MemoryStore::new();
    let mut stream = b"fieldpost export 1\n".to_vec();
    stream.extend_from_slice(data);
    let _ = runtime.block_on(transfer::import(&*store, &mut &stream[..], &mut |_| {}));
});
