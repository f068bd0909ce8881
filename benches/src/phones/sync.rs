//! One phone and its INBOX: the first Sync of all of it, then rounds of few new mails and of none.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::process::Command;

use super::{
    Options, Outcome,
    corpus::Corpus,
    lmtp::Lmtp,
    meter::{Meter, Server, Used},
    percentile,
    phone::{Phone, Traffic},
    print,
};

/// The first user's INBOX, from nothing.
pub async fn run(options: &Options) -> Outcome<()> {
    let server = Server::new(&options.pids);
    let user = options.first_user()?.clone();
    let mut phone = Phone::new(Arc::new(options.clone()), 0, user.clone()).await?;

    let (meter, traffic) = (server.meter(), phone.traffic);
    phone.begin_sync().await?;
    let items = phone.sync_all().await?;
    let step = Step::end(&meter, &server, traffic, &phone, items);
    print(options, step.line("first-sync", &user.name, items));

    let mut delivery = Delivery::new(options).await?;
    let (mut deltas, mut idles) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        delivery.deliver(&user.name, options.new).await?;
        // What the server does behind a delivery belongs to the delivery.
        tokio::time::sleep(SETTLE).await;
        let (meter, traffic) = (server.meter(), phone.traffic);
        let got = phone.sync_all().await?;
        deltas.push(Step::end(&meter, &server, traffic, &phone, got));
        if got != options.new as u64 {
            return Err(format!("{got} of {} new mails came", options.new).into());
        }
        tokio::time::sleep(SETTLE).await;
        let (meter, traffic) = (server.meter(), phone.traffic);
        let got = phone.sync_all().await?;
        idles.push(Step::end(&meter, &server, traffic, &phone, got));
        if got != 0 {
            return Err(format!("{got} mails came where nothing was new").into());
        }
    }
    for (name, steps) in [("delta", &deltas), ("idle", &idles)] {
        if !steps.is_empty() {
            print(options, rounds(name, &user.name, items, steps));
        }
    }
    Ok(())
}

/// What one step took.
struct Step {
    used: Used,
    requests: u64,
    bytes: u64,
    items: u64,
}

impl Step {
    fn end(meter: &Meter, server: &Server, before: Traffic, phone: &Phone, items: u64) -> Self {
        Self {
            used: meter.stop(server),
            requests: phone.traffic.requests - before.requests,
            bytes: phone.traffic.bytes - before.bytes,
            items,
        }
    }

    fn line(&self, name: &str, user: &str, size: u64) -> Value {
        let by = self.items.max(1) as f64;
        json!({
            "scenario": name, "user": user, "size": size, "items": self.items, "requests": self.requests, "bytes": self.bytes,
            "wall_ms": self.used.wall_ms, "cpu_ms": self.used.cpu(), "cpu_ms_per_item": self.used.cpu() / by,
            "groups_ms": self.used.groups(1.0), "groups_per_item": self.used.groups(by),
        })
    }
}

/// Means and medians of the same step, done several times.
fn rounds(name: &str, user: &str, size: u64, steps: &[Step]) -> Value {
    let count = steps.len() as f64;
    let sum = |of: fn(&Step) -> f64| steps.iter().map(of).sum::<f64>();
    let median =
        |of: fn(&Step) -> f64| percentile(&mut steps.iter().map(of).collect::<Vec<_>>(), 0.5);
    let groups: serde_json::Map<String, Value> = steps[0]
        .used
        .cpu_ms
        .keys()
        .map(|group| {
            let all = steps.iter().filter_map(|step| step.used.cpu_ms.get(group));
            (group.clone(), json!(all.sum::<f64>() / count))
        })
        .collect();
    json!({
        "scenario": name, "user": user, "size": size, "rounds": steps.len(), "items": steps[0].items,
        "requests": sum(|step| step.requests as f64) / count, "bytes": sum(|step| step.bytes as f64) / count,
        "wall_ms": median(|step| step.used.wall_ms), "cpu_ms": sum(|step| step.used.cpu()) / count,
        "cpu_ms_median": median(|step| step.used.cpu()), "groups_ms": groups,
    })
}

/// How new mails get there.
struct Delivery {
    corpus: Corpus,
    /// Not where a command delivers.
    lmtp: Option<Lmtp>,
    command: Option<String>,
    /// The next mail's, far behind those that filled the INBOX.
    number: u64,
}

impl Delivery {
    async fn new(options: &Options) -> Outcome<Self> {
        let connects = options.deliver.is_none() && options.rounds > 0;
        Ok(Self {
            corpus: Corpus::new(options.seed),
            lmtp: if connects {
                Some(Lmtp::connect(options).await?)
            } else {
                None
            },
            command: options.deliver.clone(),
            number: 1 << 32,
        })
    }

    async fn deliver(&mut self, to: &str, count: usize) -> Outcome<()> {
        if let Some(command) = &self.command {
            let status = Command::new(command)
                .args([to, &count.to_string()])
                .status()
                .await?;
            if !status.success() {
                return Err(format!("{command}: {status}").into());
            }
        }
        if let Some(lmtp) = &mut self.lmtp {
            for _ in 0..count {
                let mail = self.corpus.mail(self.number, to);
                lmtp.deliver(to, &mail).await?;
                self.number += 1;
            }
        }
        Ok(())
    }
}

/// Between a step and the next.
const SETTLE: Duration = Duration::from_millis(300);
