//! `CAPABILITY` (RFC 9051 §6.1.1): what is offered to this client now, and only what really works.

use fieldpost_connection::Connection;

use crate::{
    Service,
    answer::Answer,
    codec::response::{Code, Replies, Status},
    output::Output,
    session::{Client, Session},
    user::User,
};

/// Offered to everybody.
const ALWAYS: &[&str] = &[
    "IMAP4rev1",
    "IMAP4rev2",
    "LITERAL+",
    "SASL-IR",
    "ID",
    "ENABLE",
];

/// Offered after sign-in.
const SIGNED_IN: &[&str] = &[
    "IDLE",
    "NAMESPACE",
    "CHILDREN",
    "UNSELECT",
    "UIDPLUS",
    "MOVE",
    "MULTIAPPEND",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "STATUS=SIZE",
    "CONDSTORE",
    "QRESYNC",
    "ESEARCH",
    "SEARCHRES",
    "WITHIN",
    "SORT",
    "SORT=DISPLAY",
    "ESORT",
    "THREAD=REFERENCES",
    "THREAD=ORDEREDSUBJECT",
    "QUOTA",
    "QUOTA=RES-STORAGE",
    "QUOTA=RES-MESSAGE",
    "OBJECTID",
    "SAVEDATE",
    "PREVIEW",
    "BINARY",
    "UTF8=ACCEPT",
    "UNAUTHENTICATE",
];

/// The greeting (RFC 9051 §7.1).
pub(crate) fn greet(session: &Session, service: &Service, connection: &mut Connection) {
    let Session::NotAuthenticated(state) = session else {
        return;
    };
    let list = offered_before(service, &state.client);
    Replies::new(connection.output()).untagged(
        Status::Ok,
        Some(Code::Capability(&list)),
        format_args!("{} IMAP ready", service.settings.host_name),
    );
}

pub(crate) fn before_sign_in(
    service: &Service,
    client: &Client,
    output: &mut Output<'_>,
) -> Answer {
    let list = offered_before(service, client);
    output.replies().data(format_args!("CAPABILITY {list}"));
    Answer::ok("That is all")
}

pub(crate) fn after_sign_in(user: &User, output: &mut Output<'_>) -> Answer {
    let list = offered_after(user);
    output.replies().data(format_args!("CAPABILITY {list}"));
    Answer::ok("That is all")
}

/// What a signed-in client is offered.
pub(crate) fn offered_after(user: &User) -> String {
    let mut list: Vec<String> = ALWAYS
        .iter()
        .chain(SIGNED_IN)
        .map(ToString::to_string)
        .collect();
    if !user.client.compressed {
        list.push("COMPRESS=DEFLATE".to_owned());
    }
    list.push(match append_limit(&user.service) {
        Some(limit) => format!("APPENDLIMIT={limit}"),
        None => "APPENDLIMIT".to_owned(),
    });
    masked(list, &user.service, &user.client)
}

/// Whether `capability`, in upper case, is kept from this client.
pub(crate) fn is_masked(capability: &str, service: &Service, client: &Client) -> bool {
    let name = client
        .name
        .as_deref()
        .unwrap_or_default()
        .to_ascii_lowercase();
    service.settings.masks.iter().any(|mask| {
        name.contains(&mask.client.to_ascii_lowercase())
            && mask
                .without
                .iter()
                .any(|without| without.eq_ignore_ascii_case(capability))
    })
}

/// The largest message that APPEND takes, if there is a limit.
pub(crate) fn append_limit(service: &Service) -> Option<u64> {
    let limits = [
        service.settings.append_limit,
        service.mailboxes.settings().max_item_size,
    ];
    limits.into_iter().filter(|limit| *limit > 0).min()
}

fn offered_before(service: &Service, client: &Client) -> String {
    let mut list: Vec<String> = ALWAYS.iter().map(ToString::to_string).collect();
    if client.can_start_tls {
        list.push("STARTTLS".to_owned());
    }
    if !service.directory.takes_passwords(&client.sign_in) {
        list.push("LOGINDISABLED".to_owned());
    }
    let mechanisms = service.directory.mechanisms(&client.sign_in);
    list.extend(
        mechanisms
            .iter()
            .map(|mechanism| format!("AUTH={mechanism}")),
    );
    masked(list, service, client)
}

fn masked(mut list: Vec<String>, service: &Service, client: &Client) -> String {
    list.retain(|capability| !is_masked(capability, service, client));
    list.join(" ")
}
