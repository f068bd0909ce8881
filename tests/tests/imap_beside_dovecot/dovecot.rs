//! A private Dovecot: own configuration, own port, one password for everybody.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use fieldpost_tests::programs::{run, succeeded};

/// A running Dovecot; ended when dropped.
pub struct Dovecot {
    child: Child,
    configuration: PathBuf,
    /// Where it speaks IMAP.
    pub address: String,
}

impl Dovecot {
    /// The password of every account.
    pub const PASSWORD: &str = "pass";

    /// Starts one in `directory`, which must be root's: Dovecot gives up its rights by itself.
    pub fn start(directory: &Path) -> Self {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
        let home = directory.join("home");
        fs::create_dir(&home).unwrap();
        let (uid, gid) = (number("-u"), number("-g"));
        chown(&home, Some(uid), Some(gid)).unwrap();
        let port = free_port();
        let configuration = directory.join("dovecot.conf");
        fs::write(
            &configuration,
            CONFIGURATION
                .replace("{directory}", directory.to_str().unwrap())
                .replace("{port}", &port.to_string())
                .replace("{password}", Self::PASSWORD),
        )
        .unwrap();
        succeeded(&run(
            "dovecot-imapd",
            Command::new("doveconf")
                .arg("-c")
                .arg(&configuration)
                .arg("-n"),
        ));
        let child = Command::new("dovecot")
            .arg("-F")
            .arg("-c")
            .arg(&configuration)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let dovecot = Self {
            child,
            configuration,
            address: format!("127.0.0.1:{port}"),
        };
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(&dovecot.address).is_err() {
            assert!(Instant::now() < end, "Dovecot does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        dovecot
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

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

const CONFIGURATION: &str = "\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
listen = 127.0.0.1
protocols = imap
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
first_valid_uid = 1
mail_location = sdbox:{directory}/home/%u/mail
mail_plugins = quota
mailbox_list_index = yes
imap_id_send = name *
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
    port = {port}
  }
  inet_listener imaps {
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
