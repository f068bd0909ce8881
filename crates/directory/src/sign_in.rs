//! Signing in with a name and a password. SASL's mechanisms (see [`sasl`](crate::sasl)) end here too.
//!
//! Order of things, the same for everybody: may a password be sent here at all; is this client being slowed down; is the
//! password right (hashed also for names that nobody has); and only then, with a right password, is the account enabled
//! and the protocol allowed. So nobody without the password learns more than "no".

use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use fieldpost_store::{AccountId, Commit, Committed, StoreError};
use tokio::time::Instant;

use crate::{
    Account, Busy, Directory, DirectoryError, LoginName, MAX_PASSWORD, Protocol, Secret, audit,
    credential::{Credentials, Verifier},
    record,
    sasl::Mechanism,
};

/// Where and how somebody signs in.
#[derive(Clone, Debug)]
pub struct SignInContext {
    /// The protocol, which the account may not be allowed.
    pub protocol: Protocol,
    /// The client's address; `None` on a Unix socket.
    pub peer: Option<IpAddr>,
    /// Whether a password may cross the connection: TLS is in force, or the bytes never leave this machine.
    pub secure: bool,
    /// What ties a SCRAM exchange to the TLS connection; empty without TLS.
    pub binding: ChannelBinding,
    /// The connection's number in log lines.
    pub connection: u64,
}

impl SignInContext {
    /// A connection without channel binding.
    pub fn new(protocol: Protocol, peer: Option<IpAddr>, secure: bool) -> Self {
        Self {
            protocol,
            peer,
            secure,
            binding: ChannelBinding::default(),
            connection: 0,
        }
    }
}

/// The data of the TLS connection's channel bindings, as far as they are known.
#[derive(Clone, Default)]
pub struct ChannelBinding {
    /// `tls-exporter`, RFC 9266: 32 bytes exported under `EXPORTER-Channel-Binding` with no context. TLS 1.3 only
    /// (§4.2: or with the extended master secret).
    pub exporter: Option<[u8; 32]>,
    /// `tls-server-end-point`, RFC 5929 §4: the hash of the certificate this server showed.
    pub end_point: Option<Vec<u8>>,
}

impl ChannelBinding {
    /// Whether any binding can be used.
    pub fn is_some(&self) -> bool {
        self.exporter.is_some() || self.end_point.is_some()
    }
}

impl std::fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChannelBinding")
            .field("exporter", &self.exporter.is_some())
            .field("end_point", &self.end_point.is_some())
            .finish()
    }
}

/// Who somebody turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: AccountId,
    /// Its primary address.
    pub address: String,
    /// How it was proved; `None`: by a command of the protocol's own (USER and PASS, LOGIN, HTTP Basic).
    pub mechanism: Option<Mechanism>,
}

/// Why somebody is not signed in. The texts may be sent to the client.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SignInError {
    /// No such user, or not that user's password; nobody is told which.
    #[error("wrong user name or password")]
    WrongCredentials {
        /// For how long further attempts will be refused. A caller that can wait without holding much may hold back its
        /// answer for as long (or some seconds of it).
        wait: Duration,
    },
    /// The password was right, but the account is disabled.
    #[error("this account is disabled")]
    Disabled,
    /// The password was right, but the account may not use this protocol.
    #[error("this account may not use this protocol")]
    ProtocolNotAllowed,
    /// Too many failures from here; the password was not looked at.
    #[error("too many failed attempts; try again later")]
    TryLater {
        /// After how long another attempt is looked at.
        wait: Duration,
    },
    /// Too many sign-ins at the same time.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The store could not be read.
    #[error("sign-in is not possible at the moment")]
    Unavailable(#[source] StoreError),
    /// A password would cross a connection that others can read (fault 3).
    #[error("passwords are only taken over TLS")]
    NotSecure,
    /// There is no such SASL mechanism here, or not now.
    #[error("unknown or unavailable authentication mechanism")]
    MechanismNotAllowed,
    /// The client's message is not what the mechanism asks for.
    #[error("malformed authentication exchange")]
    Malformed,
    /// The client ended the exchange.
    #[error("authentication cancelled")]
    Cancelled,
}

