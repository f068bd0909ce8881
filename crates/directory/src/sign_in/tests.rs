use super::*;
use crate::{
    AccountUpdate, Argon2Cost, AttemptLimits, ImportOptions, NewAccount, Protocols, Settings,
    Statistics,
    testing::{FaultyStore, new, open, settings},
};
use fieldpost_store::{MemoryStore, Store};
use std::sync::{Mutex, atomic::Ordering::Relaxed};

const AWAY: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7)));

fn context() -> SignInContext {
    SignInContext::new(Protocol::Imap, AWAY, true)
}

async fn directory() -> Arc<Directory> {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory = open(&store).await;
    directory
        .add(new("alice@demo.test", "secret"))
        .await
        .unwrap();
    directory
}

/// What a sign-in did, in counters.
async fn work_of(directory: &Arc<Directory>, login: &str, password: &str) -> Statistics {
    let before = directory.statistics();
    let result = directory.sign_in(login, password.into(), &context()).await;
    assert!(
        matches!(result, Err(SignInError::WrongCredentials { .. })),
        "{login}: {result:?}"
    );
    let after = directory.statistics();
    let pair = |a: [u64; 2], b: [u64; 2]| [a[0] - b[0], a[1] - b[1]];
    Statistics {
        argon2id: pair(after.argon2id, before.argon2id),
        scram: pair(after.scram, before.scram),
        sha_crypt: pair(after.sha_crypt, before.sha_crypt),
        bcrypt: pair(after.bcrypt, before.bcrypt),
        ssha: after.ssha - before.ssha,
        remembered: after.remembered - before.remembered,
        busy: after.busy - before.busy,
    }
}

#[tokio::test]
async fn every_form_of_a_name_signs_in() {
    let directory = directory().await;
    for login in [
        "alice",
        "ALICE",
        "alice@demo.test",
        "Alice@DEMO.Test",
        "DEMO\\alice",
        "demo.test\\Alice",
    ] {
        let identity = directory
            .sign_in(login, "secret".into(), &context())
            .await
            .unwrap();
        assert_eq!(identity.address, "alice@demo.test", "{login}");
        assert_eq!(identity.mechanism, None);
    }
    for (login, password) in [
        ("alice", "Secret"),
        ("alice", ""),
        ("alice", "secret "),
        ("bob", "secret"),
        ("", "secret"),
        ("alice@other.test", "secret"),
        ("OTHER\\alice", "secret"),
    ] {
        let refused = directory.sign_in(login, password.into(), &context()).await;
        assert!(
            matches!(refused, Err(SignInError::WrongCredentials { .. })),
            "{login}"
        );
    }
}

/// fault 13: NUL and bytes that are no UTF-8 in user names (CVE-2019-10691), and in passwords.
#[tokio::test]
async fn fault_13_odd_bytes_sign_nobody_in_and_harm_nobody() {
    let directory = directory().await;
    for login in [
        &b"alice\0"[..],
        b"\0",
        b"\xff\xfe\xfd",
        b"alice\xc3",
        &vec![b'a'; 100_000],
    ] {
        let refused = directory.sign_in(login, "secret".into(), &context()).await;
        assert!(matches!(refused, Err(SignInError::WrongCredentials { .. })));
    }
    for password in [b"secret\0".to_vec(), vec![0xff; 10], vec![b'x'; 1_000_000]] {
        let refused = directory
            .sign_in("alice", Secret::new(password), &context())
            .await;
        assert!(matches!(refused, Err(SignInError::WrongCredentials { .. })));
    }
    assert!(
        directory
            .sign_in("alice", "secret".into(), &context())
            .await
            .is_ok()
    );
}

