//! Threads by the ids that messages refer to: the algorithm `REFERENCES` of RFC 5256 §3, step by step.
//!
//! Everything lies in arrays and nothing recurses: a chain of 100,000 answers needs no deeper stack than one answer.

use std::collections::HashMap;

use super::{
    Message, Name, Threaded,
    forest::{Forest, NONE},
};

/// Who refers to whom, gathered message by message.
#[derive(Default)]
pub(super) struct References {
    forest: Forest,
    /// The message of each node; [`NONE`]: it is referred to and not there.
    message_of: Vec<u32>,
    /// The node of each id.
    node_of: HashMap<Name, u32>,
    /// The node of each message.
    nodes: Vec<u32>,
}

impl References {
    /// Takes the next message, with its own id and those that it refers to, its nearest last (step 1).
    pub(super) fn add(&mut self, id: Option<Name>, refers_to: &[Name]) {
        let number = self.nodes.len() as u32;
        let node = match id.map(|id| self.node(id)) {
            Some(node) if self.message_of[node as usize] == NONE => node,
            // No id, or one that an earlier message has: it is known by none.
            Some(_) | None => self.add_node(),
        };
        self.message_of[node as usize] = number;
        self.nodes.push(node);
        // Step 1.A: those that it refers to, each the parent of the next, as long as nobody says otherwise.
        let mut parent = NONE;
        for id in refers_to {
            let referred = self.node(*id);
            if parent != NONE && self.forest.parent(referred) == NONE {
                self.forest.link(referred, parent);
            }
            parent = referred;
        }
        // Step 1.B: what the message itself says of its parent counts.
        self.forest.cut(node);
        if parent != NONE {
            self.forest.link(node, parent);
        }
    }

    /// The threads (steps 2 to 6).
    pub(super) fn threads(self, messages: &[Message]) -> Vec<Threaded> {
        let mut tree = self.pruned(messages);
        let siblings = &tree.siblings;
        tree.roots.sort_by_cached_key(|root| siblings.age(*root));
        tree.merge_subjects();
        tree.finish()
    }

    /// The tree without the dummies, but those at its top that have several children (steps 2 and 3).
    fn pruned(self, messages: &[Message]) -> Tree<'_> {
        let mut tree = Tree {
            siblings: Siblings {
                messages,
                children: vec![Vec::new(); messages.len()],
            },
            roots: Vec::new(),
        };
        let above = self.above_dummies();
        // The children of each dummy at the top.
        let mut tops: HashMap<u32, Vec<u32>> = HashMap::new();
        for (number, node) in self.nodes.iter().enumerate() {
            let number = number as u32;
            match self.forest.parent(*node) {
                NONE => tree.roots.push(number),
                parent => match above[parent as usize] {
                    Above::Message(parent) => tree.siblings.children[parent as usize].push(number),
                    Above::Top(top) => tops.entry(top).or_default().push(number),
                },
            }
        }
        for children in tops.into_values() {
            match children[..] {
                [only] => tree.roots.push(only),
                _ => {
                    let dummy = tree.siblings.add_dummy(children);
                    tree.roots.push(dummy);
                }
            }
        }
        tree
    }

    /// For each node, what its children are below once dummies are gone: itself or the next message above it, or the dummy at the top.
    fn above_dummies(&self) -> Vec<Above> {
        let mut above: Vec<Option<Above>> = self
            .message_of
            .iter()
            .map(|message| (*message != NONE).then_some(Above::Message(*message)))
            .collect();
        let mut way = Vec::new();
        for node in 0..above.len() as u32 {
            let mut at = node;
            let found = loop {
                if let Some(known) = above[at as usize] {
                    break known;
                }
                way.push(at);
                match self.forest.parent(at) {
                    NONE => break Above::Top(at),
                    parent => at = parent,
                }
            };
            for passed in way.drain(..) {
                above[passed as usize] = Some(found);
            }
        }
        above
            .into_iter()
            .map(|found| found.unwrap_or(Above::Top(NONE)))
            .collect()
    }

    fn node(&mut self, id: Name) -> u32 {
        if let Some(node) = self.node_of.get(&id) {
            return *node;
        }
        let node = self.add_node();
        self.node_of.insert(id, node);
        node
    }

    fn add_node(&mut self) -> u32 {
        self.message_of.push(NONE);
        self.forest.add()
    }
}

