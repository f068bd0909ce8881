//! A phone with one collection, and the mail that comes to it.

use bytes::Bytes;
use fieldpost_mailbox::{DeviceId, NewItem, SpecialUse};

use super::{Fixture, Phone, text_of};

/// A phone with one collection.
pub struct Sync<'a> {
    pub phone: Phone<'a>,
    pub folder: u64,
    pub key: String,
}

impl<'a> Sync<'a> {
    pub async fn new(
        fixture: &'a Fixture,
        id: &str,
        version: &'static str,
        special: SpecialUse,
    ) -> Self {
        let phone = Phone::new(fixture, id, version).await;
        let mailbox = fixture.mailbox("alice").await;
        let folder = mailbox.special(special).await.unwrap().id.0;
        Self::of(phone, folder).await
    }

    /// A collection that begins, of a phone that has asked for the list of folders as every phone does first.
    pub async fn of(phone: Phone<'a>, folder: u64) -> Self {
        let mailbox = phone.fixture.mailbox(phone.user).await;
        let device = DeviceId::new(&phone.id).unwrap();
        if !mailbox.has_hierarchy(&device).await.unwrap() {
            let all = "<folderhierarchy:FolderSync><folderhierarchy:SyncKey>0</folderhierarchy:SyncKey></folderhierarchy:FolderSync>";
            phone.ask("FolderSync", all).await;
        }
        let mut sync = Self {
            phone,
            folder,
            key: "0".into(),
        };
        let first = sync.go("").await;
        assert!(!first.contains("airsync:Commands"), "{first}");
        sync
    }

    /// One round with `inside` behind the collection's id; takes the new key.
    pub async fn go(&mut self, inside: &str) -> String {
        let xml = self.lose(inside).await;
        if xml.contains("airsync:SyncKey") {
            self.key = text_of(&xml, "airsync:SyncKey");
        }
        xml
    }

    /// The same, but the answer gets lost.
    pub async fn lose(&self, inside: &str) -> String {
        let answer = self.phone.ask("Sync", &self.request(inside)).await;
        if answer.body.is_empty() {
            String::new()
        } else {
            answer.xml()
        }
    }

    pub fn request(&self, inside: &str) -> String {
        format!(
            "<airsync:Sync><airsync:Collections><airsync:Collection><airsync:SyncKey>{}</airsync:SyncKey><airsync:CollectionId>{}</airsync:CollectionId>{inside}</airsync:Collection></airsync:Collections></airsync:Sync>",
            self.key, self.folder
        )
    }
}

/// Puts a message into alice's inbox; its uid.
pub async fn deliver(fixture: &Fixture, text: &str) -> u32 {
    let mailbox = fixture.mailbox("alice").await;
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
    let mut incoming = fixture
        .mailboxes
        .receive(mailbox.account(), None)
        .await
        .unwrap();
    incoming.write(Bytes::from(text.to_owned())).await.unwrap();
    let item = NewItem::new(incoming.finish().await.unwrap());
    mailbox.append(inbox, &item).await.unwrap().uid
}

/// A small message.
pub fn mail(subject: &str) -> String {
    format!(
        "From: Bob <bob@demo.test>\r\nTo: \"Adams, Alice\" <alice@demo.test>\r\nSubject: {subject}\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\nText of {subject}\r\n"
    )
}

/// Options that ask for plain text.
pub const PLAIN: &str = "<airsync:Options><airsyncbase:BodyPreference><airsyncbase:Type>1</airsyncbase:Type></airsyncbase:BodyPreference></airsync:Options>";
