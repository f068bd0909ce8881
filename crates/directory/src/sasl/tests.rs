use super::*;
use crate::{
    ChannelBinding, ImportOptions, Protocol, Settings,
    credential::ScramKeys,
    statistics::Work,
    testing::{new, open, settings},
};
use fieldpost_store::{MemoryStore, Store};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

async fn directory() -> Arc<Directory> {
    let store: Arc<dyn Store> = MemoryStore::new();
    let directory = open(&store).await;
    directory
        .add(new("alice@demo.test", "secret"))
        .await
        .unwrap();
    directory
        .add(new("bob@demo.test", "p\u{e4}ss"))
        .await
        .unwrap();
    directory
}

fn context() -> SignInContext {
    SignInContext::new(Protocol::Imap, None, true)
}

fn bound() -> SignInContext {
    SignInContext {
        binding: ChannelBinding {
            exporter: Some([7; 32]),
            end_point: Some(vec![9; 32]),
        },
        ..context()
    }
}

async fn start(directory: &Arc<Directory>, mechanism: &str, initial: Option<&[u8]>) -> Step {
    Exchange::start(directory, mechanism, initial, context()).await
}

fn done(step: Step) -> String {
    match step {
        Step::Done(identity) => identity.address,
        other => panic!("{other:?}"),
    }
}

fn challenge(step: Step) -> (Exchange, Vec<u8>) {
    match step {
        Step::Challenge(exchange, bytes) => (exchange, bytes),
        other => panic!("{other:?}"),
    }
}

fn failed(step: Step) -> SignInError {
    match step {
        Step::Failed(error) => error,
        other => panic!("{other:?}"),
    }
}

fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// A client of SCRAM-SHA-256, written from RFC 5802 §3 and sharing no code with the server.
struct Client {
    password: &'static str,
    /// The GS2 header, as sent first.
    header: &'static str,
    /// What is sent for the binding: the header and the data.
    bound: Vec<u8>,
    name: &'static str,
}

impl Client {
    fn new(name: &'static str, password: &'static str) -> Self {
        Self {
            password,
            header: "n,,",
            bound: b"n,,".to_vec(),
            name,
        }
    }

    fn first(&self) -> String {
        format!("{}n={},r=client-nonce", self.header, self.name)
    }

    /// The final message, and the server's signature that it expects.
    fn last(&self, server_first: &[u8]) -> (String, String) {
        let server_first = std::str::from_utf8(server_first).unwrap();
        let mut attributes = server_first
            .split(',')
            .map(|attribute| attribute.split_at(2).1);
        let nonce = attributes.next().unwrap();
        assert!(nonce.starts_with("client-nonce") && nonce.len() > 30);
        let salt = BASE64_STANDARD.decode(attributes.next().unwrap()).unwrap();
        let rounds = attributes.next().unwrap().parse().unwrap();
        let mut salted = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(self.password.as_bytes(), &salt, rounds, &mut salted);
        let client_key = mac(&salted, b"Client Key");
        let stored_key = Sha256::digest(client_key);
        let without_proof = format!("c={},r={nonce}", BASE64_STANDARD.encode(&self.bound));
        let message = format!(
            "n={},r=client-nonce,{server_first},{without_proof}",
            self.name
        );
        let signature = mac(&stored_key, message.as_bytes());
        let proof: Vec<u8> = client_key
            .iter()
            .zip(signature)
            .map(|(a, b)| a ^ b)
            .collect();
        let server_key = mac(&salted, b"Server Key");
        (
            format!("{without_proof},p={}", BASE64_STANDARD.encode(proof)),
            format!(
                "v={}",
                BASE64_STANDARD.encode(mac(&server_key, message.as_bytes()))
            ),
        )
    }

    async fn run(
        &self,
        directory: &Arc<Directory>,
        mechanism: &str,
        context: SignInContext,
    ) -> Step {
        let first = self.first();
        let step = Exchange::start(directory, mechanism, Some(first.as_bytes()), context).await;
        let Step::Challenge(exchange, server_first) = step else {
            return step;
        };
        let (last, expected) = self.last(&server_first);
        let step = exchange.step(last.as_bytes()).await;
        let Step::Challenge(exchange, server_final) = step else {
            return step;
        };
        assert_eq!(server_final, expected.as_bytes());
        exchange.step(b"").await
    }
}

