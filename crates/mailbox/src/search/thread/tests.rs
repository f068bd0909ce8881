#![allow(clippy::format_collect, clippy::format_push_string)]

use std::collections::HashSet;

use super::*;

/// A message as the examples write it.
struct Mail {
    id: Option<&'static str>,
    refers_to: Vec<&'static str>,
    subject: &'static str,
    date: i64,
}

fn mail(id: &'static str, refers_to: &[&'static str], subject: &'static str, date: i64) -> Mail {
    Mail {
        id: Some(id).filter(|id| !id.is_empty()),
        refers_to: refers_to.to_vec(),
        subject,
        date,
    }
}

fn messages(mails: &[Mail], names: &ThreadNames) -> Vec<Message> {
    let mut messages = Vec::new();
    for (number, mail) in mails.iter().enumerate() {
        let base = fieldpost_message::subject::base_subject(mail.subject);
        messages.push(Message {
            uid: number as u32 + 1,
            date: mail.date,
            subject: names.of_subject(&base.text),
            is_reply: base.is_reply_or_forward,
        });
    }
    messages
}

fn by_references(mails: &[Mail]) -> Vec<Threaded> {
    let names = ThreadNames::default();
    let messages = messages(mails, &names);
    let mut references = References::default();
    for mail in mails {
        let refers_to: Vec<_> = mail.refers_to.iter().map(|id| names.of_id(id)).collect();
        references.add(mail.id.map(|id| names.of_id(id)), &refers_to);
    }
    references.threads(&messages)
}

/// As RFC 5256 §4 writes threads: `(3 6 (4 23)(44 7 96))`.
fn shown(threads: &[Threaded]) -> String {
    let mut out = String::new();
    // For each open node, how many children are still to come, and whether they stand in brackets.
    let mut open: Vec<(u32, bool)> = Vec::new();
    for thread in threads {
        assert_eq!(thread.depth as usize, open.len());
        match open.last_mut() {
            Some((left, bracketed)) => {
                *left -= 1;
                out.push_str(if *bracketed { "(" } else { " " });
            }
            None => out.push('('),
        }
        if let Some(uid) = thread.uid {
            out.push_str(&uid.to_string());
        }
        let bracketed = thread.children > 1 || thread.uid.is_none();
        if bracketed && thread.uid.is_some() {
            out.push(' ');
        }
        open.push((thread.children, bracketed));
        while let Some((0, _)) = open.last() {
            open.pop();
            if open.last().is_none_or(|(_, bracketed)| *bracketed) {
                out.push(')');
            }
        }
    }
    out
}

#[test]
fn a_thread_is_written_as_the_standard_writes_it() {
    // RFC 5256 §4: message 3 is the parent of 6, which has two children, 4 with its child 23, and 44 with 7 and that with 96.
    let mails = [
        mail("3@x", &[], "s", 1),
        mail("6@x", &["3@x"], "Re: s", 2),
        mail("4@x", &["3@x", "6@x"], "Re: s", 3),
        mail("23@x", &["3@x", "6@x", "4@x"], "Re: s", 4),
        mail("44@x", &["3@x", "6@x"], "Re: s", 5),
        mail("7@x", &["44@x"], "Re: s", 6),
        mail("96@x", &["6@x", "44@x", "7@x"], "Re: s", 7),
        mail("2@x", &[], "other", 0),
    ];
    assert_eq!(shown(&by_references(&mails)), "(8)(1 2 (3 4)(5 6 7))");
}

