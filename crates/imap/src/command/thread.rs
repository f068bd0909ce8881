//! `THREAD` (RFC 5256 §3, §5): conversations as nested lists.

use std::fmt::Write as _;

use fieldpost_mailbox::{Threaded, Threading};

use crate::{
    answer::{Answer, Refusal},
    codec::request::{Addressing, Thread, ThreadAlgorithm},
    command::search::find,
    output::Output,
    session::Selected,
};

pub(crate) async fn answer(
    state: &mut Selected,
    by: Addressing,
    thread: &Thread,
    output: &mut Output<'_>,
) -> Result<Answer, Refusal> {
    let (view, uids) = find(state, &thread.key, output).await?;
    let how = match thread.algorithm {
        ThreadAlgorithm::OrderedSubject => Threading::OrderedSubject,
        ThreadAlgorithm::References => Threading::References,
    };
    let mut pace = || !output.is_gone();
    let nodes = state
        .user
        .mailbox
        .threads(state.folder.id, &view, &uids, how, &mut pace)
        .await?;
    let told = |uid: u32| match by {
        Addressing::Uid => uid,
        Addressing::Sequence => state.folder.numbers.number(uid).unwrap_or_default(),
    };
    let mut line = String::from("THREAD");
    if !nodes.is_empty() {
        line.push(' ');
        write(&nodes, told, &mut line);
    }
    output.replies().data(line);
    Ok(Answer::ok("Threaded"))
}

/// Writes nodes that come each before its children: an only child stands behind its parent, several in parentheses each. Without
/// recursion: a conversation may be as deep as it has messages.
fn write(nodes: &[Threaded], told: impl Fn(u32) -> u32, line: &mut String) {
    // Of each open list: the depth of the node that it was opened for.
    let mut open: Vec<u32> = Vec::new();
    let mut before: Option<&Threaded> = None;
    for node in nodes {
        while open.last().is_some_and(|depth| *depth >= node.depth) {
            open.pop();
            line.push(')');
        }
        let is_only_child = before.is_some_and(|before| {
            before.depth + 1 == node.depth && before.children == 1 && before.uid.is_some()
        });
        if is_only_child {
            line.push(' ');
        } else {
            if node.depth > 0
                && before.is_some_and(|before| before.depth < node.depth && before.uid.is_some())
            {
                line.push(' ');
            }
            line.push('(');
            open.push(node.depth);
        }
        if let Some(uid) = node.uid {
            // Writing to a String does not fail.
            let _ = write!(line, "{}", told(uid));
        }
        before = Some(node);
    }
    for _ in open {
        line.push(')');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(uid: u32, depth: u32, children: u32) -> Threaded {
        Threaded {
            uid: (uid > 0).then_some(uid),
            depth,
            children,
        }
    }

    fn written(nodes: &[Threaded]) -> String {
        let mut line = String::new();
        write(nodes, |uid| uid, &mut line);
        line
    }

    /// The examples of RFC 5256 §4.
    #[test]
    fn lists_in_lists() {
        let nodes = [
            node(2, 0, 0),
            node(3, 0, 1),
            node(6, 1, 2),
            node(4, 2, 1),
            node(23, 3, 0),
            node(44, 2, 1),
            node(7, 3, 1),
            node(96, 4, 0),
        ];
        assert_eq!(written(&nodes), "(2)(3 6 (4 23)(44 7 96))");
        let headless = [node(0, 0, 2), node(3, 1, 0), node(5, 1, 0)];
        assert_eq!(written(&headless), "((3)(5))");
    }

    #[test]
    fn a_long_conversation_overflows_nothing() {
        let nodes: Vec<_> = (0..100_000)
            .map(|depth| node(depth + 1, depth, u32::from(depth < 99_999)))
            .collect();
        assert!(written(&nodes).ends_with(" 100000)"));
    }

    use crate::testing::{Office, message};

    #[tokio::test]
    async fn conversations() {
        let office = Office::open().await;
        office.deliver(message("a", "x")).await;
        office.deliver(message("b", "x")).await;
        office
            .deliver(
                "Message-ID: <r@x>\r\nIn-Reply-To: <a@example.org>\r\nSubject: Re: a\r\n\r\nx\r\n",
            )
            .await;
        let mut client = office.selected().await;
        client
            .tells("THREAD REFERENCES UTF-8 ALL", &["* THREAD (1 3)(2)"])
            .await;
        // By date: the answer has none, its arrival stands in.
        client
            .tells(
                "UID THREAD ORDEREDSUBJECT UTF-8 ALL",
                &["* THREAD (3 1)(2)"],
            )
            .await;
        client
            .tells("THREAD REFERENCES UTF-8 SUBJECT nothing", &["* THREAD"])
            .await;
    }
}