/// "Signing in takes the same time for unknown and known users": the same hashes are computed, at the same cost.
#[tokio::test]
async fn a_refusal_costs_the_same_for_unknown_disabled_and_known_users() {
    let directory = directory().await;
    let off = directory
        .add(NewAccount {
            enabled: false,
            ..new("off@demo.test", "secret")
        })
        .await
        .unwrap();
    assert!(!off.enabled);
    let known = work_of(&directory, "alice", "wrong").await;
    assert_eq!(known.argon2id, [1, 8]);
    for login in [
        "nobody",
        "nobody@demo.test",
        "x@elsewhere.test",
        "off",
        "\u{0}",
        "DEMO\\x",
    ] {
        assert_eq!(
            work_of(&directory, login, "wrong").await,
            known,
            "{login:?}"
        );
    }
    // An account without a password, too.
    directory
        .add(NewAccount::new(crate::testing::address("new@demo.test")))
        .await
        .unwrap();
    assert_eq!(work_of(&directory, "new", "wrong").await, known);
}

/// The same while accounts still have the hashes they were imported with: unknown users cost what one of the known does.
#[tokio::test]
async fn a_refusal_costs_the_same_among_imported_hashes() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory = open(&store).await;
    let file = "a@demo.test:$6$YTcwhWD9TgVnTVxa$vocWV1JJdc7h.0qGIXRVV2qh/NW.B39z0nDijVVg.B67GjEII5y7d68z4lAgIMS2/scLW6cttrAA8uKCr1uu..\n\
                b@demo.test:{SSHA}8A0Z+ErlkRLcY7Iv6K0Qj2HX88UhXplM\n";
    let cursor = std::io::Cursor::new(file);
    directory
        .import_passwd_file(cursor, ImportOptions::default())
        .await
        .unwrap();
    let mut known = vec![
        work_of(&directory, "a", "wrong").await,
        work_of(&directory, "b", "wrong").await,
    ];
    assert_eq!(known[0].sha_crypt, [1, 5000]);
    assert_eq!(known[1].ssha, 1);
    let mut seen = [false; 2];
    for number in 0..40 {
        let login = format!("nobody{number}");
        let work = work_of(&directory, &login, "wrong").await;
        seen[known.iter().position(|known| *known == work).unwrap()] = true;
        assert_eq!(
            work_of(&directory, &login.to_uppercase(), "wrong").await,
            work,
            "the next day"
        );
    }
    assert_eq!(seen, [true, true]);

    // After a sign-in, one of them has our own hash, and nobody costs what it cost before.
    directory
        .sign_in("a", "correct horse".into(), &context())
        .await
        .unwrap();
    directory
        .sign_in("b", "correct horse".into(), &context())
        .await
        .unwrap();
    known = vec![work_of(&directory, "a", "wrong").await];
    assert_eq!(known[0].argon2id, [1, 8]);
    for number in 0..10 {
        assert_eq!(
            work_of(&directory, &format!("nobody{number}"), "wrong").await,
            known[0]
        );
    }
}

#[tokio::test]
async fn imported_hashes_are_renewed_at_the_first_sign_in() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory = open(&store).await;
    let cursor = std::io::Cursor::new("b@demo.test:{SSHA}8A0Z+ErlkRLcY7Iv6K0Qj2HX88UhXplM\n");
    directory
        .import_passwd_file(cursor, ImportOptions::default())
        .await
        .unwrap();
    let id = directory.resolve("b@demo.test");
    let outdated = async || {
        let (credentials, _) = directory.credentials(id).await.unwrap().unwrap();
        (
            credentials.is_outdated(&directory.settings),
            credentials.scram().is_some(),
        )
    };
    assert_eq!(outdated().await, (true, false));
    assert!(
        directory
            .sign_in("b", "wrong".into(), &context())
            .await
            .is_err()
    );
    assert_eq!(outdated().await, (true, false));
    directory
        .sign_in("b", "correct horse".into(), &context())
        .await
        .unwrap();
    assert_eq!(outdated().await, (false, true));

    // Dearer settings: the next sign-in after a restart brings the hash up to them.
    let dearer = Settings {
        argon2: Argon2Cost {
            passes: 2,
            ..Argon2Cost::CHEAPEST
        },
        ..settings()
    };
    let directory = Directory::open(store, dearer).await.unwrap();
    directory
        .sign_in("b", "correct horse".into(), &context())
        .await
        .unwrap();
    let (credentials, _) = directory.credentials(id).await.unwrap().unwrap();
    assert!(!credentials.is_outdated(&directory.settings));
}