/// fault 3: what sends the password is offered, and taken, only where nobody else reads it.
#[tokio::test]
async fn fault_3_mechanisms_are_offered_as_the_connection_allows() {
    let directory = directory().await;
    let names = |context: &SignInContext| {
        directory
            .mechanisms(context)
            .into_iter()
            .map(Mechanism::name)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(&bound()),
        ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]
    );
    assert_eq!(names(&context()), ["SCRAM-SHA-256", "PLAIN", "LOGIN"]);
    let insecure = SignInContext {
        secure: false,
        ..context()
    };
    assert_eq!(names(&insecure), ["SCRAM-SHA-256"]);
    for mechanism in ["PLAIN", "LOGIN"] {
        let initial = Some(&b"\0alice\0secret"[..]);
        let step = Exchange::start(&directory, mechanism, initial, insecure.clone()).await;
        assert!(matches!(failed(step), SignInError::NotSecure));
    }
    for mechanism in [
        "",
        "SCRAM-SHA-1",
        "GSSAPI",
        "SCRAM-SHA-256-PLUS",
        "PLAIN\0",
        "\u{e4}",
    ] {
        let error = failed(start(&directory, mechanism, None).await);
        assert!(
            matches!(error, SignInError::MechanismNotAllowed),
            "{mechanism}"
        );
    }
    let store: Arc<dyn Store> = MemoryStore::new();
    let fewer = Settings {
        mechanisms: vec![Mechanism::Plain],
        ..settings()
    };
    let fewer = Directory::open(store, fewer).await.unwrap();
    assert_eq!(fewer.mechanisms(&bound()), [Mechanism::Plain]);
}

#[tokio::test]
async fn plain_with_and_without_an_initial_response() {
    let directory = directory().await;
    assert_eq!(
        done(start(&directory, "PLAIN", Some(b"\0alice\0secret")).await),
        "alice@demo.test"
    );
    let (exchange, prompt) = challenge(start(&directory, "plain", None).await);
    assert_eq!(prompt, b"");
    assert_eq!(exchange.mechanism(), Mechanism::Plain);
    let Step::Done(identity) = exchange
        .step("\0bob@demo.test\0pa\u{308}ss".as_bytes())
        .await
    else {
        panic!("the password is right");
    };
    assert_eq!(identity.mechanism, Some(Mechanism::Plain));
    // RFC 4616 §2: who may act as whom. Only as oneself.
    for (authorization, right) in [
        ("alice", true),
        ("Alice@demo.test", true),
        ("bob", false),
        ("nobody", false),
    ] {
        let message = format!("{authorization}\0alice\0secret");
        match start(&directory, "PLAIN", Some(message.as_bytes())).await {
            Step::Done(_) => assert!(right, "{authorization}"),
            step => {
                assert!(!right, "{authorization}");
                assert!(matches!(failed(step), SignInError::WrongCredentials { .. }));
            }
        }
    }
    for message in [
        &b""[..],
        b"\0",
        b"\0\0",
        b"alice",
        b"\0alice",
        b"\0alice\0",
        b"\0\0secret",
        b"\0alice\0secret\0",
        b"\0alice\0sec\0ret",
    ] {
        let error = failed(start(&directory, "PLAIN", Some(message)).await);
        assert!(matches!(error, SignInError::Malformed), "{message:?}");
    }
    let long = [b"\0alice\0".to_vec(), vec![b'x'; MAX_MESSAGE]].concat();
    assert!(matches!(
        failed(start(&directory, "PLAIN", Some(&long)).await),
        SignInError::Malformed
    ));
    for message in [
        &b"\0\xff\0secret"[..],
        b"\xff\0alice\0secret",
        b"\0alice\0\xff",
    ] {
        let error = failed(start(&directory, "PLAIN", Some(message)).await);
        assert!(matches!(error, SignInError::WrongCredentials { .. }));
    }
}

