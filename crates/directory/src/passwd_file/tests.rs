use super::*;
use crate::{Argon2Cost, Protocol, Settings, SignInContext, SignInError};
use fieldpost_store::MemoryStore;
use proptest::prelude::*;

const HASH: &str = "{SSHA}8A0Z+ErlkRLcY7Iv6K0Qj2HX88UhXplM";

async fn directory() -> Arc<Directory> {
    let settings = Settings {
        argon2: Argon2Cost::CHEAPEST,
        scram_iterations: 4096,
        ..Settings::default()
    };
    Directory::open(MemoryStore::new(), settings).await.unwrap()
}

async fn import(directory: &Arc<Directory>, file: &str, options: ImportOptions) -> Import {
    let file = std::io::Cursor::new(file.as_bytes().to_vec());
    directory.import_passwd_file(file, options).await.unwrap()
}

fn parsed(line: &str) -> Result<ParsedLine, Skipped> {
    let options = ImportOptions {
        default_domain: Some("demo.test".into()),
        allow_plain: true,
        replace_passwords: false,
    };
    parse_line(line.as_bytes(), &options)
        .unwrap()
        .map_err(|(_, reason)| reason)
}

#[test]
fn fields_of_a_line() {
    let line = parsed(&format!(
        "Alice@Demo.test:{HASH}:1000:1000:Alice Example,Room 3:/home/alice:/bin/sh:userdb_quota_rule=*:storage=1G:messages=50 proxy=y userdb_mail=sdbox:~/x nologin"
    ))
    .unwrap();
    assert_eq!(line.address.as_str(), "alice@demo.test");
    assert_eq!(line.display_name, "Alice Example");
    assert!(!line.enabled);
    assert_eq!(
        line.quota,
        Some(Quota {
            bytes: Some(1 << 30),
            messages: Some(50)
        })
    );
    assert_eq!(line.ignored, ["proxy", "userdb_mail"]);

    let short = parsed(&format!("bob:{HASH}\r")).unwrap();
    assert_eq!(short.address.as_str(), "bob@demo.test");
    assert!(short.enabled);
    assert_eq!(short.quota, None);

    let quota = |field: &str| parsed(&format!("bob:{HASH}::::::{field}")).unwrap().quota;
    assert_eq!(
        quota("userdb_quota_rule=*:storage=100"),
        Some(Quota {
            bytes: Some(102_400),
            messages: None
        })
    );
    assert_eq!(
        quota("userdb_quota_rule=*:bytes=100M"),
        Some(Quota {
            bytes: Some(100 << 20),
            messages: None
        })
    );
    assert_eq!(
        quota("userdb_quota_storage_size=2GB userdb_quota_message_count=9"),
        Some(Quota {
            bytes: Some(2 << 30),
            messages: Some(9)
        })
    );
    for odd in [
        "Trash:storage=1G",
        "*:storage=1X",
        "*:storage=99999999999T",
        "*:ignore",
        "",
    ] {
        assert_eq!(quota(&format!("userdb_quota_rule={odd}")), None, "{odd}");
    }
}

#[test]
fn lines_that_are_none_and_lines_that_are_wrong() {
    let options = ImportOptions::default();
    for line in ["", "  ", "# comment", "#alice:x"] {
        assert!(parse_line(line.as_bytes(), &options).is_none());
    }
    for (line, reason) in [
        ("alice", Skipped::NoFields),
        (":{PLAIN}x", Skipped::NoFields),
        ("a b:{PLAIN}x", Skipped::Address(AddressError::LocalPart)),
        ("alice@:{PLAIN}x", Skipped::Address(AddressError::Domain)),
        ("alice:", Skipped::NoPassword),
        ("alice::::", Skipped::NoPassword),
        ("alice:{WHAT}x", Skipped::Scheme),
        ("alice:{SSHA}x", Skipped::Hash),
        ("alice:{PLAIN}a\u{1}b", Skipped::UnusablePassword),
    ] {
        assert_eq!(parsed(line), Err(reason), "{line}");
    }
    let (_, reason) = parse_line(b"alice:{PLAIN}x", &options)
        .unwrap()
        .unwrap_err();
    assert_eq!(reason, Skipped::NoDomain);
    let (_, reason) = parse_line(b"a@b.test:{PLAIN}x", &options)
        .unwrap()
        .unwrap_err();
    assert_eq!(reason, Skipped::Plain);
    let (_, reason) = parse_line(b"a@b.test:\xff", &options).unwrap().unwrap_err();
    assert_eq!(reason, Skipped::NotUtf8);
    let (_, reason) = parse_line(&[b'a'; MAX_PASSWD_LINE + 1], &options)
        .unwrap()
        .unwrap_err();
    assert_eq!(reason, Skipped::TooLong);
}

