//! Many phones that wait in Ping, and mails that wake them.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    sync::{Semaphore, mpsc},
    time::timeout,
};

use super::{
    Options, Outcome,
    corpus::{Corpus, Random},
    lmtp::Lmtp,
    meter::Server,
    percentile,
    phone::Phone,
    print,
};

/// `count` phones, users in turn; then `deliveries` to random users.
pub async fn run(options: Options) -> Outcome<()> {
    let options = Arc::new(options);
    options.first_user()?;
    let server = Server::new(&options.pids);
    let (memory, processes) = (server.memory(), server.count());
    let meter = server.meter();
    let mut crowd = Crowd::start(&options);
    crowd.until_all_wait().await?;
    let setup = meter.stop(&server);
    tokio::time::sleep(SETTLE).await;
    let waiting = server.memory();
    let phones = options.count as f64;
    let grown: BTreeMap<_, _> = waiting
        .iter()
        .map(|(group, &(rss, pss))| {
            let &(old_rss, old_pss) = memory.get(group).unwrap_or(&(0, 0));
            let each = |now: u64, then: u64| (now as f64 - then as f64) / phones;
            (
                group,
                json!({"rss": each(rss, old_rss), "pss": each(pss, old_pss)}),
            )
        })
        .collect();
    print(
        &options,
        json!({
            "scenario": "ping-wait", "phones": options.count, "users": options.users.len(), "memory_before_kib": memory,
            "memory_waiting_kib": waiting, "kib_per_phone": grown, "processes_before": processes,
            "processes_waiting": server.count(), "setup_cpu_ms_per_phone": setup.cpu() / phones, "setup_wall_ms": setup.wall_ms,
        }),
    );
    if options.deliveries > 0 {
        crowd.wake(&options, &server).await?;
    }
    Ok(())
}

/// What a phone tells.
enum Event {
    /// It has sent a Ping.
    Waits(usize),
    /// A Ping told it of changes.
    Told(usize, Instant),
    /// It can't go on.
    Failed(String),
}

/// All phones, as their events tell of them.
struct Crowd {
    events: mpsc::UnboundedReceiver<Event>,
    /// By user: phones, and those that wait.
    phones: Vec<(usize, usize)>,
}

impl Crowd {
    fn start(options: &Arc<Options>) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let starting = Arc::new(Semaphore::new(STARTING));
        let mut phones = vec![(0, 0); options.users.len()];
        for number in 0..options.count {
            let user = number % options.users.len();
            phones[user].0 += 1;
            let (options, sender) = (Arc::clone(options), sender.clone());
            let starting = Arc::clone(&starting);
            tokio::spawn(async move {
                let Err(error) = live(options, number, user, starting, &sender).await;
                let _ = sender.send(Event::Failed(error.to_string()));
            });
        }
        Self { events, phones }
    }

    async fn until_all_wait(&mut self) -> Outcome<()> {
        while self.phones.iter().any(|(all, waiting)| waiting < all) {
            let event = timeout(PATIENCE, self.events.recv()).await;
            self.take(event?)?;
        }
        Ok(())
    }

    /// Delivers to one user after the other and waits until all phones of that user were told.
    async fn wake(&mut self, options: &Options, server: &Server) -> Outcome<()> {
        let corpus = Corpus::new(options.seed);
        let mut lmtp = Lmtp::connect(options).await?;
        let mut random = Random::new(options.seed, u64::MAX);
        let (mut latencies, mut lost, mut late, mut early) = (Vec::new(), 0u64, 0u64, 0u64);
        let meter = server.meter();
        for delivery in 0..options.deliveries {
            let user = random.below(self.phones.len().min(options.count) as u64) as usize;
            while self.phones[user].1 < self.phones[user].0 {
                let event = timeout(PATIENCE, self.events.recv()).await;
                late += u64::from(self.take(event?)?.is_some());
            }
            let name = &options.users[user].name;
            let mail = corpus.mail(PAST_FILL + delivery as u64, name);
            let delivered = lmtp.deliver(name, &mail).await?;
            let deadline = tokio::time::Instant::from_std(delivered + options.told_within);
            let mut untold = self.phones[user].0;
            while untold > 0 {
                let Ok(event) = tokio::time::timeout_at(deadline, self.events.recv()).await else {
                    break;
                };
                match self.take(event)? {
                    Some((told, at)) if told == user => {
                        untold -= 1;
                        early += u64::from(at < delivered);
                        let latency = at.saturating_duration_since(delivered);
                        latencies.push(latency.as_secs_f64() * 1e3);
                    }
                    Some(_) => late += 1,
                    None => {}
                }
            }
            lost += untold as u64;
            tokio::time::sleep(options.pause).await;
        }
        let used = meter.stop(server);
        let told = latencies.len();
        print(
            options,
            json!({
                "scenario": "ping-wake", "phones": options.count, "deliveries": options.deliveries, "told": told, "lost": lost,
                "told_late": late, "told_before_250": early, "p50_ms": percentile(&mut latencies, 0.5),
                "p99_ms": percentile(&mut latencies, 0.99), "max_ms": percentile(&mut latencies, 1.0),
                "wall_ms": used.wall_ms, "cpu_ms_per_delivery": used.cpu() / options.deliveries as f64,
                "groups_per_delivery": used.groups(options.deliveries as f64), "memory_kib": server.memory(),
            }),
        );
        Ok(())
    }

    /// Takes note of an event; whose phone was told of changes, and when.
    fn take(&mut self, event: Option<Event>) -> Outcome<Option<(usize, Instant)>> {
        match event {
            Some(Event::Waits(user)) => self.phones[user].1 += 1,
            Some(Event::Told(user, at)) => {
                self.phones[user].1 -= 1;
                return Ok(Some((user, at)));
            }
            Some(Event::Failed(error)) => return Err(error.into()),
            None => return Err("no phone is left".into()),
        }
        Ok(None)
    }
}

/// A phone's life: it learns what there is, waits, syncs, waits.
async fn live(
    options: Arc<Options>,
    number: usize,
    user: usize,
    starting: Arc<Semaphore>,
    events: &mpsc::UnboundedSender<Event>,
) -> Outcome<std::convert::Infallible> {
    let permit = starting.acquire_owned().await?;
    let account = options.users[user].clone();
    let mut heartbeat = options.heartbeat;
    let mut phone = Phone::new(options, number, account).await?;
    phone.begin_sync().await?;
    phone.sync_all().await?;
    let mut permit = Some(permit);
    loop {
        phone.begin_ping(heartbeat).await?;
        events.send(Event::Waits(user))?;
        drop(permit.take());
        loop {
            match phone.wait().await? {
                // Nothing happened; it waits on.
                (1, _) => phone.begin_ping(heartbeat).await?,
                (2, _) => break,
                (5, Some(nearest)) => {
                    heartbeat = nearest;
                    phone.begin_ping(heartbeat).await?;
                }
                (status, _) => return Err(format!("Ping: status {status}").into()),
            }
        }
        events.send(Event::Told(user, Instant::now()))?;
        phone.sync_all().await?;
    }
}

/// Phones that sign in at once.
const STARTING: usize = 16;

/// Until all have settled down: servers give back what sign-ins needed some seconds after the last one.
const SETTLE: Duration = Duration::from_secs(8);

/// How long nothing may happen at all.
const PATIENCE: Duration = Duration::from_mins(2);

/// A number of mails that no INBOX is filled with.
const PAST_FILL: u64 = 2 << 32;
