//! What is made of what came.

use bytes::Bytes;
use hyper::{Response, StatusCode, header};

use super::{Clients, Outcome, Way};
use crate::http_client::HttpClientError;

/// Of an answer over HTTP without TLS.
pub(super) fn judge_redirect(answer: &Response<Bytes>) -> Judged {
    let to = answer.headers().get(header::LOCATION);
    let to = to.and_then(|to| to.to_str().ok()).unwrap_or_default();
    match answer.status() {
        status if status.is_redirection() && starts_with(to, "https://") => {
            Judged::found(&format!("leads to {to}"))
        }
        status if status.is_redirection() => Judged::problem(
            &format!("leads to {to:?}, which is not https"),
            "let it lead to the https URL, or nowhere",
        ),
        status => Judged::of_status(status),
    }
}

/// What is made of an answer.
pub(super) struct Judged {
    outcome: Outcome,
    came: String,
    next_step: Option<String>,
}

impl Judged {
    /// It leads to the server.
    pub(super) fn found(came: &str) -> Self {
        Self::new(Outcome::Found, came, None)
    }

    /// Nothing is there.
    pub(super) fn absent(came: &str) -> Self {
        Self::new(Outcome::Absent, came, None)
    }

    /// Something is there that stops programs.
    pub(super) fn problem(came: &str, next_step: &str) -> Self {
        Self::new(Outcome::Problem, came, Some(next_step.to_owned()))
    }

    fn new(outcome: Outcome, came: &str, next_step: Option<String>) -> Self {
        // It comes from outside.
        let came: String = came.chars().take(MAX_SHOWN).collect();
        Self {
            outcome,
            came,
            next_step,
        }
    }

    /// Of a status that no way expects.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let came = status.to_string();
        if status == StatusCode::NOT_FOUND {
            Self::absent(&came)
        } else if status.is_server_error() {
            Self::problem(
                &came,
                "the log of the server, or of the proxy in front of it, tells why",
            )
        } else if status.is_redirection() {
            Self::problem(
                &came,
                "not all programs follow: let the server answer there itself, or nobody",
            )
        } else {
            Self::problem(
                &came,
                "is it this server that answers there? If not, let it answer 404",
            )
        }
    }
}

/// A way and how it went.
pub(super) fn way(clients: Clients, url: &str, judged: Result<Judged, HttpClientError>) -> Way {
    let judged = judged.unwrap_or_else(|error| {
        let came = error.to_string();
        match error {
            HttpClientError::NoSuchHost { .. } | HttpClientError::Unreachable { .. } => {
                Judged::absent(&came)
            }
            HttpClientError::Tls { .. } => Judged::problem(
                &came,
                "programs warn their users of it: get a certificate for this name too, or take the name out of DNS",
            ),
            _ => Judged::problem(&came, "programs wait for it: let something answer there, or nothing listen"),
        }
    });
    Way {
        clients,
        url: url.to_owned(),
        outcome: judged.outcome,
        came: judged.came,
        next_step: judged.next_step,
    }
}

/// A way that is not tried.
pub(super) fn skipped(clients: Clients, url: &str) -> Way {
    let judged = Judged::new(
        Outcome::Skipped,
        "--connect goes to the server itself",
        None,
    );
    way(clients, url, Ok(judged))
}

/// Whether `text` begins so, in any case of letters.
pub(super) fn starts_with(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len())
        .is_some_and(|begins| begins.eq_ignore_ascii_case(beginning))
}

/// The most characters shown of what came.
const MAX_SHOWN: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, location: &str) -> Response<Bytes> {
        let answer = Response::builder().status(status);
        let answer = answer.header(header::LOCATION, location);
        answer.body(Bytes::new()).unwrap()
    }

    #[test]
    fn a_redirect_leads_to_https() {
        for (status, location, outcome) in [
            (
                302,
                "https://mail.example.org/autodiscover/autodiscover.xml",
                Outcome::Found,
            ),
            (301, "HTTPS://mail.example.org/", Outcome::Found),
            (302, "http://mail.example.org/", Outcome::Problem),
            (302, "", Outcome::Problem),
            (404, "", Outcome::Absent),
            (200, "", Outcome::Problem),
            (502, "", Outcome::Problem),
        ] {
            assert_eq!(
                judge_redirect(&answer(status, location)).outcome,
                outcome,
                "{status} {location}"
            );
        }
    }

    #[test]
    fn what_comes_from_outside_is_cut() {
        let judged = Judged::found(&"é".repeat(10_000));
        assert_eq!(judged.came.chars().count(), MAX_SHOWN);
        assert!(starts_with("Basic x", "basic") && !starts_with("é", "basic"));
    }
}
