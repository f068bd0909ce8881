//! `fieldpost account out-of-office ADDRESS`

use std::sync::Arc;

use clap::{Args, ValueEnum};
use fieldpost_mailbox::{MAX_REPLY, OutOfOffice, When};
use serde::{Deserialize, Serialize};

use super::AccountRow;
use crate::{
    command::{Context, device::moment, restore::parse_date},
    engine::{self, Engine},
    exchange::{Failure, FailureKind},
    operation::Operation,
};

/// Arguments of `account out-of-office`.
#[derive(Args)]
#[command(
    after_help = "Each sender is answered once in an absence, and again after a week. Lists, newsletters, notices, other automatic replies and spam \
                  are never answered, nor is mail that names none of the account's addresses as a recipient.\n\n\
                  Examples:\n  fieldpost account out-of-office anna@example.org\n  \
                  fieldpost account out-of-office anna@example.org --on --message \"Back on Monday.\"\n  \
                  fieldpost account out-of-office anna@example.org --from 2026-12-20 --until 2027-01-04 --message \"Back in January; ask Ben.\" \
                  --external \"We are closed until 4 January.\"\n  \
                  fieldpost account out-of-office anna@example.org --off"
)]
pub struct Arguments {
    /// The account, by any of its addresses.
    address: String,
    /// Answer from now on, until it is switched off.
    #[arg(long, conflicts_with_all = ["off", "from", "until"])]
    on: bool,
    /// Answer nobody any more; what is said is kept.
    #[arg(long, conflicts_with_all = ["from", "until"])]
    off: bool,
    /// The first day of the absence (2026-12-20, in UTC), or its first moment (2026-12-20T17:00:00Z).
    #[arg(long, value_name = "DATE", requires = "until", value_parser = parse_date)]
    from: Option<i64>,
    /// The day, or the moment, of the return: no answers from then on.
    #[arg(long, value_name = "DATE", requires = "from", value_parser = parse_date)]
    until: Option<i64>,
    /// What people are told.
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// What people of other organisations are told instead.
    #[arg(long, value_name = "TEXT")]
    external: Option<String>,
    /// Who is answered.
    #[arg(long, value_enum)]
    audience: Option<Answered>,
    /// The texts are HTML.
    #[arg(long)]
    html: bool,
}

/// Who is answered.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Answered {
    /// People of the organisation.
    Colleagues,
    /// They, and others to whom the owner has written.
    Known,
    /// Whoever writes.
    Everybody,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    address: String,
    state: Option<State>,
    message: Option<String>,
    external: Option<String>,
    audience: Option<Answered>,
    html: bool,
}

/// Whether and when answers are sent.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Off,
    On,
    Between { start: i64, end: i64 },
}

/// The setting as it is now.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    #[serde(flatten)]
    account: AccountRow,
    state: State,
    audience: Answered,
    message: String,
    external: String,
    html: bool,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let state = match (arguments.on, arguments.off, arguments.from, arguments.until) {
        (true, ..) => Some(State::On),
        (_, true, ..) => Some(State::Off),
        (_, _, Some(start), Some(end)) if start < end => Some(State::Between { start, end }),
        (_, _, Some(_), Some(_)) => {
            return Err(
                Failure::new(FailureKind::Usage, "the absence ends before it begins")
                    .advise("give --from the earlier date and --until the later one")
                    .into(),
            );
        }
        _ => None,
    };
    let answer: Answer = context.call(Operation::AccountOutOfOffice(Request {
        address: arguments.address,
        state,
        message: arguments.message,
        external: arguments.external,
        audience: arguments.audience,
        html: arguments.html,
    }))?;
    context.print(&answer, |out| {
        match answer.state {
            State::Off => return writeln!(out, "{}: nobody is answered", answer.account.address),
            State::On => writeln!(out, "{}: out of office", answer.account.address)?,
            State::Between { start, end } => writeln!(
                out,
                "{}: out of office from {} until {}",
                answer.account.address,
                moment(start),
                moment(end)
            )?,
        }
        writeln!(out, "\n{}", answer.message)?;
        match answer.audience {
            Answered::Colleagues => writeln!(out, "\nOthers are not answered."),
            Answered::Known | Answered::Everybody => {
                if answer.external != answer.message {
                    writeln!(out, "\nTo others:\n\n{}", answer.external)?;
                }
                if answer.audience == Answered::Known {
                    writeln!(
                        out,
                        "\nOf others only those whom the owner has written to are answered."
                    )?;
                }
                Ok(())
            }
        }
    })
}