#[tokio::test]
async fn login_asks_for_the_name_and_the_password() {
    let directory = directory().await;
    let (exchange, prompt) = challenge(start(&directory, "LOGIN", None).await);
    assert_eq!(prompt, b"Username:");
    let (exchange, prompt) = challenge(exchange.step(b"alice").await);
    assert_eq!(prompt, b"Password:");
    assert_eq!(done(exchange.step(b"secret").await), "alice@demo.test");

    // The name may come as an initial response, and Outlook's strings end with NUL.
    let (exchange, prompt) = challenge(start(&directory, "LOGIN", Some(b"alice\0")).await);
    assert_eq!(prompt, b"Password:");
    assert_eq!(done(exchange.step(b"secret\0").await), "alice@demo.test");

    let (exchange, _) = challenge(start(&directory, "LOGIN", Some(b"alice")).await);
    assert!(matches!(
        failed(exchange.step(b"wrong").await),
        SignInError::WrongCredentials { .. }
    ));
    let (exchange, _) = challenge(start(&directory, "LOGIN", Some(b"alice")).await);
    assert!(matches!(
        failed(exchange.step(b"").await),
        SignInError::Malformed
    ));
    assert!(matches!(
        failed(start(&directory, "LOGIN", Some(b"")).await),
        SignInError::Malformed
    ));
}

#[tokio::test]
async fn scram_signs_in_whose_proof_is_right() {
    let directory = directory().await;
    let right = Client::new("alice", "secret");
    let step = right.run(&directory, "SCRAM-SHA-256", context()).await;
    let Step::Done(identity) = step else {
        panic!("{step:?}");
    };
    assert_eq!(identity.address, "alice@demo.test");
    assert_eq!(identity.mechanism, Some(Mechanism::ScramSha256));
    let umlaut = Client::new("bob@demo.test", "p\u{e4}ss");
    done(umlaut.run(&directory, "scram-sha-256", context()).await);
    // Without TLS too: the password is not sent.
    let insecure = SignInContext {
        secure: false,
        ..context()
    };
    done(right.run(&directory, "SCRAM-SHA-256", insecure).await);
    for client in [
        Client::new("alice", "wrong"),
        Client::new("nobody", "secret"),
        Client::new("", "secret"),
        Client {
            bound: b"y,,".to_vec(),
            ..Client::new("alice", "secret")
        },
        Client {
            bound: vec![],
            ..Client::new("alice", "secret")
        },
    ] {
        let error = failed(client.run(&directory, "SCRAM-SHA-256", context()).await);
        assert!(
            matches!(error, SignInError::WrongCredentials { .. }) || client.name.is_empty(),
            "{}: {error:?}",
            client.name
        );
    }
    let (exchange, prompt) = challenge(start(&directory, "SCRAM-SHA-256", None).await);
    assert_eq!(prompt, b"");
    challenge(exchange.step(right.first().as_bytes()).await);
    let as_himself = Client {
        header: "n,a=alice@demo.test,",
        bound: b"n,a=alice@demo.test,".to_vec(),
        ..Client::new("alice", "secret")
    };
    done(as_himself.run(&directory, "SCRAM-SHA-256", context()).await);
    let as_bob = Client {
        header: "n,a=bob,",
        bound: b"n,a=bob,".to_vec(),
        ..Client::new("alice", "secret")
    };
    let error = failed(as_bob.run(&directory, "SCRAM-SHA-256", context()).await);
    assert!(matches!(error, SignInError::WrongCredentials { .. }));
}

#[tokio::test]
async fn scram_plus_ties_the_exchange_to_its_connection() {
    let directory = directory().await;
    let client = |header: &'static str, data: &[u8]| Client {
        header,
        bound: [header.as_bytes(), data].concat(),
        ..Client::new("alice", "secret")
    };
    let run = async |client: Client, mechanism: &str, context: SignInContext| {
        client.run(&directory, mechanism, context).await
    };
    const PLUS: &str = "SCRAM-SHA-256-PLUS";
    let step = run(client("p=tls-exporter,,", &[7; 32]), PLUS, bound()).await;
    assert!(
        matches!(&step, Step::Done(identity) if identity.mechanism == Some(Mechanism::ScramSha256Plus))
    );
    done(run(client("p=tls-server-end-point,,", &[9; 32]), PLUS, bound()).await);
    // Another connection: somebody in the middle passes the messages on.
    let error = failed(run(client("p=tls-exporter,,", &[8; 32]), PLUS, bound()).await);
    assert!(matches!(error, SignInError::WrongCredentials { .. }));
    for (header, mechanism) in [
        ("p=tls-unique,,", PLUS),
        ("n,,", PLUS),
        ("y,,", PLUS),
        ("p=tls-exporter,,", "SCRAM-SHA-256"),
        // RFC 5802 §6: the client could bind and was told that we can't.
        ("y,,", "SCRAM-SHA-256"),
    ] {
        let error = failed(run(client(header, b""), mechanism, bound()).await);
        assert!(
            matches!(error, SignInError::Malformed),
            "{header} {mechanism}"
        );
    }
    done(run(client("n,,", b""), "SCRAM-SHA-256", bound()).await);
    // Here we can't, so that is as it should be.
    done(run(client("y,,", b""), "SCRAM-SHA-256", context()).await);
}

