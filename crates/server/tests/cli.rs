//! Commands without a server: what they print, what they change, how they end.
#![allow(clippy::unwrap_used)]

mod support;

use support::{Site, succeeded};

#[test]
fn accounts_are_added_changed_listed_and_removed() {
    let site = Site::new("");
    site.add("anna@example.org", "a long enough password");
    let error = site.fails(5, &["account", "add", "ANNA@example.org", "--no-password"]);
    assert!(
        error.contains("already") && error.contains("next:"),
        "{error}"
    );

    let generated = site.json(&[
        "account",
        "add",
        "bo@example.org",
        "--generate",
        "--alias",
        "b@example.org",
        "--quota-bytes",
        "1 MiB",
    ]);
    assert!(generated["password"].as_str().unwrap().len() > 20);

    let list = site.json(&["account", "list"]);
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert_eq!(list[1]["aliases"][0], "b@example.org");
    assert!(!list.to_string().contains("password"));

    site.ok(&[
        "account",
        "set",
        "b@example.org",
        "--display-name",
        "Bo Ek",
        "--disable",
        "--quota-items",
        "7",
        "--without",
        "pop3",
    ]);
    for (save_sent, told) in [("yes", "true"), ("no", "false"), ("default", "null")] {
        site.ok(&["account", "set", "b@example.org", "--save-sent", save_sent]);
        let shown = site.json(&["account", "show", "bo@example.org"]);
        assert_eq!(shown["save_sent"].to_string(), told);
    }
    let shown = site.json(&["account", "show", "bo@example.org"]);
    assert_eq!(shown["display_name"], "Bo Ek");
    assert_eq!(shown["enabled"], false);
    assert_eq!(shown["quota_items"], 7);
    assert_eq!(shown["quota_bytes"], 1 << 20);
    assert!(!shown["protocols"].to_string().contains("pop3"));

    let folders = site.json(&["folder", "list", "bo@example.org"]);
    assert!(
        folders
            .as_array()
            .unwrap()
            .iter()
            .any(|folder| folder["path"] == "INBOX")
    );

    let remove = |code, address| {
        site.fails(
            code,
            &[
                "account",
                "set",
                "bo@example.org",
                "--remove-alias",
                address,
            ],
        )
    };
    let error = remove(4, "c@example.org");
    assert!(error.contains("has no address c@example.org"), "{error}");
    let error = remove(2, "BO@example.org");
    assert!(error.contains("primary address"), "{error}");
    site.ok(&[
        "account",
        "set",
        "bo@example.org",
        "--remove-alias",
        "b@example.org",
    ]);

    // Asks first; without a terminal the answer is no.
    let office = [
        "account",
        "set",
        "bo@example.org",
        "--add-send-on-behalf",
        "anna@example.org",
    ];
    site.ok(&office);
    let shown = site.json(&["account", "show", "bo@example.org"]);
    assert_eq!(shown["send_on_behalf"][0], "anna@example.org");
    assert_eq!(shown["send_as"].to_string(), "[]");
    let shown = site.ok(&["account", "show", "bo@example.org"]);
    let mut lines = shown.lines();
    assert!(
        lines.any(|line| line.starts_with("send on behalf ") && line.ends_with("anna@example.org")),
        "{shown}"
    );
    let error = site.fails(2, &["account", "remove", "bo@example.org"]);
    assert!(error.contains("--yes"), "{error}");
    site.ok(&["account", "remove", "bo@example.org", "--yes"]);
    let error = site.fails(4, &["account", "show", "bo@example.org"]);
    assert!(error.contains("fieldpost account list"), "{error}");
}