/// Changes the setting, if anything is to be changed, and says how it is.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<Answer, Failure> {
    let account = engine.account(&request.address)?;
    let mailbox = engine.open_mailbox(account.id).await?;
    let before = mailbox.out_of_office().await.map_err(engine::of_mailbox)?;
    let after = changed(&before, &request)?;
    if after != before {
        mailbox
            .set_out_of_office(&after)
            .await
            .map_err(engine::of_mailbox)?;
    }
    Ok(Answer {
        account: AccountRow::of(&account),
        state: match after.when {
            When::Never => State::Off,
            When::Always => State::On,
            When::Between { start, end } => State::Between { start, end },
        },
        audience: audience(&after),
        message: after.internal.text,
        external: after.known.text,
        html: after.internal.html,
    })
}

fn audience(setting: &OutOfOffice) -> Answered {
    match (setting.known.enabled, setting.unknown.enabled) {
        (_, true) => Answered::Everybody,
        (true, false) => Answered::Known,
        (false, false) => Answered::Colleagues,
    }
}

fn changed(before: &OutOfOffice, request: &Request) -> Result<OutOfOffice, Failure> {
    let usage = |what: String, advice: &str| Failure::new(FailureKind::Usage, what).advise(advice);
    for text in [&request.message, &request.external].into_iter().flatten() {
        if text.len() > MAX_REPLY {
            return Err(usage(
                format!("a text of {} bytes is too long", text.len()),
                "say it in 16 KiB",
            ));
        }
    }
    let mut after = before.clone();
    // Where others were told the same, they still are.
    let is_one = before.known.text == before.internal.text;
    if let Some(message) = &request.message {
        after.internal.text.clone_from(message);
        after.internal.html = request.html;
    }
    let external = match (&request.external, &request.message) {
        (Some(external), _) => Some(external),
        (None, Some(message)) if is_one => Some(message),
        (None, _) => None,
    };
    if let Some(external) = external {
        for reply in [&mut after.known, &mut after.unknown] {
            reply.text.clone_from(external);
            reply.html = request.html;
        }
    }
    let is_new = !before.internal.enabled && !before.known.enabled && !before.unknown.enabled;
    let wanted = request
        .audience
        .or_else(|| is_new.then_some(Answered::Everybody));
    if let Some(wanted) = wanted {
        after.internal.enabled = true;
        after.known.enabled = wanted != Answered::Colleagues;
        after.unknown.enabled = wanted == Answered::Everybody;
    }
    match request.state {
        None => {}
        Some(State::Off) => after.when = When::Never,
        Some(State::On) => after.when = When::Always,
        Some(State::Between { start, end }) => after.when = When::Between { start, end },
    }
    if after.when != When::Never && after.internal.text.trim().is_empty() {
        return Err(usage(
            "nothing is said yet".to_owned(),
            "add --message \"…\"",
        ));
    }
    Ok(after)
}

#[cfg(test)]
mod tests {
    use fieldpost_mailbox::Reply;

    use super::*;

    fn request() -> Request {
        Request {
            address: String::new(),
            state: None,
            message: None,
            external: None,
            audience: None,
            html: false,
        }
    }

    #[test]
    fn options_change_what_they_name_and_nothing_else() {
        let nothing = OutOfOffice::default();
        assert_eq!(changed(&nothing, &request()).unwrap().when, When::Never);
        let on = Request {
            state: Some(State::On),
            ..request()
        };
        assert!(changed(&nothing, &on).is_err(), "nothing is said");
        let first = Request {
            message: Some("Away.".into()),
            ..on
        };
        let away = changed(&nothing, &first).unwrap();
        assert_eq!(audience(&away), Answered::Everybody);
        let is = |reply: &Reply, text: &str| reply.enabled && reply.text == text;
        assert!(is(&away.internal, "Away.") && is(&away.unknown, "Away."));
        let closed = Request {
            external: Some("Closed.".into()),
            ..request()
        };
        let both = changed(&away, &closed).unwrap();
        assert!(is(&both.internal, "Away.") && is(&both.known, "Closed."));
        let later = Request {
            message: Some("Longer.".into()),
            audience: Some(Answered::Known),
            ..request()
        };
        let known = changed(&both, &later).unwrap();
        assert!(is(&known.internal, "Longer.") && is(&known.known, "Closed."));
        assert_eq!(audience(&known), Answered::Known);
        assert_eq!(known.when, When::Always);
        let off = Request {
            state: Some(State::Off),
            ..request()
        };
        let off = changed(&known, &off).unwrap();
        assert_eq!((off.when, off.internal), (When::Never, known.internal));
        let long = Request {
            message: Some("x".repeat(MAX_REPLY + 1)),
            ..request()
        };
        assert!(changed(&nothing, &long).is_err());
    }
}
