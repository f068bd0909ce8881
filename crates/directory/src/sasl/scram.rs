//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS: RFC 5802 with RFC 7677's hash, bindings of RFC 9266 and RFC 5929.
//!
//! ```text
//! C: n,,n=user,r=rOprNGfwEbeRWgbNEkqO
//! S: r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096
//! C: c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=
//! S: v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=
//! C: (empty)
//! ```
//!
//! Somebody without SCRAM keys, or without an account, gets a salt that is derived from his name and this server's secret
//! and a proof check against keys that nobody has: to the client it looks the same.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use fieldpost_store::AccountId;
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use super::{Mechanism, STRICT, Session, State, Step, prepare_name};
use crate::{
    ChannelBinding, Directory, Identity, SignInError, audit, credential::ScramKeys, random,
    sign_in::name_of,
};

/// Waits for the client's first message.
pub(super) struct AwaitsFirst {
    pub(super) plus: bool,
}

impl AwaitsFirst {
    pub(super) fn mechanism(&self) -> Mechanism {
        mechanism(self.plus)
    }

    pub(super) async fn step(self, message: &[u8], session: Session) -> Step {
        let mechanism = self.mechanism();
        let Some(first) = ClientFirst::parse(message) else {
            return session.fail(Some(mechanism), SignInError::Malformed);
        };
        let binding = match binding_data(&first, self.plus, &session) {
            Ok(binding) => binding.to_vec(),
            Err(error) => return session.fail(Some(mechanism), error),
        };
        let login = prepare_name(&first.name).into_bytes();
        let account = session.directory.resolve_login(&login);
        match keys_of(&session.directory, account, &login).await {
            Ok(keys) => {
                let Ok(nonce) = random::array::<18>() else {
                    return session.fail(Some(mechanism), SignInError::MechanismNotAllowed);
                };
                let nonce = BASE64_STANDARD.encode(nonce);
                let state =
                    AwaitsFinal::new(self.plus, &first, &binding, &nonce, login, account, keys);
                let challenge = state.server_first.clone();
                session.challenge(State::ScramFinal(Box::new(state)), challenge)
            }
            Err(error) => {
                audit::refused(&login, account, Some(mechanism), &error, &session.context);
                Step::Failed(error)
            }
        }
    }
}

/// Waits for the client's proof.
pub(super) struct AwaitsFinal {
    plus: bool,
    /// The name that the client gave, and whose it is.
    login: Vec<u8>,
    authorization: Vec<u8>,
    account: Option<AccountId>,
    keys: Option<ScramKeys>,
    /// Checked in the place of `keys` if there are none.
    decoy: Option<ScramKeys>,
    /// What `c=` must decode to: the GS2 header as the client sent it, and the binding's data.
    binding: Vec<u8>,
    nonce: String,
    client_first_bare: String,
    server_first: String,
}

impl AwaitsFinal {
    fn new(
        plus: bool,
        first: &ClientFirst<'_>,
        binding: &[u8],
        server_nonce: &str,
        login: Vec<u8>,
        account: Option<AccountId>,
        (keys, decoy): (Option<ScramKeys>, Option<ScramKeys>),
    ) -> Self {
        let nonce = format!("{}{server_nonce}", first.nonce);
        let (salt, iterations) = keys
            .as_ref()
            .or(decoy.as_ref())
            .map_or((&[][..], 4096), |keys| (&keys.salt, keys.iterations));
        let server_first = format!(
            "r={nonce},s={},i={iterations}",
            BASE64_STANDARD.encode(salt)
        );
        Self {
            plus,
            authorization: prepare_name(&first.authorization).into_bytes(),
            login,
            account,
            keys,
            decoy,
            binding: [first.gs2_header.as_bytes(), binding].concat(),
            nonce,
            client_first_bare: first.bare.to_owned(),
            server_first,
        }
    }

    pub(super) fn mechanism(&self) -> Mechanism {
        mechanism(self.plus)
    }

