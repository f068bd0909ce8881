//! The record of a DKIM key (RFC 6376 §3.6.1), as far as it takes to tell whether one in DNS is that of our key.

/// What a record says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeyRecord {
    /// `rsa`, `ed25519`
    kind: String,
    /// The public key in base64, without white space. Empty: the key was taken back.
    public: String,
    /// Whether a signature by it counts: it is for mail, with SHA-256, and not being tested.
    counts: bool,
}

impl KeyRecord {
    /// Reads it. `None`: it is another text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (mut kind, mut public, mut counts) = ("rsa".to_owned(), None, true);
        for (position, tag) in text.split(';').enumerate() {
            let Some((name, value)) = tag.split_once('=') else {
                // A ";" may stand at the end (§3.2); anything else is no list of tags.
                if tag.trim().is_empty() {
                    continue;
                }
                return None;
            };
            let value = value.trim();
            let has = |wanted: &str| value.split(':').any(|one| one.trim() == wanted);
            match name.trim() {
                // It need not be there, but has to come first.
                "v" if position != 0 || value != "DKIM1" => return None,
                "k" => value.clone_into(&mut kind),
                "p" => public = Some(value.split_whitespace().collect()),
                "h" => counts &= has("sha256"),
                "s" => counts &= has("*") || has("email"),
                "t" => counts &= !has("y"),
                _ => {}
            }
        }
        Some(Self {
            kind,
            public: public?,
            counts,
        })
    }

    /// Whether a signature by the key of this record is good by `found`.
    pub(crate) fn is_met_by(&self, found: &Self) -> bool {
        found.counts && (&self.kind, &self.public) == (&found.kind, &found.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "v=DKIM1; k=rsa; p=MIIBIjANBgkqh";

    #[test]
    fn a_record_of_the_same_key_is_right_however_it_is_written() {
        let ours = KeyRecord::parse(OURS).unwrap();
        for same in [
            OURS,
            "v=DKIM1;k=rsa;p=MIIBIjANBgkqh;",
            "p=MIIBIj ANBg kqh",
            "v = DKIM1; h=sha1:sha256; s=email; t=s; n=ours; p=MIIBIjANBgkqh",
        ] {
            let same = KeyRecord::parse(same).unwrap();
            assert!(ours.is_met_by(&same), "{same:?}");
        }
        for other in [
            "v=DKIM1; k=ed25519; p=MIIBIjANBgkqh",
            "v=DKIM1; k=rsa; p=MIIBIjANBgkqH",
            "v=DKIM1; p=",
            "v=DKIM1; t=s:y; p=MIIBIjANBgkqh",
            "v=DKIM1; h=sha1; p=MIIBIjANBgkqh",
            "v=DKIM1; s=other; p=MIIBIjANBgkqh",
        ] {
            let other = KeyRecord::parse(other).unwrap();
            assert!(!ours.is_met_by(&other), "{other:?}");
        }
    }

    #[test]
    fn other_texts_are_no_record() {
        for text in [
            "",
            "v=spf1 mx ~all",
            "v=DMARC1; p=none",
            "p=x; v=DKIM1",
            "v=DKIM1; k=rsa",
            "hello; p=x",
        ] {
            assert_eq!(KeyRecord::parse(text), None, "{text}");
        }
    }
}
