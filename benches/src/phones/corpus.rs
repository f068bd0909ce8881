//! The mails: seeded, so that every server gets the same.
//!
//! 60 % have 2 to 8 KB, 28 % 8 to 30, 10 % 30 to 100, 2 % 100 to 400: some 17 KB on average. Half of the small ones are plain
//! text, the others text and HTML; from 30 KB on most of a mail is an attachment.

use std::fmt::Write as _;

/// A seeded row of mails.
#[derive(Clone)]
pub struct Corpus {
    seed: u64,
    words: Vec<String>,
}

impl Corpus {
    /// The row of that seed.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(77, 0);
        let words = (0..5000).map(|rank| word(rank, &mut random)).collect();
        Self { seed, words }
    }

    /// Mail number `number` to somebody.
    pub fn mail(&self, number: u64, to: &str) -> Vec<u8> {
        let mut random = Random::new(self.seed, number);
        let size = size(&mut random);
        let mut mail = String::with_capacity(size + 3000);
        self.header(number, to, &mut random, &mut mail);
        if size < 8000 && random.below(2) == 0 {
            mail.push_str("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
            self.plain(size, &mut random, &mut mail);
            return mail.into_bytes();
        }
        let attached = size >= 30_000;
        let body = if attached { 3000 } else { size };
        if attached {
            mail.push_str("Content-Type: multipart/mixed; boundary=\"outer\"\r\n\r\n--outer\r\n");
        }
        mail.push_str("Content-Type: multipart/alternative; boundary=\"inner\"\r\n\r\n--inner\r\n");
        mail.push_str("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n");
        self.plain(body * 3 / 10, &mut random, &mut mail);
        mail.push_str("\r\n--inner\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<html><body>\r\n");
        self.html(body * 7 / 10, &mut random, &mut mail);
        mail.push_str("</body></html>\r\n\r\n--inner--\r\n");
        if attached {
            let _ = write!(
                mail,
                "\r\n--outer\r\nContent-Type: application/pdf; name=\"paper{number}.pdf\"\r\n\
                 Content-Disposition: attachment; filename=\"paper{number}.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            );
            base64(size - body, "", &mut random, &mut mail);
            mail.push_str("\r\n--outer--\r\n");
        }
        mail.into_bytes()
    }

    fn header(&self, number: u64, to: &str, random: &mut Random, mail: &mut String) {
        let first = self.word(random);
        let last = self.word(random);
        let day = number % 28 + 1;
        let date = format!(
            "{day} Oct 2026 {:02}:{:02}:{:02} +0000",
            number / 3600 % 24,
            number / 60 % 60,
            number % 60
        );
        for relay in 0..3 {
            let _ = write!(
                mail,
                "Received: from relay{relay}.{last}.example.test (relay{relay}.{last}.example.test [192.0.2.{}])\r\n\
                 \tby mx{relay}.example.test (Postfix) with ESMTPS id {:010X}\r\n\tfor <{to}>; {date}\r\n",
                random.below(250),
                random.next() >> 24,
            );
        }
        let _ = write!(
            mail,
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={last}.example.test; s=s1;\r\n\
             \th=from:to:subject:date:message-id:mime-version:content-type;\r\n\tb=\r\n"
        );
        base64(300, "\t", random, mail);
        let _ = write!(
            mail,
            "From: {first} {last} <{first}@{last}.example.test>\r\nTo: <{to}>\r\n"
        );
        if random.below(10) < 3 {
            let team = self.word(random);
            let _ = write!(mail, "Cc: \"{team}, team\" <{team}@lists.example.test>\r\n");
        }
        let coded = random.below(12) == 0;
        mail.push_str(if coded {
            "Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?="
        } else {
            "Subject:"
        });
        for _ in 0..3 + random.below(5) {
            let _ = write!(mail, " {}", self.word(random));
        }
        let _ = write!(
            mail,
            "\r\nDate: {date}\r\nMessage-ID: <{number}.{}@{last}.example.test>\r\nMIME-Version: 1.0\r\n",
            self.seed
        );
    }

    fn plain(&self, size: usize, random: &mut Random, mail: &mut String) {
        let end = mail.len() + size;
        while mail.len() < end {
            let line = mail.len() + 68;
            while mail.len() < line {
                mail.push_str(self.word(random));
                mail.push(' ');
            }
            mail.push_str("\r\n");
        }
    }

    fn html(&self, size: usize, random: &mut Random, mail: &mut String) {
        let end = mail.len() + size;
        while mail.len() < end {
            mail.push_str("<p style=\"font-family:Arial,sans-serif;margin:0 0 8px\">");
            let line = mail.len() + 120;
            while mail.len() < line {
                mail.push_str(self.word(random));
                mail.push(' ');
            }
            mail.push_str("</p>\r\n");
        }
    }

    /// A word; those at the front come far more often.
    fn word(&self, random: &mut Random) -> &str {
        let rank = ((self.words.len() as f64).powf(random.fraction()) - 1.0) as usize;
        &self.words[rank.min(self.words.len() - 1)]
    }
}

/// A mail's size in bytes.
fn size(random: &mut Random) -> usize {
    let (least, most) = match random.below(100) {
        0..60 => (2e3, 8e3),
        60..88 => (8e3, 30e3),
        88..98 => (30e3, 100e3),
        _ => (100e3, 400e3),
    };
    (least * f64::powf(most / least, random.fraction())) as usize
}

fn word(rank: u64, random: &mut Random) -> String {
    const CONSONANTS: &[u8] = b"bcdfghklmnprstvwz";
    const VOWELS: &[u8] = b"aeiou";
    let mut word = String::new();
    let syllables = 1 + u64::from(rank > 40) + u64::from(rank > 1000) + random.below(2);
    for _ in 0..syllables {
        word.push(CONSONANTS[random.below(CONSONANTS.len() as u64) as usize].into());
        word.push(VOWELS[random.below(VOWELS.len() as u64) as usize].into());
    }
    word
}

/// Lines of 76 digits, each behind `indent`.
fn base64(size: usize, indent: &str, random: &mut Random, mail: &mut String) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for _ in 0..size.div_ceil(78) {
        mail.push_str(indent);
        let mut bits = 0;
        for column in 0..76 {
            if column % 10 == 0 {
                bits = random.next();
            }
            mail.push(DIGITS[(bits & 63) as usize].into());
            bits >>= 6;
        }
        mail.push_str("\r\n");
    }
}

/// Numbers that look random and are the same each time (splitmix64).
pub struct Random(u64);

impl Random {
    /// Number `number` of the rows of that seed.
    pub fn new(seed: u64, number: u64) -> Self {
        let mut random = Self(
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number.wrapping_mul(0xD1B5_4A32_D192_ED03),
        );
        random.next();
        random
    }

    /// The next one.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// One below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One from 0 to 1.
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_is_the_same_mail() {
        let mail = Corpus::new(3).mail(8, "u@example.test");
        assert_eq!(mail, Corpus::new(3).mail(8, "u@example.test"));
        assert_ne!(mail, Corpus::new(3).mail(9, "u@example.test"));
    }

    #[test]
    fn sizes_are_as_they_are_told() {
        let corpus = Corpus::new(1);
        let sum: usize = (0..2000)
            .map(|number| corpus.mail(number, "u@example.test").len())
            .sum();
        let mean = sum / 2000;
        assert!((14_000..22_000).contains(&mean), "{mean}");
    }
}
