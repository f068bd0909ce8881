//! SASL exchanges with whatever a client sends: no panic, and nobody is signed in who did not know the password.
//!
//! Input: a byte that chooses the mechanism, a byte whether there is an initial response, then messages, each behind two
//! bytes of length.
#![no_main]

use std::sync::{Arc, OnceLock};

use fieldpost_directory::{
    Address, Argon2Cost, AttemptLimits, ChannelBinding, Directory, NewAccount, Protocol, Secret,
    Settings, SignInContext,
    sasl::{self, Exchange, Mechanism, Step},
};
use fieldpost_store::MemoryStore;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

fuzz_target!(|bytes: &[u8]| {
    let _ = sasl::decode(bytes);
    let _ = sasl::decode_initial(bytes);
    let [choice, initial, rest @ ..] = bytes else {
        return;
    };
    let (runtime, directory) = directory();
    let mechanism = Mechanism::ALL[usize::from(choice % 4)];
    runtime.block_on(run(directory, mechanism, initial % 2 == 0, rest));
});

async fn run(directory: &Arc<Directory>, mechanism: Mechanism, initial: bool, mut rest: &[u8]) {
    let mut context = SignInContext::new(Protocol::Imap, None, true);
    context.binding = ChannelBinding {
        exporter: Some([7; 32]),
        end_point: None,
    };
    let first = initial.then(|| message(&mut rest)).flatten();
    let mut knew = first.is_some_and(knows);
    let mut step = Exchange::start(directory, mechanism.name(), first, context).await;
    for turn in 0.. {
        // The longest exchange, SCRAM without an initial response, has three messages.
        assert!(turn <= 3, "an exchange goes on for ever");
        match step {
            Step::Challenge(exchange, challenge) => {
                assert!(challenge.len() <= 1024);
                let Some(next) = message(&mut rest) else {
                    return;
                };
                knew |= knows(next);
                step = exchange.step(next).await;
            }
            Step::Done(identity) => {
                assert!(knew, "signed in as {identity:?} without the password");
                return;
            }
            Step::Failed(_) => return,
        }
    }
}

fn message<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length)).min(tail.len());
    let (message, tail) = tail.split_at(length);
    *rest = tail;
    Some(message)
}

/// Only messages that hold the password, in any form that SASLprep makes equal, may sign anybody in; SCRAM's would need a
/// proof that no fuzzer finds.
fn knows(message: &[u8]) -> bool {
    message
        .split(|byte| *byte == 0)
        .any(|part| Secret::new(part).prepared() == Secret::from(PASSWORD))
}

fn directory() -> &'static (Runtime, Arc<Directory>) {
    static DIRECTORY: OnceLock<(Runtime, Arc<Directory>)> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let settings = Settings {
            argon2: Argon2Cost::CHEAPEST,
            scram_iterations: 4096,
            attempts: AttemptLimits {
                free_per_account: u32::MAX,
                free_per_network: u32::MAX,
                ..AttemptLimits::default()
            },
            ..Settings::default()
        };
        let directory = runtime.block_on(async {
            let directory = Directory::open(MemoryStore::new(), settings)
                .await
                .expect("an empty directory");
            let address = Address::parse("a@d.test").expect("an address");
            let account = NewAccount {
                password: Some(Secret::from(PASSWORD)),
                ..NewAccount::new(address)
            };
            directory.add(account).await.expect("an account");
            directory
        });
        (runtime, directory)
    })
}

const PASSWORD: &str = "pw7";