#[test]
fn answers_to_what_is_not_there_lie_below_a_dummy() {
    // RFC 5256 §4: `* THREAD ((3)(5))`, 3 and 5 being siblings whose parent is not there.
    let siblings = [
        mail("a@x", &["gone@x"], "one", 2),
        mail("b@x", &["gone@x"], "two", 1),
        mail("c@x", &["lost@x", "away@x"], "three", 3),
    ];
    assert_eq!(shown(&by_references(&siblings)), "((2)(1))(3)");
    let deep = [
        mail("a@x", &["r@x", "s@x"], "one", 2),
        mail("b@x", &["r@x", "t@x"], "two", 1),
        mail("c@x", &["a@x", "u@x", "v@x"], "three", 3),
    ];
    assert_eq!(shown(&by_references(&deep)), "((2)(1 3))");
}

#[test]
fn the_messages_own_word_of_its_parent_counts() {
    let mails = [
        // References cut short: 3 seems to follow 1.
        mail("4@x", &["1@x", "3@x"], "Re: s", 4),
        mail("3@x", &["1@x", "2@x"], "Re: s", 3),
        mail("1@x", &[], "s", 1),
        mail("2@x", &["1@x"], "Re: s", 2),
    ];
    assert_eq!(shown(&by_references(&mails)), "(3 4 2 1)");
    let circle = [
        mail("a@x", &["b@x"], "", 1),
        mail("b@x", &["a@x"], "", 2),
        mail("c@x", &["c@x"], "", 3),
    ];
    assert_eq!(shown(&by_references(&circle)), "(2 1)(3)");
    let twice = [
        mail("a@x", &[], "", 1),
        mail("a@x", &[], "", 2),
        mail("", &["a@x"], "", 3),
    ];
    assert_eq!(shown(&by_references(&twice)), "(1 3)(2)");
}

#[test]
fn threads_of_one_subject_are_joined() {
    for (subjects, expected) in [
        // A reply that refers to nothing belongs to what it replies to.
        (["s", "Re: S", "t"], "(1 2)(3)"),
        (["Re: s", "s", "t"], "(2 1)(3)"),
        // Two that begin it: siblings below a dummy.
        (["s", "S", "t"], "((1)(2))(3)"),
        (["Re: s", "Fwd: s", "s"], "(3 (1)(2))"),
        (["Re: s", "Re: s", "Re: s"], "((1)(2)(3))"),
        (["s", "Re: s", "s"], "((1 2)(3))"),
        (["", "", ""], "(1)(2)(3)"),
    ] {
        let mut mails: Vec<_> = subjects.iter().map(|one| mail("", &[], one, 0)).collect();
        for (number, mail) in mails.iter_mut().enumerate() {
            mail.date = number as i64;
        }
        assert_eq!(shown(&by_references(&mails)), expected, "{subjects:?}");
    }
    let with_dummies = [
        mail("a@x", &["g@x"], "s", 1),
        mail("b@x", &["g@x"], "t", 2),
        mail("c@x", &["h@x"], "s", 3),
        mail("d@x", &["h@x"], "u", 4),
        mail("e@x", &[], "s", 0),
    ];
    assert_eq!(shown(&by_references(&with_dummies)), "((5)(1)(2)(3)(4))");
}

#[test]
fn by_subject_alone_the_oldest_is_above_the_others() {
    let mails = [
        mail("", &[], "Re: s", 5),
        mail("", &[], "t", 4),
        mail("", &[], "s", 1),
        mail("", &[], "RE: S", 3),
        mail("", &[], "[list] t (fwd)", 2),
    ];
    let names = ThreadNames::default();
    let messages = messages(&mails, &names);
    assert_eq!(shown(&by_subject(&messages)), "(3 (4)(1))(5 2)");
}

#[test]
fn a_chain_of_100_000_needs_no_deep_stack_and_little_time() {
    // Told from its end and from its beginning.
    for backwards in [false, true] {
        let length = 100_000u32;
        let mut references = References::default();
        let mut messages = Vec::new();
        for number in 0..length {
            let place = if backwards {
                length - 1 - number
            } else {
                number
            };
            references.add(
                Some(Name::from(place)),
                &[Name::from(place.wrapping_sub(1))],
            );
            messages.push(Message {
                uid: number + 1,
                date: i64::from(place),
                subject: None,
                is_reply: false,
            });
        }
        let threads = references.threads(&messages);
        assert_eq!(threads.len(), length as usize);
        assert_eq!(threads.last().unwrap().depth, length - 1);
    }
}

