//! What devices are to keep to (MS-ASPROV §2.2.2.28).

use fieldpost_wbxml::{Encoder, Tag, tags};

use crate::item::preferences::Preferences;

macro_rules! policy {
    ($($name:ident: $type:ty = $tag:ident, $documentation:literal;)*) => {
        /// A policy: each setting is sent only if it says something. Which values a setting may have is in
        /// MS-ASPROV §2.2.2; what a device does not know, it leaves out.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Policy {
            $(#[doc = $documentation] pub $name: Option<$type>,)*
            /// Programs of the device's own that may not run, by name.
            pub unapproved_in_rom_applications: Vec<String>,
            /// Programs that may run, by their SHA-1 in hexadecimal; empty: all.
            pub approved_applications: Vec<String>,
        }

        impl Policy {
            /// One that says nothing.
            pub const NOTHING: Self = Self {
                $($name: None,)*
                unapproved_in_rom_applications: Vec::new(),
                approved_applications: Vec::new(),
            };

            fn write_settings(&self, encoder: &mut Encoder) {
                $(if let Some(value) = self.$name {
                    encoder.number(tags::provision::$tag, i64::from(value));
                })*
            }
        }
    };
}

// In the order of the schema: some clients look no further back (reference 2).
policy! {
    device_password_enabled: bool = DEVICE_PASSWORD_ENABLED, "The device asks for a password. All other settings about passwords count only then.";
    alphanumeric_device_password_required: bool = ALPHANUMERIC_DEVICE_PASSWORD_REQUIRED, "Letters and digits are needed.";
    password_recovery_enabled: bool = PASSWORD_RECOVERY_ENABLED, "The device may leave a recovery password here.";
    require_storage_card_encryption: bool = REQUIRE_STORAGE_CARD_ENCRYPTION, "Storage cards are encrypted.";
    attachments_enabled: bool = ATTACHMENTS_ENABLED, "Attachments may be fetched.";
    min_device_password_length: u8 = MIN_DEVICE_PASSWORD_LENGTH, "The shortest password, 1 to 16.";
    max_inactivity_time_device_lock: u32 = MAX_INACTIVITY_TIME_DEVICE_LOCK, "Seconds until the device locks itself; 9999 and more: never.";
    max_device_password_failed_attempts: u8 = MAX_DEVICE_PASSWORD_FAILED_ATTEMPTS, "Wrong passwords until the device wipes itself, 4 to 16.";
    max_attachment_size: u32 = MAX_ATTACHMENT_SIZE, "The largest attachment that is fetched, in bytes.";
    allow_simple_device_password: bool = ALLOW_SIMPLE_DEVICE_PASSWORD, "Passwords like 1234 will do.";
    device_password_expiration: u32 = DEVICE_PASSWORD_EXPIRATION, "Days until a password must be changed; 0: never.";
    device_password_history: u32 = DEVICE_PASSWORD_HISTORY, "How many old passwords may not be used again.";
    allow_storage_card: bool = ALLOW_STORAGE_CARD, "Storage cards may be used.";
    allow_camera: bool = ALLOW_CAMERA, "The camera may be used.";
    require_device_encryption: bool = REQUIRE_DEVICE_ENCRYPTION, "The device is encrypted.";
    allow_unsigned_applications: bool = ALLOW_UNSIGNED_APPLICATIONS, "Unsigned programs may run.";
    allow_unsigned_installation_packages: bool = ALLOW_UNSIGNED_INSTALLATION_PACKAGES, "Unsigned packages may be installed.";
    min_device_password_complex_characters: u8 = MIN_DEVICE_PASSWORD_COMPLEX_CHARACTERS, "How many kinds of characters a password has, 1 to 4.";
    allow_wifi: bool = ALLOW_WIFI, "Wireless networks may be used.";
    allow_text_messaging: bool = ALLOW_TEXT_MESSAGING, "Text messages may be used.";
    allow_pop_imap_email: bool = ALLOW_POPIMAP_EMAIL, "Accounts over POP3 and IMAP may be used.";
    allow_bluetooth: u8 = ALLOW_BLUETOOTH, "Bluetooth: 0 off, 1 hands-free only, 2 on.";
    allow_irda: bool = ALLOW_IRDA, "Infrared may be used.";
    require_manual_sync_when_roaming: bool = REQUIRE_MANUAL_SYNC_WHEN_ROAMING, "Abroad, the user starts each synchronisation.";
    allow_desktop_sync: bool = ALLOW_DESKTOP_SYNC, "The device may be synchronised with a computer.";
    max_calendar_age_filter: u8 = MAX_CALENDAR_AGE_FILTER, "How far back calendars go: 0 all, 4 two weeks, 5 one month, 6 three, 7 six.";
    allow_html_email: bool = ALLOW_HTML_EMAIL, "Mail may be HTML.";
    max_email_age_filter: u8 = MAX_EMAIL_AGE_FILTER, "How far back mail goes: 0 all, 1 a day, 2 three, 3 a week, 4 two, 5 a month.";
    max_email_body_truncation_size: i32 = MAX_EMAIL_BODY_TRUNCATION_SIZE, "How much of a plain body is sent, in KiB: -1 all, 0 none.";
    max_email_html_body_truncation_size: i32 = MAX_EMAIL_HTML_BODY_TRUNCATION_SIZE, "How much of an HTML body is sent, in KiB: -1 all, 0 none.";
    require_signed_smime_messages: bool = REQUIRE_SIGNED_SMIME_MESSAGES, "Mail is signed.";
    require_encrypted_smime_messages: bool = REQUIRE_ENCRYPTED_SMIME_MESSAGES, "Mail is encrypted.";
    require_signed_smime_algorithm: u8 = REQUIRE_SIGNED_SMIME_ALGORITHM, "How it is signed: 0 SHA-1, 1 MD5.";
    require_encryption_smime_algorithm: u8 = REQUIRE_ENCRYPTION_SMIME_ALGORITHM, "How it is encrypted: 0 Triple DES to 4 RC2 of 40 bits.";
    allow_smime_encryption_algorithm_negotiation: u8 = ALLOW_SMIME_ENCRYPTION_ALGORITHM_NEGOTIATION, "Whether another algorithm may be agreed on: 0 no, 1 a strong one, 2 any.";
    allow_smime_soft_certs: bool = ALLOW_SMIME_SOFT_CERTS, "Certificates may lie in files.";
    allow_browser: bool = ALLOW_BROWSER, "The browser may be used.";
    allow_consumer_email: bool = ALLOW_CONSUMER_EMAIL, "Private mail accounts may be used.";
    allow_remote_desktop: bool = ALLOW_REMOTE_DESKTOP, "Remote desktops may be used.";
    allow_internet_sharing: bool = ALLOW_INTERNET_SHARING, "The device may share its connection.";
}

