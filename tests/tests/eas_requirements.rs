//! docs/eas.md counts the requirements of Microsoft's ActiveSync documents that tests prove, and those that the code
//! names. `FIELDPOST_WRITE_EAS=1 cargo test -p fieldpost-tests --test eas_requirements` writes it anew.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// The documents: how many statements each has, and how many of these bind a server.
const DOCUMENTS: [(&str, u32, u32); 14] = [
    ("MS-ASAIRS", 931, 537),
    ("MS-ASCAL", 1199, 718),
    ("MS-ASCMD", 7894, 4032),
    ("MS-ASCNTC", 913, 633),
    ("MS-ASCON", 264, 129),
    ("MS-ASDOC", 187, 114),
    ("MS-ASDTYPE", 125, 0),
    ("MS-ASEMAIL", 1444, 924),
    ("MS-ASHTTP", 483, 174),
    ("MS-ASNOTE", 156, 87),
    ("MS-ASPROV", 1017, 616),
    ("MS-ASRM", 476, 363),
    ("MS-ASTASK", 605, 336),
    ("MS-ASWBXML", 677, 0),
];

#[test]
fn the_report_counts_what_tests_prove() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut proven: BTreeSet<Id> = BTreeSet::new();
    let mut named: BTreeSet<Id> = BTreeSet::new();
    for directory in ["crates", "tests"] {
        for file in sources(&root.join(directory)) {
            let text = fs::read_to_string(&file).unwrap();
            let (code, tests) = halves(&file, &text);
            proven.extend(ids(tests));
            named.extend(ids(code));
        }
    }
    assert!(proven.len() > 20, "the sources are not read: {proven:?}");
    check_against_sheets(root, proven.union(&named));
    let report = report(&proven, &named);
    let place = root.join("docs/eas.md");
    if std::env::var_os("FIELDPOST_WRITE_EAS").is_some() {
        fs::write(&place, &report).unwrap();
    }
    let written = fs::read_to_string(&place).unwrap_or_default();
    assert!(
        written == report,
        "docs/eas.md is not what the sources say; write it anew with FIELDPOST_WRITE_EAS=1"
    );
}

/// Document and number, as in `MS-ASCMD_R673`.
type Id = (String, u64);

/// A file's code and its tests.
fn halves<'a>(file: &Path, text: &'a str) -> (&'a str, &'a str) {
    let is_test = file.components().any(|part| {
        let part = part.as_os_str().to_string_lossy();
        matches!(
            &*part,
            "tests" | "tests.rs" | "model" | "model.rs" | "quirks" | "quirks.rs"
        )
    });
    if is_test {
        return ("", text);
    }
    text.find("#[cfg(test)]\nmod tests {")
        .map_or((text, ""), |at| text.split_at(at))
}

/// The ids in a text; `MS-ASCMD_R3162, R4748` names two of one document, `MS-ASHTTP_R459 to R461` the two ends of a range,
/// whose middle may have gaps.
fn ids(text: &str) -> Vec<Id> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("MS-AS") {
        let rest = &text[at..];
        let Some(end) = rest.find("_R") else { continue };
        let document = &rest[..end];
        if !DOCUMENTS.iter().any(|(name, ..)| *name == document) {
            continue;
        }
        let mut rest = &rest[end + 1..];
        while let Some((number, after)) = number(rest) {
            found.push((document.to_owned(), number));
            let after = after
                .trim_start_matches("\n///")
                .trim_start_matches("\n//!");
            let next = [", ", " to ", " and ", ",\n/// ", ",\n    /// ", ",\n//! "]
                .iter()
                .find(|separator| after.starts_with(*separator));
            let Some(separator) = next else { break };
            rest = &after[separator.len()..];
        }
    }
    found
}

fn number(text: &str) -> Option<(u64, &str)> {
    let digits = text.strip_prefix('R')?;
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    Some((digits[..end].parse().ok()?, &digits[end..]))
}

/// Where the sheets are at hand, every id must be one of theirs.
fn check_against_sheets<'a>(root: &Path, all: impl Iterator<Item = &'a Id>) {
    let sheets = root.join("../shared/eas/requirements");
    if !sheets.is_dir() {
        return;
    }
    let mut known: BTreeSet<String> = BTreeSet::new();
    for (document, ..) in DOCUMENTS {
        let sheet = fs::read_to_string(sheets.join(format!("{document}.tsv"))).unwrap();
        known.extend(
            sheet
                .lines()
                .filter_map(|line| Some(line.split('\t').next()?.to_owned())),
        );
    }
    let missing: Vec<_> = all
        .map(|(document, number)| format!("{document}_R{number}"))
        .filter(|id| !known.contains(id))
        .collect();
    assert!(missing.is_empty(), "no such requirements: {missing:?}");
}

fn report(proven: &BTreeSet<Id>, named: &BTreeSet<Id>) -> String {
    let count = |set: &BTreeSet<Id>| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (document, _) in set {
            *counts.entry(document).or_default() += 1;
        }
        DOCUMENTS.map(|(name, ..)| counts.get(name).copied().unwrap_or(0))
    };
    let (proven_counts, named_counts) = (count(proven), count(named));
    let mut out = String::from(
        "# ActiveSync requirements\n\nMicrosoft's documents number their statements. Tests carry the numbers of those that they prove, code the numbers of those that it follows. \
         This page is made from the sources (`tests/tests/eas_requirements.rs`) and checked by every test run.\n\n\
         | document | statements | that bind a server | proven by tests | named in code |\n|---|---|---|---|---|\n",
    );
    let mut sums = (0, 0, 0, 0);
    for (at, (name, all, binding)) in DOCUMENTS.iter().enumerate() {
        let (proven, named) = (proven_counts[at], named_counts[at]);
        writeln!(out, "| {name} | {all} | {binding} | {proven} | {named} |").unwrap();
        sums = (
            sums.0 + all,
            sums.1 + binding,
            sums.2 + proven,
            sums.3 + named,
        );
    }
    writeln!(
        out,
        "| all | {} | {} | {} | {} |\n",
        sums.0, sums.1, sums.2, sums.3
    )
    .unwrap();
    out.push_str("## Proven\n");
    for (name, ..) in DOCUMENTS {
        let numbers: Vec<_> = proven
            .iter()
            .filter(|(document, _)| document == name)
            .map(|(_, number)| format!("R{number}"))
            .collect();
        if !numbers.is_empty() {
            writeln!(out, "\n{name}: {}", numbers.join(", ")).unwrap();
        }
    }
    out
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("eas_requirements.rs")
        {
            found.push(path);
        }
    }
    found
}