#[tokio::test]
async fn only_who_has_the_password_hears_that_the_account_is_disabled_or_the_protocol_off() {
    let directory = directory().await;
    let id = directory.resolve("alice@demo.test").unwrap();
    let update = AccountUpdate {
        protocols: Some(Protocols::ALL.without(Protocol::Imap)),
        ..AccountUpdate::default()
    };
    directory.set(id, update).await.unwrap();
    let sign_in = async |password: &str, protocol| {
        let context = SignInContext::new(protocol, AWAY, true);
        directory.sign_in("alice", password.into(), &context).await
    };
    assert!(matches!(
        sign_in("secret", Protocol::Imap).await,
        Err(SignInError::ProtocolNotAllowed)
    ));
    assert!(matches!(
        sign_in("wrong", Protocol::Imap).await,
        Err(SignInError::WrongCredentials { .. })
    ));
    assert!(sign_in("secret", Protocol::Pop3).await.is_ok());
    let update = AccountUpdate {
        enabled: Some(false),
        ..AccountUpdate::default()
    };
    directory.set(id, update).await.unwrap();
    // The password is remembered from above, and that makes no difference.
    assert!(matches!(
        sign_in("secret", Protocol::Pop3).await,
        Err(SignInError::Disabled)
    ));
    assert!(matches!(
        sign_in("wrong", Protocol::Pop3).await,
        Err(SignInError::WrongCredentials { .. })
    ));
}

