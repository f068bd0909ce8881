//! A query made ready: labels looked up, needles folded, what is cheap first, and answered in three values.
//!
//! A message is asked level by level: its row, its summary, its header, its body. What a level can't answer is unknown,
//! and only a message whose whole answer is unknown is asked at the next.

use std::{collections::HashMap, ops::Range};

use super::{field::Field, fold::Needle, query::Query};
use crate::{ContentId, Error, Facts, Flags, LabelSet, Labels, Row, ThreadId, UidSet};

/// A query made ready.
pub(super) struct Plan {
    root: Node,
    /// What is asked of more than the row; the nodes name them by number.
    pub(super) leaves: Vec<Leaf>,
    pub(super) needles: Vec<Needle>,
    /// How many nodes there are.
    pub(super) size: usize,
}

/// Asked of a message's summary, header or body.
pub(super) enum Leaf {
    SentDay(Range<i64>),
    /// A field that the summary keeps; `None`: it is there.
    Field(Field, Option<usize>),
    /// Any other field, its name folded.
    Header(Vec<u8>, Option<usize>),
    Body(usize),
    Text(usize),
}

/// Answers what the row does not.
pub(super) trait Answers {
    /// `None`: not known at this level.
    fn leaf(&mut self, number: usize) -> Option<bool>;
}

/// At the level of rows nothing else is known.
pub(super) struct RowAlone;

impl Answers for RowAlone {
    fn leaf(&mut self, _: usize) -> Option<bool> {
        None
    }
}

enum Node {
    Constant(bool),
    Not(Box<Node>),
    And(Vec<Node>),
    Any(Vec<Node>),
    Row(RowTest),
    Leaf(usize),
}

enum RowTest {
    Uids(UidSet),
    Flags(Flags),
    Labels(LabelSet),
    Attachments,
    InternalDate(Range<i64>),
    SaveDate(Range<i64>),
    Larger(u64),
    Smaller(u64),
    ModSeq(u64),
    Content(ContentId),
    Thread(ThreadId),
}

impl Plan {
    pub(super) fn new(query: &Query, labels: &Labels) -> Result<Self, Error> {
        let mut plan = Self {
            root: Node::Constant(true),
            leaves: Vec::new(),
            needles: Vec::new(),
            size: 0,
        };
        let mut known = HashMap::new();
        let (root, _) = plan.node(query, labels, &mut known, 0)?;
        plan.root = root;
        Ok(plan)
    }

    /// Whether a message is what is asked for; `None`: the next level must say.
    pub(super) fn answer(&self, row: &Row, answers: &mut impl Answers) -> Option<bool> {
        self.root.answer(row, answers)
    }

