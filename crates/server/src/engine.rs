//! The store with everything that stands on it: what a running server, or a command without one, works with.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use fieldpost_directory::{self as directory, Directory};
use fieldpost_mailbox::{self as mailbox, Expunge, Mailbox, Mailboxes, UidSet};
use fieldpost_store::{AccountId, StoreError};
use fieldpost_transport::{OutOfOfficeReplies, SpamFiling, Transport};

use crate::{
    config::{Config, PlaintextSignIn},
    exchange::{Failure, FailureKind},
    storage::Storage,
};

/// The store, the directory, the mailboxes and the transport of one process.
pub struct Engine {
    /// The configuration it was opened with.
    pub config: Config,
    /// The store and its maintenance.
    pub storage: Storage,
    /// The organisation.
    pub directory: Arc<Directory>,
    /// The mailboxes.
    pub mailboxes: Arc<Mailboxes>,
    /// Mail on its way.
    pub transport: Arc<Transport>,
    /// When it was opened.
    pub opened: Instant,
    /// Whether clients are served from it; set once, by the server.
    pub serving: AtomicBool,
}

impl Engine {
    /// Opens the store that `config` names, and all that stands on it. Fails if another process has it open.
    pub async fn open(config: Config) -> Result<Arc<Self>, Failure> {
        let storage = Storage::open(&config).await?;
        let store = storage.store();
        if storage.embedded().restored().map_err(of_store)? {
            // Before anything is given out: what was given out after the backup must not be given out again.
            let accounts = mailbox::restored(Arc::clone(&store), mailbox::Settings::default())
                .await
                .map_err(of_mailbox)?;
            storage.embedded().restore_done().map_err(of_store)?;
            tracing::info!(
                accounts,
                "the store came from a backup: its counters are moved on"
            );
        }
        let directory = Directory::open(Arc::clone(&store), directory_settings(&config))
            .await
            .map_err(of_directory)?;
        let mailboxes = Mailboxes::new(store, mailbox_settings(&config));
        let transport = Transport::with_hooks(
            Arc::clone(&directory),
            Arc::clone(&mailboxes),
            transport_settings(&config)?,
            vec![Arc::new(SpamFiling), Arc::new(OutOfOfficeReplies)],
        );
        Ok(Arc::new(Self {
            config,
            storage,
            directory,
            mailboxes,
            transport,
            opened: Instant::now(),
            serving: AtomicBool::new(false),
        }))
    }

    /// The account that has `address`.
    pub fn account(&self, address: &str) -> Result<Arc<directory::Account>, Failure> {
        self.directory
            .resolve(address)
            .and_then(|id| self.directory.account(id))
            .ok_or_else(|| {
                Failure::new(
                    FailureKind::NotFound,
                    format!("there is no account {address}"),
                )
                .advise("fieldpost account list shows those there are")
            })
    }

    /// The mailbox of the account that has `address`.
    pub async fn mailbox(&self, address: &str) -> Result<Mailbox, Failure> {
        let account = self.account(address)?;
        self.open_mailbox(account.id).await
    }

    /// The mailbox of `account`.
    pub async fn open_mailbox(&self, account: AccountId) -> Result<Mailbox, Failure> {
        self.mailboxes.open(account).await.map_err(of_mailbox)
    }

    /// Takes all mail out of `account`'s mailbox, and the folders that it made. What is left of it are a few records of a
    /// number that nobody gets again.
    pub async fn remove_mail(&self, account: AccountId) -> Result<(), Failure> {
        let waiting = self.transport.drop_all_of(account).await;
        waiting.map_err(of_mailbox)?;
        let mailbox = self.open_mailbox(account).await?;
        let mut folders = mailbox.folders().await.map_err(of_mailbox)?;
        for folder in &folders {
            mailbox
                .expunge(folder.id, &UidSet::all(), Expunge::All)
                .await
                .map_err(of_mailbox)?;
        }
        folders.retain(|folder| !folder.is_of_every_account());
        // Children before their parents; a round takes at least the leaves.
        while !folders.is_empty() {
            let parents: Vec<_> = folders.iter().filter_map(|folder| folder.parent).collect();
            let (inner, leaves): (Vec<_>, Vec<_>) = folders
                .into_iter()
                .partition(|folder| parents.contains(&folder.id));
            if leaves.is_empty() {
                break;
            }
            for leaf in leaves {
                mailbox.delete_folder(leaf.id).await.map_err(of_mailbox)?;
            }
            folders = inner;
        }
        Ok(())
    }