/// fault 3: plaintext sign-in off loopback is refused, and the password is not looked at.
#[tokio::test]
async fn fault_3_no_password_is_taken_where_others_can_read_it() {
    let directory = directory().await;
    let before = directory.statistics();
    let insecure = SignInContext {
        secure: false,
        ..context()
    };
    assert!(!directory.takes_passwords(&insecure));
    let refused = directory.sign_in("alice", "secret".into(), &insecure).await;
    assert!(matches!(refused, Err(SignInError::NotSecure)));
    assert_eq!(directory.statistics(), before);
    let store: Arc<dyn Store> = MemoryStore::new();
    let lax = Settings {
        allow_cleartext: true,
        ..settings()
    };
    let lax = Directory::open(store, lax).await.unwrap();
    lax.add(new("alice@demo.test", "secret")).await.unwrap();
    assert!(
        lax.sign_in("alice", "secret".into(), &insecure)
            .await
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn right_passwords_are_remembered_for_some_minutes_and_not_beyond_a_change() {
    let directory = directory().await;
    let id = directory.resolve("alice@demo.test").unwrap();
    let hashes = async |password: &'static str| {
        let before = directory.statistics().argon2id[0];
        let result = directory
            .sign_in("alice", password.into(), &context())
            .await;
        (result.is_ok(), directory.statistics().argon2id[0] - before)
    };
    assert_eq!(hashes("secret").await, (true, 1));
    assert_eq!(hashes("secret").await, (true, 0));
    assert_eq!(hashes("wrong").await, (false, 1));
    tokio::time::advance(Duration::from_mins(6)).await;
    assert_eq!(hashes("secret").await, (true, 1));
    directory
        .set_password(id, Some("new".into()))
        .await
        .unwrap();
    assert_eq!(hashes("secret").await, (false, 1));
    assert_eq!(hashes("new").await, (true, 1));
    directory.set_password(id, None).await.unwrap();
    assert_eq!(hashes("new").await, (false, 1));
    directory
        .set_password(id, Some("secret".into()))
        .await
        .unwrap();
    assert_eq!(hashes("secret").await, (true, 1));
    directory.remove(id).await.unwrap();
    assert!(!hashes("secret").await.0);
}

#[tokio::test(start_paused = true)]
async fn guessing_is_slowed_down_where_it_comes_from_and_for_unknown_names_alike() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let limits = Settings {
        attempts: AttemptLimits::default(),
        ..settings()
    };
    let directory = Directory::open(store, limits).await.unwrap();
    directory
        .add(new("alice@demo.test", "secret"))
        .await
        .unwrap();
    let mut outcomes = Vec::new();
    for login in ["alice", "nobody"] {
        let mut waits = Vec::new();
        for number in 0..6 {
            let guess = format!("guess {number}");
            let result = directory
                .sign_in(login, guess.as_str().into(), &context())
                .await;
            waits.push(match result {
                Err(SignInError::WrongCredentials { wait }) => (false, wait.as_secs()),
                Err(SignInError::TryLater { wait }) => (true, wait.as_secs()),
                other => panic!("{other:?}"),
            });
        }
        outcomes.push(waits);
    }
    assert_eq!(
        outcomes[0],
        [
            (false, 0),
            (false, 0),
            (false, 0),
            (false, 1),
            (true, 1),
            (true, 1)
        ]
    );
    assert_eq!(outcomes[1], outcomes[0]);
    // While it is blocked, not even the right password is looked at; from elsewhere it works.
    let right = directory
        .sign_in("alice", "secret".into(), &context())
        .await;
    assert!(matches!(right, Err(ref error @ SignInError::TryLater { .. }) if error.is_temporary()));
    let home = SignInContext::new(Protocol::Imap, None, true);
    assert!(
        directory
            .sign_in("alice", "secret".into(), &home)
            .await
            .is_ok()
    );
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(
        directory
            .sign_in("alice", "secret".into(), &context())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn when_too_many_wait_the_rest_is_told_to_come_back() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let narrow = Settings {
        hashing_threads: 1,
        hashing_queue: 0,
        ..settings()
    };
    let directory = Directory::open(store, narrow).await.unwrap();
    directory
        .add(new("alice@demo.test", "secret"))
        .await
        .unwrap();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (started, has_started) = tokio::sync::oneshot::channel();
    let blocking = tokio::spawn({
        let directory = Arc::clone(&directory);
        async move {
            let job = move || {
                started.send(()).unwrap();
                wait.recv().unwrap();
            };
            directory.hashing.run(job).await
        }
    });
    has_started.await.unwrap();
    let busy = directory
        .sign_in("alice", "secret".into(), &context())
        .await;
    assert!(matches!(busy, Err(ref error @ SignInError::Busy(_)) if error.is_temporary()));
    assert_eq!(directory.statistics().busy, 1);
    go.send(()).unwrap();
    blocking.await.unwrap().unwrap();
    assert!(
        directory
            .sign_in("alice", "secret".into(), &context())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_store_that_fails_is_a_temporary_failure_and_counts_against_nobody() {
    let faulty = FaultyStore::new(MemoryStore::new());
    let store: Arc<dyn Store> = faulty.clone();
    let limits = Settings {
        attempts: AttemptLimits::default(),
        ..settings()
    };
    let directory = Directory::open(store, limits).await.unwrap();
    directory
        .add(new("alice@demo.test", "secret"))
        .await
        .unwrap();
    faulty.fail_reads.store(true, Relaxed);
    for _ in 0..50 {
        for login in ["alice", "nobody"] {
            let failed = directory.sign_in(login, "secret".into(), &context()).await;
            assert!(
                matches!(failed, Err(ref error @ SignInError::Unavailable(_)) if error.is_temporary())
            );
        }
    }
    faulty.fail_reads.store(false, Relaxed);
    assert!(
        directory
            .sign_in("alice", "secret".into(), &context())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn credentials_that_can_not_be_renewed_still_sign_in() {
    let faulty = FaultyStore::new(MemoryStore::new());
    let store: Arc<dyn Store> = faulty.clone();
    let directory = open(&store).await;
    let cursor = std::io::Cursor::new("b@demo.test:{SSHA}8A0Z+ErlkRLcY7Iv6K0Qj2HX88UhXplM\n");
    directory
        .import_passwd_file(cursor, ImportOptions::default())
        .await
        .unwrap();
    faulty.fail_durable.store(true, Relaxed);
    directory
        .sign_in("b", "correct horse".into(), &context())
        .await
        .unwrap();
}

/// Collects all events of this thread as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Fields<'a>(&'a mut String);
        impl tracing::field::Visit for Fields<'_> {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                use std::fmt::Write;
                write!(self.0, " {field}={value:?}").unwrap();
            }
        }
        let mut log = self.0.lock().unwrap();
        log.push_str(event.metadata().target());
        event.record(&mut Fields(&mut log));
        log.extend([" level=", event.metadata().level().as_str(), "\n"]);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn sign_ins_and_changes_are_logged_and_no_password_ever_is() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let directory = directory().await;
    let context = SignInContext {
        connection: 42,
        ..context()
    };
    directory
        .sign_in("alice", "secret".into(), &context)
        .await
        .unwrap();
    directory
        .sign_in("alice", "hunter2-wrong".into(), &context)
        .await
        .unwrap_err();
    directory
        .sign_in("evil\n\u{1b}[31m", "hunter2-wrong".into(), &context)
        .await
        .unwrap_err();
    let insecure = SignInContext {
        secure: false,
        ..context.clone()
    };
    directory
        .sign_in("alice", "hunter2-wrong".into(), &insecure)
        .await
        .unwrap_err();
    let id = directory.resolve("alice@demo.test").unwrap();
    directory
        .set_password(id, Some("hunter2-new".into()))
        .await
        .unwrap();
    directory.remove(id).await.unwrap();
    let log = log.0.lock().unwrap().clone();
    for expected in [
        "event=\"account_added\"",
        "event=\"sign_in\" outcome=\"accepted\" login=alice account=1 address=alice@demo.test protocol=\"imap\" mechanism=\"password\" peer=198.51.100.7 secure=true connection=42",
        "event=\"sign_in\" outcome=\"refused\" reason=\"wrong_credentials\" login=alice account=1",
        "login=evil\\n\\u{1b}[31m protocol",
        "reason=\"not_secure\"",
        "event=\"password_changed\"",
        "event=\"account_removed\"",
    ] {
        assert!(log.contains(expected), "{expected}\n{log}");
    }
    assert!(
        log.lines()
            .all(|line| line.starts_with("fieldpost::audit ")),
        "{log}"
    );
    for secret in ["secret ", "secret\"", "=secret", "hunter2"] {
        assert!(!log.contains(secret), "{secret}\n{log}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_signs_in_with_every_request_is_told_of_once() {
    let directory = directory().await;
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let levels = || -> Vec<String> {
        let log = std::mem::take(&mut *log.0.lock().unwrap());
        log.lines()
            .map(|line| line.rsplit_once("level=").unwrap().1.to_owned())
            .collect()
    };
    let sign_in = async |protocol, peer, times| {
        let context = SignInContext::new(protocol, peer, true);
        for _ in 0..times {
            directory
                .sign_in("alice", "secret".into(), &context)
                .await
                .unwrap();
        }
    };
    let elsewhere = Some(IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 8)));
    sign_in(Protocol::ActiveSync, AWAY, 3).await;
    assert_eq!(levels(), ["INFO", "DEBUG", "DEBUG"]);
    sign_in(Protocol::ActiveSync, elsewhere, 2).await;
    assert_eq!(levels(), ["INFO", "DEBUG"]);
    tokio::time::advance(Duration::from_hours(12)).await;
    sign_in(Protocol::ActiveSync, AWAY, 2).await;
    assert_eq!(levels(), ["INFO", "DEBUG"]);
    // A connection of these signs in once.
    for protocol in [Protocol::Imap, Protocol::Pop3, Protocol::Submission] {
        sign_in(protocol, AWAY, 2).await;
        assert_eq!(levels(), ["INFO", "INFO"]);
    }
    let wrong = SignInContext::new(Protocol::ActiveSync, AWAY, true);
    for _ in 0..2 {
        let refused = directory.sign_in("alice", "wrong".into(), &wrong).await;
        assert!(refused.is_err());
    }
    assert_eq!(levels(), ["WARN", "WARN"]);
}
