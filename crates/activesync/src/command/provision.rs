//! Provision: devices take a policy, in two phases (MS-ASPROV §3.1.5.1, §3.2.5.1).
//!
//! First the policy is offered under a key that is good for nothing but to confirm it; who confirms it gets the key that
//! each further request shows. Wipes are asked for nowhere yet: what a device says of one is left alone.

use fieldpost_mailbox::device::About;
use fieldpost_wbxml::{Element, Encoder, Version, tags::provision as p, tags::settings as s};

use crate::{
    Session,
    command::device_information,
    reply::{Failure, Reply, status},
};

/// Carries it out.
pub async fn run(session: &mut Session) -> Result<Reply, Failure> {
    let body = std::mem::take(&mut session.request.body);
    let document = Session::document(&body)?.ok_or(PROTOCOL_ERROR)?;
    if document.tag != p::PROVISION {
        return Err(PROTOCOL_ERROR);
    }
    let Some(policies) = document.child(p::POLICIES) else {
        // Asks whether it is to be wiped, or says that it was: it is not, and what it says of it changes nothing.
        return Ok(respond(false, |_| {}));
    };
    let policy = policies.child(p::POLICY).ok_or(PROTOCOL_ERROR)?;
    let kind = policy.text_of(p::POLICY_TYPE).unwrap_or_default();
    if kind != POLICY_TYPE {
        // MS-ASPROV_R380
        return Ok(respond(false, |out| {
            write_policy(out, &kind, UNKNOWN_TYPE, None, |_| {});
        }));
    }
    match policy.text_of(p::STATUS) {
        Some(taken) => {
            let key = policy.text_of(p::POLICY_KEY).unwrap_or_default();
            confirm(session, taken.trim(), key.trim().parse().unwrap_or(0)).await
        }
        None => offer(session, &document).await,
    }
}

/// The first phase: the policy, and a key to confirm it by (MS-ASPROV §3.1.5.1.1).
async fn offer(session: &mut Session, document: &Element<'_>) -> Result<Reply, Failure> {
    let mut told = None;
    if let Some(information) = document.child(s::DEVICE_INFORMATION) {
        let mut about = session.device.about.clone();
        device_information::set(information, &mut about).ok_or(PROTOCOL_ERROR)?;
        told = Some(about);
    } else if session.version() >= Version::V14_1 && session.device.about == About::default() {
        // MS-ASPROV_R368; who has told of itself by Settings need not again.
        return Err(Failure::Status(status::DEVICE_INFORMATION_REQUIRED));
    }
    let has_told = told.is_some();
    let policy = &session.service.settings.policy;
    let digest = policy.digest();
    let key = new_key()?;
    let reply = respond(has_told, |out| {
        write_policy(out, POLICY_TYPE, SUCCESS, Some(key), |out| {
            out.start(p::DATA);
            policy.write(out);
            out.end();
        });
    });
    session
        .change_device(|device| {
            if let Some(about) = told {
                device.about = about;
            }
            device.policy.offered = key;
            device.policy.on_offer = digest;
        })
        .await?;
    Ok(reply)
}

/// The second phase: the device says how it took the policy (MS-ASPROV §3.1.5.1.2.1).
async fn confirm(session: &mut Session, taken: &str, key: u32) -> Result<Reply, Failure> {
    let may_differ = session.service.settings.allow_non_provisionable;
    match taken {
        "1" => {}
        // Some of it, or nothing; or somebody else looks after the device.
        "2" | "3" | "4" if may_differ => {}
        "2" | "3" => return Err(Failure::Status(status::NOT_FULLY_PROVISIONABLE)),
        "4" => return Err(Failure::Status(EXTERNALLY_MANAGED)),
        _ => return Err(PROTOCOL_ERROR),
    }
    let final_key = new_key()?;
    // Looked at under the writer's lock: a key confirms once.
    let is_right = session
        .change_device(|device| {
            let policy = &mut device.policy;
            if key == 0 || policy.offered != key {
                return false;
            }
            policy.key = final_key;
            policy.taken = policy.on_offer;
            policy.offered = 0;
            policy.on_offer = 0;
            true
        })
        .await?;
    Ok(respond(false, |out| {
        if is_right {
            write_policy(out, POLICY_TYPE, SUCCESS, Some(final_key), |_| {});
        } else {
            // MS-ASPROV_R382
            write_policy(out, POLICY_TYPE, WRONG_KEY, None, |_| {});
        }
    }))
}

/// The response: `DeviceInformation` first, if there was any (ProvisionResponse.xsd).
fn respond(has_told: bool, policy: impl FnOnce(&mut Encoder)) -> Reply {
    let mut out = Encoder::new();
    out.start(p::PROVISION);
    if has_told {
        out.start(s::DEVICE_INFORMATION);
        out.number(s::STATUS, SUCCESS);
        out.end();
    }
    out.number(p::STATUS, SUCCESS);
    let before = out.checkpoint();
    out.start(p::POLICIES);
    let opened = out.len();
    policy(&mut out);
    if out.len() == opened {
        out.rollback(before);
    } else {
        out.end();
    }
    out.end();
    Reply::Document(out.finish())
}

fn write_policy(
    out: &mut Encoder,
    kind: &str,
    status: u8,
    key: Option<u32>,
    data: impl FnOnce(&mut Encoder),
) {
    out.start(p::POLICY);
    out.text(p::POLICY_TYPE, kind);
    out.number(p::STATUS, status);
    if let Some(key) = key {
        out.number(p::POLICY_KEY, key);
    }
    data(out);
    out.end();
}

/// A key that nobody guesses. Not 0, which old iOS refuses and others take for none (client-quirks B5).
fn new_key() -> Result<u32, Failure> {
    loop {
        let key = getrandom::u32().map_err(|error| {
            tracing::error!(%error, "there are no random numbers");
            Failure::Status(status::SERVER_ERROR)
        })?;
        if key != 0 {
            return Ok(key);
        }
    }
}

/// The only type of policies from 12.0 on (MS-ASPROV §2.2.2.43).
const POLICY_TYPE: &str = "MS-EAS-Provisioning-WBXML";
const PROTOCOL_ERROR: Failure = Failure::Status(2);
/// MS-ASCMD §2.2.2, 145.
const EXTERNALLY_MANAGED: u16 = 145;
const SUCCESS: u8 = 1;
const UNKNOWN_TYPE: u8 = 3;
const WRONG_KEY: u8 = 5;

#[cfg(test)]
mod tests;