impl Policy {
    /// Writes `EASProvisionDoc`.
    pub fn write(&self, encoder: &mut Encoder) {
        use tags::provision as p;
        encoder.start(p::EAS_PROVISION_DOC);
        self.write_settings(encoder);
        let names = &self.unapproved_in_rom_applications;
        write_list(
            encoder,
            p::UNAPPROVED_IN_ROM_APPLICATION_LIST,
            p::APPLICATION_NAME,
            names,
        );
        let hashes = &self.approved_applications;
        write_list(encoder, p::APPROVED_APPLICATION_LIST, p::HASH, hashes);
        encoder.end();
    }

    /// What a client may be shown of what it wants. MS-ASPROV leaves the unit of the sizes open; Exchange counts in KiB.
    pub fn bound(&self, mut wanted: Preferences) -> Preferences {
        // 0 is no limit, and the longest of what there is.
        let longest = self.max_email_age_filter.unwrap_or(0);
        if longest != 0 && (wanted.filter == 0 || wanted.filter > longest) {
            wanted.filter = longest;
        }
        let is_plain = self.allow_html_email == Some(false);
        let limit = |kind: u8| {
            let size = if kind == 1 {
                self.max_email_body_truncation_size
            } else {
                self.max_email_html_body_truncation_size
            };
            size.and_then(|kib| u32::try_from(kib).ok())
                .map(|kib| kib.saturating_mul(1024))
        };
        let least = |size: Option<u32>, limit: Option<u32>| match (size, limit) {
            (Some(size), Some(limit)) => Some(size.min(limit)),
            (size, limit) => size.or(limit),
        };
        for body in wanted.bodies.iter_mut().chain(&mut wanted.body_part) {
            if is_plain && body.kind == 2 {
                body.kind = 1;
            }
            body.truncation = least(body.truncation, limit(body.kind));
        }
        if is_plain {
            wanted.mime = 0;
        }
        wanted
    }

