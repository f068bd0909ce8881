//! A demo server with mails whose octets are known, and the question whether a client has them.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Demo, lmtp,
    programs::{run, succeeded},
};

/// A demo server, and mails that were delivered to its second account.
#[derive(Debug)]
pub struct Post {
    /// The server.
    pub demo: Demo,
    /// The account that has the mails, and its password.
    pub address: String,
    /// The password.
    pub password: String,
    /// What was delivered, in order.
    pub mails: Vec<Vec<u8>>,
    /// For what the clients need and make.
    pub room: PathBuf,
    _directory: tempfile::TempDir,
}

impl Post {
    /// Starts a server and delivers the mails.
    ///
    /// # Panics
    /// If one is not taken.
    pub fn delivered() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let demo = Demo::start(&directory.path().join("demo"));
        let room = directory.path().join("room");
        fs::create_dir(&room).unwrap();
        let (address, password) = demo.account(1);
        let mails = mails(&address);
        let post = Self {
            demo,
            address,
            password,
            mails,
            room,
            _directory: directory,
        };
        for mail in &post.mails {
            post.deliver(mail);
        }
        post
    }

    /// The file with the certificate that the server's was issued by.
    ///
    /// # Panics
    /// If the demo does not tell it.
    pub fn ca(&self) -> String {
        self.demo.facts["ca"].as_str().unwrap().to_owned()
    }

    /// A listener's port, by its key in `demo.json`.
    ///
    /// # Panics
    /// If there is none.
    pub fn port(&self, key: &str) -> String {
        let address = self.demo.address(key);
        address.rsplit_once(':').unwrap().1.to_owned()
    }

    /// Writes a file into the room.
    ///
    /// # Panics
    /// If it can't be written.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.room.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Delivers a mail to the account, by LMTP.
    ///
    /// # Panics
    /// If it is not taken.
    pub fn deliver(&self, mail: &[u8]) {
        let mut lmtp = lmtp::Client::connect(&self.demo.address("lmtp")).unwrap();
        let replies = lmtp
            .deliver("sender@example.org", &[&self.address], mail)
            .unwrap();
        assert!(replies[0].starts_with("250 "), "{replies:?}");
    }

    /// Tells a program by its environment where the server is.
    pub fn tell<'command>(&self, command: &'command mut Command) -> &'command mut Command {
        command
            .env("CA", self.ca())
            .env("IMAPS", self.port("imaps"))
            .env("IMAP", self.port("imap"))
            .env("USER_NAME", &self.address)
            .env("PASSWORD", &self.password)
    }

    /// Runs a Python program that is told where the server is by its environment; what it printed.
    ///
    /// # Panics
    /// If it fails.
    pub fn python(&self, package: &str, program: &str) -> String {
        let script = self.file("client.py", program);
        let output = run(package, self.tell(Command::new(python()).arg(script)));
        succeeded(&output);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Demands that each of the delivered mails is one of `read`.
    ///
    /// # Panics
    /// If one is not.
    pub fn assert_are_there(&self, read: &[Vec<u8>]) {
        let missing = self.missing(read);
        assert!(missing.is_empty(), "{missing:?} of {} read", read.len());
    }

    /// The numbers of the delivered mails that are none of `read`. One that is has every line of its header, between what a
    /// delivery and a client add, and its text to the last octet.
    ///
    /// # Panics
    /// If a mail has no text.
    pub fn missing(&self, read: &[Vec<u8>]) -> Vec<usize> {
        let read: Vec<Vec<u8>> = read.iter().map(|read| without_cr(read)).collect();
        let is_missing = |mail: &Vec<u8>| {
            let mail = without_cr(mail);
            let end = mail.windows(2).position(|two| two == b"\n\n").unwrap();
            let (header, text) = mail.split_at(end);
            let is_it = |read: &Vec<u8>| {
                let lines: Vec<&[u8]> = read.split(|octet| *octet == b'\n').collect();
                read.ends_with(text)
                    && header
                        .split(|octet| *octet == b'\n')
                        .all(|line| lines.contains(&line))
            };
            !read.iter().any(is_it)
        };
        let mails = self.mails.iter().enumerate();
        mails
            .filter(|(_, mail)| is_missing(mail))
            .map(|(number, _)| number)
            .collect()
    }
}

/// Line ends are the file system's in what clients keep.
fn without_cr(octets: &[u8]) -> Vec<u8> {
    octets
        .iter()
        .copied()
        .filter(|octet| *octet != b'\r')
        .collect()
}

/// The interpreter that has the clients from the Python index (`./test` makes it), or the system's.
fn python() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients/bin/python");
    if own.exists() { own } else { "python3".into() }
}

fn mails(to: &str) -> Vec<Vec<u8>> {
    let mail = |fields: &str, body: &str| {
        format!("From: Sender <sender@example.org>\r\nTo: {to}\r\n{fields}\r\n\r\n{body}")
            .into_bytes()
    };
    vec![
        mail(
            "Subject: plain\r\nMessage-ID: <1@example.org>",
            "one line\r\n",
        ),
        mail(
            "Subject: dots\r\nMessage-ID: <2@example.org>",
            ".\r\n..\r\nend\r\n",
        ),
        mail(
            "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <3@example.org>\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit",
            "Grüße aus Köln\r\n",
        ),
        mail(
            "Subject: parts\r\nMessage-ID: <4@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"x\"",
            "--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\n\r\nJVBERi0xLjQK\r\n--x--\r\n",
        ),
        mail(
            "Subject: large\r\nMessage-ID: <5@example.org>",
            &"a line of a large message\r\n".repeat(40_000),
        ),
    ]
}