#[test]
fn wrong_use_names_what_would_be_right() {
    let site = Site::new("");
    site.fails(2, &["acount", "list"]);
    site.fails(2, &["account", "set", "anna@example.org"]);
    let error = site.fails(2, &["account", "add", "not an address", "--no-password"]);
    assert!(error.contains("not an address"), "{error}");
    let error = site.fails(2, &["account", "add", "a@example.org"]);
    assert!(error.contains("--password-stdin"), "{error}");
    site.configure("[lmpt]\n");
    let error = site.fails(3, &["account", "list"]);
    assert!(error.contains("did you mean lmtp?"), "{error}");
    let output = std::process::Command::new(support::FIELDPOST)
        .args(["--config", "/nonexistent/fieldpost.toml", "check"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("fieldpost init"));
}

#[test]
fn failures_are_json_where_answers_are() {
    let site = Site::new("");
    let error = site.fails(4, &["--json", "account", "show", "nobody@example.org"]);
    let failure: serde_json::Value = serde_json::from_str(&error).unwrap();
    assert_eq!(failure["kind"], "not-found");
}

#[test]
fn an_absence_is_set_shown_and_ended_and_colleagues_are_answered() {
    let site = Site::new("");
    let (anna, ben) = ("anna@example.org", "ben@example.org");
    site.add(anna, "a long enough password");
    site.add(ben, "a long enough password");
    let setting = ["account", "out-of-office", anna];
    assert!(site.ok(&setting).contains("nobody is answered"));
    let error = site.fails(2, &[&setting[..], &["--on"]].concat());
    assert!(error.contains("--message"), "{error}");
    let on = [
        "--on",
        "--message",
        "Back on Monday.",
        "--audience",
        "colleagues",
    ];
    let said = site.ok(&[&setting[..], &on].concat());
    assert!(said.contains("Back on Monday."), "{said}");
    let mail = b"From: ben@example.org\r\nTo: anna@example.org\r\nSubject: x\r\n\r\ny\r\n";
    for _ in 0..2 {
        let done = site.run_with(&["deliver", anna, "--sender", ben], mail);
        assert!(done.status.success(), "{done:?}");
    }
    assert_eq!(site.json(&["account", "show", ben])["used_items"], 1);
    let dates = ["--from", "2026-12-20", "--until", "2027-01-04T08:00:00Z"];
    let said = site.ok(&[&setting[..], &dates].concat());
    assert!(
        said.contains("from 2026-12-20T00:00:00Z until 2027-01-04T08:00:00Z"),
        "{said}"
    );
    site.ok(&[&setting[..], &["--off"]].concat());
    assert_eq!(site.json(&setting)["state"], "off");
    assert_eq!(site.json(&setting)["message"], "Back on Monday.");
}

#[test]
fn a_passwd_file_is_taken_over_line_by_line() {
    let site = Site::new("");
    let file = site.path().join("users");
    std::fs::write(
        &file,
        "# two users and a locked one\n\
         anna@example.org:{SSHA}k1YbFlYYhFJU1lBkVLUxLHBwuSRzYWx0:::Anna:::userdb_quota_rule=*:storage=2G\n\
         bo@example.org:{NOSUCH}x::::::\n",
    )
    .unwrap();
    let answer = site.json(&["account", "import", file.to_str().unwrap()]);
    let skipped = answer["skipped"].as_array().unwrap();
    assert!(skipped.iter().any(|line| line["line"] == 3), "{answer}");
    assert_eq!(answer["taken"].as_u64().unwrap() + skipped.len() as u64, 2);
}

#[test]
fn deliver_ends_as_an_mta_expects() {
    let site = Site::new("");
    site.add("anna@example.org", "a long enough password");
    let deliver = |arguments: &[&str], input: &[u8]| {
        let mut all = vec!["deliver"];
        all.extend(arguments);
        site.run_with(&all, input)
    };
    let message = b"Subject: x\n\nbody\n";
    succeeded(&deliver(
        &["anna@example.org", "--sender", "bo@example.net"],
        message,
    ));
    assert_eq!(
        deliver(&["nobody@example.org"], message).status.code(),
        Some(67)
    );
    assert_eq!(deliver(&["anna@example.org"], b"").status.code(), Some(2));
    site.configure("[lmtp]\nmax_message_size = \"64 KiB\"\n");
    let output = deliver(&["anna@example.org"], &b"0123456789abcde\n".repeat(40_000));
    assert_eq!(output.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&output.stdout).contains("552 5.3.4"));
    site.configure("");
    site.ok(&["account", "set", "anna@example.org", "--quota-items", "1"]);
    assert_eq!(
        deliver(&["anna@example.org"], message).status.code(),
        Some(75)
    );
    let shown = site.json(&["account", "show", "anna@example.org"]);
    assert_eq!(shown["used_items"], 1);
}

