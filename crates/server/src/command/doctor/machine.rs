//! The machine: room on the disk, the clock, who can read what.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use jiff::Timestamp;

use super::Finding;
use crate::{command::show, config::Config};

/// Looks at them.
pub fn look(config: &Config, now: Timestamp) -> Vec<Finding> {
    let data_dir = &config.server.data_dir;
    let mut findings = vec![room(data_dir)];
    findings.push(clock(data_dir, now));
    findings.extend(secrets(config).iter().filter_map(|file| readable(file)));
    findings
}

fn room(data_dir: &Path) -> Finding {
    let area = "machine";
    // Before the first start its parent's disk is the one.
    let there = data_dir.ancestors().find(|path| path.exists());
    let room = rustix::fs::statvfs(there.unwrap_or(Path::new("/")));
    let Ok(room) = room else {
        let text = format!("the room at {} is unknown", data_dir.display());
        return Finding::warning(area, text, "see whether this user may look there");
    };
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    let total = room.f_blocks.saturating_mul(room.f_frsize);
    judge_room(free, total, room.f_favail, room.f_files)
}

/// Bytes and files that are free, and in all; a file system that counts no files has 0 in all.
fn judge_room(free: u64, total: u64, files: u64, all_files: u64) -> Finding {
    let area = "machine";
    let text = format!("{} of {} are free", show::size(free), show::size(total));
    if free < LEAST_ROOM {
        Finding::problem(
            area,
            text,
            "make room now: the store stops taking mail before the disk is full",
        )
    } else if free < total / 20 {
        Finding::warning(
            area,
            text,
            "make room: fieldpost compact gives that of deleted mail back",
        )
    } else if all_files > 0 && files < 10_000 {
        let text = format!("{text}, but the file system has room for {files} files only");
        Finding::warning(
            area,
            text,
            "remove small files elsewhere on that file system",
        )
    } else {
        Finding::ok(area, text)
    }
}

/// A clock that was set back makes files from the future; one that never was set is years behind.
fn clock(data_dir: &Path, now: Timestamp) -> Finding {
    let newest = std::fs::read_dir(data_dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.metadata().ok()?.modified().ok())
        .filter_map(|modified| Some(modified.duration_since(UNIX_EPOCH).ok()?.as_secs()))
        .max();
    let newest = newest.and_then(|newest| i64::try_from(newest).ok());
    let ahead = newest.map_or(0, |newest| newest - now.as_second());
    let area = "machine";
    let next = "set it, and keep it right: apt-get install systemd-timesyncd or chrony";
    if now.as_second() < OLDEST {
        return Finding::problem(area, format!("the clock says {now}"), next);
    }
    if ahead > 300 {
        let minutes = ahead / 60;
        let text = format!(
            "the clock says {now}, and files in the data directory are {minutes} minutes newer"
        );
        return Finding::warning(area, text, next);
    }
    Finding::ok(area, format!("the clock says {now}"))
}

/// Files that only the server's user is to read.
fn secrets(config: &Config) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = config
        .acme_files()
        .map(|files| files.key)
        .into_iter()
        .collect();
    files.push(config.relay.password_file.clone());
    files.push(config.acme.external_account_key_file.clone());
    files.retain(|file| !file.as_os_str().is_empty());
    files
}

fn readable(file: &Path) -> Option<Finding> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    (mode & 0o007 != 0).then(|| {
        let file = file.display();
        let text = format!("everybody on this machine can read {file}");
        Finding::problem("machine", text, format!("chmod 0600 {file}"))
    })
}

/// With less the store is about to stop taking writes.
const LEAST_ROOM: u64 = 512 << 20;

/// Before this program was written: 2026-01-01.
const OLDEST: i64 = 1_767_225_600;

#[cfg(test)]
mod tests {
    use super::{super::State, *};

    #[test]
    fn room_is_judged_by_what_is_left() {
        let gib = 1 << 30;
        for (free, total, files, state) in [
            (100 * gib, 200 * gib, 1_000_000, State::Ok),
            (5 * gib, 200 * gib, 1_000_000, State::Warning),
            (100 << 20, 200 * gib, 1_000_000, State::Problem),
            (100 * gib, 200 * gib, 5, State::Warning),
        ] {
            assert_eq!(
                judge_room(free, total, files, 1_000_000).state,
                state,
                "{free} {files}"
            );
        }
        // btrfs counts no files.
        assert_eq!(judge_room(100 * gib, 200 * gib, 0, 0).state, State::Ok);
    }

    #[test]
    fn a_clock_that_was_never_set_or_was_set_back_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        let now = Timestamp::now();
        let at = |seconds: i64| Timestamp::from_second(seconds).unwrap();
        assert_eq!(clock(dir.path(), now).state, State::Ok);
        assert_eq!(
            clock(dir.path(), at(now.as_second() - 3600)).state,
            State::Warning
        );
        assert_eq!(clock(dir.path(), at(0)).state, State::Problem);
    }

    #[test]
    fn secrets_are_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        std::fs::write(&file, "x").unwrap();
        let mode =
            |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        assert_eq!(readable(&file).unwrap().state, State::Problem);
        mode(0o640);
        assert!(readable(&file).is_none());
    }
}