    /// Closes the store: all that was accepted is on disk when this returns.
    pub async fn close(&self) -> Result<(), Failure> {
        self.transport.finish().await;
        self.storage.store().close().await.map_err(of_store)
    }
}

fn directory_settings(config: &Config) -> directory::Settings {
    directory::Settings {
        default_domain: Some(config.directory.default_domain.clone())
            .filter(|domain| !domain.is_empty()),
        allow_cleartext: config.directory.plaintext_sign_in == PlaintextSignIn::Always,
        ..directory::Settings::default()
    }
}

fn transport_settings(config: &Config) -> Result<fieldpost_transport::Settings, Failure> {
    let signers = crate::relay::signers(config)?;
    for signer in signers.iter() {
        tracing::info!(
            domain = signer.domain(),
            selector = signer.selector(),
            record = signer.record(),
            "signs mail with DKIM"
        );
    }
    Ok(fieldpost_transport::Settings {
        hostname: config.hostname(),
        relay: config.relay.relay(),
        queue: config.relay.queue(),
        dkim: signers,
        ..config.transport.settings()
    })
}

fn mailbox_settings(config: &Config) -> mailbox::Settings {
    mailbox::Settings {
        default_quota: mailbox::Limits {
            bytes: config.quota.bytes.bytes(),
            items: config.quota.items,
        },
        header_memory: usize::try_from(config.mailbox.header_memory.bytes()).unwrap_or(usize::MAX),
        sort_memory: usize::try_from(config.mailbox.sort_memory.bytes()).unwrap_or(usize::MAX),
        memory_budget: usize::try_from(config.mailbox.memory.bytes()).unwrap_or(usize::MAX),
        ..mailbox::Settings::default()
    }
}

/// A failure of the store, as the command line tells it.
pub fn of_store(error: StoreError) -> Failure {
    let kind = match &error {
        StoreError::Locked { .. } => FailureKind::Busy,
        StoreError::Occupied { .. } => FailureKind::Exists,
        StoreError::Damaged { .. }
        | StoreError::FormatDamaged { .. }
        | StoreError::Unfinished { .. } => FailureKind::Damaged,
        error if error.is_temporary() => FailureKind::Temporary,
        _ => FailureKind::Failed,
    };
    let damaged = matches!(error, StoreError::Damaged { .. });
    let failure = Failure::new(kind, error);
    if damaged {
        failure.advise(CHECK_IT)
    } else {
        failure
    }
}

/// What to do about a damaged record.
pub const CHECK_IT: &str = "run fieldpost fsck";

/// A failure of the directory, as the command line tells it.
pub fn of_directory(error: directory::DirectoryError) -> Failure {
    use directory::DirectoryError as Error;
    match error {
        Error::Store(error) => of_store(error),
        error @ Error::AddressTaken { .. } => Failure::new(FailureKind::Exists, error)
            .advise("fieldpost account show ADDRESS tells whose it is"),
        error @ Error::AddressOfGroup(_) => {
            Failure::new(FailureKind::Exists, error).advise("fieldpost group list shows the groups")
        }
        error @ (Error::NoSuchAccount(_) | Error::NoSuchDomain(_) | Error::NoSuchGroup(_)) => {
            Failure::new(FailureKind::NotFound, error)
        }
        error @ Error::Password(_) => Failure::new(FailureKind::Usage, error)
            .advise("give another one, or let one be made with --generate"),
        error if error.is_temporary() => Failure::new(FailureKind::Temporary, error),
        error => Failure::new(FailureKind::Failed, error),
    }
}

/// A failure of a mailbox, as the command line tells it.
pub fn of_mailbox(error: mailbox::Error) -> Failure {
    use mailbox::Error;
    match error {
        Error::Store(error) => of_store(error),
        error @ Error::Damaged { .. } => Failure::new(FailureKind::Damaged, error),
        error @ Error::OverQuota { .. } => Failure::new(FailureKind::Temporary, error)
            .advise("fieldpost account set ADDRESS --quota-bytes SIZE gives it more room"),
        error @ (Error::NoSuchFolder(_) | Error::NoSuchItem { .. }) => {
            Failure::new(FailureKind::NotFound, error)
        }
        error if error.is_temporary() => Failure::new(FailureKind::Temporary, error),
        error => Failure::new(FailureKind::Failed, error),
    }
}

/// Makes `path` and its parents, readable by its owner only.
pub fn make_private_directory(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| Failure::new(FailureKind::Failed, format!("{}: {error}", path.display())))
}