#[test]
fn random_mail_is_threaded_as_the_standard_says_word_by_word() {
    const IDS: [&str; 12] = ["", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
    const SUBJECTS: [&str; 6] = ["", "s", "Re: s", "t", "Fwd: T", "re: u"];
    let mut random = 1u64;
    let mut below = |limit: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % limit
    };
    for round in 0..4_000 {
        let ids = 3 + below(IDS.len() - 3);
        let mails: Vec<_> = (0..below(10))
            .map(|_| Mail {
                id: Some(IDS[below(ids)]).filter(|id| !id.is_empty()),
                refers_to: (0..below(4)).map(|_| IDS[1 + below(ids - 1)]).collect(),
                subject: SUBJECTS[below(SUBJECTS.len())],
                date: below(6) as i64,
            })
            .collect();
        let threads = by_references(&mails);
        let expected = naive::threads(&mails);
        assert_eq!(shown(&threads), expected, "round {round}");
        let uids: HashSet<_> = threads.iter().filter_map(|one| one.uid).collect();
        assert_eq!(uids.len(), mails.len());
    }
}

/// The words of RFC 5256 §3, step by step, without a thought of time.
mod naive {
    use std::collections::BTreeMap;

    use super::Mail;

    #[derive(Clone, Default)]
    struct Node {
        /// Number of the message, from 1; `None`: a dummy.
        message: Option<usize>,
        parent: Option<usize>,
        children: Vec<usize>,
    }