#[test]
fn mail_goes_out_to_mbox_and_maildir_and_comes_back_the_same() {
    let site = Site::new("");
    site.add("anna@example.org", "a long enough password");
    site.add("bo@example.org", "a long enough password");
    site.add("cy@example.org", "a long enough password");
    for number in 0..5 {
        let message = format!("Subject: {number}\n\nFrom here\n>From there\n\nend {number}\n");
        succeeded(&site.run_with(&["deliver", "anna@example.org"], message.as_bytes()));
    }
    let mbox = site.path().join("out.mbox");
    let mbox = mbox.to_str().unwrap();
    site.ok(&["export", "anna@example.org", "--mbox", mbox]);
    site.fails(5, &["export", "anna@example.org", "--mbox", mbox]);
    let maildir = site.path().join("out");
    let maildir = maildir.to_str().unwrap();
    site.ok(&["export", "anna@example.org", "--maildir", maildir]);
    assert_eq!(
        std::fs::read_dir(site.path().join("out/cur"))
            .unwrap()
            .count(),
        5
    );

    site.ok(&["import", "bo@example.org", "--mbox", mbox]);
    // It is the same mail: nothing comes twice.
    site.ok(&["import", "bo@example.org", "--maildir", maildir]);
    site.ok(&["import", "cy@example.org", "--maildir", maildir]);
    assert_eq!(
        site.json(&["account", "show", "cy@example.org"])["used_items"],
        5
    );
    site.ok(&[
        "import",
        "bo@example.org",
        "--mbox",
        mbox,
        "--folder",
        "Old/2026",
    ]);
    let folders = site.json(&["folder", "list", "bo@example.org"]);
    let items = |path: &str| {
        folders
            .as_array()
            .unwrap()
            .iter()
            .find(|folder| folder["path"] == path)
            .unwrap()["items"]
            .clone()
    };
    assert_eq!((items("INBOX"), items("Old/2026")), (5.into(), 5.into()));

    let again = site.path().join("again.mbox");
    site.ok(&[
        "export",
        "bo@example.org",
        "--mbox",
        again.to_str().unwrap(),
        "--folder",
        "Old/2026",
    ]);
    // Whether a folder takes over a uid_validity that was given on the same day here is its own business.
    let text = |path: &str| {
        let text = std::fs::read_to_string(path).unwrap();
        let lines = text
            .lines()
            .map(|line| match line.strip_prefix("X-IMAPbase: ") {
                Some(_) => "X-IMAPbase",
                None => line,
            });
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(text(mbox), text(again.to_str().unwrap()));
    site.fails(
        4,
        &[
            "export",
            "bo@example.org",
            "--mbox",
            "x",
            "--folder",
            "None",
        ],
    );
}

#[test]
fn a_failed_export_or_import_leaves_nothing_behind() {
    let site = Site::new("");
    site.add("anna@example.org", "a long enough password");
    for target in ["--mbox", "--maildir"] {
        site.fails(4, &["export", "nobody@example.org", target, "out"]);
        site.fails(
            4,
            &[
                "export",
                "anna@example.org",
                target,
                "out",
                "--folder",
                "None",
            ],
        );
        assert!(!site.path().join("out").exists(), "{target}");
    }
    site.ok(&["export", "anna@example.org", "--mbox", "out"]);

    let mbox = site.path().join("in.mbox");
    std::fs::write(&mbox, "From a@b Thu Jan  1 00:00:07 1970\n\nx\n").unwrap();
    let import = |folder: &str| {
        site.fails(
            2,
            &[
                "import",
                "anna@example.org",
                "--mbox",
                "in.mbox",
                "--folder",
                folder,
            ],
        )
    };
    let error = import("a//b");
    assert!(error.contains("needs a name"), "{error}");
    let error = import("Calendar");
    assert!(error.contains("no folder for mail"), "{error}");
    let folders = site.json(&["folder", "list", "anna@example.org"]);
    assert!(
        folders
            .as_array()
            .unwrap()
            .iter()
            .all(|folder| folder["path"] != "a")
    );
}

#[test]
fn a_message_that_cannot_be_read_is_left_out_of_an_export() {
    let site = Site::new("");
    site.add("anna@example.org", "a long enough password");
    let line = "x".repeat(70);
    for number in 0..2 {
        let body = format!("{line}\n").repeat(5_000);
        let message = format!("Subject: number {number}\n\n{body}marked-{number}-here\n");
        succeeded(&site.run_with(&["deliver", "anna@example.org"], message.as_bytes()));
    }
    let mut flipped = 0;
    for entry in std::fs::read_dir(site.path().join("data/store/log")).unwrap() {
        let file = entry.unwrap().path();
        let mut bytes = std::fs::read(&file).unwrap();
        if let Some(place) = bytes
            .windows(13)
            .position(|window| window == b"marked-0-here")
        {
            bytes[place] ^= 0x20;
            std::fs::write(&file, bytes).unwrap();
            flipped += 1;
        }
    }
    assert_eq!(flipped, 1);
    site.fails(7, &["export", "anna@example.org", "--mbox", "out.mbox"]);
    let text = std::fs::read_to_string(site.path().join("out.mbox")).unwrap();
    assert!(!text.contains("Subject: number 0"));
    assert!(text.ends_with("marked-1-here\n\n"));
    site.fails(7, &["export", "anna@example.org", "--maildir", "out"]);
    for (part, count) in [("cur", 1), ("tmp", 0)] {
        let entries = std::fs::read_dir(site.path().join("out").join(part)).unwrap();
        assert_eq!(entries.count(), count, "{part}");
    }
}

#[test]
fn a_slip_in_the_log_level_is_no_silence() {
    let site = Site::new("level = \"inof\"\n");
    for command in ["serve", "check"] {
        let error = site.fails(3, &[command]);
        assert!(error.contains("did you mean info?"), "{error}");
    }
}

#[test]
fn init_writes_a_configuration_that_check_accepts_and_overwrites_nothing() {
    let site = Site::new("");
    site.certificate("server", &["mail.example.org"]);
    let directory = site.path().join("etc");
    let arguments = [
        "init",
        "etc",
        "--hostname",
        "mail.example.org",
        "--data-dir",
        "var",
        "--cert",
        "server.crt",
        "--key",
        "server.key",
    ];
    let said = site.ok(&arguments);
    assert!(said.contains("next: fieldpost check"), "{said}");
    assert!(site.fails(5, &arguments).contains("exists already"));
    let config = directory.join("fieldpost.toml");
    let output = std::process::Command::new(support::FIELDPOST)
        .args(["check", "--json", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "{report}");
    assert_eq!(report["hostname"], "mail.example.org");
    assert_eq!(report["listeners"].as_array().unwrap().len(), 8);
    assert_eq!(report["certificates"][0]["names"][0], "mail.example.org");
    assert!(report["certificates"][0]["days_left"].as_i64().unwrap() > 300);
}

#[test]
fn check_tells_what_would_go_wrong() {
    let site =
        Site::new("[tls]\ncertificates = [{ cert = \"missing.crt\", key = \"missing.key\" }]\n");
    let output = site.run(&["check"]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("missing.crt") && said.contains("next: add a [[listener]]"),
        "{said}"
    );

    // 192.0.2.0/24 is nobody's (RFC 5737); the other address somebody has.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    site.configure(&format!(
        "[[listener]]\nprotocol = \"pop3\"\naddress = \"192.0.2.1:1110\"\n\
         [[listener]]\nprotocol = \"pop3\"\naddress = \"{}\"\n",
        other.local_addr().unwrap()
    ));
    let output = site.run(&["check", "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["errors"].as_array().unwrap().len(), 2, "{report}");
    assert!(report["errors"][0].as_str().unwrap().contains("192.0.2.1"));
    assert_eq!(report["listeners"][0]["tls"], "none");

    site.certificate("server", &["a.example"]);
    std::fs::create_dir(site.path().join("data")).unwrap();
    site.configure(
        "[tls]\ncertificates = [{ cert = \"server.crt\", key = \"server.key\" }]\n\
         [[listener]]\nprotocol = \"lmtp\"\nunix = \"nowhere/lmtp.sock\"\n",
    );
    let output = site.run(&["check"]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("chmod 0700") && said.contains("chmod 0640"),
        "{said}"
    );
    assert!(said.contains("nowhere does not exist"), "{said}");
}

#[test]
fn completions_and_man_pages_are_made() {
    let site = Site::new("");
    assert!(site.ok(&["completions", "bash"]).contains("fieldpost"));
    site.ok(&["man", "man"]);
    assert!(site.path().join("man/fieldpost-account-add.1").exists());
    assert!(site.ok(&["--version"]).starts_with("fieldpost "));
}