impl SignInError {
    /// Whether the same attempt may succeed later: a protocol's temporary failure (`454 4.7.0`, `[SYS/TEMP]`,
    /// `[UNAVAILABLE]`).
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::TryLater { .. } | Self::Busy(_) | Self::Unavailable(_) => true,
            Self::WrongCredentials { .. }
            | Self::Disabled
            | Self::ProtocolNotAllowed
            | Self::NotSecure
            | Self::MechanismNotAllowed
            | Self::Malformed
            | Self::Cancelled => false,
        }
    }

    /// A stable word for logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::WrongCredentials { .. } => "wrong_credentials",
            Self::Disabled => "disabled",
            Self::ProtocolNotAllowed => "protocol_not_allowed",
            Self::TryLater { .. } => "too_many_attempts",
            Self::Busy(_) => "busy",
            Self::Unavailable(_) => "unavailable",
            Self::NotSecure => "not_secure",
            Self::MechanismNotAllowed => "mechanism_not_allowed",
            Self::Malformed => "malformed",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) const WRONG: Self = Self::WrongCredentials {
        wait: Duration::ZERO,
    };
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the directory could not be read at a sign-in");
        Self::Unavailable(error)
    }
}

impl Directory {
    /// Whether a password may be sent as it is over this connection. Where it may not, front-ends do not offer the
    /// commands that do, and refuse them before the password is read if the protocol allows that (fault 3).
    pub fn takes_passwords(&self, context: &SignInContext) -> bool {
        context.secure || self.settings.allow_cleartext
    }

    /// Signs in with a name in any form and a password, as POP3's USER and PASS, IMAP's LOGIN and HTTP's Basic do.
    pub async fn sign_in(
        self: &Arc<Self>,
        login: impl AsRef<[u8]> + Send,
        password: Secret,
        context: &SignInContext,
    ) -> Result<Identity, SignInError> {
        self.password_sign_in(login.as_ref(), b"", password, None, context)
            .await
    }

    /// The same for a SASL mechanism that carries a password. `authorization` is who the client wants to act as: empty,
    /// or a name of the same account (RFC 4616 §2; there are no proxies here).
    pub(crate) async fn password_sign_in(
        self: &Arc<Self>,
        login: &[u8],
        authorization: &[u8],
        password: Secret,
        mechanism: Option<Mechanism>,
        context: &SignInContext,
    ) -> Result<Identity, SignInError> {
        let account = self.resolve_login(login);
        let result = self
            .check_password(login, account, authorization, password, mechanism, context)
            .await;
        match &result {
            Ok(identity) => audit::accepted(login, identity, context, &self.arrivals),
            Err(error) => audit::refused(login, account, mechanism, error, context),
        }
        result
    }

    async fn check_password(
        self: &Arc<Self>,
        login: &[u8],
        account: Option<AccountId>,
        authorization: &[u8],
        password: Secret,
        mechanism: Option<Mechanism>,
        context: &SignInContext,
    ) -> Result<Identity, SignInError> {
        if !self.takes_passwords(context) {
            return Err(SignInError::NotSecure);
        }
        let target = self.attempts.target(account, login);
        let attempt = self
            .attempts
            .begin(context.peer, target, Instant::now())
            .map_err(|wait| SignInError::TryLater { wait })?;
        if password.expose().len() > MAX_PASSWORD {
            // Says nothing about the user, so it may be quick.
            let wait = attempt.failed(None, Instant::now());
            return Err(SignInError::WrongCredentials { wait });
        }

        let credentials = self.credentials(account).await?;
        let generation = credentials.as_ref().map_or(0, |(c, _)| c.generation);
        let tag = self.verified.tag(account, generation, &password);
        if credentials.is_some() && self.verified.contains(&tag, Instant::now()) {
            self.work.remembered();
        } else {
            if !self.verify(login, account, credentials, password).await? {
                let wait = attempt.failed(Some(&tag), Instant::now());
                return Err(SignInError::WrongCredentials { wait });
            }
            self.verified.insert(tag, Instant::now());
        }
        attempt.succeeded();
        self.admit(account, authorization, mechanism, context)
    }

