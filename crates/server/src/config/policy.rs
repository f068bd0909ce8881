//! `[activesync.policy]`: what devices are to keep to, setting by setting.

use fieldpost_activesync::Policy;
use serde::{Deserialize, Serialize};

use super::{ByteSize, Span};

/// `[activesync.policy]`. What is left out, the policy says nothing about.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicySection {
    /// Whether the device must be locked by a password. The settings about passwords count only then.
    pub device_password_enabled: Option<bool>,
    /// The shortest password, 1 to 16.
    pub min_device_password_length: Option<u8>,
    /// Whether a password needs letters and digits.
    pub alphanumeric_device_password_required: Option<bool>,
    /// How many kinds of characters a password has, 1 to 4.
    pub min_device_password_complex_characters: Option<u8>,
    /// Whether passwords like 1234 will do.
    pub allow_simple_device_password: Option<bool>,
    /// When a password must be changed, in days; 0 = never.
    pub device_password_expiration: Option<u32>,
    /// How many old passwords may not be used again.
    pub device_password_history: Option<u32>,
    /// After how long without use the device locks itself.
    pub max_inactivity_time_device_lock: Option<Span>,
    /// After how many wrong passwords the device wipes itself, 4 to 16.
    pub max_device_password_failed_attempts: Option<u8>,
    /// Whether the device must be encrypted.
    pub require_device_encryption: Option<bool>,
    /// Whether storage cards must be encrypted.
    pub require_storage_card_encryption: Option<bool>,
    /// Whether storage cards may be used.
    pub allow_storage_card: Option<bool>,
    /// Whether the camera may be used.
    pub allow_camera: Option<bool>,
    /// Whether the browser may be used.
    pub allow_browser: Option<bool>,
    /// Whether wireless networks may be used.
    pub allow_wifi: Option<bool>,
    /// How Bluetooth may be used.
    pub allow_bluetooth: Option<Bluetooth>,
    /// Whether text messages may be used.
    pub allow_text_messaging: Option<bool>,
    /// Whether the device may share its connection.
    pub allow_internet_sharing: Option<bool>,
    /// Whether private mail accounts may be used.
    pub allow_consumer_email: Option<bool>,
    /// Whether accounts over POP3 and IMAP may be used.
    pub allow_pop_imap_email: Option<bool>,
    /// Whether each synchronisation is started by hand abroad.
    pub require_manual_sync_when_roaming: Option<bool>,
    /// How far back mail is synchronised.
    pub max_email_age_filter: Option<MailAge>,
    /// How much of a plain body is sent.
    pub max_email_body_truncation_size: Option<ByteSize>,
    /// How much of an HTML body is sent.
    pub max_email_html_body_truncation_size: Option<ByteSize>,
    /// Whether bodies are sent as HTML.
    pub allow_html_email: Option<bool>,
    /// Whether attachments may be fetched.
    pub attachments_enabled: Option<bool>,
    /// The largest attachment that may be fetched.
    pub max_attachment_size: Option<ByteSize>,
}

/// How Bluetooth may be used (MS-ASPROV §2.2.2.1).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bluetooth {
    /// Not at all.
    Off,
    /// For hands-free sets only.
    HandsFree,
    /// For all.
    On,
}

/// How far back mail is synchronised (MS-ASPROV §2.2.2.34).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub enum MailAge {
    /// All of it.
    #[serde(rename = "all")]
    All,
    /// A day.
    #[serde(rename = "1 day")]
    Day,
    /// Three days.
    #[serde(rename = "3 days")]
    ThreeDays,
    /// A week.
    #[serde(rename = "1 week")]
    Week,
    /// Two weeks.
    #[serde(rename = "2 weeks")]
    TwoWeeks,
    /// A month.
    #[serde(rename = "1 month")]
    Month,
}

