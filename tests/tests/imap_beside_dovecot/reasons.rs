//! Why answers differ.

/// A difference in many answers, which is taken out before they are compared.
pub struct Everywhere {
    /// What it is.
    pub what: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Takes it out of an answer; how often it was there.
    pub apply: fn(&mut Vec<String>) -> usize,
}

/// Differences in many answers.
pub const EVERYWHERE: &[Everywhere] = &[
    Everywhere {
        what: "We tell `MAILBOXID`",
        reason: "RFC 8474 §4.1 and §4.2 ask for it; Dovecot 2.3 has no object ids",
        apply: |lines| {
            for line in lines.iter_mut() {
                if line == "OK [MAILBOXID]" {
                    "OK".clone_into(line);
                }
            }
            drop_lines(lines, |line| line == "* OK [MAILBOXID]")
        },
    },
    Everywhere {
        what: "Dovecot gives days below ten a zero in INTERNALDATE, we a space",
        reason: "`date-day-fixed` of RFC 9051 §9 allows both",
        apply: |lines| {
            replace(lines, |line| {
                let mut line = line.to_owned();
                for day in 1..10 {
                    line = line.replace(
                        &format!("INTERNALDATE \"0{day}-"),
                        &format!("INTERNALDATE \" {day}-"),
                    );
                }
                line
            })
        },
    },
    Everywhere {
        what: "`\\Recent` and `RECENT`",
        reason: "RFC 9051 has neither; which session is the first to see a message, RFC 3501 leaves open",
        apply: |lines| {
            replace(lines, |line| {
                line.replace("\\Recent ", "")
                    .replace(" \\Recent)", ")")
                    .replace("\\Recent", "")
            }) + drop_lines(lines, |line| {
                line.starts_with("* ") && line.ends_with(" RECENT")
            })
        },
    },
    Everywhere {
        what: "Keywords in `FLAGS` and `PERMANENTFLAGS`, and when these are told anew",
        reason: "Keywords are the account's with us, the mailbox's with Dovecot, and Dovecot also makes those that are only searched for",
        apply: |lines| {
            drop_lines(lines, |line| {
                line.starts_with("* FLAGS (")
                    || line.starts_with("* OK [PERMANENTFLAGS (\\*")
                    || line.contains("[PERMANENTFLAGS ($")
            })
        },
    },
    Everywhere {
        what: "Our `LIST` and `LSUB` tell of children, special uses and subscriptions unasked",
        reason: "RFC 9051 §6.3.9 lets the server tell more than was asked for",
        apply: |lines| {
            replace(lines, |line| {
                if !line.starts_with("* LIST (") && !line.starts_with("* LSUB (") {
                    return line.to_owned();
                }
                let Some((head, rest)) = line.split_once('(') else {
                    return line.to_owned();
                };
                let Some((flags, rest)) = rest.split_once(')') else {
                    return line.to_owned();
                };
                let kept: Vec<&str> = flags
                    .split(' ')
                    .filter(|flag| ["\\Noselect", "\\NonExistent", "\\Subscribed"].contains(flag))
                    .collect();
                format!("{head}({}){rest}", kept.join(" "))
            })
        },
    },
    Everywhere {
        what: "We give more refusals a code (`NONEXISTENT`, `HASCHILDREN`, `CANNOT`, `BADCHARSET` with the list)",
        reason: "RFC 9051 §7.1 and RFC 5530",
        apply: |lines| {
            replace(lines, |line| {
                if line.starts_with("NO [") {
                    "NO".to_owned()
                } else {
                    line.to_owned()
                }
            })
        },
    },
    Everywhere {
        what: "Without a charset, text is `us-ascii` in Dovecot's BODYSTRUCTURE, and a charset is in lower case",
        reason: "We tell what the message says; the default is the reader's to know (RFC 2045 §5.2)",
        apply: |lines| {
            replace(lines, |line| {
                if line.contains("FETCH (BODY ") || line.contains("BODYSTRUCTURE") {
                    line.replace("(\"charset\" \"us-ascii\")", "NIL")
                        .replace("(\"charset\" \"US-ASCII\")", "NIL")
                } else {
                    line.to_owned()
                }
            })
        },
    },
    Everywhere {
        what: "Where there is no such part we say `NIL`, Dovecot an empty string",
        reason: "RFC 9051 §9, `nstring`: what is not there is NIL",
        apply: |lines| {
            replace(lines, |line| {
                if line.contains("FETCH (BODY[") || line.contains("FETCH (BINARY[") {
                    line.replace("] NIL)", "] \"\")")
                } else {
                    line.to_owned()
                }
            })
        },
    },
];