    pub(super) fn step(self, message: &[u8], session: Session) -> Step {
        let mechanism = self.mechanism();
        let Some(last) = ClientFinal::parse(message) else {
            return session.fail(Some(mechanism), SignInError::Malformed);
        };
        let result = self.check(&last, &session);
        match result {
            Ok((identity, server_final)) => {
                let state = AwaitsEnd {
                    identity,
                    login: self.login,
                };
                session.challenge(State::ScramEnd(state), server_final)
            }
            Err(error) => {
                let (login, account) = (&self.login, self.account);
                audit::refused(login, account, Some(mechanism), &error, &session.context);
                Step::Failed(error)
            }
        }
    }

    /// Checks the proof and makes the server's own.
    fn check(
        &self,
        last: &ClientFinal<'_>,
        session: &Session,
    ) -> Result<(Identity, String), SignInError> {
        let (directory, context) = (&session.directory, &session.context);
        let now = Instant::now();
        let target = directory.attempts.target(self.account, &self.login);
        let attempt = directory
            .attempts
            .begin(context.peer, target, now)
            .map_err(|wait| SignInError::TryLater { wait })?;
        let auth_message = format!(
            "{},{},{}",
            self.client_first_bare, self.server_first, last.without_proof
        );
        // All of it is computed, whatever fails first.
        let bound = last.binding.ct_eq(&self.binding);
        let fresh = last.nonce.as_bytes().ct_eq(self.nonce.as_bytes());
        let keys = self.keys.as_ref().or(self.decoy.as_ref());
        let proved =
            keys.is_some_and(|keys| keys.check_proof(auth_message.as_bytes(), &last.proof));
        if !(bool::from(bound & fresh) && proved && self.keys.is_some()) {
            let wait = attempt.failed(None, now);
            return Err(SignInError::WrongCredentials { wait });
        }
        attempt.succeeded();
        let identity = directory.admit(
            self.account,
            &self.authorization,
            Some(self.mechanism()),
            context,
        )?;
        let signature = keys.map_or([0; 32], |keys| {
            keys.server_signature(auth_message.as_bytes())
        });
        Ok((identity, format!("v={}", BASE64_STANDARD.encode(signature))))
    }
}

/// Waits for the client to have checked the server's proof.
pub(super) struct AwaitsEnd {
    identity: Identity,
    login: Vec<u8>,
}

impl AwaitsEnd {
    pub(super) fn mechanism(&self) -> Mechanism {
        self.identity.mechanism.unwrap_or(Mechanism::ScramSha256)
    }

    pub(super) fn step(self, message: &[u8], session: Session) -> Step {
        if !message.is_empty() {
            return session.fail(Some(self.mechanism()), SignInError::Malformed);
        }
        let arrivals = &session.directory.arrivals;
        audit::accepted(&self.login, &self.identity, &session.context, arrivals);
        Step::Done(self.identity)
    }
}

/// The client's first message.
///
/// ```abnf
/// client-first-message = gs2-header client-first-message-bare
/// gs2-header           = gs2-cbind-flag "," [ authzid ] ","
/// gs2-cbind-flag       = ("p=" cb-name) / "n" / "y"
/// client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
/// ```
#[derive(Debug, PartialEq, Eq)]
struct ClientFirst<'a> {
    gs2_header: &'a str,
    flag: BindingFlag<'a>,
    authorization: String,
    name: String,
    nonce: &'a str,
    bare: &'a str,
}

/// What the client says about channel binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BindingFlag<'a> {
    /// `p=`: uses this one.
    Uses(&'a str),
    /// `n`: can't.
    Cannot,
    /// `y`: could, but believes that the server can't.
    Could,
}

impl<'a> ClientFirst<'a> {
    fn parse(message: &'a [u8]) -> Option<Self> {
        let message = std::str::from_utf8(message).ok()?;
        let (flag, rest) = message.split_once(',')?;
        let (authorization, bare) = rest.split_once(',')?;
        let gs2_header = &message[..message.len() - bare.len()];
        let flag = match flag {
            "n" => BindingFlag::Cannot,
            "y" => BindingFlag::Could,
            _ => BindingFlag::Uses(flag.strip_prefix("p=").filter(|name| !name.is_empty())?),
        };
        let authorization = match authorization {
            "" => String::new(),
            authorization => sasl_name(authorization.strip_prefix("a=")?)?,
        };
        // An `m=` here would be a mandatory extension, and we know none.
        let mut attributes = bare.split(',');
        let name = sasl_name(attributes.next()?.strip_prefix("n=")?)?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        if !is_nonce(nonce) || !attributes.all(is_extension) {
            return None;
        }
        Some(Self {
            gs2_header,
            flag,
            authorization,
            name,
            nonce,
            bare,
        })
    }
}