#[derive(Clone, Copy, Debug)]
enum Above {
    Message(u32),
    Top(u32),
}

/// The threads in the making. Numbers beyond the messages' are dummies, which lie at the top only.
struct Tree<'m> {
    siblings: Siblings<'m>,
    roots: Vec<u32>,
}

struct Siblings<'m> {
    messages: &'m [Message],
    children: Vec<Vec<u32>>,
}

impl Siblings<'_> {
    fn add_dummy(&mut self, children: Vec<u32>) -> u32 {
        self.children.push(children);
        self.children.len() as u32 - 1
    }

    fn is_dummy(&self, node: u32) -> bool {
        node as usize >= self.messages.len()
    }

    /// A dummy's oldest child, or the node itself.
    fn first(&self, node: u32) -> u32 {
        if !self.is_dummy(node) {
            return node;
        }
        let age = |child: &u32| (self.messages[*child as usize].date, *child);
        let oldest = self.children[node as usize].iter().copied().min_by_key(age);
        // A dummy without children is none.
        oldest.unwrap_or(0)
    }

    /// By what siblings are sorted.
    fn age(&self, node: u32) -> (i64, u32) {
        let first = self.first(node);
        (self.messages[first as usize].date, first)
    }

    /// The thread's subject.
    fn subject(&self, node: u32) -> Option<Name> {
        self.messages[self.first(node) as usize].subject
    }

    fn is_reply(&self, node: u32) -> bool {
        !self.is_dummy(node) && self.messages[node as usize].is_reply
    }
}

impl Tree<'_> {
    /// Joins threads with the same subject (step 5). The roots are sorted.
    fn merge_subjects(&mut self) {
        let siblings = &mut self.siblings;
        let subjects: Vec<_> = self
            .roots
            .iter()
            .map(|root| siblings.subject(*root))
            .collect();
        let mut table: HashMap<Name, u32> = HashMap::new();
        for (root, subject) in self.roots.iter().zip(&subjects) {
            let Some(subject) = subject else { continue };
            let kept = table.entry(*subject).or_insert(*root);
            let replaces = !siblings.is_dummy(*kept)
                && (siblings.is_dummy(*root)
                    || (siblings.is_reply(*kept) && !siblings.is_reply(*root)));
            if replaces {
                *kept = *root;
            }
        }
        // Those that are not at the top any more, and the dummies that are there instead.
        let mut moved = vec![false; siblings.children.len()];
        let mut dummies = Vec::new();
        for (root, subject) in self.roots.iter().zip(&subjects) {
            let kept = subject.and_then(|subject| table.get_mut(&subject));
            let Some(kept) = kept.filter(|kept| **kept != *root && !moved[*root as usize]) else {
                continue;
            };
            moved[*root as usize] = true;
            let below_kept = siblings.is_reply(*root) && !siblings.is_reply(*kept);
            if siblings.is_dummy(*kept) && siblings.is_dummy(*root) {
                let children = std::mem::take(&mut siblings.children[*root as usize]);
                siblings.children[*kept as usize].extend(children);
            } else if siblings.is_dummy(*kept) || below_kept {
                siblings.children[*kept as usize].push(*root);
            } else {
                moved[*kept as usize] = true;
                *kept = siblings.add_dummy(vec![*kept, *root]);
                dummies.push(*kept);
            }
        }
        self.roots.retain(|root| !moved[*root as usize]);
        self.roots.append(&mut dummies);
    }

    /// Sorts all siblings (step 6) and writes the threads down.
    fn finish(mut self) -> Vec<Threaded> {
        let messages = self.siblings.messages;
        for children in &mut self.siblings.children {
            children.sort_unstable_by_key(|child| (messages[*child as usize].date, *child));
        }
        self.roots
            .sort_by_cached_key(|root| self.siblings.age(*root));
        let mut threaded = Vec::with_capacity(messages.len());
        let mut open: Vec<(u32, u32)> = self.roots.iter().rev().map(|root| (*root, 0)).collect();
        while let Some((node, depth)) = open.pop() {
            let children = &self.siblings.children[node as usize];
            threaded.push(Threaded {
                uid: messages.get(node as usize).map(|message| message.uid),
                depth,
                children: children.len() as u32,
            });
            open.extend(children.iter().rev().map(|child| (*child, depth + 1)));
        }
        threaded
    }
}