    struct Tree<'a> {
        mails: &'a [Mail],
        nodes: Vec<Node>,
    }

    pub(super) fn threads(mails: &[Mail]) -> String {
        let mut tree = Tree {
            mails,
            nodes: vec![Node::default()],
        };
        // 1. Ids that an earlier message has are not a later one's.
        let mut by_id: BTreeMap<String, usize> = BTreeMap::new();
        for (number, mail) in mails.iter().enumerate() {
            tree.nodes.push(Node {
                message: Some(number + 1),
                ..Node::default()
            });
            if let Some(id) = mail.id {
                by_id.entry(id.to_owned()).or_insert(number + 1);
            }
        }
        for (number, mail) in mails.iter().enumerate() {
            let mut before = None;
            for id in &mail.refers_to {
                let node = *by_id.entry((*id).to_owned()).or_insert_with(|| {
                    tree.nodes.push(Node::default());
                    tree.nodes.len() - 1
                });
                if let Some(before) = before
                    && tree.nodes[node].parent.is_none()
                    && !tree.is_above(node, before)
                {
                    tree.nodes[node].parent = Some(before);
                }
                before = Some(node);
            }
            tree.nodes[number + 1].parent = None;
            if let Some(before) = before
                && !tree.is_above(number + 1, before)
            {
                tree.nodes[number + 1].parent = Some(before);
            }
        }
        // 2.
        for node in 1..tree.nodes.len() {
            let parent = tree.nodes[node].parent.unwrap_or(0);
            tree.nodes[parent].children.push(node);
        }
        // 3.
        tree.prune(0);
        // 4.
        tree.sort_dummies();
        tree.sort(0);
        // 5.
        tree.merge();
        // 6.
        tree.sort_all(0);
        tree.sort_dummies();
        tree.sort(0);
        let roots = tree.nodes[0].children.clone();
        roots
            .iter()
            .map(|root| format!("({})", tree.shown(*root)))
            .collect()
    }

    impl Tree<'_> {
        fn is_above(&self, node: usize, below: usize) -> bool {
            let mut at = Some(below);
            while let Some(here) = at {
                if here == node {
                    return true;
                }
                at = self.nodes[here].parent;
            }
            false
        }

        fn prune(&mut self, node: usize) {
            for child in self.nodes[node].children.clone() {
                self.prune(child);
            }
            let mut children = Vec::new();
            for child in self.nodes[node].children.clone() {
                let below = self.nodes[child].children.clone();
                if self.nodes[child].message.is_some() || (node == 0 && below.len() > 1) {
                    children.push(child);
                } else {
                    children.extend(below);
                }
            }
            self.nodes[node].children = children;
        }

        fn first(&self, node: usize) -> usize {
            match self.nodes[node].message {
                Some(message) => message,
                None => self.first(self.nodes[node].children[0]),
            }
        }

        fn date(&self, node: usize) -> (i64, usize) {
            let message = self.first(node);
            (self.mails[message - 1].date, message)
        }

        fn sort(&mut self, node: usize) {
            let mut children = std::mem::take(&mut self.nodes[node].children);
            children.sort_by_key(|child| self.date(*child));
            self.nodes[node].children = children;
        }

        fn sort_dummies(&mut self) {
            for root in self.nodes[0].children.clone() {
                if self.nodes[root].message.is_none() {
                    self.sort(root);
                }
            }
        }

        fn sort_all(&mut self, node: usize) {
            for child in self.nodes[node].children.clone() {
                self.sort_all(child);
            }
            if node != 0 {
                self.sort(node);
            }
        }

        fn subject(&self, node: usize) -> (String, bool) {
            let mail = &self.mails[self.first(node) - 1];
            let base = fieldpost_message::subject::base_subject(mail.subject);
            (base.text.to_uppercase(), base.is_reply_or_forward)
        }

        fn is_dummy(&self, node: usize) -> bool {
            self.nodes[node].message.is_none()
        }

        fn merge(&mut self) {
            let mut table: BTreeMap<String, usize> = BTreeMap::new();
            for root in self.nodes[0].children.clone() {
                let (subject, is_reply) = self.subject(root);
                if subject.is_empty() {
                    continue;
                }
                match table.get(&subject).copied() {
                    None => drop(table.insert(subject, root)),
                    Some(kept) => {
                        if !self.is_dummy(kept)
                            && (self.is_dummy(root) || (self.subject(kept).1 && !is_reply))
                        {
                            table.insert(subject, root);
                        }
                    }
                }
            }
            for root in self.nodes[0].children.clone() {
                let (subject, is_reply) = self.subject(root);
                // It may have become a child of a new dummy.
                if subject.is_empty() || !self.nodes[0].children.contains(&root) {
                    continue;
                }
                let kept = table[&subject];
                if kept == root {
                    continue;
                }
                self.nodes[0].children.retain(|child| *child != root);
                if self.is_dummy(kept) && self.is_dummy(root) {
                    let children = self.nodes[root].children.clone();
                    self.nodes[kept].children.extend(children);
                } else if self.is_dummy(kept) || (is_reply && !self.subject(kept).1) {
                    self.nodes[kept].children.push(root);
                } else {
                    self.nodes.push(Node {
                        children: vec![kept, root],
                        ..Node::default()
                    });
                    let dummy = self.nodes.len() - 1;
                    self.nodes[0].children.retain(|child| *child != kept);
                    self.nodes[0].children.push(dummy);
                    table.insert(subject, dummy);
                }
            }
        }

        fn shown(&self, node: usize) -> String {
            let mut out = match self.nodes[node].message {
                Some(message) => message.to_string(),
                None => String::new(),
            };
            let children = &self.nodes[node].children;
            match children[..] {
                [] => {}
                [only] if !out.is_empty() => {
                    out.push(' ');
                    out.push_str(&self.shown(only));
                }
                _ => {
                    if !out.is_empty() {
                        out.push(' ');
                    }
                    for child in children {
                        out.push_str(&format!("({})", self.shown(*child)));
                    }
                }
            }
            out
        }
    }
}