    /// The node of a query, and how costly it is.
    fn node<'q>(
        &mut self,
        query: &'q Query,
        labels: &Labels,
        known: &mut HashMap<&'q str, usize>,
        depth: usize,
    ) -> Result<(Node, u8), Error> {
        if depth > Query::MAX_DEPTH {
            return Err(Error::QueryTooDeep);
        }
        self.size += 1;
        let leaf = |plan: &mut Self, leaf: Leaf, cost| {
            plan.leaves.push(leaf);
            (Node::Leaf(plan.leaves.len() - 1), cost)
        };
        let labelled = |set: Option<LabelSet>| {
            set.map_or(Node::Constant(false), |set| Node::Row(RowTest::Labels(set)))
        };
        let test = match query {
            Query::All => return Ok((Node::Constant(true), 0)),
            Query::And(parts) => {
                let flat = flattened(parts, |part| match part {
                    Query::And(inner) => Some(inner),
                    _ => None,
                });
                let (nodes, cost) = self.nodes(flat, labels, known, depth)?;
                return Ok((Node::And(nodes), cost));
            }
            Query::Any(parts) => {
                let flat = flattened(parts, |part| match part {
                    Query::Any(inner) => Some(inner),
                    _ => None,
                });
                let (nodes, cost) = self.nodes(flat, labels, known, depth)?;
                return Ok((Node::Any(nodes), cost));
            }
            Query::Not(inner) => {
                let (node, cost) = self.node(inner, labels, known, depth + 1)?;
                return Ok((Node::Not(Box::new(node)), cost));
            }
            Query::Keyword(keyword) => return Ok((labelled(labels.keyword(keyword)), 0)),
            Query::Category(category) => return Ok((labelled(labels.category(category)), 0)),
            Query::SentDay(days) => return Ok(leaf(self, Leaf::SentDay(days.clone()), 1)),
            Query::Header { field, text } => {
                let needle = self.needle(text, known);
                return Ok(match Field::named(field) {
                    Some(field) => leaf(self, Leaf::Field(field, needle), 2),
                    None => {
                        let name = field.trim().to_ascii_uppercase().into_bytes();
                        leaf(self, Leaf::Header(name, needle), 3)
                    }
                });
            }
            Query::Body(text) => {
                return Ok(match self.needle(text, known) {
                    Some(needle) => leaf(self, Leaf::Body(needle), 4),
                    None => (Node::Constant(true), 0),
                });
            }
            Query::Text(text) => {
                return Ok(match self.needle(text, known) {
                    Some(needle) => leaf(self, Leaf::Text(needle), 4),
                    None => (Node::Constant(true), 0),
                });
            }
            Query::Uids(uids) => RowTest::Uids(uids.clone()),
            Query::Flags(flags) => RowTest::Flags(*flags),
            Query::Attachments => RowTest::Attachments,
            Query::InternalDate(range) => RowTest::InternalDate(range.clone()),
            Query::SaveDate(range) => RowTest::SaveDate(range.clone()),
            Query::Larger(size) => RowTest::Larger(*size),
            Query::Smaller(size) => RowTest::Smaller(*size),
            Query::ModSeq(mod_seq) => RowTest::ModSeq(*mod_seq),
            Query::Content(content) => RowTest::Content(*content),
            Query::Thread(thread) => RowTest::Thread(*thread),
        };
        Ok((Node::Row(test), 0))
    }

    /// The nodes of several queries, the cheap ones first, and how costly the last is.
    fn nodes<'q>(
        &mut self,
        queries: Vec<&'q Query>,
        labels: &Labels,
        known: &mut HashMap<&'q str, usize>,
        depth: usize,
    ) -> Result<(Vec<Node>, u8), Error> {
        let mut nodes = queries
            .into_iter()
            .map(|query| self.node(query, labels, known, depth + 1))
            .collect::<Result<Vec<_>, _>>()?;
        nodes.sort_by_key(|(_, cost)| *cost);
        let cost = nodes.last().map_or(0, |(_, cost)| *cost);
        Ok((nodes.into_iter().map(|(node, _)| node).collect(), cost))
    }

    /// The needle of a text, the same for the same text; `None` if the text is empty.
    fn needle<'q>(&mut self, text: &'q str, known: &mut HashMap<&'q str, usize>) -> Option<usize> {
        if text.is_empty() {
            return None;
        }
        let needles = &mut self.needles;
        Some(*known.entry(text).or_insert_with(|| {
            needles.push(Needle::new(text));
            needles.len() - 1
        }))
    }
}

impl Node {
    /// Its depth is that of the query, which is bounded.
    fn answer(&self, row: &Row, answers: &mut impl Answers) -> Option<bool> {
        match self {
            Self::Constant(holds) => Some(*holds),
            Self::Not(node) => node.answer(row, answers).map(|holds| !holds),
            Self::And(nodes) => combined(nodes, row, answers, true),
            Self::Any(nodes) => combined(nodes, row, answers, false),
            Self::Row(test) => Some(test.holds(row)),
            Self::Leaf(number) => answers.leaf(*number),
        }
    }
}