#[tokio::test]
async fn a_file_is_imported_line_by_line_and_its_users_sign_in() {
    let directory = directory().await;
    let file = format!(
        "# users\n\
         alice@demo.test:{HASH}::::::userdb_quota_rule=*:storage=1M\n\
         bob@demo.test:{{PLAIN}}open sesame\n\
         \n\
         nobody\n\
         Alice@Demo.Test:{HASH}\n\
         {long}\n\
         carol@other.test:$6$YTcwhWD9TgVnTVxa$vocWV1JJdc7h.0qGIXRVV2qh/NW.B39z0nDijVVg.B67GjEII5y7d68z4lAgIMS2/scLW6cttrAA8uKCr1uu..",
        long = "x".repeat(100_000)
    );
    let options = ImportOptions {
        allow_plain: true,
        ..ImportOptions::default()
    };
    let import = import(&directory, &file, options).await;
    let short: Vec<_> = import
        .lines
        .iter()
        .map(|(number, line)| match line {
            Line::Taken(taken) => (*number, taken.address.to_string(), None),
            Line::Skipped { user, reason } => (*number, user.clone(), Some(*reason)),
        })
        .collect();
    assert_eq!(
        short,
        [
            (2, "alice@demo.test".into(), None),
            (3, "bob@demo.test".into(), None),
            (5, "nobody".into(), Some(Skipped::NoFields)),
            (6, "alice@demo.test".into(), Some(Skipped::Exists)),
            (7, String::new(), Some(Skipped::TooLong)),
            (8, "carol@other.test".into(), None),
        ]
    );
    assert!(directory.is_local_domain("other.test"));
    let context = SignInContext::new(Protocol::Pop3, None, true);
    for (login, password) in [
        ("alice@demo.test", "correct horse"),
        ("bob", "open sesame"),
        ("carol", "correct horse"),
    ] {
        let identity = directory
            .sign_in(login, Secret::from(password), &context)
            .await
            .unwrap();
        assert_eq!(
            directory.resolve_login(login.as_bytes()),
            Some(identity.account)
        );
        let wrong = directory
            .sign_in(login, Secret::from("wrong"), &context)
            .await;
        assert!(matches!(wrong, Err(SignInError::WrongCredentials { .. })));
    }
}

#[tokio::test]
async fn existing_accounts_keep_their_password_unless_it_is_to_be_replaced() {
    let directory = directory().await;
    let plain = |password: &str| format!("alice@demo.test:{{PLAIN}}{password}\n");
    let mut options = ImportOptions {
        allow_plain: true,
        ..ImportOptions::default()
    };
    import(&directory, &plain("one"), options.clone()).await;
    let second = import(&directory, &plain("two"), options.clone()).await;
    assert!(matches!(
        second.lines[0].1,
        Line::Skipped {
            reason: Skipped::Exists,
            ..
        }
    ));
    let context = SignInContext::new(Protocol::Pop3, None, true);
    let sign_in = async |password: &str| {
        directory
            .sign_in("alice", Secret::from(password), &context)
            .await
            .is_ok()
    };
    assert!(sign_in("one").await);
    options.replace_passwords = true;
    let third = import(&directory, &plain("three"), options).await;
    assert!(matches!(&third.lines[0].1, Line::Taken(taken) if taken.replaced));
    assert!(sign_in("three").await);
    assert!(!sign_in("one").await);
    assert_eq!(directory.accounts(), 1);
}

#[tokio::test]
async fn many_lines_come_in_batches_and_a_file_that_can_not_be_read_keeps_what_was_read() {
    struct Fails(std::io::Cursor<Vec<u8>>);
    impl Read for Fails {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(std::io::Error::other("disk on fire")),
                some => Ok(some),
            }
        }
    }
    let directory = directory().await;
    let file = (0..BATCH * 2 + 10).fold(String::new(), |file, number| {
        file + &format!("user{number}@demo.test:{HASH}\n")
    });
    let error = directory
        .import_passwd_file(
            Fails(std::io::Cursor::new(file.into_bytes())),
            ImportOptions::default(),
        )
        .await
        .unwrap_err();
    assert!(
        matches!(error, DirectoryError::PasswdFile { line: 522, .. }),
        "{error}"
    );
    assert_eq!(directory.accounts(), BATCH * 2 + 10);
}

proptest! {
    #[test]
    fn no_line_panics(line in "\\PC{0,80}|[a-z@.]{1,20}:(\\{[A-Z0-9-]{1,12}\\})?[ -~]{0,60}(:[ -~]{0,20}){0,7}") {
        let options = ImportOptions { default_domain: Some("demo.test".into()), allow_plain: true, replace_passwords: false };
        let _ = parse_line(line.as_bytes(), &options);
    }
}
