//! What Dovecot keeps beside the messages of a Maildir: `dovecot-uidlist` and `dovecot-keywords`.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use crate::command::import::source::{Origin, Uids};

/// What is known of one folder while its files are written.
#[derive(Debug, Default)]
pub struct Beside {
    /// The uidlist, while mail of this folder comes.
    list: Option<BufWriter<File>>,
    /// Whether it is begun.
    begun: bool,
    keywords: Vec<String>,
    left_out: Vec<String>,
}

impl Beside {
    /// The letter that stands for a keyword in the names of files; `None`: there are no more of them.
    pub fn letter(&mut self, keyword: &str) -> Option<char> {
        let known = self.keywords.iter().position(|one| one == keyword);
        let number = known.unwrap_or(self.keywords.len());
        if number >= LETTERS {
            if !self.left_out.iter().any(|one| one == keyword) {
                self.left_out.push(keyword.to_owned());
            }
            return None;
        }
        if known.is_none() {
            self.keywords.push(keyword.to_owned());
        }
        char::from_u32(u32::from('a') + number as u32)
    }

    /// A file is there, under that name and with so many bytes when its lines end in CRLF.
    pub fn add(
        &mut self,
        directory: &Path,
        name: &str,
        size: u64,
        origin: &Origin,
    ) -> io::Result<()> {
        let (Some(uid), Some(uids)) = (origin.uid, origin.uids) else {
            return Ok(());
        };
        let list = self.list(directory, uids)?;
        write!(list, "{uid}")?;
        if let Some(uidl) = &origin.uidl {
            write!(list, " P{uidl}")?;
        }
        writeln!(list, " W{size} :{name}")
    }

    /// No mail of this folder comes for now.
    pub fn rest(&mut self) -> io::Result<()> {
        if let Some(list) = self.list.take() {
            list.into_inner()?.sync_all()?;
        }
        Ok(())
    }

    fn list(&mut self, directory: &Path, uids: Uids) -> io::Result<&mut BufWriter<File>> {
        let mut list = match self.list.take() {
            Some(list) => list,
            None => BufWriter::new(
                File::options()
                    .create(true)
                    .append(true)
                    .open(directory.join("dovecot-uidlist"))?,
            ),
        };
        if !self.begun {
            writeln!(list, "3 V{} N{}", uids.validity, uids.next)?;
            self.begun = true;
        }
        Ok(self.list.insert(list))
    }

    /// Ends the files; the keywords that are not in them.
    pub fn finish(&mut self, directory: &Path, uids: Uids) -> io::Result<&[String]> {
        self.list(directory, uids)?;
        self.rest()?;
        if !self.keywords.is_empty() {
            let mut text = String::new();
            for (number, keyword) in self.keywords.iter().enumerate() {
                // Writing to a String does not fail.
                let _ = writeln!(text, "{number} {keyword}");
            }
            file(&directory.join("dovecot-keywords"), &text)?;
        }
        Ok(&self.left_out)
    }
}

fn file(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// `a` to `z`.
const LETTERS: usize = 26;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_given_in_order_and_end() {
        let mut beside = Beside::default();
        for number in 0..30 {
            beside.letter(&format!("k{number}"));
        }
        assert_eq!(beside.letter("k0"), Some('a'));
        assert_eq!(beside.letter("k25"), Some('z'));
        assert_eq!(beside.letter("k26"), None);
        assert_eq!(beside.left_out, ["k26", "k27", "k28", "k29"]);
    }
}
