//! What the checks must notice: made-up logs and copies, each with one thing wrong, or nothing.

use std::collections::HashMap;

use crate::{
    copies::Copies,
    inbound,
    mail::{self, Ledger, Try},
    outbound,
};

const SENT: &str = "postfix/lmtp[1]: Q1: to=<robert@demo.test>, status=sent (250 2.0.0 delivered)";
const LOST: &str = "postfix/lmtp[1]: Q1: to=<robert@demo.test>, status=deferred \
    (lost connection while sending end of data -- message may be sent more than once)";

/// A try of message 1, which goes to bob's alias in front, with these lives of Postfix, and copies that are told by the life of Postfix,
/// ours, and our transaction.
fn comes_in(logs: &[&[&str]], copies: &[(u32, u32, &str)]) -> inbound::Figures {
    let mut bob = Copies::default();
    for (postfix, ours, id) in copies {
        bob.add(&format!(
            "Received: from life{postfix}.mta.demo.test ([127.0.0.1])\r\n\tby life{ours}.demo.test (fieldpost) with LMTP\r\n\tid {id}; today\r\n\
             Received: from client.test (localhost [127.0.0.1])\r\n\tby mta.demo.test (Postfix) with ESMTP id Q1; today\r\n{}",
            mail::text("1.1", 1, "sender@far.test")
        ));
    }
    let log = inbound::Log::read(&owned(logs));
    let nobody = Copies::default();
    inbound::check(&ledger(1), &[Copies::default(), bob], &nobody, &log)
}

/// A try of message 3, which is submitted to u2@far.test, with these lives of ours, and copies that are told by our life and the id of
/// the Postfix behind.
fn goes_out(logs: &[&[&str]], copies: &[(u32, &str)]) -> outbound::Figures {
    goes_out_from(logs, copies, &["c.1"])
}

/// The same for copies of what came in by these transactions of ours in turn.
fn goes_out_from(logs: &[&[&str]], copies: &[(u32, &str)], came: &[&str]) -> outbound::Figures {
    let mut far = Copies::default();
    for ((ours, id), came) in copies.iter().zip(came.iter().cycle()) {
        far.add(&format!(
            "Received: from life{ours}.demo.test (localhost [127.0.0.1])\r\n\tby mta.demo.test (Postfix) with ESMTPS id {id}\r\n\tfor <u2@far.test>; today\r\n\
             Received: from client.test ([127.0.0.1])\r\n\tby life1.demo.test (fieldpost) with ESMTPA\r\n\tid {came}; today\r\n{}",
            mail::text("3.1", 3, "alice@demo.test")
        ));
    }
    let empty = ["u1@far.test", "u3@far.test"].map(|address| (address, Copies::default()));
    let mut all = HashMap::from(empty);
    all.insert("u2@far.test", far);
    outbound::check(&ledger(3), &all, &outbound::Log::read(&owned(logs)))
}

fn relayed(id: &str) -> String {
    format!(
        "{{\"message\":\"relayed\",\"account\":\"1\",\"entry\":\"7\",\"recipient\":\"u2@far.test\",\"reply\":\"2.0.0 Ok: queued as {id}\"}}"
    )
}

const BROKEN: &str = "{\"message\":\"tried again later\",\"account\":\"1\",\"entry\":\"7\",\"recipient\":\"u2@far.test\",\
    \"refusal\":\"451 4.4.2 localhost: the server closed the connection\"}";

fn ledger(number: u32) -> Ledger {
    let one = Try {
        number,
        is_acknowledged: true,
    };
    let mut ledger = Ledger::default();
    ledger.tries.insert(format!("{number}.1"), one);
    ledger
}

fn owned(logs: &[&[&str]]) -> Vec<Vec<String>> {
    let lines = |lines: &&[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    logs.iter().map(lines).collect()
}

#[test]
fn a_second_copy_after_a_lost_reply_is_explained() {
    comes_in(&[&[SENT]], &[(1, 1, "a.1")]);
    comes_in(&[&[LOST, SENT]], &[(1, 1, "a.1"), (1, 2, "a.1")]);
    comes_in(&[&[], &[SENT]], &[(1, 1, "a.1"), (2, 1, "b.1")]);
    comes_in(&[&[SENT], &[SENT]], &[(1, 1, "a.1"), (2, 1, "b.1")]);
    goes_out(&[&[&relayed("A")]], &[(1, "A")]);
    goes_out(&[&[BROKEN, &relayed("B")]], &[(1, "A"), (1, "B")]);
    goes_out(&[&[], &[&relayed("B")]], &[(1, "A"), (2, "B")]);
    goes_out(&[&[&relayed("A")]], &[(1, "A"), (1, "A")]);
}

#[test]
#[should_panic(expected = "lost: ")]
fn a_message_that_did_not_come_in() {
    comes_in(&[&[SENT]], &[]);
}

#[test]
#[should_panic(expected = "a 250 without a copy")]
fn a_reply_without_a_copy() {
    comes_in(&[&[SENT], &[SENT]], &[(2, 1, "b.1")]);
}

#[test]
#[should_panic(expected = "twice for one")]
fn one_transaction_that_left_two_copies() {
    comes_in(&[&[LOST, SENT]], &[(1, 1, "a.1"), (1, 1, "a.1")]);
}

#[test]
#[should_panic(expected = "more copies than attempts")]
fn a_copy_that_no_attempt_explains() {
    comes_in(&[&[SENT]], &[(1, 1, "a.1"), (1, 1, "a.2")]);
}

#[test]
#[should_panic(expected = "after its 250")]
fn a_delivery_long_after_a_reply() {
    let others: Vec<String> = (2..40)
        .map(|number| SENT.replace("Q1", &format!("Q{number}")))
        .collect();
    let mut first = vec![SENT];
    first.extend(others.iter().map(String::as_str));
    comes_in(&[&first, &[]], &[(1, 1, "a.1"), (2, 1, "b.1")]);
}

#[test]
#[should_panic(expected = "lost: ")]
fn a_message_that_did_not_go_out() {
    goes_out(&[&[BROKEN]], &[]);
}

#[test]
#[should_panic(expected = "is not there")]
fn a_reply_to_us_without_a_copy() {
    goes_out(&[&[], &[&relayed("A"), &relayed("B")]], &[(2, "A")]);
}

#[test]
#[should_panic(expected = "more than attempts without a reply")]
fn a_message_behind_that_no_attempt_explains() {
    goes_out(&[&[&relayed("A")]], &[(1, "A"), (1, "B")]);
}

#[test]
#[should_panic(expected = "after its reply")]
fn a_message_that_we_sent_again_after_its_reply() {
    goes_out(&[&[&relayed("A"), &relayed("B")]], &[(1, "A"), (1, "B")]);
}

#[test]
#[should_panic(expected = "submitted once")]
fn a_message_that_was_submitted_once_and_taken_twice() {
    let logs = [relayed("A"), relayed("B")];
    let logs = [logs[0].as_str(), &logs[1]];
    goes_out_from(&[&logs], &[(1, "A"), (1, "B")], &["c.1", "c.2"]);
}
