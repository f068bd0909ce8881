//! Answers without what may differ between two servers that agree: tags, human text, uid validities, mod-sequences, the order of
//! attributes and flags, quoted string or literal.

use std::collections::BTreeMap;

use crate::client::Line;

/// A value of an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Atom(String),
    Text(Vec<u8>),
    List(Vec<Value>),
}

/// The answer to one command: the untagged lines sorted, the tagged one last.
pub fn answer(lines: &[Line]) -> Vec<String> {
    let mut untagged = Vec::new();
    let mut last = Vec::new();
    let mut gone = Vec::new();
    for line in lines {
        if let Some(number) = expunged(line) {
            gone.push(number);
            continue;
        }
        let line = normal(line);
        if line.starts_with("* ") {
            untagged.push(line);
        } else {
            last.push(line);
        }
    }
    untagged.extend(
        in_old_numbers(&gone).map(|number| format!("* {number} EXPUNGE (as numbered before)")),
    );
    untagged.sort();
    untagged.extend(last);
    untagged
}

fn expunged(line: &[u8]) -> Option<usize> {
    let text = str::from_utf8(line).ok()?;
    text.strip_prefix("* ")?
        .strip_suffix(" EXPUNGE")?
        .parse()
        .ok()
}

/// The numbers that messages had before any of them went.
fn in_old_numbers(gone: &[usize]) -> impl Iterator<Item = usize> {
    let mut old: Vec<usize> = Vec::new();
    for number in gone {
        let mut number = *number;
        for before in &old {
            if *before <= number {
                number += 1;
            }
        }
        let at = old.partition_point(|before| *before < number);
        old.insert(at, number);
    }
    old.into_iter()
}

fn normal(line: &[u8]) -> String {
    if line == b"closed" {
        return "closed".to_owned();
    }
    if line.first() == Some(&b'+') {
        return "+".to_owned();
    }
    let space = line
        .iter()
        .position(|byte| *byte == b' ')
        .unwrap_or(line.len());
    let (tag, rest) = line.split_at(space);
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let mark = if tag == b"*" { "* " } else { "" };
    let text = String::from_utf8_lossy(rest);
    let word = text.split(' ').next().unwrap_or_default().to_uppercase();
    if ["OK", "NO", "BAD", "BYE", "PREAUTH"].contains(&word.as_str()) {
        let code = text[word.len()..].trim_start();
        return match code.strip_prefix('[').and_then(|code| code.split_once(']')) {
            Some((code, _)) => format!("{mark}{word} [{}]", response_code(code)),
            None => format!("{mark}{word}"),
        };
    }
    let mut input = rest;
    let mut values = list(&mut input);
    if !input.is_empty() {
        return format!("{mark}UNREADABLE {}", shown(rest));
    }
    data(&mut values);
    let words: Vec<String> = values.iter().map(display).collect();
    format!("{mark}{}", words.join(" "))
}

fn response_code(code: &str) -> String {
    let mut input = code.as_bytes();
    let mut values = list(&mut input);
    let name = match values.first() {
        Some(Value::Atom(name)) => name.to_uppercase(),
        _ => return code.to_owned(),
    };
    match name.as_str() {
        "CAPABILITY" | "MAILBOXID" => values.truncate(1),
        "UIDVALIDITY" => values[1] = atom("V"),
        "APPENDUID" => {
            values[1] = atom("V");
            spell_out(&mut values[2]);
        }
        "COPYUID" => {
            values[1] = atom("V");
            spell_out(&mut values[2]);
            spell_out(&mut values[3]);
        }
        "HIGHESTMODSEQ" => values[1] = atom("M"),
        "MODIFIED" => spell_out(&mut values[1]),
        "PERMANENTFLAGS" | "BADCHARSET" => sort_list(&mut values[1..]),
        _ => {}
    }
    values[0] = atom(&name);
    let words: Vec<String> = values.iter().map(display).collect();
    words.join(" ")
}

fn data(values: &mut [Value]) {
    let word = |at: usize| match values.get(at) {
        Some(Value::Atom(word)) => word.to_uppercase(),
        _ => String::new(),
    };
    let (first, second) = (word(0), word(1));
    match (first.as_str(), second.as_str()) {
        ("LIST" | "LSUB" | "XLIST", _) if values.len() >= 4 => {
            sort_list(&mut values[1..2]);
            values[3] = text_of(&values[3]);
        }
        ("STATUS", _) if values.len() == 3 => {
            values[1] = text_of(&values[1]);
            pairs(&mut values[2]);
        }
        ("FLAGS", _) => sort_list(&mut values[1..]),
        ("CAPABILITY", _) => values[1..].sort(),
        ("QUOTA" | "QUOTAROOT", _) => {
            for value in &mut values[1..] {
                if let Value::Atom(_) = value {
                    *value = text_of(value);
                }
            }
        }
        ("SEARCH", _) => {
            for value in &mut values[1..] {
                mask_modseq(value);
            }
            values[1..].sort_by_key(|value| match value {
                Value::Atom(number) => number.parse().unwrap_or(u64::MAX),
                Value::Text(_) | Value::List(_) => u64::MAX,
            });
        }
        ("SORT", _) => values[1..].iter_mut().for_each(mask_modseq),
        ("ESEARCH", _) => {
            let mut at = 1;
            while at < values.len() {
                match &values[at] {
                    Value::List(_) => values[at] = atom("(TAG)"),
                    Value::Atom(name) if name == "MODSEQ" => values[at + 1] = atom("M"),
                    Value::Atom(name) if name == "ALL" => spell_out(&mut values[at + 1]),
                    _ => {}
                }
                at += 1;
            }
        }
        ("VANISHED", _) => {
            if let Some(last) = values.last_mut() {
                spell_out(last);
            }
        }
        (_, "FETCH") if values.len() == 3 => pairs(&mut values[2]),
        _ => {}
    }
}