#[tokio::test]
async fn scram_shows_no_difference_between_known_and_unknown_names() {
    let directory = directory().await;
    let file = std::io::Cursor::new("old@demo.test:{SSHA}8A0Z+ErlkRLcY7Iv6K0Qj2HX88UhXplM\n");
    directory
        .import_passwd_file(file, ImportOptions::default())
        .await
        .unwrap();
    let server_first = async |name: &'static str| {
        let first = Client::new(name, "").first();
        let (_, message) =
            challenge(start(&directory, "SCRAM-SHA-256", Some(first.as_bytes())).await);
        let message = String::from_utf8(message).unwrap();
        let salt = message.split(",s=").nth(1).unwrap().to_owned();
        (message.len(), salt)
    };
    let alice = server_first("alice").await;
    assert!(alice.1.ends_with(",i=4096"));
    assert_eq!(server_first("alice").await, alice);
    for name in ["nobody", "nobody@demo.test", "old"] {
        let other = server_first(name).await;
        assert_eq!(other.0, alice.0, "{name}");
        assert_ne!(other.1, alice.1, "{name}");
        assert_eq!(server_first(name).await, other, "{name}");
    }
    assert_eq!(server_first("NOBODY").await, server_first("nobody").await);
    // Nobody can be proved, whatever is sent.
    let error = failed(
        Client::new("old", "correct horse")
            .run(&directory, "SCRAM-SHA-256", context())
            .await,
    );
    assert!(matches!(error, SignInError::WrongCredentials { .. }));
    // Once the password was seen, its owner can use SCRAM.
    done(start(&directory, "PLAIN", Some(b"\0old\0correct horse")).await);
    done(
        Client::new("old", "correct horse")
            .run(&directory, "SCRAM-SHA-256", context())
            .await,
    );
}

#[tokio::test]
async fn failed_proofs_are_counted_like_wrong_passwords() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let limits = Settings {
        attempts: crate::AttemptLimits::default(),
        ..settings()
    };
    let directory = Directory::open(store, limits).await.unwrap();
    directory
        .add(new("alice@demo.test", "secret"))
        .await
        .unwrap();
    for number in 0..4 {
        let error = failed(
            Client::new("alice", "wrong")
                .run(&directory, "SCRAM-SHA-256", context())
                .await,
        );
        let SignInError::WrongCredentials { wait } = error else {
            panic!("{error:?}");
        };
        assert_eq!(wait.as_secs(), u64::from(number == 3));
    }
    let error = failed(
        Client::new("alice", "secret")
            .run(&directory, "SCRAM-SHA-256", context())
            .await,
    );
    assert!(matches!(error, SignInError::TryLater { .. }));
    let error = failed(start(&directory, "PLAIN", Some(b"\0alice\0secret")).await);
    assert!(matches!(error, SignInError::TryLater { .. }));
}

#[tokio::test]
async fn messages_out_of_turn_end_the_exchange() {
    let directory = directory().await;
    let client = Client::new("alice", "secret");
    let first = client.first();
    let begin =
        async || challenge(start(&directory, "SCRAM-SHA-256", Some(first.as_bytes())).await);
    let (exchange, _) = begin().await;
    assert!(matches!(
        failed(exchange.step(first.as_bytes()).await),
        SignInError::Malformed
    ));
    let (exchange, _) = begin().await;
    assert!(matches!(
        failed(exchange.step(b"").await),
        SignInError::Malformed
    ));
    let (exchange, server_first) = begin().await;
    let (exchange, _) = challenge(exchange.step(client.last(&server_first).0.as_bytes()).await);
    assert!(matches!(
        failed(exchange.step(b"x").await),
        SignInError::Malformed
    ));
    // A proof is for one nonce.
    let (_, server_first) = begin().await;
    let (exchange, _) = begin().await;
    let replayed = client.last(&server_first).0;
    assert!(matches!(
        failed(exchange.step(replayed.as_bytes()).await),
        SignInError::WrongCredentials { .. }
    ));
}