    /// What is asked of somebody whose proof was right.
    pub(crate) fn admit(
        &self,
        account: Option<AccountId>,
        authorization: &[u8],
        mechanism: Option<Mechanism>,
        context: &SignInContext,
    ) -> Result<Identity, SignInError> {
        // Removed while the password was hashed?
        let account: Arc<Account> = account
            .and_then(|id| self.account(id))
            .ok_or(SignInError::WRONG)?;
        if !authorization.is_empty() && self.resolve_login(authorization) != Some(account.id) {
            return Err(SignInError::WRONG);
        }
        if !account.enabled {
            return Err(SignInError::Disabled);
        }
        if !account.protocols.allows(context.protocol) {
            return Err(SignInError::ProtocolNotAllowed);
        }
        Ok(Identity {
            account: account.id,
            address: account.address.to_string(),
            mechanism,
        })
    }

    /// Hashes and compares, for names that nobody has as for others. Credentials that are not of today's kind are renewed
    /// when the password is right, the one moment at which it is known.
    async fn verify(
        self: &Arc<Self>,
        login: &[u8],
        account: Option<AccountId>,
        credentials: Option<(Credentials, Bytes)>,
        password: Secret,
    ) -> Result<bool, SignInError> {
        let verifier = credentials
            .as_ref()
            .and_then(|(credentials, _)| credentials.password_verifier().cloned());
        let known = verifier.is_some();
        let verifier = verifier.unwrap_or_else(|| self.decoy_cost(&name_of(login)).decoy());
        let (work, settings) = (Arc::clone(&self.work), self.settings.clone());
        let renewed = self
            .hashing
            .run(move || {
                if !(verifier.verify(&password, &work) && known) {
                    return None;
                }
                let (credentials, value) = credentials?;
                let renewed = credentials.is_outdated(&settings).then(|| {
                    Credentials::derive(&password, credentials.generation, &settings, &work)
                });
                Some((value, renewed))
            })
            .await
            .inspect_err(|_| self.work.busy())?;
        let Some((value, renewed)) = renewed else {
            return Ok(false);
        };
        if let (Some(id), Some(renewed)) = (account, renewed) {
            // That it could not be renewed is no reason to send a user with the right password away.
            if let Err(error) = self.renew(id, value, renewed).await {
                tracing::warn!(account = id.0, %error, "credentials were not renewed");
            }
        }
        Ok(true)
    }

    /// Puts renewed credentials in the place of those they were made from, if those are still there.
    async fn renew(
        &self,
        id: AccountId,
        value: Bytes,
        renewed: Result<Credentials, DirectoryError>,
    ) -> Result<(), DirectoryError> {
        let renewed = renewed?;
        let key = record::id_key(record::CREDENTIALS, id);
        let mut commit = Commit::new(AccountId::ORGANISATION);
        commit
            .require(key.clone(), Some(value))
            .put(key, renewed.encode());
        // Nobody waits for the disk: if this is lost, the old credentials still hold and are renewed next time.
        if let Committed::Accepted(_) = self.store.commit(commit).await? {
            let cost = renewed.password_verifier().map(Verifier::cost);
            // In this order, as everywhere: names before costs.
            let names = self.names.read();
            if names.account(id).is_some() {
                self.costs.lock().put(id, cost);
            }
        }
        Ok(())
    }
}

/// The name that decoys are derived from: the same for all spellings of a name.
pub(crate) fn name_of(login: &[u8]) -> Vec<u8> {
    match LoginName::parse(login) {
        Ok(LoginName::Local(local)) => local.into_bytes(),
        Ok(LoginName::Address(address)) => address.as_str().as_bytes().to_vec(),
        Ok(LoginName::Domain { domain, local }) => format!("{domain}\\{local}").into_bytes(),
        Err(_) => login.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests;
