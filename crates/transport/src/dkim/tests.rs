use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};

use super::*;

/// Whether the signature on top of a message holds for it (RFC 6376 §6.1.3), as the receiver finds out.
pub(crate) fn verifies(message: &str) -> bool {
    let fields: Vec<_> = header::fields(message.as_bytes()).collect();
    let signature = fields[0];
    assert!(signature.is("DKIM-Signature"), "{message}");
    let text = signature.unfolded();
    let tag = |name: &str| -> String {
        let mut tags = text.split(';').map(str::trim);
        let value = tags.find_map(|tag| tag.strip_prefix(name));
        value.unwrap().split_whitespace().collect()
    };
    let mut left: Vec<_> = fields[1..].to_vec();
    let mut signed = Vec::new();
    for name in tag("h=").split(':') {
        if let Some(at) = left.iter().rposition(|field| field.is(name)) {
            canonical::field(left.remove(at).raw, &mut signed);
        }
    }
    let raw = str::from_utf8(signature.raw).unwrap();
    canonical::field(&raw.as_bytes()[..raw.rfind("b=").unwrap() + 2], &mut signed);
    signed.truncate(signed.len() - 2);
    let mut body = BodyHash::new();
    body.push(&message.as_bytes()[header::length(message.as_bytes())..]);
    let decode = |text: String| BASE64_STANDARD.decode(text).unwrap();
    let public = UnparsedPublicKey::new(&ED25519, BASE64_STANDARD.decode(PUBLIC).unwrap());
    decode(tag("bh=")) == body.finish()
        && public
            .verify(&Sha256::digest(&signed), &decode(tag("b=")))
            .is_ok()
}

/// A key for tests alone (RFC 8463 appendix A.2), in PKCS#8.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
const PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

const MESSAGE: &str = "Received: from x\r\nFrom: Joe SixPack <joe@football.example.com>\r\nTo:  Suzie Q <suzie@shopping.example.net>\r\n\
    Subject: Is  dinner\r\n\tready?\r\n\r\nHi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n\r\n";

fn passed(size: usize) -> Passed {
    let mut passing = Passing::new();
    MESSAGE
        .as_bytes()
        .chunks(size)
        .for_each(|piece| passing.push(piece));
    passing.finish()
}

pub(crate) fn signer() -> DkimSigner {
    DkimSigner::new(
        "Football.example.com",
        "brisbane",
        DkimKey::from_pem(KEY.as_bytes()).unwrap(),
    )
}

#[test]
fn the_signature_is_that_of_the_canonical_message() {
    let field = signer().sign(&passed(7), 1_528_637_909).unwrap();
    assert!(
        field.ends_with("\r\n") && field.lines().all(|line| line.len() < 80),
        "{field}"
    );
    assert!(
        field.contains("h=from:subject:to:from:subject:date:to;"),
        "{field}"
    );
    // The hash of RFC 8463 appendix A.3, whose body this is.
    assert!(
        field.contains("bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;"),
        "{field}"
    );
    let at = field.rfind("b=").unwrap() + 2;
    let (head, signature) = field.split_at(at);
    let signature: String = signature.split_whitespace().collect();
    let mut signed = b"from:Joe SixPack <joe@football.example.com>\r\nsubject:Is dinner ready?\r\n\
        to:Suzie Q <suzie@shopping.example.net>\r\n"
        .to_vec();
    canonical::field(head.as_bytes(), &mut signed);
    signed.truncate(signed.len() - 2);
    let public = BASE64_STANDARD.decode(PUBLIC).unwrap();
    let signature = BASE64_STANDARD.decode(signature).unwrap();
    UnparsedPublicKey::new(&ED25519, public)
        .verify(&Sha256::digest(&signed), &signature)
        .unwrap();
    assert!(verifies(&format!("{field}{MESSAGE}")));
    assert!(!verifies(&format!("{field}{MESSAGE}more\r\n")));
    assert_eq!(signer().record(), format!("v=DKIM1; k=ed25519; p={PUBLIC}"));
}

#[test]
fn it_does_not_matter_how_a_message_is_cut() {
    let whole = signer().sign(&passed(10_000), 5);
    for size in 1..40 {
        assert_eq!(signer().sign(&passed(size), 5), whole, "pieces of {size}");
    }
}

#[test]
fn what_has_no_sender_or_too_long_a_header_is_not_signed() {
    let mut passing = Passing::new();
    passing.push(b"Subject: x\r\n\r\ny\r\n");
    assert_eq!(signer().sign(&passing.finish(), 5), None);
    let mut passing = Passing::new();
    passing.push(b"From: a@x.test\r\n");
    for _ in 0..400 {
        passing.push(&[b'x'; 1024]);
    }
    assert!(passing.header.len() <= MAX_HEADER);
    assert_eq!(signer().sign(&passing.finish(), 5), None);
}

#[test]
fn keys_that_are_none_are_refused() {
    assert_eq!(DkimKey::from_pem(b"no").unwrap_err(), DkimKeyError::Pem);
    let certificate = b"-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
    assert_eq!(
        DkimKey::from_pem(certificate).unwrap_err(),
        DkimKeyError::Kind
    );
}
