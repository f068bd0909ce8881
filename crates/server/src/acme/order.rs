//! One order, from the account to the certificate (RFC 8555 §7).

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, ExternalAccountKey, Identifier, NewAccount,
    NewOrder, Order, OrderStatus, RetryPolicy,
};

use super::{
    Challenges,
    home::{self, Home},
    transfer::Transfer,
};
use crate::{
    config::{AcmeChallenge, AcmeSection},
    exchange::{Failure, FailureKind},
};

/// A certificate that was got, and its key; both PEM.
pub struct Got {
    /// The certificate, followed by those that vouch for it.
    pub chain: String,
    /// Its private key, made for it.
    pub key: String,
}

/// Asks for a certificate for the names of `section`.
pub async fn obtain(
    section: &AcmeSection,
    home: &Home,
    challenges: &Arc<Challenges>,
    transfer: &Transfer,
) -> Result<Got, Failure> {
    let names: Vec<Identifier> = section.names.iter().cloned().map(Identifier::Dns).collect();
    let mut order = begin(section, home, transfer, &names).await?;
    // Whatever becomes of the order, its questions are answered no longer.
    let answers = challenges.begin();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(|error| refused(section, error))?;
        // The authority remembers what was proved lately.
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let name = authorization.identifier().to_string();
        let kind = match section.challenge {
            AcmeChallenge::Http01 => ChallengeType::Http01,
            AcmeChallenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
        };
        let Some(mut challenge) = authorization.challenge(kind) else {
            return Err(failed(format!(
                "{name}: the authority does not offer this challenge"
            ))
            .advise("set the other challenge in [acme]"));
        };
        let key = challenge.key_authorization();
        match section.challenge {
            AcmeChallenge::Http01 => answers.over_http(&challenge.token, key.as_str()),
            AcmeChallenge::TlsAlpn01 => answers
                .over_tls(&name, key.digest().as_ref())
                .map_err(|reason| failed(format!("{name}: {reason}")))?,
        }
        challenge
            .set_ready()
            .await
            .map_err(|error| refused(section, error))?;
    }
    let ready = order.poll_ready(&PATIENCE).await;
    if !matches!(ready, Ok(OrderStatus::Ready)) {
        return Err(not_proved(section, &mut order, ready.err()).await);
    }
    drop(answers);
    let got = async {
        let key = order.finalize().await?;
        let chain = order.poll_certificate(&PATIENCE).await?;
        Ok(Got { chain, key })
    };
    got.await.map_err(|error| refused(section, error))
}

/// Makes the order. An authority that knows the account no more gets a new one, once.
async fn begin(
    section: &AcmeSection,
    home: &Home,
    transfer: &Transfer,
    names: &[Identifier],
) -> Result<Order, Failure> {
    let order = NewOrder::new(names);
    let first = account(section, home, transfer).await?;
    match first.new_order(&order).await {
        Err(error) if is_unknown_account(&error) => {
            tracing::warn!(%error, "the authority knows the account no more; a new one is made");
            home.put_account_aside(&section.directory).map_err(local)?;
            let second = account(section, home, transfer).await?;
            second.new_order(&order).await
        }
        made => made,
    }
    .map_err(|error| refused(section, error))
}

/// The account with the authority: the one that is kept, or a new one.
async fn account(
    section: &AcmeSection,
    home: &Home,
    transfer: &Transfer,
) -> Result<Account, Failure> {
    let builder = Account::builder_with_http(Box::new(transfer.clone()));
    let contact = contact(section);
    let contacts: Vec<&str> = contact.as_deref().into_iter().collect();
    let kept = home.account(&section.directory).map_err(|error| {
        local(error).advise(
            "move the account file out of the data directory's acme/, and a new account is made",
        )
    })?;
    if let Some(kept) = kept {
        let credentials =
            serde_json::to_vec(&kept.credentials).and_then(|it| serde_json::from_slice(&it));
        let credentials = credentials.map_err(|error| local(error.into()))?;
        let account = builder
            .from_credentials(credentials)
            .await
            .map_err(|error| refused(section, error))?;
        if kept.contact != section.contact {
            account
                .update_contacts(&contacts)
                .await
                .map_err(|error| refused(section, error))?;
            keep(section, home, kept.credentials)?;
        }
        return Ok(account);
    }
    let external = external_account(section)?;
    let asked = NewAccount {
        contact: &contacts,
        terms_of_service_agreed: section.terms_agreed,
        only_return_existing: false,
    };
    let (account, credentials) = builder
        .create(&asked, section.directory.clone(), external.as_ref())
        .await
        .map_err(|error| refused(section, error))?;
    keep(section, home, credentials)?;
    tracing::info!(account = account.id(), "ACME account made");
    Ok(account)
}

fn keep(
    section: &AcmeSection,
    home: &Home,
    credentials: instant_acme::AccountCredentials,
) -> Result<(), Failure> {
    let account = home::Account {
        credentials,
        contact: section.contact.clone(),
    };
    home.keep_account(&section.directory, &account)
        .map_err(local)
}

fn contact(section: &AcmeSection) -> Option<String> {
    (!section.contact.is_empty()).then(|| {
        let address = section.contact.trim_start_matches("mailto:");
        format!("mailto:{address}")
    })
}

