//! Answers that take their time: the stream is taken out of hyper and put back with the answer.

use super::*;

/// Reads one answer whose length is told; its head in lower case, and its body.
async fn one_answer(client: &mut DuplexStream) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split_once("content-length: ").unwrap().1;
    let length = length.split_once("\r\n").unwrap().0.parse().unwrap();
    let mut body = vec![0; length];
    client.read_exact(&mut body).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

/// A request with a length, one in chunks, and one sent ahead while another waits: all are answered, in turn.
#[tokio::test(start_paused = true)]
async fn the_connection_goes_on_behind_an_answer_that_took_its_time() {
    let (mut client, _shutdown, task) = start(true);
    let requests = [
        "POST /else/300 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
        "POST /else/301 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        "GET /healthz/live HTTP/1.1\r\nHost: a\r\n\r\nPOST /else/302 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n",
    ];
    let later = |millis| tokio::time::sleep(Duration::from_millis(millis));
    client.write_all(requests[0].as_bytes()).await.unwrap();
    later(5000).await;
    client.write_all(requests[1].as_bytes()).await.unwrap();
    later(5000).await;
    client.write_all(requests[2].as_bytes()).await.unwrap();
    for seconds in [300, 301] {
        let (head, body) = one_answer(&mut client).await;
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
        assert!(!head.contains("connection: close"), "{head}");
        assert!(head.contains("date: "), "{head}");
        assert!(body.ends_with(&format!("b\"hi\" {seconds}")), "{body}");
    }
    assert_eq!(one_answer(&mut client).await.1, "{\"live\":true}\n");
    // The rest of a body that comes late.
    later(5000).await;
    client.write_all(b"hi").await.unwrap();
    assert!(one_answer(&mut client).await.1.ends_with("b\"hi\" 302"));
    drop(client);
    task.await.unwrap();
}

/// A phone that goes away frees what its request held, long before the answer.
#[tokio::test(start_paused = true)]
async fn who_goes_away_is_not_waited_for() {
    for sent_ahead in ["", "POST /else/1 HTTP/1.1\r\n"] {
        let (mut client, _shutdown, task) = start(true);
        let began = tokio::time::Instant::now();
        client
            .write_all(b"GET /else/3540 HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
        client.write_all(sent_ahead.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!task.is_finished());
        drop(client);
        task.await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(12), "{sent_ahead}");
    }
}

/// A client that sends ahead without end is no longer read from.
#[tokio::test(start_paused = true)]
async fn what_is_sent_ahead_is_bounded() {
    let (mut client, _shutdown, _task) = start(true);
    client
        .write_all(b"GET /else/3540 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let sent = vec![b'x'; 1 << 20];
    let flood = client.write_all(&sent);
    let ended = tokio::time::timeout(Duration::from_mins(1), flood).await;
    assert!(ended.is_err(), "it waits for room");
}

/// The answer is framed as the request wants it, though another machine writes it.
#[tokio::test(start_paused = true)]
async fn the_answer_is_framed_as_the_request_asked() {
    let answer = talk(true, "GET /else/60 HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(" 60"), "the connection ended: {answer}");
    let answer = talk(
        true,
        "HEAD /else/60 HTTP/1.1\r\nHost: a\r\nConnection: TE, Close\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "without a body: {answer}");
    let (mut client, _shutdown, _task) = start(true);
    let old = b"GET /else/60 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    for _ in 0..2 {
        client.write_all(old).await.unwrap();
        let (head, _) = one_answer(&mut client).await;
        assert!(head.contains("connection: keep-alive\r\n"), "{head}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_may_end_without_an_answer() {
    assert_eq!(talk(true, &get("/else/late-end")).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_drain_lets_it_be_answered_and_ends_the_connection() {
    let (mut client, shutdown, task) = start(true);
    client
        .write_all(b"GET /else/60 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    shutdown.cancel();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    task.await.unwrap();
}
