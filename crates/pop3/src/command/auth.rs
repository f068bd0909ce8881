//! `AUTH [mechanism [initial-response]]` (RFC 5034): the mechanisms are the directory's, the framing is here.

use std::time::Duration;

use fieldpost_connection::Line;
use fieldpost_directory::sasl::{self, InvalidBase64, Step};
use zeroize::Zeroizing;

use crate::{
    codec::{Replies, Veiled},
    command::pass,
    session::{Authorization, Next, Session},
};

/// A SASL exchange under way: the next line is a response in base64, or `*`.
pub(crate) struct Exchange {
    authorization: Authorization,
    exchange: sasl::Exchange,
}

/// Begins an exchange, or lists the mechanisms.
pub(crate) async fn begin(
    authorization: Authorization,
    mechanism: Option<&str>,
    initial: Option<Veiled<'_>>,
    replies: &mut Replies<'_>,
) -> Next {
    let (directory, context) = (
        &authorization.service.directory,
        &authorization.client.sign_in,
    );
    let Some(mechanism) = mechanism else {
        replies.ok("Mechanisms follow");
        for mechanism in directory.mechanisms(context) {
            replies.line(mechanism.name());
        }
        replies.end();
        return authorization.stay();
    };
    let initial = initial.map(|text| sasl::decode_initial(text.reveal()).map(Zeroizing::new));
    let Ok(initial) = initial.transpose() else {
        return invalid(authorization, replies);
    };
    let initial = initial.as_ref().map(|message| &message[..]);
    let step = sasl::Exchange::start(directory, mechanism, initial, context.clone()).await;
    after(authorization, step, replies).await
}

impl Exchange {
    /// Takes the client's response to a challenge.
    pub(crate) async fn line(self, line: Line, replies: &mut Replies<'_>) -> Next {
        let Self {
            authorization,
            exchange,
        } = self;
        let line = match line {
            Line::Complete(line) => line,
            Line::TooLong(_) => {
                replies.err("Line too long");
                return authorization.failed(Duration::ZERO);
            }
        };
        if sasl::is_cancel(&line) {
            replies.err("Authentication cancelled");
            return authorization.failed(Duration::ZERO);
        }
        let response = match sasl::decode(&line) {
            Ok(response) => Zeroizing::new(response),
            Err(InvalidBase64) => return invalid(authorization, replies),
        };
        let step = exchange.step(&response).await;
        after(authorization, step, replies).await
    }
}

async fn after(authorization: Authorization, step: Step, replies: &mut Replies<'_>) -> Next {
    match step {
        Step::Challenge(exchange, challenge) => {
            replies.challenge(&sasl::encode(&challenge));
            Next::Line(Session::Exchange(Box::new(Exchange {
                authorization,
                exchange,
            })))
        }
        Step::Done(identity) => pass::open_maildrop(authorization, &identity, replies).await,
        Step::Failed(error) => pass::refuse(authorization, &error, replies),
    }
}

/// Fault 11: invalid base64 ends this exchange and nothing else.
fn invalid(authorization: Authorization, replies: &mut Replies<'_>) -> Next {
    replies.err("Response is not valid base64");
    authorization.failed(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use crate::testing::{ADDRESS, Office, PASSWORD};

    fn plain() -> String {
        STANDARD.encode(format!("\0{ADDRESS}\0{PASSWORD}"))
    }

    #[tokio::test]
    async fn mechanisms_are_listed() {
        let office = Office::open().await;
        let mut client = office.connect().await;
        let listed = client.asks_lines("AUTH").await;
        assert!(listed.contains(&"PLAIN".to_owned()), "{listed:?}");
        assert!(listed.contains(&"SCRAM-SHA-256".to_owned()), "{listed:?}");
    }

    #[tokio::test]
    async fn plain_with_and_without_initial_response() {
        let office = Office::open().await;
        let mut client = office.connect().await;
        client
            .says(
                &format!("auth plain {}", plain()),
                "+OK Maildrop has 0 messages (0 octets)",
            )
            .await;
        client.quits().await;
        let mut client = office.connect().await;
        client.says("AUTH PLAIN", "+ ").await;
        client.says(&plain(), "+OK Maildrop has *").await;
        client.says("AUTH PLAIN", "-ERR Already signed in").await;
    }

    #[tokio::test]
    async fn login_in_two_steps() {
        let office = Office::open().await;
        let mut client = office.connect().await;
        client.says("AUTH LOGIN", "+ VXNlcm5hbWU6").await;
        client
            .says(&STANDARD.encode(ADDRESS), "+ UGFzc3dvcmQ6")
            .await;
        client
            .says(&STANDARD.encode(PASSWORD), "+OK Maildrop has *")
            .await;
    }

    #[tokio::test]
    async fn a_wrong_password() {
        let office = Office::open().await;
        let mut client = office.connect().await;
        let wrong = STANDARD.encode(format!("\0{ADDRESS}\0wrong"));
        client
            .says(&format!("AUTH PLAIN {wrong}"), "-ERR [AUTH] *")
            .await;
        client.says("STAT", "-ERR Sign in first").await;
        client.signs_in().await;
    }

    /// Fault 11: invalid base64 in SASL; fault 12: an exchange that is cancelled.
    #[tokio::test]
    async fn fault_11_and_12_what_is_no_response() {
        let office = Office::with(|settings| settings.failed_sign_ins = 10).await;
        let mut client = office.connect().await;
        client
            .says("AUTH PLAIN !!!", "-ERR Response is not valid base64")
            .await;
        client.says("AUTH PLAIN", "+ ").await;
        client
            .says("====", "-ERR Response is not valid base64")
            .await;
        client.says("AUTH SCRAM-SHA-256", "+ ").await;
        client.says("*", "-ERR Authentication cancelled").await;
        client.says("AUTH LOGIN", "+ *").await;
        client.says("*", "-ERR Authentication cancelled").await;
        client.says("AUTH X-NOTHING", "-ERR [AUTH] *").await;
        client.says("AUTH PLAIN =", "-ERR *").await;
        client
            .says("AUTH PLAIN a b", "-ERR Too many arguments")
            .await;
        client.signs_in().await;
    }

    /// A response may be longer than a command (RFC 5034 §4), but not endless.
    #[tokio::test]
    async fn a_response_has_a_limit_of_its_own() {
        let office = Office::open().await;
        let mut client = office.connect().await;
        client.says("AUTH PLAIN", "+ ").await;
        client
            .says(&STANDARD.encode([b'x'; 4000]), "-ERR [AUTH] *")
            .await;
        client.says("AUTH PLAIN", "+ ").await;
        client.says(&"A".repeat(6_000), "-ERR Line too long").await;
        client.signs_in().await;
    }

    #[tokio::test]
    async fn too_many_failures_end_the_connection() {
        let office = Office::with(|settings| settings.failed_sign_ins = 2).await;
        let mut client = office.connect().await;
        client.says("AUTH X", "-ERR [AUTH] *").await;
        client.says("AUTH X", "-ERR [AUTH] *").await;
        client.ends().await;
    }
}