fn external_account(section: &AcmeSection) -> Result<Option<ExternalAccountKey>, Failure> {
    if section.external_account.is_empty() {
        return Ok(None);
    }
    let file = section.external_account_key_file.display();
    let wrong = |reason: String| {
        Failure::new(
            FailureKind::Configuration,
            format!("[acme] external_account_key_file {file}: {reason}"),
        )
        .advise(
            "put the MAC key that the authority gave you into it, in base64url, and nothing else",
        )
    };
    let text = std::fs::read_to_string(&section.external_account_key_file)
        .map_err(|error| wrong(error.to_string()))?;
    let key = URL_SAFE_NO_PAD
        .decode(text.trim().trim_end_matches('='))
        .map_err(|error| wrong(error.to_string()))?;
    Ok(Some(ExternalAccountKey::new(
        section.external_account.clone(),
        &key,
    )))
}

/// Why an order did not become ready: the authority says so at the challenge that failed (RFC 8555 §7.1.6).
async fn not_proved(section: &AcmeSection, order: &mut Order, error: Option<Error>) -> Failure {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let Ok(mut authorization) = authorization else {
            break;
        };
        let name = authorization.identifier().to_string();
        let Ok(state) = authorization.refresh().await else {
            break;
        };
        let problem = state
            .challenges
            .iter()
            .find_map(|challenge| challenge.error.clone());
        if let Some(problem) = problem {
            let kind = problem.r#type.clone();
            let detail = problem.detail.unwrap_or_default();
            let kind = kind.unwrap_or_default();
            return failed(format!(
                "{name} was not proved to be ours: {detail} ({kind})"
            ))
            .advise(advice(section, &kind));
        }
    }
    match error {
        Some(error) => refused(section, error),
        None => failed("the authority gave the order up and does not say why".into()),
    }
}

/// What the authority said no to, or why nothing came of the request.
fn refused(section: &AcmeSection, error: Error) -> Failure {
    let kind = match &error {
        Error::Api(problem) => problem.r#type.clone().unwrap_or_default(),
        _ => String::new(),
    };
    let advice = match &error {
        Error::Api(_) => advice(section, &kind),
        Error::Timeout(_) => "nothing: it is tried again".into(),
        _ => format!(
            "see whether {} can be reached from here, and whether [acme] ca_file vouches for it",
            section.directory
        ),
    };
    failed(format!("{}: {error}", section.directory)).advise(advice)
}

/// What to do about a problem of this type (RFC 8555 §6.7).
fn advice(section: &AcmeSection, kind: &str) -> String {
    let port = section.challenge.port();
    match kind.rsplit(':').next().unwrap_or_default() {
        "connection" | "unauthorized" | "tls" | "incorrectResponse" => format!(
            "every name of [acme] must lead here, at port {port}, from anywhere: look at its A and AAAA records, at the \
             firewall, and at what else listens there"
        ),
        "dns" => "every name of [acme] needs an A or AAAA record that leads here".into(),
        "caa" => "the CAA records of the name allow other authorities only: add this one".into(),
        "rateLimited" => {
            "nothing: the authority's limits are waited for; don't delete what is in acme/".into()
        }
        "rejectedIdentifier" => {
            "take the name out of [acme] names: the authority gives no certificate for it".into()
        }
        "externalAccountRequired" => {
            "set external_account and external_account_key_file as the authority gave them to you"
                .into()
        }
        "userActionRequired" => {
            "read the authority's new terms of service, where the message says".into()
        }
        "invalidContact" | "unsupportedContact" => {
            "set [acme] contact to an address of mail, or leave it empty".into()
        }
        _ => "nothing: it is tried again; if it stays so, the authority's status page may tell"
            .into(),
    }
}

fn is_unknown_account(error: &Error) -> bool {
    matches!(error, Error::Api(problem)
        if problem.r#type.as_deref().is_some_and(|kind| kind.ends_with(":accountDoesNotExist")))
}

fn failed(message: String) -> Failure {
    Failure::new(FailureKind::Failed, message)
}

fn local(error: std::io::Error) -> Failure {
    failed(format!("the data directory's acme/: {error}"))
}

/// How long an authority may take for one step.
const PATIENCE: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(500))
    .backoff(1.5)
    .timeout(Duration::from_mins(3));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_come_with_what_to_do() {
        let section = AcmeSection::default();
        for (kind, says) in [
            ("urn:ietf:params:acme:error:connection", "port 80"),
            ("urn:ietf:params:acme:error:caa", "CAA"),
            ("urn:ietf:params:acme:error:rateLimited", "waited for"),
            ("urn:ietf:params:acme:error:somethingNew", "tried again"),
            ("", "tried again"),
        ] {
            assert!(advice(&section, kind).contains(says), "{kind}");
        }
    }

    #[test]
    fn a_contact_is_a_mailto_url() {
        let mut section = AcmeSection::default();
        assert_eq!(contact(&section), None);
        for text in ["ops@example.org", "mailto:ops@example.org"] {
            section.contact = text.into();
            assert_eq!(contact(&section).unwrap(), "mailto:ops@example.org");
        }
    }
}
