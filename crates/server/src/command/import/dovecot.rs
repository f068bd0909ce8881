//! What Dovecot keeps beside the messages of a Maildir.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::Path,
};

use super::{
    mbox_fields::MAX_KEYWORD,
    source::{Origin, Uids},
};

/// `dovecot-uidlist`: the uids of a folder's files. What does not read is passed over: it costs a client a download.
#[derive(Debug, Default)]
pub struct UidList {
    /// `None` = there is no list, or none that reads.
    pub uids: Option<Uids>,
    by_name: HashMap<String, Origin>,
}

impl UidList {
    /// That of a directory.
    pub fn read(directory: &Path) -> io::Result<Self> {
        Ok(Self::parse(&text(&directory.join("dovecot-uidlist"))?))
    }

    /// Version 3 begins with `3 V1500000000 N17 G…`, and has lines like `16 P0001 W520 :1500000000.M1P2.host`; version 1
    /// begins with `1 1500000000 17`, and has lines like `16 1500000000.M1P2.host`.
    pub fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let mut words = lines.next().unwrap_or_default().split_ascii_whitespace();
        let version = words.next();
        let mut uids = Uids {
            validity: 0,
            next: 1,
        };
        let number = |word: Option<&str>| word.and_then(|word| word.parse().ok()).unwrap_or(0);
        match version {
            Some("3") => {
                for word in words {
                    match word.split_at_checked(1) {
                        Some(("V", validity)) => uids.validity = number(Some(validity)),
                        Some(("N", next)) => uids.next = number(Some(next)),
                        _ => {}
                    }
                }
            }
            Some("1") => {
                uids.validity = number(words.next());
                uids.next = number(words.next());
            }
            _ => {}
        }
        if uids.validity == 0 {
            return Self::default();
        }
        let mut by_name = HashMap::new();
        let mut taken = HashSet::new();
        for line in lines {
            let (fields, name) = if version == Some("3") {
                line.split_once(" :").unwrap_or_default()
            } else {
                line.split_once(' ').unwrap_or_default()
            };
            let mut fields = fields.split(' ');
            let uid = number(fields.next());
            if uid == 0 || uid == u32::MAX || name.is_empty() || !taken.insert(uid) {
                continue;
            }
            uids.next = uids.next.max(uid + 1);
            let uidl = fields.find_map(|field| field.strip_prefix('P'));
            by_name.insert(
                base_name(name).to_owned(),
                Origin {
                    uid: Some(uid),
                    uidl: uidl.map(String::from),
                    uids: None,
                },
            );
        }
        Self {
            uids: Some(uids),
            by_name,
        }
    }

    /// What the file of that name was known by. In the inbox, which POP3 shows, an item without a unique-id of its own
    /// has the one that Dovecot makes unless it is told otherwise: `pop3_uidl_format = %08Xu%08Xv`.
    pub fn origin(&self, file: &str, is_inbox: bool) -> Origin {
        let mut origin = self
            .by_name
            .get(base_name(file))
            .cloned()
            .unwrap_or_default();
        if let (None, Some(uid), Some(uids), true) = (&origin.uidl, origin.uid, self.uids, is_inbox)
        {
            origin.uidl = Some(format!("{uid:08x}{:08x}", uids.validity));
        }
        origin
    }
}

/// `dovecot-keywords`: the keywords behind the letters `a` to `z` in the names of a folder's files.
#[derive(Debug, Default)]
pub struct Keywords([Option<String>; 26]);

impl Keywords {
    /// Those of a directory.
    pub fn read(directory: &Path) -> io::Result<Self> {
        Ok(Self::parse(&text(&directory.join("dovecot-keywords"))?))
    }

    /// Lines like `0 $Forwarded`.
    pub fn parse(text: &str) -> Self {
        let mut all = Self::default();
        for line in text.lines() {
            if let Some((number, keyword)) = line.split_once(' ')
                && let Ok(number) = number.parse::<usize>()
                && let Some(place) = all.0.get_mut(number)
                && keyword.len() <= MAX_KEYWORD
            {
                *place = Some(keyword.to_owned());
            }
        }
        all
    }

    /// The keywords of a file of that name.
    pub fn of(&self, file: &str) -> Vec<String> {
        let letters = info(file).bytes().filter(u8::is_ascii_lowercase);
        let mut keywords: Vec<String> = letters
            .filter_map(|letter| self.0[usize::from(letter - b'a')].clone())
            .collect();
        // Maildir's own letter for what was passed on.
        if info(file).contains('P') && !keywords.iter().any(|keyword| keyword == FORWARDED) {
            keywords.push(FORWARDED.to_owned());
        }
        keywords
    }
}

/// The keyword of what was forwarded (RFC 5788).
const FORWARDED: &str = "$Forwarded";

/// The letters in the name of a Maildir's file that say how it is marked.
pub fn info(file: &str) -> &str {
    file.rsplit_once(":2,").map_or("", |(_, letters)| letters)
}

/// The part of its name that never changes.
fn base_name(file: &str) -> &str {
    file.split_once(':').map_or(file, |(base, _)| base)
}

/// A file's text; empty if there is none.
pub fn text(path: &Path) -> io::Result<String> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(io::Error::new(
            error.kind(),
            format!("{}: {error}", path.display()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_a_uidlist_are_read() {
        let list = UidList::parse(
            "3 V1500000000 N9 G57084c0b71d2056b7e26000083ecc375\n2 :a,S=1,W=2\n4 W5 P0-x G77 :b:2,S\n4 :twice\nx :c\n\n12",
        );
        assert_eq!(
            list.uids,
            Some(Uids {
                validity: 1_500_000_000,
                next: 9
            })
        );
        let a = list.origin("a,S=1,W=2:2,FS", false);
        assert_eq!((a.uid, a.uidl), (Some(2), None));
        let a = list.origin("a,S=1,W=2", true);
        assert_eq!(a.uidl.as_deref(), Some("0000000259682f00"));
        let b = list.origin("b", true);
        assert_eq!((b.uid, b.uidl.as_deref()), (Some(4), Some("0-x")));
        for unknown in ["c", "twice"] {
            assert_eq!(list.origin(unknown, true), Origin::default());
        }
        let list = UidList::parse("1 1500000000 3\n2 a\n7 b\n");
        assert_eq!(list.uids.unwrap().next, 8);
        assert_eq!(list.origin("b:2,", false).uid, Some(7));
        for broken in ["", "3", "2 V1 N1\n1 :a", "3 V0 N4\n1 :a", "\0\n"] {
            assert_eq!(UidList::parse(broken).uids, None, "{broken:?}");
        }
    }

    #[test]
    fn letters_are_keywords() {
        let keywords = Keywords::parse("0 $Forwarded\n2 work\n26 beyond\nx y\n1\n");
        assert_eq!(keywords.of("1.a.b:2,FSabcz"), ["$Forwarded", "work"]);
        assert_eq!(keywords.of("1.a.b:2,FPS"), ["$Forwarded"]);
        assert_eq!(keywords.of("1.a.b:2,PSac"), ["$Forwarded", "work"]);
        assert_eq!(keywords.of("abc"), [""; 0]);
    }
}
