//! Those who send: each message until it is acknowledged, each try under a name of its own.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc::Sender,
    },
    thread::Scope,
};

use fieldpost_tests::{Restarts, smtp};

use crate::mail::{self, Ledger, Route, Try};

/// Where mail goes in.
#[derive(Debug)]
pub struct Entrances {
    /// The Postfix in front.
    pub front: String,
    /// Ours.
    pub submission: String,
    /// Who submits, with the password.
    pub alice: (String, String),
}

/// Starts the writers, who end when all messages are acknowledged, and tell of each.
pub fn start<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    messages: u32,
    entrances: &'env Entrances,
    ledger: &'env Mutex<Ledger>,
    restarts: &'env Restarts,
    tell: &Sender<()>,
) {
    let next = Arc::new(AtomicU32::new(0));
    for _ in 0..WRITERS {
        let (next, tell) = (Arc::clone(&next), tell.clone());
        scope.spawn(move || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= messages {
                    return;
                }
                for count in 1.. {
                    let before = restarts.count();
                    let Err(error) = send(number, count, entrances, ledger) else {
                        break;
                    };
                    // Nothing but a kill makes it fail.
                    assert!(restarts.wait(before), "{number}: {error}");
                }
                let _ = tell.send(());
            }
        });
    }
}

/// Tries to send a message; `Ok` is its 250.
fn send(number: u32, count: u32, entrances: &Entrances, ledger: &Mutex<Ledger>) -> io::Result<()> {
    let name = format!("{number}.{count}");
    let mut one = Try {
        number,
        is_acknowledged: false,
    };
    ledger.lock().unwrap().tries.insert(name.clone(), one);
    let route = Route::of(number);
    let (alice, password) = &entrances.alice;
    let (mut client, sender) = if route.is_submitted() {
        let mut client = smtp::Client::connect(&entrances.submission)?;
        client.sign_in(alice, password)?;
        (client, alice.as_str())
    } else {
        (smtp::Client::connect(&entrances.front)?, "sender@far.test")
    };
    let text = mail::text(&name, number, sender);
    client.send(sender, "", &route.recipients(), &text)?;
    one.is_acknowledged = true;
    ledger.lock().unwrap().tries.insert(name, one);
    Ok(())
}

const WRITERS: u32 = 6;