impl RowTest {
    fn holds(&self, row: &Row) -> bool {
        match self {
            Self::Uids(uids) => uids.contains(row.uid),
            Self::Flags(flags) => row.flags.contains(*flags),
            Self::Labels(labels) => row.labels.contains(*labels),
            Self::Attachments => row.facts.contains(Facts::ATTACHMENTS),
            Self::InternalDate(range) => range.contains(&row.internal_date),
            Self::SaveDate(range) => range.contains(&row.save_date),
            Self::Larger(size) => row.size > *size,
            Self::Smaller(size) => row.size < *size,
            Self::ModSeq(mod_seq) => row.mod_seq >= *mod_seq,
            Self::Content(content) => row.content == *content,
            Self::Thread(thread) => row.thread == *thread,
        }
    }
}

/// `And` (`neutral` is true) or `Any` of what the nodes answer. One that says otherwise decides, even behind an unknown one.
fn combined(nodes: &[Node], row: &Row, answers: &mut impl Answers, neutral: bool) -> Option<bool> {
    let mut all = Some(neutral);
    for node in nodes {
        match node.answer(row, answers) {
            Some(holds) if holds == neutral => {}
            Some(other) => return Some(other),
            None => all = None,
        }
    }
    all
}

/// `parts` with those that `inner` opens replaced by what is in them, however deep.
fn flattened<'q>(
    parts: &'q [Query],
    inner: impl Fn(&'q Query) -> Option<&'q Vec<Query>>,
) -> Vec<&'q Query> {
    let mut flat = Vec::new();
    let mut open: Vec<&Query> = parts.iter().rev().collect();
    while let Some(part) = open.pop() {
        match inner(part) {
            Some(parts) => open.extend(parts.iter().rev()),
            None => flat.push(part),
        }
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::block::tests::row;

    struct Fixed(Option<bool>);

    impl Answers for Fixed {
        fn leaf(&mut self, _: usize) -> Option<bool> {
            self.0
        }
    }

    fn plan(query: &Query) -> Plan {
        Plan::new(query, &Labels::default()).unwrap()
    }

    #[test]
    fn what_the_row_decides_is_decided_even_behind_what_is_unknown() {
        let text = Query::Text("x".into());
        let small = Query::Smaller(10);
        let large = Query::Larger(10);
        let row = row(5);
        for (query, expected) in [
            (Query::And(vec![text.clone(), small.clone()]), Some(false)),
            (Query::And(vec![text.clone(), large.clone()]), None),
            (Query::Any(vec![text.clone(), large.clone()]), Some(true)),
            (Query::Any(vec![text.clone(), small.clone()]), None),
            (Query::Not(Box::new(text.clone())), None),
            (Query::Not(Box::new(small)), Some(true)),
            (Query::And(vec![]), Some(true)),
            (Query::Any(vec![]), Some(false)),
            (Query::Text(String::new()), Some(true)),
            (Query::Keyword("unheard".into()), Some(false)),
        ] {
            let plan = plan(&query);
            assert_eq!(plan.answer(&row, &mut RowAlone), expected, "{query:?}");
        }
        let query = Query::And(vec![Query::Not(Box::new(text)), large]);
        assert_eq!(
            plan(&query).answer(&row, &mut Fixed(Some(false))),
            Some(true)
        );
    }

    #[test]
    fn long_chains_are_one_level_and_depth_is_bounded() {
        let chain = |length, wrap: fn(Query, Query) -> Query| {
            (0..length).fold(Query::Text("end".into()), |rest, number| {
                wrap(Query::Text(format!("t{}", number % 10)), rest)
            })
        };
        let any = chain(2000, |one, rest| Query::Any(vec![one, rest]));
        let plan = plan(&any);
        assert_eq!((plan.leaves.len(), plan.needles.len()), (2001, 11));
        let deep = chain(200, |one, rest| {
            Query::Any(vec![one, Query::And(vec![rest, Query::All])])
        });
        assert!(matches!(
            Plan::new(&deep, &Labels::default()),
            Err(Error::QueryTooDeep)
        ));
    }
}
