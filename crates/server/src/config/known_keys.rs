//! Which keys exist, and what to say of one that does not: its line, and the nearest key that does.
//!
//! The known keys are asked of the section structs themselves, so there is no list to forget.

use std::path::Path;

use serde::{Deserialize, Deserializer, de};
use toml::de::{DeTable, DeValue};

use super::{
    AcmeSection, ActiveSyncSection, CertificateFiles, Config, DirectorySection, HttpSection,
    ImapSection, LimitsSection, Listener, LmtpSection, LogSection, MailboxSection, PolicySection,
    Pop3Section, QuotaSection, RelaySection, ServerSection, StoreSection, SubmissionSection,
    TlsSection, TransportSection,
};
use crate::error::{ConfigError, UnknownKey};

/// Refuses the first key of `text` that no section knows.
pub fn check(text: &str, file: &Path) -> Result<(), ConfigError> {
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        file: file.to_owned(),
        line: error.span().map_or(1, |span| line_of(text, span.start)),
        reason: error.message().to_owned(),
    })?;
    let place = Place { text, file };
    for (name, value) in table.get_ref() {
        let section = name.get_ref().as_ref();
        let Some(keys) = section_keys(section).filter(|_| !section.contains('.')) else {
            return Err(place.unknown(name.span().start, section, "", &sections()));
        };
        match value.get_ref() {
            DeValue::Table(entries) => place.check_table(entries, section, keys)?,
            DeValue::Array(tables) => {
                for entries in tables.iter().filter_map(|one| one.get_ref().as_table()) {
                    place.check_table(entries, section, keys)?;
                }
            }
            // Not a table: serde says so, with its line.
            _ => {}
        }
    }
    Ok(())
}

/// The names of all sections.
pub fn sections() -> Vec<&'static str> {
    fields_of::<Config>().to_vec()
}

/// The keys of `section`.
pub fn section_keys(section: &str) -> Option<&'static [&'static str]> {
    Some(match section {
        "server" => fields_of::<ServerSection>(),
        "store" => fields_of::<StoreSection>(),
        "mailbox" => fields_of::<MailboxSection>(),
        "tls" => fields_of::<TlsSection>(),
        "acme" => fields_of::<AcmeSection>(),
        "log" => fields_of::<LogSection>(),
        "limits" => fields_of::<LimitsSection>(),
        "directory" => fields_of::<DirectorySection>(),
        "quota" => fields_of::<QuotaSection>(),
        "imap" => fields_of::<ImapSection>(),
        "pop3" => fields_of::<Pop3Section>(),
        "http" => fields_of::<HttpSection>(),
        "activesync" => fields_of::<ActiveSyncSection>(),
        "activesync.policy" => fields_of::<PolicySection>(),
        "lmtp" => fields_of::<LmtpSection>(),
        "submission" => fields_of::<SubmissionSection>(),
        "relay" => fields_of::<RelaySection>(),
        "transport" => fields_of::<TransportSection>(),
        "listener" => fields_of::<Listener>(),
        _ => return None,
    })
}

/// The line of the byte at `offset`, counted from 1.
pub fn line_of(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    1 + before.bytes().filter(|byte| *byte == b'\n').count()
}

/// What to offer instead of `key`: the nearest of `known`, or a key of another section by the very same name.
pub fn nearest(key: &str, section: &str, known: &[&str]) -> Option<String> {
    if let Some(elsewhere) = sections().into_iter().find(|other| {
        *other != section && section_keys(other).is_some_and(|keys| keys.contains(&key))
    }) && !section.is_empty()
    {
        return Some(format!("{key} in [{elsewhere}]"));
    }
    let best = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(key, candidate), *candidate))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.7).then(|| best.1.to_owned())
}

/// What to say of a value that is none of those that a key takes, which serde's `message` tells: `` unknown variant `a`,
/// expected `b` or `c` ``. `None` = it tells something else.
pub fn unknown_value(message: &str) -> Option<String> {
    let mut quoted = message
        .strip_prefix("unknown variant ")?
        .split('`')
        .skip(1)
        .step_by(2);
    let value = quoted.next()?;
    let known: Vec<&str> = quoted.collect();
    let meant = nearest(value, "", &known)
        .map(|nearest| format!("did you mean \"{nearest}\"? "))
        .unwrap_or_default();
    let known = known.join(", ");
    Some(format!(
        "there is no value \"{value}\" here; {meant}known: {known}"
    ))
}

struct Place<'a> {
    text: &'a str,
    file: &'a Path,
}

impl Place<'_> {
    fn check_table(
        &self,
        entries: &DeTable<'_>,
        section: &str,
        known: &[&'static str],
    ) -> Result<(), ConfigError> {
        for (key, value) in entries {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                return Err(self.unknown(key.span().start, name, section, known));
            }
            if (section, name) == ("activesync", "policy")
                && let DeValue::Table(policy) = value.get_ref()
            {
                let known = fields_of::<PolicySection>();
                self.check_table(policy, "activesync.policy", known)?;
            }
            if (section, name) == ("tls", "certificates")
                && let DeValue::Array(certificates) = value.get_ref()
            {
                let known = fields_of::<CertificateFiles>();
                for one in certificates
                    .iter()
                    .filter_map(|one| one.get_ref().as_table())
                {
                    self.check_table(one, "tls.certificates", known)?;
                }
            }
        }
        Ok(())
    }

    fn unknown(&self, offset: usize, key: &str, section: &str, known: &[&str]) -> ConfigError {
        ConfigError::UnknownKey(Box::new(UnknownKey {
            file: self.file.to_owned(),
            line: line_of(self.text, offset),
            key: key.to_owned(),
            section: section.to_owned(),
            nearest: nearest(key, section, known),
            known: known.join(", "),
        }))
    }
}

/// The field names that a struct's derived `Deserialize` knows.
///
/// The derive hands them to whichever deserializer it is given; this one notes them and gives up.
fn fields_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    struct Ask<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Ask<'_> {
        type Error = de::value::Error;

        fn deserialize_any<V: de::Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(de::Error::custom("only asked for its fields"))
        }

        fn deserialize_struct<V: de::Visitor<'de>>(
            self,
            _name: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            Err(de::Error::custom("only asked for its fields"))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    let mut fields: &'static [&'static str] = &[];
    let asked = T::deserialize(Ask(&mut fields));
    debug_assert!(asked.is_err());
    fields
}