/// fault 11: invalid base64 in SASL ends its own exchange and touches no other (CVE-2025-59028).
#[tokio::test]
async fn fault_11_invalid_base64_is_an_error_of_its_line_only() {
    for line in [
        &b"*"[..],
        b"A",
        b"AA",
        b"AA=",
        b"AA==A",
        b"A\0AA",
        b"AAA\r",
        b"\xff\xff\xff\xff",
        b"AAAA AAAA",
        b"AB==",
        b"====",
    ] {
        assert_eq!(decode(line), Err(InvalidBase64), "{line:?}");
    }
    assert_eq!(decode(b"").unwrap(), b"");
    assert_eq!(decode(b"AGFsaWNlAHNlY3JldA==").unwrap(), b"\0alice\0secret");
    assert_eq!(
        decode(&vec![b'A'; MAX_LINE]).map(|decoded| decoded.len()),
        Ok(MAX_LINE / 4 * 3)
    );
    assert_eq!(decode(&vec![b'A'; MAX_LINE + 4]), Err(InvalidBase64));
    assert_eq!(decode_initial(b"=").unwrap(), b"");
    assert_eq!(decode_initial(b""), Err(InvalidBase64));
    assert_eq!(encode(b"Username:"), "VXNlcm5hbWU6");
    assert!(is_cancel(b"*") && !is_cancel(b"**") && !is_cancel(b""));

    let directory = directory().await;
    let (exchange, _) = challenge(start(&directory, "PLAIN", None).await);
    let (other, _) = challenge(start(&directory, "PLAIN", None).await);
    assert!(decode(b"!!!").is_err());
    drop(other);
    assert_eq!(
        done(exchange.step(b"\0alice\0secret").await),
        "alice@demo.test"
    );
}

/// fault 12: exchanges that are cancelled or abandoned leave nothing behind (CVE-2017-15132, CVE-2019-11494).
#[tokio::test]
async fn fault_12_abandoned_exchanges_leave_nothing_behind() {
    let directory = directory().await;
    let before = Arc::strong_count(&directory);
    let mut open_exchanges = Vec::new();
    for number in 0..1000 {
        let mechanism = Mechanism::ALL[1 + number % 3].name();
        let (exchange, _) = challenge(start(&directory, mechanism, None).await);
        match exchange.mechanism() {
            Mechanism::Login => open_exchanges.push(challenge(exchange.step(b"alice").await).0),
            Mechanism::Plain => open_exchanges.push(exchange),
            Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => {
                let first = Client::new("alice", "x").first();
                open_exchanges.push(challenge(exchange.step(first.as_bytes()).await).0);
            }
        }
    }
    assert_eq!(Arc::strong_count(&directory), before + 1000);
    assert!(
        std::mem::size_of::<Exchange>() < 512,
        "{}",
        std::mem::size_of::<Exchange>()
    );
    drop(open_exchanges);
    assert_eq!(Arc::strong_count(&directory), before);
    // And none of them counted as an attempt.
    done(start(&directory, "PLAIN", Some(b"\0alice\0secret")).await);
}

#[test]
fn the_keys_of_a_client_and_a_server_agree() {
    // A check of the test's own client against RFC 7677 §3.
    let client = Client {
        name: "user",
        ..Client::new("user", "pencil")
    };
    let salt = BASE64_STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    let keys = ScramKeys::derive(&"pencil".into(), &salt, 4096, &Work::default());
    let server_first = format!(
        "r=client-nonce0123456789012345678,s={},i=4096",
        BASE64_STANDARD.encode(&salt)
    );
    let (last, expected) = client.last(server_first.as_bytes());
    let (without_proof, proof) = last.rsplit_once(",p=").unwrap();
    let message = format!("n=user,r=client-nonce,{server_first},{without_proof}");
    let proof = BASE64_STANDARD.decode(proof).unwrap().try_into().unwrap();
    assert!(keys.check_proof(message.as_bytes(), &proof));
    assert_eq!(
        expected,
        format!(
            "v={}",
            BASE64_STANDARD.encode(keys.server_signature(message.as_bytes()))
        )
    );
}