impl PolicySection {
    /// What is wrong with it, if anything is.
    pub(super) fn problem(&self) -> Option<String> {
        let within = |name: &str, value: Option<u8>, least: u8, most: u8| {
            value
                .filter(|value| !(least..=most).contains(value))
                .map(|value| format!("{name} must be {least} to {most}, not {value}"))
        };
        let size = |name: &str, value: Option<ByteSize>| {
            value
                .filter(|size| i32::try_from(size.bytes()).is_err())
                .map(|_| format!("{name} must be less than 2 GiB"))
        };
        // Beyond, devices take it for "never" (MS-ASPROV_R278).
        let lock = self.max_inactivity_time_device_lock.filter(|span| {
            !(1..9999).contains(&span.duration().as_secs()) || span.duration().subsec_nanos() > 0
        });
        within(
            "min_device_password_length",
            self.min_device_password_length,
            1,
            16,
        )
        .or_else(|| {
            let kinds = self.min_device_password_complex_characters;
            within("min_device_password_complex_characters", kinds, 1, 4)
        })
        .or_else(|| {
            let attempts = self.max_device_password_failed_attempts;
            within("max_device_password_failed_attempts", attempts, 4, 16)
        })
        .or_else(|| {
            lock.map(|_| {
                "max_inactivity_time_device_lock must be whole seconds, 1s to 9998s".to_owned()
            })
        })
        .or_else(|| {
            size(
                "max_email_body_truncation_size",
                self.max_email_body_truncation_size,
            )
        })
        .or_else(|| {
            let html = self.max_email_html_body_truncation_size;
            size("max_email_html_body_truncation_size", html)
        })
        .or_else(|| size("max_attachment_size", self.max_attachment_size))
    }

    /// The policy.
    pub(super) fn policy(&self) -> Policy {
        let kib = |size: ByteSize| size.bytes().div_ceil(1024).min(i32::MAX as u64) as i32;
        Policy {
            device_password_enabled: self.device_password_enabled,
            min_device_password_length: self.min_device_password_length,
            alphanumeric_device_password_required: self.alphanumeric_device_password_required,
            min_device_password_complex_characters: self.min_device_password_complex_characters,
            allow_simple_device_password: self.allow_simple_device_password,
            device_password_expiration: self.device_password_expiration,
            device_password_history: self.device_password_history,
            max_inactivity_time_device_lock: self
                .max_inactivity_time_device_lock
                .map(|span| span.duration().as_secs() as u32),
            max_device_password_failed_attempts: self.max_device_password_failed_attempts,
            require_device_encryption: self.require_device_encryption,
            require_storage_card_encryption: self.require_storage_card_encryption,
            allow_storage_card: self.allow_storage_card,
            allow_camera: self.allow_camera,
            allow_browser: self.allow_browser,
            allow_wifi: self.allow_wifi,
            allow_bluetooth: self.allow_bluetooth.map(|bluetooth| bluetooth as u8),
            allow_text_messaging: self.allow_text_messaging,
            allow_internet_sharing: self.allow_internet_sharing,
            allow_consumer_email: self.allow_consumer_email,
            allow_pop_imap_email: self.allow_pop_imap_email,
            require_manual_sync_when_roaming: self.require_manual_sync_when_roaming,
            max_email_age_filter: self.max_email_age_filter.map(|age| age as u8),
            max_email_body_truncation_size: self.max_email_body_truncation_size.map(kib),
            max_email_html_body_truncation_size: self.max_email_html_body_truncation_size.map(kib),
            allow_html_email: self.allow_html_email,
            attachments_enabled: self.attachments_enabled,
            max_attachment_size: self
                .max_attachment_size
                .map(|size| size.bytes().min(u64::from(u32::MAX)) as u32),
            ..Policy::NOTHING
        }
    }
}

impl Default for PolicySection {
    /// Allows what needs no word, and demands nothing.
    fn default() -> Self {
        Self {
            device_password_enabled: None,
            min_device_password_length: None,
            alphanumeric_device_password_required: None,
            min_device_password_complex_characters: None,
            allow_simple_device_password: None,
            device_password_expiration: None,
            device_password_history: None,
            max_inactivity_time_device_lock: None,
            max_device_password_failed_attempts: None,
            require_device_encryption: None,
            require_storage_card_encryption: None,
            allow_storage_card: None,
            allow_camera: None,
            allow_browser: None,
            allow_wifi: None,
            allow_bluetooth: None,
            allow_text_messaging: None,
            allow_internet_sharing: None,
            allow_consumer_email: None,
            allow_pop_imap_email: None,
            require_manual_sync_when_roaming: None,
            max_email_age_filter: None,
            max_email_body_truncation_size: None,
            max_email_html_body_truncation_size: None,
            allow_html_email: Some(true),
            attachments_enabled: Some(true),
            max_attachment_size: None,
        }
    }
}
