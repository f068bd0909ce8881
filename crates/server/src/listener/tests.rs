#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// Writes `hello`, then waits for the end of the input or the shutdown.
struct Hello;

impl Handler for Hello {
    fn serve(&self, accepted: Accepted, shutdown: CancellationToken) -> BoxedSession {
        Box::pin(async move {
            match accepted.socket {
                AcceptedSocket::Tcp(mut stream) => {
                    stream.write_all(b"hello").await.unwrap();
                    let mut byte = [0];
                    tokio::select! {
                        read = stream.read(&mut byte) => assert!(byte != *b"!", "asked to panic, {read:?}"),
                        () = shutdown.cancelled() => {}
                    }
                }
                AcceptedSocket::Unix(mut stream) => {
                    stream.write_all(b"hello").await.unwrap();
                    shutdown.cancelled().await;
                }
            }
        })
    }
}

struct Running {
    endpoint: Endpoint,
    shutdown: CancellationToken,
    sessions: TaskTracker,
    task: tokio::task::JoinHandle<()>,
    admission: Arc<Admission>,
}

fn start(listener: &config::Listener, admission: Arc<Admission>) -> Running {
    let bound = Bound::open(listener).unwrap();
    let endpoint = bound.endpoint();
    let shutdown = CancellationToken::new();
    let sessions = TaskTracker::new();
    let task = tokio::spawn(bound.accept(
        Arc::new(Hello),
        Arc::clone(&admission),
        sessions.clone(),
        Stop {
            drain: shutdown.clone(),
            cut: CancellationToken::new(),
        },
    ));
    Running {
        endpoint,
        shutdown,
        sessions,
        task,
        admission,
    }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        let Endpoint::Tcp(address) = &self.endpoint else {
            panic!("not TCP")
        };
        TcpStream::connect(address).await.unwrap()
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
        self.sessions.close();
        self.sessions.wait().await;
        assert_eq!(self.admission.count(), 0);
    }
}

fn loopback() -> config::Listener {
    config::Listener::tcp(Protocol::Pop3, "127.0.0.1:0".parse().unwrap())
}

async fn expect_hello(stream: &mut (impl tokio::io::AsyncRead + Unpin)) {
    let mut hello = [0; 5];
    stream.read_exact(&mut hello).await.unwrap();
    assert_eq!(&hello, b"hello");
}

#[tokio::test]
async fn connections_are_served_and_a_shutdown_ends_all() {
    let running = start(&loopback(), Admission::new(10, 10));
    let mut one = running.connect().await;
    expect_hello(&mut one).await;
    assert_eq!(running.admission.count(), 1);
    running.stop().await;
    assert_eq!(one.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn beyond_the_bound_of_the_process_a_connection_is_closed_at_once() {
    let running = start(&loopback(), Admission::new(1, 10));
    let mut one = running.connect().await;
    expect_hello(&mut one).await;
    let mut two = running.connect().await;
    let mut nothing = Vec::new();
    drop(two.read_to_end(&mut nothing).await);
    assert!(nothing.is_empty());
    running.stop().await;
}

#[tokio::test]
async fn beyond_the_bound_of_the_listener_connections_wait() {
    let mut listener = loopback();
    listener.max_connections = 1;
    let running = start(&listener, Admission::new(10, 10));
    let mut one = running.connect().await;
    expect_hello(&mut one).await;
    let mut two = running.connect().await;
    let waited = tokio::time::timeout(Duration::from_millis(100), two.read(&mut [0; 5])).await;
    assert!(waited.is_err(), "not served yet");
    drop(one);
    expect_hello(&mut two).await;
    running.stop().await;
}

#[tokio::test]
async fn a_panic_ends_one_connection_only() {
    let running = start(&loopback(), Admission::new(10, 10));
    let mut bad = running.connect().await;
    expect_hello(&mut bad).await;
    bad.write_all(b"!").await.unwrap();
    let mut rest = Vec::new();
    drop(bad.read_to_end(&mut rest).await);
    let mut good = running.connect().await;
    expect_hello(&mut good).await;
    running.stop().await;
}

#[tokio::test]
async fn a_unix_socket_has_its_mode_and_goes_with_the_listener() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lmtp.sock");
    let listener = config::Listener {
        address: None,
        unix: Some(path.clone()),
        unix_mode: "0600".into(),
        ..loopback()
    };
    let running = start(&listener, Admission::new(10, 10));
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let mut client = UnixStream::connect(&path).await.unwrap();
    expect_hello(&mut client).await;
    assert!(matches!(
        Bound::open(&listener),
        Err(ListenError::Taken { .. })
    ));
    running.stop().await;
    assert!(!path.exists());

    // What a killed server leaves behind is replaced; a file that is no socket is not.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(Bound::open(&listener).is_ok());
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "precious").unwrap();
    assert!(Bound::open(&listener).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn an_address_in_use_is_an_error_with_advice() {
    let first = Bound::open(&loopback()).unwrap();
    let Endpoint::Tcp(address) = first.endpoint() else {
        panic!("not TCP")
    };
    let error = Bound::open(&config::Listener::tcp(Protocol::Pop3, address))
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains(&address.to_string()) && error.contains("ss -ltnp"),
        "{error}"
    );
}

#[test]
fn trouble_with_accept_waits_longer_each_time_and_connections_that_died_do_not() {
    let endpoint = Endpoint::Unix("/x".into());
    let mut trouble = Trouble::default();
    let full = io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error());
    let pauses: Vec<_> = (0..6).map(|_| trouble.note(&full, &endpoint)).collect();
    assert!(
        pauses.windows(2).all(|pair| pair[0] <= pair[1]),
        "{pauses:?}"
    );
    assert!(pauses[5] <= Duration::from_secs(1));
    let died = io::Error::from(io::ErrorKind::ConnectionAborted);
    assert_eq!(trouble.note(&died, &endpoint), Duration::ZERO);
}

/// Tells whom it serves.
struct Whom;

impl Handler for Whom {
    fn serve(&self, accepted: Accepted, _: CancellationToken) -> BoxedSession {
        Box::pin(async move {
            if let AcceptedSocket::Tcp(mut stream) = accepted.socket {
                let told = format!("{} at {:?}", accepted.peer, accepted.local);
                stream.write_all(told.as_bytes()).await.unwrap();
            }
        })
    }
}

#[tokio::test]
async fn a_listed_proxy_says_for_whom_it_speaks_and_must() {
    let listener = config::Listener {
        proxy_protocol: vec!["127.0.0.1".into()],
        ..config::Listener::tcp(Protocol::Pop3, "127.0.0.1:0".parse().unwrap())
    };
    let bound = Bound::open(&listener).unwrap();
    let Endpoint::Tcp(address) = bound.endpoint() else {
        unreachable!("it is TCP");
    };
    let (stop, sessions) = (Stop::default(), TaskTracker::new());
    let drain = stop.drain.clone();
    let task = tokio::spawn(bound.accept(
        Arc::new(Whom),
        Admission::new(10, 1),
        sessions.clone(),
        stop,
    ));
    for (header, expected) in [
        (
            "PROXY TCP4 192.0.2.7 198.51.100.1 56324 110\r\n",
            "192.0.2.7:56324 at Some(198.51.100.1:110)",
        ),
        ("USER alice@example.org\r\n", ""),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(header.as_bytes()).await.unwrap();
        let mut told = String::new();
        // Closed with octets unread, the connection may end by a reset.
        drop(stream.read_to_string(&mut told).await);
        assert_eq!(told, expected, "{header}");
    }
    drain.cancel();
    task.await.unwrap();
    sessions.close();
    sessions.wait().await;
}