    /// A number that stands for what it says: another policy has another one. Never 0, which stands for none.
    pub fn digest(&self) -> u64 {
        let mut encoder = Encoder::new();
        self.write(&mut encoder);
        // FNV-1a, which does not change between versions of the program: devices are not to take the same policy again.
        let hash = encoder
            .finish()
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
            });
        hash.max(1)
    }
}

impl Default for Policy {
    /// Allows what needs no word, and demands nothing. No setting about passwords, not even that none is needed: Gmail
    /// refuses accounts whose policy asks for a password and says nothing more about it (client-quirks C9).
    fn default() -> Self {
        Self {
            attachments_enabled: Some(true),
            allow_html_email: Some(true),
            ..Self::NOTHING
        }
    }
}

fn write_list(encoder: &mut Encoder, list: Tag, item: Tag, texts: &[String]) {
    if texts.is_empty() {
        return;
    }
    encoder.start(list);
    for text in texts {
        encoder.text(item, text);
    }
    encoder.end();
}

#[cfg(test)]
mod tests {
    use fieldpost_wbxml::{Element, Limits};

    use super::*;
    use crate::item::preferences::BodyPreference;

    fn xml(policy: &Policy) -> String {
        let mut encoder = Encoder::new();
        policy.write(&mut encoder);
        let document = encoder.finish();
        Element::parse(&document, Limits::default())
            .unwrap()
            .to_xml(|_| false)
    }

    /// MS-ASPROV_R232, R235, R194 to R202, R404 to R409.
    #[test]
    fn only_what_is_set_is_written() {
        let policy = Policy {
            max_email_body_truncation_size: Some(-1),
            allow_camera: Some(false),
            min_device_password_length: Some(6),
            unapproved_in_rom_applications: vec!["a.exe".into()],
            approved_applications: vec!["00ff".into(), "11".into()],
            ..Policy::NOTHING
        };
        assert_eq!(
            xml(&policy).replace("provision:", ""),
            "<EASProvisionDoc><MinDevicePasswordLength>6</MinDevicePasswordLength><AllowCamera>0</AllowCamera>\
             <MaxEmailBodyTruncationSize>-1</MaxEmailBodyTruncationSize>\
             <UnapprovedInROMApplicationList><ApplicationName>a.exe</ApplicationName></UnapprovedInROMApplicationList>\
             <ApprovedApplicationList><Hash>00ff</Hash><Hash>11</Hash></ApprovedApplicationList></EASProvisionDoc>"
        );
    }

    #[test]
    fn the_default_says_nothing_of_passwords_gmail_c9() {
        let text = xml(&Policy::default());
        assert!(text.contains("AttachmentsEnabled>1<"), "{text}");
        assert!(!text.contains("Password"), "{text}");
    }

    /// MS-ASPROV_R257 to R263, R267 to R269, R273 to R275, R107.
    #[test]
    fn what_a_client_wants_is_bound() {
        let body = |kind, truncation| BodyPreference {
            kind,
            truncation,
            ..BodyPreference::default()
        };
        let wanted = Preferences {
            bodies: vec![body(2, Some(9000)), body(1, None)],
            mime: 2,
            ..Preferences::default()
        };
        assert_eq!(Policy::default().bound(wanted.clone()), wanted);
        let policy = Policy {
            max_email_age_filter: Some(3),
            max_email_body_truncation_size: Some(1),
            max_email_html_body_truncation_size: Some(-1),
            ..Policy::NOTHING
        };
        let bound = policy.bound(wanted.clone());
        assert_eq!(bound.bodies, [body(2, Some(9000)), body(1, Some(1024))]);
        for (filter, expected) in [(0, 3), (1, 1), (3, 3), (5, 3)] {
            let wanted = Preferences {
                filter,
                ..Preferences::default()
            };
            assert_eq!(policy.bound(wanted).filter, expected, "{filter}");
        }
        let plain = Policy {
            allow_html_email: Some(false),
            max_email_body_truncation_size: Some(0),
            ..Policy::NOTHING
        };
        let bound = plain.bound(wanted);
        assert_eq!(bound.bodies, [body(1, Some(0)), body(1, Some(0))]);
        assert_eq!(bound.mime, 0);
    }

    #[test]
    fn another_policy_has_another_digest() {
        let other = Policy {
            allow_camera: Some(true),
            ..Policy::default()
        };
        assert_ne!(Policy::default().digest(), other.digest());
        // Kept with devices, so it must stay what it is.
        assert_eq!(Policy::default().digest(), Policy::default().digest());
    }
}
