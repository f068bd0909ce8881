//! `AUTHENTICATE` (RFC 9051 §6.2.2, SASL-IR of RFC 4959): the mechanisms are the directory's, the framing is here.

use std::time::Duration;

use fieldpost_connection::Line;
use fieldpost_directory::sasl::{self, InvalidBase64, Step};
use zeroize::Zeroizing;

use crate::{
    answer::Answer,
    codec::request::{Tag, Veiled},
    command::login,
    output::Output,
    session::{Next, NotAuthenticated, Session, finish},
};

/// A SASL exchange under way: the next line is a response in base64, or `*`.
pub(crate) struct Exchange {
    state: Box<NotAuthenticated>,
    tag: Tag,
    running: sasl::Exchange,
}

/// Begins an exchange.
pub(crate) async fn begin(
    state: Box<NotAuthenticated>,
    tag: Tag,
    mechanism: &str,
    initial: Option<Veiled>,
    output: &mut Output<'_>,
) -> Next {
    let initial = initial.map(|text| sasl::decode_initial(&text.0).map(Zeroizing::new));
    let Ok(initial) = initial.transpose() else {
        return invalid(state, &tag, output);
    };
    let initial = initial.as_ref().map(|message| &message[..]);
    let context = state.client.sign_in.clone();
    let step = sasl::Exchange::start(&state.service.directory, mechanism, initial, context).await;
    after(state, tag, step, output).await
}

impl Exchange {
    /// Takes the client's response to a challenge.
    pub(crate) async fn line(self, line: Line, output: &mut Output<'_>) -> Next {
        let Self {
            state,
            tag,
            running,
        } = self;
        let line = match line {
            Line::Complete(line) => line,
            Line::TooLong(_) => {
                finish(&tag, Answer::bad("Line too long"), output);
                return state.failed(Duration::ZERO, output);
            }
        };
        if sasl::is_cancel(&line) {
            finish(&tag, Answer::bad("Authentication cancelled"), output);
            return state.failed(Duration::ZERO, output);
        }
        let response = match sasl::decode(&line) {
            Ok(response) => Zeroizing::new(response),
            Err(InvalidBase64) => return invalid(state, &tag, output),
        };
        let step = running.step(&response).await;
        after(state, tag, step, output).await
    }
}

async fn after(
    state: Box<NotAuthenticated>,
    tag: Tag,
    step: Step,
    output: &mut Output<'_>,
) -> Next {
    match step {
        Step::Challenge(exchange, challenge) => {
            output.replies().go_ahead(sasl::encode(&challenge));
            Next::Go(Session::Exchange(Box::new(Exchange {
                state,
                tag,
                running: exchange,
            })))
        }
        Step::Done(identity) => login::enter(state, tag, identity, output).await,
        Step::Failed(error) => login::refuse(state, &tag, &error, output),
    }
}

/// Fault 11: invalid base64 ends this exchange and nothing else.
fn invalid(state: Box<NotAuthenticated>, tag: &Tag, output: &mut Output<'_>) -> Next {
    finish(tag, Answer::bad("Response is not valid base64"), output);
    state.failed(Duration::ZERO, output)
}
