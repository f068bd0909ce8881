//! The messages: where they go, what they say, which were acknowledged.

use std::collections::BTreeMap;

use crate::copies::Copies;

/// Another address of bob's.
pub const ALIAS: &str = "robert@demo.test";
/// Alice, bob, and somebody elsewhere.
pub const GROUP: &str = "team@demo.test";
/// Him.
pub const FAR_MEMBER: &str = "u1@far.test";

/// How a message goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Route {
    /// In front, to both accounts.
    Accounts,
    /// In front, to an alias.
    Alias,
    /// In front, to the group.
    Group,
    /// Submitted, to somebody elsewhere.
    Far,
    /// Submitted, to bob and somebody elsewhere.
    FarAndHere,
}

impl Route {
    /// The route of the message with that number.
    pub fn of(number: u32) -> Self {
        match number % 5 {
            0 => Self::Accounts,
            1 => Self::Alias,
            2 => Self::Group,
            3 => Self::Far,
            _ => Self::FarAndHere,
        }
    }

    /// Whether it is submitted to us, and not brought by the Postfix in front.
    pub fn is_submitted(self) -> bool {
        matches!(self, Self::Far | Self::FarAndHere)
    }

    /// Which accounts of ours get it (0: alice, 1: bob), and by which address the Postfix in front knows them, if it brings it.
    pub fn here(self) -> &'static [(usize, &'static str)] {
        match self {
            Self::Accounts => &[(0, "alice@demo.test"), (1, "bob@demo.test")],
            Self::Alias => &[(1, ALIAS)],
            Self::Group => &[(0, GROUP), (1, GROUP)],
            Self::Far => &[],
            Self::FarAndHere => &[(1, "bob@demo.test")],
        }
    }

    /// Who gets it elsewhere.
    pub fn far(self) -> Option<&'static str> {
        match self {
            Self::Accounts | Self::Alias => None,
            Self::Group => Some(FAR_MEMBER),
            Self::Far => Some("u2@far.test"),
            Self::FarAndHere => Some("u3@far.test"),
        }
    }

    /// Its recipients.
    pub fn recipients(self) -> Vec<&'static str> {
        let mut all: Vec<&str> = self.here().iter().map(|(_, address)| *address).collect();
        all.dedup();
        if self.is_submitted() {
            all.extend(self.far());
        }
        all
    }
}

/// The text of a try, which its name is in. Some are long enough to be cut in the middle by a kill.
pub fn text(name: &str, number: u32, sender: &str) -> String {
    let lines = if number % 10 < 2 { 1500 } else { 3 };
    let body = format!("this is {name}\r\n.dots lead here\r\n").repeat(lines);
    format!(
        "From: <{sender}>\r\nSubject: try {name}\r\nMessage-ID: <{name}@kills.test>\r\n\r\n{body}"
    )
}

/// One try to send a message.
#[derive(Clone, Copy, Debug)]
pub struct Try {
    /// The message's.
    pub number: u32,
    /// Whether a 250 came.
    pub is_acknowledged: bool,
}

impl Try {
    /// How it goes.
    pub fn route(self) -> Route {
        Route::of(self.number)
    }
}

/// All tries, by name.
#[derive(Debug, Default)]
pub struct Ledger {
    /// `NUMBER.TRY` and what became of it.
    pub tries: BTreeMap<String, Try>,
}

impl Ledger {
    /// How many messages were acknowledged.
    pub fn acknowledged(&self) -> u32 {
        self.tries
            .values()
            .filter(|one| one.is_acknowledged)
            .count() as u32
    }
}

/// What was submitted to somebody here is in his mailbox once, if it was acknowledged; nobody submits a try a second time.
pub fn check_submitted_here(ledger: &Ledger, ours: &[Copies]) {
    for (name, one) in &ledger.tries {
        let route = one.route();
        if !route.is_submitted() {
            continue;
        }
        for (account, address) in route.here() {
            let there = ours[*account].of(name).len();
            let least = usize::from(one.is_acknowledged);
            assert!(
                (least..=1).contains(&there),
                "{name}, {one:?}: {there} copies for {address}"
            );
        }
    }
}
