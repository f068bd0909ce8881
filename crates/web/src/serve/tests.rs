mod waiting;

use std::{future::Future, pin::Pin};

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;
use crate::{Component, Health};

struct Fixed(bool);

impl Probe for Fixed {
    fn health(&self) -> Pin<Box<dyn Future<Output = Health> + Send + '_>> {
        let ok = self.0;
        Box::pin(async move {
            Health {
                ready: ok,
                version: "1".into(),
                components: vec![Component {
                    name: "store".into(),
                    ok,
                    detail: if ok {
                        "writable"
                    } else {
                        "read-only: disk full"
                    }
                    .into(),
                }],
            }
        })
    }
}

/// Tells what it is told, after a time that the path says; hangs up on `/else/end`.
struct Elsewhere;

impl Route for Elsewhere {
    fn takes(&self, path: &str) -> bool {
        path.starts_with("/else/")
    }

    fn answer(self: Arc<Self>, request: Request<RequestBody>, origin: Origin) -> crate::Answering {
        Box::pin(async move {
            let what = request.uri().path().trim_start_matches("/else/").to_owned();
            if what == "late-end" {
                tokio::time::sleep(Duration::from_mins(1)).await;
            }
            if what.ends_with("end") {
                return Err(Hangup);
            }
            let body = request.into_body().collect().await.unwrap().to_bytes();
            if let Ok(seconds) = what.parse() {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            let text = format!("{:?} {} {body:?} {what}", origin.peer, origin.secure);
            let size = if what == "large" { 1 << 20 } else { 0 };
            Ok(whole(Response::new(Full::new(
                (text + &"x".repeat(size)).into(),
            ))))
        })
    }
}

fn start(ok: bool) -> (DuplexStream, CancellationToken, tokio::task::JoinHandle<()>) {
    start_with(ok, Settings::default())
}

fn start_with(
    ok: bool,
    settings: Settings,
) -> (DuplexStream, CancellationToken, tokio::task::JoinHandle<()>) {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let shutdown = CancellationToken::new();
    let service = Arc::new(Service {
        probe: Arc::new(Fixed(ok)),
        routes: vec![Arc::new(Elsewhere)],
        proxies: Proxies::new(["192.0.2.1".parse().unwrap()]),
        settings,
    });
    let origin = Origin {
        peer: "192.0.2.1".parse().ok(),
        secure: false,
        connection: 1,
    };
    let task = tokio::spawn(serve(server, origin, service, shutdown.clone()));
    (client, shutdown, task)
}

/// Sends `request`, returns all that comes until the server closes.
async fn talk(ok: bool, request: &str) -> String {
    let (mut client, _shutdown, task) = start(ok);
    // The server may close before it has read all of it.
    drop(client.write_all(request.as_bytes()).await);
    let mut answer = Vec::new();
    drop(client.read_to_end(&mut answer).await);
    task.await.unwrap();
    String::from_utf8(answer).unwrap()
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn live_and_ready() {
    let answer = talk(false, &get("/healthz/live")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = talk(true, &get("/healthz/ready")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("\"ready\":true"), "{answer}");
    assert!(
        answer.contains("x-content-type-options: nosniff"),
        "{answer}"
    );
    assert!(answer.contains("cache-control: no-store"), "{answer}");
}

#[tokio::test]
async fn a_read_only_store_is_not_ready_and_says_why() {
    let answer = talk(false, &get("/healthz/ready")).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("read-only: disk full"), "{answer}");
}

#[tokio::test]
async fn everything_else_is_not_found_and_only_reading_is_allowed() {
    for path in [
        "/",
        "/healthz",
        "/healthz/",
        "/healthz/live/",
        "/healthz/../etc/passwd",
        "/%00",
    ] {
        let answer = talk(true, &get(path)).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
    for request in [
        "DELETE /healthz/live HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /healthz/ready HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
    ] {
        let answer = talk(true, request).await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    }
    // RFC 9112 §3.2: one Host, no more and no less; HTTP/1.0 knows none.
    for hosts in ["", "Host: a\r\nHost: b\r\n"] {
        let answer = talk(true, &format!("GET /healthz/live HTTP/1.1\r\n{hosts}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    let answer = talk(true, "GET /healthz/live HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
    let answer = talk(
        true,
        "HEAD /healthz/ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
}

/// Fault: request smuggling. Whatever the two lengths say, exactly one answer comes and the connection ends.
#[tokio::test]
async fn a_request_within_a_body_is_never_answered() {
    for framing in [
        "Content-Length: 60\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nContent-Length: 60\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Content-Length: +4\r\n",
    ] {
        let request = format!(
            "GET /healthz/live HTTP/1.1\r\nHost: a\r\n{framing}\r\n0\r\n\r\nGET /healthz/ready HTTP/1.1\r\nHost: a\r\n\r\n"
        );
        let answer = talk(true, &request).await;
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "{framing}: {answer}"
        );
        assert!(answer.starts_with("HTTP/1.1 4"), "{framing}: {answer}");
    }
}

/// Fault: slow bodies. A body that is announced and never comes is not waited for.
#[tokio::test(start_paused = true)]
async fn a_body_is_not_waited_for() {
    let (mut client, _shutdown, task) = start(true);
    client
        .write_all(b"GET /healthz/live HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx")
        .await
        .unwrap();
    task.await.unwrap();
    let mut answer = String::new();
    drop(client.read_to_string(&mut answer).await);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn slow_headers_are_cut() {
    let (mut client, _shutdown, task) = start(true);
    client.write_all(b"GET /healthz/live HT").await.unwrap();
    let began = tokio::time::Instant::now();
    task.await.unwrap();
    assert!(
        began.elapsed() <= Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn large_and_many_headers_are_refused() {
    let many: Vec<String> = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let many = many.concat();
    let answer = talk(
        true,
        &format!("GET /healthz/live HTTP/1.1\r\nHost: a\r\n{many}\r\n"),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let long = "y".repeat(40_000);
    let answer = talk(
        true,
        &format!("GET /healthz/live HTTP/1.1\r\nX: {long}\r\n\r\n"),
    )
    .await;
    assert!(!answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn requests_may_follow_each_other_and_a_drain_ends_the_connection() {
    let (mut client, shutdown, task) = start(true);
    let request = b"GET /healthz/live HTTP/1.1\r\nHost: a\r\n\r\n";
    for _ in 0..3 {
        client.write_all(request).await.unwrap();
        let mut answer = [0; 512];
        let count = client.read(&mut answer).await.unwrap();
        assert!(answer[..count].starts_with(b"HTTP/1.1 200 "));
    }
    shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn a_route_gets_its_requests_with_their_origin_and_body() {
    let answer = talk(
        true,
        "POST /else/a HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\n\
         Content-Length: 2\r\nConnection: close\r\n\r\nhi",
    )
    .await;
    assert!(
        answer.ends_with("\r\n\r\nSome(198.51.100.7) true b\"hi\" a"),
        "{answer}"
    );
    let answer = talk(true, "GET /else/a HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(talk(true, &get("/else/end")).await, "", "no answer at all");
}

/// A phone that waits for mail for an hour is not cut off.
#[tokio::test(start_paused = true)]
async fn an_answer_may_take_an_hour() {
    let answer = talk(true, &get("/else/3540")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_for_a_while_only() {
    let (mut client, _shutdown, task) = start(true);
    client
        .write_all(b"GET /healthz/live HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let began = tokio::time::Instant::now();
    task.await.unwrap();
    let kept = began.elapsed();
    assert!(
        kept >= Duration::from_secs(119) && kept <= Duration::from_secs(130),
        "{kept:?}"
    );
}

/// A client that asks for much and reads nothing.
#[tokio::test(start_paused = true)]
async fn who_takes_nothing_is_cut() {
    let (mut client, _shutdown, task) = start(true);
    client
        .write_all(get("/else/large").as_bytes())
        .await
        .unwrap();
    let began = tokio::time::Instant::now();
    task.await.unwrap();
    assert!(
        began.elapsed() <= Duration::from_secs(70),
        "{:?}",
        began.elapsed()
    );
    drop(client);
}
