//! Groups and the queue at the command line.
#![allow(clippy::unwrap_used)]

mod support;

use support::{Site, succeeded};

#[test]
fn mail_to_a_group_reaches_its_members_and_waits_for_those_elsewhere() {
    // Nobody listens there, so what is for others waits.
    let site = Site::new("[relay]\nsmarthost = \"127.0.0.1:1\"\ntls = \"off\"\n");
    for name in ["anna", "bo"] {
        site.add(&format!("{name}@example.org"), "a long enough password");
    }
    site.ok(&[
        "group",
        "add",
        "team@example.org",
        "--member",
        "anna@example.org",
        "--member",
        "far@example.net",
        "--senders",
        "members",
    ]);
    site.fails(5, &["group", "add", "anna@example.org"]);
    site.fails(5, &["account", "add", "team@example.org", "--no-password"]);
    site.fails(
        4,
        &["group", "set", "nobody@example.org", "--description", "x"],
    );
    site.ok(&[
        "group",
        "set",
        "TEAM@example.org",
        "--add-member",
        "bo@example.org",
    ]);
    let groups = site.json(&["group", "list"]);
    assert_eq!(groups[0]["members"].as_array().unwrap().len(), 3);
    assert_eq!(groups[0]["senders"][0], "members");

    let deliver = |sender: &str| {
        let arguments = ["deliver", "team@example.org", "--sender", sender];
        site.run_with(&arguments, b"Subject: hello\n\nHello.\n")
    };
    assert_eq!(deliver("stranger@example.net").status.code(), Some(67));
    succeeded(&deliver("bo@example.org"));
    for name in ["anna", "bo"] {
        let shown = site.json(&["account", "show", &format!("{name}@example.org")]);
        assert_eq!(shown["used_items"], 1, "{name}");
    }

    let queue = site.json(&["queue", "list", "--to", "example.net"]);
    let id = queue[0]["id"].as_str().unwrap();
    assert_eq!(queue[0]["recipients"][0]["address"], "far@example.net");
    assert_eq!(
        site.json(&["queue", "list", "--to", "example.org"])
            .to_string(),
        "[]"
    );
    assert_eq!(site.json(&["queue", "hold", id])["messages"], 1);
    assert!(site.ok(&["queue", "show", id]).contains("held"));
    assert_eq!(site.json(&["queue", "retry", "--all"])["messages"], 1);
    assert_eq!(site.json(&["queue", "show", id])["held"], false);
    assert_eq!(site.json(&["queue", "drop", id])["messages"], 1);
    site.fails(4, &["queue", "show", id]);
    site.fails(2, &["queue", "show", "what"]);
    site.fails(2, &["queue", "drop"]);
    site.ok(&["group", "remove", "team@example.org"]);
    assert_eq!(deliver("bo@example.org").status.code(), Some(67));
    site.ok(&["fsck"]);
}

/// What an account has in the queue goes with it.
#[test]
fn a_removed_account_leaves_nothing_in_the_queue() {
    let site = Site::new("[relay]\nsmarthost = \"127.0.0.1:1\"\ntls = \"off\"\n");
    let error = Site::new("[relay]\nsmarthost = \"nowhere\"\n").fails(3, &["account", "list"]);
    assert!(error.contains("host:port"), "{error}");
    site.add("anna@example.org", "a long enough password");
    site.add("bo@example.org", "a long enough password");
    site.ok(&[
        "account",
        "set",
        "anna@example.org",
        "--add-send-as",
        "bo@example.org",
    ]);
    site.fails(
        4,
        &[
            "account",
            "set",
            "anna@example.org",
            "--add-send-on-behalf",
            "x@example.org",
        ],
    );
    assert_eq!(site.json(&["queue", "list"]).to_string(), "[]");
    site.ok(&["account", "remove", "anna@example.org", "--yes"]);
}