/// The client's final message.
///
/// ```abnf
/// client-final-message-without-proof = channel-binding "," nonce ["," extensions]
/// client-final-message = client-final-message-without-proof "," proof
/// ```
#[derive(Debug, PartialEq, Eq)]
struct ClientFinal<'a> {
    without_proof: &'a str,
    binding: Vec<u8>,
    nonce: &'a str,
    proof: [u8; 32],
}

impl<'a> ClientFinal<'a> {
    fn parse(message: &'a [u8]) -> Option<Self> {
        let message = std::str::from_utf8(message).ok()?;
        let (without_proof, proof) = message.rsplit_once(',')?;
        let proof = STRICT.decode(proof.strip_prefix("p=")?).ok()?;
        let mut attributes = without_proof.split(',');
        let binding = STRICT.decode(attributes.next()?.strip_prefix("c=")?).ok()?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        attributes.all(is_extension).then_some(Self {
            without_proof,
            binding,
            nonce,
            proof: proof.try_into().ok()?,
        })
    }
}

/// The data that the client must have bound, by what it said and what this connection has.
fn binding_data<'a>(
    first: &ClientFirst<'_>,
    plus: bool,
    session: &'a Session,
) -> Result<&'a [u8], SignInError> {
    let ChannelBinding {
        exporter,
        end_point,
    } = &session.context.binding;
    match (first.flag, plus) {
        (BindingFlag::Uses("tls-exporter"), true) => exporter.as_ref().map(|data| &data[..]),
        (BindingFlag::Uses("tls-server-end-point"), true) => end_point.as_deref(),
        (BindingFlag::Cannot, false) => Some(&[][..]),
        // RFC 5802 §6: we do offer -PLUS here, so somebody between us took it out of the list.
        (BindingFlag::Could, false) => (!session
            .directory
            .offers(Mechanism::ScramSha256Plus, &session.context))
        .then_some(&[][..]),
        (BindingFlag::Uses(_), _) | (BindingFlag::Cannot | BindingFlag::Could, true) => None,
    }
    .ok_or(SignInError::Malformed)
}

/// The keys of an account, and those that stand in for missing ones. Both are made for everybody, for the time it takes.
async fn keys_of(
    directory: &Directory,
    account: Option<AccountId>,
    login: &[u8],
) -> Result<(Option<ScramKeys>, Option<ScramKeys>), SignInError> {
    let decoy = directory.decoy_scram_keys(&name_of(login));
    let credentials = directory.credentials(account).await?;
    let keys = credentials.and_then(|(credentials, _)| credentials.scram().cloned());
    Ok((keys, Some(decoy)))
}

fn mechanism(plus: bool) -> Mechanism {
    if plus {
        Mechanism::ScramSha256Plus
    } else {
        Mechanism::ScramSha256
    }
}

/// ```abnf
/// saslname = 1*(value-safe-char / "=2C" / "=3D")
/// ```
fn sasl_name(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('=') {
        name.push_str(before);
        let escape = after.get(..2)?;
        name.push(match escape {
            "2C" => ',',
            "3D" => '=',
            _ => return None,
        });
        rest = &after[2..];
    }
    name.push_str(rest);
    (!name.is_empty() && !name.contains('\0')).then_some(name)
}

/// `printable = %x21-2B / %x2D-7E`, and not so long that it is sent for another reason.
fn is_nonce(text: &str) -> bool {
    (1..=MAX_NONCE).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b',')
}

/// `attr-val = ALPHA "=" value`, where we know no attribute and may ignore all but the mandatory ones.
fn is_extension(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|name| name.is_ascii_alphabetic() && name != b'm')
        && bytes.next() == Some(b'=')
        && bytes.next().is_some()
}

const MAX_NONCE: usize = 256;

#[cfg(test)]
mod tests;
