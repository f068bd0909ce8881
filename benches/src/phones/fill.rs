//! Fills the first user's INBOX by LMTP.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde_json::json;

use super::{Options, Outcome, corpus::Corpus, lmtp::Lmtp, meter::Server, print};

/// Delivers `count` mails over several connections.
pub async fn run(options: &Options) -> Outcome<()> {
    let server = Server::new(&options.pids);
    let corpus = Arc::new(Corpus::new(options.seed));
    let user = options.first_user()?.name.clone();
    let (next, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let meter = server.meter();
    let mut tasks = Vec::new();
    for _ in 0..options.connections {
        let mut lmtp = Lmtp::connect(options).await?;
        let (corpus, user) = (Arc::clone(&corpus), user.clone());
        let (next, bytes) = (Arc::clone(&next), Arc::clone(&bytes));
        let count = options.count as u64;
        tasks.push(tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Outcome::Ok(());
                }
                let mail = corpus.mail(number, &user);
                bytes.fetch_add(mail.len() as u64, Ordering::Relaxed);
                lmtp.deliver(&user, &mail).await?;
            }
        }));
    }
    for task in tasks {
        task.await??;
    }
    let used = meter.stop(&server);
    let items = options.count as f64;
    print(
        options,
        json!({
            "scenario": "fill", "items": options.count, "bytes": bytes.load(Ordering::Relaxed), "wall_ms": used.wall_ms,
            "cpu_ms_per_item": used.cpu() / items, "groups_per_item": used.groups(items),
        }),
    );
    Ok(())
}
