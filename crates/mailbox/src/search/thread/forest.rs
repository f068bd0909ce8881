//! Trees that grow and break: who is whose parent, and whether a new link would close a circle.
//!
//! Walking up answers that as long as the trees are low. The first time that one is not, a link-cut tree (Sleator and Tarjan) is laid
//! over them, so that no chain of answers, however long, makes the work more than n log n.

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// Nodes, numbered from 0, each with at most one parent.
#[derive(Default)]
pub(super) struct Forest {
    parent: Vec<u32>,
    paths: Option<Paths>,
}

impl Forest {
    /// Adds a node without a parent.
    pub(super) fn add(&mut self) -> u32 {
        self.parent.push(NONE);
        if let Some(paths) = &mut self.paths {
            paths.add();
        }
        self.parent.len() as u32 - 1
    }

    /// A node's parent, or [`NONE`].
    pub(super) fn parent(&self, node: u32) -> u32 {
        self.parent[node as usize]
    }

    /// Makes `child`, which has no parent, a child of `parent`, unless that would close a circle.
    pub(super) fn link(&mut self, child: u32, parent: u32) {
        debug_assert_eq!(self.parent(child), NONE);
        if self.is_in_tree_of(parent, child) {
            return;
        }
        self.parent[child as usize] = parent;
        if let Some(paths) = &mut self.paths {
            paths.link(child, parent);
        }
    }

    /// Takes `child` away from its parent, if it has one.
    pub(super) fn cut(&mut self, child: u32) {
        if self.parent(child) == NONE {
            return;
        }
        self.parent[child as usize] = NONE;
        if let Some(paths) = &mut self.paths {
            paths.cut(child);
        }
    }

    /// Whether `root`, which has no parent, is at the top of the tree that `node` is in.
    fn is_in_tree_of(&mut self, node: u32, root: u32) -> bool {
        let mut at = node;
        for _ in 0..WALK {
            match self.parent(at) {
                NONE => return at == root,
                parent => at = parent,
            }
        }
        let paths = self.paths.get_or_insert_with(|| Paths::new(&self.parent));
        paths.root(node) == root
    }
}

/// A link-cut tree: each path down a tree is a splay tree, its nodes in the order of their depth.
struct Paths {
    /// The parent in the splay tree, or, at its root, the node that the path hangs on.
    up: Vec<u32>,
    /// What is higher in the tree.
    left: Vec<u32>,
    /// What is lower.
    right: Vec<u32>,
}

impl Paths {
    /// Each node is a path of its own at first.
    fn new(parent: &[u32]) -> Self {
        Self {
            up: parent.to_vec(),
            left: vec![NONE; parent.len()],
            right: vec![NONE; parent.len()],
        }
    }

    fn add(&mut self) {
        self.up.push(NONE);
        self.left.push(NONE);
        self.right.push(NONE);
    }

    fn link(&mut self, child: u32, parent: u32) {
        self.access(child);
        self.up[child as usize] = parent;
    }

    fn cut(&mut self, child: u32) {
        self.access(child);
        let above = std::mem::replace(&mut self.left[child as usize], NONE);
        if above != NONE {
            self.up[above as usize] = NONE;
        }
    }

    fn root(&mut self, node: u32) -> u32 {
        self.access(node);
        let mut root = node;
        while self.left[root as usize] != NONE {
            root = self.left[root as usize];
        }
        self.splay(root);
        root
    }

    /// Makes the way from the root down to `node` one path, with `node` at the root of its splay tree.
    fn access(&mut self, node: u32) {
        let mut below = NONE;
        let mut at = node;
        while at != NONE {
            self.splay(at);
            self.right[at as usize] = below;
            below = at;
            at = self.up[at as usize];
        }
        self.splay(node);
    }

    fn splay(&mut self, node: u32) {
        while let Some(parent) = self.splay_parent(node) {
            if let Some(above) = self.splay_parent(parent) {
                let straight =
                    (self.left[parent as usize] == node) == (self.left[above as usize] == parent);
                self.rotate(if straight { parent } else { node });
            }
            self.rotate(node);
        }
    }

    /// The parent in the splay tree.
    fn splay_parent(&self, node: u32) -> Option<u32> {
        let up = self.up[node as usize];
        let is_inside =
            up != NONE && (self.left[up as usize] == node || self.right[up as usize] == node);
        is_inside.then_some(up)
    }

    /// Lifts `node` above its parent in the splay tree.
    fn rotate(&mut self, node: u32) {
        let (n, parent) = (node as usize, self.up[node as usize]);
        let p = parent as usize;
        let above = self.up[p];
        if above != NONE {
            let a = above as usize;
            if self.left[a] == parent {
                self.left[a] = node;
            } else if self.right[a] == parent {
                self.right[a] = node;
            }
        }
        let moved = if self.left[p] == node {
            let moved = std::mem::replace(&mut self.right[n], parent);
            self.left[p] = moved;
            moved
        } else {
            let moved = std::mem::replace(&mut self.left[n], parent);
            self.right[p] = moved;
            moved
        };
        if moved != NONE {
            self.up[moved as usize] = parent;
        }
        self.up[p] = node;
        self.up[n] = above;
    }
}

/// How many steps up are walked before paths are used.
const WALK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_walks_say_the_same() {
        let mut random = 7u64;
        let mut below = |limit: u32| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as u32 % limit
        };
        for nodes in [2, 5, 30, 300] {
            let mut forest = Forest::default();
            for _ in 0..nodes {
                forest.add();
            }
            forest.paths = Some(Paths::new(&forest.parent));
            for _ in 0..5_000 {
                let (one, other) = (below(nodes), below(nodes));
                match below(5) {
                    0 => forest.cut(one),
                    1 if forest.parent(one) == NONE => forest.link(one, other),
                    _ => {
                        // Mostly long chains.
                        let next = (one + 1) % nodes;
                        if forest.parent(next) == NONE {
                            forest.link(next, one);
                        }
                    }
                }
                let mut root = other;
                while forest.parent(root) != NONE {
                    root = forest.parent(root);
                }
                let paths = forest.paths.as_mut().unwrap();
                assert_eq!(paths.root(other), root);
            }
        }
    }
}
