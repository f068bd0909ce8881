//! The demo server beside Dovecot: both get the same commands, and answers that differ are those that `docs/imap-differences.md` tells
//! of, with the reason. `FIELDPOST_WRITE_DIFFERENCES=1` writes that file anew.
#![allow(clippy::unwrap_used)]

#[path = "imap_beside_dovecot/client.rs"]
mod client;
#[path = "imap_beside_dovecot/mails.rs"]
mod mails;
#[path = "imap_beside_dovecot/normal.rs"]
mod normal;
#[path = "imap_beside_dovecot/reasons.rs"]
mod reasons;
#[path = "imap_beside_dovecot/script.rs"]
mod script;

use std::{collections::BTreeMap, env, fmt::Write, fs};

use fieldpost_tests::{Demo, Dovecot};

use crate::{
    reasons::{EVERYWHERE, REASONS},
    script::{Server, Step},
};

/// A command whose answers differ.
struct Difference<'a> {
    step: &'a Step,
    ours: Vec<String>,
    theirs: Vec<String>,
}

#[test]
fn answers_as_dovecot_does_or_differs_for_a_reason() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Demo::start(&directory.path().join("demo"));
    let (user, password) = demo.account(1);
    let room = tempfile::tempdir().unwrap();
    let dovecot = Dovecot::start(room.path());
    let ours = Server {
        address: demo.address("imap"),
        user: user.clone(),
        password,
    };
    let theirs = Server {
        address: dovecot.address.clone(),
        user,
        password: Dovecot::PASSWORD.to_owned(),
    };
    let steps = script::steps();
    let (our_answers, their_answers) = std::thread::scope(|scope| {
        let ours = scope.spawn(|| script::run(&ours, &steps));
        let theirs = scope.spawn(|| script::run(&theirs, &steps));
        (ours.join().unwrap(), theirs.join().unwrap())
    });
    let commands = steps
        .iter()
        .filter(|step| !step.command.starts_with(['=', '@']))
        .count();
    assert!(commands >= 300, "only {commands} commands");

    let mut seen_everywhere = vec![0usize; EVERYWHERE.len()];
    let mut differences = Vec::new();
    for ((step, ours), theirs) in steps.iter().zip(&our_answers).zip(&their_answers) {
        let mut ours = ours.clone();
        let mut theirs = theirs.clone();
        for (count, rule) in seen_everywhere.iter_mut().zip(EVERYWHERE) {
            *count += (rule.apply)(&mut ours) + (rule.apply)(&mut theirs);
        }
        let (ours, theirs) = (without(&ours, &theirs), without(&theirs, &ours));
        if !(ours.is_empty() && theirs.is_empty()) {
            differences.push(Difference { step, ours, theirs });
        }
    }

    let mut complaints = String::new();
    for difference in &differences {
        let step = difference.step;
        let listed = step
            .reason
            .as_deref()
            .is_some_and(|key| REASONS.iter().any(|(known, _)| *known == key));
        if !listed {
            writeln!(
                complaints,
                "line {}: {}\n   we      {}\n   Dovecot {}",
                step.line,
                step.command,
                difference.ours.join("\n           "),
                difference.theirs.join("\n           ")
            )
            .unwrap();
        }
    }
    for step in &steps {
        if step.reason.is_some()
            && !differences
                .iter()
                .any(|difference| difference.step.line == step.line)
        {
            writeln!(
                complaints,
                "line {}: {}: no difference any more",
                step.line, step.command
            )
            .unwrap();
        }
    }
    for (rule, count) in EVERYWHERE.iter().zip(&seen_everywhere) {
        if *count == 0 {
            writeln!(
                complaints,
                "everywhere: {}: no difference any more",
                rule.what
            )
            .unwrap();
        }
    }
    if let Ok(path) = env::var("FIELDPOST_ANSWERS") {
        let mut all = String::new();
        for ((step, ours), theirs) in steps.iter().zip(&our_answers).zip(&their_answers) {
            writeln!(
                all,
                "{}: {}\n   {}\n   ---\n   {}",
                step.line,
                step.command,
                ours.join("\n   "),
                theirs.join("\n   ")
            )
            .unwrap();
        }
        fs::write(path, all).unwrap();
    }
    assert!(
        complaints.is_empty(),
        "{commands} commands, {} differences\n{complaints}",
        differences.len()
    );

    let page = page(commands, &differences);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/imap-differences.md");
    if env::var_os("FIELDPOST_WRITE_DIFFERENCES").is_some() {
        fs::write(path, &page).unwrap();
    }
    let kept = fs::read_to_string(path).unwrap();
    let changed: Vec<String> = without(
        &page.lines().map(str::to_owned).collect::<Vec<_>>(),
        &kept.lines().map(str::to_owned).collect::<Vec<_>>(),
    );
    assert!(
        kept == page,
        "docs/imap-differences.md is not what was seen; FIELDPOST_WRITE_DIFFERENCES=1 writes it anew\n{}",
        changed.join("\n")
    );
}

/// The lines of `some` that are not in `others`.
fn without(some: &[String], others: &[String]) -> Vec<String> {
    let mut others = others.to_vec();
    some.iter()
        .filter(
            |line| match others.iter().position(|other| other == *line) {
                Some(at) => {
                    others.remove(at);
                    false
                }
                None => true,
            },
        )
        .cloned()
        .collect()
}

fn page(commands: usize, differences: &[Difference<'_>]) -> String {
    let mut page = String::new();
    writeln!(
        page,
        "# Where our IMAP answers differ from Dovecot's\n\nWritten by `tests/tests/imap_beside_dovecot.rs`: {commands} commands go to both servers, with the same mails. Tags, human text, \
         uid validities and mod-sequences are not compared, nor is the order of flags and attributes. Dovecot is 2.3, as in Debian 12.\n\n## In many answers\n\n| difference | reason |\n|---|---|"
    )
    .unwrap();
    for rule in EVERYWHERE {
        writeln!(page, "| {} | {} |", rule.what, rule.reason).unwrap();
    }
    let mut by_reason: BTreeMap<&str, Vec<&Difference<'_>>> = BTreeMap::new();
    for difference in differences {
        by_reason
            .entry(difference.step.reason.as_deref().unwrap_or_default())
            .or_default()
            .push(difference);
    }
    for (key, reason) in REASONS {
        let Some(differences) = by_reason.get(key) else {
            continue;
        };
        writeln!(page, "\n## {key}\n\n{reason}\n").unwrap();
        for difference in differences {
            writeln!(page, "    C: {}", cut(&difference.step.command)).unwrap();
            for line in &difference.ours {
                writeln!(page, "       we:      {}", cut(line)).unwrap();
            }
            for line in &difference.theirs {
                writeln!(page, "       Dovecot: {}", cut(line)).unwrap();
            }
        }
    }
    page
}

fn cut(line: &str) -> String {
    const WIDEST: usize = 300;
    if line.chars().count() <= WIDEST {
        return line.to_owned();
    }
    let start: String = line.chars().take(WIDEST).collect();
    format!("{start}… ({} characters)", line.chars().count())
}
