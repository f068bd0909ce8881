//! A load driver that speaks ActiveSync to any server: one JSON line a measured step, on the standard output.
//!
//! ```text
//! cargo run --release -p fieldpost-benches --bin phones -- SCENARIO --users FILE --port N [OPTIONS]
//! ```
//!
//! Scenarios: `fill` (mails by LMTP), `first-sync` (with `--rounds`: then rounds of few and of no new mails), `ping`. The
//! options are told by `fieldpost_benches::phones::Options`.

use std::process::ExitCode;

use fieldpost_benches::phones::{Options, run};

fn main() -> ExitCode {
    let ran = Options::parse(std::env::args().skip(1)).and_then(|options| {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?
            .block_on(run(options))
    });
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("phones: {error}");
            ExitCode::FAILURE
        }
    }
}
