//! A whole submission connection, from greeting to end: whatever the client sends, and however it is cut, the server ends the
//! connection itself or takes the client's end, every line it said is a reply, nothing is sent before somebody has signed in, and
//! every message it acknowledged is in a mailbox or in the queue.
#![no_main]

use std::{cell::RefCell, sync::Arc, time::Duration};

use arbitrary::Arbitrary;
use fieldpost_connection::{Connection, ConnectionId, Origin, Peer};
use fieldpost_directory::{Argon2Cost, Directory, NewAccount, Secret};
use fieldpost_mailbox::{Mailboxes, SpecialUse};
use fieldpost_smtp::{Service, Settings, Submission, SubmissionSettings};
use fieldpost_store::{MemoryStore, Store};
use fieldpost_transport::{Relay, Transport};
use libfuzzer_sys::fuzz_target;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    runtime::Runtime,
};
use tokio_util::sync::CancellationToken;

#[derive(Arbitrary, Debug)]
struct Input {
    /// Begin with sign-in and a transaction, so that the rest is more likely to be a message.
    transaction: bool,
    segments: Vec<Vec<u8>>,
}

struct Server {
    runtime: Runtime,
    directory: Arc<Directory>,
    mailboxes: Arc<Mailboxes>,
    service: Arc<Service>,
    delivered: u32,
    queued: usize,
    runs: u32,
}

impl Server {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let (directory, mailboxes) = runtime.block_on(async {
            let store: Arc<dyn Store> = MemoryStore::new();
            let settings = fieldpost_directory::Settings {
                argon2: Argon2Cost::CHEAPEST,
                ..fieldpost_directory::Settings::default()
            };
            let directory = Directory::open(Arc::clone(&store), settings).await.unwrap();
            let mut account = NewAccount::new("a@b.test".parse().unwrap());
            account.password = Some(Secret::from("secret"));
            directory.add(account).await.unwrap();
            (
                directory,
                Mailboxes::new(store, fieldpost_mailbox::Settings::default()),
            )
        });
        let transport = Transport::new(
            Arc::clone(&directory),
            Arc::clone(&mailboxes),
            fieldpost_transport::Settings {
                relay: Relay::Smarthost,
                ..fieldpost_transport::Settings::default()
            },
        );
        let settings = Settings {
            max_message_size: 4096,
            ..Settings::default()
        };
        Self {
            runtime,
            directory: Arc::clone(&directory),
            mailboxes,
            service: Arc::new(Service {
                transport,
                settings,
                submission: Some(Submission::new(
                    Arc::clone(&directory),
                    SubmissionSettings {
                        messages_per_hour: 0,
                        recipients_per_hour: 0,
                        ..SubmissionSettings::default()
                    },
                )),
            }),
            delivered: 0,
            queued: 0,
            runs: 0,
        }
    }

    fn run(&mut self, input: Input) {
        let replies = self.runtime.block_on(async {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let origin = Origin {
                id: ConnectionId::next(),
                peer: Peer::Unix(None),
                local: None,
                tls: None,
                shutdown: CancellationToken::new(),
                write_timeout: Duration::from_secs(5),
            };
            let serving = tokio::spawn(fieldpost_smtp::serve(
                Connection::new(ours, origin),
                Arc::clone(&self.service),
            ));
            let (mut read, mut write) = theirs.split();
            let mut replies = Vec::new();
            let send = async {
                if input.transaction {
                    // \0a@b.test\0secret
                    let start = b"EHLO x\r\nAUTH PLAIN AGFAYi50ZXN0AHNlY3JldA==\r\nMAIL FROM:<a@b.test>\r\n\
                        RCPT TO:<a@b.test>\r\nRCPT TO:<x@far.test>\r\n";
                    let _ = write.write_all(start).await;
                }
                for segment in &input.segments {
                    if write.write_all(segment).await.is_err() {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
                let _ = write.shutdown().await;
            };
            let (_, received) = tokio::join!(send, read.read_to_end(&mut replies));
            drop(received);
            serving.await.expect("the server has panicked");
            replies
        });
        let replies = String::from_utf8(replies).unwrap();
        for line in replies.lines() {
            assert!(line.len() <= 510 && line.as_bytes()[..3].iter().all(u8::is_ascii_digit));
        }
        let delivered = replies.matches("250 2.0.0 delivered\r\n").count();
        let accepted = replies.matches("250 2.0.0 accepted as ").count();
        assert!(
            delivered + accepted == 0 || replies.contains("\n235 2.7.0 "),
            "nobody has signed in: {replies}"
        );
        self.delivered += delivered as u32;
        self.queued += accepted;
        let exists = self.runtime.block_on(async {
            let account = self.directory.resolve("a@b.test").unwrap();
            let mailbox = self.mailboxes.open(account).await.unwrap();
            mailbox
                .special(SpecialUse::Inbox)
                .await
                .unwrap()
                .counters
                .exists
        });
        assert!(
            exists >= self.delivered,
            "an acknowledged message is not there"
        );
        let service = Arc::clone(&self.service);
        let queue = self.runtime.block_on(service.transport.queue(None, usize::MAX));
        assert_eq!(queue.unwrap().len(), self.queued, "the queue is not what was accepted");
        self.runs += 1;
    }
}

thread_local! {
    static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) };
}

fuzz_target!(|input: Input| {
    SERVER.with_borrow_mut(|slot| {
        // A new one now and then, so that the mailbox does not grow without end.
        if slot.as_ref().is_none_or(|server| server.runs >= 200) {
            *slot = Some(Server::new());
        }
        if let Some(server) = slot {
            server.run(input);
        }
    });
});