fn mask_modseq(value: &mut Value) {
    if let Value::List(inner) = value
        && inner.first() == Some(&atom("MODSEQ"))
    {
        inner.truncate(1);
    }
}

/// Names and values, sorted by name; values that differ by nature are masked.
fn pairs(value: &mut Value) {
    let Value::List(flat) = value else { return };
    let mut sorted: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for pair in flat.chunks_mut(2) {
        let [name, value] = pair else { continue };
        let name = display(name).to_uppercase();
        match name.as_str() {
            "FLAGS" => sort_list(std::slice::from_mut(value)),
            "MODSEQ" | "HIGHESTMODSEQ" => *value = atom("M"),
            "UIDVALIDITY" => *value = atom("V"),
            // Those that the script gives are of these years.
            "INTERNALDATE"
                if !["-2020 ", "-2021 "]
                    .iter()
                    .any(|year| display(value).contains(year)) =>
            {
                *value = atom("now");
            }
            "SAVEDATE" if matches!(value, Value::Text(_)) => *value = atom("D"),
            _ => {}
        }
        sorted.entry(name).or_default().push(value.clone());
    }
    *flat = sorted
        .into_iter()
        .flat_map(|(name, values)| {
            values
                .into_iter()
                .flat_map(move |value| [atom(&name), value])
        })
        .collect();
}

fn sort_list(values: &mut [Value]) {
    for value in values {
        if let Value::List(inner) = value {
            inner.sort_by_key(|value| display(value).to_lowercase());
        }
    }
}

/// A set, number by number.
fn spell_out(value: &mut Value) {
    let Value::Atom(set) = value else { return };
    let mut numbers = Vec::new();
    for range in set.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let (Ok(first), Ok(last)) = (first.parse::<u64>(), last.parse::<u64>()) else {
            return;
        };
        numbers.extend((first.min(last)..=first.max(last)).take(10_000));
    }
    numbers.sort_unstable();
    let words: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    *value = atom(&words.join(","));
}

fn atom(text: &str) -> Value {
    Value::Atom(text.to_owned())
}

fn text_of(value: &Value) -> Value {
    match value {
        Value::Atom(text) => Value::Text(text.clone().into_bytes()),
        other => other.clone(),
    }
}

/// Values up to a closing parenthesis or the end.
fn list(input: &mut &[u8]) -> Vec<Value> {
    let mut values = Vec::new();
    loop {
        match input.first() {
            None | Some(b')') => return values,
            Some(b' ') => *input = &input[1..],
            Some(b'(') => {
                *input = &input[1..];
                values.push(Value::List(list(input)));
                *input = input.strip_prefix(b")").unwrap_or(input);
            }
            Some(b'"') => values.push(Value::Text(quoted(input))),
            Some(b'{') => match literal(input, 1) {
                Some(text) => values.push(Value::Text(text)),
                None => return values,
            },
            Some(b'~') if input.starts_with(b"~{") => match literal(input, 2) {
                Some(text) => values.push(Value::Text(text)),
                None => return values,
            },
            Some(_) => values.push(Value::Atom(word(input))),
        }
    }
}

fn quoted(input: &mut &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut at = 1;
    while let Some(byte) = input.get(at) {
        match byte {
            b'"' => {
                at += 1;
                break;
            }
            b'\\' => {
                at += 1;
                text.extend(input.get(at));
            }
            byte => text.push(*byte),
        }
        at += 1;
    }
    *input = &input[at.min(input.len())..];
    text
}

fn literal(input: &mut &[u8], skip: usize) -> Option<Vec<u8>> {
    let end = input.iter().position(|byte| *byte == b'}')?;
    let length: usize = str::from_utf8(&input[skip..end]).ok()?.parse().ok()?;
    let start = end + 3;
    let text = input.get(start..start + length)?.to_vec();
    *input = &input[start + length..];
    Some(text)
}

/// An atom; what stands in brackets belongs to it, spaces and all.
fn word(input: &mut &[u8]) -> String {
    let mut depth = 0usize;
    let mut end = 0;
    for byte in *input {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b' ' | b'(' | b')' if depth == 0 => break,
            _ => {}
        }
        end += 1;
    }
    let word = shown(&input[..end.max(1)]);
    *input = &input[end.max(1)..];
    word
}

fn display(value: &Value) -> String {
    match value {
        Value::Atom(text) => text.clone(),
        Value::Text(text) => format!("\"{}\"", shown(text)),
        Value::List(inner) => {
            let words: Vec<String> = inner.iter().map(display).collect();
            format!("({})", words.join(" "))
        }
    }
}

/// Octets as they can be read.
pub fn shown(octets: &[u8]) -> String {
    octets
        .escape_ascii()
        .to_string()
        .replace("\\\\", "\\")
        .replace("\\\"", "\"")
        .replace("\\'", "'")
}
