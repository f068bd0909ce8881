use super::*;
use crate::{NewAccount, Protocol, Secret, SignInContext, statistics::Work};
use fieldpost_store::MemoryStore;
use proptest::prelude::*;
use std::sync::Arc;

const CLIENT_FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SERVER_FIRST: &str =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const CLIENT_FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

async fn session() -> Session {
    let settings = crate::Settings {
        argon2: crate::Argon2Cost::CHEAPEST,
        ..crate::Settings::default()
    };
    let directory = Directory::open(MemoryStore::new(), settings).await.unwrap();
    let address = crate::Address::parse("user@demo.test").unwrap();
    directory.add(NewAccount::new(address)).await.unwrap();
    Session {
        directory,
        context: SignInContext::new(Protocol::Imap, None, true),
    }
}

/// The state after the first message of RFC 7677 §3, with its salt and its server nonce.
fn after_first(session: &Session, password: &str) -> AwaitsFinal {
    let salt = BASE64_STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    let keys = ScramKeys::derive(&Secret::from(password), &salt, 4096, &Work::default());
    let first = ClientFirst::parse(CLIENT_FIRST.as_bytes()).unwrap();
    let account = session.directory.resolve_login(b"user");
    AwaitsFinal::new(
        false,
        &first,
        b"",
        SERVER_NONCE,
        b"user".to_vec(),
        account,
        (Some(keys), None),
    )
}

/// RFC 7677 §3.
#[tokio::test]
async fn the_exchange_of_rfc_7677() {
    let session = session().await;
    let state = after_first(&session, "pencil");
    assert_eq!(state.server_first, SERVER_FIRST);
    let Step::Challenge(exchange, server_final) = state.step(CLIENT_FINAL.as_bytes(), session)
    else {
        panic!("the proof is right");
    };
    assert_eq!(server_final, SERVER_FINAL.as_bytes());
    let Step::Done(identity) = exchange.step(b"").await else {
        panic!("the exchange is over");
    };
    assert_eq!(identity.address, "user@demo.test");
    assert_eq!(identity.mechanism, Some(Mechanism::ScramSha256));
}

#[tokio::test]
async fn any_changed_character_of_the_proof_nonce_or_binding_is_refused() {
    let session = session().await;
    for at in 0..CLIENT_FINAL.len() {
        let mut message = CLIENT_FINAL.as_bytes().to_vec();
        message[at] = if message[at] == b'A' { b'B' } else { b'A' };
        let state = after_first(&session, "pencil");
        let again = Session {
            directory: Arc::clone(&session.directory),
            context: session.context.clone(),
        };
        assert!(
            matches!(
                state.step(&message, again),
                Step::Failed(
                    SignInError::Malformed
                        | SignInError::WrongCredentials { .. }
                        | SignInError::TryLater { .. }
                )
            ),
            "{at}"
        );
    }
    let state = after_first(&session, "pencil2");
    assert!(matches!(
        state.step(CLIENT_FINAL.as_bytes(), session),
        Step::Failed(_)
    ));
}

#[test]
fn first_messages() {
    let parse = |text: &'static str| ClientFirst::parse(text.as_bytes());
    let first = parse("p=tls-exporter,a=bob=2Cjr,n=al=3Dice,r=abc,x=ext").unwrap();
    assert_eq!(first.gs2_header, "p=tls-exporter,a=bob=2Cjr,");
    assert_eq!(first.flag, BindingFlag::Uses("tls-exporter"));
    assert_eq!(first.authorization, "bob,jr");
    assert_eq!(first.name, "al=ice");
    assert_eq!(first.nonce, "abc");
    assert_eq!(first.bare, "n=al=3Dice,r=abc,x=ext");
    assert_eq!(parse("y,,n=a,r=b").unwrap().flag, BindingFlag::Could);
    for text in [
        "",
        ",",
        "n",
        "n,",
        "n,,",
        "n,,n=,r=b",
        "n,,n=a",
        "n,,n=a,r=",
        "n,,r=b,n=a",
        "n,,m=x,n=a,r=b",
        "n,,n=a,r=b,m=x",
        "n,,n=a,r=b,",
        "n,,n=a,r=b,x",
        "n,,n=a,r=b,x=",
        "n,b,n=a,r=b",
        "n,a=,n=a,r=b",
        "x,,n=a,r=b",
        "p,,n=a,r=b",
        "p=,,n=a,r=b",
        "n,,n=a=2,r=b",
        "n,,n=a=,r=b",
        "n,,n=a=2c,r=b",
        "n,,n=a=\u{e4}\u{e4},r=b",
        "n,,n=a,r=\u{e4}",
        "n,,n=a,r=a b",
        "n,,n=a\0b,r=b",
    ] {
        assert_eq!(parse(text), None, "{text:?}");
    }
    assert_eq!(ClientFirst::parse(b"n,,n=\xff,r=b"), None);
    let long = format!("n,,n=a,r={}", "x".repeat(MAX_NONCE + 1));
    assert_eq!(ClientFirst::parse(long.as_bytes()), None);
}

#[test]
fn final_messages() {
    let proof = BASE64_STANDARD.encode([7; 32]);
    let message = format!("c=biws,r=abc,x=y,p={proof}");
    let last = ClientFinal::parse(message.as_bytes()).unwrap();
    assert_eq!(last.without_proof, "c=biws,r=abc,x=y");
    assert_eq!(last.binding, b"n,,");
    assert_eq!(last.nonce, "abc");
    assert_eq!(last.proof, [7; 32]);
    for text in [
        String::new(),
        format!("p={proof}"),
        format!("c=biws,p={proof}"),
        format!("r=abc,c=biws,p={proof}"),
        format!("c=biws,r=abc,m=x,p={proof}"),
        format!("c=bi!s,r=abc,p={proof}"),
        format!("c=biws,r=abc,p={proof},x=y"),
        "c=biws,r=abc,p=".to_owned(),
        format!("c=biws,r=abc,p={}", BASE64_STANDARD.encode([7; 31])),
        format!("c=biws,r=abc,p={}", BASE64_STANDARD.encode([7; 33])),
        "c=biws,r=abc".to_owned(),
    ] {
        assert_eq!(ClientFinal::parse(text.as_bytes()), None, "{text:?}");
    }
}

proptest! {
    #[test]
    fn names_come_back_from_their_escaped_form(name in "[^\0]{1,40}") {
        let escaped = name.replace('=', "=3D").replace(',', "=2C");
        prop_assert_eq!(sasl_name(&escaped), Some(name));
    }

    #[test]
    fn no_message_panics(message in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = ClientFirst::parse(&message);
        let _ = ClientFinal::parse(&message);
    }
}
