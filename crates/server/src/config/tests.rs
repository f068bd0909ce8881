#![allow(clippy::unwrap_used)]

use std::path::Path;

use super::*;

const FILE: &str = "/etc/fieldpost/fieldpost.toml";

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new(FILE), [])
}

fn parse_with(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::parse(
        text,
        Path::new(FILE),
        environment
            .iter()
            .map(|(name, value)| (name.into(), value.into())),
    )
}

#[test]
fn the_reference_file_is_exactly_the_defaults() {
    assert_eq!(parse(REFERENCE).unwrap(), Config::default());
    assert_eq!(parse("").unwrap(), Config::default());
}

#[test]
fn the_reference_file_mentions_every_key_once_commented_examples_included() {
    for section in known_keys::sections()
        .into_iter()
        .chain(["activesync.policy"])
    {
        let head = if section == "listener" {
            "[[listener]]".to_owned()
        } else {
            format!("[{section}]")
        };
        let from = REFERENCE
            .find(&head)
            .unwrap_or_else(|| panic!("{head} is missing"));
        let body = &REFERENCE[from + head.len()..];
        let end = body.find("\n[").unwrap_or(body.len());
        for key in known_keys::section_keys(section).unwrap() {
            // A section of its own.
            if (section, *key) == ("activesync", "policy") {
                continue;
            }
            assert!(
                body[..end]
                    .lines()
                    .map(|line| line.trim_start_matches(['#', ' ']))
                    .any(|line| line.starts_with(&format!("{key} ="))),
                "{head} does not mention {key}"
            );
        }
    }
}

#[test]
fn an_unknown_key_names_its_line_and_the_nearest_known_one() {
    let error = parse("[server]\nhostname = \"a.example\"\ndata_dri = \"/x\"\n").unwrap_err();
    let text = error.to_string();
    assert!(text.contains("fieldpost.toml:3"), "{text}");
    assert!(
        text.contains("data_dri") && text.contains("data_dir"),
        "{text}"
    );

    let text = parse("\n[sever]\n").unwrap_err().to_string();
    assert!(text.contains(":2") && text.contains("server"), "{text}");

    let text = parse("[[listener]]\nprotocol = \"pop3\"\nadress = \"127.0.0.1:110\"\n")
        .unwrap_err()
        .to_string();
    assert!(
        text.contains(":3") && text.contains("did you mean address?"),
        "{text}"
    );

    let text = parse("[tls]\ncertificates = [{ crt = \"a\", key = \"b\" }]\n")
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("crt") && text.contains("did you mean cert?"),
        "{text}"
    );
}

#[test]
fn a_key_in_the_wrong_section_is_told_where_it_belongs() {
    let text = parse("[server]\ncache = \"1 GiB\"\n")
        .unwrap_err()
        .to_string();
    assert!(text.contains("cache in [store]"), "{text}");
}