fn drop_lines(lines: &mut Vec<String>, is: fn(&str) -> bool) -> usize {
    let before = lines.len();
    lines.retain(|line| !is(line));
    before - lines.len()
}

fn replace(lines: &mut [String], change: fn(&str) -> String) -> usize {
    let mut count = 0;
    for line in lines {
        let changed = change(line);
        if changed != *line {
            *line = changed;
            count += 1;
        }
    }
    count
}

/// Differences of single commands: key, and reason.
pub const REASONS: &[(&str, &str)] = &[
    (
        "Mailboxes",
        "A name above others is a mailbox with us, at creation (RFC 9051 §6.3.4) and at renaming (§6.3.6), and one with children is not deleted: \
         Dovecot makes `\\Noselect` names. We refuse `*` and `%` in names, which no LIST could tell from a pattern, and special uses that \
         we do not know or that are taken (RFC 6154 §3: `USEATTR`). We take names that are no modified UTF-7 as they are. \
         The root of the reference `t2/` is the empty name (RFC 3501 §6.3.8).",
    ),
    (
        "Names and quotas",
        "What a server calls itself and its quota roots is its own affair; an account of the demo has no limits, and the root of a mailbox that \
         is not there is not told.",
    ),
    (
        "Syntax",
        "The grammar of RFC 9051 §9 (or of the extension) does not allow it, or does, and the other side is more lenient: arguments where none \
         belong, none where some do, `nz-number`s of zero, days and hours that do not exist, numbers of messages that do not exist (§9, \
         `seq-number`: BAD). `\\Recent`, which a client can't set, we ignore, and what has no parsing charset is a charset first. Commands that are not \
         for this state, or not offered, are BAD.",
    ),
    (
        "ENABLED",
        "RFC 5161 §3.2: `ENABLED` lists what was enabled by this command, and comes even if that is nothing. QRESYNC brings CONDSTORE along (RFC \
         7162 §3.2.3), and we say so.",
    ),
    (
        "Messages as they came",
        "A message is kept octet by octet, bare LF included; Dovecot makes CRLF of it. 12:34:60 is one second after 12:34:59. A refused literal \
         is not sent, and what follows is the next command; Dovecot waits for its octets or closes.",
    ),
    (
        "Envelopes",
        "8-bit text that is no UTF-8 is told as UTF-8. What an address lacks is empty, since a NIL host means a group (RFC 9051 §7.5.2); Dovecot makes up \
         `MISSING_DOMAIN`. A folded line loses its CRLF and nothing else (RFC 5322 §2.2.3). Of two subjects we tell the first.",
    ),
    (
        "Parts and lines",
        "A header without a blank line has none when fields are chosen (RFC 9051 §6.4.5.1), and a disposition without a type is none. A last line without an end is a line. A multipart that has no parts, or no boundary, is text, so that it can be read; Dovecot shows it \
         empty. Part `1.1` of a part that is no multipart is not there. Names of fields are told as atoms where they are such.",
    ),
    (
        "BINARY",
        "`UNKNOWN-CTE` ends Dovecot's answer for all messages, ours for the one. Broken quoted-printable and base64 is decoded as far as it goes. \
         `BINARY[]` of a multipart is the message as it is.",
    ),
    (
        "PREVIEW",
        "What of a message is shown is the server's choice (RFC 8970 §3).",
    ),
    ("Small things", "What is asked for twice is told twice."),
    (
        "Mod-sequences",
        "We tell `HIGHESTMODSEQ` at every SELECT (RFC 7162 §3.1.2.1), Dovecot only once it has been enabled, and then in an untagged OK. A SELECT that is no command \
         leaves the mailbox selected. `CLOSED` is told once for each, and when a session deletes the mailbox that it has selected. The mod-sequence of a message that becomes `\\Seen` is told with its flags. UID EXPUNGE tells it too (RFC 7162 §3.2.7).",
    ),
    (
        "Searches and order",
        "A Date field of 1970 is a date; mail without one has none (SENTBEFORE), and is sorted by its internal date (RFC 5256 §2.2). HTML is searched \
         for its text, not its tags.",
    ),
    (
        "Storing",
        "We tell flags that stayed as they were, as RFC 9051 §6.4.6 has it, tell of expunged mail at once, and refuse changes of a read-only \
         mailbox (§6.3.3); Dovecot 2.3 says OK, or makes the change.",
    ),
    (
        "Two at a time",
        "Mail that another session removed is not there any more (`EXPUNGEISSUED`, RFC 5530; RFC 2180 §4.1.2); Dovecot tells of it as long as it can. A mailbox that \
         is renamed meanwhile stays selected; Dovecot ends the session.",
    ),
];
