//! Any octets as a whole POP3 conversation, from the greeting or from behind a sign-in: the server answers, ends when the client does, and
//! deletes nothing without QUIT.
#![no_main]

use std::{sync::Arc, sync::OnceLock, time::Duration};

use fieldpost_connection::{Connection, ConnectionId, Origin, Peer};
use fieldpost_directory::{
    Address, Argon2Cost, AttemptLimits, Directory, NewAccount, Secret, Settings,
};
use fieldpost_mailbox::{FolderId, Mailbox, Mailboxes, NewItem, SpecialUse};
use fieldpost_pop3::{Service, serve};
use fieldpost_store::MemoryStore;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    runtime::{Builder, Runtime},
};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    static OFFICE: OnceLock<Office> = OnceLock::new();
    let office = OFFICE.get_or_init(Office::open);
    let Some((way, commands)) = input.split_first() else {
        return;
    };
    let sign_in: &[u8] = if way & 1 == 1 {
        b"USER alice@demo.test\r\nPASS secret\r\n"
    } else {
        b""
    };
    office
        .runtime
        .block_on(office.converse(&[sign_in, commands].concat()));
});

struct Office {
    runtime: Runtime,
    service: Arc<Service>,
    mailboxes: Arc<Mailboxes>,
    mailbox: Mailbox,
    inbox: FolderId,
}

impl Office {
    fn open() -> Self {
        // Time that is waited out passes at once.
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let (service, mailboxes, mailbox, inbox) = runtime.block_on(async {
            let store = MemoryStore::new();
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
            let directory = Directory::open(store.clone(), settings).await.unwrap();
            directory.add_domain("demo.test").await.unwrap();
            let mut account = NewAccount::new(Address::parse("alice@demo.test").unwrap());
            account.password = Some(Secret::from("secret"));
            let account = directory.add(account).await.unwrap().id;
            let mailboxes = Mailboxes::new(store, fieldpost_mailbox::Settings::default());
            let mailbox = mailboxes.open(account).await.unwrap();
            let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
            let settings = fieldpost_pop3::Settings::default();
            let service = Service::new(directory, mailboxes.clone(), settings);
            (service, mailboxes, mailbox, inbox)
        });
        Self {
            runtime,
            service,
            mailboxes,
            mailbox,
            inbox,
        }
    }

    async fn converse(&self, commands: &[u8]) {
        self.fill().await;
        let (ours, theirs) = UnixStream::pair().unwrap();
        let origin = Origin {
            id: ConnectionId::next(),
            peer: Peer::Unix(None),
            local: None,
            tls: None,
            shutdown: Default::default(),
            write_timeout: Duration::from_secs(60),
        };
        let server = tokio::spawn(serve(Connection::new(ours, origin), self.service.clone()));
        let (mut reader, mut writer) = theirs.into_split();
        let commands = commands.to_vec();
        let quits = commands
            .windows(4)
            .any(|octets| octets.eq_ignore_ascii_case(b"QUIT"));
        let client = tokio::spawn(async move {
            // The server may close before it has read everything.
            drop(writer.write_all(&commands).await);
            drop(writer.shutdown().await);
        });
        let mut replies = Vec::new();
        let end = reader.read_to_end(&mut replies).await;
        client.await.unwrap();
        server.await.expect("no panic");
        assert!(replies.starts_with(b"+OK "));
        assert!(end.is_err() || replies.ends_with(b"\r\n"));
        if !quits {
            assert_eq!(self.count().await, MESSAGES.len());
        }
    }

    async fn count(&self) -> usize {
        self.mailbox.view(self.inbox).await.unwrap().len()
    }

    /// Puts back what the conversation before has deleted.
    async fn fill(&self) {
        for index in self.count().await..MESSAGES.len() {
            let account = self.mailbox.account();
            let mut incoming = self.mailboxes.receive(account, None).await.unwrap();
            incoming.write(MESSAGES[index].into()).await.unwrap();
            let item = NewItem::new(incoming.finish().await.unwrap());
            self.mailbox.append(self.inbox, &item).await.unwrap();
        }
    }
}

const MESSAGES: [&str; 3] = [
    "Subject: one\r\n\r\n.dots\r\n.\r\n",
    "Subject: two\r\n",
    "Subject: three\n\nbare line ends\n.\nno end",
];