#[test]
fn a_wrong_value_names_its_line() {
    let text = parse("[server]\n\ndrain = \"ten\"\n")
        .unwrap_err()
        .to_string();
    assert!(text.contains(":3") && text.contains("\"10s\""), "{text}");
    let text = parse("[store]\nindex = \"rocks\"\n")
        .unwrap_err()
        .to_string();
    assert!(text.contains(":2") && text.contains("sled"), "{text}");
    for (text, says) in [
        ("[quota]\nbytes = -5\n", "\"-5\" is not a size such as"),
        (
            "[server]\ndrain = 10\n",
            "\"10\" is not a length of time such as",
        ),
        ("[server]\ndrain = true\n", "in quotes"),
        (
            "[[listener]]\nprotocol = \"pop3\"\naddress = \"localhost\"\n",
            "\"localhost\" is not an IP address with a port",
        ),
        (
            "[store]\nindex = \"sledd\"\n",
            "did you mean \"sled\"? known: sled, redb",
        ),
        (
            "[[listener]]\nprotocol = \"pop\"\n",
            "did you mean \"pop3\"? known: imap, imaps, pop3, pop3s, lmtp, submission, submissions, https",
        ),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let text = parse("[store\n").unwrap_err().to_string();
    assert!(text.contains(":1"), "{text}");
}

#[test]
fn the_environment_lies_over_the_file() {
    let config = parse_with(
        "[store]\ncache = \"1 GiB\"\n",
        &[
            ("FIELDPOST_STORE__CACHE", "64 MiB"),
            ("FIELDPOST_LIMITS__MAX_CONNECTIONS", "7"),
            ("FIELDPOST_DIRECTORY__ALLOW_PLAIN_IMPORT", "true"),
            ("FIELDPOST_VERSION", "ignored: no section"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(config.store.cache, ByteSize::mebibytes(64));
    assert_eq!(config.limits.max_connections, 7);
    assert!(config.directory.allow_plain_import);

    let text = parse_with("", &[("FIELDPOST_STORE__CASH", "1")])
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("FIELDPOST_STORE__CASH") && text.contains("cache"),
        "{text}"
    );
    let text = parse_with("", &[("FIELDPOST_STORE__CACHE", "lots")])
        .unwrap_err()
        .to_string();
    assert!(text.contains("lots"), "{text}");
    assert!(parse_with("", &[("FIELDPOST_LISTENER__ADDRESS", "1")]).is_err());
}

#[test]
fn relative_paths_count_from_the_files_directory() {
    let config = parse("[server]\ndata_dir = \"data\"\n").unwrap();
    assert_eq!(config.server.data_dir, Path::new("/etc/fieldpost/data"));
    assert_eq!(
        config.control_socket(),
        Path::new("/etc/fieldpost/data/control.sock")
    );
}

#[test]
fn imap_has_a_section_and_listeners() {
    let config = parse(
        "[imap]\nmasks = [\"Outlook without QRESYNC\"]\n[[listener]]\nprotocol = \"imap\"\naddress = \"127.0.0.1:143\"\n",
    )
    .unwrap();
    assert_eq!(config.imap.masks()[0].without, ["QRESYNC"]);
    for (text, says) in [
        ("[imap]\nmasks = [\"Outlook\"]\n", "NAME without CAPABILITY"),
        ("[imap]\nconnections_per_account = 0\n", "at least 1"),
        (
            "[imap]\nmax_command_size = 10\n",
            "between 8 KiB and 16 MiB",
        ),
        ("[imap]\nidle = \"1m\"\n", "idle_"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn listeners_that_cannot_work_are_refused() {
    for (listener, says) in [
        ("protocol = \"pop3\"", "neither address nor unix"),
        (
            "protocol = \"lmtp\"\naddress = \"[::1]:24\"\nunix = \"a\"",
            "both",
        ),
        (
            "protocol = \"pop3s\"\naddress = \"[::1]:995\"\ntls = \"none\"",
            "implicit",
        ),
        (
            "protocol = \"pop3s\"\naddress = \"[::1]:995\"",
            "certificates is empty",
        ),
        (
            "protocol = \"imap\"\naddress = \"[::1]:143\"\ntls = \"implicit\"",
            "imaps",
        ),
        (
            "protocol = \"pop3\"\naddress = \"[::1]:110\"\ntls = \"implicit\"",
            "pop3s",
        ),
        (
            "protocol = \"lmtp\"\nunix = \"a\"\nunix_mode = \"rw\"",
            "octal",
        ),
        (
            "protocol = \"lmtp\"\naddress = \"192.0.2.1:24\"",
            "deliver to every mailbox",
        ),
        (
            "protocol = \"http\"\naddress = \"[::]:8080\"",
            "passwords and mail could be read",
        ),
        (
            "protocol = \"http\"\naddress = \"[::1]:8080\"\ntls = \"implicit\"",
            "https",
        ),
        (
            "protocol = \"lmtp\"\nunix = \"a\"\nmax_connections = 0",
            "at least 1",
        ),
    ] {
        let text = parse(&format!("[[listener]]\n{listener}\n"))
            .unwrap_err()
            .to_string();
        assert!(text.contains(says), "{listener}: {text}");
    }
    let twice = "[[listener]]\nprotocol = \"lmtp\"\naddress = \"[::1]:24\"\n".repeat(2);
    assert!(
        parse(&twice)
            .unwrap_err()
            .to_string()
            .contains("listed twice")
    );
}

#[test]
fn http_and_activesync_have_sections() {
    let config = parse(
        "[http]\ntrusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\nallow_remote = true\n\
         [activesync]\nmax_message_size = \"300 MiB\"\nheartbeat_min = \"5m\"\nrequire_policy = true\n\
         [[listener]]\nprotocol = \"http\"\naddress = \"[::]:8080\"\n",
    )
    .unwrap();
    assert_eq!(config.listeners[0].tls_mode(), TlsMode::None);
    let settings = config.activesync.settings("mx".into());
    assert_eq!(settings.heartbeat, (300, 3540));
    assert!(settings.require_policy && settings.allow_non_provisionable);
    assert_eq!(
        settings.message_memory, settings.max_message,
        "one message always fits"
    );
    for (text, says) in [
        ("[http]\ntrusted_proxies = [\"proxy\"]", "trusted_proxies"),
        ("[activesync]\nmax_devices = 0", "max_devices"),
        ("[activesync]\nheartbeat_max = \"1h\"", "59m"),
        ("[activesync]\nheartbeat_min = \"0s\"", "heartbeat_min"),
        (
            "[activesync]\nheartbeat_min = \"9m\"\nheartbeat_max = \"8m\"",
            "heartbeat_max",
        ),
        ("[activesync]\nmax_message_size = \"0\"", "max_message_size"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn the_policy_is_set_setting_by_setting() {
    let config = parse(
        "[activesync.policy]\ndevice_password_enabled = true\nmin_device_password_length = 6\nallow_bluetooth = \"hands-free\"\n\
         max_inactivity_time_device_lock = \"15m\"\nmax_email_age_filter = \"2 weeks\"\nmax_attachment_size = \"10 MiB\"\n\
         max_email_body_truncation_size = \"100 KiB\"\nallow_html_email = false\n",
    )
    .unwrap();
    let policy = config.activesync.settings("mx".into()).policy;
    let expected = fieldpost_activesync::Policy {
        device_password_enabled: Some(true),
        min_device_password_length: Some(6),
        allow_bluetooth: Some(1),
        max_inactivity_time_device_lock: Some(900),
        max_email_age_filter: Some(4),
        max_attachment_size: Some(10 << 20),
        max_email_body_truncation_size: Some(100),
        allow_html_email: Some(false),
        ..fieldpost_activesync::Policy::default()
    };
    assert_eq!(policy, expected);
    let unset = Config::default().activesync.settings("mx".into()).policy;
    assert_eq!(unset, fieldpost_activesync::Policy::default());
    for (text, says) in [
        ("min_device_password_length = 17", "1 to 16"),
        ("max_device_password_failed_attempts = 3", "4 to 16"),
        ("min_device_password_complex_characters = 5", "1 to 4"),
        ("max_inactivity_time_device_lock = \"3h\"", "9998s"),
        ("max_attachment_size = \"3 GiB\"", "2 GiB"),
        (
            "max_email_age_filter = \"2 week\"",
            "did you mean \"2 weeks\"?",
        ),
        ("allow_bluetooth = \"some\"", "hands-free"),
        ("allow_camra = false", "allow_camera"),
        ("allow_camera = 0", "fieldpost.toml:2"),
    ] {
        let error = parse(&format!("[activesync.policy]\n{text}\n"));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn a_reload_knows_what_changed_and_when_it_counts() {
    let before = Config::default();
    let mut after = before.clone();
    after.log.level = "debug".into();
    after.server.drain = Span::seconds(5);
    let changes = difference(&before, &after);
    assert_eq!(changes.len(), 2);
    assert_eq!(
        (changes[0].key.as_str(), changes[0].effect),
        ("log.level", Effect::Now)
    );
    assert_eq!(
        (
            changes[1].key.as_str(),
            changes[1].before.as_str(),
            changes[1].effect
        ),
        ("server.drain", "\"10s\"", Effect::Restart)
    );
    assert!(difference(&before, &before).is_empty());
}
