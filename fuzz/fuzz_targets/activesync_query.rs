//! Any octets as the query of an ActiveSync request, plain or base64: an answer, never a server error. With the first bit set
//! they are the raw bytes of a base64 query, so that its fields are reached.
#![no_main]

use std::{sync::Arc, sync::OnceLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use fieldpost_activesync::{Origin, Service, Settings};
use fieldpost_directory::{Address, Argon2Cost, AttemptLimits, Directory, NewAccount, Secret};
use fieldpost_mailbox::Mailboxes;
use fieldpost_store::MemoryStore;
use fieldpost_transport::Transport;
use http_body_util::Full;
use tokio::runtime::{Builder, Runtime};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    static OFFICE: OnceLock<(Runtime, Arc<Service>)> = OnceLock::new();
    let (runtime, service) = OFFICE.get_or_init(open);
    let Some((way, rest)) = input.split_first() else {
        return;
    };
    let query = if way & 1 == 1 {
        STANDARD.encode(rest)
    } else {
        String::from_utf8_lossy(rest).into_owned()
    };
    let Ok(request) = hyper::Request::post(format!("/Microsoft-Server-ActiveSync?{query}"))
        .header("authorization", "Basic YWxpY2VAZGVtby50ZXN0OnNlY3JldA==")
        .header("ms-asprotocolversion", "14.1")
        .body(Full::new(Bytes::new()))
    else {
        return;
    };
    let origin = Origin {
        peer: None,
        secure: true,
        connection: 1,
    };
    runtime.block_on(async {
        if let Ok(response) = service.handle(request, origin).await {
            assert_ne!(response.status(), hyper::StatusCode::INTERNAL_SERVER_ERROR);
        }
    });
});

fn open() -> (Runtime, Arc<Service>) {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let service = runtime.block_on(async {
        let store = MemoryStore::new();
        let settings = fieldpost_directory::Settings {
            argon2: Argon2Cost::CHEAPEST,
            scram_iterations: 4096,
            attempts: AttemptLimits {
                free_per_account: u32::MAX,
                free_per_network: u32::MAX,
                ..AttemptLimits::default()
            },
            ..fieldpost_directory::Settings::default()
        };
        let directory = Directory::open(store.clone(), settings).await.unwrap();
        let mut account = NewAccount::new(Address::parse("alice@demo.test").unwrap());
        account.password = Some(Secret::from("secret"));
        directory.add(account).await.unwrap();
        let mailboxes = Mailboxes::new(store, fieldpost_mailbox::Settings::default());
        let transport = Transport::new(
            Arc::clone(&directory),
            Arc::clone(&mailboxes),
            fieldpost_transport::Settings::default(),
        );
        Service::new(directory, mailboxes, transport, Settings::default())
    });
    (runtime, service)
}
