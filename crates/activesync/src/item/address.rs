//! Addresses as ActiveSync shows them: `"Name" <mailbox@host>, …` (MS-ASEMAIL §2.2.2.79).

use fieldpost_message::{Address, compose};

/// A list of addresses, names decoded, cut after [`MAX_LIST`] bytes.
pub fn list(addresses: &[Address]) -> String {
    let mut out = String::new();
    for address in addresses {
        let Some(spec) = address.addr_spec() else {
            continue;
        };
        let one = compose::mailbox(address.display_name().as_deref(), &spec);
        if out.len() + one.len() > MAX_LIST {
            break;
        }
        if !out.is_empty() {
            out.push_str(", ");
        }
        out.push_str(&one);
    }
    out
}

/// The names, or addresses where there is no name: `DisplayTo` (MS-ASEMAIL §2.2.2.28).
pub fn names(addresses: &[Address]) -> String {
    let mut out = String::new();
    for address in addresses {
        let name = address
            .display_name()
            .filter(|name| !name.is_empty())
            .or_else(|| address.addr_spec());
        let Some(name) = name.filter(|name| out.len() + name.len() < MAX_NAMES) else {
            continue;
        };
        if !out.is_empty() {
            out.push_str("; ");
        }
        out.push_str(&name);
    }
    out
}

/// MS-ASEMAIL §2.2.2.79: at most 32,768 characters.
const MAX_LIST: usize = 32_768;
const MAX_NAMES: usize = 1024;
