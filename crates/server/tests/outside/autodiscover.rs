//! `fieldpost check autodiscover`

use std::process::Output;

use serde_json::Value;

use crate::{
    names::Names,
    support::{Server, Site},
};

const PASSWORD: &str = "correct horse 9";

fn started() -> (Site, Server) {
    let site = Site::new(
        "[tls]\ncertificates = [{ cert = \"server.crt\", key = \"server.key\" }]\n\
         [[listener]]\nprotocol = \"https\"\naddress = \"127.0.0.1:0\"\n\
         [[listener]]\nprotocol = \"imaps\"\naddress = \"127.0.0.1:0\"\n",
    );
    site.certificate(
        "server",
        &[
            "mail.test",
            "example.org",
            "autodiscover.example.org",
            "autoconfig.example.org",
        ],
    );
    site.add("anna@example.org", PASSWORD);
    let server = site.serve();
    (site, server)
}

fn check(site: &Site, more: &[&str]) -> Output {
    let mut arguments = vec!["--json", "check", "autodiscover", "anna@example.org"];
    arguments.extend(more);
    site.run_with(&arguments, format!("{PASSWORD}\n").as_bytes())
}

/// How each way went, and what came.
fn ways(output: &Output) -> Vec<(String, String)> {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let ways = report["ways"].as_array().unwrap().iter();
    ways.map(|way| (text(&way["outcome"]), text(&way["came"])))
        .collect()
}

fn outcomes(output: &Output) -> Vec<String> {
    ways(output)
        .into_iter()
        .map(|(outcome, _)| outcome)
        .collect()
}

#[test]
fn programs_find_the_server_before_dns_leads_there() {
    let (site, server) = started();
    let to = server.address("https").to_string();
    let connect = ["--connect", &to, "--ca-file", "ca.crt"];
    let output = check(&site, &connect);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let found = ways(&output);
    assert_eq!(found[0], ("found".into(), "asks for the password".into()));
    assert_eq!(
        outcomes(&output),
        [
            "found", "found", "skipped", "skipped", "found", "found", "found"
        ]
    );
    assert!(found[5].1.contains("mail.test"), "{found:?}");

    let output = check(&site, &[&connect[..], &["--password-stdin"]].concat());
    assert!(
        ways(&output)[0].1.contains("/Microsoft-Server-ActiveSync"),
        "{output:?}"
    );
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_a_problem_with_a_next_step() {
    let (site, server) = started();
    let to = server.address("https").to_string();
    site.certificate("other", &["other.test"]);
    // Its own certificate is no authority's.
    let output = check(&site, &["--connect", &to, "--ca-file", "other.crt"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ways"][0]["outcome"], "problem");
    assert!(
        report["ways"][0]["next_step"]
            .as_str()
            .unwrap()
            .contains("certificate for this name")
    );
    let output = check(&site, &["--connect", &to, "--insecure"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

/// Where nothing listens at the host names themselves, the SRV record leads there.
#[test]
fn a_service_record_leads_to_any_port() {
    let (site, server) = started();
    let names = Names::start();
    let port = server.address("https").port();
    names.add("mail.test. IN A 127.0.0.1");
    names.add(&format!(
        "_autodiscover._tcp.example.org. IN SRV 0 0 {port} mail.test."
    ));
    let dns = names.address();
    let output = check(
        &site,
        &[
            "--dns-server",
            &dns,
            "--ca-file",
            "ca.crt",
            "--password-stdin",
        ],
    );
    // Thunderbird knows no such record.
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["lost"], serde_json::json!(["Thunderbird"]));
    assert_eq!(
        outcomes(&output),
        [
            "absent", "absent", "absent", "found", "absent", "absent", "absent"
        ]
    );
}
