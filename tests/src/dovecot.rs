//! A private Dovecot: own configuration, own ports, one password for everybody.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    log::Log,
    programs::{run, succeeded},
};

/// A running Dovecot; ended when dropped.
#[derive(Debug)]
pub struct Dovecot {
    child: Child,
    configuration: PathBuf,
    home: PathBuf,
    /// Where it speaks IMAP.
    pub address: String,
    /// Where it speaks POP3.
    pub pop3: String,
    /// The SHA-256 fingerprint of its certificate.
    pub fingerprint: String,
}

impl Dovecot {
    /// The password of every account.
    pub const PASSWORD: &str = "pass";
    /// The password of every master user, who signs in as `account*master`.
    pub const MASTER_PASSWORD: &str = "master";

    /// Starts one that keeps mail in sdbox, in `directory`, which must be root's: Dovecot gives up its rights by itself.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(directory: &Path) -> Self {
        Self::launch(directory, "sdbox", ["imap", "ssl = no", ""])
    }

    /// One that keeps mail in another format, and speaks POP3 too, TLS, and with master users.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_to_move_from(directory: &Path, format: &str) -> Self {
        Self::launch(directory, format, ["imap pop3", TLS, MASTER])
    }

    fn launch(directory: &Path, format: &str, [protocols, tls, master]: [&str; 3]) -> Self {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
        let home = directory.join("home");
        fs::create_dir(&home).unwrap();
        let (uid, gid) = (number("-u"), number("-g"));
        chown(&home, Some(uid), Some(gid)).unwrap();
        let (imap, pop3) = (free_port(), free_port());
        let fingerprint = certificate(directory);
        let configuration = directory.join("dovecot.conf");
        fs::write(
            &configuration,
            CONFIGURATION
                .replace("{protocols}", protocols)
                .replace("{tls}", tls)
                .replace("{master users}", master)
                .replace("{directory}", directory.to_str().unwrap())
                .replace("{format}", format)
                .replace("{imap}", &imap.to_string())
                .replace("{pop3}", &pop3.to_string())
                .replace("{password}", Self::PASSWORD)
                .replace("{master}", Self::MASTER_PASSWORD),
        )
        .unwrap();
        succeeded(&run(
            "dovecot-imapd",
            Command::new("doveconf")
                .arg("-c")
                .arg(&configuration)
                .arg("-n"),
        ));
        let mut child = Command::new("dovecot")
            .arg("-F")
            .arg("-c")
            .arg(&configuration)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Log::default();
        log.hear(child.stderr.take().unwrap());
        let dovecot = Self {
            child,
            configuration,
            home,
            address: format!("127.0.0.1:{imap}"),
            pop3: format!("127.0.0.1:{pop3}"),
            fingerprint,
        };
        // It listens by then.
        log.wait_for(1, &["starting up for"]);
        dovecot
    }

    /// Runs doveadm; what it printed.
    ///
    /// # Panics
    /// If it fails.
    pub fn doveadm(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("doveadm");
        command.arg("-c").arg(&self.configuration).args(arguments);
        succeeded(&run("dovecot-core", &mut command))
    }

    /// Where the mail of an account lies.
    pub fn mail(&self, user: &str) -> PathBuf {
        self.home.join(user).join("mail")
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        drop(
            Command::new("doveadm")
                .arg("-c")
                .arg(&self.configuration)
                .arg("stop")
                .output(),
        );
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The id of the user `mail`, which every Debian has.
fn number(which: &str) -> u32 {
    let output = run("coreutils", Command::new("id").args([which, "mail"]));
    succeeded(&output).trim().parse().unwrap()
}

/// Makes a key and a certificate; its fingerprint.
fn certificate(directory: &Path) -> String {
    let (key, certificate) = (directory.join("key.pem"), directory.join("certificate.pem"));
    succeeded(&run(
        "openssl",
        Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
            .args(["ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=localhost", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate),
    ));
    let output = run(
        "openssl",
        Command::new("openssl")
            .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
            .arg(&certificate),
    );
    let printed = succeeded(&output);
    printed.trim().rsplit_once('=').unwrap().1.to_owned()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

const TLS: &str =
    "ssl = yes\nssl_cert = <{directory}/certificate.pem\nssl_key = <{directory}/key.pem";

const MASTER: &str = "\
auth_master_user_separator = *
passdb {
  driver = static
  args = password={master}
  master = yes
}
";

const CONFIGURATION: &str = "\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = /dev/stderr
listen = 127.0.0.1
protocols = {protocols}
{tls}
disable_plaintext_auth = no
auth_mechanisms = plain login
first_valid_uid = 1
mail_location = {format}:{directory}/home/%u/mail
mail_plugins = quota
mailbox_list_index = yes
imap_id_send = name *
{master users}
passdb {
  driver = static
  args = password={password}
}
userdb {
  driver = static
  args = uid=mail gid=mail home={directory}/home/%u allow_all_users=yes
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    special_use = \\Drafts
    auto = create
  }
  mailbox Sent {
    special_use = \\Sent
    auto = create
  }
  mailbox Trash {
    special_use = \\Trash
    auto = create
  }
  mailbox Junk {
    special_use = \\Junk
    auto = create
  }
  mailbox Archive {
    special_use = \\Archive
    auto = create
  }
}
service imap-login {
  inet_listener imap {
    port = {imap}
  }
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  inet_listener pop3 {
    port = {pop3}
  }
  inet_listener pop3s {
    port = 0
  }
}
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=1G
}
";
