//! What a server's processes use, read from /proc.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    time::Instant,
};

use serde_json::{Map, Value, json};

/// The processes of a server: groups of roots, with everything below them.
#[derive(Clone, Debug)]
pub struct Server {
    roots: Vec<(String, u32)>,
}

/// One piece of work being measured.
pub struct Meter {
    start: Instant,
    before: HashMap<u32, Process>,
}

/// What one piece of work took.
pub struct Used {
    /// By the clock, in milliseconds.
    pub wall_ms: f64,
    /// CPU in milliseconds, by group.
    pub cpu_ms: BTreeMap<String, f64>,
}

/// Clocks of one process.
struct Process {
    group: String,
    /// CPU of each thread that lives, in nanoseconds.
    threads: HashMap<u32, u64>,
    /// CPU of all threads, ended ones too, in ticks.
    ticks: u64,
    /// CPU of ended children, in ticks.
    children: u64,
}

impl Server {
    /// The server with these roots, each in a group.
    pub fn new(roots: &[(String, u32)]) -> Self {
        Self {
            roots: roots.to_vec(),
        }
    }

    /// Begins to measure.
    pub fn meter(&self) -> Meter {
        let before = self.processes();
        Meter {
            start: Instant::now(),
            before,
        }
    }

    /// Resident and proportional memory in KiB, by group.
    pub fn memory(&self) -> BTreeMap<String, (u64, u64)> {
        let mut sums = BTreeMap::new();
        for (pid, process) in self.processes() {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
            let text = rollup.unwrap_or_default();
            let sum: &mut (u64, u64) = sums.entry(process.group).or_default();
            sum.0 += field(&text, "Rss:");
            sum.1 += field(&text, "Pss:");
        }
        sums
    }

    /// How many processes there are.
    pub fn count(&self) -> usize {
        self.processes().len()
    }

    fn processes(&self) -> HashMap<u32, Process> {
        let stats: HashMap<u32, Stat> = numbers("/proc")
            .into_iter()
            .filter_map(|pid| Some((pid, Stat::read(pid)?)))
            .collect();
        let mut found = HashMap::new();
        for (&pid, stat) in &stats {
            let Some(group) = self.group(pid, &stats) else {
                continue;
            };
            let threads = numbers(&format!("/proc/{pid}/task"))
                .into_iter()
                .filter_map(|thread| Some((thread, run_time(pid, thread)?)))
                .collect();
            let process = Process {
                group: group.to_owned(),
                threads,
                ticks: stat.ticks,
                children: stat.children,
            };
            found.insert(pid, process);
        }
        found
    }

    /// The group of the root that a process is or descends from.
    fn group(&self, pid: u32, stats: &HashMap<u32, Stat>) -> Option<&str> {
        let mut at = pid;
        loop {
            if let Some((group, _)) = self.roots.iter().find(|(_, root)| *root == at) {
                return Some(group);
            }
            at = stats.get(&at)?.parent;
        }
    }
}

impl Meter {
    /// What was used since it began.
    ///
    /// The scheduler's clocks count nanoseconds, of threads that live. A process whose threads end in between has more in
    /// its ticks of 10 ms, and then those count.
    pub fn stop(&self, server: &Server) -> Used {
        let wall_ms = self.start.elapsed().as_secs_f64() * 1e3;
        let mut cpu_ms: BTreeMap<String, f64> = server
            .roots
            .iter()
            .map(|(group, _)| (group.clone(), 0.0))
            .collect();
        let after = server.processes();
        for (pid, after) in &after {
            let used = after.since(self.before.get(pid));
            *cpu_ms.entry(after.group.clone()).or_default() += used;
        }
        // What ended in between is now all in its parent's ended children, with what it had used before.
        for (pid, before) in &self.before {
            if !after.contains_key(pid) {
                *cpu_ms.entry(before.group.clone()).or_default() -= before.since(None);
            }
        }
        Used { wall_ms, cpu_ms }
    }
}

impl Process {
    /// The CPU used since an earlier look, in milliseconds.
    fn since(&self, before: Option<&Self>) -> f64 {
        let exact: u64 = self
            .threads
            .iter()
            .map(|(thread, &now)| {
                let then = before.and_then(|before| before.threads.get(thread));
                now.saturating_sub(then.copied().unwrap_or(0))
            })
            .sum();
        let exact = exact as f64 / 1e6;
        let ticks = |of: fn(&Self) -> u64| of(self).saturating_sub(before.map_or(0, of));
        let rough = ticks(|process| process.ticks) as f64 * TICK_MS;
        let own = if rough > exact * 1.1 + 2.0 * TICK_MS {
            rough
        } else {
            exact
        };
        own + ticks(|process| process.children) as f64 * TICK_MS
    }
}

impl Used {
    /// CPU of all groups together, in milliseconds.
    pub fn cpu(&self) -> f64 {
        self.cpu_ms.values().sum()
    }

    /// CPU by group, each divided by a number of things.
    pub fn groups(&self, by: f64) -> Value {
        let parts = self.cpu_ms.iter();
        Value::Object(
            parts
                .map(|(group, ms)| (group.clone(), json!(ms / by)))
                .collect::<Map<_, _>>(),
        )
    }
}

/// The part of /proc/PID/stat that matters.
struct Stat {
    parent: u32,
    ticks: u64,
    children: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            ticks: number(11)? + number(12)?,
            children: number(13)? + number(14)?,
        })
    }
}

/// The CPU that a thread has used, in nanoseconds.
fn run_time(pid: u32, thread: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// The entries of a directory that are numbers.
fn numbers(directory: &str) -> Vec<u32> {
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The number behind a name in smaps_rollup.
fn field(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// USER_HZ is 100 wherever this runs.
const TICK_MS: f64 = 10.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_of_this_process_is_seen() {
        let server = Server::new(&[("own".to_owned(), std::process::id())]);
        let meter = server.meter();
        let mut sum = 0u64;
        let start = Instant::now();
        while start.elapsed().as_millis() < 50 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let used = meter.stop(&server);
        assert!(used.wall_ms >= 50.0);
        assert!(used.cpu() > 1.0, "{:?}", used.cpu_ms);
        assert!(server.memory()["own"].0 > 0);
    }
}
